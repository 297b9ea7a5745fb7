/** A conversation: what was said, sentence by sentence and as far as it was heard, and how to take part. */
import { useSignal } from "@preact/signals";
import { Fragment, type JSX, type TargetedSubmitEvent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Button, IconButton, Segmented } from "../controls/controls";
import { useFollowing } from "../controls/following";
import { Section, State } from "../controls/sheet";
import { duration } from "../core/format";
import { lastBegun, pieces, type Piece } from "../core/words";
import { usePage } from "../page";
import { chunksOf, parted, shown } from "../talk/book";
import { changes, correctionOf, notesOf } from "../talk/lessons";
import type { Chunk, Turn } from "../talk/protocol";
import { bringInSight } from "./in-sight";
import { TalkFace } from "./talk-face";
import type { Ears, Talk } from "../talk/talk";
import { TalkLesson } from "./talk-lesson";
import { TalkTroubles } from "./talk-troubles";

/** Characters that may be written at once (docs/talk-protocol.md). */
const MOST_WRITTEN = 4000;
const STANDING = { quiet: "Your turn", listening: "It listens", thinking: "It thinks", speaking: "It speaks" } as const;
const EARS: readonly { value: Ears; label: string }[] = [
  { value: "off", label: "Off" },
  { value: "push", label: "Hold to talk" },
  { value: "open", label: "Open" },
];

export function TalkConversation(): JSX.Element {
  const { talk } = usePage();
  const { title } = talk.who();
  const going = talk.going.value;
  useKeys();
  return (
    <Section title={title ? `With ${title}` : "One moment"} note={<Line />}>
      <TalkFace />
      <TalkLesson />
      <Said />
      <TalkTroubles />
      {going ? (
        <>
          <Write />
          <Listen />
        </>
      ) : (
        <After />
      )}
    </Section>
  );
}

/** The focus goes where it can go on: what had it is gone with the conversation, and this goes with the next. */
function After(): JSX.Element {
  const { talk } = usePage();
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (document.activeElement === document.body) box.current?.querySelector("button")?.focus({ preventScroll: true });
  }, []);
  const again = (): void => {
    void talk.another();
    document.querySelector<HTMLElement>("#content h1")?.focus();
  };
  return (
    <div class="talk-after" ref={box}>
      <Button kind="primary" icon="again" onPress={again}>
        Another conversation
      </Button>
    </div>
  );
}

/** How the line is, and where the conversation stands. */
function Line(): JSX.Element {
  const { talk } = usePage();
  const [is, words] = standing(talk);
  return (
    <span role="status">
      <State is={is}>{words}</State>
    </span>
  );
}

function standing({ link: { value: link }, welcome, book }: Talk): readonly ["good" | "wait" | "bad" | "off", string] {
  if (link?.is === "open") return ["good", STANDING[book.value.standing]];
  if (link?.is === "over") return ["off", link.bye?.code === "taken" ? "In another window" : "It is over"];
  if (link?.is === "lost") return ["bad", `${link.why} Trying again…`];
  return welcome.value ? ["bad", "The connection is lost. Trying again…"] : ["wait", "Connecting…"];
}

/** Esc interrupts, wherever one is; Space talks where it would write nothing and press nothing. */
function useKeys(): void {
  const { talk } = usePage();
  useEffect(() => {
    const ending = new AbortController();
    const { signal } = ending;
    const down = (event: KeyboardEvent): void => {
      if (event.key === "Escape" && !event.defaultPrevented) talk.interrupt();
      if (event.key !== " " || !free(event.target)) return;
      if (talk.ears.value === "push") event.preventDefault(); // the page would scroll
      if (!event.repeat) talk.press();
    };
    const up = (event: KeyboardEvent): void => {
      if (event.key === " ") talk.release();
    };
    window.addEventListener("keydown", down, { signal });
    window.addEventListener("keyup", up, { signal });
    window.addEventListener("blur", () => talk.release(), { signal });
    return () => {
      talk.release();
      ending.abort();
    };
  }, []);
}

function free(target: EventTarget | null): boolean {
  return !(target instanceof Element && target.closest("input:not([type=radio]), textarea, select, button, a, [tabindex='0']"));
}

