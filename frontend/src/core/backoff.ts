/** How long to wait before trying again: doubling, bounded, and spread so that a crowd does not come back as one. */
export class Backoff {
  #attempts = 0;

  /** Times in ms; `random` gives 0…1. */
  constructor(
    private readonly first: number,
    private readonly most: number,
    private readonly random: () => number = Math.random,
  ) {}

  /** The next wait in ms: between 75 % and 100 % of the doubled step. */
  next(): number {
    const step = Math.min(this.most, this.first * 2 ** this.#attempts);
    this.#attempts += 1;
    return Math.round(step * (0.75 + this.random() * 0.25));
  }

  /** It worked: begin again with the first step. */
  reset(): void {
    this.#attempts = 0;
  }
}
