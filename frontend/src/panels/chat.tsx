/** A word to one of the characters; the answer is their next turn. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { Button, Segmented } from "../controls/controls";
import { useRequest } from "../controls/request";
import { usePage } from "../page";
import type { State } from "../state";
import { Lacking } from "../controls/lacking";

const LONGEST_MESSAGE = 400;
const LONGEST_NAME = 40;
const NAME_KEY = "duologue.name";

/** A browser that forbids storage forgets the name, nothing else. */
function remembered(): string {
  try {
    return localStorage.getItem(NAME_KEY) ?? "";
  } catch {
    return "";
  }
}

function remember(name: string): void {
  try {
    localStorage.setItem(NAME_KEY, name);
  } catch {
    // See above.
  }
}

/** What became of the question whose answer is the turn `id`, until that is heard. */
function promise(state: State, id: string | null): string {
  const turn = id === null ? undefined : state.book.value.turns.get(id);
  if (!turn) return "";
  if (turn.state === "withdrawn" || turn.state === "failed") return `There was no answer. ${turn.failure}`.trim();
  return turn.state === "on_air" || turn.state === "ended" ? "" : `${state.speaker(turn.speaker).title} answers with the next turn.`;
}

export function ChatForm(): JSX.Element {
  const { api, state } = usePage();
  const { stage } = state;
  const may = state.may("talk");
  const to = useSignal<string | null>(null);
  const text = useSignal("");
  const author = useSignal(remembered());
  const answer = useSignal<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const sending = useRequest();
  const cast = stage.value?.cast ?? [];
  const addressee = cast.find((one) => one.name === to.value) ?? cast[0];

  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    const message = text.value.trim();
    if (!addressee || !message) return;
    const request = { to: addressee.name, text: message, author: author.value.trim() || "guest" };
    const sent = await sending.run(async () => {
      answer.value = (await api.post("/api/chat", request)).turn;
    });
    if (sent) {
      text.value = "";
      remember(author.value.trim());
    }
    field.current?.focus();
  };

  return (
    <form class="chat" aria-label="Say something to a character" onSubmit={(event) => void send(event)}>
      <fieldset disabled={!may}>
      <div class="row">
        <Segmented
          legend="To whom"
          choices={cast.map((one) => ({ value: one.name, label: one.title }))}
          value={addressee?.name ?? null}
          onChoose={(name) => (to.value = name)}
        />
        <label class="author">
          <span>as</span>
          <input
            class="field"
            type="text"
            aria-label="Your name"
            placeholder="guest"
            maxLength={LONGEST_NAME}
            autocomplete="nickname"
            value={author.value}
            onInput={(event) => (author.value = event.currentTarget.value)}
          />
        </label>
      </div>
      <div class="row">
        <input
          ref={field}
          class="field"
          type="text"
          aria-label={`Message to ${addressee?.title ?? "a character"}`}
          placeholder={addressee ? `Say something to ${addressee.title}` : "The cast is on its way"}
          maxLength={LONGEST_MESSAGE}
          autocomplete="off"
          enterkeyhint="send"
          value={text.value}
          onInput={(event) => (text.value = event.currentTarget.value)}
        />
        <Button type="submit" kind="primary" icon="send" busy={sending.busy.value} disabled={!addressee || !text.value.trim()}>
          Send
        </Button>
      </div>
      </fieldset>
      {!may && <Lacking scope="talk" />}
      <p class="receipt" role="status">
        {promise(state, answer.value)}
      </p>
    </form>
  );
}
