/** The viewer's end of the stream: it plays, stays near live, says what is wrong and mends itself without a reload. */
import Hls, { ErrorTypes, Events, type ErrorData, type HlsConfig, type LevelLoadedData } from "hls.js/light";
import { signal } from "@preact/signals";
import { Backoff } from "../core/backoff";
import { silenceOf } from "../core/house";
import { Watchdog } from "../core/recovery";
import type { Air, State } from "../state";
import { probe } from "./probe";

const LOOK_MS = 500;
/** A playlist that has not grown for this long is dry, ms: segments last 1 s. */
const DRY_MS = 3500;
/** Two media errors within this time are not mended by a mend, ms. */
const MEND_PAUSE_MS = 8000;

function quick(retries: number): HlsConfig["playlistLoadPolicy"] {
  const retry = { maxNumRetry: retries, retryDelayMs: 300, maxRetryDelayMs: 1000 };
  return {
    default: { maxTimeToFirstByteMs: 3000, maxLoadTimeMs: 5000, timeoutRetry: retry, errorRetry: retry },
  };
}

/** One second segments: three of them away from live is as near as plain HLS is steady. */
const CONFIG: Partial<HlsConfig> = {
  liveSyncDuration: 2.6,
  // hls.js plays faster while less than liveSync + one segment too far behind (6.2 s in all) and jumps beyond this: a viewer
  // between the two would stay there for ever.
  liveMaxLatencyDuration: 6,
  maxLiveSyncPlaybackRate: 1.05,
  liveDurationInfinity: true,
  lowLatencyMode: false,
  backBufferLength: 20,
  maxBufferLength: 12,
  // Our own loop tries again, with words; hls.js only bridges a hiccup.
  manifestLoadPolicy: quick(0),
  playlistLoadPolicy: quick(2),
  fragLoadPolicy: quick(3),
};

/** What the viewer has to do before there is sound, or a picture at all. */
export type Wanted = "nothing" | "sound" | "play";

export class Player {
  readonly muted = signal(true);
  readonly volume = signal(1);
  readonly wanted = signal<Wanted>("sound");
  /** A still of the last picture is shown while the stream is opened anew. */
  readonly frozen = signal(false);

  #hls: Hls | null = null;
  #timer = 0;
  #looker = 0;
  #mended = -Infinity;
  #lastSequence = -1;
  /** When the playlist was last answered, and when it last grew (ms). */
  #answered = 0;
  #grown = 0;
  #lastSample = 0;
  readonly #watchdog = new Watchdog();
  readonly #backoff = new Backoff(1000, 4000);
  readonly #ending = new AbortController();

  constructor(
    readonly video: HTMLVideoElement,
    private readonly still: HTMLCanvasElement,
    private readonly stream: string,
    private readonly state: State,
  ) {}

