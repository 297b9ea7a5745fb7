/** The order and the phase of turns for one viewer, who is a few seconds behind the stage. */
import type { TurnView } from "../models";

/** `next`: not heard yet. `speaking`: being heard. `said`: over. `dropped`: it will never be heard. */
export type Phase = "next" | "speaking" | "said" | "dropped";

/** What the phase depends on. */
type Airing = Pick<TurnView, "kind" | "state" | "on_air" | "ended" | "words" | "interrupted">;

/**
 * The phase of a turn at programme time `time` (Unix ms), or by the stage's own word when the viewer has no picture
 * (`time` null).
 */
export function phaseOf(turn: Airing, time: number | null): Phase {
  if (turn.kind === "person") return "said";
  if (turn.on_air === null || turn.on_air === undefined) return turn.state === "withdrawn" || turn.state === "failed" ? "dropped" : phaseByState(turn);
  if (time === null) return phaseByState(turn);
  if (time < turn.on_air) return turn.state === "withdrawn" ? "dropped" : "next";
  return time < endOf(turn) ? "speaking" : "said";
}

function phaseByState(turn: Airing): Phase {
  if (turn.state === "on_air") return "speaking";
  if (turn.state === "withdrawn" || turn.state === "failed") return "dropped";
  return turn.state === "ended" ? "said" : "next";
}

function endOf(turn: Airing): number {
  const lastWord = turn.words.at(-1)?.end ?? turn.on_air ?? 0;
  return turn.ended ?? (turn.state === "on_air" ? Math.max(lastWord, (turn.on_air ?? 0) + 400) : lastWord);
}

/** A turn that was planned, never heard, and has no failure to tell of: the page keeps silent about it. */
function vanished(turn: TurnView): boolean {
  return turn.state === "withdrawn" && !turn.failure && (turn.on_air ?? null) === null;
}

/** When a turn was aired, typed or failed; what is still to come has no time and goes last. */
function timeOf(turn: TurnView): number {
  const planned = turn.kind === "person" || turn.state === "failed" || turn.state === "withdrawn" ? turn.asked : null;
  return turn.on_air ?? planned ?? Infinity;
}

/** The turns to show, in the order in which they are heard. `started` tells when a conversation began, Unix ms. */
export function inOrder(turns: Iterable<TurnView>, started: (conversation: string) => number = () => 0): TurnView[] {
  const rank = (turn: TurnView): readonly number[] => [timeOf(turn), started(turn.conversation), turn.number];
  const shown = [...turns].filter((turn) => !vanished(turn)).map((turn) => [rank(turn), turn] as const);
  return shown.sort(([one], [other]) => compare(one, other)).map(([, turn]) => turn);
}

function compare(one: readonly number[], other: readonly number[]): number {
  const place = one.findIndex((value, index) => value !== other[index]);
  return place < 0 ? 0 : (one[place] ?? 0) < (other[place] ?? 0) ? -1 : 1;
}

/** Consecutive turns of one speaker in one conversation, under one name. */
export interface Group {
  readonly key: string;
  readonly speaker: string;
  readonly conversation: string;
  readonly person: boolean;
  readonly turns: readonly TurnView[];
}

export function grouped(turns: readonly TurnView[]): Group[] {
  const groups: (Group & { turns: TurnView[] })[] = [];
  for (const turn of turns) {
    const last = groups.at(-1);
    const person = turn.kind === "person";
    if (last && last.speaker === turn.speaker && last.conversation === turn.conversation && last.person === person) {
      last.turns.push(turn);
    } else {
      groups.push({ key: turn.id, speaker: turn.speaker, conversation: turn.conversation, person, turns: [turn] });
    }
  }
  return groups;
}
