/** What the page knows of the conversations: a bounded book, kept by events and mended by snapshots. */
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

/**
 * The book after a snapshot: `list` is every conversation the server remembers, `details` some of them with their turns.
 * What events told after the snapshot was asked for (`fresh`: ids of turns and conversations) is newer and stays.
 */
export function withSnapshot(
  book: Book,
  list: readonly Conversation[],
  details: readonly Conversation[],
  fresh: ReadonlySet<string>,
): Book {
  const conversations = new Map(list.map((one) => [one.id, { ...one, turns: [] as TurnView[] }]));
  const told = new Map(details.flatMap((one) => one.turns.map((turn) => [turn.id, turn] as const)));
  const detailed = new Set(details.map((one) => one.id));
  const turns = new Map<string, TurnView>();
  for (const turn of book.turns.values()) {
    if (fresh.has(turn.id) || (conversations.has(turn.conversation) && !detailed.has(turn.conversation))) {
      turns.set(turn.id, turn);
    }
  }
  for (const [id, turn] of told) if (!turns.has(id)) turns.set(id, turn);
  for (const id of fresh) {
    const conversation = book.conversations.get(id);
    if (conversation) conversations.set(id, { ...conversation, turns: [] });
  }
  return trimmed({ conversations, turns });
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
