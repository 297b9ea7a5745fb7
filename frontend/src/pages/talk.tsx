/** Talk: a conversation of one's own with a character, which a terminal holds; this page writes the command for it. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { Segmented, Switch } from "../controls/controls";
import { Command, Nothing, Section, Sheet } from "../controls/sheet";
import { timeOfDay } from "../core/format";
import { commandOf, WAYS, type Way } from "../core/talk-command";
import { usePage } from "../page";
import { SHOW } from "../routes";

export function TalkPage(): JSX.Element {
  const { router, state } = usePage();
  const cast = state.stage.value?.cast ?? [];
  const way = useSignal<Way>("aloud");
  const who = useSignal<string | null>(null);
  const topic = useSignal("");
  const greets = useSignal(false);
  const partner = cast.find((one) => one.name === who.value) ?? cast[0];
  const talks = state.house.value?.talks ?? [];
  const line = commandOf(way.value, { as: partner?.name ?? "", topic: topic.value, greets: greets.value });
  return (
    <Sheet
      title="Talk with a character"
      lead={
        <>
          A conversation of your own, aloud or in writing. It runs in a terminal of the machine that this house is on; choose
          here what it should be like, and take the command along.
        </>
      }
    >
      <Section title="Your conversation">
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
      </Section>
      <div class="columns">
        <Section title="What it does">
          <ul class="points">
            <li>It notices when you have finished, and answers within a breath.</li>
            <li>Cut in, and it stops; what it remembers of its own words is what you heard.</li>
            <li>With the engines of this house's settings, or others: <code>--llm</code>, <code>--tts</code>, <code>--stt</code>.</li>
            <li>Nothing is kept unless you ask: <code>--record</code> both voices, <code>--ledger</code> each turn's times.</li>
          </ul>
        </Section>
        <Section title="Talks that go on">
          {talks.length > 0 ? (
            <ul class="talks" aria-label="Talks that go on">
              {talks.map((talk) => (
                <li key={talk.id}>
                  <strong>{talk.title}</strong> <span class="quiet">since {timeOfDay(talk.started)}</span>
                </li>
              ))}
            </ul>
          ) : (
            <Nothing>Nobody talks with a character of this house now.</Nothing>
          )}
          <p>
            One in a terminal is a house of its own and ends with it, so it is not listed. What it left behind with{" "}
            <code>--ledger</code> is read by:
          </p>
          <Command line="duologue report talk.jsonl" what="that reads a talk's ledger" />
          <p>
            To put a word in on air, use the field below the transcript of <a href={router.href(SHOW)}>the show</a>.
          </p>
        </Section>
      </div>
    </Sheet>
  );
}
