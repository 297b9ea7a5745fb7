/** The top line: whose page this is, what is on, and whether the server is listening. */
import { computed } from "@preact/signals";
import type { JSX } from "preact";
import { book, link, programme, running } from "../state";

const LINK_WORDS = { connecting: "Connecting…", open: "Connected", lost: "Connection lost. Trying again…" } as const;

/** Turns of the running conversation that this viewer has heard begin. */
const begun = computed(() => {
  const now = programme.value ?? Infinity;
  const turns = [...book.value.turns.values()].filter((turn) => turn.conversation === running.value?.id);
  return turns.filter((turn) => turn.kind === "turn" && (turn.on_air ?? Infinity) <= now).length;
});

export function Top(): JSX.Element {
  const on = running.value;
  return (
    <header class="top">
      <h1>Duologue</h1>
      {on && (
        <p class="topic-now">
          <span class="topic-text" title={on.topic}>
            {on.topic}
          </span>
          <span class="turn-count">
            turn {Math.max(1, begun.value)} of {on.turns_planned}
          </span>
        </p>
      )}
      <p class={`link ${link.value}`} role="status">
        {LINK_WORDS[link.value]}
      </p>
    </header>
  );
}
