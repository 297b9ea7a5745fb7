import { describe, expect, it } from "vitest";
import { consecutive, inWords, median, totalOf, waitOf, wordsOf } from "../src/core/waits";
import { duration } from "../src/core/format";
import { commandOf } from "../src/core/talk-command";
import { bySection, chosenOf } from "../src/core/settings";
import type { TurnView } from "../src/models";

const CHAD = { title: "Chad", colour: "#e8b04a" };

function turn(change: Partial<TurnView>): TurnView {
  return {
    id: "t1",
    conversation: "c1",
    number: 1,
    speaker: "chad",
    kind: "turn",
    text: "Hello there.",
    state: "ended",
    words: [],
    gap_ms: 0,
    waited_ms: 0,
    interrupted: false,
    refused: 0,
    failure: "",
    handovers: [],
    to: "",
    asked: 1000,
    first_token: 1200,
    text_complete: 1500,
    first_audio: 1600,
    on_air: 4000,
    ended: 6000,
    ...change,
  };
}

describe("a wait in words", () => {
  it("leaves out what took no time", () => {
    const stages = [{ name: "floor", ms: 0 }, { name: "first_token", ms: 8.4 }, { name: "first_sentence", ms: 0.2 }, { name: "voice", ms: 682 }];
    expect(inWords({ stages })).toBe("Thinking 8 ms, Voicing 682 ms");
  });
});

describe("what a turn of the show waited for", () => {
  it("is its stages in order, which add up to the time until it was heard", () => {
    const wait = waitOf(turn({ waited_ms: 40 }), CHAD);
    expect(wait?.stages).toEqual([
      { name: "first_token", ms: 200 },
      { name: "text", ms: 300 },
      { name: "first_audio", ms: 100 },
      { name: "queued", ms: 2400 },
    ]);
    expect([wait?.at, wait?.who, wait?.silence]).toEqual([1000, "Chad", 40]);
  });
  it.each([
    { first_token: null },
    { text_complete: null, first_audio: null },
    { first_audio: 1400 },
    { first_audio: 9000 },
    { first_token: 10 },
    { first_token: null, text_complete: null, first_audio: null },
  ])("adds up whatever is unknown or out of order: %o", (change) => {
    const wait = waitOf(turn(change), CHAD);
    expect(wait && totalOf(wait)).toBe(3000);
    expect(wait?.stages.every(({ ms }) => ms >= 0)).toBe(true);
  });
  it("is nothing for what nobody asked for, or nobody heard", () => {
    for (const change of [{ kind: "person" }, { kind: "filler" }, { asked: null }, { on_air: null }, { on_air: 10 }] as const) {
      expect(waitOf(turn(change), CHAD)).toBeNull();
    }
  });
});

describe("stages", () => {
  it("follow one another", () => {
    expect(consecutive(0, [["a", 5], ["b", 3], ["c", undefined], ["d", 99]], 50).map(({ ms }) => ms)).toEqual([5, 0, 0, 45]);
  });
  it("have words, and unknown ones their own name", () => {
    expect(wordsOf("endpointing").label).toBe("End of turn");
    const all = "endpointing transcript floor first_token first_sentence text first_audio voice playout queued".split(" ").map(wordsOf);
    expect(new Set(all.map(({ colour }) => colour)).size).toBe(new Set(all.map(({ label }) => label)).size); // they stand side by side
    expect(wordsOf("warp_drive").label).toBe("warp drive");
  });
  it("have a middle", () => {
    expect([median([]), median([3]), median([4, 1]), median([9, 1, 2])]).toEqual([null, 3, 2.5, 2]);
  });
});

describe("a length of time", () => {
  it.each([
    [0, "0 ms"],
    [380.4, "380 ms"],
    [999.4, "999 ms"],
    [999.6, "1.0 s"],
    [1240, "1.2 s"],
    [99_940, "99.9 s"],
    [125_000, "2 min 5 s"],
    [120_000, "2 min"],
    [Infinity, "–"],
    [null, "–"],
  ])("%s is %s", (value, text) => expect(duration(value)).toBe(text));
});

describe("the command that starts a talk", () => {
  it("says what was chosen, as a shell reads it", () => {
    expect(commandOf("aloud", { as: "", topic: " ", greets: false })).toBe("duologue talk");
    expect(commandOf("writing", { as: "chad", topic: "tea", greets: true })).toBe("duologue talk --as chad --topic tea --greet --text");
    expect(commandOf("file", { as: "my pack", topic: "what's $HOME", greets: false })).toBe(
      `duologue talk --as 'my pack' --topic 'what'\\''s $HOME' --wav question.wav --out answer.wav`,
    );
  });
});

describe("settings", () => {
  const rows = [
    { key: "show.fps", value: "25", source: "flag --fps", what: "Frames per second.", why: "" },
    { key: "show.turns", value: "12", source: "default", what: "Turns of one conversation.", why: "" },
    { key: "web.host", value: "127.0.0.1", source: "default", what: "The address.", why: "" },
    { key: "engines.tts", value: "auto", source: "default", what: "The engine that speaks.", why: "espeak: no model is here" },
  ];
  it("are found by any of their words, and by having been set", () => {
    expect(chosenOf(rows, "", false)).toHaveLength(4);
    expect(chosenOf(rows, "espeak", false).map(({ key }) => key)).toEqual(["engines.tts"]);
    expect(chosenOf(rows, "", true).map(({ key }) => key)).toEqual(["show.fps"]);
    expect(chosenOf(rows, "PER second", false).map(({ key }) => key)).toEqual(["show.fps"]);
    expect(chosenOf(rows, "nothing like it", false)).toEqual([]);
  });
  it("stand in sections in the order in which they come", () => {
    expect(bySection(rows).map(([name, found]) => [name, found.length])).toEqual([["show", 2], ["web", 1], ["engines", 1]]);
  });
});
