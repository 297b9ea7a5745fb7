import { describe, expect, it } from "vitest";
import {
  begun, costsOf, growthOf, growthOfAnswer, incidentIn, inTheMaking, marksOf, MINUTE_MS, reachOf, restartsNote, SECONDS, spreadOf, stageSpreads, troubleIn, withAnswer, withSecond, type Live,
} from "../src/core/evidence";
import { figuresOf, runsOf, titleOfRun } from "../src/core/runs";
import type { EvidenceState, FrameSecond, Incident, MachineSecond, RunView, TurnView } from "../src/models";

const MACHINE: MachineSecond = { at: 0, cores: 2, busy: 40, others: 0, steal: 0, available_mb: 4000, disk_wait_ms: 0, loop_lag_ms: 0.4, processes: [] };
const SHOW = { of: "show:day", run: "r", fps: 30, budget_ms: 33.3, began: 0, frames: 0, late: 0, over_budget: 0, left_out: 0 };

function second(at: number, change: Partial<FrameSecond> = {}): FrameSecond {
  const costs = [8, 9, 10];
  return { at, first: at / 1000 * 30, costs, lateness: [-900, -900, -900], periods: [1, 1, 1], late: 0, over_budget: 0, left_out: 0, p50: 9, p95: 10, most: 10, ...change };
}

function incident(change: Partial<Incident> = {}): Incident {
  return { id: "late-60", kind: "late", at: 1900, first: 60, last: 61, frames: 2, worst_ms: 40, cause: "unknown", share: 0, lost_ms: 400, why: "", meanwhile: [], ...change };
}

function state(change: Partial<EvidenceState> = {}): EvidenceState {
  const history = { at: [1000], p50: [9], p95: [10], most: [10], late: [0], left_out: [0] };
  return { type: "state", show: SHOW, seconds: [second(1000)], history, incidents: [], machine: [MACHINE], answers: [], growing: [], ...change };
}

describe("what is known of the house while it goes on", () => {
  it("does not promise that a restart cost nothing beside the frames that it cost", () => {
    expect(restartsNote(461)).toBe("since the show began");
    expect(restartsNote(0)).toBe("without a missing frame");
  });

  it("begins with the state and grows by seconds, bounded", () => {
    let live: Live = begun(state(), null);
    for (let n = 2; n < SECONDS + 50; n++) {
      live = withSecond(live, { type: "second", show: SHOW, second: second(1000 * n), incidents: [], machine: MACHINE, answers: [] });
    }
    expect([live.seconds.length, live.history.length, live.machine.length]).toEqual([SECONDS, SECONDS, 120]);
    expect(live.history.at(-1)).toMatchObject({ p50: 9, most: 10 });
  });
  it("replaces an incident that is known better", () => {
    const told = { type: "second" as const, show: SHOW, second: second(2000), machine: MACHINE, answers: [] };
    const once = withSecond(begun(state(), null), { ...told, incidents: [incident()] });
    const twice = withSecond(once, { ...told, incidents: [incident({ cause: "encoder" })] });
    expect(twice.incidents.map(({ cause }) => cause)).toEqual(["encoder"]);
  });
  it("keeps older seconds of the same show when the state is told again, and none of another", () => {
    const before = withSecond(begun(state(), null), { type: "second", show: SHOW, second: second(2000), incidents: [], machine: MACHINE, answers: [] });
    const again = state({ seconds: [second(2000), second(3000)] });
    expect(begun(again, before).seconds.map(({ at }) => at)).toEqual([1000, 2000, 3000]);
    expect(begun({ ...again, show: { ...SHOW, began: 7 } }, before).seconds.map(({ at }) => at)).toEqual([2000, 3000]);
  });
});

describe("percentiles", () => {
  it("are values that were seen", () => {
    const values = Array.from({ length: 200 }, (_, n) => n + 1);
    expect(spreadOf(values)).toEqual({ count: 200, p50: 100, p95: 190, p99: 198, most: 200 });
    expect(spreadOf([])).toBeNull();
    expect(spreadOf([7])).toEqual({ count: 1, p50: 7, p95: 7, p99: 7, most: 7 });
  });
  it("of stages keep their order and leave out what took no time", () => {
    const wait = { id: "1", who: "", colour: "", text: "", at: 0, silence: 0 };
    const found = stageSpreads([
      { ...wait, stages: [{ name: "a", ms: 5 }, { name: "b", ms: 0 }] },
      { ...wait, stages: [{ name: "a", ms: 7 }, { name: "b", ms: 0 }] },
    ]);
    expect(found).toEqual([["a", { count: 2, p50: 5, p95: 7, p99: 7, most: 7 }]]);
  });
  it("of frames reach back as far as is asked", () => {
    const seconds = [second(1000), second(61_000), second(62_000)];
    expect([costsOf(seconds).length, costsOf(seconds, MINUTE_MS).length]).toEqual([9, 6]);
  });
});

