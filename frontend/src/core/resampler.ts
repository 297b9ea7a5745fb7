/** Sound at the rate of a device, brought to another rate as it comes: a windowed sinc, evaluated where the samples fall. */

const HALF_TAPS = 16;
/** Of the lower one of both rates: what lies above is taken out. */
const PASS = 0.46;
const PHASES = 256;

export class Resampler {
  readonly #step: number;
  readonly #half: number;
  readonly #table: Float32Array;
  #kept: Float32Array;
  /** Where the next sample lies, in samples of what is kept. */
  #place: number;

  /** Rates in Hz. */
  constructor(
    readonly from: number,
    readonly to: number,
  ) {
    this.#step = from / to;
    this.#half = Math.ceil(HALF_TAPS * Math.max(1, this.#step));
    this.#table = kernel(this.#half, PASS * Math.min(1, to / from));
    this.#kept = new Float32Array(this.#half);
    this.#place = this.#half;
  }

  /** What comes of the next samples; a filter's half length is withheld. */
  push(samples: Float32Array): Float32Array {
    const all = new Float32Array(this.#kept.length + samples.length);
    all.set(this.#kept);
    all.set(samples, this.#kept.length);
    const last = all.length - this.#half - 1;
    const made = new Float32Array(Math.max(0, Math.floor((last - this.#place) / this.#step) + 1));
    for (let index = 0; index < made.length; index += 1) made[index] = this.#at(all, this.#place + index * this.#step);
    this.#place += made.length * this.#step;
    const gone = Math.max(0, Math.floor(this.#place) - this.#half);
    this.#place -= gone;
    this.#kept = all.slice(gone);
    return made;
  }

  #at(all: Float32Array, place: number): number {
    const whole = Math.floor(place);
    const phase = Math.round((place - whole) * PHASES);
    const width = 2 * this.#half + 1;
    let sum = 0;
    for (let tap = 0, at = whole - this.#half, of = phase * width; tap < width; tap += 1) {
      sum += (all[at + tap] ?? 0) * (this.#table[of + tap] ?? 0);
    }
    return sum;
  }
}

/** The kernel at each phase; a row sums to 1. */
function kernel(half: number, pass: number): Float32Array {
  const width = 2 * half + 1;
  const table = new Float32Array((PHASES + 1) * width);
  for (let phase = 0; phase <= PHASES; phase += 1) {
    let sum = 0;
    for (let tap = 0; tap < width; tap += 1) {
      const away = tap - half - phase / PHASES;
      const turn = Math.PI * 2 * pass * away;
      const window = Math.abs(away) > half ? 0 : 0.42 + 0.5 * Math.cos((Math.PI * away) / half) + 0.08 * Math.cos((2 * Math.PI * away) / half);
      const value = (Math.abs(away) < 1e-9 ? 1 : Math.sin(turn) / turn) * window;
      table[phase * width + tap] = value;
      sum += value;
    }
    for (let tap = 0; tap < width; tap += 1) table[phase * width + tap] = (table[phase * width + tap] ?? 0) / sum;
  }
  return table;
}
