/** Plays in the thread of the sound, and says how far it is. */
import { Desk, type Order } from "./desk";

class PlayoutProcessor extends AudioWorkletProcessor {
  readonly #desk = new Desk(sampleRate, (report) => this.port.postMessage(report));

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<Order>) => this.#desk.take(data, currentFrame);
  }

  process(_: Float32Array[][], outputs: Float32Array[][]): boolean {
    const out = outputs[0]?.[0];
    if (out) this.#desk.render(out, currentFrame);
    return true;
  }
}

registerProcessor("playout", PlayoutProcessor);
