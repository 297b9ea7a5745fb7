import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Speaker } from "../src/talk/speaker";

/** A page's that did not come securely: what plays is called by hand. */
class FakeContext {
  static last: FakeContext;
  readonly did: string[] = [];
  readonly destination = {};
  currentTime = 0;
  processor: { onaudioprocess?: (event: unknown) => void; connect: () => void } = { connect: () => undefined };
  source: { onended?: () => void; connect: () => void; start: () => void; stop: () => void } = {
    connect: () => undefined, start: () => undefined, stop: () => undefined,
  };

  constructor() {
    FakeContext.last = this;
  }

  resume = async (): Promise<void> => void this.did.push("resume");
  suspend = async (): Promise<void> => void this.did.push("suspend");
  createScriptProcessor = (): unknown => this.processor;
  createBuffer = (): unknown => ({ copyToChannel: () => undefined });
  createBufferSource = (): unknown => this.source;

  /** The next samples of what is heard. */
  render(count: number): void {
    this.processor.onaudioprocess?.({ outputBuffer: { getChannelData: () => new Float32Array(count) }, playbackTime: this.currentTime });
    this.currentTime += count / 48_000;
  }
}

const piece = (count: number): Parameters<Speaker["play"]>[0] => ({ id: "a", start: 0, samples: new Float32Array(count), first: true, more: false, gap: 0 });

describe("the loudspeaker", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("window", globalThis);
    vi.stubGlobal("AudioContext", FakeContext);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("is let go after a conversation, when its last sound is over", async () => {
    const speaker = await Speaker.open();
    const context = FakeContext.last;
    speaker.play(piece(4800));
    context.render(1024);
    speaker.rest();
    vi.advanceTimersByTime(5000);
    expect(context.did).not.toContain("suspend");
    context.render(4096);
    vi.advanceTimersByTime(5000);
    expect(context.did.at(-1)).toBe("suspend");
  });

  it("is taken again for a replay, and for the next conversation", async () => {
    const speaker = await Speaker.open();
    const context = FakeContext.last;
    speaker.rest();
    vi.advanceTimersByTime(5000);
    speaker.replay([new Float32Array(10)], () => undefined);
    vi.advanceTimersByTime(5000);
    expect(context.did.slice(-2)).toEqual(["suspend", "resume"]);
    context.source.onended?.();
    vi.advanceTimersByTime(5000);
    expect(context.did.at(-1)).toBe("suspend");
    speaker.rest();
    await speaker.allow();
    vi.advanceTimersByTime(5000);
    expect(context.did.at(-1)).toBe("resume");
  });
});
