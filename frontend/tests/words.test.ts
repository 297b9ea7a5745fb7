import { describe, expect, it } from "vitest";
import { hearing, lastBegun, pieces } from "../src/core/words";

const words = [
  { start: 1000, end: 1200 },
  { start: 1250, end: 1500 },
  { start: 2500, end: 2700 },
];

describe("the word that is heard", () => {
  it("is none before the first", () => {
    expect(hearing(words, 999)).toEqual({ lit: -1, heard: 0 });
  });
  it("is lit from its start", () => {
    expect(hearing(words, 1000)).toEqual({ lit: 0, heard: 1 });
    expect(hearing(words, 1250)).toEqual({ lit: 1, heard: 2 });
  });
  it("stays lit over the short gap to the next, not through a pause", () => {
    expect(hearing(words, 1230).lit).toBe(0);
    expect(hearing(words, 2000)).toEqual({ lit: -1, heard: 2 });
  });
  it("is none after the last, when all have been heard", () => {
    expect(hearing(words, 9000)).toEqual({ lit: -1, heard: 3 });
  });
  it("is found as a plain search finds it, for any time", () => {
    const many = Array.from({ length: 57 }, (_, index) => ({ start: index * 10, end: index * 10 + 8 }));
    for (let time = -5; time < 600; time += 1) {
      expect(lastBegun(many, time)).toBe(many.filter((word) => word.start <= time).length - 1);
    }
    expect(lastBegun([], 5)).toBe(-1);
  });
});

describe("the text cut at its words", () => {
  const cut = (text: string, ...spoken: string[]): unknown => pieces(text, spoken.map((word) => ({ text: word }))).map((piece) => [piece.from, piece.text]);

  it("keeps the punctuation, and nothing is lost", () => {
    expect(cut("Well, ducks! (Two.)", "well", "ducks", "Two")).toEqual([
      [0, "Well, "],
      [1, "ducks! "],
      [2, "(Two.)"],
    ]);
  });
  it("leaves an opening mark with the word that it opens, and a hyphen with the one before", () => {
    expect(cut("asked about “Would you” a well-known", "asked", "about", "Would", "you", "a", "well", "known")).toEqual([
      [0, "asked "],
      [1, "about "],
      [2, "“Would "],
      [3, "you” "],
      [4, "a "],
      [5, "well-"],
      [6, "known"],
    ]);
  });
  it("leaves a dash between two words with the one before", () => {
    expect(cut("six — no", "six", "no")).toEqual([
      [0, "six — "],
      [1, "no"],
    ]);
  });
  it("keeps what stands before the first word", () => {
    expect(cut("“Hm,” he said", "Hm", "he", "said")).toEqual([
      [0, "“Hm,” "],
      [1, "he "],
      [2, "said"],
    ]);
  });
  it("finds a repeated word at its own place", () => {
    expect(cut("no no yes", "no", "no", "yes")).toEqual([
      [0, "no "],
      [1, "no "],
      [2, "yes"],
    ]);
  });
  it("lets a word that is not in the text be carried by the one before", () => {
    expect(cut("at 63 degrees", "at", "sixty", "three", "degrees")).toEqual([
      [0, "at 63 "],
      [3, "degrees"],
    ]);
  });
  it("does not run after a like word far away", () => {
    expect(cut("you owe me a lot of money, six", "you", "six", "owe")).toEqual([
      [0, "you "],
      [2, "owe me a lot of money, six"],
    ]);
  });
  it("is the whole text when no word is known", () => {
    expect(cut("Hello.", "…")).toEqual([[0, "Hello."]]);
  });
});
