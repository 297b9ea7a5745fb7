import { describe, expect, it } from "vitest";
import { Watchdog, type Look, type Remedy } from "../src/core/recovery";

const STEP = 500;

/** Looks every half second; the last look of each kind stands for the rest. */
function watch(looks: readonly Partial<Look>[]): Remedy[] {
  const watchdog = new Watchdog();
  watchdog.reset(0);
  return looks.map((look, index) =>
    watchdog.look({ now: (index + 1) * STEP, position: index, resting: false, behind: 3, fed: true, ...look }),
  );
}

const still = (count: number, change: Partial<Look> = {}): Partial<Look>[] => Array.from({ length: count }, () => ({ position: 7, ...change }));

describe("the watchdog", () => {
  it("leaves a moving picture alone", () => {
    expect(watch(Array.from({ length: 20 }, () => ({})))).not.toContain("jump");
  });
  it("jumps once at a stall, then opens the stream anew", () => {
    const remedies = watch(still(16)).filter((one) => one !== "none");
    expect(remedies).toEqual(["jump", "rebuild"]);
  });
  it("begins a new count after each rebuild", () => {
    const remedies = watch(still(32)).filter((one) => one !== "none");
    expect(remedies.slice(0, 4)).toEqual(["jump", "rebuild", "jump", "rebuild"]);
  });
  it("waits while nothing new is listed, however long", () => {
    expect(new Set(watch(still(60, { fed: false })))).toEqual(new Set(["none", "wait"]));
  });
  it("gives the stream time to move when it is fed again", () => {
    const remedies = watch([...still(20, { fed: false }), ...still(1)]);
    expect(remedies.at(-1)).not.toBe("rebuild");
  });
  it("lets a paused picture rest", () => {
    expect(new Set(watch(still(30, { resting: true, behind: 60 })))).toEqual(new Set(["none"]));
  });
  it("jumps when the viewer has fallen far behind", () => {
    expect(watch([{}, { behind: 12 }])).toEqual(["none", "jump"]);
  });
});
