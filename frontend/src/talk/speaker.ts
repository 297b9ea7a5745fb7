/** The character's sound on this device's audio clock: played in the thread of the sound, told when it is heard. */
import type { Player } from "./client";
import type { Piece, Place } from "./playout";
import { Desk, type Order, type Report } from "./desk";
import worklet from "./playout.worklet?worker&url";

/** Of the server's sound, and so of the context: nothing is resampled between two pieces. */
const RATE = 48_000;
const HALT_MS = 500;
/** For what fades. */
const REST_MS = 200;

/** Where the sound is now, for who follows it. */
export interface Heard {
  readonly id: string;
  readonly ms: number;
}

/** Where the playout runs. */
interface Output {
  readonly order: (order: Order) => void;
  report: (report: Report) => void;
}

/** In the page's own thread: what a page gets that did not come securely. It may stutter while the page is busy. */
function beside(context: AudioContext): Output {
  const output: Output = { order: (order) => desk.take(order, frame), report: () => undefined };
  const desk = new Desk(RATE, (report) => output.report(report));
  let frame = 0;
  const node = context.createScriptProcessor(1024, 0, 1);
  node.onaudioprocess = ({ outputBuffer, playbackTime }) => {
    frame = Math.round(playbackTime * RATE);
    desk.render(outputBuffer.getChannelData(0), frame);
  };
  node.connect(context.destination);
  return output;
}

export class Speaker implements Player {
  onPlayed: ((place: Place, at: number) => void) | null = null;
  onStopped: ((place: Place | null, at: number) => void) | null = null;
  #halted: ((place: Place | null) => void) | null = null;
  #newest: { place: Place; frame: number; sounding: boolean } | null = null;
  #replay: AudioBufferSourceNode | null = null;
  #resting = false;
  #rest = 0;

  private constructor(
    readonly context: AudioContext,
    private readonly output: Output,
  ) {
    output.report = (report) => this.#take(report);
  }

  /** To be called where a person has just pressed something: browsers start no sound by themselves. */
  static async open(): Promise<Speaker> {
    const context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
    void context.resume();
    // typed as always there, and absent where a page did not come securely
    const worklets = context.audioWorklet as AudioWorklet | undefined;
    if (!worklets) return new Speaker(context, beside(context));
    try {
      await worklets.addModule(worklet);
    } catch (error) {
      await context.close();
      throw error;
    }
    const node = new AudioWorkletNode(context, "playout", { numberOfInputs: 0, numberOfOutputs: 1, outputChannelCount: [1] });
    node.connect(context.destination);
    const output: Output = { order: (order) => node.port.postMessage(order), report: () => undefined };
    node.port.onmessage = ({ data }: MessageEvent<Report>) => output.report(data);
    return new Speaker(context, output);
  }

  /** To be called where a person has just pressed something. */
  async allow(): Promise<void> {
    this.#resting = false;
    window.clearTimeout(this.#rest);
    await this.context.resume();
  }

  /** Nothing more will be played but replays: the device is let go while nothing sounds. */
  rest(): void {
    this.#resting = true;
    this.#settle();
  }

  play(piece: Piece): void {
    this.#order({ order: "play", piece });
  }

  pause(): void {
    this.#order({ order: "pause" });
  }

  goOn(): void {
    this.#order({ order: "go_on" });
  }

  clear(): void {
    this.#order({ order: "clear" });
  }

  withdraw(id: string): void {
    this.#order({ order: "withdraw", id });
  }

  halt(): Promise<Place | null> {
    return new Promise((resolve) => {
      const unanswered = setTimeout(() => resolve(null), HALT_MS); // a context that is not allowed to run does not answer
      this.#halted = (place) => {
        clearTimeout(unanswered);
        resolve(place);
      };
      this.#order({ order: "halt" });
    });
  }

  /** What is heard now; null: nothing is. */
  get heard(): Heard | null {
    const newest = this.#newest;
    if (!newest?.sounding) return null;
    const since = this.context.currentTime - this.#latency - newest.frame / RATE;
    return { id: newest.place.id, ms: (1000 * newest.place.samples) / RATE + 1000 * Math.min(0.5, since) };
  }

  /** A chunk again, beside the conversation; `over` when it has ended or was stopped. */
  replay(pieces: readonly Float32Array[], over: () => void): void {
    this.hush();
    const length = pieces.reduce((sum, { length }) => sum + length, 0);
    if (length === 0) return over();
    void this.context.resume();
    const buffer = this.context.createBuffer(1, length, RATE);
    let at = 0;
    for (const piece of pieces) {
      buffer.copyToChannel(new Float32Array(piece), 0, at);
      at += piece.length;
    }
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.context.destination);
    source.onended = () => {
      if (this.#replay === source) this.#replay = null;
      this.#settle();
      over();
    };
    this.#replay = source;
    source.start();
  }

  /** Stop a replay. */
  hush(): void {
    this.#replay?.stop();
    this.#replay = null;
  }

  async close(): Promise<void> {
    this.hush();
    window.clearTimeout(this.#rest);
    this.#resting = false;
    this.output.report = () => undefined;
    await this.context.close();
  }

  get #latency(): number {
    return this.context.outputLatency || this.context.baseLatency || 0;
  }

  #order(order: Order): void {
    this.output.order(order);
  }

  #settle(): void {
    if (!this.#resting) return;
    window.clearTimeout(this.#rest);
    this.#rest = window.setTimeout(() => {
      if (!this.#newest?.sounding && !this.#replay) void this.context.suspend();
    }, REST_MS);
  }

  #take(report: Report): void {
    const at = Math.max(0, Math.round((1e6 * report.frame) / RATE));
    switch (report.report) {
      case "played": {
        this.#newest = report;
        // what was rendered is heard when it has passed the device
        const { place } = report;
        setTimeout(() => this.onPlayed?.(place, at), 1000 * this.#latency);
        break;
      }
      case "stopped":
        this.#newest = null;
        this.onStopped?.(report.place, at);
        break;
      case "halted":
        this.#newest = null;
        this.#halted?.(report.place);
        this.#halted = null;
    }
    this.#settle();
  }
}
