/** Which word of a turn a viewer hears, from the programme time of the picture in front of them. */

/** The part of a word that matters here; times are Unix ms. */
export interface Timed {
  readonly start: number;
  readonly end: number;
}

/** How long a word stays lit after its end when nothing follows at once, ms: without it the light flickers between words. */
const AFTERGLOW_MS = 180;

/** Index of the last word that began at or before `time`; -1 before the first. The words are in order. */
export function lastBegun(words: readonly Timed[], time: number): number {
  let low = 0;
  let high = words.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((words[middle]?.start ?? Infinity) <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The lit word at `time`, and how many words have been heard (the lit one included). */
export interface Hearing {
  readonly lit: number;
  readonly heard: number;
}

export function hearing(words: readonly Timed[], time: number): Hearing {
  const last = lastBegun(words, time);
  const word = words[last];
  const lit = word !== undefined && time < word.end + AFTERGLOW_MS ? last : -1;
  return { lit, heard: last + 1 };
}
