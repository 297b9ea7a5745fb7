/** Orders to a playout, and what it reports: in the thread of the sound, or beside it where a page gets no such thread. */
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

export class Desk {
  readonly #playout = new Playout();
  #said = 0;
  #sounded = false;

  constructor(
    private readonly rate: number,
    private readonly say: (report: Report) => void,
  ) {}

  take(order: Order, frame: number): void {
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
        return this.say({ report: "stopped", place: this.#playout.clear(), frame });
      case "halt": {
        const { place } = this.#playout;
        this.#playout.clear();
        this.say({ report: "halted", place, frame });
      }
    }
  }

  /** The next samples; the first of them is the context's sample `frame`. */
  render(out: Float32Array, frame: number): void {
    this.#playout.render(out);
    const end = frame + out.length;
    for (const place of this.#playout.takeEnded()) this.say({ report: "played", place, frame: end, sounding: this.#playout.sounding });
    const { place, sounding } = this.#playout;
    if (place && (sounding !== this.#sounded || (sounding && end - this.#said >= EVERY_S * this.rate))) {
      this.#said = end;
      this.#sounded = sounding;
      this.say({ report: "played", place, frame: end, sounding });
    }
  }
}
