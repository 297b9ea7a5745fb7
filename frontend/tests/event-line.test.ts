import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Place } from "../src/addresses";
import { EventLine } from "../src/events";
import type { PartView } from "../src/models";
import { Api } from "../src/requests";
import { State } from "../src/state";

/** A browser's, by hand. */
class FakeSource extends EventTarget {
  static made: FakeSource[] = [];

  constructor(readonly address: string) {
    super();
    FakeSource.made.push(this);
  }

  close(): void {}

  tell(event: { readonly type: string }): void {
    this.dispatchEvent(new MessageEvent(event.type, { data: JSON.stringify(event) }));
  }
}

const SHOW: PartView = { name: "show", topic: "show:show", state: "up", failure: "", last_failure: "", restarts: 0, due: null, reasons: [] };
const HOUSE = { parts: [SHOW], engines: [], outputs: [], places: [], waiting: 0, talks: [], workers: [] };
const STATE = { type: "state", state: { house: HOUSE, stage: { cast: [] }, conversations: [], turns: [] } };

describe("the line of events", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    FakeSource.made = [];
    vi.stubGlobal("EventSource", FakeSource);
    vi.stubGlobal("window", globalThis);
    vi.stubGlobal("navigator", { onLine: false });
    vi.stubGlobal("fetch", () => Promise.resolve(new Response("[]", { headers: { "content-type": "application/json" } })));
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it.each(["stopped", "over", "failed", "restarting"] as const)("waits for no telemetry of a show that is %s", (state) => {
    const known = new State();
    const line = new EventLine(new Api(Place.of("http://127.0.0.1/")), known);
    line.open();
    const source = FakeSource.made[0]!;
    source.dispatchEvent(new Event("open"));
    source.tell(STATE);
    source.tell({ type: "part", part: { ...SHOW, state } } as { type: string });
    vi.advanceTimersByTime(60_000);
    expect([known.link.value, FakeSource.made.length]).toEqual(["open", 1]);
    source.tell({ type: "part", part: SHOW } as { type: string });
    vi.advanceTimersByTime(8_000);
    expect(known.link.value).toBe("lost"); // one that is up and says nothing
    line.close();
  });
});
