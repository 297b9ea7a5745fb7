/** What the page knows of the phone line, kept by events. What comes before the state is told again by it. */
import type { Wait } from "./waits";
import type { CallTurn, CallView, LineView } from "../models";

/** Calls that are over and still shown. */
const MOST_OVER = 20;
const MOST_TURNS = 100;

/** The line itself, whose event tells nothing of its calls. */
export function withLine(line: LineView | null, told: LineView): LineView {
  return { ...told, calls: line?.calls ?? [] };
}

/** A call that came, changed or ended, whose event tells nothing of its turns: those that go on first, the newest of the others behind. */
export function withCall(line: LineView | null, call: CallView): LineView | null {
  if (!line) return null;
  const before = line.calls.find((one) => one.id === call.id);
  const whole = { ...call, turns: before?.turns ?? [] };
  const others = line.calls.filter((one) => one.id !== call.id);
  const live = others.filter(isLive);
  const over = others.filter((one) => !isLive(one));
  const at = before && isLive(before) ? line.calls.indexOf(before) : live.length;
  const calls = isLive(whole) ? [...live.slice(0, at), whole, ...live.slice(at), ...over] : [...live, whole, ...over.slice(0, MOST_OVER - 1)];
  return { ...line, calls };
}

/** What was said on a call, as it grows. */
export function withCallTurn(line: LineView | null, turn: CallTurn): LineView | null {
  if (!line) return null;
  const calls = line.calls.map((call) => {
    if (call.id !== turn.call) return call;
    const known = call.turns.some((one) => one.id === turn.id);
    const turns = known ? call.turns.map((one) => (one.id === turn.id ? turn : one)) : [...call.turns, turn];
    return { ...call, turns: turns.slice(-MOST_TURNS) };
  });
  return { ...line, calls };
}

export function isLive(call: CallView): boolean {
  return call.state !== "ended";
}

/** What each answer of a call waited for, the newest first. */
export function waitsOf(call: CallView, colour: string): Wait[] {
  return call.turns.flatMap((turn) => {
    if (turn.person || turn.stages.length === 0) return [];
    const silence = turn.stages.reduce((sum, { ms }) => sum + ms, 0);
    return [{ id: turn.id, who: call.title, colour, text: turn.text, at: turn.at ?? call.offered, stages: turn.stages, silence }];
  }).reverse();
}

/** A level as a share of a meter: silence is 0, full scale is 1. */
export function share(db: number): number {
  return Math.max(0, Math.min(1, (db + 60) / 60));
}