function Said(): JSX.Element {
  const { talk } = usePage();
  const { scroller, content, following, scrolled, follow } = useFollowing();
  const { title, colour } = talk.who();
  const turns = shown(talk.book.value);
  return (
    <>
      <div class="talk-said" ref={scroller} onScroll={scrolled} role="region" aria-label="What is said" tabIndex={0}>
        <ol ref={content}>
          {turns.length === 0 && <li class="quiet">Nobody has said anything yet.</li>}
          {turns.map((turn) => (
            <li key={turn.id} class={turn.person ? "talk-turn person" : "talk-turn"} data-state={turn.state}>
              <strong style={turn.person ? undefined : { color: colour }}>{turn.person ? "You" : title}</strong>
              {turn.person ? <p>{turn.text}{turn.state === "on_air" && " …"}</p> : <Sentences turn={turn} />}
              {turn.person ? <Corrected turn={turn} turns={turns} /> : <Noted turn={turn} />}
              <Sources turn={turn} />
              <WentWrong turn={turn} />
            </li>
          ))}
        </ol>
      </div>
      {!following.value && (
        <div class="jump">
          <Button icon="down" onPress={follow}>
            Jump to now
          </Button>
        </div>
      )}
      <ReadAloud title={title} turns={turns} />
    </>
  );
}

/** What the person's words should have been, beside them. */
function Corrected({ turn, turns }: { turn: Turn; turns: readonly Turn[] }): JSX.Element | null {
  const { talk } = usePage();
  const correction = correctionOf(talk.learning.value, turns, turn);
  if (correction === "") return null;
  return (
    <p class="lesson-note correction">
      <span class="quiet">Better:</span>{" "}
      <span>
        {changes(turn.text, correction).map(({ text, changed }, index) => (changed ? <mark key={index}>{text}</mark> : text))}
      </span>
    </p>
  );
}

/** What goes with an answer: a translation and a hint on demand, and a word to learn. */
function Noted({ turn }: { turn: Turn }): JSX.Element | null {
  const { talk } = usePage();
  const learning = talk.learning.value;
  const asked = useSignal<readonly string[]>([]);
  const words = notesOf(learning, turn.id, "vocabulary");
  const kinds = (["translation", "hint"] as const).filter((kind) => notesOf(learning, turn.id, kind).length > 0);
  if (kinds.length === 0 && words.length === 0) return null;
  const given = kinds.filter((kind) => asked.value.includes(kind));
  return (
    <>
      {given.map((kind) => (
        <p class="lesson-note" key={kind}>
          <span class="quiet">{kind === "hint" ? "You could say:" : "It means:"}</span>{" "}
          <span>{notesOf(learning, turn.id, kind).map(({ text }) => text).join(" ")}</span>
        </p>
      ))}
      {given.length < kinds.length && (
        <p class="lesson-help">
          {kinds.map(
            (kind) =>
              !given.includes(kind) && (
                <Button key={kind} kind="ghost" onPress={() => (asked.value = [...asked.value, kind])}>
                  {kind === "hint" ? "What could I say?" : "Translate"}
                </Button>
              ),
          )}
        </p>
      )}
      {words.map((note) => (
        <p class="lesson-note" key={note.id}>
          <span class="quiet">New:</span> <span>{note.text}</span>
        </p>
      ))}
    </>
  );
}

/** What an answer was told from the character's own files. */
function Sources({ turn }: { turn: Turn }): JSX.Element | null {
  const sources = turn.sources ?? [];
  if (sources.length === 0) return null;
  return (
    <details class="talk-sources">
      <summary>From {[...new Set(sources.map((source) => source.name))].join(", ")}</summary>
      <ul>
        {sources.map((source, index) => (
          <li key={index}>
            <cite>{source.place ? `${source.name}, ${source.place}` : source.name}</cite> {source.text}
          </li>
        ))}
      </ul>
    </details>
  );
}

/** What went wrong with a turn in plain words; the engines' own words are for who wants to know. */
function WentWrong({ turn }: { turn: Turn }): JSX.Element | null {
  const why = [...(turn.failure ? [turn.failure] : []), ...(turn.handovers ?? [])];
  if (why.length === 0) return null;
  const what = !turn.failure ? "A spare had to help out here" : turn.person ? "Something went wrong with hearing this" : "Something went wrong with this answer";
  return (
    <details class="talk-sources">
      <summary>{what}</summary>
      <ul>
        {why.map((one) => (
          <li key={one}>{one}</li>
        ))}
      </ul>
    </details>
  );
}

