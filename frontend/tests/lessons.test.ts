import { describe, expect, it } from "vitest";
import { Place } from "../src/addresses";
import { answerTo, changes, correctionOf, current, dueIn, dueNow, inWords, learnt, newest, notesOf, nothingLearnt, type Learning } from "../src/talk/lessons";
import type { Exercise, FromServer, Judged, LessonState, Note, Turn, Vocabulary } from "../src/talk/protocol";

function exercise(id: string, change: Partial<Exercise> = {}): Exercise {
  return {
    type: "exercise", id, number: 1, kind: "repeat", ask: "Say after me.", text: "Hello.", options: [], state: "asked", again: false,
    tries: 0, answer: "", hint: "", translation: "", translates: false, ...change,
  };
}

function judged(id: string, of: string, change: Partial<Judged> = {}): Judged {
  return {
    type: "judged", id, exercise: of, said: "hello", written: false, wanted: "Hello.", verdict: "right", words: [], correction: "",
    because: "", ...change,
  };
}

const lesson: LessonState = {
  type: "lesson", name: "greetings", title: "Greetings", level: "A1", about: "", state: "going", number: 1, count: 7, right: 0, first: 0,
  seconds: 0, scored: true,
};

const all = (...messages: FromServer[]): Learning => messages.reduce(learnt, nothingLearnt);

describe("what is practised", () => {
  it("shows the exercise that is asked, and keeps those of before as they became", () => {
    const learning = all(lesson, exercise("1-1"), exercise("1-1", { state: "right", answer: "Hello." }), exercise("1-2", { number: 2 }));
    expect(learning.lesson?.title).toBe("Greetings");
    expect(learning.exercises.map(({ id, state }) => [id, state])).toEqual([["1-1", "right"], ["1-2", "asked"]]);
    expect(current(learning)?.id).toBe("1-2");
  });

  it("forgets the exercises of the lesson before when another one begins", () => {
    const learning = all(lesson, exercise("1-1"), judged("1-1/1", "1-1"), { ...lesson, name: "cafe" }, exercise("2-1"));
    expect(learning.exercises.map(({ id }) => id)).toEqual(["2-1"]);
    expect(learning.judged).toEqual([]);
    expect(learning.lesson?.name).toBe("cafe");
  });

  it("has the newest answer beside its exercise", () => {
    const learning = all(exercise("1-1"), judged("1-1/1", "1-1", { verdict: "wrong" }), judged("1-1/2", "1-1"));
    expect(newest(learning)?.judged.verdict).toBe("right");
    expect(answerTo(learning, "1-1")?.id).toBe("1-1/2");
    expect(answerTo(learning, "1-9")).toBeNull();
    expect(newest(nothingLearnt)).toBeNull();
  });

  it("says in words what a word was", () => {
    const missing = { text: "to", state: "missing", score: null, instead: "two" } as const;
    expect(inWords(missing, false)).toBe("not heard, you said “two”");
    expect(inWords(missing, true)).toBe("missing, you wrote “two”");
    expect(inWords({ ...missing, state: "right" }, true)).toBe("right");
    expect(inWords({ text: "to", state: "unclear", score: 30, instead: "" }, false)).toContain("not clear");
  });
});

describe("what a language model notes", () => {
  const note = (id: string, turn: string, kind: Note["kind"], text: string): Note => ({ type: "note", id, turn, kind, text, said: "" });
  const turn = (id: string, number: number, person: boolean): Turn => ({
    type: "turn", id, number, person, operator: "", text: "", state: "ended", heard: "", interrupted: false, at: null, stages: {}, failure: "", handovers: [], sources: [],
  });

  it("stands beside the turn that it is of, a correction beside the person's own words", () => {
    const learning = all(note("a", "t2", "correction", "I am twenty."), note("b", "t2", "hint", "I live in …"), note("a", "t2", "correction", "I'm twenty."));
    const turns = [turn("t1", 1, true), turn("t2", 2, false), turn("t3", 3, true)];
    expect(correctionOf(learning, turns, turns[0] as Turn)).toBe("I'm twenty.");
    expect(correctionOf(learning, turns, turns[2] as Turn)).toBe("");
    expect(correctionOf(learning, [turn("t0", 0, true), ...turns], turn("t0", 0, true))).toBe(""); // they went on: it is of their last words
    expect(notesOf(learning, "t2", "hint").map(({ text }) => text)).toEqual(["I live in …"]);
  });
});

describe("a correction", () => {
  const marked = (said: string, better: string): string =>
    changes(said, better).map(({ text, changed }) => (changed ? text.replace(/\S+/, "[$&]") : text)).join("");

  it.each([
    ["I have twenty years.", "I am twenty.", "I [am] twenty."],
    ["yesterday i go to the cinema", "Yesterday I went to the cinema.", "Yesterday I [went] to the cinema."],
    ["me hungry", "I'm hungry.", "[I'm] hungry."],
    ["I very like tea very much", "I like tea very much.", "I like tea very much."],
    ["", "All of it.", "[All] [of] [it.]"],
    ["Same words", "Same words.", "Same words."],
    ["a b", "a – b", "a – b"],
  ])("of %s is %s, with what is new in it", (said, better, wanted) => expect(marked(said, better)).toBe(wanted));

  it("keeps each letter of what was written, whatever was said", () => {
    const long = "word ".repeat(500);
    for (const [said, better] of [["x", long], [long, "a word, and  another"], ["", ""]] as const) {
      expect(changes(said, better).map(({ text }) => text).join("")).toBe(better);
    }
  });
});

describe("the vocabulary", () => {
  it("counts the words that became due since it was told", () => {
    const word = (due: number): Vocabulary["words"][number] => ({ word: "tea", meaning: "", translation: "", lesson: "", due, reviews: 1, lapses: 0 });
    const vocabulary: Vocabulary = { type: "vocabulary", words: [word(10), word(60_000), word(90_000)], count: 3, due: 1, level: "A1", kept: true };
    expect([20, 59_999, 60_000, 100_000].map((now) => dueNow(vocabulary, now))).toEqual([1, 1, 2, 3]);
    expect(dueNow({ ...vocabulary, words: [], count: 300, due: 250 }, 0)).toBe(250); // those that are shown are not all
    expect(dueNow(null, 0)).toBe(0);
  });

  it("says when a word comes again", () => {
    const hour = 3_600_000;
    expect([-1, 0.1, 5, 24, 72].map((hours) => dueIn(hours * hour, 0))).toEqual(["now", "in 6 min", "in 5 h", "tomorrow", "in 3 days"]);
  });
});

describe("an address", () => {
  it("takes what is no part of its path as a query", () => {
    const place = new Place(new URL("http://house/shows/one/"));
    expect(place.at("/api/talk", { person: "a b", other: "" })).toBe("http://house/shows/one/api/talk?person=a+b");
    expect(place.at("/api/talk")).toBe("http://house/shows/one/api/talk");
  });
});
