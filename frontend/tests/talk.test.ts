import { describe, expect, it } from "vitest";
import { Resampler } from "../src/core/resampler";
import { chunksOf, emptyBook, ended, parted, shown, told, waitsOf } from "../src/talk/book";
import { TalkClient, type Link, type Player, type Socket, type Timer } from "../src/talk/client";
import { Playout, type Piece, type Place } from "../src/talk/playout";
import { packed, unpacked, type Bye, type Chunk, type FromServer, type Turn, type Welcome } from "../src/talk/protocol";

const ramp = (from: number, count: number): Float32Array => Float32Array.from({ length: count }, (_, index) => from + index);

function piece(id: string, start: number, count: number, change: Partial<Piece> = {}): Piece {
  return { id, start, samples: ramp(start, count), first: true, more: false, gap: 0, ...change };
}

function rendered(playout: Playout, count: number, block = 128): number[] {
  const all: number[] = [];
  while (all.length < count) {
    const out = new Float32Array(Math.min(block, count - all.length));
    playout.render(out);
    all.push(...out);
  }
  return all;
}

describe("the playout", () => {
  it("plays one sound after another, to the sample, with the silence between them", () => {
    const playout = new Playout();
    playout.take(piece("a", 0, 300));
    playout.take(piece("b", 0, 100, { gap: 50 }));
    const all = rendered(playout, 600);
    expect(all.slice(0, 300)).toEqual([...ramp(0, 300)]);
    expect(all.slice(300, 350)).toEqual(new Array(50).fill(0));
    expect(all.slice(350, 450)).toEqual([...ramp(0, 100)]);
    expect(all.slice(450)).toEqual(new Array(150).fill(0));
    expect(playout.takeEnded()).toEqual([
      { id: "a", samples: 300 },
      { id: "b", samples: 100 },
    ]);
    expect(playout.place).toEqual({ id: "b", samples: 100 });
  });

  it("counts a gap from the end, so that what comes late begins at once", () => {
    const playout = new Playout();
    playout.take(piece("a", 0, 100));
    rendered(playout, 300);
    playout.take(piece("b", 1, 100, { gap: 150 }));
    expect(rendered(playout, 100)).toEqual([...ramp(1, 100)]);
  });

  it("is silent while an open sound has nothing, and goes on where it was", () => {
    const playout = new Playout();
    playout.take(piece("a", 7, 100, { more: true }));
    expect(rendered(playout, 200).slice(100)).toEqual(new Array(100).fill(0));
    expect(playout.place).toEqual({ id: "a", samples: 107 });
    expect(playout.takeEnded()).toEqual([]);
    playout.take(piece("a", 107, 50, { first: false }));
    expect(rendered(playout, 60).slice(0, 50)).toEqual([...ramp(107, 50)]);
    expect(playout.takeEnded()).toEqual([{ id: "a", samples: 157 }]);
  });

  it("holds where it is, and comes again from the same sample", () => {
    const playout = new Playout();
    playout.take(piece("a", 0, 2000));
    rendered(playout, 500);
    playout.pause();
    expect(rendered(playout, 1000).slice(240)).toEqual(new Array(760).fill(0));
    expect(playout.place).toEqual({ id: "a", samples: 500 });
    playout.goOn();
    expect(rendered(playout, 500).slice(240)).toEqual([...ramp(740, 260)]);
  });

  it("is silent after a clear, and says where it stopped", () => {
    const playout = new Playout();
    expect(playout.clear()).toBeNull();
    playout.take(piece("a", 100, 2000));
    playout.take(piece("b", 0, 2000));
    rendered(playout, 500);
    expect(playout.clear()).toEqual({ id: "a", samples: 600 });
    const all = rendered(playout, 1000);
    expect(Math.max(...all.slice(240))).toBe(0);
    expect(all[0]).toBeGreaterThan(500);
    playout.take(piece("a", 600, 100));
    expect(rendered(playout, 100)).toEqual([...ramp(600, 100)]);
  });

  it("forgets what has not begun, and nothing else", () => {
    const playout = new Playout();
    playout.take(piece("a", 0, 300));
    playout.take(piece("b", 0, 300));
    rendered(playout, 128);
    playout.withdraw("a");
    playout.withdraw("b");
    expect(rendered(playout, 400)).toEqual([...ramp(128, 172), ...new Array(228).fill(0)]);
  });
});

