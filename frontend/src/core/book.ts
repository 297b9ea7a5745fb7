/** What the page knows of the conversations: a bounded book, begun by the server's state and kept by events. */
import type { Conversation, TurnView } from "../models";
import { inOrder } from "./turns";

/** Turns kept; the oldest conversation goes first. */
const MOST_TURNS = 240;

export interface Book {
  /** Without their turns. */
  readonly conversations: ReadonlyMap<string, Conversation>;
  readonly turns: ReadonlyMap<string, TurnView>;
}

export const emptyBook: Book = { conversations: new Map(), turns: new Map() };

export function withConversation(book: Book, conversation: Conversation): Book {
  const conversations = new Map(book.conversations);
  conversations.set(conversation.id, { ...conversation, turns: [] });
  return { ...book, conversations };
}

export function withTurn(book: Book, turn: TurnView): Book {
  return trimmed({ ...book, turns: new Map(book.turns).set(turn.id, turn) });
}

/** The book after the server has told all: what it remembers, and of these conversations the turns known before. */
export function withState(book: Book, conversations: readonly Conversation[], newest: readonly TurnView[]): Book {
  const remembered = new Map(conversations.map((one) => [one.id, one]));
  const kept = [...book.turns].filter(([, turn]) => remembered.has(turn.conversation));
  return trimmed({
    conversations: remembered,
    turns: new Map([...kept, ...newest.map((turn) => [turn.id, turn] as const)]),
  });
}

function trimmed(book: Book): Book {
  if (book.turns.size <= MOST_TURNS) return book;
  const kept = inOrder(book.turns.values()).slice(-MOST_TURNS);
  const alive = new Set(kept.map((turn) => turn.conversation));
  return {
    turns: new Map(kept.map((turn) => [turn.id, turn])),
    conversations: new Map(
      [...book.conversations].filter(([id, one]) => alive.has(id) || one.state === "running" || one.state === "waiting"),
    ),
  };
}

/** The conversation that is on, or the next to be. */
export function current(book: Book): Conversation | null {
  const all = [...book.conversations.values()];
  return all.find((one) => one.state === "running") ?? all.find((one) => one.state === "waiting") ?? null;
}
