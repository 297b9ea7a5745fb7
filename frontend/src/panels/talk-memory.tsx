/** What is remembered of whoever sits here: to be read, mended and forgotten. */
import { useSignal } from "@preact/signals";
import type { JSX, TargetedSubmitEvent } from "preact";
import { useEffect } from "preact/hooks";
import { Button, IconButton } from "../controls/controls";
import { Section } from "../controls/sheet";
import type { FactChange, Memory } from "../models";
import { usePage } from "../page";
import { Api, ApiError } from "../requests";
import { personId } from "../talk/person";

const ME = "/api/people/me";
const PATH = `${ME}/memory` as const;
const COPY = "duologue.json";

export function TalkMemory(): JSX.Element | null {
  const { api, talk } = usePage();
  const memory = useSignal<Memory | null>(null);
  const trouble = useSignal("");
  const added = useSignal("");
  const sure = useSignal(false);
  const mine = new Api(api.place, { "X-Duologue-Person": personId() });
  /** Whether it worked. */
  const tried = async (asked: () => Promise<Memory | undefined>): Promise<boolean> => {
    try {
      memory.value = (await asked()) ?? memory.value;
      trouble.value = "";
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status !== 404) trouble.value = `${error.message} ${error.remedy}`;
      return false;
    }
  };
  useEffect(() => {
    void tried(() => mine.get(PATH));
  }, []);
  const known = memory.value;
  if (known === null) return null;
  // what is put replaces all, and more may have been learnt since this was read
  const keep = (changed: (facts: Memory["facts"]) => Memory["facts"]): Promise<boolean> =>
    tried(async () => mine.put(PATH, { facts: changed((await mine.get(PATH)).facts).map(changeOf) }));
  const copy = (): Promise<boolean> =>
    tried(async () => {
      save(COPY, await mine.get(`${ME}/export`));
      return undefined;
    });
  const forget = (): Promise<boolean> =>
    tried(async () => {
      sure.value = false;
      await mine.delete(ME);
      await talk.ask(true); // what was learnt is forgotten, too
      return mine.get(PATH);
    });
  const add = async (event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const text = added.value.trim();
    if (text === "") return;
    added.value = "";
    const kept = await keep((facts) => [...facts, { id: "", text, kind: "fact", character: "", source: "person", at: 0 }]);
    if (!kept && added.value === "") added.value = text;
  };
  return (
    <Section title="What is remembered of you" note="told to whom you talk with, and to nobody else">
      {known.facts.length > 0 ? (
        <ul class="talk-memory">
          {known.facts.map((fact) => (
            <li key={fact.id}>
              <span>{fact.text}</span>
              <IconButton icon="close" label={`Forget: ${fact.text}`} onPress={() => void keep((facts) => facts.filter(({ id }) => id !== fact.id))} />
            </li>
          ))}
        </ul>
      ) : (
        <p class="quiet">Nothing yet.</p>
      )}
      <form class="talk-remember" onSubmit={(event) => void add(event)}>
        <input
          class="field"
          type="text"
          aria-label="Something to remember"
          placeholder="Something to remember"
          maxLength={300}
          autocomplete="off"
          value={added.value}
          onInput={(event) => (added.value = event.currentTarget.value)}
        />
        <Button type="submit">Remember it</Button>
      </form>
      <details class="talk-own">
        <summary>All that is kept of you</summary>
        <p>Your conversations as they were heard, their recordings, the words that you learn, and what is remembered. What is forgotten is gone.</p>
        <p class="row">
          <Button icon="down" onPress={() => void copy()}>
            Save a copy
          </Button>
          {/* The same button, so that a second press, or a double click, forgets nothing, and the focus stays. */}
          <Button icon={sure.value ? "again" : "close"} onPress={() => (sure.value = !sure.value)}>
            {sure.value ? "Keep it" : "Forget all of it"}
          </Button>
          {sure.value && (
            <Button icon="close" onPress={() => void forget()}>
              Yes, forget it for good
            </Button>
          )}
        </p>
      </details>
      {trouble.value && (
        <p class="talk-failure" role="alert">
          {trouble.value}
        </p>
      )}
    </Section>
  );
}

/** As a file, where the browser puts such. */
function save(name: string, content: unknown): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(content, null, 2)], { type: "application/json" }));
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 0);
}

function changeOf({ id, text, kind, character }: Memory["facts"][number]): FactChange {
  return { id, text, character, kind: kind === "learnt" || kind === "joke" ? kind : "fact" };
}
