/** A stream of the server's events that is kept: opened again with growing pauses when it breaks, or says nothing when it should. */
import { Backoff } from "./core/backoff";

/** Where something comes each second, a stream that is silent for so long is dead, ms. */
const SILENCE_MS = 8000;

export interface Following<Event extends { readonly type: string }> {
  /** The whole address of the stream. */
  readonly address: string;
  readonly types: readonly Event["type"][];
  take(event: Event): void;
  /** Whether something is due within the next seconds; asked when it is opened, and after each event. Without it, never. */
  ticks?(): boolean;
  opened?(): void;
  /** It is opened again by itself. */
  lost?(): void;
}

export class KeptSource<Event extends { readonly type: string }> {
  #source: EventSource | null = null;
  #again = 0;
  #silence = 0;
  readonly #backoff = new Backoff(500, 8000);

  constructor(private readonly following: Following<Event>) {}

  open(): void {
    this.close();
    const { following } = this;
    const source = new EventSource(following.address);
    this.#source = source;
    source.addEventListener("open", () => {
      this.#backoff.reset();
      following.opened?.();
    });
    source.addEventListener("error", () => this.#lost());
    for (const type of following.types) {
      source.addEventListener(type, ({ data }: MessageEvent<string>) => {
        following.take(JSON.parse(data) as Event);
        this.#expect();
      });
    }
    this.#expect();
  }

  close(): void {
    window.clearTimeout(this.#again);
    window.clearTimeout(this.#silence);
    this.#source?.close();
    this.#source = null;
  }

  #expect(): void {
    window.clearTimeout(this.#silence);
    if (this.#source && this.following.ticks?.()) this.#silence = window.setTimeout(() => this.#lost(), SILENCE_MS);
  }

  #lost(): void {
    this.close();
    this.following.lost?.();
    this.#again = window.setTimeout(() => this.open(), this.#backoff.next());
  }
}
