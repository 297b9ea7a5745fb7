/** Which page is shown: the History API, deep links, the title and the focus. Links are plain links; this follows them. */
import { computed, signal, type ReadonlySignal } from "@preact/signals";
import type { Place } from "./addresses";

/** A page of the house. The name is its address in the place of the show; the first one's is empty. */
export interface Route {
  readonly name: string;
  readonly label: string;
}

export class Router<Known extends Route> {
  readonly #name = signal("");
  /** The page that is shown; null for an address that none has. */
  readonly route: ReadonlySignal<Known | null>;
  /** Counts the ways taken, so that each moves the focus, and the first does not. */
  readonly moves = signal(0);

  constructor(
    readonly routes: readonly Known[],
    private readonly place: Place,
    private readonly view: Window = window,
  ) {
    this.route = computed(() => this.routes.find(({ name }) => name === this.#name.value) ?? null);
    this.#read();
  }

  /** Follow links and the browser's own buttons until `ending`. */
  start(ending: AbortSignal): void {
    this.view.document.addEventListener("click", (event) => this.#follow(event), { signal: ending });
    this.view.addEventListener("popstate", () => this.#arrive(), { signal: ending });
  }

  href(route: Route): string {
    return this.place.page(route.name);
  }

  go(address: URL): void {
    if (address.href !== this.view.location.href) this.view.history.pushState(null, "", address);
    this.#arrive();
    this.view.scrollTo(0, 0);
  }

  #arrive(): void {
    this.#read();
    this.moves.value += 1;
  }

  #read(): void {
    this.#name.value = this.place.nameOf(new URL(this.view.location.href)) ?? "?";
  }

  /** A plain click on a link to one of our pages stays here; everything else is the browser's. */
  #follow(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.("a");
    if (!link || link.target || link.hasAttribute("download")) return;
    const address = new URL(link.href);
    const name = this.place.nameOf(address);
    if (name === null || address.hash || !this.routes.some((route) => route.name === name)) return;
    event.preventDefault();
    this.go(address);
  }
}
