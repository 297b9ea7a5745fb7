/** What was said, is being said and comes next, as this viewer hears it. */
import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { Fragment, type JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Button, Panel } from "../controls/controls";
import { placeToFollow, type Span } from "../core/following";
import { timeOfDay } from "../core/format";
import { phaseOf, type Group, type Phase } from "../core/turns";
import { hearing, pieces } from "../core/words";
import type { TurnView } from "../models";
import { useKnown } from "../page";
import type { State } from "../state";
import { ChatForm } from "./chat";
import { FirstVisit } from "./first-visit";

/** A reader this far from what is heard (px) has scrolled on purpose. */
const NEAR = 48;
/** The list moves by itself too, when it grows and shrinks: a reader has scrolled who touched it so lately (ms). */
const BY_HAND = 1000;

/** Where what is heard now stands in the list, or what was heard last: from the name of who says it to the lit word. */
function heardIn(list: HTMLElement): Span | null {
  const all = (kind: string): HTMLElement | undefined => [...list.querySelectorAll<HTMLElement>(kind)].at(-1);
  const turn = all(".turn.speaking") ?? all(".turn.said") ?? list.querySelector<HTMLElement>(".turn");
  if (!turn) return null;
  const begin = list.getBoundingClientRect().top;
  const { top } = (turn.closest(".group") ?? turn).getBoundingClientRect();
  const { bottom } = (turn.querySelector(".word.lit") ?? turn).getBoundingClientRect();
  return { top: top - begin, bottom: bottom - begin };
}

export function TranscriptPanel(): JSX.Element {
  const state = useKnown();
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLOListElement>(null);
  const following = useSignal(true);
  const groups = state.transcript.value;

  const touched = useRef(-Infinity);

  const toNow = (): void => {
    const [element, list] = [scroller.current, content.current];
    if (!element || !list || !following.peek()) return;
    element.scrollTop = placeToFollow(element.clientHeight, element.scrollHeight, heardIn(list));
  };
  useEffect(() => {
    const observer = new ResizeObserver(toNow);
    if (content.current) observer.observe(content.current);
    if (scroller.current) observer.observe(scroller.current);
    return () => observer.disconnect();
  }, []);
  useSignalEffect(() => {
    if (state.coarse.value !== null) requestAnimationFrame(toNow);
  });
  const scrolled = (): void => {
    const [element, list] = [scroller.current, content.current];
    if (!element || !list || (following.peek() && performance.now() - touched.current > BY_HAND)) return;
    const now = placeToFollow(element.clientHeight, element.scrollHeight, heardIn(list));
    following.value = Math.abs(element.scrollTop - now) < NEAR;
  };
  const touch = (): void => void (touched.current = performance.now());
  const jump = (): void => {
    following.value = true;
    toNow();
  };

  return (
    <Panel name="transcript" title="Transcript">
      <FirstVisit />
      <div
        class="scroller"
        ref={scroller}
        onScroll={scrolled}
        onWheel={touch}
        onTouchMove={touch}
        onPointerDown={touch}
        onKeyDown={touch}
        role="region"
        aria-label="What they say"
        tabIndex={0}
      >
        <ol ref={content}>
          {groups.length === 0 && <li class="empty">Nobody has said anything yet. Give them a topic.</li>}
          {groups.map((group, index) => (
            <GroupView key={group.key} group={group} heading={groups[index - 1]?.conversation !== group.conversation} />
          ))}
        </ol>
      </div>
      {!following.value && (
        <div class="jump">
          <Button icon="down" onPress={jump}>
            Jump to now
          </Button>
        </div>
      )}
      <ChatForm />
      <ReadAloud />
    </Panel>
  );
}

/** How many turns a reader may still be reading. */
const MOST_READ = 3;

/**
 * The transcript as a reader says it: each turn whole, when its first word is heard. The one on the page is no live region,
 * because its light moves with each word. Whoever hears the show is not read to as well.
 */
function ReadAloud(): JSX.Element {
  const state = useKnown();
  const heard = useComputed(() => {
    const begun = state.transcript.value.flatMap((group) => group.turns).filter((turn) => phaseNow(state, turn) === "speaking" || phaseNow(state, turn) === "said");
    return begun.filter((turn) => turn.kind !== "filler").slice(-MOST_READ);
  });
  return (
    <div class="unseen" role="log" aria-live={state.audible.value ? "off" : "polite"} aria-label="What is said">
      {heard.value.map((turn) => (
        <p key={turn.id}>
          {turn.kind === "person" ? turn.speaker : state.speaker(turn.speaker).title}: {turn.text}
        </p>
      ))}
    </div>
  );
}

