/** A list that grows at its end, and is kept there until its reader scrolls up. */
import { useSignal, type ReadonlySignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** A reader this far from the end (px) has scrolled up on purpose. */
const AT_END = 48;

export interface Following {
  /** Of what scrolls, and of the list in it. */
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly content: RefObject<HTMLOListElement | null>;
  /** The end is in sight, and stays so. */
  readonly following: ReadonlySignal<boolean>;
  /** To be called when it was scrolled. */
  readonly scrolled: () => void;
  /** To the end, and stay there. */
  readonly toEnd: () => void;
}

export function useFollowing(): Following {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLOListElement>(null);
  const following = useSignal(true);
  const before = useRef(0);
  const toEnd = (): void => {
    following.value = true;
    if (scroller.current) scroller.current.scrollTop = scroller.current.scrollHeight;
  };
  const scrolled = (): void => {
    const box = scroller.current;
    if (!box) return;
    // what was scrolled to its end may have grown before that is told: only who went up has left the end
    const near = box.scrollHeight - box.scrollTop - box.clientHeight < AT_END;
    if (near) following.value = true;
    else if (box.scrollTop < before.current) following.value = false;
    before.current = box.scrollTop;
  };
  useEffect(() => {
    const observer = new ResizeObserver(() => following.peek() && toEnd());
    if (content.current) observer.observe(content.current);
    if (scroller.current) observer.observe(scroller.current);
    return () => observer.disconnect();
  }, []);
  return { scroller, content, following, scrolled, toEnd };
}
