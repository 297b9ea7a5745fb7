// Composes one frame of the layers in FOLDER again and again, and prints the milliseconds of each as JSON.
// Usage: node run.mjs FOLDER COUNT
// The inputs are in memory before the clock starts. "jpeg": a JPEG room, PNG overlays, JPEG out, as the systems before us
// did it. "raw": everything decoded beforehand, raw pixels out: sharp's best.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import sharp from "sharp";

const [folder, count] = [process.argv[2], Number(process.argv[3])];
sharp.cache(false); // every frame of a show is a new picture
const layers = JSON.parse(await readFile(join(folder, "layers.json"), "utf8"));
const room = await readFile(join(folder, layers.room));
const overlays = await Promise.all(
  layers.overlays.map(async ({ file, left, top }) => ({ input: await readFile(join(folder, file)), left, top })),
);

const decoded = async (input) => {
  const { data, info } = await sharp(input).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  return { data, raw: { width: info.width, height: info.height, channels: info.channels } };
};
const rawRoom = await decoded(room);
const rawOverlays = await Promise.all(
  overlays.map(async ({ input, left, top }) => {
    const { data, raw } = await decoded(input);
    return { input: data, raw, left, top };
  }),
);

const timed = async (compose) => {
  await compose();
  const spent = [];
  const before = process.cpuUsage();
  for (let run = 0; run < count; run += 1) {
    const begun = performance.now();
    await compose();
    spent.push(performance.now() - begun);
  }
  const { user, system } = process.cpuUsage(before);
  return { spent, cpu: (user + system) / 1000 / count };
};

const jpeg = await timed(() => sharp(room).composite(overlays).jpeg({ quality: 85 }).toBuffer());
const raw = await timed(() => sharp(rawRoom.data, { raw: rawRoom.raw }).composite(rawOverlays).raw().toBuffer());
const [version, threads] = [sharp.versions.sharp, sharp.concurrency()];
console.log(
  JSON.stringify({ version, threads, jpeg: jpeg.spent, raw: raw.spent, jpeg_cpu: jpeg.cpu, raw_cpu: raw.cpu }),
);