function GroupView({ group, heading }: { group: Group; heading: boolean }): JSX.Element | null {
  const state = useKnown();
  const { title, colour } = state.speaker(group.speaker);
  const visible = group.turns.filter((turn) => turn.failure || phaseNow(state, turn) !== "dropped");
  const topic = state.book.value.conversations.get(group.conversation);
  return (
    <>
      {heading && topic && (
        <li class="topic">
          <span>{topic.topic}</span>
          <time>{timeOfDay(topic.started)}</time>
        </li>
      )}
      {visible.length > 0 && (
        <li class={group.person ? "group person" : "group"} style={{ "--speaker": colour }}>
          <p class="name">{group.person ? group.speaker : title}</p>
          {visible.map((turn) => (
            <Turn key={turn.id} turn={turn} />
          ))}
        </li>
      )}
    </>
  );
}

function Turn({ turn }: { turn: TurnView }): JSX.Element {
  const phase = phaseNow(useKnown(), turn);
  return (
    <p class={`turn ${turn.kind} ${phase}`} data-turn={turn.id}>
      {phase === "next" && <span class="tag">next</span>}
      <Words turn={turn} phase={phase} />
      <Remarks turn={turn} phase={phase} />
    </p>
  );
}

/** Turns that are over do not listen to the clock any more. */
function phaseNow({ coarse }: State, turn: TurnView): Phase {
  const settled = phaseOf(turn, coarse.peek());
  return settled === "said" || settled === "dropped" ? settled : phaseOf(turn, coarse.value);
}

function Words({ turn, phase }: { turn: TurnView; phase: Phase }): JSX.Element {
  if (turn.words.length === 0 || phase === "next" || phase === "dropped") return <>{turn.text}</>;
  if (phase === "speaking") return <Spoken turn={turn} />;
  return turn.interrupted ? <CutOff turn={turn} /> : <>{turn.text}</>;
}

/** What was heard of a turn that was cut off, and, dim, what was not. */
function CutOff({ turn }: { turn: TurnView }): JSX.Element {
  const { heard } = hearing(turn.words, turn.ended ?? Infinity);
  const cut = pieces(turn.text, turn.words);
  const text = (wanted: boolean): string =>
    cut.filter((piece) => piece.from < heard === wanted).map((piece) => piece.text).join("");
  return (
    <>
      {text(true)}
      <span class="word ahead">{text(false)}</span>
    </>
  );
}

function Spoken({ turn }: { turn: TurnView }): JSX.Element {
  const { programme } = useKnown();
  const cut = useMemo(() => pieces(turn.text, turn.words), [turn.text, turn.words]);
  const lit = useComputed(() => hearing(turn.words, programme.value ?? -Infinity).lit);
  const heard = useComputed(() => hearing(turn.words, programme.value ?? -Infinity).heard);
  return (
    <>
      {cut.map((piece, index) => {
        const holds = lit.value >= piece.from && lit.value < (cut[index + 1]?.from ?? Infinity);
        const state = holds ? "word lit" : piece.from < heard.value ? "word" : "word ahead";
        const bare = piece.text.trimEnd();
        return (
          <Fragment key={piece.from}>
            <span class={state}>{bare}</span>
            {piece.text.slice(bare.length)}
          </Fragment>
        );
      })}
    </>
  );
}

/** What a careful reader wants to know about a turn. */
function Remarks({ turn, phase }: { turn: TurnView; phase: Phase }): JSX.Element | null {
  const state = useKnown();
  const remarks: string[] = [];
  if (turn.to) remarks.push(`to ${state.speaker(turn.to).title}`);
  if (turn.failure) remarks.push(turn.failure);
  remarks.push(...turn.handovers);
  if (turn.refused > 0) remarks.push("rewritten by moderation");
  if (turn.interrupted && phase === "said") remarks.push("cut off");
  if (turn.waited_ms >= 100 && phase !== "next") remarks.push(`came ${(turn.waited_ms / 1000).toFixed(1)} s late`);
  return remarks.length ? <span class="remark">{remarks.join(" · ")}</span> : null;
}