function Sentences({ turn }: { turn: Turn }): JSX.Element {
  const { talk } = usePage();
  const chunks = chunksOf(talk.book.value, turn.id);
  if (chunks.length === 0) return <p>{turn.text || <span class="quiet">…</span>}</p>;
  return (
    <>
      <ul class="talk-chunks">
        {chunks.map((chunk) => (
          <ChunkView key={chunk.id} chunk={chunk} />
        ))}
      </ul>
      {turn.interrupted && <p class="talk-cut">You cut in here.</p>}
    </>
  );
}

const STATES = { waiting: "waiting", voicing: "voicing", ready: "ready", playing: "playing", heard: "heard", cut: "not heard", failed: "could not be spoken" } as const;

function ChunkView({ chunk }: { chunk: Chunk }): JSX.Element {
  const { talk } = usePage();
  const replaying = talk.replaying.value === chunk.id;
  const over = chunk.state === "heard" || chunk.state === "cut";
  const words = chunk.state === "cut" && chunk.heard ? "cut off" : STATES[chunk.state];
  return (
    <li class="talk-chunk" data-state={chunk.state}>
      <p>{over ? <Heard chunk={chunk} /> : chunk.state === "playing" ? <Playing chunk={chunk} /> : chunk.text}</p>
      <span class="talk-about">
        {words}
        {chunk.length_ms !== null && chunk.length_ms !== undefined && ` · ${duration(chunk.length_ms)}${chunk.open && !over ? "…" : ""}`}
      </span>
      {over && talk.replayable(chunk.id) && (
        <IconButton
          icon={replaying ? "stop" : "play"}
          label={`${replaying ? "Stop" : "Hear again"}: ${chunk.text}`}
          onPress={() => (replaying ? talk.hush() : talk.replay(chunk.id))}
        />
      )}
    </li>
  );
}

/** What was heard, and what was not. */
function Heard({ chunk }: { chunk: Chunk }): JSX.Element {
  const { heard, unheard } = parted(chunk);
  return (
    <>
      {heard}
      {unheard && (
        <>
          <span class="unseen"> Not heard: </span>
          <s class="talk-unheard">{unheard}</s>
        </>
      )}
    </>
  );
}

/** The word that sounds is lit. */
function Playing({ chunk }: { chunk: Chunk }): JSX.Element {
  const { talk } = usePage();
  const at = useSignal(-1);
  const words = useRef(chunk.words);
  words.current = chunk.words;
  useEffect(() => {
    let frame = 0;
    const look = (): void => {
      const heard = talk.heardNow();
      if (heard?.id === chunk.id) at.value = lastBegun(words.current, heard.ms);
      frame = requestAnimationFrame(look);
    };
    look();
    return () => cancelAnimationFrame(frame);
  }, [chunk.id]);
  const parts = chunk.open ? withRest(pieces(chunk.text, chunk.words), chunk.words.length) : pieces(chunk.text, chunk.words);
  const lit = parts.reduce((found, part, index) => (part.from <= at.value ? index : found), -1);
  return (
    <>
      {parts.map((part, index) => {
        const bare = part.text.trimEnd();
        return (
          <Fragment key={index}>
            <span class={index === lit ? "talk-word lit" : index < lit ? "talk-word" : "talk-word ahead"}>{bare}</span>
            {part.text.slice(bare.length)}
          </Fragment>
        );
      })}
    </>
  );
}

/** While more is voiced, what follows the newest word that is known is no part of it. */
function withRest(parts: readonly Piece[], words: number): readonly Piece[] {
  const last = parts.at(-1);
  const end = last ? last.text.search(/\S\s/) + 1 : 0;
  if (!last || end === 0 || words === 0) return parts.map((part) => (words === 0 ? { ...part, from: Infinity } : part));
  return [...parts.slice(0, -1), { ...last, text: last.text.slice(0, end) }, { text: last.text.slice(end), from: Infinity }];
}

const MOST_READ = 6;

/** The transcript as a reader says it: what you said when it was understood, and each sentence when it is there. */
function ReadAloud({ title, turns }: { title: string; turns: readonly Turn[] }): JSX.Element {
  const { talk } = usePage();
  const lines = turns.flatMap((turn) => {
    if (turn.person) return turn.state === "on_air" ? [] : [{ id: turn.id, text: `You: ${turn.text}` }];
    const begun = chunksOf(talk.book.value, turn.id).filter((chunk) => chunk.state !== "waiting" && chunk.state !== "voicing");
    return begun.map((chunk) => ({ id: chunk.id, text: `${title}: ${chunk.text}` }));
  });
  return (
    <div class="unseen" role="log" aria-live="polite" aria-label="The conversation">
      {lines.slice(-MOST_READ).map((line) => (
        <p key={line.id}>{line.text}</p>
      ))}
    </div>
  );
}

