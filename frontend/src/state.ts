/** What one page knows, as signals. Events write it, panels read it. */
import { computed, signal } from "@preact/signals";
import { current, emptyBook, type Book } from "./core/book";
import { PAPER, legible } from "./core/colour";
import { label } from "./core/format";
import type { SaidOn } from "./core/line";
import { Ring } from "./core/ring";
import { ServerClock } from "./core/server-clock";
import { grouped, inOrder } from "./core/turns";
import type { CallLevels, CharacterView, HouseView, LineView, Notice, Scope, SessionView, ShowView, StageView, TelemetryView } from "./models";

/** The line to the server that carries events and requests. */
export type Link = "connecting" | "open" | "lost";

/** What the viewer gets: `retryAt` is a Unix time in ms (browser's clock), null when nothing is planned. */
export interface Air {
  readonly state: "connecting" | "on-air" | "lost";
  readonly message: string;
  readonly retryAt: number | null;
}

/** A word to the person at the page. */
export interface Toast extends Notice {
  readonly id: number;
  readonly count: number;
}

/** Two minutes of figures, one sample a second. */
export const HISTORY_SECONDS = 120;
const MOST_TOASTS = 4;
const NO_AIR: Air = { state: "connecting", message: "Opening the stream.", retryAt: null };

export class State {
  readonly serverClock = new ServerClock();
  readonly link = signal<Link>("connecting");
  /** Who this page is to the server; null until that is known. */
  readonly session = signal<SessionView | null>(null);
  readonly stage = signal<StageView | null>(null);
  /** The running system; null until it is known. */
  readonly house = signal<HouseView | null>(null);
  /** The shows of this house; this page is of the one that is `here`. */
  readonly shows = signal<readonly ShowView[]>([]);
  /** The name of that one; undefined until it is known. */
  readonly here = computed(() => this.shows.value.find((show) => show.here)?.name);
  /** The phone line; null: there is none, or this page may not know it. */
  readonly line = signal<LineView | null>(null);
  /** What was said on its calls, as far as this page was told. */
  readonly said = signal<SaidOn>(new Map());
  /** How loud each call is now. */
  readonly levels = signal<ReadonlyMap<string, CallLevels>>(new Map());
  readonly book = signal<Book>(emptyBook);
  readonly telemetry = signal<TelemetryView | null>(null);

  readonly air = signal<Air>(NO_AIR);
  /** Programme time of the picture in front of the viewer, Unix ms; null without a picture. */
  readonly programme = signal<number | null>(null);
  /** Seconds behind live, renewed about once a second. */
  readonly behind = signal<number | null>(null);
  /** The viewer hears the show. */
  readonly audible = signal(false);

  readonly running = computed(() => current(this.book.value));
  readonly transcript = computed(() => {
    const { turns, conversations } = this.book.value;
    return grouped(inOrder(turns.values(), (id) => conversations.get(id)?.started ?? 0));
  });
  /** The viewer's time in steps: a turn changes its phase at these, a word is lit exactly. */
  readonly coarse = computed(() => {
    const now = this.programme.value;
    return now === null ? null : Math.floor(now / 100) * 100;
  });

  /** Frame time: median and largest of each second, ms. */
  readonly frameTimes = new Ring(2, HISTORY_SECONDS);
  /** Late frames per second; null for none, which is no bar. */
  readonly lateFrames = new Ring(1, HISTORY_SECONDS);
  /** Seconds behind live. */
  readonly distances = new Ring(1, HISTORY_SECONDS);
  /** Counts up when a ring has a new sample. */
  readonly plotted = signal(0);

  readonly toasts = signal<readonly Toast[]>([]);
  #nextToast = 1;
  readonly #characters = computed(() => new Map((this.stage.value?.cast ?? []).map((one) => [one.name, one])));

  /** Whether this page's token allows it. What is not known yet is tried: the server has the last word. */
  may(scope: Scope): boolean {
    return this.session.value?.scopes.includes(scope) ?? true;
  }

  character(name: string): CharacterView | null {
    return this.#characters.value.get(name) ?? null;
  }

  /** How a speaker is called and in which colour, legible on the page. */
  speaker(name: string): { title: string; colour: string } {
    const found = this.character(name);
    return found
      ? { title: found.title, colour: legible(found.colour, PAPER) }
      : { title: label(name), colour: "var(--text-quiet)" };
  }

  /** One more second of figures. */
  measure(telemetry: TelemetryView): void {
    this.serverClock.stamped(telemetry.at, Date.now());
    this.telemetry.value = telemetry;
    const time = telemetry.at / 1000;
    this.frameTimes.push(time, telemetry.frame_p50, telemetry.frame_max);
    this.lateFrames.push(time, telemetry.late + telemetry.skipped || null);
    this.distances.push(time, this.behind.value);
    this.plotted.value += 1;
  }

  /** Nobody looks at the picture any more. */
  leaveAir(): void {
    this.air.value = NO_AIR;
    this.programme.value = this.behind.value = null;
    this.audible.value = false;
  }

  /** Show a notice. The same notice again only raises its count. */
  notify(notice: Notice): void {
    const same = this.toasts.value.find((one) => one.text === notice.text && one.level === notice.level);
    const toast: Toast = { ...notice, id: this.#nextToast++, count: (same?.count ?? 0) + 1 };
    this.toasts.value = [...this.toasts.value.filter((one) => one !== same), toast].slice(-MOST_TOASTS);
  }

  dismiss(id: number): void {
    this.toasts.value = this.toasts.value.filter((one) => one.id !== id);
  }
}
