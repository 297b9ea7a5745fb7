/** Where one is in a conversation. */
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";

/** Scroll to the section that `part` belongs to, and no further than that; of one that is higher than the window to where one writes. */
export function bringInSight(part: Element | null): void {
  const section = part?.closest("section.section");
  for (const one of [section, section?.querySelector(".talk-write")]) one?.scrollIntoView({ block: "nearest" });
}

/** Who writes goes on seeing where, although `part` above it is another one since `news` changed. */
export function useInSight(part: RefObject<Element | null>, news: readonly unknown[]): void {
  useEffect(() => {
    if (part.current?.closest("section.section")?.querySelector(".talk-write")?.contains(document.activeElement)) bringInSight(part.current);
  }, news);
}
