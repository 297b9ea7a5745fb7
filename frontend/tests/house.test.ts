import { describe, expect, it } from "vitest";
import { timeOfDay } from "../src/core/format";
import {
  bitrate, isUp, paceOf, queueOf, showless, silenceOf, titleOf, titleOfOutput, troubleOf, withEngines, withOutputs, withPart, withPlaces, withTalk, withWorker,
} from "../src/core/house";
import type { EngineView, HouseView, OutputView, PartView, TalkView, WorkerView } from "../src/models";

const SHOW: PartView = { name: "day", topic: "show:day", state: "up", failure: "", last_failure: "", restarts: 0, due: null, reasons: [] };
const TALKS: PartView = { ...SHOW, name: "talk", topic: "talk" };
const HOUSE: HouseView = { parts: [SHOW, TALKS], engines: [], outputs: [], places: [], waiting: 0, talks: [], workers: [] };
const ADA: TalkView = { id: "1", character: "chad", title: "Chad", started: 5, ended: null, turns: [] };
const ESPEAK: WorkerView = {
  name: "espeak", purpose: "speaks", state: "up", since: 5, pid: 7, restarts: 0, failures: 0, last_failure: "", next_try: null,
  waited_s: 0,
  queued: 0,
  gave_way: 0,
};

describe("a house", () => {
  it("follows its parts, each in its place", () => {
    const down = { ...SHOW, state: "restarting", restarts: 1 } as const;
    expect(withPart(HOUSE, down)?.parts).toEqual([down, TALKS]);
    const line = { ...SHOW, name: "line", topic: "line" };
    expect(withPart(HOUSE, line)?.parts).toEqual([SHOW, TALKS, line]);
  });
  it("knows the talks that go on", () => {
    const one = withTalk(HOUSE, ADA);
    expect(one?.talks).toEqual([ADA]);
    expect(withTalk(one, ADA)?.talks).toEqual([ADA]);
    expect(withTalk(one, { ...ADA, ended: 9 })?.talks).toEqual([]);
  });
  it("follows engines and places", () => {
    const engine: EngineView = { kind: "tts", name: "espeak", state: "ready", failures: 0, cause: "", last_failure: "", restarts: 0, note: "", workers: [], device: "CPU" };
    expect(withEngines(HOUSE, [engine])?.engines).toEqual([engine]);
    const place = { kind: "voice", places: 2, taken: 1, refused: 0, waited: 0 } as const;
    expect(withPlaces(HOUSE, [place], 3)).toEqual({ ...HOUSE, places: [place], waiting: 3 });
  });
  it("follows its workers, each in its place, and forgets one that is closed", () => {
    const stage = { ...ESPEAK, name: "stage" };
    const both = withWorker(withWorker(HOUSE, ESPEAK), stage);
    expect(both?.workers).toEqual([ESPEAK, stage]);
    const down = { ...ESPEAK, state: "restarting", pid: null, restarts: 1 } as const;
    expect(withWorker(both, down)?.workers).toEqual([down, stage]);
    expect(withWorker(both, { ...ESPEAK, state: "closed" })?.workers).toEqual([stage]);
    expect(withWorker(null, ESPEAK)).toBeNull();
  });
  it("tells how quickly an engine works, and whether that is less than its device should give", () => {
    const idle: EngineView = { kind: "tts", name: "espeak", state: "ready", failures: 0, cause: "", last_failure: "", restarts: 0, note: "", workers: [], device: "CPU" };
    expect(paceOf(idle)).toEqual({ words: ["on CPU"], slow: false });
    const quick = { ...idle, cold_ms: 1250, warm_ms: 45, characters: 199, expected: 250 };
    expect(paceOf(quick)).toEqual({
      words: ["on CPU", "first sound after 45 ms", "cold after 1.3 s", "199 characters a second of 250"],
      slow: false,
    });
    expect(paceOf({ ...quick, characters: 160 }).slow).toBe(true);
    expect(paceOf({ ...quick, kind: "llm", expected: null }).words[1]).toBe("first word after 45 ms");
  });
  it("tells how many wait for an engine", () => {
    const engine: EngineView = { kind: "tts", name: "espeak", state: "ready", failures: 0, cause: "", last_failure: "", restarts: 0, note: "", workers: ["espeak", "espeak-2"], device: "CPU" };
    const workers = [{ ...ESPEAK, queued: 2 }, { ...ESPEAK, name: "espeak-2", queued: 1 }, { ...ESPEAK, name: "llama", queued: 5 }];
    expect([queueOf(engine, []), queueOf(engine, workers)]).toEqual([0, 3]);
  });
  it("knows what goes out", () => {
    const stream: OutputView = {
      of: "show:show", kind: "hls", where: "/stream/index.m3u8", state: "up", reconnects: 0, bits_per_second: 2.46e6, frames_per_second: 30,
      megabytes: null, waiting: 0, lost: 0, last_failure: "",
    };
    expect(withOutputs(HOUSE, [stream])?.outputs).toEqual([stream]);
    expect(withOutputs(null, [stream])).toBe(null);
    expect([titleOfOutput(stream), titleOfOutput({ ...stream, kind: "recording", of: "show:day" })]).toEqual(["Stream", "Recording of day"]);
    expect([bitrate(stream.bits_per_second), bitrate(96_400), bitrate(0), bitrate(null), bitrate(undefined)]).toEqual([
      "2.5 Mbit/s", "96 kbit/s", "0 kbit/s", "–", "–",
    ]);
  });
  it("tells what went wrong with a worker, and when it is tried again", () => {
    expect(troubleOf(ESPEAK)).toBe("");
    const hung = { ...ESPEAK, last_failure: "it hung", failures: 1 };
    expect(troubleOf({ ...hung, failures: 0 })).toBe("it hung.");
    expect(troubleOf(hung)).toBe("it hung.");
    expect(troubleOf({ ...hung, last_failure: "it hung.", failures: 3, next_try: 9000 })).toBe(
      `it hung (3 times in a row). Tried again at ${timeOfDay(9000)}.`,
    );
  });
  it("is not guessed at before its state came", () => {
    expect([withPart(null, SHOW), withTalk(null, ADA), withEngines(null, []), withPlaces(null, [], 0)]).toEqual([null, null, null, null]);
  });
  it("may have no show", () => {
    expect([showless(null), showless(HOUSE), showless({ ...HOUSE, parts: [TALKS] }), showless({ ...HOUSE, parts: [] })]).toEqual([
      false, false, true, false,
    ]);
    const night: PartView = { ...SHOW, name: "night", topic: "show:night" };
    const heard = (state: PartView["state"], ...others: PartView[]): HouseView => ({ ...HOUSE, parts: [{ ...SHOW, state }, ...others, TALKS] });
    expect([silenceOf(null, "day"), silenceOf(HOUSE, "day"), silenceOf(heard("restarting"), "day")]).toEqual(["", "", ""]);
    expect([silenceOf(heard("over"), undefined), silenceOf(heard("stopped", night), "day")]).toEqual(["The show is over.", "The show was stopped."]);
    const failed = { ...HOUSE, parts: [{ ...SHOW, state: "failed" as const, failure: "there is no pack 'x'." }, TALKS] };
    expect(silenceOf(failed, "day")).toBe("The show is not on air: there is no pack 'x'.");
    expect([silenceOf(heard("over", night), "night"), silenceOf(heard("over", night), undefined)]).toEqual(["", ""]);
    expect([isUp(HOUSE, "day"), isUp(HOUSE, undefined), isUp(heard("stopped", night), "day"), isUp({ ...HOUSE, parts: [TALKS] }, "day")])
      .toEqual([true, true, false, false]);
    expect([SHOW, { ...SHOW, name: "show", topic: "show:show" }, TALKS].map(titleOf)).toEqual(["Show day", "Show", "Talks"]);
  });
});
