/** What to do about a picture that does not move: a pure watchdog. The player feeds it what it sees and does what it says. */

/** One look at the player. Times in ms, positions in s. */
export interface Look {
  readonly now: number;
  /** `currentTime` of the video. */
  readonly position: number;
  /** Somebody pressed pause, or the tab is hidden: standing still is fine. */
  readonly resting: boolean;
  /** Seconds behind live; null when unknown. */
  readonly behind: number | null;
  /** The playlist grows. If it does not, nothing done here helps: the stage has to come back first. */
  readonly fed: boolean;
}

/** `wait`: the source is dry. `jump`: go to the live edge. `rebuild`: the stream is opened anew. */
export type Remedy = "none" | "wait" | "jump" | "rebuild";

const STALL_MS = 2500;
const PATIENCE_MS = 6000;
/** Beyond this the viewer is no longer at a live show, s. */
export const TOO_FAR_BEHIND = 8;

export class Watchdog {
  #position = -1;
  #moved = 0;
  #jumped = false;

  /** Forget the past: a new stream is opened at `now`. */
  reset(now: number): void {
    this.#position = -1;
    this.#moved = now;
    this.#jumped = false;
  }

  look(look: Look): Remedy {
    if (look.resting || look.position !== this.#position) {
      this.#position = look.position;
      this.#moved = look.now;
      this.#jumped = false;
      const late = look.behind !== null && look.behind > TOO_FAR_BEHIND;
      return late && look.fed && !look.resting ? "jump" : "none";
    }
    if (!look.fed) {
      // Patience begins when there is something to play again.
      const dry = look.now - this.#moved > STALL_MS;
      if (dry) this.#moved = look.now - STALL_MS;
      return dry ? "wait" : "none";
    }
    const still = look.now - this.#moved;
    if (still > PATIENCE_MS) {
      this.reset(look.now);
      return "rebuild";
    }
    if (still > STALL_MS && !this.#jumped) {
      this.#jumped = true;
      return "jump";
    }
    return "none";
  }
}