describe("the resampler", () => {
  it.each([48_000, 44_100, 96_000, 16_000])("brings a tone from %i Hz to 16 kHz, however it is cut", (rate) => {
    const tone = Float32Array.from({ length: rate }, (_, index) => Math.sin((2 * Math.PI * 440 * index) / rate));
    const whole = new Resampler(rate, 16_000).push(tone);
    const cut = new Resampler(rate, 16_000);
    const parts: number[] = [];
    for (let at = 0, size = 1; at < tone.length; at += size, size = 1 + ((size * 7) % 311)) parts.push(...cut.push(tone.slice(at, at + size)));
    expect(Math.abs(whole.length - 16_000)).toBeLessThan(40);
    expect(parts.length).toBe(whole.length);
    expect(Math.max(...parts.map((sample, index) => Math.abs(sample - (whole[index] ?? 0))))).toBeLessThan(1e-6);
    const off = whole.slice(100, -100).map((sample, index) => sample - Math.sin((2 * Math.PI * 440 * (index + 100)) / 16_000));
    expect(Math.max(...off.map(Math.abs))).toBeLessThan(0.01);
  });

  it("takes out what lies above", () => {
    const tone = Float32Array.from({ length: 48_000 }, (_, index) => Math.sin((2 * Math.PI * 11_000 * index) / 48_000));
    expect(Math.max(...new Resampler(48_000, 16_000).push(tone).slice(100).map(Math.abs))).toBeLessThan(0.01);
  });
});

describe("frames of sound", () => {
  it("are what the server's are", () => {
    // tests/app/test_talk_messages.py has the same bytes
    const frame = Uint8Array.from([2, 1, 1, 0, ...new Array<number>(8).fill(0), 97, 0x00, 0x40, 0x00, 0xc0]);
    const found = unpacked(frame.buffer);
    expect(found).toMatchObject({ id: "a", start: 0, gap: 0, first: true, more: false });
    expect([...(found?.samples ?? [])].map((sample) => Math.round(sample * 1000))).toEqual([500, -500]);
    const sent = new Uint8Array(packed(258, Int16Array.from([1, -2])));
    expect([...sent]).toEqual([1, 0, 0, 0, 2, 1, 0, 0, 1, 0, 254, 255]);
    const late = new Uint8Array(packed(2 ** 32 + 258, Int16Array.from([1])));
    expect([...late.slice(0, 8)]).toEqual([1, 0, 1, 0, 2, 1, 0, 0]); // of a page that is open for 74 h
    expect(unpacked(new ArrayBuffer(3))).toBeNull();
    expect(unpacked(Uint8Array.from([2, 1, 200, 0, ...new Array<number>(8).fill(0)]).buffer)).toBeNull();
  });
});

const turn = (change: Partial<Turn>): Turn => ({
  type: "turn", id: "t1", number: 1, person: false, operator: "", text: "Hello there.", state: "ended", heard: "", interrupted: false,
  at: 1000, stages: {}, failure: "", handovers: [], sources: [], ...change,
});
const chunk = (change: Partial<Chunk>): Chunk => ({
  type: "chunk", id: "t1/0", turn: "t1", index: 0, text: "Hello there.", state: "waiting", heard: "", length_ms: null,
  open: false, words: [], ...change,
});

