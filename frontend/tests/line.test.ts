import { describe, expect, it } from "vitest";
import { saidOn, sentAway, share, spoken, stillShown, waitsOf, waysOf, withCall, withCallTurn, withLine, withWhole, type SaidOn } from "../src/core/line";
import type { CallTurn, CallView, LineView } from "../src/models";

const ADA: CallView = {
  id: "ada", caller: "16", called: "1000", display: "", account: "", carrier: "sip", codec: "", outgoing: false, character: "robin",
  title: "Robin", colour: "", state: "talking", offered: 1, answered: 2, ended: null, reason: "", failed: false, half_duplex: false, recorded: false,
  transfer: "", digits: "", loss: null, jitter_ms: null, round_trip_ms: null, answers: 0, wait_ms: null, said: "", said_by_caller: false, operator: "", listeners: 0,
  turns: [],
};
const BOB: CallView = { ...ADA, id: "bob", state: "ringing" };
const LINE: LineView = {
  listens: [], takes_calls: true, reasons: [], places: 10, registrations: [], transfers: [], calls: [ADA, BOB], answered: 0, refused: 0, refusals: {},
};
const HELLO: CallTurn = {
  id: "1", call: "ada", person: false, operator: "", text: "Hello", state: "on_air", at: 5, stages: [], points: {}, interrupted: false, failure: "",
  handovers: [],
};
const NONE: SaidOn = new Map();

describe("a line", () => {
  it("keeps its calls when it is told anew", () => {
    expect(withLine(LINE, { ...LINE, calls: [], answered: 3 })).toEqual({ ...LINE, answered: 3 });
    expect(withCall(null, ADA)).toBeNull();
  });

  it("has those that go on in their places, and the newest of the others behind", () => {
    const held = { ...ADA, state: "held" } as const;
    expect(withCall(LINE, held)?.calls).toEqual([held, BOB]);
    const over = { ...ADA, state: "ended" } as const;
    const ended = withCall(LINE, over);
    expect(ended?.calls).toEqual([BOB, over]);
    expect(withCall(ended, { ...BOB, state: "ended" })?.calls.map(({ id }) => id)).toEqual(["bob", "ada"]);
    const many = Array.from({ length: 30 }, (_, at) => ({ ...over, id: `${at}` }));
    expect(many.reduce<LineView | null>(withCall, LINE)?.calls).toHaveLength(22);
  });
});

describe("what is said on a call", () => {
  it("grows by events, and what was asked for comes before it", () => {
    const grown = withCallTurn(withCallTurn(NONE, HELLO), { ...HELLO, text: "Hello there", state: "ended" });
    expect(saidOn(grown, "ada")).toEqual({ turns: [{ ...HELLO, text: "Hello there", state: "ended" }], whole: false });
    const before = { ...HELLO, id: "0", text: "Yes?" };
    const newer = withCallTurn(grown, { ...HELLO, id: "2", text: "And?" });
    const whole = saidOn(withWhole(newer, { ...ADA, turns: [before, HELLO] }), "ada");
    expect(whole.turns.map(({ text }) => text)).toEqual(["Yes?", "Hello there", "And?"]); // an event is never the older one
    expect(whole.whole).toBe(true);
  });

  it("is forgotten with its call, and bounded", () => {
    const said = withCallTurn(withCallTurn(NONE, HELLO), { ...HELLO, call: "gone" });
    expect([...stillShown(said, LINE).keys()]).toEqual(["ada"]);
    expect(stillShown(NONE, null)).toBe(NONE);
    const long = Array.from({ length: 150 }, (_, at) => ({ ...HELLO, id: `${at}` })).reduce(withCallTurn, NONE);
    expect(saidOn(long, "ada").turns).toHaveLength(100);
  });

  it("is what has words and was not taken back", () => {
    expect(spoken([HELLO, { ...HELLO, text: "" }, { ...HELLO, state: "withdrawn" }])).toEqual([HELLO]);
  });

  it("has a wait before each answer, the newest first", () => {
    const stages = [{ name: "endpointing", ms: 300 }, { name: "voice", ms: 80 }];
    const waits = waitsOf(ADA, [{ ...HELLO, stages }, { ...HELLO, id: "2", person: true, stages }, { ...HELLO, id: "3", stages, at: null }], "red");
    expect(waits.map(({ id, silence, at }) => [id, silence, at])).toEqual([["3", 380, 1], ["1", 380, 5]]);
  });
});

describe("a call in words", () => {
  it("says who calls whom", () => {
    expect(waysOf({ ...ADA, display: "Ada" })).toEqual({ from: "Ada (16)", to: "1000" });
    expect(waysOf({ ...ADA, display: "16" })).toEqual({ from: "16", to: "1000" });
    expect(waysOf({ ...ADA, caller: "" })).toEqual({ from: "Somebody", to: "1000" });
    expect(waysOf({ ...ADA, outgoing: true, account: "1001", called: "17" })).toEqual({ from: "1001", to: "17" });
    expect(waysOf({ ...ADA, outgoing: true }).from).toBe("We");
  });

  it("is as loud as a meter shows", () => {
    expect([share(-90), share(-30), share(0), share(6)]).toEqual([0, 0.5, 1, 1]);
  });
});

describe("calls that were sent away", () => {
  it("are told by their most frequent reasons, in words", () => {
    expect(sentAway({ places: 1, overload: 5, scanner: 2, busy: 3 })).toBe("5 short of CPU, 3 busy, 2 scanner");
    expect(sentAway({})).toBe("");
  });
});
