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
  /** Of the list and of what is seen of it, when they were observed last. */
  const known = useRef("");
  const toEnd = (): void => {
    following.value = true;
    if (scroller.current) scroller.current.scrollTop = scroller.current.scrollHeight;
  };
  const scrolled = (): void => {
    const box = scroller.current;
    if (!box) return;
    const near = box.scrollHeight - box.scrollTop - box.clientHeight < AT_END;
    if (near) following.value = true;
    else if (sizes(box) === known.current) following.value = false; // else it is not the reader who moved: it is observed next
  };
  useEffect(() => {
    const observer = new ResizeObserver(() => {
      if (scroller.current) known.current = sizes(scroller.current);
      if (following.peek()) toEnd();
    });
    if (content.current) observer.observe(content.current);
    if (scroller.current) observer.observe(scroller.current);
    return () => observer.disconnect();
  }, []);
  return { scroller, content, following, scrolled, toEnd };
}

function sizes({ scrollHeight, clientHeight }: HTMLElement): string {
  return `${scrollHeight} ${clientHeight}`;
}
