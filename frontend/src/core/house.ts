/** What the page knows of the house, kept by events. What comes before the state is told again by it. */
import { label } from "./format";
import type { EngineView, HouseView, PartView, PlacesView, TalkView } from "../models";

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

/** A house that is known to have no show. */
export function showless(house: HouseView | null): boolean {
  return house !== null && house.parts.length > 0 && !house.parts.some((part) => part.topic.startsWith("show:"));
}

/** What a show is called that has no name of its own. */
const ONLY_SHOW = "show";

/** A part as people call it. */
export function titleOf(part: PartView): string {
  if (part.topic === "talk") return "Talks";
  if (part.topic === "line") return "Phone line";
  return part.topic.startsWith("show:") && part.name !== ONLY_SHOW ? `Show ${part.name}` : label(part.name);
}
