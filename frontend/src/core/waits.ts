/**
 * What a turn's beginning waited for, stage by stage. Talks, calls, the show and reports all fill this one shape; the
 * names of the stages are the ledger's own.
 */
import type { TurnView } from "../models";
import { duration } from "./format";

/** A stage of a wait; ms. */
export interface Stage {
  readonly name: string;
  readonly ms: number;
}

export interface Wait {
  readonly id: string;
  /** Whose turn, how they are called on the page, and in which colour. */
  readonly who: string;
  readonly colour: string;
  readonly text: string;
  /** When it began, Unix ms. */
  readonly at: number;
  /** One after another: together they are all that was waited. */
  readonly stages: readonly Stage[];
  /** What of it somebody noticed as silence beyond what was planned, at its end, ms. */
  readonly silence: number;
}

export interface StageWords {
  readonly label: string;
  /** What happened in it, as the end of "the time in which …". */
  readonly what: string;
  /** A custom property of the page that holds its colour. */
  readonly colour: string;
}

const KNOWN: Readonly<Record<string, StageWords>> = {
  endpointing: { label: "End of turn", what: "it became sure that the person had finished", colour: "--stage-hear" },
  transcript: { label: "Transcript", what: "the last words were understood", colour: "--stage-understand" },
  floor: { label: "Floor", what: "another voice had to end", colour: "--stage-floor" },
  first_token: { label: "Thinking", what: "the first word was thought of", colour: "--stage-think" },
  first_sentence: { label: "Writing", what: "the first sentence was written", colour: "--stage-write" },
  text: { label: "Writing", what: "the rest was written", colour: "--stage-write" },
  first_audio: { label: "Voicing", what: "the first sound was made", colour: "--stage-voice" },
  voice: { label: "Voicing", what: "the first sound was made", colour: "--stage-voice" },
  sending: { label: "Sending", what: "the first sound was sent", colour: "--stage-send" },
  playout: { label: "Way out", what: "the sound was on its way", colour: "--stage-out" },
  queued: { label: "Ready ahead", what: "it was finished and another turn was being heard", colour: "--stage-ready" },
};

/** A stage in words. One that is not known is called by its own name. */
export function wordsOf(name: string): StageWords {
  return KNOWN[name] ?? { label: name.replace(/_/g, " "), what: `“${name}” lasted`, colour: "--stage-ready" };
}

/** All that was waited, ms. */
export function totalOf(wait: Pick<Wait, "stages">): number {
  return wait.stages.reduce((sum, { ms }) => sum + ms, 0);
}

/** It is more than none when it is told. */
export function tookTime({ ms }: Pick<Stage, "ms">): boolean {
  return ms >= 0.5;
}

/** `Thinking 120 ms, Writing 300 ms`: what adds up to the wait. */
export function inWords(wait: Pick<Wait, "stages">): string {
  return wait.stages
    .filter(tookTime)
    .map(({ name, ms }) => `${wordsOf(name).label} ${duration(ms)}`)
    .join(", ");
}

/** In these nothing is at work: what is finished waits for its turn. */
const RESTING: ReadonlySet<string> = new Set(["queued"]);

/** The stages in which something was at work. */
export function workOf(wait: Pick<Wait, "stages">): readonly Stage[] {
  return wait.stages.filter(({ name }) => !RESTING.has(name));
}

/** Consecutive stages from the times at which they ended, none of which is sure: a missing one takes no time. */
export function consecutive(begin: number, ends: readonly (readonly [string, number | null | undefined])[], last: number): Stage[] {
  let at = begin;
  return ends.map(([name, end]) => {
    const until = Math.min(Math.max(at, end ?? at), last);
    const stage = { name, ms: until - at };
    at = until;
    return stage;
  });
}

/** A turn of the show, from when it was asked for until its first word was on air. None that was not heard has one. */
export function waitOf(turn: TurnView, speaker: { title: string; colour: string }): Wait | null {
  const { asked, on_air: heard } = turn;
  if (turn.kind === "person" || turn.kind === "filler") return null;
  if (asked === null || asked === undefined || heard === null || heard === undefined || heard < asked) return null;
  const ends = [
    ["first_token", turn.first_token],
    ["text", turn.text_complete],
    ["first_audio", turn.first_audio],
    ["queued", heard],
  ] as const;
  return {
    id: turn.id,
    who: speaker.title,
    colour: speaker.colour,
    text: turn.text,
    at: asked,
    stages: consecutive(asked, ends, heard),
    silence: turn.waited_ms,
  };
}

/** The middle of some values; null of none. */
export function median(values: readonly number[]): number | null {
  const ordered = [...values].sort((one, other) => one - other);
  const low = ordered[(ordered.length - 1) >> 1];
  const high = ordered[ordered.length >> 1];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}
