/** The conversation of this page: it goes on while other pages are looked at, and is there again after a reload. */
import { computed, signal } from "@preact/signals";
import type { Place as Address } from "../addresses";
import { PAPER, legible } from "../core/colour";
import type { TalkOffer } from "../models";
import { ApiError, type Api } from "../requests";
import { emptyBook, ended, told, type Book } from "./book";
import type { Block } from "./blocks";
import { personId, remembers } from "./person";
import { learnt, nothingLearnt, type Learning } from "./lessons";
import { TalkClient, type Link, type Socket, type Timer, type Wish } from "./client";
import type { Microphone } from "./microphone";
import type { Piece } from "./playout";
import type { Bye, FromServer, Help, Welcome } from "./protocol";
import type { Speaker } from "./speaker";

export type Ears = "off" | "push" | "open";

export interface Trouble {
  readonly what: string;
  readonly remedy: string;
}

/** Chunks whose sound is kept for a replay, and samples of all of them. */
const MOST_KEPT = 40;
const MOST_SAMPLES = 48_000 * 120;
const TOKEN = "duologue-talk";
/** Who lets the button go does it a little early, and a word's end is known a little late, ms. */
const TAIL_MS = 250;
export const UNFETCHED: Trouble = { what: "A part of this page could not be fetched.", remedy: "Load the page again." };

export const TIMER: Timer = {
  set: (action, ms) => window.setTimeout(action, ms),
  clear: (id) => window.clearTimeout(id),
  now: () => performance.now(),
};

export class Talk {
  readonly offer = signal<TalkOffer | null>(null);
  /** Why there is none. */
  readonly refused = signal<Trouble | null>(null);
  readonly link = signal<Link | null>(null);
  readonly welcome = signal<Welcome | null>(null);
  readonly book = signal<Book>(emptyBook);
  readonly learning = signal<Learning>(nothingLearnt);
  readonly ears = signal<Ears>("off");
  readonly pushed = signal(false);
  /** RMS, 0…1. */
  readonly level = signal(0);
  readonly trouble = signal<Trouble | null>(null);
  readonly notices = signal<readonly Trouble[]>([]);
  /** The chunk that is replayed. */
  readonly replaying = signal<string | null>(null);
  /** A conversation of before the page was loaded, that may go on. */
  readonly before = signal(false);
  readonly going = computed(() => this.link.value !== null && this.link.value.is !== "over");
  #client: TalkClient | null = null;
  #speaker: Speaker | null = null;
  #microphone: Microphone | null = null;
  #beginning = false;
  #tail = 0;
  #early = false;
  readonly #kept = new Map<string, { pieces: Float32Array[]; from: number }>();

  constructor(
    private readonly api: Api,
    private readonly place: Address,
  ) {}

  /** Who may be talked to; `held`: this house holds talks at all. */
  async ask(held: boolean): Promise<void> {
    this.before.value = !this.going.value && stored() !== "";
    if (!held) {
      this.offer.value = null;
      this.refused.value = { what: "No talks are held in this house.", remedy: "Start it with talk = true under [serve], or with --talk." };
      return;
    }
    try {
      this.offer.value = await this.api.get("/api/talk", { person: remembers() ? personId() : "" });
      this.refused.value = null;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.refused.value = { what: error.message, remedy: error.remedy };
    }
  }

