/** The line that carries the server's events: kept open, and opened again with growing pauses; it begins with the state. */
import type { Api } from "./requests";
import { withConversation, withState, withTurn } from "./core/book";
import { isUp, withEngines, withOutputs, withPart, withPlaces, withTalk, withWorker } from "./core/house";
import { stillShown, withCall, withCallTurn, withLine } from "./core/line";
import { KeptSource } from "./kept-source";
import type { ShowEvent } from "./models";
import type { State } from "./state";

const TYPES = [
  "state", "conversation", "turn", "stage", "telemetry", "part", "talk", "line", "call", "call_turn",
  "levels", "engines", "worker", "places", "outputs", "notice",
] as const satisfies readonly ShowEvent["type"][];

export class EventLine {
  readonly #source: KeptSource<ShowEvent>;

  constructor(
    private readonly api: Api,
    private readonly state: State,
  ) {
    this.#source = new KeptSource<ShowEvent>({
      address: api.place.at("/api/events"),
      types: TYPES,
      take: (event) => this.#take(event),
      // first comes the state; then a show's telemetry each second, if it is up: the house goes on without it
      ticks: () => state.link.value !== "open" || isUp(state.house.value, state.here.value),
      opened: () => this.#opened(),
      lost: () => this.#lost(),
    });
  }

  open(): void {
    this.#source.open();
  }

  close(): void {
    this.#source.close();
  }

  #opened(): void {
    this.state.link.value = "open";
    void this.#ask();
  }

  #lost(): void {
    this.state.link.value = "lost";
    if (navigator.onLine) void this.#explain();
  }

  /** What events do not tell: which shows there are, and what this page may do. Unanswered, it is as it was. */
  async #ask(): Promise<void> {
    const { shows, session } = this.state;
    const [listed, found] = await Promise.allSettled([this.api.get("/api/shows"), this.api.get("/api/session")]);
    if (listed.status === "fulfilled") shows.value = listed.value;
    if (found.status === "fulfilled") session.value = found.value;
  }

  /** An `EventSource` does not say why it failed; a plain request does. */
  async #explain(): Promise<void> {
    void this.#ask();
    const refused = await this.api.refusal("/api/events");
    // 503 is a server that starts or leaves: that passes by itself
    if (refused && refused.status !== 503) this.state.notify({ level: "error", text: refused.message, remedy: refused.remedy });
  }

  #take(event: ShowEvent): void {
    const { state } = this;
    switch (event.type) {
      case "state":
        state.house.value = event.state.house;
        state.line.value = event.state.line ?? null;
        state.said.value = new Map(); // there may have been a gap: what is looked at is asked for anew
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
        state.measure(event.telemetry);
        break;
      case "part":
        state.house.value = withPart(state.house.value, event.part);
        void this.#ask(); // a show that came or went is another line of the list
        break;
      case "talk":
        state.house.value = withTalk(state.house.value, event.talk);
        break;
      case "line":
        state.line.value = withLine(state.line.value, event.line);
        break;
      case "call":
        state.line.value = withCall(state.line.value, event.call);
        state.said.value = stillShown(state.said.value, state.line.value);
        break;
      case "call_turn":
        state.said.value = withCallTurn(state.said.value, event.turn);
        break;
      case "levels":
        state.levels.value = new Map(event.levels.map((one) => [one.call, one]));
        break;
      case "engines":
        state.house.value = withEngines(state.house.value, event.engines);
        break;
      case "worker":
        state.house.value = withWorker(state.house.value, event.worker);
        break;
      case "places":
        state.house.value = withPlaces(state.house.value, event.places, event.waiting);
        break;
      case "outputs":
        state.house.value = withOutputs(state.house.value, event.outputs);
        break;
      case "notice":
        state.notify(event.notice);
    }
  }
}
