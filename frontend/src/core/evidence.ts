/** What the Evidence page knows of the house while it goes on: bounded, begun by the server's state, kept by its seconds. */
import type { Wait, Stage } from "./waits";
import type {
  AnswerView, EvidenceAnswer, EvidenceSecond, EvidenceState, FrameSecond, GrowingAnswer, Incident, LiveShow, MachineSecond, TurnView,
} from "../models";

/** Of which each frame is kept, and a summary, s; the machine's; what went wrong; answers. */
export const SECONDS = 600;
const MOST_MACHINE = 120;
const MOST_INCIDENTS = 100;
const MOST_ANSWERS = 60;
/** The server's summaries reach back so far, and a minute can be marked in them. */
export const MINUTE_MS = 60_000;

/** A second of a show in a few figures, ms. */
export interface Summary {
  readonly at: number;
  readonly p50: number;
  readonly p95: number;
  readonly most: number;
  readonly late: number;
  readonly leftOut: number;
}

export interface Live {
  readonly show: LiveShow | null;
  readonly seconds: readonly FrameSecond[];
  readonly history: readonly Summary[];
  /** Oldest first. */
  readonly incidents: readonly Incident[];
  readonly machine: readonly MachineSecond[];
  readonly answers: readonly AnswerView[];
  /** Answers in talks and calls that nobody has heard yet, the first in front. */
  readonly growing: readonly GrowingAnswer[];
}

/** What the server began with; of the show that was known before, its older seconds stay. */
export function begun(state: EvidenceState, before: Live | null): Live {
  const same = before?.show?.began === state.show?.began;
  const first = state.seconds[0]?.at ?? Infinity;
  const older = same ? (before?.seconds ?? []).filter(({ at }) => at < first) : [];
  const { at, p50, p95, most, late, left_out } = state.history;
  return {
    show: state.show,
    seconds: newest([...older, ...state.seconds], SECONDS),
    history: at.map((time, n) => ({
      at: time,
      p50: p50[n] ?? 0,
      p95: p95[n] ?? 0,
      most: most[n] ?? 0,
      late: late[n] ?? 0,
      leftOut: left_out[n] ?? 0,
    })),
    incidents: state.incidents,
    machine: state.machine,
    answers: state.answers,
    growing: state.growing,
  };
}

export function withSecond(live: Live, told: EvidenceSecond): Live {
  const { second } = told;
  const known = new Map(live.incidents.map((one) => [one.id, one]));
  for (const one of told.incidents) known.set(one.id, one);
  return {
    show: told.show,
    seconds: second ? newest([...live.seconds, second], SECONDS) : live.seconds,
    history: second ? newest([...live.history, summed(second)], SECONDS) : live.history,
    incidents: newest([...known.values()], MOST_INCIDENTS),
    machine: newest([...live.machine, told.machine], MOST_MACHINE),
    answers: newest([...live.answers, ...told.answers], MOST_ANSWERS),
    growing: live.growing,
  };
}

/** An answer that is being made has come further, or is heard now. */
export function withAnswer(live: Live, { answer, over }: EvidenceAnswer): Live {
  const known = new Map(live.growing.map((one) => [one.id, one]));
  if (over) known.delete(answer.id);
  else known.set(answer.id, answer);
  return { ...live, growing: newest([...known.values()], MOST_ANSWERS) };
}

/** How far an answer has come: the stages that are over, and the one that grows. */
export function growthOfAnswer({ stages, stage, since }: GrowingAnswer, now: number): readonly Stage[] {
  return stage ? [...stages, { name: stage, ms: Math.max(0, now - since) }] : stages;
}

function newest<One>(all: readonly One[], most: number): readonly One[] {
  return all.length > most ? all.slice(-most) : all;
}

function summed({ at, p50, p95, most, late, left_out }: FrameSecond): Summary {
  return { at, p50, p95, most, late, leftOut: left_out };
}

/** Of some values, by nearest rank: each is one that was seen. */
export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly most: number;
}

/** Null of none. */
export function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  const ordered = [...values].sort((one, other) => one - other);
  const at = (share: number): number => ordered[Math.max(0, Math.ceil(share * ordered.length) - 1)] ?? 0;
  return { count: ordered.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), most: at(1) };
}

/** What each stage of some waits took, in the order in which they follow each other. */
export function stageSpreads(waits: readonly Wait[]): readonly (readonly [string, Spread])[] {
  const taken = new Map<string, number[]>();
  for (const { stages } of waits) {
    for (const { name, ms } of stages) taken.set(name, [...(taken.get(name) ?? []), ms]);
  }
  return [...taken].flatMap(([name, values]) => {
    const spread = spreadOf(values);
    return spread && spread.most > 0 ? [[name, spread] as const] : [];
  });
}

