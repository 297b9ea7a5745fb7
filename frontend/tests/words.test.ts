import { describe, expect, it } from "vitest";
import { hearing, lastBegun } from "../src/core/words";

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
