/** What they talk about: topic, length, who begins; start and stop. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { Button, IconButton, Panel, Select } from "../controls/controls";
import { Lacking } from "../controls/lacking";
import { useRequest } from "../controls/request";
import { useKnown, usePage } from "../page";

const LONGEST_TOPIC = 400;

/** The two who talk, in the order in which they do: the person's choice where it still names the cast on stage. */
function pair(chosen: readonly string[], cast: readonly string[]): string[] {
  const still = chosen.filter((name) => cast.includes(name));
  return [...still, ...cast.filter((name) => !still.includes(name))].slice(0, 2);
}

export function ConversationPanel(): JSX.Element {
  const { api, state } = usePage();
  const { running, stage } = state;
  const topic = useSignal("");
  /** null: as many as the show's settings say. */
  const turns = useSignal<number | null>(null);
  const chosen = useSignal<readonly string[]>([]);
  const starting = useRequest();
  const stopping = useRequest();
  const on = running.value;
  const cast = stage.value?.cast ?? [];
  const names = pair(chosen.value, cast.map((one) => one.name));
  const [first = "", second = ""] = names;

  const start = async (event: Event): Promise<void> => {
    event.preventDefault();
    const request = { topic: topic.value.trim() || null, turns: turns.value, cast: names.length === 2 ? names : null };
    if (await starting.run(() => api.post("/api/conversations", request))) topic.value = "";
  };
  const choose = (name: string, place: 0 | 1): void => {
    const other = names[1 - place] === name ? names[place] : names[1 - place];
    chosen.value = place === 0 ? [name, other ?? ""] : [other ?? "", name];
  };
  const suggest = (): void => {
    const topics = (stage.value?.topics ?? []).filter((one) => one !== topic.value);
    topic.value = topics[Math.floor(Math.random() * topics.length)] ?? topic.value;
  };
  const choices = cast.map((one) => ({ value: one.name, label: one.title }));

  return (
    <Panel name="conversation" title="Conversation" aside={<Progress />}>
      <form onSubmit={(event) => void start(event)}>
        <fieldset disabled={!state.may("stage")}>
        <div class="row">
          <input
            class="field"
            type="text"
            list="topics"
            aria-label="Topic"
            placeholder="A topic (or theirs)"
            maxLength={LONGEST_TOPIC}
            autocomplete="off"
            value={topic.value}
            onInput={(event) => (topic.value = event.currentTarget.value)}
          />
          <IconButton icon="dice" label="Suggest a topic" onPress={suggest} />
          <label class="turns">
            <input
              class="field"
              type="number"
              min={1}
              max={1000}
              required
              value={turns.value ?? stage.value?.turns ?? ""}
              onInput={(event) => (turns.value = event.currentTarget.valueAsNumber || 1)}
            />
            <span>turns</span>
          </label>
        </div>
        <datalist id="topics">{stage.value?.topics.map((one) => <option key={one} value={one} />)}</datalist>
        <div class="row">
          <Select label="Who begins" choices={choices} value={first} disabled={cast.length < 2} onChoose={(name) => choose(name, 0)} />
          <IconButton icon="swap" label="Let the other one begin" onPress={() => (chosen.value = [second, first])} />
          <Select label="Who answers" choices={choices} value={second} disabled={cast.length < 2} onChoose={(name) => choose(name, 1)} />
        </div>
        <div class="row actions">
          <Button type="submit" kind="primary" icon="play" busy={starting.busy.value} disabled={!stage.value?.ready}>
            {starting.busy.value ? "Starting…" : on ? "Start this instead" : "Start"}
          </Button>
          <Button
            icon="stop"
            busy={stopping.busy.value}
            disabled={!on}
            onPress={() => on && void stopping.run(() => api.delete("/api/conversations/{conversation_id}", { conversation_id: on.id }))}
          >
            {stopping.busy.value ? "Stopping…" : "Stop"}
          </Button>
        </div>
        </fieldset>
      </form>
    </Panel>
  );
}

function Progress(): JSX.Element {
  const state = useKnown();
  const on = state.running.value;
  if (!state.may("stage")) return <Lacking scope="stage" />;
  return <p class="quiet">{!on ? "Nobody talks" : on.state === "waiting" ? "Begins soon" : "They talk"}</p>;
}