function Write(): JSX.Element {
  const { talk } = usePage();
  const text = useSignal("");
  const field = useRef<HTMLInputElement>(null);
  const open = talk.link.value?.is === "open";
  const tooMuch = text.value.trim().length > MOST_WRITTEN;
  const send = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const words = text.value.trim();
    if (!words || !open || tooMuch) return;
    talk.say(words);
    text.value = "";
  };
  useEffect(() => {
    bringInSight(field.current); // whoever began it further down looks at it now
    field.current?.focus({ preventScroll: true });
  }, []);
  return (
    <form class="talk-write" onSubmit={send}>
      <input
        class="field"
        ref={field}
        type="text"
        aria-label="Your words"
        placeholder="Write something"
        autocomplete="off"
        aria-invalid={tooMuch}
        value={text.value}
        onInput={(event) => (text.value = event.currentTarget.value)}
      />
      <Button type="submit" kind="primary" icon="send" disabled={!open || tooMuch || text.value.trim() === ""}>
        Send
      </Button>
      <Button icon="stop" label="Interrupt (Esc)" disabled={!open} onPress={() => talk.interrupt()}>
        Interrupt
      </Button>
      <Button icon="close" onPress={() => talk.leave()}>
        End
      </Button>
      {tooMuch && (
        <p class="talk-failure" role="alert">
          At most {MOST_WRITTEN.toLocaleString("en")} characters are taken at once, and these are {text.value.trim().length.toLocaleString("en")}.
        </p>
      )}
    </form>
  );
}

function Listen(): JSX.Element | null {
  const { talk } = usePage();
  const ears = talk.ears.value;
  const welcome = talk.welcome.value;
  if (welcome && !welcome.microphone) return null;
  return (
    <div class="talk-listen">
      <span class="quiet" id="talk-microphone">
        Microphone
      </span>
      <Segmented legend="Microphone" choices={EARS} value={ears} onChoose={(one) => void talk.listen(one)} />
      {ears === "push" && <HoldToTalk />}
      {ears !== "off" && <Level />}
      {ears !== "off" && <Finish />}
      <span class="talk-hint quiet">{ears === "push" ? "Hold the button, or Space; Esc takes it back, and interrupts." : "Esc interrupts."}</span>
    </div>
  );
}

function HoldToTalk(): JSX.Element {
  const { talk } = usePage();
  const pushed = talk.pushed.value;
  return (
    <button
      type="button"
      class={pushed ? "button talk-hold held" : "button talk-hold"}
      aria-pressed={pushed}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        talk.press();
      }}
      onPointerUp={() => talk.release()}
      onPointerCancel={() => talk.release()}
      onContextMenu={(event) => event.preventDefault()}
      onKeyDown={(event) => {
        if ((event.key === " " || event.key === "Enter") && !event.repeat) talk.press();
      }}
      onKeyUp={(event) => {
        if (event.key === " " || event.key === "Enter") talk.release();
      }}
    >
      {pushed ? "It hears you" : "Hold to talk"}
    </button>
  );
}

/** Without waiting for the silence: that was all, or it was not meant. */
function Finish(): JSX.Element {
  const { talk } = usePage();
  const pushed = talk.pushed.value;
  const speaking = pushed || talk.book.value.standing === "listening";
  return (
    <>
      {talk.ears.value === "open" && (
        <Button icon="send" disabled={!speaking} onPress={() => talk.commit()}>
          That is all
        </Button>
      )}
      <Button icon="close" disabled={!speaking} onPress={() => talk.cancel()}>
        Never mind
      </Button>
    </>
  );
}

/** How loud one is, from silence to full scale. */
function Level(): JSX.Element {
  const { talk } = usePage();
  const level = talk.level.value;
  const db = level > 0 ? Math.max(-60, 20 * Math.log10(level)) : -60;
  return <meter class="talk-level" min={0} max={1} value={(db + 60) / 60} aria-label="How loud you are" />;
}