describe("a second of frames", () => {
  it("says how each came out", () => {
    const told = second(1000, { costs: [8, 40, 40, 9], lateness: [-900, -900, -900, 12], periods: [1, 1, 2, 1] });
    expect(marksOf(told, 33.3).map(({ outcome }) => outcome)).toEqual(["in time", "over budget", "held", "late"]);
    expect(marksOf(told, 33.3).map(({ number }) => number)).toEqual([30, 31, 32, 34]);
  });
  it.each([
    [{}, ""],
    [{ lateness: [-1, 12.4, 40.2], late: 2 }, "2 late, by up to 40 ms"],
    [{ left_out: 12 }, "12 left out"],
    [{ over_budget: 1 }, "1 over budget, in time"],
    [{ periods: [2, 2, 1] }, "2 held for two"],
    [{ costs: [], lateness: [], periods: [] }, "no frame was told"],
  ] as const)("is told in words: %o", (change, words) => expect(troubleIn(second(1000, change as Partial<FrameSecond>))).toBe(words));
  it("has the incident that lies in it", () => {
    const late = second(2000, { late: 2 });
    expect(incidentIn(late, [incident()])?.id).toBe("late-60");
    expect(incidentIn(second(2000), [incident()])).toBeNull();
    expect(incidentIn(second(3000, { late: 1 }), [incident()])).toBeNull();
    const gap = incident({ id: "left-out-60", kind: "left out", at: 1900, first: 60, last: 90 });
    expect(incidentIn(second(2000, { left_out: 31 }), [gap])?.id).toBe("left-out-60");
  });
});

describe("a turn that is being made", () => {
  const turn: TurnView = {
    id: "t", conversation: "c", number: 1, speaker: "chad", kind: "turn", text: "", state: "voicing", words: [], gap_ms: 0, waited_ms: 0,
    interrupted: false, refused: 0, failure: "", handovers: [], to: "", asked: 1000, first_token: 1200, text_complete: 1500, first_audio: null,
    on_air: null, ended: null,
  };
  it("grows in its stage until that is over", () => {
    expect(growthOf(turn, 1800)).toEqual([{ name: "first_token", ms: 200 }, { name: "text", ms: 300 }, { name: "first_audio", ms: 300 }]);
    const queued = { ...turn, first_audio: 1600, on_air: 9000 };
    expect(growthOf(queued, 2000)?.at(-1)).toEqual({ name: "queued", ms: 400 });
    expect(growthOf(queued, 9500)?.at(-1)).toEqual({ name: "queued", ms: 7400 });
    expect(growthOf({ ...turn, asked: null }, 1800)).toBeNull();
  });
  it("of an answer goes on from what the server told", () => {
    const answer = { id: "t/r1", of: "call" as const, speaker: "ada", at: 1000, stages: [{ name: "endpointing", ms: 350 }], stage: "first_token", since: 1350 };
    expect(growthOfAnswer(answer, 1500)).toEqual([{ name: "endpointing", ms: 350 }, { name: "first_token", ms: 150 }]);
    const live = withAnswer(begun(state(), null), { type: "answer", answer, over: false });
    const later = withAnswer(live, { type: "answer", answer: { ...answer, stage: "voice", since: 1700 }, over: false });
    expect(later.growing.map(({ stage }) => stage)).toEqual(["voice"]);
    expect(withSecond(later, { type: "second", show: SHOW, second: second(2000), incidents: [], machine: MACHINE, answers: [] }).growing).toEqual(later.growing);
    expect(withAnswer(later, { type: "answer", answer, over: true }).growing).toEqual([]);
  });
  it("is one that nobody has heard, the first in front", () => {
    const others = [{ ...turn, id: "n", asked: 2000, state: "writing" }, turn, { ...turn, id: "p", kind: "person" }, { ...turn, id: "o", state: "on_air" }] as TurnView[];
    expect(inTheMaking(others).map(({ id }) => id)).toEqual(["t", "n"]);
  });
});

describe("a marked minute", () => {
  const history = [60, 90, 120].map((at) => ({ at: at * 1000, p50: 1, p95: 1, most: 1, late: 0, leftOut: 0 }));
  it("is the newest, or stays where it was put", () => {
    expect(reachOf({ until: null }, history)).toEqual({ since: 60_000, until: 120_000 });
    expect(reachOf({ until: 100_000 }, history)).toEqual({ since: 40_000, until: 100_000 });
    expect(reachOf({ until: 900_000 }, history)?.until).toBe(120_000);
    expect(reachOf({ until: null }, [])).toBeNull();
  });
});

describe("runs", () => {
  const run: RunView = {
    id: "r", what: "show", of: "show:day", title: "tea", state: "over", began: 0, ended: 603_000, turns: 71, frames: 18_090, late: 2, left_out: 3, lost: 0, bytes: 1, sound: false,
  };
  it("say what they are and how they went", () => {
    expect(titleOfRun(run)).toBe("Show: tea");
    expect(titleOfRun({ ...run, title: "" })).toBe("Show");
    expect(figuresOf(run)).toBe("10 min 3 s · 18,090 frames · 5 late or left out · 71 turns");
    expect(figuresOf({ ...run, late: 0, left_out: 0, turns: 1, lost: 4 })).toBe("10 min 3 s · 18,090 frames · none late · 1 turn · 4 lines lost");
    expect(figuresOf({ ...run, what: "call", turns: 0 })).toBe("10 min 3 s");
  });
  it("are chosen by what they are of", () => {
    const runs = [run, { ...run, what: "talk" }];
    expect([runsOf(runs, "all").length, runsOf(runs, "talk").length, runsOf(runs, "call").length]).toEqual([2, 1, 0]);
  });
});
