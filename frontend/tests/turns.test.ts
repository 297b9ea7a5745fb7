import { describe, expect, it } from "vitest";
import { current, emptyBook, withConversation, withState, withTurn } from "../src/core/book";
import { grouped, inOrder, phaseOf } from "../src/core/turns";
import type { Conversation, TurnView } from "../src/models";

function turn(change: Partial<TurnView>): TurnView {
  return {
    id: "t1",
    conversation: "c1",
    number: 1,
    speaker: "chad",
    kind: "turn",
    text: "Hello there.",
    state: "queued",
    words: [],
    gap_ms: 0,
    waited_ms: 0,
    interrupted: false,
    refused: 0,
    failure: "",
    handovers: [],
    to: "",
    on_air: null,
    asked: null,
    ended: null,
    ...change,
  };
}

function conversation(change: Partial<Conversation>): Conversation {
  return {
    id: "c1",
    topic: "rain",
    cast: ["chad", "virgin"],
    turns_planned: 4,
    seed: 1,
    state: "running",
    started: 0,
    failure: "",
    turns: [],
    ...change,
  };
}

const words = [
  { text: "Hello", start: 1000, end: 1300 },
  { text: "there.", start: 1350, end: 1800 },
];

describe("the phase of a turn", () => {
  it("follows the picture in front of the viewer, not the stage", () => {
    const aired = turn({ state: "ended", on_air: 1000, ended: 1800, words });
    expect(phaseOf(aired, 900)).toBe("next");
    expect(phaseOf(aired, 1000)).toBe("speaking");
    expect(phaseOf(aired, 1799)).toBe("speaking");
    expect(phaseOf(aired, 1800)).toBe("said");
  });
  it("takes the stage's word when there is no picture", () => {
    expect(phaseOf(turn({ state: "on_air", on_air: 1000, words }), null)).toBe("speaking");
    expect(phaseOf(turn({ state: "ended", on_air: 1000, ended: 1800 }), null)).toBe("said");
    expect(phaseOf(turn({ state: "voicing" }), null)).toBe("next");
  });
  it("ends early when it was cut off", () => {
    expect(phaseOf(turn({ state: "ended", on_air: 1000, ended: 1400, words, interrupted: true }), 1500)).toBe("said");
  });
  it("drops what will never be heard", () => {
    expect(phaseOf(turn({ state: "withdrawn" }), 500)).toBe("dropped");
    expect(phaseOf(turn({ state: "failed" }), null)).toBe("dropped");
  });
  it("is over at once for what a person typed", () => {
    expect(phaseOf(turn({ kind: "person", state: "ended", asked: 5000 }), 1000)).toBe("said");
  });
});

describe("the order of turns", () => {
  it("is by air time, a person's words by when they were typed, what is to come last", () => {
    const turns = [
      turn({ id: "next", number: 2 }),
      turn({ id: "answer", number: 4, kind: "answer", on_air: 9000, state: "on_air" }),
      turn({ id: "typed", number: 3, kind: "person", speaker: "Ada", asked: 4000 }),
      turn({ id: "first", number: 1, on_air: 1000, state: "ended" }),
    ];
    expect(inOrder(turns).map((one) => one.id)).toEqual(["first", "typed", "answer", "next"]);
  });
  it("keeps what two conversations still plan apart, and says nothing of what was taken back", () => {
    const turns = [
      turn({ id: "b2", conversation: "b", number: 2 }),
      turn({ id: "a3", conversation: "a", number: 3 }),
      turn({ id: "b1", conversation: "b", number: 1 }),
      turn({ id: "gone", conversation: "a", number: 4, state: "withdrawn", asked: 1 }),
      turn({ id: "failed", conversation: "a", number: 2, state: "failed", asked: 2, failure: "no voice" }),
    ];
    const started = (id: string): number => (id === "a" ? 100 : 200);
    expect(inOrder(turns, started).map((one) => one.id)).toEqual(["failed", "a3", "b1", "b2"]);
  });
  it("puts neighbours of one speaker under one name, but never a character's with a person's", () => {
    const turns = [turn({ id: "a" }), turn({ id: "b" }), turn({ id: "c", kind: "person" }), turn({ id: "d", conversation: "c2" })];
    expect(grouped(turns).map((group) => group.turns.map((one) => one.id))).toEqual([["a", "b"], ["c"], ["d"]]);
  });
});

describe("the book", () => {
  it("takes the server's word for what it tells, and keeps the older turns of the same conversations", () => {
    let book = withTurn(withConversation(emptyBook, conversation({})), turn({ id: "older", state: "ended" }));
    book = withTurn(book, turn({ id: "told", state: "queued" }));
    const after = withState(book, [conversation({})], [turn({ id: "told", state: "ended" }), turn({ id: "new" })]);
    expect([...after.turns.keys()]).toEqual(["older", "told", "new"]);
    expect(after.turns.get("told")?.state).toBe("ended");
  });
  it("forgets the turns of a conversation that the server no longer knows", () => {
    const book = withTurn(withConversation(emptyBook, conversation({ id: "gone" })), turn({ conversation: "gone" }));
    const after = withState(book, [conversation({ id: "c2" })], []);
    expect(after.turns.size).toBe(0);
    expect([...after.conversations.keys()]).toEqual(["c2"]);
  });
  it("is bounded", () => {
    let book = emptyBook;
    for (let number = 0; number < 400; number += 1) {
      book = withTurn(book, turn({ id: `t${number}`, number, on_air: number * 1000, state: "ended" }));
    }
    expect(book.turns.size).toBeLessThanOrEqual(240);
    expect(book.turns.has("t399")).toBe(true);
    expect(book.turns.has("t0")).toBe(false);
  });
  it("knows what is on: the running one, else the one that waits", () => {
    const waiting = withConversation(emptyBook, conversation({ id: "w", state: "waiting" }));
    expect(current(waiting)?.id).toBe("w");
    expect(current(withConversation(waiting, conversation({ id: "r" })))?.id).toBe("r");
    expect(current(withConversation(emptyBook, conversation({ state: "ended" })))).toBeNull();
  });
});
