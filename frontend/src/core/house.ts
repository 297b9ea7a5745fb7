/** What the page knows of the house, kept by events. What comes before the state is told again by it. */
import { duration, label, timeOfDay } from "./format";
import type { EngineView, HouseView, OutputView, PartView, PlacesView, TalkView, WorkerView } from "../models";

export function withPart(house: HouseView | null, part: PartView): HouseView | null {
  if (!house) return null;
  const known = house.parts.some((one) => one.topic === part.topic);
  return { ...house, parts: known ? house.parts.map((one) => (one.topic === part.topic ? part : one)) : [...house.parts, part] };
}

/** A talk that began, or one that is over, which is not kept. */
export function withTalk(house: HouseView | null, talk: TalkView): HouseView | null {
  if (!house) return null;
  const others = house.talks.filter((one) => one.id !== talk.id);
  return { ...house, talks: (talk.ended ?? null) === null ? [...others, talk] : others };
}

export function withEngines(house: HouseView | null, engines: readonly EngineView[]): HouseView | null {
  return house && { ...house, engines: [...engines] };
}

export function withPlaces(house: HouseView | null, places: readonly PlacesView[], waiting: number): HouseView | null {
  return house && { ...house, places: [...places], waiting };
}

export function withOutputs(house: HouseView | null, outputs: readonly OutputView[]): HouseView | null {
  return house && { ...house, outputs: [...outputs] };
}

/** `Stream`, `Recording of late-night`. */
export function titleOfOutput({ kind, of }: OutputView): string {
  const name = of.replace(/^show:/, "");
  return `${kind === "hls" ? "Stream" : "Recording"}${name === ONLY_SHOW ? "" : ` of ${name}`}`;
}

/** `2.5 Mbit/s`, `96 kbit/s`, with a dash for what is unknown. */
export function bitrate(bits: number | null | undefined): string {
  if (bits === null || bits === undefined) return "–";
  return bits >= 1e6 ? `${(bits / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bits / 1000)} kbit/s`;
}

/** How many pieces of work wait for an engine's workers now. */
export function queueOf(engine: EngineView, workers: readonly WorkerView[]): number {
  return workers.reduce((sum, one) => sum + (engine.workers.includes(one.name) ? one.queued : 0), 0);
}

/** A worker that came or changed, or one that is closed, which is gone. */
export function withWorker(house: HouseView | null, worker: WorkerView): HouseView | null {
  if (!house) return null;
  const { workers } = house;
  if (worker.state === "closed") return { ...house, workers: workers.filter((one) => one.name !== worker.name) };
  const known = workers.some((one) => one.name === worker.name);
  return { ...house, workers: known ? workers.map((one) => (one.name === worker.name ? worker : one)) : [...workers, worker] };
}

/** What an engine was measured to do: `slow` when it is well below what it did here when its model was fetched. */
export function paceOf(engine: EngineView): { words: readonly string[]; slow: boolean } {
  const { kind, device, cold_ms, warm_ms, characters, expected } = engine;
  const first = kind === "llm" ? "first word" : "first sound";
  const known = (value: number | null | undefined): value is number => value !== null && value !== undefined;
  const slow = known(characters) && known(expected) && characters < SLOW * expected;
  const words = [
    device && `on ${device}`,
    known(warm_ms) && `${first} after ${duration(warm_ms)}`,
    known(cold_ms) && `cold after ${duration(cold_ms)}`,
    known(characters) && `${Math.round(characters)} characters a second${known(expected) ? ` of ${Math.round(expected)}` : ""}`,
  ];
  return { words: words.filter((one): one is string => Boolean(one)), slow };
}

/** Below this share of what its device should give an engine is slow. */
const SLOW = 0.67;

/** What last went wrong with a worker, and when it is tried again; empty: nothing ever has. */
export function troubleOf(worker: WorkerView): string {
  const row = worker.failures > 1 ? ` (${worker.failures} times in a row)` : "";
  const failure = worker.last_failure && `${worker.last_failure.replace(/\.$/, "")}${row}.`;
  const again = worker.next_try === null ? "" : `Tried again at ${timeOfDay(worker.next_try)}.`;
  return [failure, again].filter(Boolean).join(" ");
}

/** A house that is known to have no show. */
export function showless(house: HouseView | null): boolean {
  return house !== null && house.parts.length > 0 && !house.parts.some((part) => part.topic.startsWith("show:"));
}

/** The show called `name`, or the only one. */
function showOf(house: HouseView | null, name: string | undefined): PartView | undefined {
  const shows = house?.parts.filter((part) => part.topic.startsWith("show:")) ?? [];
  return shows.find((part) => part.topic === `show:${name}`) ?? (shows.length === 1 ? shows[0] : undefined);
}

/** Whether a show tells of itself each second now. */
export function isUp(house: HouseView | null, name: string | undefined): boolean {
  return showOf(house, name)?.state === "up";
}

/** Why a show sends nothing more, in words; "" while it should be on air, or will be. `name` is the show's. */
export function silenceOf(house: HouseView | null, name: string | undefined): string {
  const show = showOf(house, name);
  if (show?.state === "over") return "The show is over.";
  if (show?.state === "failed") return `The show is not on air: ${show.failure.replace(/\.$/, "")}.`;
  return show?.state === "stopped" ? "The show was stopped." : "";
}

/** What a show is called that has no name of its own. */
const ONLY_SHOW = "show";

/** A part as people call it. */
export function titleOf(part: PartView): string {
  if (part.topic === "talk") return "Talks";
  if (part.topic === "line") return "Phone line";
  return part.topic.startsWith("show:") && part.name !== ONLY_SHOW ? `Show ${part.name}` : label(part.name);
}