describe("the book of a conversation", () => {
  it("leaves nothing that still plays, or is to come, when it is over", () => {
    const words = ["One", "two", "three"].map((text, index) => ({ text, start: index * 100, end: index * 100 + 90 }));
    const messages: FromServer[] = [
      turn({ id: "t1", number: 1, person: true, state: "on_air", text: "And" }),
      chunk({ id: "t2/0", turn: "t2", state: "heard", text: "Before.", words: [] }),
      chunk({ id: "t2/1", turn: "t2", state: "playing", text: "One, two, three.", words, open: true }),
      chunk({ id: "t2/2", turn: "t2", state: "voicing", text: "Four.", words: [] }),
    ];
    const book = ended({ ...messages.reduce(told, emptyBook), standing: "speaking" }, { id: "t2/1", ms: 150 });
    expect([...book.chunks.values()].map(({ state, heard, open }) => [state, heard, open])).toEqual([
      ["heard", "", false], ["cut", "One, two,", false], ["cut", "", false],
    ]);
    expect([book.standing, book.turns[0]?.state]).toEqual(["quiet", "ended"]);
    expect(ended(book, null)).toEqual(book);
    const [whole] = messages.slice(2, 3).map((one): FromServer => ({ ...one, open: false }) as FromServer);
    const heard = ended([whole ?? turn({})].reduce(told, emptyBook), { id: "t2/1", ms: 295 });
    expect(heard.chunks.get("t2/1")).toMatchObject({ state: "heard", heard: "One, two, three." }); // nothing was cut off it
  });

  it("keeps turns in their order, and the newest of each", () => {
    const messages: FromServer[] = [
      turn({ id: "t2", number: 2, stages: { voice: 200, playout: 50 } }),
      turn({ id: "t1", number: 1, person: true, text: "Hi" }),
      turn({ id: "t3", number: 3, state: "withdrawn" }),
      chunk({ id: "t2/1", turn: "t2", index: 1 }),
      chunk({ id: "t2/0", turn: "t2" }),
      chunk({ id: "t2/0", turn: "t2", state: "heard" }),
    ];
    const book = messages.reduce(told, emptyBook);
    expect(shown(book).map(({ id }) => id)).toEqual(["t1", "t2"]);
    expect(chunksOf(book, "t2").map(({ id, state }) => [id, state])).toEqual([
      ["t2/0", "heard"],
      ["t2/1", "waiting"],
    ]);
    expect(waitsOf(book, "Ada", "#fff")).toMatchObject([{ id: "t2", silence: 250 }]);
  });

  it("is bounded", () => {
    let book = emptyBook;
    for (let number = 0; number < 400; number += 1) {
      book = told(book, chunk({ id: `t${number}/0`, turn: `t${number}` }));
      book = told(book, turn({ id: `t${number}`, number }));
    }
    expect(book.turns.length).toBe(100);
    expect(book.chunks.size).toBeLessThanOrEqual(101);
  });

  it("says what was heard, and what was not", () => {
    expect(parted(chunk({ state: "heard" }))).toEqual({ heard: "Hello there.", unheard: "" });
    expect(parted(chunk({ state: "cut", heard: "Hello" }))).toEqual({ heard: "Hello", unheard: " there." });
    expect(parted(chunk({ state: "cut" }))).toEqual({ heard: "", unheard: "Hello there." });
  });
});

class FakeSocket implements Socket {
  binaryType: BinaryType = "blob";
  readyState = 0;
  bufferedAmount = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly sent: unknown[] = [];
  closed = false;

  send(data: string | ArrayBuffer): void {
    this.sent.push(typeof data === "string" ? JSON.parse(data) : data);
  }
  close(): void {
    this.closed = true;
    this.readyState = 3;
  }
  async opens(): Promise<void> {
    this.readyState = 1;
    this.onopen?.();
    await Promise.resolve();
    await Promise.resolve();
  }
  says(message: Partial<FromServer>): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  breaks(code = 1006, reason = ""): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
}

class FakePlayer implements Player {
  onPlayed: Player["onPlayed"] = null;
  onStopped: Player["onStopped"] = null;
  place: Place | null = null;
  readonly did: string[] = [];
  play = (given: Piece): void => void this.did.push(`play ${given.id}`);
  pause = (): void => void this.did.push("pause");
  goOn = (): void => void this.did.push("go on");
  clear = (): void => void this.did.push("clear");
  withdraw = (id: string): void => void this.did.push(`withdraw ${id}`);
  halt = (): Promise<Place | null> => {
    this.did.push("halt");
    return Promise.resolve(this.place);
  };
}

