/**
 * The server's time, seen from a browser whose own clock may be wrong.
 *
 * Each stamp proves bounds for the offset (server − browser). The browser's clock is believed as long as it lies within
 * them; else the nearest bound is taken. So a browser with a right clock is exact, and a wrong one is mended to within
 * the coarseness of the stamps.
 */
export class ServerClock {
  #lowest = -Infinity;
  #highest = Infinity;

  /** A stamp `at` that the server took before `received` (both Unix ms): an event's own time. */
  stamped(at: number, received: number): void {
    this.#narrow(at - received, Infinity);
  }

  /** A `Date` header (whole seconds, up to `age` ms old when sent) of a request that ran from `sent` to `received`. */
  dated(date: number, sent: number, received: number, age = 2000): void {
    this.#narrow(date - received, date + age - sent);
  }

  /** Server minus browser, ms. */
  get offset(): number {
    return Math.min(Math.max(0, this.#lowest), this.#highest);
  }

  #narrow(lowest: number, highest: number): void {
    const low = Math.max(this.#lowest, lowest);
    const high = Math.min(this.#highest, highest);
    // No offset fits all stamps: a clock was set meanwhile. What was learnt before is void.
    [this.#lowest, this.#highest] = low <= high ? [low, high] : [lowest, highest];
  }
}
