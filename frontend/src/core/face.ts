/**
 * A face: what a character does, as the server wrote it down 30 times a second, and where that puts its layers. Pure;
 * `src/duologue/stage/motion/face.py` is the other side, and both are held against tests/face-examples.json.
 */

export const FRAMES_PER_SECOND = 30;
/** Frames of a block of idle life. */
export const BLOCK = 20 * FRAMES_PER_SECOND;
const STEPS = 100;
const VALUES = 7;
const MAX_ANGLE = 4;
const MAX_SHIFT = 6;

const MOUTHS: Readonly<Record<string, string>> = { s: "smile", f: "frown" };
const LIDS: Readonly<Record<string, string>> = { o: "open", h: "half", c: "closed" };
const BROWS: Readonly<Record<string, string>> = { n: "neutral", r: "raised", k: "knit", w: "worried" };

/** Frames one after another; the first is frame `first` of what the track is of. */
export interface FaceTrack {
  readonly first: number;
  readonly mouths: string;
  readonly lids: string;
  readonly brows: string;
  readonly values: readonly number[];
}

export type Point = readonly [number, number];

export interface Pose {
  readonly mouth: string;
  readonly lids: string;
  readonly brows: string;
  readonly gaze: Point;
  readonly angle: number;
  readonly head: Point;
  readonly body: Point;
}

export const REST: Pose = { mouth: "X", lids: "open", brows: "neutral", gaze: [0, 0], angle: 0, head: [0, 0], body: [0, 0] };

/** Frame `frame` as it was written; null beside the track. */
export function read(track: FaceTrack, frame: number): Pose | null {
  const index = frame - track.first;
  const mouth = track.mouths[index];
  if (mouth === undefined) return null;
  const value = (place: number): number => (track.values[VALUES * index + place] ?? 0) / STEPS;
  return {
    mouth: MOUTHS[mouth] ?? mouth,
    lids: LIDS[track.lids[index] ?? "o"] ?? "open",
    brows: BROWS[track.brows[index] ?? "n"] ?? "neutral",
    gaze: [value(0), value(1)],
    angle: value(2),
    head: [value(3), value(4)],
    body: [value(5), value(6)],
  };
}

/** A line over idle life: the face is the line's, and what it does to head and body is added. */
export function laid(idle: Pose, line: Pose | null): Pose {
  if (!line) return idle;
  const sum = (one: Point, other: Point): Point => [one[0] + other[0], one[1] + other[1]];
  return { ...line, angle: idle.angle + line.angle, head: sum(idle.head, line.head), body: sum(idle.body, line.body) };
}

/** The frame at so many ms. */
export function frameAt(ms: number): number {
  return Math.floor((ms * FRAMES_PER_SECOND) / 1000 + 1e-6);
}

export interface AtlasLayer {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly x: number;
  readonly y: number;
}

export interface Atlas {
  readonly width: number;
  readonly height: number;
  readonly scale: number;
  readonly neck: readonly number[];
  readonly reach: readonly number[];
  readonly layers: Readonly<Record<string, AtlasLayer>>;
}

/** As `CanvasRenderingContext2D.setTransform` takes it. */
export type Matrix = readonly [number, number, number, number, number, number];

/** A layer to draw: `inside` clips it. */
export interface Placed {
  readonly layer: AtlasLayer;
  readonly matrix: Matrix;
  readonly shift: Point;
  readonly inside: AtlasLayer | null;
}

/** What to draw for a pose, the first at the bottom, on the canvas of the atlas. Shapes that it lacks fall back. */
export function placed(atlas: Atlas, pose: Pose): Placed[] {
  const { layers, scale } = atlas;
  const body: Point = [clamp(pose.body[0], MAX_SHIFT) * scale, clamp(pose.body[1], MAX_SHIFT) * scale];
  const x = body[0] + clamp(pose.head[0], MAX_SHIFT) * scale;
  const y = body[1] + clamp(pose.head[1], MAX_SHIFT) * scale;
  const turn = (clamp(pose.angle, MAX_ANGLE) * Math.PI) / 180;
  const [neckX = 0, neckY = 0] = atlas.neck;
  const [cosine, sine] = [Math.cos(turn), Math.sin(turn)];
  // about the neck, then along with the body
  const head: Matrix = [
    cosine,
    sine,
    -sine,
    cosine,
    x + neckX - cosine * neckX + sine * neckY,
    y + neckY - sine * neckX - cosine * neckY,
  ];
  const still: Point = [0, 0];
  const gaze: Point = [clamp(pose.gaze[0], 1) * (atlas.reach[0] ?? 0), clamp(pose.gaze[1], 1) * (atlas.reach[1] ?? 0)];
  const shut = pose.lids === "closed" && layers["lids.closed"] !== undefined;
  const eyes = layers["eyes"] ?? null;
  const found: [AtlasLayer | undefined, Matrix, Point, AtlasLayer | null][] = [
    [layers["body"], [1, 0, 0, 1, body[0], body[1]], still, null],
    [layers["head"], head, still, null],
    [shut ? undefined : layers["eyes"], head, still, null],
    [shut ? undefined : layers["pupils"], head, gaze, eyes],
    [layers[`lids.${pose.lids}`], head, still, null],
    [layers[`mouth.${pose.mouth}`] ?? layers["mouth.X"], head, still, null],
    [layers[`brows.${pose.brows}`] ?? layers["brows.neutral"], head, still, null],
    [layers["hair"], head, still, null],
  ];
  return found.flatMap(([layer, matrix, shift, inside]) => (layer ? [{ layer, matrix, shift, inside }] : []));
}

function clamp(value: number, limit: number): number {
  return Math.min(Math.max(value, -limit), limit);
}
