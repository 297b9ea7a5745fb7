/** What is on. */
import { useComputed } from "@preact/signals";
import type { JSX } from "preact";
import { useKnown } from "../page";

export function Topic(): JSX.Element | null {
  const { book, programme, running } = useKnown();
  /** Turns of the running conversation that this viewer has heard begin. */
  const begun = useComputed(() => {
    const now = programme.value ?? Infinity;
    const turns = [...book.value.turns.values()].filter((turn) => turn.conversation === running.value?.id);
    return turns.filter((turn) => turn.kind === "turn" && (turn.on_air ?? Infinity) <= now).length;
  });
  const on = running.value;
  if (!on) return null;
  return (
    <p class="topic-now">
      <span class="topic-text" title={on.topic}>
        {on.topic}
      </span>
      <span class="turn-count">
        turn {Math.max(1, begun.value)} of {on.turns_planned}
      </span>
    </p>
  );
}
