/** The top line: whose page this is, what is on, and whether the server is listening. */
import { computed } from "@preact/signals";
import type { JSX } from "preact";
import { label } from "../core/format";
import { book, link, programme, running, shows } from "../state";

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
      <Shows />
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

/** The way to the other shows of this house, when there are any. */
function Shows(): JSX.Element | null {
  const all = shows.value;
  if (all.length < 2) return null;
  return (
    <nav class="shows" aria-label="Shows">
      {all.map((show) => (
        <a key={show.name} href={show.page} aria-current={show.here ? "page" : undefined} title={show.failure || show.topic}>
          {label(show.name)}
          {show.state === "failed" && <span class="quiet"> (failed)</span>}
          {show.state === "over" && <span class="quiet"> (over)</span>}
        </a>
      ))}
    </nav>
  );
}
