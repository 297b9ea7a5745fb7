/** A figure of the Evidence page: what it is, its value, and a note. */
import type { ComponentChildren, JSX } from "preact";

interface FigureProps {
  readonly name: string;
  readonly children: ComponentChildren;
  readonly note: string;
  readonly bad?: boolean;
}

export function Figure({ name, children, note, bad = false }: FigureProps): JSX.Element {
  return (
    <div class={bad ? "figure bad" : "figure"}>
      <dt>{name}</dt>
      <dd>{children}</dd>
      <dd class="note">{note}</dd>
    </div>
  );
}
