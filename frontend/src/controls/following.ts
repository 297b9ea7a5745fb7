/** A list that grows at its end, and is kept at what is heard of it, or at its end, until its reader scrolls away. */
import { useSignal, type ReadonlySignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { placeToFollow, type Span } from "../core/following";

/** A reader this far from the place (px) has scrolled on purpose. */
const NEAR = 48;

export interface Following {
  /** Of what scrolls, and of the list in it. */
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly content: RefObject<HTMLOListElement | null>;
  /** The place is in sight, and stays so. */
  readonly following: ReadonlySignal<boolean>;
  /** To be called when it was scrolled. */
  readonly scrolled: () => void;
  /** To be called when what is heard has gone on within a list that has not grown. */
  readonly moved: () => void;
  /** To the place, and stay there. */
  readonly follow: () => void;
}

/** `heard` is where what is heard now stands in the list (px from its beginning); null: its end is followed. */
export function useFollowing(heard: (list: HTMLElement) => Span | null = () => null): Following {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLOListElement>(null);
  const following = useSignal(true);
  /** Of the list and of what is seen of it, when they were observed last. */
  const known = useRef("");
  /** Where it was scrolled to by ourselves. */
  const placed = useRef(0);
  const place = (): number => {
    const [box, list] = [scroller.current, content.current];
    return box && list ? placeToFollow(box.clientHeight, box.scrollHeight, heard(list)) : 0;
  };
  const moved = (): void => {
    if (!scroller.current || !following.peek()) return;
    scroller.current.scrollTop = place();
    placed.current = scroller.current.scrollTop;
  };
  const follow = (): void => {
    following.value = true;
    moved();
  };
  const scrolled = (): void => {
    const box = scroller.current;
    if (!box || (following.peek() && Math.abs(box.scrollTop - placed.current) < 2)) return; // it was our doing
    if (Math.abs(box.scrollTop - place()) < NEAR) following.value = true;
    else if (sizes(box) === known.current) following.value = false; // else it is not the reader who moved: it is observed next
  };
  useEffect(() => {
    const observer = new ResizeObserver(() => {
      if (scroller.current) known.current = sizes(scroller.current);
      moved();
    });
    if (content.current) observer.observe(content.current);
    if (scroller.current) observer.observe(scroller.current);
    return () => observer.disconnect();
  }, []);
  return { scroller, content, following, scrolled, moved, follow };
}

function sizes({ scrollHeight, clientHeight }: HTMLElement): string {
  return `${scrollHeight} ${clientHeight}`;
}
