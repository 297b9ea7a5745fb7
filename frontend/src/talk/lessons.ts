/** What is practised and learnt in a conversation, as the messages tell it. Pure. */
import type { Exercise, FromServer, Judged, JudgedWord, LessonState, Note, Turn, Vocabulary } from "./protocol";

export interface Learning {
  readonly lesson: LessonState | null;
  /** Of the lesson, in the order in which they were asked. */
  readonly exercises: readonly Exercise[];
  readonly judged: readonly Judged[];
  readonly notes: readonly Note[];
  readonly vocabulary: Vocabulary | null;
}

export const nothingLearnt: Learning = { lesson: null, exercises: [], judged: [], notes: [], vocabulary: null };

const MOST = 200;

export function learnt(learning: Learning, message: FromServer): Learning {
  switch (message.type) {
    case "lesson":
      return { ...learning, lesson: message };
    case "exercise": {
      const run = runOf(message.id);
      const begun = learning.exercises.some((one) => runOf(one.id) === run);
      const before = begun || learning.exercises.length === 0 ? learning : { ...learning, exercises: [], judged: [] };
      return { ...before, exercises: replaced(before.exercises, message) };
    }
    case "judged":
      return { ...learning, judged: replaced(learning.judged, message) };
    case "note":
      return { ...learning, notes: replaced(learning.notes, message) };
    case "vocabulary":
      return { ...learning, vocabulary: message };
    default:
      return learning;
  }
}

/** Exercises of one going through a lesson begin with the same number. */
function runOf(id: string): string {
  return id.split("-", 1)[0] ?? "";
}

function replaced<One extends { readonly id: string }>(all: readonly One[], one: One): readonly One[] {
  const at = all.findIndex(({ id }) => id === one.id);
  return at < 0 ? [...all, one].slice(-MOST) : all.map((each, index) => (index === at ? one : each));
}

/** The exercise that is asked, else the last one. */
export function current(learning: Learning): Exercise | null {
  return learning.exercises.find(({ state }) => state === "asked") ?? learning.exercises.at(-1) ?? null;
}

/** The newest answer to an exercise. */
export function answerTo(learning: Learning, exercise: string): Judged | null {
  return learning.judged.findLast((one) => one.exercise === exercise) ?? null;
}

/** The newest answer of all, and the exercise that it was to. */
export function newest(learning: Learning): { judged: Judged; exercise: Exercise } | null {
  const judged = learning.judged.at(-1);
  const exercise = learning.exercises.find(({ id }) => id === judged?.exercise);
  return judged && exercise ? { judged, exercise } : null;
}

/** What a reader says of a word, of an answer that was `written` or said. */
export function inWords(word: JudgedWord, written: boolean): string {
  const instead = word.instead ? `, you ${written ? "wrote" : "said"} “${word.instead}”` : "";
  switch (word.state) {
    case "right":
      return written ? "right" : "understood";
    case "unclear":
      return "one of its sounds was not clear";
    case "missing":
      return `${written ? "missing" : "not heard"}${instead}`;
    default:
      return "too much";
  }
}

/** What was noted beside a turn of the character's. */
export function notesOf(learning: Learning, turn: string, kind: Note["kind"]): readonly Note[] {
  return learning.notes.filter((note) => note.turn === turn && note.kind === kind);
}

/** The correction of a turn of the person's: it came with the answer to it, of which that turn is the last before. */
export function correctionOf(learning: Learning, turns: readonly Turn[], turn: Turn): string {
  const next = turns.find((one) => one.number > turn.number);
  return next && !next.person ? notesOf(learning, next.id, "correction").map(({ text }) => text).join(" ") : "";
}

/** A word of a correction, or the white space behind it; `changed`: the person said something else there. */
export interface Corrected {
  readonly text: string;
  readonly changed: boolean;
}

/** More words than these are not compared. */
const MOST_WORDS = 80;

/** A correction word by word: those that the person said, in their order, are as they were. */
export function changes(said: string, better: string): readonly Corrected[] {
  const own = said.split(/\s+/).map(bare).filter(Boolean).slice(0, MOST_WORDS);
  const words = better.match(/\S+/g) ?? [];
  if (words.length > MOST_WORDS) return [{ text: better, changed: false }];
  const plain = words.map((word) => bare(word));
  // how many words of both are left, from each place on
  const left = Array.from({ length: own.length + 1 }, () => new Array<number>(words.length + 1).fill(0));
  for (let mine = own.length - 1; mine >= 0; mine--) {
    for (let at = words.length - 1; at >= 0; at--) {
      const [here, below] = [left[mine] ?? [], left[mine + 1] ?? []];
      here[at] = own[mine] === plain[at] ? (below[at + 1] ?? 0) + 1 : Math.max(below[at] ?? 0, here[at + 1] ?? 0);
    }
  }
  const spaces = better.split(/\S+/).slice(1);
  let mine = 0;
  return words.flatMap((text, at) => {
    while (mine < own.length && own[mine] !== plain[at] && (left[mine + 1]?.[at] ?? 0) > (left[mine]?.[at + 1] ?? 0)) mine++;
    const same = mine < own.length && own[mine] === plain[at];
    if (same) mine++;
    return [{ text, changed: !same && plain[at] !== "" }, { text: spaces[at] ?? "", changed: false }];
  });
}

/** A word without marks and capitals. */
function bare(word: string): string {
  return word.toLowerCase().replaceAll("’", "'").replace(/[^\p{L}\p{N}']/gu, "");
}

/** How many words are to be reviewed: those that were due when it was told, or that have become so. */
export function dueNow(vocabulary: Vocabulary | null, now: number): number {
  if (vocabulary === null) return 0;
  return Math.max(vocabulary.due, vocabulary.words.filter(({ due }) => due <= now).length);
}

/** When a word comes again: `now`, `in 10 min`, `in 3 days`. */
export function dueIn(due: number, now: number): string {
  const minutes = (due - now) / 60_000;
  if (minutes <= 0) return "now";
  if (minutes < 60) return `in ${Math.ceil(minutes)} min`;
  if (minutes < 60 * 24) return `in ${Math.round(minutes / 60)} h`;
  const days = Math.round(minutes / 60 / 24);
  return days === 1 ? "tomorrow" : `in ${days} days`;
}
