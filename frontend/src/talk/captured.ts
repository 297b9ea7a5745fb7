/** The newest of the person's sound, for a line that is lost in mid-sentence. */
import { RATE } from "./blocks";

/** `at`: its first sample on the microphone's clock, 16 kHz. */
export interface Stretch {
  readonly at: number;
  readonly samples: Int16Array;
}

const KEPT = 10 * RATE;
/** Samples of a frame. */
const FRAME = RATE / 2;

export class Captured {
  #kept: Stretch[] = [];
  #count = 0;

  keep(at: number, samples: Int16Array): void {
    this.#kept.push({ at, samples });
    this.#count += samples.length;
    while (this.#count > KEPT) this.#count -= this.#kept.shift()?.samples.length ?? this.#count;
  }

  /** What is kept from the sample `at` on, in frames; of a clock that nothing is known of: nothing. */
  from(at: number | null | undefined): readonly Stretch[] {
    const frames: { at: number; samples: number[] }[] = [];
    for (const block of at === null || at === undefined ? [] : this.#kept.filter((one) => one.at >= at)) {
      const last = frames.at(-1);
      const follows = last && last.at + last.samples.length === block.at && last.samples.length + block.samples.length <= FRAME;
      if (follows) last.samples.push(...block.samples);
      else frames.push({ at: block.at, samples: [...block.samples] });
    }
    return frames.map(({ at, samples }) => ({ at, samples: Int16Array.from(samples) }));
  }
}
