/** Plays in the thread of the sound, and says how far it is. */
import { Playout, type Piece, type Place } from "./playout";

export type Order =
  | { readonly order: "play"; readonly piece: Piece }
  | { readonly order: "pause" | "go_on" | "clear" | "halt" }
  | { readonly order: "withdraw"; readonly id: string };

/** `frame`: the context's, at which that will be so at the device. */
export type Report =
  | { readonly report: "played"; readonly place: Place; readonly frame: number; readonly sounding: boolean }
  | { readonly report: "stopped" | "halted"; readonly place: Place | null; readonly frame: number };

const EVERY_S = 0.1;

class PlayoutProcessor extends AudioWorkletProcessor {
  readonly #playout = new Playout();
  #said = 0;
  #sounded = false;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<Order>) => this.#take(data);
  }

  #take(order: Order): void {
    switch (order.order) {
      case "play":
        return this.#playout.take(order.piece);
      case "pause":
        return this.#playout.pause();
      case "go_on":
        return this.#playout.goOn();
      case "withdraw":
        return this.#playout.withdraw(order.id);
      case "clear":
        return this.#say({ report: "stopped", place: this.#playout.clear(), frame: currentFrame });
      case "halt": {
        const { place } = this.#playout;
        this.#playout.clear();
        this.#say({ report: "halted", place, frame: currentFrame });
      }
    }
  }

  process(_: Float32Array[][], outputs: Float32Array[][]): boolean {
    const out = outputs[0]?.[0];
    if (!out) return true;
    this.#playout.render(out);
    const frame = currentFrame + out.length;
    for (const place of this.#playout.takeEnded()) this.#say({ report: "played", place, frame, sounding: this.#playout.sounding });
    const { place, sounding } = this.#playout;
    if (place && (sounding !== this.#sounded || (sounding && frame - this.#said >= EVERY_S * sampleRate))) {
      this.#said = frame;
      this.#sounded = sounding;
      this.#say({ report: "played", place, frame, sounding });
    }
    return true;
  }

  #say(report: Report): void {
    this.port.postMessage(report);
  }
}

registerProcessor("playout", PlayoutProcessor);
