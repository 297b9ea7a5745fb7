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

/** A stretch of a turn's text that is lit as one: a word with the marks that stand against it, and the space after it. */
export interface Piece {
  readonly text: string;
  /** Index of the first word that this piece stands for. */
  readonly from: number;
}

/**
 * The text of a turn cut at its spoken words. Voices report bare words; the punctuation is the text's. A word that the text
 * does not have (a number that is spoken otherwise) is carried by the piece before it.
 */
export function pieces(text: string, words: readonly { readonly text: string }[]): Piece[] {
  const plain = text.toLowerCase();
  const starts: { at: number; from: number }[] = [];
  let cursor = 0;
  words.forEach((word, from) => {
    const at = plain.indexOf(word.text.toLowerCase(), cursor);
    if (at < 0 || word.text === "" || !nearby(text, cursor, at)) return;
    starts.push({ at: at - opening(text.slice(cursor, at)), from });
    cursor = at + word.text.length;
  });
  if (starts.length === 0) return text === "" ? [] : [{ text, from: 0 }];
  return starts.map(({ at, from }, index) => ({
    text: text.slice(index === 0 ? 0 : at, starts[index + 1]?.at ?? text.length),
    from: index === 0 ? 0 : from,
  }));
}

/** How many characters before a word are its own: an opening bracket or quotation mark, with a space before it. */
function opening(between: string): number {
  return /\s(\S+)$/.exec(between)?.[1]?.length ?? 0;
}

/** Between two spoken words lie few others: a match farther away is another word that happens to look the same. */
function nearby(text: string, cursor: number, at: number): boolean {
  return text.slice(cursor, at).split(/\s+/).length <= 4;
}
