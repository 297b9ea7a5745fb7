import type { FromServer, Welcome } from "../src/talk/protocol";

/** A socket whose other end a test speaks for. */
export class FakeSocket {
  static all: FakeSocket[] = [];
  binaryType = "blob";
  readyState = 1;
  bufferedAmount = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly sent: { type: string; down?: boolean; taken?: boolean }[] = [];

  constructor(readonly address: string) {
    FakeSocket.all.push(this);
  }

  send(data: string): void {
    this.sent.push(JSON.parse(data) as { type: string });
  }

  close(): void {
    this.readyState = 3;
  }

  says(message: FromServer): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

export const WELCOME: Welcome = {
  type: "welcome", version: 1, conversation: "c", resume: "token", resumed: false, character: "robin", title: "Robin",
  microphone: true, rate: 48_000, resume_seconds: 10, said: 0, captured: null, remembered: false, person: "",
};
