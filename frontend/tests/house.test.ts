import { describe, expect, it } from "vitest";
import { showless, titleOf, withEngines, withPart, withPlaces, withTalk } from "../src/core/house";
import type { EngineView, HouseView, PartView, TalkView } from "../src/models";

const SHOW: PartView = { name: "day", topic: "show:day", state: "up", failure: "", restarts: 0, due: null, reasons: [] };
const TALKS: PartView = { ...SHOW, name: "talk", topic: "talk" };
const HOUSE: HouseView = { parts: [SHOW, TALKS], engines: [], places: [], waiting: 0, talks: [], workers: [] };
const ADA: TalkView = { id: "1", character: "chad", title: "Chad", started: 5, ended: null };

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
    const engine: EngineView = { kind: "tts", name: "espeak", state: "ready", failures: 0, cause: "", restarts: 0, note: "", workers: [] };
    expect(withEngines(HOUSE, [engine])?.engines).toEqual([engine]);
    const place = { kind: "voice", places: 2, taken: 1, refused: 0, waited: 0 } as const;
    expect(withPlaces(HOUSE, [place], 3)).toEqual({ ...HOUSE, places: [place], waiting: 3 });
  });
  it("is not guessed at before its state came", () => {
    expect([withPart(null, SHOW), withTalk(null, ADA), withEngines(null, []), withPlaces(null, [], 0)]).toEqual([null, null, null, null]);
  });
  it("may have no show", () => {
    expect([showless(null), showless(HOUSE), showless({ ...HOUSE, parts: [TALKS] }), showless({ ...HOUSE, parts: [] })]).toEqual([
      false, false, true, false,
    ]);
    expect([SHOW, { ...SHOW, name: "show", topic: "show:show" }, TALKS].map(titleOf)).toEqual(["Show day", "Show", "Talks"]);
  });
});
