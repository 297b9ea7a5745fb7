/** A character who lives on a canvas: idle life by the clock, its lines by what is heard. */
import { BLOCK, FRAMES_PER_SECOND, frameAt, laid, read, REST, type Atlas, type FaceTrack, type Pose } from "../core/face";
import { KeptSource } from "../kept-source";
import type { FaceEvent } from "../models";
import type { Api } from "../requests";
import { draw, type Pictures } from "./draw";

/** Which line sounds, and how many ms of it were heard. */
export interface Heard {
  readonly id: string;
  readonly ms: number;
}

const MOST_LINES = 40;
const BLOCK_MS = (1000 * BLOCK) / FRAMES_PER_SECOND;
/** A line's traces fade for so long after its last sound: the server writes them down too. */
const LINGER_MS = 1000;
/** What is cut in the middle fades in this time. */
const FADE_MS = 350;

export class Actor {
  readonly #lines = new Map<string, FaceTrack>();
  readonly #blocks = new Map<number, FaceTrack>();
  readonly #asked = new Set<number>();
  #pictures: Pictures | null = null;
  #last: { id: string; ms: number; at: number } | null = null;
  #began = 0;
  #drawn = -1;
  #key = "";

  constructor(
    private readonly api: Api,
    readonly character: string,
  ) {}

  get atlas(): Atlas | null {
    return this.#pictures?.atlas ?? null;
  }

  /** Fetch what it looks like, and follow what it says until `ending`. Raises what the server refuses. */
  async start(ending: AbortSignal, told: (event: FaceEvent) => void = () => undefined): Promise<void> {
    const { api, character } = this;
    const values = { character };
    const atlas = await api.get("/api/faces/{character}", values);
    if (ending.aborted) return;
    const source = new KeptSource<FaceEvent>({
      address: api.place.at("/api/faces/{character}/events", values),
      types: ["line", "start", "end"],
      take: (event) => {
        if (event.type === "line") this.#learn(event.id, event.track);
        told(event);
      },
    });
    source.open();
    ending.addEventListener("abort", () => source.close(), { once: true });
    const [picture] = await Promise.all([this.#picture(), this.#ask(0)]);
    if (ending.aborted) return picture.close();
    this.#began = performance.now();
    const eyes = atlas.layers["eyes"];
    this.#pictures = { atlas, picture, eyes: eyes ? new OffscreenCanvas(eyes.width, eyes.height) : null };
  }

  /** Draw what it does at `now` (ms of the page's clock), if that is not what is drawn already. True: it was drawn. */
  show(canvas: HTMLCanvasElement, now: number, heard: Heard | null): boolean {
    const pictures = this.#pictures;
    const context = canvas.getContext("2d");
    if (!pictures || !context) return false;
    const frame = frameAt(now - this.#began);
    const key = `${canvas.width} ${canvas.height}`;
    if (frame === this.#drawn && key === this.#key) return false;
    this.#drawn = frame;
    this.#key = key;
    const pose = this.pose(now, frame, heard);
    if (canvas.dataset["mouth"] !== pose.mouth) canvas.dataset["mouth"] = pose.mouth;
    draw(context, pictures, pose);
    return true;
  }

  pose(now: number, frame: number, heard: Heard | null): Pose {
    const block = Math.floor(frame / BLOCK);
    if (frame % BLOCK > BLOCK / 2) void this.#ask(block + 1);
    const idle = this.#blocks.get(block);
    const beneath = (idle && read(idle, frame)) ?? REST;
    if (heard) this.#last = { ...heard, at: now };
    const last = this.#last;
    const track = last && this.#lines.get(last.id);
    if (!last || !track) return beneath;
    const ms = last.ms + now - last.at;
    const line = read(track, frameAt(ms));
    const rest = (1000 * (track.first + track.mouths.length)) / FRAMES_PER_SECOND - LINGER_MS - last.ms;
    if (!line || heard || rest < 200) return laid(beneath, line);
    const left = Math.max(0, 1 - (now - last.at) / FADE_MS); // it was cut: the mouth shuts, the rest fades
    return left > 0 ? laid(beneath, { ...scaled(line, left), mouth: "X" }) : beneath;
  }

  #learn(id: string, track: FaceTrack): void {
    this.#lines.delete(id);
    this.#lines.set(id, track);
    for (const old of this.#lines.keys()) {
      if (this.#lines.size <= MOST_LINES) break;
      this.#lines.delete(old);
    }
  }

  async #picture(): Promise<ImageBitmap> {
    return createImageBitmap(await this.api.picture("/api/faces/{character}/atlas.png", { character: this.character }));
  }

  async #ask(block: number): Promise<void> {
    if (this.#asked.has(block)) return;
    this.#asked.add(block);
    try {
      this.#blocks.set(block, await this.api.get("/api/faces/{character}/idle/{block}", { character: this.character, block: String(block) }));
      this.#blocks.delete(block - 2);
    } catch {
      window.setTimeout(() => this.#asked.delete(block), BLOCK_MS / 10); // it rests meanwhile, and is asked again
    }
  }
}

function scaled(pose: Pose, share: number): Pose {
  const { angle, head, body } = pose;
  return { ...pose, angle: angle * share, head: [head[0] * share, head[1] * share], body: [body[0] * share, body[1] * share] };
}
