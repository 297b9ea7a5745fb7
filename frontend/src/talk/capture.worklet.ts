/** Takes the microphone's sound in its own thread: 16 kHz, 16 bits, blocks of 20 ms, and how loud each is. */
import { Resampler } from "../core/resampler";

/** `level`: RMS, 0…1. `at`: its first sample, counted since the microphone was opened. */
export interface Block {
  readonly at: number;
  readonly samples: Int16Array;
  readonly level: number;
}

const RATE = 16_000;
const BLOCK = RATE / 50;

class CaptureProcessor extends AudioWorkletProcessor {
  readonly #resampler = new Resampler(sampleRate, RATE);
  #waiting = new Float32Array(BLOCK);
  #count = 0;
  #at = 0;

  process(inputs: Float32Array[][]): boolean {
    const heard = inputs[0]?.[0];
    if (!heard) return true;
    for (const sample of this.#resampler.push(heard)) {
      this.#waiting[this.#count++] = sample;
      if (this.#count === BLOCK) this.#give();
    }
    return true;
  }

  #give(): void {
    const samples = new Int16Array(BLOCK);
    let sum = 0;
    this.#waiting.forEach((sample, index) => {
      samples[index] = Math.round(Math.max(-1, Math.min(1, sample)) * 32_767);
      sum += sample * sample;
    });
    const block: Block = { at: this.#at, samples, level: Math.sqrt(sum / BLOCK) };
    this.port.postMessage(block, [samples.buffer]);
    this.#at += BLOCK;
    this.#count = 0;
  }
}

registerProcessor("capture", CaptureProcessor);