  /** To be called where a person has just pressed something: sound is allowed then. */
  async begin(wish: Wish, token = ""): Promise<void> {
    if (this.#beginning || this.going.value) return;
    this.#beginning = true;
    this.#clear();
    try {
      const code = await import("./speaker").catch(() => null);
      if (!code) {
        this.trouble.value = UNFETCHED;
        return;
      }
      const speaker = (this.#speaker ??= await code.Speaker.open());
      void speaker.allow();
      const address = this.place.at("/api/talk").replace(/^http/, "ws");
      const open = (): Socket => new WebSocket(address) as unknown as Socket;
      const listener = {
        take: (message: FromServer) => this.#take(message),
        sound: (piece: Piece) => this.#keep(piece),
        link: (link: Link) => this.#linked(link),
      };
      this.#client = new TalkClient(open, speaker, TIMER, listener, wish, token);
      this.#client.begin();
    } catch (error) {
      this.trouble.value = { what: `This browser plays no sound: ${String(error)}`, remedy: "Load the page again, or try another browser." };
    } finally {
      this.#beginning = false;
    }
  }

  /** Put away what was said, for another conversation; what there is to learn may be something else after it. */
  async another(): Promise<void> {
    this.#clear();
    await this.ask(true);
  }

  /** Go on with the conversation of before the page was loaded. */
  async resume(): Promise<void> {
    await this.begin({}, stored());
  }

  /** Drop the conversation of before. */
  forget(): void {
    store("");
    this.before.value = false;
  }

  say(text: string): void {
    this.hush();
    this.#client?.say(text);
  }

  learn(lesson: string): void {
    this.hush();
    this.#client?.learn(lesson);
  }

  help(want: Help): void {
    this.#client?.help(want);
  }

  /** Silence; a button to talk that is held was not meant either. */
  interrupt(): void {
    this.hush();
    if (this.pushed.value) this.cancel();
    this.#client?.interrupt();
  }

  /** The person has finished, whatever the silence. */
  commit(): void {
    this.#client?.commit();
  }

  /** What the person has said and was not answered was not meant. */
  cancel(): void {
    this.#client?.cancel();
    this.#up(0);
  }

  leave(): void {
    this.#client?.leave();
  }

  /** Choose how the microphone is used. */
  async listen(ears: Ears): Promise<void> {
    this.trouble.value = null;
    this.release();
    if (ears === "off") {
      this.#deafen();
      return;
    }
    this.ears.value = ears;
    if (this.#microphone) return;
    const code = await import("./microphone").catch(() => null);
    if (!code) return this.#lose(UNFETCHED);
    try {
      const microphone = await code.Microphone.open();
      const wanted: Ears = this.ears.peek(); // something else may have been chosen meanwhile
      if (this.#microphone || wanted === "off") return void microphone.close();
      this.#microphone = microphone;
      microphone.onBlock = (at, block) => this.#heard(at, block);
      microphone.onEnd = ({ message, remedy }) => this.#lose({ what: message, remedy });
      if (this.#early) this.press();
    } catch (error) {
      if (!(error instanceof code.MicrophoneError)) throw error;
      this.#lose({ what: error.message, remedy: error.remedy });
    }
  }

  /** The button to talk goes down. */
  press(): void {
    if (this.ears.value !== "push" || this.pushed.value) return;
    if (!this.#microphone) {
      this.#early = true; // it counts from when there is one, if it is still held
      return;
    }
    window.clearTimeout(this.#tail);
    this.#tail = 0;
    this.hush();
    this.pushed.value = true;
    this.#client?.push(true);
  }

  /** It comes up. */
  release(): void {
    this.#up(TAIL_MS);
  }

  /** A chunk again. */
  replay(id: string): void {
    const kept = this.#kept.get(id);
    if (!kept || !this.#speaker) return;
    this.replaying.value = id;
    this.#speaker.replay(kept.pieces, () => {
      if (this.replaying.value === id) this.replaying.value = null;
    });
  }

  /** The sound of a chunk is kept, from its beginning. */
  replayable(id: string): boolean {
    return this.#kept.get(id)?.from === 0;
  }

  hush(): void {
    this.replaying.value = null;
    this.#speaker?.hush();
  }

  /** Which chunk sounds now, and how many ms of it were heard. */
  heardNow(): { id: string; ms: number } | null {
    return this.#speaker?.heard ?? null;
  }

  /** A notice was read. */
  dismiss(notice: Trouble): void {
    this.notices.value = this.notices.value.filter((one) => one !== notice);
  }

  /** How the character is called and in which colour, legible on the page. */
  who(): { title: string; colour: string } {
    const welcome = this.welcome.value;
    const found = this.offer.value?.characters.find((one) => one.name === welcome?.character);
    return { title: welcome?.title ?? found?.title ?? "", colour: found?.colour ? legible(found.colour, PAPER) : "var(--accent)" };
  }

  #up(tail: number): void {
    this.#early = false;
    if (!this.pushed.value) return;
    this.pushed.value = false;
    this.#tail = window.setTimeout(() => {
      this.#tail = 0;
      this.#client?.push(false);
    }, tail);
  }

  #deafen(): void {
    this.#up(0); // the button goes with the microphone
    this.ears.value = "off";
    this.level.value = 0;
    void this.#microphone?.close();
    this.#microphone = null;
  }

  #lose(trouble: Trouble): void {
    this.#deafen();
    this.trouble.value = trouble;
  }

