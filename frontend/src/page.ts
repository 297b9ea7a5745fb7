/** One page: where it lies, what it knows, and how it asks. Components find theirs by `usePage`; no state is anyone else's. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { Place } from "./addresses";
import { EventLine } from "./events";
import { Api } from "./requests";
import { Router } from "./router";
import { ROUTES, type PageRoute } from "./routes";
import { State } from "./state";
import { Attendance } from "./talk/attendance";
import { Talk } from "./talk/talk";

export class Page {
  readonly place: Place;
  readonly api: Api;
  readonly state = new State();
  readonly router: Router<PageRoute>;
  readonly talk: Talk;
  readonly attendance: Attendance;
  readonly #events: EventLine;

  /** `address` is the document's own. */
  constructor(address: string) {
    this.place = Place.of(address);
    this.api = new Api(this.place);
    this.router = new Router(ROUTES, this.place);
    this.talk = new Talk(this.api, this.place);
    this.attendance = new Attendance(this.place);
    this.#events = new EventLine(this.api, this.state);
  }

  /** Follow links and events until `ending`. */
  start(ending: AbortSignal): void {
    this.router.start(ending);
    this.#events.open();
    ending.addEventListener("abort", () => this.#events.close(), { once: true });
  }
}

export const PageContext = createContext<Page | null>(null);

export function usePage(): Page {
  const page = useContext(PageContext);
  if (!page) throw new Error("a component stands outside of a page");
  return page;
}

/** What the page knows. */
export function useKnown(): State {
  return usePage().state;
}
