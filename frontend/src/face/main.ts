/** One face alone, moved by whoever talks with it: for a browser source. `?transparent` leaves the ground clear. */
import "../styles/face.css";
import { Place } from "../addresses";
import type { FaceEvent } from "../models";
import { Api, ApiError } from "../requests";
import { Actor, type Heard } from "./actor";

const address = new URL(location.href);
const [character = "", , ...rest] = address.pathname.split("/").reverse();
const api = new Api(new Place(new URL(`${rest.reverse().join("/")}/`, address)));
const main = document.querySelector("main");

document.body.classList.toggle("clear", address.searchParams.has("transparent"));
document.title = `${character} · Duologue`;

/** The line that sounds, since when and until when by the page's clock, ms: a show tells of both ahead. */
let sounding: { readonly id: string; readonly since: number; readonly until: number } | null = null;

function take(event: FaceEvent): void {
  if (event.type === "line") return;
  const at = performance.now() + event.in_ms;
  if (event.type === "start") sounding = { id: event.id, since: at, until: Infinity };
  else if (sounding?.id === event.id) sounding = { ...sounding, until: at };
}

function heard(now: number): Heard | null {
  return sounding && now < sounding.until ? { id: sounding.id, ms: now - sounding.since } : null;
}

async function open(): Promise<void> {
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", character);
  main?.append(canvas);
  const fit = (): void => {
    canvas.width = Math.round(innerWidth * devicePixelRatio);
    canvas.height = Math.round(innerHeight * devicePixelRatio);
  };
  addEventListener("resize", fit);
  fit();
  const actor = new Actor(api, character);
  await actor.start(new AbortController().signal, take);
  const step = (now: number): void => {
    actor.show(canvas, now, heard(now));
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

open().catch((error: unknown) => {
  const words = document.createElement("p");
  words.setAttribute("role", "alert");
  words.textContent = error instanceof ApiError ? `${error.message} ${error.remedy}` : String(error);
  main?.append(words);
});
