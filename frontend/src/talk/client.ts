/**
 * One conversation over a socket, and over the next one when that breaks. It knows no page: the socket, the sound and the
 * timer are given to it. What it is told goes to `take`, how the line is to `link`.
 */
import { Backoff } from "../core/backoff";
import type { Piece, Place } from "./playout";
import { Captured } from "./captured";
import { packed, unpacked, VERSION, type Bye, type FromClient, type FromServer, type Hello, type Help, type Say, type Welcome } from "./protocol";

/** What of a `WebSocket` is used. */
export interface Socket {
  binaryType: BinaryType;
  readonly readyState: number;
  readonly bufferedAmount: number;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(data: string | ArrayBuffer): void;
  close(code?: number, reason?: string): void;
}

/** Where the sound is played. */
export interface Player {
  play(piece: Piece): void;
  pause(): void;
  goOn(): void;
  clear(): void;
  withdraw(id: string): void;
  /** Forget all, and say where it was. */
  halt(): Promise<Place | null>;
  /** So much has been heard at `at`, µs of the audio clock. */
  onPlayed: ((place: Place, at: number) => void) | null;
  /** The answer to `clear`. */
  onStopped: ((place: Place | null, at: number) => void) | null;
}

export interface Timer {
  set(action: () => void, ms: number): number;
  clear(id: number): void;
  now(): number;
}

export type Wish = Partial<Pick<Hello, "character" | "topic" | "greet" | "microphone" | "lesson" | "translate" | "person">>;

/** How the line is: `lost` is tried again at once or soon, `over` is not. */
export type Link =
  | { readonly is: "connecting" | "open" }
  | { readonly is: "lost"; readonly why: string }
  | { readonly is: "over"; readonly bye: Bye | null; readonly why: string };

export interface Listener {
  take(message: FromServer): void;
  /** Every piece of sound, for who keeps it. */
  sound(piece: Piece): void;
  link(link: Link): void;
}

const OPEN = 1;
/** "Policy violation" (RFC 6455, section 7.4.1): the server wants no more of it, as of a token that was revoked. */
const REFUSED = 1008;
/** The server pings every two seconds. */
const SILENCE_MS = 8000;
const CONNECT_MS = 10_000;
/** What a slow line holds back of the microphone before it is left out, bytes. */
const MOST_BUFFERED = 64_000;
/** Of what was written, the newest that is kept until it is known to have come; what is older came long ago. */
const MOST_WRITTEN = 64;
/** Of what was pressed while the line was lost. */
const MOST_LATER = 20;
/** What counts when the line is there again, too; what is not here tells of a moment. */
const LATER: ReadonlySet<FromClient["type"]> = new Set(["commit", "cancel", "interrupt", "learn", "help"]);
/** Without the server's word for it. */
const RESUME_MS = 60_000;

export class TalkClient {
  #socket: Socket | null = null;
  #token: string;
  #resumeMs = RESUME_MS;
  #welcomed = false;
  #bye: Bye | null = null;
  #over = false;
  /** How many were written in this conversation; null: it has not begun here. */
  #count: number | null = null;
  #written: Say[] = [];
  #later: FromClient[] = [];
  /** The button to talk; null: it was never used. */
  #down: boolean | null = null;
  readonly #captured = new Captured();
  #lostAt = 0;
  #retry = 0;
  #silence = 0;
  readonly #backoff = new Backoff(250, 4000);

  /** `token` goes on with a conversation of before. */
  constructor(
    private readonly open: () => Socket,
    private readonly player: Player,
    private readonly timer: Timer,
    private readonly listener: Listener,
    private readonly wish: Wish,
    token = "",
  ) {
    this.#token = token;
    player.onPlayed = (place, at) => this.#say({ type: "played", ...place, at });
    player.onStopped = (place, at) => this.#say({ type: "stopped", id: place?.id ?? "", samples: place?.samples ?? 0, at });
  }

  get token(): string {
    return this.#token;
  }

  begin(): void {
    this.#lostAt = this.timer.now();
    this.#connect();
  }