class FakeTimer implements Timer {
  time = 0;
  #next = 1;
  readonly #due = new Map<number, { at: number; action: () => void }>();
  set = (action: () => void, ms: number): number => {
    this.#due.set(this.#next, { at: this.time + ms, action });
    return this.#next++;
  };
  clear = (id: number): void => void this.#due.delete(id);
  now = (): number => this.time;
  pass(ms: number): void {
    const until = this.time + ms;
    for (;;) {
      const [id, first] = [...this.#due].filter(([, { at }]) => at <= until).sort(([, one], [, other]) => one.at - other.at)[0] ?? [];
      if (id === undefined || !first) break;
      this.#due.delete(id);
      this.time = Math.max(this.time, first.at);
      first.action();
    }
    this.time = until;
  }
}

const WELCOME: Welcome = {
  type: "welcome", version: 1, conversation: "c", resume: "token", resumed: false, character: "ada", title: "Ada",
  microphone: true, rate: 48_000, resume_seconds: 60, said: 0, captured: null, remembered: false, person: "",
};

function talk(): { client: TalkClient; sockets: FakeSocket[]; player: FakePlayer; timer: FakeTimer; links: Link[]; taken: FromServer[] } {
  const sockets: FakeSocket[] = [];
  const player = new FakePlayer();
  const timer = new FakeTimer();
  const links: Link[] = [];
  const taken: FromServer[] = [];
  const open = (): Socket => {
    const socket = new FakeSocket();
    sockets.push(socket);
    return socket;
  };
  const listener = { take: (message: FromServer) => taken.push(message), sound: () => undefined, link: (link: Link) => links.push(link) };
  const client = new TalkClient(open, player, timer, listener, { character: "ada" });
  return { client, sockets, player, timer, links, taken };
}

describe("the client", () => {
  it("says hello, and then what the person does", async () => {
    const { client, sockets, player, links } = talk();
    client.begin();
    const [socket] = sockets as [FakeSocket];
    client.say("too early");
    await socket.opens();
    expect(socket.sent).toEqual([{ type: "hello", version: 1, character: "ada" }]);
    socket.says(WELCOME);
    client.say("Hi");
    client.interrupt();
    player.onPlayed?.({ id: "a", samples: 5 }, 1000);
    socket.says({ type: "ping", number: 3 });
    socket.says({ type: "clear" });
    player.onStopped?.(null, 2000);
    client.hear(16_000, Int16Array.from([1, 2]));
    expect(socket.sent.slice(1, -1)).toEqual([
      { type: "say", text: "Hi", number: 1 },
      { type: "interrupt" },
      { type: "played", id: "a", samples: 5, at: 1000 },
      { type: "pong", number: 3 },
      { type: "stopped", id: "", samples: 0, at: 2000 },
    ]);
    expect(socket.sent.at(-1)).toBeInstanceOf(ArrayBuffer);
    expect(player.did).toEqual(["halt", "clear", "clear"]);
    expect(links.map(({ is }) => is)).toEqual(["connecting", "open"]);
  });

  it("takes a call over and gives it back", async () => {
    const { client, sockets } = talk();
    client.begin();
    const [socket] = sockets as [FakeSocket];
    client.take(true);
    await socket.opens();
    socket.says(WELCOME);
    client.take(true);
    client.take(false);
    expect(socket.sent.slice(1)).toEqual([
      { type: "take", taken: true },
      { type: "take", taken: false },
    ]);
  });

  it("goes on with the conversation where the sound was, and keeps playing until then", async () => {
    const { client, sockets, player, timer, links } = talk();
    client.begin();
    await sockets[0]?.opens();
    sockets[0]?.says(WELCOME);
    player.did.length = 0;
    sockets[0]?.breaks();
    expect(links.at(-1)?.is).toBe("lost");
    expect(player.did).toEqual([]);
    timer.pass(300);
    expect(sockets.length).toBe(2);
    player.place = { id: "a", samples: 77 };
    await sockets[1]?.opens();
    expect(sockets[1]?.sent).toEqual([{ type: "hello", version: 1, resume: "token", heard: { id: "a", samples: 77 }, captured: true }]);
    sockets[1]?.says({ ...WELCOME, resumed: true });
    expect(links.at(-1)?.is).toBe("open");
  });

  it("says again what the server may not have, and nothing that it has", async () => {
    const { client, sockets, timer } = talk();
    client.begin();
    await sockets[0]?.opens();
    sockets[0]?.says(WELCOME);
    client.say("one");
    client.say("two");
    sockets[0]?.breaks();
    client.say("three");
    timer.pass(300);
    await sockets[1]?.opens();
    sockets[1]?.says({ ...WELCOME, resumed: true, said: 1 });
    expect(sockets[1]?.sent.slice(1)).toEqual([
      { type: "say", text: "two", number: 2 },
      { type: "say", text: "three", number: 3 },
    ]);
  });

  it("sends again what was said into a line that was lost, as much of it as did not come", async () => {
    const { client, sockets, timer } = talk();
    const block = (at: number): Int16Array => new Int16Array(320).fill(at / 320);
    client.begin();
    await sockets[0]?.opens();
    sockets[0]?.says(WELCOME);
    for (let at = 0; at < 3200; at += 320) client.hear(at, block(at));
    sockets[0]?.breaks();
    for (let at = 3200; at < 16_000; at += 320) client.hear(at, block(at));
    client.hear(32_000, block(32_000)); // it was off meanwhile
    timer.pass(300);
    await sockets[1]?.opens();
    sockets[1]?.says({ ...WELCOME, resumed: true, captured: 1600 });
    const frames = (sockets[1]?.sent ?? []).filter((one) => one instanceof ArrayBuffer).map((one) => new DataView(one));
    expect(frames.map((frame) => [frame.getUint32(4, true), (frame.byteLength - 8) / 2])).toEqual([
      [1600, 8000],
      [9600, 6400],
      [32_000, 320],
    ]);
    const [first] = frames as [DataView];
    expect([0, 320, 7999].map((sample) => first.getInt16(8 + 2 * sample, true))).toEqual([5, 6, 29]);
  });

  it("keeps ten seconds of it, and none for a server that knows nothing of its clock", async () => {
    const { client, sockets, timer } = talk();
    client.begin();
    await sockets[0]?.opens();
    sockets[0]?.says(WELCOME);
    const found = async (captured: number | null): Promise<number[]> => {
      sockets.at(-1)?.breaks();
      timer.pass(300);
      await sockets.at(-1)?.opens();
      sockets.at(-1)?.says({ ...WELCOME, resumed: true, captured });
      return (sockets.at(-1)?.sent ?? []).filter((one) => one instanceof ArrayBuffer).map((one) => new DataView(one).getUint32(4, true));
    };
    for (let at = 0; at < 16_000 * 30; at += 320) client.hear(at, new Int16Array(320));
    expect(await found(null)).toEqual([]);
    const again = await found(0);
    expect(again[0]).toBe(16_000 * 20);
    expect(again.length).toBe(20);
  });

  it("says later what was pressed while the line was lost, and how the button is", async () => {
    const { client, sockets, timer } = talk();
    client.begin();
    await sockets[0]?.opens();
    sockets[0]?.says(WELCOME);
    client.push(true);
    sockets[0]?.breaks();
    client.push(false);
    client.interrupt();
    client.learn("cafe");
    client.take(true); // of a call, which is attended anew
    timer.pass(300);
    await sockets[1]?.opens();
    sockets[1]?.says({ ...WELCOME, resumed: true });
    expect(sockets[1]?.sent.slice(1)).toEqual([{ type: "push", down: false }, { type: "interrupt" }, { type: "learn", lesson: "cafe" }]);
    sockets[1]?.breaks();
    timer.pass(300);
    await sockets[2]?.opens();
    sockets[2]?.says({ ...WELCOME, resumed: true });
    expect(sockets[2]?.sent.slice(1)).toEqual([{ type: "push", down: false }]);
  });

  it("says of a line that is lost what a person can understand", async () => {
    const { client, sockets, timer, links } = talk();
    client.begin();
    const lost = async (code: number, reason: string, bye?: Partial<Bye>): Promise<unknown> => {
      await sockets.at(-1)?.opens();
      sockets.at(-1)?.says(WELCOME);
      if (bye) sockets.at(-1)?.says({ type: "bye", remedy: "", resume: true, retry_seconds: null, ...bye } as Bye);
      sockets.at(-1)?.breaks(code, reason);
      const found = links.at(-1);
      timer.pass(10_000);
      return found;
    };
    const plain = { is: "lost", why: "The connection is lost." };
    expect(await lost(1011, "keepalive ping timeout")).toEqual(plain);
    expect(await lost(1008, "The client does not read.", { code: "slow", text: "The client does not read." })).toEqual(plain);
    const closing = "The house is closing.";
    expect(await lost(1013, closing, { code: "closing", text: closing, retry_seconds: 5 })).toEqual({ is: "lost", why: closing });
  });

  it("has another microphone after the page was loaded anew, and says so", async () => {
    const { sockets, player, timer } = talk();
    const listener = { take: () => undefined, sound: () => undefined, link: () => undefined };
    const open = (): Socket => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    };
    new TalkClient(open, player, timer, listener, {}, "before").begin();
    await sockets[0]?.opens();
    expect(sockets[0]?.sent).toEqual([{ type: "hello", version: 1, resume: "before", heard: null, captured: false }]);
  });

  it("counts on where a page of before stopped", async () => {
    const { client, sockets } = talk();
    client.begin();
    await sockets[0]?.opens();
    sockets[0]?.says({ ...WELCOME, resumed: true, said: 7 });
    client.say("more");
    expect(sockets[0]?.sent.at(-1)).toEqual({ type: "say", text: "more", number: 8 });
  });

  it("takes a server that has fallen silent for lost, and gives up after as long as it would have waited", async () => {
    const { client, sockets, timer, links } = talk();
    client.begin();
    await sockets[0]?.opens();
    sockets[0]?.says(WELCOME);
    timer.pass(7900);
    expect(links.at(-1)?.is).toBe("open");
    timer.pass(200);
    expect(links.at(-1)?.is).toBe("lost");
    expect(sockets[0]?.closed).toBe(true);
    for (let step = 0; step < 400 && links.at(-1)?.is !== "over"; step += 1) {
      timer.pass(250);
      sockets.at(-1)?.breaks();
    }
    expect(links.at(-1)).toMatchObject({ is: "over", bye: null });
    expect(timer.time).toBeGreaterThan(60_000);
    expect(timer.time).toBeLessThan(80_000);
  });

  it("does not try again what is over", async () => {
    const { client, sockets, timer, links } = talk();
    client.begin();
    await sockets[0]?.opens();
    sockets[0]?.says(WELCOME);
    sockets[0]?.says({ type: "bye", code: "idle", text: "Nobody said anything.", remedy: "", resume: false, retry_seconds: null });
    sockets[0]?.breaks();
    expect(links.at(-1)).toMatchObject({ is: "over", why: "Nobody said anything." });
    timer.pass(60_000);
    expect(sockets.length).toBe(1);
  });

  it.each([
    ["with a bye", { type: "bye", code: "forbidden", text: "This server wants a token.", remedy: "Send it.", resume: false, retry_seconds: null }],
    ["without one", null],
  ] as const)("ends with the reason where it is not let in, %s", async (_, bye) => {
    const { client, sockets, timer, links } = talk();
    client.begin();
    await sockets[0]?.opens();
    if (bye) sockets[0]?.says(bye);
    sockets[0]?.breaks(1008, "This server wants a token.");
    expect(links.at(-1)).toEqual({ is: "over", bye, why: "This server wants a token." });
    timer.pass(60_000);
    expect(sockets.length).toBe(1);
  });

  it("ends with the reason when the token is revoked meanwhile", async () => {
    const { client, sockets, timer, links } = talk();
    client.begin();
    await sockets[0]?.opens();
    sockets[0]?.says(WELCOME);
    sockets[0]?.breaks(1008, "the token was revoked");
    expect(links.at(-1)).toEqual({ is: "over", bye: null, why: "the token was revoked" });
    timer.pass(60_000);
    expect(sockets.length).toBe(1);
  });

  it("tries again when it is told to", async () => {
    const { client, sockets, timer } = talk();
    client.begin();
    await sockets[0]?.opens();
    sockets[0]?.says({ type: "bye", code: "starting", text: "Warming up.", remedy: "", resume: false, retry_seconds: 2 });
    sockets[0]?.breaks();
    timer.pass(1900);
    expect(sockets.length).toBe(1);
    timer.pass(200);
    expect(sockets.length).toBe(2);
  });
});
