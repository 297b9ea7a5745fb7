/** The line that carries the server's events: kept open, and opened again with growing pauses; it begins with the state. */
import { at } from "./addresses";
import { api, ApiError } from "./requests";
import { Backoff } from "./core/backoff";
import { withConversation, withState, withTurn } from "./core/book";
import type { ShowEvent } from "./models";
import * as state from "./state";

/** Telemetry comes once a second; a line silent for this long is dead, ms. */
const SILENCE_MS = 8000;
const TYPES = ["state", "conversation", "turn", "stage", "telemetry", "notice"] as const;

export class EventLine {
  #source: EventSource | null = null;
  #timer = 0;
  #silence = 0;
  readonly #backoff = new Backoff(500, 8000);

  open(): void {
    window.clearTimeout(this.#timer);
    this.#source?.close();
    const source = new EventSource(at("/api/events"));
    this.#source = source;
    source.addEventListener("open", () => this.#opened());
    source.addEventListener("error", () => this.#lost());
    for (const type of TYPES) {
      source.addEventListener(type, (message) => this.#take(JSON.parse(message.data as string) as ShowEvent));
    }
    this.#expect();
  }

  close(): void {
    window.clearTimeout(this.#timer);
    window.clearTimeout(this.#silence);
    this.#source?.close();
    this.#source = null;
  }

  #expect(): void {
    window.clearTimeout(this.#silence);
    this.#silence = window.setTimeout(() => this.#lost(), SILENCE_MS);
  }

  #opened(): void {
    state.link.value = "open";
    this.#backoff.reset();
    void this.#list();
  }

  #lost(): void {
    this.close();
    state.link.value = "lost";
    this.#timer = window.setTimeout(() => this.open(), this.#backoff.next());
    if (navigator.onLine) void this.#explain();
  }

  /** Which shows there are; a page that does not learn it shows only its own. */
  async #list(): Promise<void> {
    state.shows.value = await api.shows().catch(() => state.shows.value);
  }

  /** An `EventSource` does not say why it failed; a plain request does. */
  async #explain(): Promise<void> {
    void this.#list();
    try {
      await api.stage();
    } catch (error) {
      // 503 is a server that starts or leaves: that passes by itself
      if (error instanceof ApiError && error.status >= 400 && error.status !== 503) {
        state.notify({ level: "error", text: error.message, remedy: error.remedy });
      }
    }
  }

  #take(event: ShowEvent): void {
    this.#expect();
    switch (event.type) {
      case "state":
        if (event.state.stage) state.stage.value = event.state.stage;
        state.book.value = withState(state.book.value, event.state.conversations, event.state.turns);
        break;
      case "stage":
        state.stage.value = event.stage;
        break;
      case "conversation":
        state.book.value = withConversation(state.book.value, event.conversation);
        break;
      case "turn":
        state.book.value = withTurn(state.book.value, event.turn);
        break;
      case "telemetry":
        this.#measure(event);
        break;
      case "notice":
        state.notify(event.notice);
    }
  }

  #measure({ telemetry }: Extract<ShowEvent, { type: "telemetry" }>): void {
    state.serverClock.stamped(telemetry.at, Date.now());
    state.telemetry.value = telemetry;
    const time = telemetry.at / 1000;
    state.frameTimes.push(time, telemetry.frame_p50, telemetry.frame_max);
    state.lateFrames.push(time, telemetry.late + telemetry.skipped);
    state.distances.push(time, state.behind.value);
    state.plotted.value += 1;
  }
}
