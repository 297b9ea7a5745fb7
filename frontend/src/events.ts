/** The line that carries the server's events: kept open, opened again with growing pauses, and brought up to date each time. */
import { api, ApiError } from "./requests";
import { Backoff } from "./core/backoff";
import { withConversation, withSnapshot, withTurn } from "./core/book";
import type { ShowEvent } from "./models";
import * as state from "./state";

/** Telemetry comes once a second; a line silent for this long is dead, ms. */
const SILENCE_MS = 8000;
/** Conversations whose turns are read when the line opens. */
const RECENT = 3;
const TYPES = ["conversation", "turn", "stage", "telemetry", "notice"] as const;

export class EventLine {
  #source: EventSource | null = null;
  #timer = 0;
  #silence = 0;
  /** Ids told by events since the line opened: a snapshot asked for meanwhile is older than these. */
  #fresh = new Set<string>();
  readonly #backoff = new Backoff(500, 8000);

  open(): void {
    window.clearTimeout(this.#timer);
    this.#source?.close();
    this.#fresh = new Set();
    const source = new EventSource("/api/events");
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
    void this.#catchUp();
  }

  #lost(): void {
    this.close();
    state.link.value = "lost";
    this.#timer = window.setTimeout(() => this.open(), this.#backoff.next());
    if (navigator.onLine) void this.#explain();
  }

  /** An `EventSource` does not say why it failed; a plain request does. */
  async #explain(): Promise<void> {
    try {
      await api.stage();
    } catch (error) {
      if (error instanceof ApiError && error.status >= 400 && error.status < 500) {
        state.notify({ level: "error", text: error.message, remedy: error.remedy });
      }
    }
  }

  async #catchUp(): Promise<void> {
    const fresh = this.#fresh;
    try {
      const list = await api.conversations();
      const details = await Promise.all(list.slice(0, RECENT).map((one) => api.conversation(one.id)));
      state.book.value = withSnapshot(state.book.value, list, details, fresh);
    } catch (error) {
      if (error instanceof ApiError) state.notify({ level: "warning", text: error.message, remedy: error.remedy });
    }
  }

  #take(event: ShowEvent): void {
    this.#expect();
    switch (event.type) {
      case "stage":
        state.stage.value = event.stage;
        break;
      case "conversation":
        this.#fresh.add(event.conversation.id);
        state.book.value = withConversation(state.book.value, event.conversation);
        break;
      case "turn":
        this.#fresh.add(event.turn.id);
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
