import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Attendance } from "../src/talk/attendance";
import type { FromServer } from "../src/talk/protocol";
import { FakeSocket, WELCOME } from "./fake-socket";

vi.mock("../src/talk/speaker", () => ({
  Speaker: {
    open: async () => ({
      allow: async () => undefined, close: async () => undefined, halt: async () => null, clear: () => undefined, onPlayed: null, onStopped: null,
    }),
  },
}));
vi.mock("../src/talk/microphone", () => ({
  Microphone: { open: async () => ({ close: async () => undefined, onBlock: null, onEnd: null }) },
  MicrophoneError: class extends Error {},
}));

const ATTENDED: FromServer = { type: "attended", caller: "Ada", operator: "", speaks: false, yours: false, listeners: 1, announced: false };
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

/** The newest socket, with all that is said at its beginning. */
async function attended(): Promise<FakeSocket> {
  await settled();
  const socket = FakeSocket.all.at(-1) as FakeSocket;
  socket.onopen?.();
  await settled();
  socket.says(WELCOME);
  socket.says(ATTENDED);
  return socket;
}

const takes = (socket: FakeSocket): unknown[] => socket.sent.filter(({ type }) => type === "take");

describe("attending a call", () => {
  let attendance: Attendance;

  beforeEach(() => {
    FakeSocket.all = [];
    vi.stubGlobal("window", globalThis);
    vi.stubGlobal("WebSocket", FakeSocket);
    attendance = new Attendance({ at: (path: string, values: { call: string }) => `http://house${path.replace("{call}", values.call)}` } as never);
  });
  afterEach(() => {
    attendance.leave();
    vi.unstubAllGlobals();
  });

  it("takes a call over that is not attended yet, and one that is instead of another", async () => {
    void attendance.takeOver("one");
    expect(takes(await attended())).toEqual([{ type: "take", taken: true }]);
    void attendance.takeOver("two");
    const second = await attended();
    expect(second.address).toContain("/two/");
    expect(takes(second)).toEqual([{ type: "take", taken: true }]);
  });

  it("takes over the call that was pressed, not the one that is just being opened", async () => {
    void attendance.listen("one");
    void attendance.takeOver("two");
    expect(takes(await attended())).toEqual([]);
  });

  it("attends no call that was left before it was opened", async () => {
    void attendance.takeOver("one");
    attendance.leave();
    await settled();
    expect([attendance.call.value, FakeSocket.all.length]).toEqual(["", 0]);
    void attendance.listen("one");
    expect(takes(await attended())).toEqual([]);
  });

  it("takes over nothing that was only to be listened to, whatever was wanted before", async () => {
    void attendance.takeOver("one");
    await settled();
    const [first] = FakeSocket.all as [FakeSocket];
    first.says({ type: "bye", code: "full", text: "10 attend this call already.", remedy: "", resume: false, retry_seconds: null });
    first.onclose?.({ code: 1008, reason: "" });
    expect(attendance.call.value).toBe("");
    for (const call of ["two", "one"]) {
      void attendance.listen(call);
      expect(takes(await attended())).toEqual([]);
    }
  });
});
