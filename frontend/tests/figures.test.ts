import { describe, expect, it } from "vitest";
import { Backoff } from "../src/core/backoff";
import { contrast, legible } from "../src/core/colour";
import { compact, decimal, label, megabytes, offsetAt, sentence, stretch, zoneOf } from "../src/core/format";
import { Ring } from "../src/core/ring";
import { ServerClock } from "../src/core/server-clock";

describe("the offset of this device's clocks", () => {
  it("is written as reports have it", () => {
    expect([0, 60, -150, 345, 840].map(zoneOf)).toEqual(["UTC", "UTC+01:00", "UTC-02:30", "UTC+05:45", "UTC+14:00"]);
  });
  it("is that of the moment that it is asked of", () => {
    const moment = new Date(2026, 6, 1, 12).getTime();
    expect(new Date(moment + offsetAt(moment) * 60_000).toISOString().slice(0, 16)).toBe("2026-07-01T12:00");
  });
});

describe("a ring of samples", () => {
  it("forgets the oldest and keeps its columns equally long", () => {
    const ring = new Ring(2, 3);
    for (let time = 1; time <= 5; time += 1) ring.push(time, time * 10, null);
    expect(ring.columns()).toEqual([
      [3, 4, 5],
      [30, 40, 50],
      [null, null, null],
    ]);
    expect(ring.latest()).toBe(50);
  });
  it("drops a sample that is not newer: uPlot needs rising times", () => {
    const ring = new Ring(1, 10);
    ring.push(5, 1);
    ring.push(5, 2);
    ring.push(4, 3);
    expect(ring.columns()).toEqual([[5], [1]]);
  });
});

describe("the server's time", () => {
  it("believes a browser clock that the stamps allow", () => {
    const clock = new ServerClock();
    clock.stamped(10_000, 10_020);
    clock.dated(10_000, 10_400, 10_450);
    expect(clock.offset).toBe(0);
  });
  it("mends a clock that is wrong by minutes to within the stamps' coarseness", () => {
    const clock = new ServerClock(); // the browser is 300 s slow
    clock.stamped(400_500, 100_520);
    clock.dated(400_000, 100_600, 100_640);
    expect(clock.offset).toBeGreaterThanOrEqual(299_980);
    expect(clock.offset).toBeLessThanOrEqual(301_400);
  });
  it("starts over when a clock was set", () => {
    const clock = new ServerClock();
    clock.dated(100_000, 100_100, 100_120);
    clock.stamped(200_000, 100_500);
    expect(clock.offset).toBe(99_500);
  });
});

describe("waiting before another try", () => {
  it("doubles up to a bound and begins anew after success", () => {
    const backoff = new Backoff(500, 3000, () => 1);
    expect([backoff.next(), backoff.next(), backoff.next(), backoff.next()]).toEqual([500, 1000, 2000, 3000]);
    backoff.reset();
    expect(backoff.next()).toBe(500);
  });
  it("is spread", () => {
    expect(new Backoff(1000, 4000, () => 0).next()).toBe(750);
  });
});

describe("numbers and names", () => {
  it("show a dash for what is unknown", () => {
    expect([decimal(null), decimal(undefined), decimal(Number.NaN), decimal(8.25)]).toEqual(["–", "–", "–", "8.3"]);
  });
  it("read well", () => {
    expect([compact(999), compact(1290), compact(34_800)]).toEqual(["999", "1.2k", "34k"]);
    expect([megabytes(412.4), megabytes(1234)]).toEqual(["412 MB", "1.23 GB"]);
    expect([label("living-room"), label("test_card"), label("")]).toEqual(["Living room", "Test card", ""]);
  });
});

describe("a speaker's colour", () => {
  it("is left alone where it can be read and lightened where it cannot", () => {
    expect(legible("#f2b93b", "#17191c")).toBe("#f2b93b");
    const dark = legible("#203060", "#17191c");
    expect(contrast(dark, "#17191c")).toBeGreaterThanOrEqual(5);
    expect(legible("tomato", "#17191c")).toMatch(/^#/);
  });
  it("is measured as WCAG does", () => {
    expect(contrast("#ffffff", "#000000")).toBeCloseTo(21);
  });
});

describe("a sentence inside another", () => {
  it("begins small, keeps abbreviations and ends once", () => {
    expect(sentence("Every second picture is left out.")).toBe("every second picture is left out.");
    expect(sentence("TV at half its rate")).toBe("TV at half its rate.");
  });
});

describe("how long something went on", () => {
  it("is told in whole seconds, and of hours in minutes", () => {
    expect([499, 29_400, 59_600, 89_000, 3_725_000].map(stretch)).toEqual(["0 s", "29 s", "1 min 0 s", "1 min 29 s", "1 h 2 min"]);
  });
});
