/** Talk: a conversation of one's own with a character, typed or spoken, here or in a terminal. */
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Button } from "../controls/controls";
import { Lacking } from "../controls/lacking";
import { Command, Nothing, Section, Sheet } from "../controls/sheet";
import { Waterfall } from "../controls/waterfall";
import { timeOfDay } from "../core/format";
import { isLive } from "../core/line";
import { usePage } from "../page";
import { TalkConversation } from "../panels/talk-conversation";
import { TalkVocabulary } from "../panels/talk-lesson";
import { TalkMemory } from "../panels/talk-memory";
import { TalkStart } from "../panels/talk-start";
import { TalkTerminal } from "../panels/talk-terminal";
import { PHONE, SHOW } from "../routes";
import { waitsOf } from "../talk/book";

const SHOWN_WAITS = 8;
/** Until the offer is asked for again: while nobody can begin, and else. */
const SOON_MS = 2_000;
const LATER_MS = 60_000;

export function TalkPage(): JSX.Element {
  const { state, talk } = usePage();
  const linked = state.link.value;
  const held = state.house.value?.parts.some((part) => part.topic === "talk") ?? null;
  useEffect(() => {
    if (linked === "open" && held !== null) void talk.ask(held);
  }, [linked, held]);
  const offer = talk.offer.value;
  useRenewal(linked === "open" && held === true && !talk.going.value, (offer?.reasons.length ?? 0) > 0 ? SOON_MS : LATER_MS);
  return (
    <Sheet
      title="Talk with a character"
      lead="Type or speak, and cut in whenever you like: it remembers to have said only what you heard."
    >
      {!state.may("talk") && <Lacking scope="talk" />}
      {talk.going.value || talk.welcome.value ? <TalkConversation /> : offer && state.may("talk") && <TalkStart offer={offer} />}
      <TalkVocabulary />
      <Waits />
      {!talk.going.value && offer && state.may("talk") && state.house.value?.store && <TalkMemory />}
      <div class="columns">
        <Section title="In a terminal">
          <TalkTerminal />
        </Section>
        <Others />
      </div>
      {talk.refused.value && !talk.going.value && (
        <Section title={held ? "Not now" : "Not in this house"}>
          <Nothing>
            {talk.refused.value.what} {talk.refused.value.remedy}
          </Nothing>
          {held ? (
            <p class="row">
              <Button icon="again" onPress={() => void talk.ask(held)}>
                Ask again
              </Button>
            </p>
          ) : (
            <Command line="duologue serve --talk" what="that starts a house with talks" />
          )}
        </Section>
      )}
    </Sheet>
  );
}

/** Ask again who may be talked to: a house warms up, and words become due, while a page stands open. */
function useRenewal(wanted: boolean, everyMs: number): void {
  const { talk } = usePage();
  useEffect(() => {
    if (!wanted) return;
    const ask = (): void => {
      if (!document.hidden) void talk.ask(true);
    };
    const timer = window.setInterval(ask, everyMs);
    document.addEventListener("visibilitychange", ask);
    return () => {
      window.clearInterval(timer);
      document.removeEventListener("visibilitychange", ask);
    };
  }, [wanted, everyMs]);
}

/** The latency strip: what each answer waited for, stage by stage. */
function Waits(): JSX.Element | null {
  const { talk } = usePage();
  const { title, colour } = talk.who();
  const waits = waitsOf(talk.book.value, title, colour).slice(0, SHOWN_WAITS);
  if (waits.length === 0) return null;
  return (
    <Section title="What you waited for" note="from your last word, or from when you sent it, to the first one that you heard">
      <Waterfall title={`How quickly ${title} answered`} waits={waits} />
    </Section>
  );
}

function Others(): JSX.Element {
  const { router, state } = usePage();
  const talks = state.house.value?.talks ?? [];
  const calls = state.may("line") ? (state.line.value?.calls ?? []).filter((call) => isLive(call) && call.answered).length : 0;
  return (
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
        <Nothing>Nobody talks with a character here now.</Nothing>
      )}
      {calls > 0 && (
        <p>
          {calls > 1 ? `${calls} calls are` : "A call is"} on the telephone: <a href={router.href(PHONE)}>listen, or take over</a>.
        </p>
      )}
      <p>
        One in a terminal is a house of its own and ends with it, so it is not listed. What its answers waited for is told afterwards
        by:
      </p>
      <Command line="duologue report" what="that reports on the newest run" />
      {state.shows.value.length > 0 && (
        <p>
          To put a word in on air, use the field below the transcript of <a href={router.href(SHOW)}>the show</a>.
        </p>
      )}
    </Section>
  );
}
