/** Turns: the one that is being made, as it grows; what the newest waited for; percentiles of each stage. */
import { useComputed, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Nothing } from "../controls/sheet";
import { Spreads } from "../controls/spreads";
import { Waterfall } from "../controls/waterfall";
import { answerWaits, growthOf, growthOfAnswer, inTheMaking, spreadOf, stageSpreads, type Live } from "../core/evidence";
import { duration } from "../core/format";
import { totalOf, waitOf, wordsOf, workOf, type Wait } from "../core/waits";
import { useKnown } from "../page";
import { Figure } from "./evidence-figure";

/** Turns that are shown one by one. */
const MOST = 20;
const GROWING = 3;
/** How often what grows is drawn, ms. */
const TICK_MS = 200;
const DOING: Readonly<Record<string, string>> = {
  first_token: "is being thought of",
  text: "is being written",
  first_audio: "is being voiced",
  queued: "is ready, and waits for its turn",
  transcript: "waits for the last words to be understood",
  floor: "waits until another voice has ended",
  first_sentence: "is being written",
  voice: "is being voiced",
  sending: "is being sent",
  playout: "is on its way to the ear",
};

export function Turns({ live }: { live: Live | null }): JSX.Element {
  const state = useKnown();
  const shown = useComputed(() => {
    const found = [...state.book.value.turns.values()].map((turn) => waitOf(turn, state.speaker(turn.speaker)));
    return found.filter((wait) => wait !== null);
  });
  const answers = answerWaits(live?.answers ?? [], (name) => state.speaker(name));
  const newest = [...shown.value, ...answers].sort((one, other) => other.at - one.at).slice(0, MOST);
  return (
    <>
      <Growing live={live} />
      {newest.length > 0 ? (
        <>
          {shown.value.length > 0 && <Summary waits={shown.value.slice(-MOST)} />}
          <Waterfall title="What each of the newest turns was waiting for" waits={newest} />
          <Stages title="Stages of the show's turns" waits={shown.value} of="turns" />
          <Stages title="Stages of the silence before answers in talks and calls" waits={answers} of="answers" />
        </>
      ) : (
        <Nothing>No turn was heard yet. The first one appears here when it is on air.</Nothing>
      )}
    </>
  );
}

function Stages({ title, waits, of }: { title: string; waits: readonly Wait[]; of: string }): JSX.Element | null {
  const rows = stageSpreads(waits).map(([name, spread]) => ({ name: wordsOf(name).label, colour: wordsOf(name).colour, spread }));
  if (rows.length === 0) return null;
  return (
    <div class="part">
      <h3>
        {title} <span class="quiet">{`${waits.length} ${waits.length === 1 ? of.replace(/s$/, "") : of}`}</span>
      </h3>
      <Spreads title={title} rows={rows} worded={duration} />
    </div>
  );
}

/** What is being made now, stage by stage, while it grows. */
function Growing({ live }: { live: Live | null }): JSX.Element | null {
  const state = useKnown();
  const turns = inTheMaking(state.book.value.turns.values()).slice(0, GROWING);
  const answers = (live?.growing ?? []).slice(0, GROWING);
  const now = useSignal(Date.now());
  const busy = turns.length + answers.length > 0;
  useEffect(() => {
    if (!busy) return undefined;
    const timer = window.setInterval(() => (now.value = Date.now()), TICK_MS);
    return () => window.clearInterval(timer);
  }, [busy]);
  if (!state.stage.value && !live) return null;
  const at = Math.max(now.value, Date.now() - TICK_MS) + state.serverClock.offset;
  const grown = [
    ...answers.map(({ id, of, speaker, ...answer }) => ({ id, speaker, of, stages: growthOfAnswer({ id, of, speaker, ...answer }, at) })),
    ...turns.flatMap((turn) => {
      const stages = growthOf(turn, at);
      return stages ? [{ id: turn.id, speaker: turn.speaker, of: "show" as const, stages }] : [];
    }),
  ].map((one) => ({ ...one, total: totalOf(one) }));
  const longest = Math.max(1500, ...grown.map(({ total }) => total));
  return (
    <div class="growing part">
      <h3>Being made now</h3>
      {grown.length === 0 && <Nothing>Nothing is asked of the engines at the moment.</Nothing>}
      {grown.map(({ id, ...one }) => (
        <GrowingTurn key={id} {...one} longest={longest} />
      ))}
    </div>
  );
}

interface GrowingTurnProps {
  readonly speaker: string;
  readonly of: "show" | "talk" | "call";
  readonly stages: Wait["stages"];
  readonly total: number;
  readonly longest: number;
}

function GrowingTurn({ speaker, of, stages, total, longest }: GrowingTurnProps): JSX.Element {
  const { title, colour } = useKnown().speaker(speaker);
  const last = stages.at(-1)?.name ?? "";
  return (
    <div class="growing-turn">
      <p>
        <strong style={{ color: colour }}>{title}</strong>{" "}
        <span class="quiet">{`${of === "show" ? "" : `answers in a ${of}: `}${DOING[last] ?? "is being made"}`}</span>
        <span class="took">{duration(total)}</span>
      </p>
      <span class="bar" aria-hidden="true">
        {stages.map(({ name, ms }) => (
          <span
            key={name}
            class={name === last ? "stage-bar grows" : "stage-bar"}
            style={{ "--stage": `var(${wordsOf(name).colour})`, width: `${(100 * ms) / longest}%` }}
            title={`${wordsOf(name).label}: ${duration(ms)}`}
          />
        ))}
      </span>
      <p class="quiet steps-told">{stages.map(({ name, ms }) => `${wordsOf(name).label} ${duration(ms)}`).join(" · ")}</p>
    </div>
  );
}

/** The few figures of the turns that are shown. */
function Summary({ waits }: { waits: readonly Wait[] }): JSX.Element {
  const work = waits.map((wait) => totalOf({ stages: workOf(wait) }));
  const ahead = waits.flatMap((wait) => wait.stages.filter(({ name }) => name === "queued").map(({ ms }) => ms));
  const silent = Math.max(...waits.map(({ silence }) => silence));
  return (
    <dl class="figures">
      <Figure name="Written and voiced" note="half of them, within">
        {duration(spreadOf(work)?.p50 ?? null)}
      </Figure>
      <Figure name="Ready ahead" note="the closest of them">
        {duration(Math.min(...ahead))}
      </Figure>
      <Figure name="Waited in silence" note="the longest of them" bad={silent >= 100}>
        {silent >= 1 ? duration(silent) : "0 ms"}
      </Figure>
    </dl>
  );
}
