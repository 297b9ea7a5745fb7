import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Microphone as Opened } from "../src/talk/microphone";
import type { Chunk } from "../src/talk/protocol";
import type { Talk as Conversation } from "../src/talk/talk";
import { FakeSocket, WELCOME } from "./fake-socket";

const did: string[] = [];
const speaker = {
  allow: async () => undefined, rest: () => did.push("rest"), halt: async () => null, clear: () => undefined, play: () => undefined, onPlayed: null, onStopped: null,
  heard: null, replay: (pieces: Float32Array[]) => did.push(`replay ${pieces.map(({ length }) => length).join("+")}`), hush: () => did.push("hush"),
};
let microphone: Pick<Opened, "onBlock" | "onEnd" | "close">;

const chunk = (id: string, state: Chunk["state"]): Chunk => ({
  type: "chunk", id, turn: "t1", index: 0, text: "Hello there.", state, heard: "", length_ms: 10, open: false, words: [],
});
/** A frame of sound of the chunk `a`, as the server sends it: `count` samples from `start` on. */
const sound = (start: number, count: number): ArrayBuffer =>
  Uint8Array.from([2, 1, 1, 0, start, 0, 0, 0, 0, 0, 0, 0, 97, ...new Array<number>(2 * count).fill(1)]).buffer;
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10));

describe("the conversation of a page", () => {
  let talk: Conversation;
  let asked: string[];

  async function begun(): Promise<FakeSocket> {
    await talk.begin({});
    const socket = FakeSocket.all.at(-1) as FakeSocket;
    socket.onopen?.();
    await settled();
    socket.says(WELCOME);
    return socket;
  }

  beforeEach(async () => {
    vi.resetModules();
    vi.doMock("../src/talk/speaker", () => ({ Speaker: { open: async () => speaker } }));
    vi.doMock("../src/talk/microphone", () => ({
      Microphone: { open: async () => (microphone = { close: async () => undefined, onBlock: null, onEnd: null }) },
      MicrophoneError: class extends Error {},
    }));
    vi.stubGlobal("window", globalThis);
    vi.stubGlobal("WebSocket", FakeSocket);
    did.length = 0;
    asked = [];
    FakeSocket.all = [];
    const api = { get: async (address: string) => (asked.push(address), { characters: [], reasons: [], learning: {} }) };
    const { Talk } = await import("../src/talk/talk");
    talk = new Talk(api as never, { at: () => "http://house/api/talk" } as never);
  });
  afterEach(() => {
    talk.leave();
    vi.unstubAllGlobals();
  });

  it("is put away for another one, and what there is to learn is asked anew", async () => {
    const socket = await begun();
    socket.says({ type: "turn", id: "t1", number: 1, person: false, operator: "", text: "Hello", state: "ended", heard: "Hello", interrupted: false, at: 1, stages: { voice: 9 }, failure: "", handovers: [], sources: [] });
    socket.says({ type: "vocabulary", words: [], count: 1, due: 1, level: "A1", kept: true });
    talk.leave();
    expect(did.at(-1)).toBe("rest");
    expect(talk.book.value.turns.length).toBe(1);
    await talk.another();
    expect([talk.welcome.value, talk.link.value, talk.book.value.turns, talk.learning.value.vocabulary]).toEqual([null, null, [], null]);
    expect(asked).toEqual(["/api/talk"]);
  });

  it("lets no replay sound beside what is said", async () => {
    const socket = await begun();
    socket.onmessage?.({ data: sound(0, 2) });
    socket.says(chunk("a", "heard"));
    const replayed = (what: () => void): string[] => {
      talk.replay("a");
      did.length = 0;
      what();
      return did.concat(String(talk.replaying.value));
    };
    expect(replayed(() => talk.say("Hi"))).toEqual(["hush", "null"]);
    expect(replayed(() => socket.says(chunk("b", "playing")))).toEqual(["hush", "null"]);
    expect(replayed(() => socket.says(chunk("b", "playing")))).toEqual(["a"]); // it is only told of again
    await talk.listen("push");
    expect(replayed(() => talk.press())).toEqual(["hush", "null"]);
  });

  it("keeps the whole of a sentence for a replay, wherever its sound was sent from again", async () => {
    const socket = await begun();
    for (const [start, count] of [[0, 20], [20, 20], [10, 20], [30, 20], [50, 5], [40, 10]] as const) socket.onmessage?.({ data: sound(start, count) });
    talk.replay("a");
    expect(did).toEqual(["replay 20+20+10+5"]);
  });

  it("lets the button go with the microphone", async () => {
    const socket = await begun();
    await talk.listen("push");
    talk.press();
    microphone.onEnd?.({ message: "The microphone is gone.", remedy: "Plug it in." } as never);
    await settled();
    expect(talk.pushed.value).toBe(false);
    expect(socket.sent.filter(({ type }) => type === "push").map(({ down }) => down)).toEqual([true, false]);
    expect(talk.trouble.value).toEqual({ what: "The microphone is gone.", remedy: "Plug it in." });
  });

  it("says so when its code cannot be fetched, and takes the choice of a microphone back", async () => {
    const gone = (): never => {
      throw new TypeError("Failed to fetch dynamically imported module");
    };
    await begun();
    vi.doMock("../src/talk/microphone", gone);
    await talk.listen("open");
    expect(talk.ears.value).toBe("off");
    expect(talk.trouble.value?.remedy).toBe("Load the page again.");
    talk.leave();
    vi.doMock("../src/talk/speaker", gone);
    await talk.begin({});
    expect(talk.going.value).toBe(false);
    expect(talk.trouble.value?.what).toBe("A part of this page could not be fetched.");
  });
});

describe("a microphone whose sound cannot be taken", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("is let go", async () => {
    vi.doUnmock("../src/talk/microphone");
    vi.resetModules();
    const { Microphone } = await import("../src/talk/microphone");
    let stopped = 0;
    const track = { onended: null, stop: () => (stopped += 1) };
    const stream = { getTracks: () => [track], getAudioTracks: () => [track] };
    vi.stubGlobal("navigator", { mediaDevices: { getUserMedia: async () => stream } });
    class Broken {
      constructor() {
        throw new DOMException("no", "NotSupportedError");
      }
    }
    vi.stubGlobal("MediaStreamTrackProcessor", Broken);
    await expect(Microphone.open()).rejects.toThrow("This browser cannot take the microphone's sound.");
    expect(stopped).toBe(1);
  });
});