/** What each frame of the newest `milliseconds` took; all that is known without. */
export function costsOf(seconds: readonly FrameSecond[], milliseconds = Infinity): number[] {
  const since = (seconds.at(-1)?.at ?? 0) - milliseconds;
  return seconds.filter(({ at }) => at > since).flatMap(({ costs }) => costs);
}

/** How a frame came out. `held`: it stands for two, at half the picture rate. */
export type Outcome = "in time" | "over budget" | "held" | "late";

export interface FrameMark {
  readonly number: number;
  readonly cost: number;
  readonly outcome: Outcome;
  readonly periods: number;
}

/** The frames of a second, each with how it came out. */
export function marksOf(second: FrameSecond, budget: number): readonly FrameMark[] {
  let number = second.first;
  return second.costs.map((cost, n) => {
    const periods = second.periods[n] ?? 1;
    const late = (second.lateness[n] ?? 0) > 0;
    const outcome: Outcome = late ? "late" : cost > budget * periods ? "over budget" : periods > 1 ? "held" : "in time";
    const mark = { number, cost, outcome, periods };
    number += periods;
    return mark;
  });
}

/** What is told beside the restarts of the stage: that they cost nothing only where it is so. */
export function restartsNote(leftOut: number): string {
  return leftOut === 0 ? "without a missing frame" : "since the show began";
}

/** What happened to the frames of a second, in words; empty: nothing. */
export function troubleIn(second: FrameSecond): string {
  const late = second.lateness.filter((one) => one > 0);
  const held = second.periods.filter((one) => one > 1).length;
  const words = [
    late.length > 0 && `${late.length} late, by up to ${Math.round(Math.max(...late))} ms`,
    second.left_out > 0 && `${second.left_out} left out`,
    second.over_budget > 0 && late.length === 0 && `${second.over_budget} over budget, in time`,
    held > 0 && `${held} held for two`,
    second.costs.length === 0 && second.left_out === 0 && "no frame was told",
  ];
  return words.filter(Boolean).join("; ");
}

/** What went wrong in a second, by its frames' numbers; of one that left frames out, by its time. */
export function incidentIn(second: FrameSecond, incidents: readonly Incident[]): Incident | null {
  const last = second.first + second.periods.reduce((sum, one) => sum + one, 0) - 1;
  const found = incidents.filter(({ kind, first, last: end, at }) =>
    kind === "late"
      ? second.late > 0 && first <= last && end >= second.first
      : second.left_out > 0 && at <= second.at && at > second.at - 1500,
  );
  return found.at(-1) ?? null;
}

/** How far a turn has come that nobody has heard yet: the stages that are over, and the one that grows. Null: it was not asked for. */
export function growthOf(turn: TurnView, now: number): readonly Stage[] | null {
  if (turn.asked === null || turn.asked === undefined) return null;
  const ends = [
    ["first_token", turn.first_token],
    ["text", turn.text_complete],
    ["first_audio", turn.first_audio],
    ["queued", turn.on_air],
  ] as const;
  const stages: Stage[] = [];
  let at = turn.asked;
  for (const [name, end] of ends) {
    const until = Math.max(at, Math.min(end ?? now, now));
    stages.push({ name, ms: until - at });
    if (end === null || end === undefined || end > now) break;
    at = until;
  }
  return stages;
}

/** The turns of a show that are being made, or wait to be heard, the one that is heard first in front. */
export function inTheMaking(turns: Iterable<TurnView>): readonly TurnView[] {
  return [...turns]
    .filter(({ kind, state }) => kind !== "person" && kind !== "filler" && (state === "writing" || state === "voicing" || state === "queued"))
    .sort((one, other) => (one.asked ?? Infinity) - (other.asked ?? Infinity));
}

/** Answers in talks and calls as waits, without what was said. */
export function answerWaits(answers: readonly AnswerView[], titled: (speaker: string) => { title: string; colour: string }): Wait[] {
  return answers.map(({ id, of, speaker, at, stages }) => ({
    id,
    who: titled(speaker).title,
    colour: titled(speaker).colour,
    text: `answered in a ${of}`,
    at,
    stages,
    silence: stages.reduce((sum, { ms }) => sum + ms, 0),
  }));
}

/** A minute that is looked at, Unix ms; `until` null: the newest one, which moves on. */
export interface Mark {
  readonly until: number | null;
}

/** From when until when a mark reaches, of a history that ends at `newestAt`; null: nothing is known yet. */
export function reachOf(mark: Mark, history: readonly Summary[]): { since: number; until: number } | null {
  const last = history.at(-1)?.at;
  const first = history[0]?.at;
  if (last === undefined || first === undefined) return null;
  const until = Math.min(mark.until ?? last, last);
  return { since: until - MINUTE_MS, until };
}
