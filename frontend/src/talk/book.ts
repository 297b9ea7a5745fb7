/** What was said in a conversation, as the messages tell it. Pure. */
import type { Wait } from "../core/waits";
import { hearing, pieces } from "../core/words";
import type { Chunk, FromServer, Standing, Turn } from "./protocol";

export interface Book {
  /** In their order. */
  readonly turns: readonly Turn[];
  readonly chunks: ReadonlyMap<string, Chunk>;
  readonly standing: Standing;
}

export const emptyBook: Book = { turns: [], chunks: new Map(), standing: "quiet" };

const MOST_TURNS = 100;

export function told(book: Book, message: FromServer): Book {
  switch (message.type) {
    case "turn": {
      const others = book.turns.filter(({ id }) => id !== message.id);
      const turns = [...others, message].sort((one, other) => one.number - other.number).slice(-MOST_TURNS);
      const kept = new Set(turns.map(({ id }) => id));
      const gone = [...book.chunks.values()].filter((chunk) => turns.length === MOST_TURNS && !kept.has(chunk.turn));
      if (gone.length === 0) return { ...book, turns };
      const chunks = new Map(book.chunks);
      for (const chunk of gone) chunks.delete(chunk.id);
      return { ...book, turns, chunks };
    }
    case "chunk":
      return { ...book, chunks: new Map(book.chunks).set(message.id, message) };
    case "standing":
      return { ...book, standing: message.state };
    default:
      return book;
  }
}

const FINAL: ReadonlySet<Chunk["state"]> = new Set(["heard", "cut", "failed"]);

/** As it stands when the conversation is over: nothing is said any more. `heard`: so much of a chunk that sounded was. */
export function ended(book: Book, heard: { readonly id: string; readonly ms: number } | null): Book {
  const chunks = new Map(book.chunks);
  for (const chunk of chunks.values()) {
    if (FINAL.has(chunk.state)) continue;
    const words = heard?.id === chunk.id ? hearing(chunk.words, heard.ms).heard : 0;
    const said = pieces(chunk.text, chunk.words).filter(({ from }) => from < words);
    const text = said.map((one) => one.text).join("").trimEnd();
    const whole = !chunk.open && text !== "" && text === chunk.text.trimEnd(); // but for its last breath
    chunks.set(chunk.id, { ...chunk, state: whole ? "heard" : "cut", open: false, heard: text });
  }
  const turns = book.turns.map((turn): Turn => (turn.state === "on_air" ? { ...turn, state: "ended" } : turn));
  return { turns, chunks, standing: "quiet" };
}

/** The sentences of a turn, in their order. */
export function chunksOf(book: Book, turn: string): Chunk[] {
  return [...book.chunks.values()].filter((chunk) => chunk.turn === turn).sort((one, other) => one.index - other.index);
}

/** Turns that a person sees: what was taken back is not, nor what nobody said anything in. */
export function shown(book: Book): Turn[] {
  return book.turns.filter((turn) => turn.state !== "withdrawn" && (turn.text !== "" || chunksOf(book, turn.id).length > 0));
}

/** What each answer waited for, the newest first. */
export function waitsOf(book: Book, title: string, colour: string): Wait[] {
  return book.turns
    .flatMap((turn) => {
      const stages = Object.entries(turn.stages).map(([name, ms]) => ({ name, ms }));
      if (turn.person || stages.length === 0) return [];
      const silence = stages.reduce((sum, { ms }) => sum + ms, 0);
      return [{ id: turn.id, who: title, colour, text: turn.text, at: turn.at ?? 0, stages, silence }];
    })
    .reverse();
}

/** What was heard of a chunk that is over, and what was not. */
export function parted(chunk: Chunk): { heard: string; unheard: string } {
  const heard = chunk.state === "heard" ? chunk.text : chunk.heard;
  return { heard, unheard: chunk.text.startsWith(heard) ? chunk.text.slice(heard.length) : "" };
}
