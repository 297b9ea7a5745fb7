/** The person's sound as it is sent: 16 kHz, 16 bits, blocks of 20 ms, and how loud each is. */
import { Resampler } from "../core/resampler";

/** `level`: RMS, 0…1. `at`: its first sample, counted since the microphone was opened. */
export interface Block {
  readonly at: number;
  readonly samples: Int16Array<ArrayBuffer>;
  readonly level: number;
}

/** Hz. */
export const RATE = 16_000;
const BLOCK = RATE / 50;

export class Blocks {
  #resampler: Resampler | null = null;
  readonly #waiting = new Float32Array(BLOCK);
  #count = 0;
  #at = 0;

  constructor(private readonly give: (block: Block) => void) {}

  /** The next samples, at a rate in Hz that may change. */
  push(heard: Float32Array, rate: number): void {
    if (this.#resampler?.from !== rate) this.#resampler = new Resampler(rate, RATE);
    for (const sample of this.#resampler.push(heard)) {
      this.#waiting[this.#count++] = sample;
      if (this.#count === BLOCK) this.#give();
    }
  }

  #give(): void {
    const samples = new Int16Array(BLOCK);
    let sum = 0;
    this.#waiting.forEach((sample, index) => {
      samples[index] = Math.round(Math.max(-1, Math.min(1, sample)) * 32_767);
      sum += sample * sample;
    });
    const at = this.#at;
    this.#at += BLOCK;
    this.#count = 0;
    this.give({ at, samples, level: Math.sqrt(sum / BLOCK) });
  }
}
