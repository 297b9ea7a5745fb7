/** A bounded run of samples for a plot: the oldest falls out when a new one comes. */
export class Ring {
  readonly #times: number[] = [];
  readonly #series: (number | null)[][];

  /** `series` values a sample, `capacity` samples. */
  constructor(
    series: number,
    private readonly capacity: number,
  ) {
    this.#series = Array.from({ length: series }, () => []);
  }

  /** Add a sample at `time` (s). A missing value is a gap in the line. Time never runs backward: such a sample is dropped. */
  push(time: number, ...values: (number | null)[]): void {
    if (time <= (this.#times.at(-1) ?? -Infinity)) return;
    this.#times.push(time);
    this.#series.forEach((series, index) => series.push(values[index] ?? null));
    if (this.#times.length > this.capacity) {
      this.#times.shift();
      for (const series of this.#series) series.shift();
    }
  }

  get length(): number {
    return this.#times.length;
  }

  /** The newest value of a series, null when there is none. */
  latest(series = 0): number | null {
    return this.#series[series]?.at(-1) ?? null;
  }

  /** The samples as columns, the times first: what uPlot draws. */
  columns(): [number[], ...(number | null)[][]] {
    return [this.#times.slice(), ...this.#series.map((series) => series.slice())];
  }
}
