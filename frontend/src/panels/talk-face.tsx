/** The face of whom one talks with. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { usePage } from "../page";
import { ApiError } from "../requests";
import { useInSight } from "./in-sight";

/** Nothing where the character has none. */
export function TalkFace(): JSX.Element | null {
  const { api, talk } = usePage();
  const canvas = useRef<HTMLCanvasElement>(null);
  const there = useSignal(false);
  const character = talk.welcome.value?.character ?? "";
  useEffect(() => {
    const ending = new AbortController();
    let frame = 0;
    const open = async (): Promise<void> => {
      if (!character || !(await api.get("/api/faces")).includes(character)) return;
      const { Actor } = await import("../face/actor");
      const actor = new Actor(api, character);
      await actor.start(ending.signal);
      if (ending.signal.aborted) return;
      there.value = true;
      const step = (now: number): void => {
        if (canvas.current) actor.show(fitted(canvas.current), now, talk.heardNow());
        frame = requestAnimationFrame(step);
      };
      frame = requestAnimationFrame(step);
    };
    open().catch((error: unknown) => {
      if (!(error instanceof ApiError)) throw error; // without a face there is still a voice
    });
    return () => {
      ending.abort();
      cancelAnimationFrame(frame);
      there.value = false;
    };
  }, [character]);
  useInSight(canvas, [there.value]); // it comes a while after the words, and pushes them down
  if (!character) return null;
  return <canvas class="talk-face" ref={canvas} hidden={!there.value} role="img" aria-label={`${talk.who().title}, moving as it speaks`} />;
}

/** As many pixels as it is shown with. */
export function fitted(canvas: HTMLCanvasElement): HTMLCanvasElement {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((length) => Math.round(length * devicePixelRatio));
  if (width && height && (canvas.width !== width || canvas.height !== height)) [canvas.width, canvas.height] = [width, height];
  return canvas;
}
