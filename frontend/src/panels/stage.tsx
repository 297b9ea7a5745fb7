/** The stage: the picture, whether it is on air, and the sound. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { IconButton } from "../controls/controls";
import { Icon } from "../controls/icons";
import { decimal } from "../core/format";
import type { Player } from "../player/player";
import { useKnown, usePage } from "../page";
import type { Air } from "../state";

const WORDS: Record<Air["state"], string> = { connecting: "Connecting", "on-air": "On air", lost: "Lost" };

export function StagePanel(): JSX.Element {
  const { place, state } = usePage();
  const { air } = state;
  const frame = useRef<HTMLDivElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const still = useRef<HTMLCanvasElement>(null);
  const player = useSignal<Player | null>(null);
  useEffect(() => {
    let ended = false;
    const open = async (): Promise<void> => {
      const { Player } = await import("../player/player"); // it is most of what this page weighs: the rest is there before it
      if (ended || !video.current || !still.current) return;
      player.value = new Player(video.current, still.current, place.at("/stream/index.m3u8"), state);
      player.value.start();
    };
    open().catch(() => (air.value = { state: "lost", message: "The player could not be fetched. Load the page again.", retryAt: null }));
    return () => {
      ended = true;
      player.peek()?.stop();
    };
  }, []);
  const on = player.value;
  const full = (): void => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void frame.current?.requestFullscreen().catch(() => undefined); // refused by the browser's policy: nothing to mend
  };
  return (
    <section class="stage" aria-label="Stage">
      <div class={`frame ${air.value.state}`} ref={frame}>
        <video ref={video} playsInline autoPlay muted aria-label="The show, live" />
        <canvas class="still" ref={still} hidden={!on?.frozen.value} aria-hidden="true" />
        <Chip />
        <Message />
        {on && <Sound player={on} />}
        <div class="stage-controls">
          {on && <Volume player={on} />}
          <IconButton icon="full" label="Full screen" onPress={full} />
        </div>
      </div>
    </section>
  );
}

function Chip(): JSX.Element {
  const { air, behind } = useKnown();
  const { state } = air.value;
  const distance = behind.value;
  return (
    <p class={`chip ${state}`} data-state={state}>
      <span class="tally" role="status">
        {WORDS[state]}
      </span>
      {state === "on-air" && distance !== null && (
        <span class="distance">
          {decimal(distance)} s<span class="roomy"> behind live</span>
        </span>
      )}
    </p>
  );
}

/** Why there is no picture, and what happens next. */
function Message(): JSX.Element | null {
  const { air } = useKnown();
  const { state, message, retryAt } = air.value;
  const clock = useSignal(Date.now());
  useEffect(() => {
    if (retryAt === null) return;
    clock.value = Date.now();
    const timer = window.setInterval(() => (clock.value = Date.now()), 500);
    return () => window.clearInterval(timer);
  }, [retryAt]);
  if (state === "on-air" || message === "") return null;
  const left = retryAt === null ? 0 : Math.ceil((retryAt - clock.value) / 1000);
  return (
    <div class="message">
      <div>
        <strong role="alert">{message}</strong>
        {retryAt !== null && <span class="quiet">{left > 0 ? `Trying again in ${left} s.` : "Trying now."}</span>}
      </div>
    </div>
  );
}

/** Browsers play by themselves only without sound; so the first click is asked for, with the reason. */
function Sound({ player }: { player: Player }): JSX.Element | null {
  const { air } = useKnown();
  const wanted = player.wanted.value;
  if (wanted === "nothing" || air.value.state === "lost") return null;
  const [text, reason] =
    wanted === "sound"
      ? ["Click for sound", "Browsers start videos muted."]
      : ["Click to play", "This browser starts no video by itself."];
  return (
    <button type="button" class="ask" onClick={() => player.unmute()}>
      <Icon name={wanted === "sound" ? "silent" : "play"} />
      <span>
        <strong>{text}</strong>
        <small>{reason}</small>
      </span>
    </button>
  );
}

function Volume({ player }: { player: Player }): JSX.Element | null {
  if (player.wanted.value !== "nothing") return null;
  const { value: muted } = player.muted;
  return (
    <>
      <IconButton
        icon={muted ? "silent" : "sound"}
        label={muted ? "Sound on" : "Sound off"}
        onPress={() => (muted ? player.unmute() : player.mute())}
      />
      <input
        type="range"
        class="volume"
        aria-label="Volume"
        min={0}
        max={1}
        step={0.05}
        value={muted ? 0 : player.volume.value}
        onInput={(event) => player.setVolume(event.currentTarget.valueAsNumber)}
      />
    </>
  );
}
