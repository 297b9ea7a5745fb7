/** What the page knows of the conversations: a bounded book, kept by events and mended by snapshots. */
import type { Conversation, TurnView } from "../models";

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

/**
 * The book after a snapshot: what the server no longer knows is forgotten, except what events told after the snapshot was
 * asked for (`fresh`: ids of turns and conversations), which is newer.
 */
export function withSnapshot(book: Book, snapshot: readonly Conversation[], fresh: ReadonlySet<string>): Book {
  const conversations = new Map<string, Conversation>();
  const turns = new Map<string, TurnView>();
  for (const conversation of snapshot) {
    conversations.set(conversation.id, { ...conversation, turns: [] });
    for (const turn of conversation.turns) turns.set(turn.id, turn);
  }
  for (const id of fresh) {
    const conversation = book.conversations.get(id);
    if (conversation) conversations.set(id, conversation);
    const turn = book.turns.get(id);
    if (turn) turns.set(id, turn);
  }
  return trimmed({ conversations, turns });
}

function trimmed(book: Book): Book {
  if (book.turns.size <= MOST_TURNS) return book;
  const kept = [...book.turns.values()].slice(-MOST_TURNS);
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