  #heard(at: number, block: Block): void {
    this.level.value = block.level;
    if (this.ears.value === "open" || this.pushed.value || this.#tail) this.#client?.hear(at, block.samples);
  }

  #keep(piece: Piece): void {
    const kept = this.#kept.get(piece.id);
    const length = kept?.pieces.reduce((sum, { length }) => sum + length, 0) ?? 0;
    if (!kept) {
      this.#kept.set(piece.id, { pieces: [piece.samples], from: piece.start });
    } else {
      const known = kept.from + length - piece.start; // what comes again after a break was kept before
      if (known >= 0 && known < piece.samples.length) kept.pieces.push(piece.samples.subarray(known));
    }
    let all = [...this.#kept.values()].reduce((sum, { pieces }) => sum + pieces.reduce((of, { length }) => of + length, 0), 0);
    for (const [id, { pieces }] of this.#kept) {
      if (this.#kept.size <= MOST_KEPT && all <= MOST_SAMPLES) break;
      all -= pieces.reduce((sum, { length }) => sum + length, 0);
      this.#kept.delete(id);
    }
  }

  #clear(): void {
    this.book.value = emptyBook;
    this.learning.value = nothingLearnt;
    this.notices.value = [];
    this.link.value = this.trouble.value = this.welcome.value = null;
    this.#kept.clear();
  }

  #take(message: FromServer): void {
    const begins = message.type === "chunk" && message.state === "playing" && this.book.value.chunks.get(message.id)?.state !== "playing";
    if (begins) this.hush(); // one voice at a time
    this.book.value = told(this.book.value, message);
    this.learning.value = learnt(this.learning.value, message);
    if (message.type === "welcome") {
      this.welcome.value = message;
      this.before.value = false;
      store(message.resume);
    } else if (message.type === "notice") {
      const others = this.notices.value.filter(({ what }) => what !== message.text);
      this.notices.value = [...others, { what: message.text, remedy: message.remedy }].slice(-3);
    }
  }

  #linked(link: Link): void {
    this.link.value = link;
    if (link.is !== "over") return;
    store("");
    this.before.value = false;
    this.book.value = ended(this.book.value, this.heardNow());
    this.#deafen();
    this.trouble.value = null; // of a microphone that nobody needs now
    this.hush();
    this.#speaker?.rest();
    this.#client = null;
  }
}

/** What a bye means to who has not asked for it; null: nothing. */
export function farewell(bye: Bye | null, why: string): Trouble | null {
  if (bye === null) return why ? { what: why, remedy: "Begin another conversation." } : null;
  return bye.code === "ended" ? null : { what: bye.text, remedy: bye.remedy };
}

function stored(): string {
  try {
    return sessionStorage.getItem(TOKEN) ?? "";
  } catch {
    return ""; // a browser that keeps nothing: a reload is a new conversation
  }
}

function store(token: string): void {
  try {
    if (token) sessionStorage.setItem(TOKEN, token);
    else sessionStorage.removeItem(TOKEN);
  } catch {
    // the same
  }
}
