/** What is said on the socket of a talk (docs/talk-protocol.md): the messages as the schema has them, and frames of sound. */
import type { components } from "../api";
import type { Piece } from "./playout";

type Schemas = components["schemas"];

export const VERSION = 1;

export type Hello = Schemas["TalkHello"];
export type Say = Schemas["TalkSay"];
export type Turn = Schemas["TalkTurn"];
export type Chunk = Schemas["TalkChunk"];
export type Welcome = Schemas["TalkWelcome"];
export type Bye = Schemas["TalkBye"];
export type LessonState = Schemas["TalkLesson"];
export type Exercise = Schemas["TalkExercise"];
export type Judged = Schemas["TalkJudged"];
export type JudgedWord = Schemas["TalkJudgedWord"];
export type Note = Schemas["TalkNote"];
export type Vocabulary = Schemas["TalkVocabulary"];
export type Help = Schemas["TalkHelp"]["want"];
export type Attended = Schemas["TalkAttended"];
export type Standing = Schemas["TalkStanding"]["state"];
export type FromServer =
  | Welcome
  | Turn
  | Chunk
  | Bye
  | Schemas["TalkStanding"]
  | Attended
  | Schemas["TalkPause"]
  | Schemas["TalkResume"]
  | Schemas["TalkClear"]
  | Schemas["TalkWithdraw"]
  | LessonState
  | Exercise
  | Judged
  | Note
  | Vocabulary
  | Schemas["TalkNotice"]
  | Schemas["TalkPing"];
/** A message with what the server fills in left out. */
type Said<Message extends { type: string }> = Pick<Message, "type"> & Partial<Message>;
export type FromClient =
  | (Said<Hello> & Pick<Hello, "version">)
  | Say
  | Schemas["TalkPush"]
  | Schemas["TalkCommit"]
  | Schemas["TalkCancel"]
  | Schemas["TalkInterrupt"]
  | Said<Schemas["TalkPlayed"]>
  | Said<Schemas["TalkStopped"]>
  | Schemas["TalkPong"]
  | Schemas["TalkLearn"]
  | Schemas["TalkHelp"]
  | Schemas["TalkTake"]
  | Schemas["TalkLeave"];

const CAPTURED = 1;
const PLAYED = 2;
const CAPTURED_HEAD = 8;
/** The microphone's clock has two parts: its lower one alone would begin anew after 74 h. */
const WORD = 2 ** 32;
const PLAYED_HEAD = 12;

/** A frame of the person's sound; `at` is its first sample on the microphone's clock, 16 kHz. */
export function packed(at: number, samples: Int16Array): ArrayBuffer {
  const frame = new ArrayBuffer(CAPTURED_HEAD + 2 * samples.length);
  const view = new DataView(frame);
  view.setUint8(0, CAPTURED);
  view.setUint16(2, Math.floor(at / WORD), true);
  view.setUint32(4, at % WORD, true);
  samples.forEach((sample, index) => view.setInt16(CAPTURED_HEAD + 2 * index, sample, true));
  return frame;
}

/** A frame of the character's sound; null for one that is none. */
export function unpacked(frame: ArrayBuffer): Piece | null {
  if (frame.byteLength < PLAYED_HEAD) return null;
  const view = new DataView(frame);
  const begin = PLAYED_HEAD + view.getUint16(2, true);
  if (view.getUint8(0) !== PLAYED || frame.byteLength < begin) return null;
  const flags = view.getUint8(1);
  const samples = new Float32Array((frame.byteLength - begin) >> 1);
  for (let index = 0; index < samples.length; index += 1) samples[index] = view.getInt16(begin + 2 * index, true) / 32_767;
  return {
    id: new TextDecoder().decode(frame.slice(PLAYED_HEAD, begin)),
    start: view.getUint32(4, true),
    gap: view.getUint32(8, true),
    first: (flags & 1) !== 0,
    more: (flags & 2) !== 0,
    samples,
  };
}