  /** Write something; while the line is lost it waits for the next socket. */
  say(text: string): void {
    if (this.#count === null) return;
    this.#count += 1;
    const written: Say = { type: "say", text, number: this.#count };
    this.#written = [...this.#written, written].slice(-MOST_WRITTEN);
    this.#say(written);
  }

  /** Silence at once, without asking first; where it stopped is told after it. */
  interrupt(): void {
    this.#say({ type: "interrupt" });
    this.player.clear();
  }

  push(down: boolean): void {
    this.#down = down;
    this.#say({ type: "push", down });
  }

  /** The person's turn is over, whatever the silence. */
  commit(): void {
    this.#say({ type: "commit" });
  }

  /** What the person has said since they were last answered is forgotten. */
  cancel(): void {
    this.#say({ type: "cancel" });
  }

  /** Begin a lesson, in a conversation with a tutor. */
  learn(lesson: string): void {
    this.#say({ type: "learn", lesson });
  }

  help(want: Help): void {
    this.#say({ type: "help", want });
  }

  /** Of a call: speak with the caller in the character's place, or give the call back. */
  take(taken: boolean): void {
    this.#say({ type: "take", taken });
  }

  /** A block of the person's sound: `at` on the microphone's clock, 16 kHz. While the line is lost it waits. */
  hear(at: number, samples: Int16Array): void {
    this.#captured.keep(at, samples);
    if (this.#welcomed && this.#socket?.readyState === OPEN && this.#socket.bufferedAmount < MOST_BUFFERED) this.#socket.send(packed(at, samples));
  }

  /** The conversation is over. */
  leave(): void {
    this.#say({ type: "leave" });
    this.#end(null, "");
  }

  #connect(): void {
    this.listener.link({ is: "connecting" });
    const socket = this.open();
    this.#socket = socket;
    this.#welcomed = false;
    this.#bye = null;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => void this.#greet(socket);
    socket.onmessage = ({ data }) => this.#take(socket, data);
    socket.onclose = ({ code, reason }) => this.#closed(socket, code === REFUSED ? reason : "", code);
    this.#expect(socket, CONNECT_MS);
  }

  async #greet(socket: Socket): Promise<void> {
    const heard = await this.player.halt();
    if (socket !== this.#socket || socket.readyState !== OPEN) return;
    const again = { resume: this.#token, heard, captured: this.#count !== null };
    const hello: FromClient = { type: "hello", version: VERSION, ...(this.#token ? again : this.wish) };
    socket.send(JSON.stringify(hello));
  }

  #take(socket: Socket, data: unknown): void {
    if (socket !== this.#socket) return;
    this.#expect(socket, SILENCE_MS);
    if (data instanceof ArrayBuffer) {
      const piece = unpacked(data);
      if (!piece) return;
      this.listener.sound(piece);
      this.player.play(piece);
      return;
    }
    this.#obey(JSON.parse(data as string) as FromServer);
  }

  #obey(message: FromServer): void {
    switch (message.type) {
      case "welcome":
        this.#token = message.resume;
        this.#resumeMs = 1000 * message.resume_seconds;
        this.#welcomed = true;
        this.#catchUp(message);
        this.#backoff.reset();
        this.listener.link({ is: "open" });
        break;
      case "ping":
        return this.#say({ type: "pong", number: message.number });
      case "pause":
        return this.player.pause();
      case "go_on":
        return this.player.goOn();
      case "clear":
        return this.player.clear();
      case "withdraw":
        return this.player.withdraw(message.id);
      case "bye":
        this.#bye = message;
    }
    this.listener.take(message);
  }

  /** What the server does not have: what was written, said and pressed. */
  #catchUp(welcome: Welcome): void {
    this.#count ??= welcome.said;
    this.#written.filter(({ number }) => number > welcome.said).forEach((written) => this.#say(written));
    for (const { at, samples } of this.#captured.from(welcome.captured)) this.#socket?.send(packed(at, samples));
    if (this.#down !== null) this.#say({ type: "push", down: this.#down });
    this.#later.splice(0).forEach((order) => this.#say(order));
  }

  #closed(socket: Socket, reason: string, code = 0): void {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.timer.clear(this.#silence);
    if (this.#welcomed) this.#lostAt = this.timer.now();
    const bye = this.#bye;
    if (bye === null && code === REFUSED) return this.#end(null, reason || "The server ended it.");
    const again = bye === null || (bye.retry_seconds ?? null) !== null || bye.code === "flood" || bye.code === "slow" || bye.code === "protocol";
    const waited = this.timer.now() - this.#lostAt;
    if (!again || waited > this.#resumeMs) return this.#end(bye, bye?.text ?? "The server did not come back in time.");
    this.#welcomed = false;
    // what it says to a program that does not read, or floods, is nothing to a person: it is tried again all the same
    const told = bye === null ? reason : (bye.retry_seconds ?? null) === null ? "" : bye.text;
    this.listener.link({ is: "lost", why: told || "The connection is lost." });
    const pause = Math.max(this.#backoff.next(), 1000 * (bye?.retry_seconds ?? 0));
    this.#retry = this.timer.set(() => this.#connect(), pause);
  }

  #end(bye: Bye | null, why: string): void {
    if (this.#over) return;
    this.#over = true;
    this.timer.clear(this.#retry);
    this.timer.clear(this.#silence);
    const socket = this.#socket;
    this.#socket = null;
    this.#welcomed = false;
    if (socket) socket.close(1000);
    if (bye?.code !== "ended") this.player.clear();
    this.player.onPlayed = this.player.onStopped = null;
    this.listener.link({ is: "over", bye, why });
  }

  #expect(socket: Socket, ms: number): void {
    this.timer.clear(this.#silence);
    this.#silence = this.timer.set(() => {
      if (socket !== this.#socket) return;
      socket.onclose = null;
      socket.close();
      this.#closed(socket, "The server has fallen silent.");
    }, ms);
  }

  #say(message: FromClient): void {
    if (this.#welcomed && this.#socket?.readyState === OPEN) this.#socket.send(JSON.stringify(message));
    else if (this.#count !== null && LATER.has(message.type)) this.#later = [...this.#later, message].slice(-MOST_LATER);
  }
}
