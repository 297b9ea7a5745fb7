/** The runs that are kept, as a list to choose from. */
import { counted, label, stretch } from "./format";
import type { RunView } from "../models";

export type RunKind = "all" | "show" | "talk" | "call";

export function runsOf(runs: readonly RunView[], kind: RunKind): readonly RunView[] {
  return kind === "all" ? runs : runs.filter(({ what }) => what === kind);
}

/** What a run is about: `Show: tea or coffee`. */
export function titleOfRun(run: RunView): string {
  return run.title ? `${label(run.what)}: ${run.title}` : label(run.what);
}

/** How it went, in a few words. */
export function figuresOf(run: RunView): string {
  const lost = run.late + run.left_out;
  const words = [
    stretch(run.ended - run.began),
    run.what === "show" && counted(run.frames, "frame"),
    run.what === "show" && (lost > 0 ? `${lost.toLocaleString("en")} late or left out` : "none late"),
    run.turns > 0 && counted(run.turns, "turn"),
    run.lost > 0 && `${counted(run.lost, "line")} lost`,
  ];
  return words.filter(Boolean).join(" · ");
}

/** `23 Nov, 03:15:02`. */
export function dayAndTime(milliseconds: number): string {
  const when = new Date(milliseconds);
  const day = when.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return `${day}, ${when.toLocaleTimeString("en-GB", { hour12: false })}`;
}
