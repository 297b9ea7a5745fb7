import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { KeptSource, type Following } from "../src/kept-source";

interface Told {
  readonly type: "state" | "second";
  readonly at: number;
}

/** A browser's, by hand. */
class FakeSource extends EventTarget {
  static made: FakeSource[] = [];
  closed = false;

  constructor(readonly address: string) {
    super();
    FakeSource.made.push(this);
  }

  close(): void {
    this.closed = true;
  }

  open(): void {
    this.dispatchEvent(new Event("open"));
  }

  fail(): void {
    this.dispatchEvent(new Event("error"));
  }

  tell(type: string, at: number): void {
    this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify({ type, at }) }));
  }
}

function followed(change: Partial<Following<Told>> = {}): { kept: KeptSource<Told>; heard: Told[] } {
  const heard: Told[] = [];
  const kept = new KeptSource<Told>({ address: "/events", types: ["state", "second"], take: (event) => heard.push(event), ...change });
  kept.open();
  return { kept, heard };
}

const newest = (): FakeSource => FakeSource.made.at(-1)!;

describe("a kept source", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    FakeSource.made = [];
    vi.stubGlobal("EventSource", FakeSource);
    vi.stubGlobal("window", globalThis);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("gives what comes, of the kinds it follows", () => {
    const { heard } = followed();
    newest().tell("state", 1);
    newest().tell("other", 2);
    newest().tell("second", 3);
    expect(heard.map((event) => event.at)).toEqual([1, 3]);
  });
  it("opens again after growing pauses, and after a short one once it was open", () => {
    let lost = 0;
    followed({ lost: () => (lost += 1) });
    const waited: number[] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      const [broken, before] = [newest(), Date.now()];
      if (turn === 3) broken.open();
      broken.fail();
      expect(broken.closed).toBe(true);
      vi.advanceTimersToNextTimer();
      waited.push(Date.now() - before);
      expect(newest()).not.toBe(broken);
    }
    const [first, second, third, again] = waited as [number, number, number, number];
    expect(first).toBeLessThanOrEqual(500);
    expect(second).toBeGreaterThan(first);
    expect(third).toBeGreaterThan(second);
    expect(again).toBeLessThanOrEqual(500);
    expect(lost).toBe(4);
  });
  it("takes one that ticks and falls silent for lost", () => {
    followed({ ticks: () => true });
    const silent = newest();
    silent.open();
    vi.advanceTimersByTime(7000);
    silent.tell("second", 1);
    vi.advanceTimersByTime(7000);
    expect(silent.closed).toBe(false);
    vi.advanceTimersByTime(1000);
    expect(silent.closed).toBe(true);
    vi.advanceTimersByTime(500);
    expect(newest()).not.toBe(silent);
  });
  it("leaves one alone that has nothing to tell", () => {
    followed();
    newest().open();
    vi.advanceTimersByTime(600_000);
    expect(FakeSource.made).toHaveLength(1);
    expect(newest().closed).toBe(false);
  });
  it("stays closed, also when it is closed while it waits or by what it takes", () => {
    const { kept } = followed({
      ticks: () => true,
      take: () => {
        kept.close();
      },
    });
    newest().tell("state", 1);
    vi.advanceTimersByTime(600_000);
    kept.open();
    newest().fail();
    kept.close();
    vi.advanceTimersByTime(600_000);
    expect(FakeSource.made).toHaveLength(2);
    expect(FakeSource.made.every((one) => one.closed)).toBe(true);
  });
});
