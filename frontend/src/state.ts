/** The state of the page as signals. Events write it, panels read it. */
import { computed, signal } from "@preact/signals";
import { current, emptyBook, type Book } from "./core/book";
import { legible } from "./core/colour";
import { label } from "./core/format";
import { Ring } from "./core/ring";
import { ServerClock } from "./core/server-clock";
import { grouped, inOrder } from "./core/turns";
import type { CharacterView, Notice, ShowView, StageView, TelemetryView } from "./models";

/** The line to the server that carries events and requests. */
export type Link = "connecting" | "open" | "lost";

/** What the viewer gets: `retryAt` is a Unix time in ms (browser's clock), null when nothing is planned. */
export interface Air {
  readonly state: "connecting" | "on-air" | "lost";
  readonly message: string;
  readonly retryAt: number | null;
}

export const serverClock = new ServerClock();
export const link = signal<Link>("connecting");
export const stage = signal<StageView | null>(null);
/** The shows of this house; this page is of the one that is `here`. */
export const shows = signal<readonly ShowView[]>([]);
export const book = signal<Book>(emptyBook);
export const telemetry = signal<TelemetryView | null>(null);

export const air = signal<Air>({ state: "connecting", message: "Opening the stream.", retryAt: null });
/** Programme time of the picture in front of the viewer, Unix ms; null without a picture. */
export const programme = signal<number | null>(null);
/** Seconds behind live, renewed about once a second. */
export const behind = signal<number | null>(null);

export const running = computed(() => current(book.value));
export const transcript = computed(() => {
  const { turns, conversations } = book.value;
  return grouped(inOrder(turns.values(), (id) => conversations.get(id)?.started ?? 0));
});

/** Two minutes of figures, one sample a second. */
export const HISTORY_SECONDS = 120;
/** Frame time: median and largest of each second, ms. */
export const frameTimes = new Ring(2, HISTORY_SECONDS);
/** Late frames per second. */
export const lateFrames = new Ring(1, HISTORY_SECONDS);
/** Seconds behind live. */
export const distances = new Ring(1, HISTORY_SECONDS);
/** Counts up when a ring has a new sample. */
export const plotted = signal(0);

const PAPER = "#17191c";

const characters = computed(() => new Map((stage.value?.cast ?? []).map((one) => [one.name, one])));

export function character(name: string): CharacterView | null {
  return characters.value.get(name) ?? null;
}

/** How a speaker is called and in which colour, legible on the page. */
export function speakerOf(name: string): { title: string; colour: string } {
  const found = character(name);
  return found
    ? { title: found.title, colour: legible(found.colour, PAPER) }
    : { title: label(name), colour: "var(--text-quiet)" };
}

/** A word to the person at the page. */
export interface Toast extends Notice {
  readonly id: number;
  readonly count: number;
}

const MOST_TOASTS = 4;
let nextToast = 1;
export const toasts = signal<readonly Toast[]>([]);

/** Show a notice. The same notice again only raises its count. */
export function notify(notice: Notice): void {
  const same = toasts.value.find((one) => one.text === notice.text && one.level === notice.level);
  const toast: Toast = { ...notice, id: nextToast++, count: (same?.count ?? 0) + 1 };
  toasts.value = [...toasts.value.filter((one) => one !== same), toast].slice(-MOST_TOASTS);
}

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((one) => one.id !== id);
}
