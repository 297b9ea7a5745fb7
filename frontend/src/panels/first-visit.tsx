/** What this is, for who has never been here: until they say that they know. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { Button } from "../controls/controls";
import { usePage } from "../page";
import { TALK } from "../routes";
import { tell, wasTold } from "../talk/person";

export function FirstVisit(): JSX.Element | null {
  const { router } = usePage();
  const known = useSignal(wasTold());
  if (known.value) return null;
  const close = (): void => {
    tell();
    known.value = true;
  };
  return (
    <aside class="first-visit" aria-label="What this is">
      <p>
        <strong>They argue, live, and you may meddle.</strong> Write to one of them below, give them a topic, dim the light. Or{" "}
        <a href={router.href(TALK)}>talk with one yourself</a>.
      </p>
      <Button kind="ghost" label="Got it, hide this" onPress={close}>
        Got it
      </Button>
    </aside>
  );
}
