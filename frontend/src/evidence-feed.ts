/** What the house does, second by second: followed while the Evidence page is shown, and no longer. */
import { signal } from "@preact/signals";
import type { Place } from "./addresses";
import { begun, withAnswer, withSecond, type Live } from "./core/evidence";
import { KeptSource } from "./kept-source";
import type { EvidenceEvent } from "./models";

export class EvidenceFeed {
  /** Null until the server has told it. */
  readonly live = signal<Live | null>(null);
  readonly #source: KeptSource<EvidenceEvent>;

  constructor(place: Place) {
    this.#source = new KeptSource<EvidenceEvent>({
      address: place.at("/api/evidence/events"),
      types: ["state", "second", "answer"],
      take: (event) => this.#take(event),
      ticks: () => true,
    });
  }

  open(): void {
    this.#source.open();
  }

  close(): void {
    this.#source.close();
  }

  #take(event: EvidenceEvent): void {
    const { live } = this;
    if (event.type === "state") live.value = begun(event, live.value);
    else if (live.value) live.value = event.type === "answer" ? withAnswer(live.value, event) : withSecond(live.value, event);
  }
}
