import { describe, expect, it } from "vitest";
import { Blocks, type Block } from "../src/talk/blocks";
import { straight } from "../src/talk/capture";

const RATE = 48_000;

function tone(length: number, gain = 0.5, rate = RATE): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length }, (_, index) => gain * Math.sin((2 * Math.PI * 440 * index) / rate));
}

/** What comes of pieces of a sound. */
function taken(pieces: readonly Float32Array[], rate = RATE): Block[] {
  const found: Block[] = [];
  const blocks = new Blocks((block) => found.push(block));
  for (const piece of pieces) blocks.push(piece, rate);
  return found;
}

/** A piece of a track's sound, of channels. */
class Piece {
  closed = false;
  readonly numberOfFrames: number;
  readonly numberOfChannels: number;
  readonly sampleRate = RATE;

  constructor(private readonly channels: readonly Float32Array[]) {
    this.numberOfFrames = channels[0]?.length ?? 0;
    this.numberOfChannels = channels.length;
  }

  copyTo(to: Float32Array, options: { planeIndex: number; format: string }): void {
    if (options.format !== "f32-planar" || this.closed) throw new Error("a piece is read as it may not be");
    to.set(this.channels[options.planeIndex] ?? []);
  }

  close(): void {
    this.closed = true;
  }
}

function track(pieces: readonly Piece[], cancelled: () => void = () => undefined): ReadableStream<AudioData> {
  const left = [...pieces];
  return new ReadableStream({
    pull: (controller) => {
      const next = left.shift();
      if (next) controller.enqueue(next as unknown as AudioData);
    },
    cancel: cancelled,
  }) as ReadableStream<AudioData>;
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

describe("the blocks of the microphone", () => {
  it("are of 20 ms and follow each other, however the sound is cut", () => {
    const sound = tone(RATE / 2);
    const whole = taken([sound]);
    expect(whole.length).toBe(24); // the resampler still has the end of it
    expect(whole.map(({ at }) => at)).toEqual(whole.map((_, index) => index * 320));
    const cut: Float32Array[] = [];
    for (let at = 0; at < sound.length; at += 480) cut.push(sound.slice(at, at + 480));
    expect(taken(cut)).toEqual(whole);
    expect(whole[9]?.level).toBeCloseTo(0.5 / Math.SQRT2, 2);
  });

  it("go on where the device's rate changes", () => {
    const found: Block[] = [];
    const blocks = new Blocks((block) => found.push(block));
    blocks.push(tone(RATE / 2), RATE);
    blocks.push(tone(22_050, 0.5, 44_100), 44_100);
    expect(found.map(({ at }) => at)).toEqual(found.map((_, index) => index * 320));
    expect(found.length).toBeGreaterThanOrEqual(48);
    expect(found.at(-1)?.level).toBeCloseTo(0.5 / Math.SQRT2, 2);
  });
});

describe("a microphone that is read straight from its track", () => {
  it("gives the same blocks, of the middle of its channels, and lets each piece go", async () => {
    const sound = tone(RATE / 10);
    const halves = [sound.map((sample) => 2 * sample), new Float32Array(sound.length)];
    const pieces = [new Piece(halves), new Piece([sound])];
    const found: Block[] = [];
    straight(track(pieces), (block) => found.push(block));
    await settled();
    expect(found).toEqual(taken([sound, sound]));
    expect(found.length).toBeGreaterThan(5);
    expect(pieces.map(({ closed }) => closed)).toEqual([true, true]);
  });

  it("gives nothing more when it is closed", async () => {
    let cancelled = 0;
    const found: Block[] = [];
    const capture = straight(track([new Piece([tone(RATE)])], () => (cancelled += 1)), (block) => found.push(block));
    await settled();
    const before = found.length;
    await capture.close();
    await settled();
    expect([found.length, cancelled]).toEqual([before, 1]);
  });
});
