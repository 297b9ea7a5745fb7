/** What the page knows of the phone line, kept by events. What comes before the state is told again by it. */
import type { Wait } from "./waits";
import type { CallTurn, CallView, LineView } from "../models";

/** Calls that are over and still shown. */
const MOST_OVER = 20;
const MOST_TURNS = 100;

/** What was said on a call, oldest first. */
export interface Said {
  readonly turns: readonly CallTurn[];
  /** The server was asked for what came before. */
  readonly whole: boolean;
}
/** By the call's id. */
export type SaidOn = ReadonlyMap<string, Said>;

const NOTHING: Said = { turns: [], whole: false };

/** The line itself, whose event tells nothing of its calls. */
export function withLine(line: LineView | null, told: LineView): LineView {
  return { ...told, calls: line?.calls ?? [] };
}

/** A call that came, changed or ended: those that go on first, the newest of the others behind. */
export function withCall(line: LineView | null, call: CallView): LineView | null {
  if (!line) return null;
  const before = line.calls.find((one) => one.id === call.id);
  const others = line.calls.filter((one) => one.id !== call.id);
  const live = others.filter(isLive);
  const over = others.filter((one) => !isLive(one));
  const at = before && isLive(before) ? line.calls.indexOf(before) : live.length;
  const calls = isLive(call) ? [...live.slice(0, at), call, ...live.slice(at), ...over] : [...live, call, ...over.slice(0, MOST_OVER - 1)];
  return { ...line, calls };
}

export function saidOn(said: SaidOn, call: string): Said {
  return said.get(call) ?? NOTHING;
}

/** What was said on a call, as it grows. */
export function withCallTurn(said: SaidOn, turn: CallTurn): SaidOn {
  const { turns, whole } = saidOn(said, turn.call);
  const known = turns.some((one) => one.id === turn.id);
  const grown = known ? turns.map((one) => (one.id === turn.id ? turn : one)) : [...turns, turn];
  return new Map(said).set(turn.call, { turns: grown.slice(-MOST_TURNS), whole });
}

/** A call as the server has it, asked for alone. What an event has told is never older: a newer one would still come. */
export function withWhole(said: SaidOn, call: CallView): SaidOn {
  const told = new Map(saidOn(said, call.id).turns.map((one) => [one.id, one]));
  const turns = call.turns.map((one) => told.get(one.id) ?? one);
  const newer = [...told.values()].filter((one) => !call.turns.some(({ id }) => id === one.id));
  return new Map(said).set(call.id, { turns: [...turns, ...newer].slice(-MOST_TURNS), whole: true });
}

/** Without what was said on calls that are shown no more. */
export function stillShown(said: SaidOn, line: LineView | null): SaidOn {
  const shown = new Set(line?.calls.map(({ id }) => id));
  return [...said.keys()].every((id) => shown.has(id)) ? said : new Map([...said].filter(([id]) => shown.has(id)));
}

export function isLive(call: CallView): boolean {
  return call.state !== "ended";
}

/** Turns with words that were said, or are being said. */
export function spoken(turns: readonly CallTurn[]): readonly CallTurn[] {
  return turns.filter((one) => one.text && one.state !== "withdrawn");
}

/** What each answer of a call waited for, the newest first. */
export function waitsOf(call: CallView, turns: readonly CallTurn[], colour: string): Wait[] {
  return turns
    .flatMap((turn) => {
      if (turn.person || turn.stages.length === 0) return [];
      const silence = turn.stages.reduce((sum, { ms }) => sum + ms, 0);
      return [{ id: turn.id, who: call.title, colour, text: turn.text, at: turn.at ?? call.offered, stages: turn.stages, silence }];
    })
    .reverse();
}

/** Who calls whom. */
export interface Ways {
  readonly from: string;
  readonly to: string;
}

/** `Ada (16)` and `1000`; of a call of ours the account, or nobody, and whom it called. */
export function waysOf(call: CallView): Ways {
  const named = call.display && call.display !== call.caller ? `${call.display} (${call.caller})` : call.caller;
  return { from: call.outgoing ? call.account || "We" : named || "Somebody", to: call.called };
}

/** A level as a share of a meter: silence is 0, full scale is 1. */
export function share(db: number): number {
  return Math.max(0, Math.min(1, (db + 60) / 60));
}

const AWAY: Readonly<Record<string, string>> = {
  source: "not allowed", rate: "too fast", peer_rate: "PBX too fast", extension: "no such extension", media: "no common sound", request: "not understood",
  places: "no place left", overload: "short of CPU", unready: "not ready", fault: "our fault",
};

/** `2 busy, 1 short of CPU`: the three most frequent reasons why calls were sent away, in words. */
export function sentAway(refusals: Readonly<Record<string, number>>): string {
  const most = Object.entries(refusals).sort(([, one], [, other]) => other - one);
  return most.slice(0, 3).map(([why, count]) => `${count} ${AWAY[why] ?? why}`).join(", ");
}
