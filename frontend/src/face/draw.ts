/** A pose on a canvas: eight pictures out of one. */
import { placed, type Atlas, type AtlasLayer, type Pose } from "../core/face";

export interface Pictures {
  readonly atlas: Atlas;
  readonly picture: ImageBitmap;
  /** Where the pupils are cut out by the whites of the eyes; null without eyes. */
  readonly eyes: OffscreenCanvas | null;
}

/** Draw the whole character, as large as the canvas holds, standing on its lower edge. */
export function draw(context: CanvasRenderingContext2D, pictures: Pictures, pose: Pose): void {
  const { atlas, picture, eyes } = pictures;
  const { width, height } = context.canvas;
  const size = Math.min(width / atlas.width, height / atlas.height);
  const left = (width - size * atlas.width) / 2;
  const top = height - size * atlas.height;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  context.imageSmoothingQuality = "high"; // it is mostly shown smaller than it was drawn
  for (const { layer, matrix, shift, inside } of placed(atlas, pose)) {
    const [a, b, c, d, e, f] = matrix;
    context.setTransform(size * a, size * b, size * c, size * d, left + size * e, top + size * f);
    if (inside && eyes) {
      cutOut(eyes, picture, layer, shift, inside);
      context.drawImage(eyes, inside.x, inside.y);
    } else {
      const { left: from, top: row, width: wide, height: tall } = layer;
      context.drawImage(picture, from, row, wide, tall, layer.x + shift[0], layer.y + shift[1], wide, tall);
    }
  }
}

function cutOut(canvas: OffscreenCanvas, picture: ImageBitmap, layer: AtlasLayer, shift: readonly [number, number], inside: AtlasLayer): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  context.globalCompositeOperation = "copy";
  context.drawImage(picture, inside.left, inside.top, inside.width, inside.height, 0, 0, inside.width, inside.height);
  context.globalCompositeOperation = "source-in";
  const { left, top, width, height } = layer;
  context.drawImage(picture, left, top, width, height, layer.x - inside.x + shift[0], layer.y - inside.y + shift[1], width, height);
}
