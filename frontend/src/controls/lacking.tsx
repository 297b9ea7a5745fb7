/** Why controls are disabled: what this page's token does not allow. */
import type { JSX } from "preact";
import type { Scope } from "../models";

export function Lacking({ scope }: { scope: Scope }): JSX.Element {
  return (
    <p class="quiet lacking">
      Your token lacks the scope <code>{scope}</code>
    </p>
  );
}
