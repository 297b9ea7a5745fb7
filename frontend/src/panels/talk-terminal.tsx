/** A conversation that a terminal holds: what it should be like, and the command for it. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { Segmented, Switch } from "../controls/controls";
import { Command } from "../controls/sheet";
import { commandOf, WAYS, type Way } from "../core/talk-command";
import { usePage } from "../page";

export function TalkTerminal(): JSX.Element {
  const { state } = usePage();
  const cast = state.stage.value?.cast ?? [];
  const way = useSignal<Way>("aloud");
  const who = useSignal<string | null>(null);
  const topic = useSignal("");
  const greets = useSignal(false);
  const partner = cast.find((one) => one.name === who.value) ?? cast[0];
  const line = commandOf(way.value, { as: partner?.name ?? "", topic: topic.value, greets: greets.value });
  return (
    <>
      <div class="builder">
        <Segmented legend="How" choices={WAYS.map(({ way, label }) => ({ value: way, label }))} value={way.value} onChoose={(one) => (way.value = one)} />
        {cast.length > 0 && (
          <Segmented
            legend="With whom"
            choices={cast.map((one) => ({ value: one.name, label: one.title }))}
            value={partner?.name ?? null}
            onChoose={(name) => (who.value = name)}
          />
        )}
        <input
          class="field"
          type="text"
          aria-label="What it is about"
          placeholder="What it is about (or nothing in particular)"
          maxLength={400}
          autocomplete="off"
          value={topic.value}
          onInput={(event) => (topic.value = event.currentTarget.value)}
        />
        <Switch label="The character speaks first" icon="talk" on={greets.value} onTurn={(on) => (greets.value = on)} />
      </div>
      <p class="explained">{WAYS.find((one) => one.way === way.value)?.what}</p>
      <Command line={line} what="that starts this conversation" />
    </>
  );
}