  start(): void {
    const { video } = this;
    const { signal: ending } = this.#ending;
    video.muted = true;
    video.addEventListener("playing", () => this.#playing(), { signal: ending });
    video.addEventListener("pause", () => this.#paused(), { signal: ending });
    video.addEventListener("volumechange", () => this.#volumeChanged(), { signal: ending });
    document.addEventListener("visibilitychange", () => this.#shown(), { signal: ending });
    window.addEventListener("online", () => this.#tryAgain(), { signal: ending });
    this.#looker = window.setInterval(() => this.#look(), LOOK_MS);
    this.#followFrames();
    this.#open();
  }

  stop(): void {
    this.#ending.abort();
    window.clearInterval(this.#looker);
    window.clearTimeout(this.#timer);
    this.#hls?.destroy();
    this.state.leaveAir();
  }

  /** Sound, after a click: browsers allow it then. */
  unmute(): void {
    this.video.muted = false;
    if (this.video.volume === 0) this.video.volume = 1;
    if (this.video.paused) this.resume();
  }

  mute(): void {
    this.video.muted = true;
  }

  setVolume(volume: number): void {
    this.video.volume = volume;
    this.video.muted = volume === 0;
  }

  resume(): void {
    this.jumpToLive();
    void this.#play();
  }

  jumpToLive(): void {
    const { video } = this;
    const seekable = video.seekable.length ? video.seekable.end(video.seekable.length - 1) - 2 : null;
    const target = this.#hls ? this.#hls.liveSyncPosition : seekable;
    // A seek of less than a second costs more than it gives.
    if (target !== null && Math.abs(target - video.currentTime) > 1) video.currentTime = target;
  }

  // --- opening -------------------------------------------------------------------------------------------------

  #open(): void {
    if (this.#ending.signal.aborted) return;
    window.clearTimeout(this.#timer);
    this.#freeze();
    this.#hls?.destroy();
    this.#hls = null;
    this.#lastSequence = -1;
    this.#answered = this.#grown = performance.now();
    this.#watchdog.reset(performance.now());
    this.state.air.value = { state: "connecting", message: "Opening the stream.", retryAt: null };
    if (Hls.isSupported()) this.#openWithHls();
    else if (this.video.canPlayType("application/vnd.apple.mpegurl")) this.#openNatively();
    else this.#say("lost", "This browser plays neither HLS nor Media Source streams. A current Firefox, Chrome or Safari does.");
  }

  #openWithHls(): void {
    const hls = new Hls(CONFIG);
    this.#hls = hls;
    hls.on(Events.ERROR, (_, data) => this.#failed(data));
    hls.on(Events.LEVEL_LOADED, (_, data) => this.#listed(data));
    hls.on(Events.MANIFEST_PARSED, () => void this.#play());
    hls.attachMedia(this.video);
    hls.loadSource(this.stream);
  }

  #openNatively(): void {
    this.video.src = this.stream;
    this.video.addEventListener("error", () => this.#lose(null), { once: true, signal: this.#ending.signal });
    void this.#play();
  }

  async #play(): Promise<void> {
    try {
      await this.video.play();
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "NotAllowedError") return; // a newer load took its place
      if (this.video.muted) this.wanted.value = "play";
      else {
        this.video.muted = true;
        await this.#play();
      }
    }
  }

  // --- what happens --------------------------------------------------------------------------------------------

  #playing(): void {
    this.frozen.value = false;
    this.#backoff.reset();
    this.#volumeChanged();
    if (this.state.air.value.state !== "on-air") this.#say("on-air", "");
  }

  #paused(): void {
    if (!this.video.ended && !document.hidden && this.state.air.value.state === "on-air") this.wanted.value = "play";
  }

  #volumeChanged(): void {
    this.muted.value = this.video.muted;
    this.volume.value = this.video.volume;
    this.state.audible.value = !this.video.muted && !this.video.paused;
    if (!this.video.paused) this.wanted.value = this.video.muted ? "sound" : "nothing";
  }

  #shown(): void {
    if (document.hidden) return;
    this.#watchdog.reset(performance.now());
    if (this.#distance() === null || (this.#distance() ?? 0) > 5) this.jumpToLive();
    if (this.video.paused && this.wanted.value !== "play") void this.#play();
  }

  #listed(data: LevelLoadedData): void {
    const { endSN } = data.details;
    const request = data.networkDetails as XMLHttpRequest | null;
    const date = Date.parse(request?.getResponseHeader("Date") ?? "");
    const { start, end } = data.stats.loading;
    if (date) this.state.serverClock.dated(date, performance.timeOrigin + start, performance.timeOrigin + end);
    this.#answered = performance.now();
    if (endSN > this.#lastSequence) this.#grown = performance.now();
    // Numbers that run backward are another stream under the same name: the server began anew.
    const another = endSN < this.#lastSequence;
    this.#lastSequence = endSN;
    if (another) queueMicrotask(() => this.#open());
  }

  #failed(data: ErrorData): void {
    if (!data.fatal) return;
    if (data.type === ErrorTypes.MEDIA_ERROR && performance.now() - this.#mended > MEND_PAUSE_MS) {
      this.#mended = performance.now();
      this.#hls?.recoverMediaError();
      void this.#play();
      return;
    }
    this.#lose(data.response?.code || null); // 0 is no answer
  }

  // --- losing it and finding it again --------------------------------------------------------------------------

  /** The stream is gone. The picture plays on from its cushion and then stands still; we ask until there is a stream. */
  #lose(status: number | null): void {
    if (this.#ending.signal.aborted) return;
    this.#hls?.stopLoad();
    const pause = this.#backoff.next();
    const starting = status === 503;
    const silence = this.#silence();
    const message = silence || (starting ? "The stage is starting." : `The stream is lost: ${reasonFor(status)}.`);
    this.#say(starting && !silence ? "connecting" : "lost", message, Date.now() + pause);
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#tryAgain(), pause);
  }

  #tryAgain(): void {
    if (this.state.air.value.retryAt === null) return;
    window.clearTimeout(this.#timer);
    void probe(this.stream).then((status) => (status === 200 ? this.#open() : this.#lose(status)));
  }

  #look(): void {
    const now = performance.now();
    const distance = this.#distance();
    if (now - this.#lastSample >= 1000) {
      this.#lastSample = now;
      this.state.behind.value = this.state.air.value.state === "lost" ? null : distance;
    }
    if (this.state.air.value.retryAt !== null || this.frozenByPolicy) return;
    const remedy = this.#watchdog.look({
      now,
      position: this.video.currentTime,
      resting: this.video.paused || document.hidden,
      behind: distance,
      fed: this.#hls === null || now - this.#grown < DRY_MS,
    });
    if (remedy === "jump") this.jumpToLive();
    else if (remedy === "rebuild") this.#open();
    else if (remedy === "wait") this.#starve(now);
    else if (this.state.air.value.state === "lost" && !this.video.paused) this.#say("on-air", "");
  }

  /** There is nothing to play: because nobody answers, or because what is answered does not grow. */
  #starve(now: number): void {
    if (now - this.#answered > DRY_MS) this.#lose(null);
    else this.#say("lost", this.#silence() || "The stage sends no new pictures. It goes on by itself when it is back.");
  }

  #silence(): string {
    return silenceOf(this.state.house.value, this.state.here.value);
  }

  /** Nothing plays because the browser wants a click first. */
  get frozenByPolicy(): boolean {
    return this.wanted.value === "play";
  }

  #say(word: Air["state"], message: string, retryAt: number | null = null): void {
    this.state.air.value = { state: word, message, retryAt };
  }

  // --- time ----------------------------------------------------------------------------------------------------

  /** Programme time of the picture shown, Unix ms. */
  #programme(): number | null {
    const date = this.#hls ? this.#hls.playingDate : startDate(this.video);
    return date === null || Number.isNaN(date.getTime()) ? null : date.getTime();
  }

  #distance(): number | null {
    const programme = this.#programme();
    return programme === null ? null : (Date.now() + this.state.serverClock.offset - programme) / 1000;
  }

  #followFrames(): void {
    if (this.#ending.signal.aborted) return;
    // While it seeks, the position is already new and the picture still old.
    if (!this.video.seeking) this.state.programme.value = this.#programme();
    const again = (): void => this.#followFrames();
    if ("requestVideoFrameCallback" in this.video) this.video.requestVideoFrameCallback(again);
    else window.setTimeout(again, 50);
  }

  #freeze(): void {
    const { video, still } = this;
    if (video.videoWidth === 0 || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    still.width = video.videoWidth;
    still.height = video.videoHeight;
    still.getContext("2d")?.drawImage(video, 0, 0);
    this.frozen.value = true;
  }
}

function reasonFor(status: number | null): string {
  if (status !== null) return `the server answers ${status}`;
  return navigator.onLine ? "the server does not answer" : "this device has no network";
}

/** Safari tells the date of position 0 of a stream with programme times. */
function startDate(video: HTMLVideoElement): Date | null {
  const start = (video as HTMLVideoElement & { getStartDate?: () => Date }).getStartDate?.();
  return start ? new Date(start.getTime() + video.currentTime * 1000) : null;
}
