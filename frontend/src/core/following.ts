/** Where a list that grows is scrolled to for who follows it. */

/** A stretch of the list, px from its beginning. */
export interface Span {
  readonly top: number;
  readonly bottom: number;
}

/** Left free above what is heard, and below it (px). */
const MARGIN = 12;

/**
 * The place (px) of a view of the height `view` on a list of the height `whole`: its end, as long as what is heard `now`
 * is in sight from its beginning. What is longer than the view is followed to its bottom.
 */
export function placeToFollow(view: number, whole: number, now: Span | null): number {
  const end = Math.max(0, whole - view);
  if (now === null) return end;
  return Math.max(0, Math.min(end, Math.max(now.top - MARGIN, now.bottom + MARGIN - view)));
}
