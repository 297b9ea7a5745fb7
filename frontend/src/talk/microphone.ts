/** The person's sound: the browser's microphone with its echo canceller, at 16 kHz. */
import { RATE, type Block } from "./blocks";
import { capture, type Capture } from "./capture";

/** Why there is none, and what to do about it. */
export class MicrophoneError extends Error {
  constructor(
    what: string,
    readonly remedy: string,
  ) {
    super(what);
  }
}

const TYPING = "Typing works in the meantime.";

/** What a browser's error means to a person. */
export function explained(error: unknown): MicrophoneError {
  const name = error instanceof Error ? error.name : "";
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return new MicrophoneError(
        "The microphone was refused.",
        `Allow it for this page (the sign beside the address), then choose it again. ${TYPING}`,
      );
    case "NotFoundError":
    case "OverconstrainedError":
      return new MicrophoneError("No microphone was found.", `Plug one in, then choose it again. ${TYPING}`);
    case "NotReadableError":
    case "AbortError":
      return new MicrophoneError("The microphone is taken.", `Close the program that has it, then choose it again. ${TYPING}`);
    case "NotSupportedError":
      return new MicrophoneError("This browser cannot take the microphone's sound.", `Try another browser. ${TYPING}`);
    default:
      return new MicrophoneError(`The microphone does not work: ${error instanceof Error ? error.message : String(error)}`, TYPING);
  }
}

export class Microphone {
  readonly #begun = performance.now();
  #offset = 0;
  #capture: Capture | null = null;
  onBlock: ((at: number, block: Block) => void) | null = null;
  /** It was unplugged, or taken away. */
  onEnd: ((error: MicrophoneError) => void) | null = null;

  private constructor(private readonly stream: MediaStream) {
    for (const track of stream.getTracks()) {
      track.onended = () =>
        this.onEnd?.(new MicrophoneError("The microphone is gone.", `Plug it in again, then choose it again. ${TYPING}`));
    }
  }

  /** Ask for it. Raises `MicrophoneError`. */
  static async open(): Promise<Microphone> {
    // typed as always there, and absent where a page did not come securely
    const devices = navigator.mediaDevices as MediaDevices | undefined;
    if (!devices?.getUserMedia) {
      throw new MicrophoneError(
        "Browsers give a microphone to secure pages only.",
        `Open this page on the machine itself (127.0.0.1), or by https. ${TYPING}`,
      );
    }
    let microphone: Microphone | null = null;
    try {
      const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
      const stream = await devices.getUserMedia({ audio });
      const opened = (microphone = new Microphone(stream));
      opened.#capture = await capture(stream, (block) => opened.#take(block));
      return opened;
    } catch (error) {
      await microphone?.close(); // nobody is listened to who cannot be heard
      throw explained(error);
    }
  }

  async close(): Promise<void> {
    this.onBlock = this.onEnd = null;
    for (const track of this.stream.getTracks()) track.stop();
    await this.#capture?.close();
  }

  /** A clock that goes on from one microphone to the next: the page's own at the first block, the device's after it. */
  #take(block: Block): void {
    if (block.at === 0) this.#offset = Math.round((this.#begun * RATE) / 1000);
    this.onBlock?.(this.#offset + block.at, block);
  }
}
