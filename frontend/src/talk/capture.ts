/**
 * Where the microphone's sound is taken: straight from its track where the browser can (Chromium), else in an audio
 * context. A context has a clock of its own and keeps what came while that was held, for ever: on a busy machine it was
 * 40 to 120 ms behind within 13 s, and each answer late by as much. A track gives its sound when it is there.
 */
import { Blocks, type Block } from "./blocks";
import worklet from "./capture.worklet?worker&url";

/** Gives blocks until it is closed. */
export interface Capture {
  readonly close: () => Promise<void>;
}

/** Of the W3C's `mediacapture-transform`; TypeScript's libraries know it in workers, and for pictures. */
export type TrackReader = new (init: { track: MediaStreamTrack; maxBufferSize?: number }) => { readonly readable: ReadableStream<AudioData> };

/** Pieces of 10 ms that wait while the page is busy; of more the oldest are lost. */
const MOST_WAITING = 300;

/** Raises what the browser does. */
export async function capture(stream: MediaStream, give: (block: Block) => void): Promise<Capture> {
  const { MediaStreamTrackProcessor: Reader } = globalThis as { MediaStreamTrackProcessor?: TrackReader };
  const [track] = stream.getAudioTracks();
  return Reader && track ? straight(new Reader({ track, maxBufferSize: MOST_WAITING }).readable, give) : inContext(stream, give);
}

/** As the track has it. */
export function straight(sound: ReadableStream<AudioData>, give: (block: Block) => void): Capture {
  const blocks = new Blocks(give);
  const reader = sound.getReader();
  const read = async (): Promise<void> => {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      blocks.push(mono(piece.value), piece.value.sampleRate);
      piece.value.close();
    }
  };
  void read(); // a track that ends is no error of its sound: who has the microphone is told by the track
  return { close: () => reader.cancel() };
}

/** The middle of all channels. */
function mono(piece: AudioData): Float32Array {
  const whole = new Float32Array(piece.numberOfFrames);
  const channel = new Float32Array(piece.numberOfFrames);
  for (let planeIndex = 0; planeIndex < piece.numberOfChannels; planeIndex += 1) {
    piece.copyTo(channel, { planeIndex, format: "f32-planar" });
    channel.forEach((sample, index) => (whole[index] = (whole[index] ?? 0) + sample / piece.numberOfChannels));
  }
  return whole;
}

async function inContext(stream: MediaStream, give: (block: Block) => void): Promise<Capture> {
  const context = new AudioContext();
  void context.resume();
  try {
    await context.audioWorklet.addModule(worklet);
  } catch (error) {
    await context.close();
    throw error;
  }
  const node = new AudioWorkletNode(context, "capture", { numberOfInputs: 1, numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
  node.port.onmessage = ({ data }: MessageEvent<Block>) => give(data);
  context.createMediaStreamSource(stream).connect(node);
  return { close: () => context.close() };
}
