/** Takes the microphone's sound in its own thread, in blocks. */
import { Blocks } from "./blocks";

class CaptureProcessor extends AudioWorkletProcessor {
  readonly #blocks = new Blocks((block) => this.port.postMessage(block, [block.samples.buffer]));

  process(inputs: Float32Array[][]): boolean {
    const heard = inputs[0]?.[0];
    if (heard) this.#blocks.push(heard, sampleRate);
    return true;
  }
}

registerProcessor("capture", CaptureProcessor);
