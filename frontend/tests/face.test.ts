import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { frameAt, laid, placed, read, REST, type Atlas, type FaceTrack } from "../src/core/face";

interface Written {
  readonly mouth: string;
  readonly lids: string;
  readonly brows: string;
  readonly gaze: readonly number[];
  readonly head_angle: number;
  readonly head: readonly number[];
  readonly body: readonly number[];
}

interface Examples {
  readonly atlas: Atlas;
  readonly idle: FaceTrack;
  readonly line: FaceTrack;
  readonly poses: readonly { frame: number; pose: Written; corners: Record<string, readonly [number, number]> }[];
}

// made by tests/stage/test_face.py, which holds the server's half against it
const examples = JSON.parse(readFileSync(new URL("./face-examples.json", import.meta.url), "utf8")) as Examples;
const { atlas, idle, line } = examples;

describe("a face", () => {
  it.each(examples.poses)("does at frame $frame what the stage does", ({ frame, pose: written }) => {
    const beneath = read(idle, Math.max(0, frame));
    expect(beneath).not.toBeNull();
    const pose = laid(beneath ?? REST, read(line, frame));
    expect([pose.mouth, pose.lids, pose.brows]).toEqual([written.mouth, written.lids, written.brows]);
    expect(pose.angle).toBeCloseTo(written.head_angle, 9);
    for (const [found, wanted] of [
      [pose.gaze, written.gaze],
      [pose.head, written.head],
      [pose.body, written.body],
    ] as const) {
      expect(found[0]).toBeCloseTo(wanted[0] ?? NaN, 9);
      expect(found[1]).toBeCloseTo(wanted[1] ?? NaN, 9);
    }
  });

  it.each(examples.poses)("lays its layers at frame $frame where the compositor does", ({ frame, corners }) => {
    const all = placed(atlas, laid(read(idle, Math.max(0, frame)) ?? REST, read(line, frame)));
    const named = new Map<string, (typeof all)[number]>();
    all.forEach((one, index) => named.set(index === 0 ? "body" : one.inside ? "pupils" : index === 1 ? "head" : `other ${index}`, one));
    for (const [name, [x, y]] of Object.entries(corners)) {
      const one = named.get(name);
      if (name === "pupils" && !one) continue; // the eyes are shut
      if (!one) throw new Error(`${name} is missing`);
      const [a, b, c, d, e, f] = one.matrix;
      const left = one.layer.x + one.shift[0];
      const top = one.layer.y + one.shift[1];
      expect(a * left + c * top + e).toBeCloseTo(x, 6);
      expect(b * left + d * top + f).toBeCloseTo(y, 6);
    }
  });

  it("has nothing to say beside its tracks", () => {
    expect(read(line, line.first - 1)).toBeNull();
    expect(read(line, line.first + line.mouths.length)).toBeNull();
    expect(laid(REST, null)).toBe(REST);
  });

  it("takes what it lacks from what it has, and hides the pupils of shut eyes", () => {
    const shut = placed(atlas, { ...REST, mouth: "G", lids: "closed", brows: "knit" });
    expect(shut.some((one) => one.inside)).toBe(false);
    expect(shut.filter((one) => one.layer === atlas.layers["mouth.X"]).length).toBeGreaterThan(0);
    expect(placed({ ...atlas, layers: {} }, REST)).toEqual([]);
  });

  it("keeps within what the stage allows", () => {
    const wild = placed(atlas, { ...REST, body: [60, -60] })[0];
    expect(wild?.matrix.slice(4)).toEqual([3, -3]);
  });

  it("counts frames from the sound", () => {
    expect([0, 33.3, 33.34, 1000, -1].map(frameAt)).toEqual([0, 0, 1, 30, -1]);
  });
});
