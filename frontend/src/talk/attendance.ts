/**
 * The call that this page attends: its sound is heard here, and once the call was taken over what is said here is heard
 * there. It goes on while other pages are looked at.
 */
import { computed, signal } from "@preact/signals";
import type { Place as Address } from "../addresses";
import type { Block } from "./blocks";
import { TalkClient, type Link, type Socket } from "./client";
import type { Microphone } from "./microphone";
import type { Attended, FromServer } from "./protocol";
import type { Speaker } from "./speaker";
import { farewell, TIMER, UNFETCHED, type Trouble } from "./talk";

export class Attendance {
  /** The id of the call; empty: none is attended. */
  readonly call = signal("");
  readonly link = signal<Link | null>(null);
  readonly attended = signal<Attended | null>(null);
  readonly muted = signal(false);
  /** Of the microphone: RMS, 0…1. */
  readonly level = signal(0);
  /** What went wrong, and with which call. */
  readonly trouble = signal<(Trouble & { readonly call: string }) | null>(null);
  readonly mine = computed(() => this.attended.value?.yours ?? false);
  /** The caller hears what is said here. */
  readonly heard = computed(() => this.mine.value && (this.attended.value?.speaks ?? false));
  #client: TalkClient | null = null;
  #speaker: Speaker | null = null;
  #microphone: Microphone | null = null;
  #opening = false;
  #asking = false;
  /** The call that is to be taken over as soon as it is attended; empty: none. */
  #wanted = "";

  constructor(private readonly place: Address) {}

  /** To be called where a person has just pressed something: sound is allowed then. */
  async listen(call: string): Promise<void> {
    if (this.call.peek() === call || this.#opening) return;
    this.leave();
    this.#opening = true;
    this.call.value = call;
    this.trouble.value = null;
    try {
      const code = await import("./speaker").catch(() => null);
      if (!code) return this.#unheard(UNFETCHED);
      const speaker = await code.Speaker.open();
      if (this.call.peek() !== call) return void speaker.close();
      void speaker.allow();
      this.#speaker = speaker;
      const address = `${this.place.at("/api/line/calls/{call}", { call })}/talk`.replace(/^http/, "ws");
      const open = (): Socket => new WebSocket(address) as unknown as Socket;
      const listener = {
        take: (message: FromServer) => this.#take(message),
        sound: () => undefined,
        link: (link: Link) => this.#linked(link),
      };
      this.#client = new TalkClient(open, speaker, TIMER, listener, {});
      this.#client.begin();
    } catch (error) {
      this.#unheard({ what: `This browser plays no sound: ${String(error)}`, remedy: "Load the page again, or try another browser." });
    } finally {
      this.#opening = false;
    }
  }

  /** Speak with the caller, in the character's place. To be called where a person has just pressed something. */
  async takeOver(call: string): Promise<void> {
    this.#wanted = call;
    this.muted.value = false;
    const hearing = this.#hear(call);
    await this.listen(call);
    if (this.attended.value) this.#want();
    await hearing;
  }

  /** The character goes on. */
  giveBack(): void {
    this.#wanted = "";
    this.#client?.take(false);
  }

  /** Have the character say something for who has taken the call over. */
  say(text: string): void {
    this.#client?.say(text);
  }

  mute(muted: boolean): void {
    this.muted.value = muted;
  }

  leave(): void {
    if (this.#client) this.#client.leave();
    else if (this.#opening) this.call.value = this.#wanted = "";
  }

  #unheard(trouble: Trouble): void {
    this.trouble.value = { call: this.call.peek(), ...trouble };
    this.call.value = this.#wanted = "";
  }

  #want(): void {
    if (this.#wanted === this.call.peek()) this.#client?.take(true);
    this.#wanted = "";
  }

  #take(message: FromServer): void {
    if (message.type === "attended") {
      const before = this.attended.value;
      this.attended.value = message;
      if (!before) this.#want();
      if (message.yours) void this.#hear(this.call.peek());
      else if (before?.yours || message.operator) this.#deafen();
    } else if (message.type === "notice") {
      this.trouble.value = { call: this.call.peek(), what: message.text, remedy: message.remedy };
      if (!this.mine.peek()) this.#deafen(); // it was not given
    }
  }

  async #hear(call: string): Promise<void> {
    if (this.#microphone || this.#asking) return;
    this.#asking = true;
    const code = await import("./microphone").catch(() => null);
    try {
      if (!code) return this.#lose(call, UNFETCHED);
      const microphone = await code.Microphone.open();
      if (this.#microphone || this.call.peek() !== call) return void microphone.close();
      this.#microphone = microphone;
      microphone.onBlock = (at, block) => this.#spoke(at, block);
      microphone.onEnd = ({ message, remedy }) => this.#lose(call, { what: message, remedy });
    } catch (error) {
      if (!code || !(error instanceof code.MicrophoneError)) throw error;
      this.#lose(call, { what: error.message, remedy: error.remedy });
    } finally {
      this.#asking = false;
    }
  }

  #spoke(at: number, block: Block): void {
    const heard = this.heard.peek() && !this.muted.peek();
    this.level.value = heard ? block.level : 0;
    if (heard) this.#client?.hear(at, block.samples);
  }

  #lose(call: string, trouble: Trouble): void {
    this.#deafen();
    this.trouble.value = { call, ...trouble };
  }

  #deafen(): void {
    this.level.value = 0;
    void this.#microphone?.close();
    this.#microphone = null;
  }

  #linked(link: Link): void {
    this.link.value = link;
    if (link.is !== "over") return;
    if (this.#wanted === this.call.peek()) this.#wanted = ""; // to listen to it later takes nothing over
    const bye = farewell(link.bye, link.why);
    if (bye) this.trouble.value = { call: this.call.peek(), ...bye };
    this.#deafen();
    void this.#speaker?.close();
    this.#client = this.#speaker = null;
    this.call.value = "";
    this.attended.value = this.link.value = null;
  }
}
