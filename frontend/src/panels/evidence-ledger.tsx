/** The frame ledger: a row each second, a stroke each frame; and each time that a viewer may have noticed, with its cause. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { Button } from "../controls/controls";
import { Nothing, Scrolled } from "../controls/sheet";
import { incidentIn, marksOf, troubleIn, type FrameMark, type Live, type Outcome } from "../core/evidence";
import { counted, decimal, timeOfDay } from "../core/format";
import type { FrameSecond, Incident } from "../models";

const SHOWN_SECONDS = 90;
const SHOWN_INCIDENTS = 30;
const OUTCOMES: readonly Outcome[] = ["in time", "held", "over budget", "late"];

export function FrameLedgerTable({ live, budget }: { live: Live; budget: number }): JSX.Element {
  const held = useSignal<readonly FrameSecond[] | null>(null);
  const seconds = (held.value ?? live.seconds).slice(-SHOWN_SECONDS).reverse();
  return (
    <>
      <div class="over">
        <ul class="legend outcomes" aria-hidden="true">
          {OUTCOMES.map((one) => (
            <li key={one} class={classOf(one)}>
              {one === "held" ? "held for two" : one}
            </li>
          ))}
          <li class="left-out">left out</li>
        </ul>
        <Button kind="ghost" onPress={() => (held.value = held.value ? null : live.seconds)}>
          {held.value ? "Go on" : "Hold still"}
        </Button>
      </div>
      <div class="ledger-box">
        <Scrolled title="Frame ledger">
          <table class="ledger">
            <caption class="unseen">The newest seconds, frame by frame, the newest first</caption>
            <thead>
              <tr>
                <th scope="col">Second</th>
                <th scope="col">Frames</th>
                <th scope="col">Slowest</th>
                <th scope="col">What happened</th>
              </tr>
            </thead>
            <tbody>
              {seconds.map((second) => (
                <SecondRow key={second.at} second={second} budget={budget} incident={incidentIn(second, live.incidents)} />
              ))}
            </tbody>
          </table>
        </Scrolled>
      </div>
    </>
  );
}

function classOf(outcome: Outcome): string {
  return outcome.replace(/ /g, "-");
}

interface SecondRowProps {
  readonly second: FrameSecond;
  readonly budget: number;
  readonly incident: Incident | null;
}

/** A second never changes, what is known of it may: it is drawn again only then. */
function SecondRow({ second, budget, incident }: SecondRowProps): JSX.Element {
  return useMemo(() => {
    const trouble = troubleIn(second);
    const seen = second.late + second.left_out > 0;
    return (
      <tr class={seen ? "seen" : undefined}>
        <th scope="row">
          <time>{timeOfDay(second.at)}</time>
        </th>
        <td class="strokes">
          <Strokes marks={marksOf(second, budget)} budget={budget} leftOut={second.left_out} />
          <span class="unseen">{counted(second.costs.length, "frame")}</span>
        </td>
        <td>{second.most > 0 ? `${decimal(second.most)} ms` : "–"}</td>
        <td class="trouble">
          {trouble || <span class="quiet">in time</span>}
          {seen && (
            <span class="culprit">
              <span class="unseen"> because of </span>
              {incident?.cause ?? "being looked at"}
            </span>
          )}
        </td>
      </tr>
    );
  }, [second, budget, incident]);
}

/** Frames as strokes as high as they were dear; what is beyond the budget by half reaches the top. */
function Strokes({ marks, budget, leftOut }: { marks: readonly FrameMark[]; budget: number; leftOut: number }): JSX.Element {
  let x = 0;
  const paths = new Map<Outcome, string>();
  for (const { cost, outcome, periods } of marks) {
    const height = Math.max(1.5, Math.min(20, (13 * cost) / budget));
    const width = 4 * periods - 1;
    paths.set(outcome, `${paths.get(outcome) ?? ""}M${x} 20h${width}v${-height}h${-width}z`);
    x += 4 * periods;
  }
  const gap = Math.min(leftOut, 30) * 4;
  return (
    <svg class="frame-strokes" viewBox={`0 0 ${Math.max(120, x + gap)} 20`} preserveAspectRatio="none" aria-hidden="true">
      {gap > 0 && <rect class="left-out" x={x} y="14" width={gap - 1} height="6" />}
      {[...paths].map(([outcome, path]) => (
        <path key={outcome} class={classOf(outcome)} d={path} />
      ))}
    </svg>
  );
}

interface IncidentLogProps {
  readonly incidents: readonly Incident[];
  /** Make the report of the minute around a moment (Unix ms); null: there is no run to make it of. */
  readonly onReport: ((at: number) => void) | null;
}

/** Each time that viewers may have noticed something, the newest first. */
export function IncidentLog({ incidents, onReport }: IncidentLogProps): JSX.Element {
  if (incidents.length === 0) return <Nothing>None since this show began: every frame was ready when it was due, and none was left out.</Nothing>;
  const shown = [...incidents].reverse().slice(0, SHOWN_INCIDENTS);
  return (
    <div class="incident-box">
      <Scrolled title="Late and missing frames">
        <ol class="incidents" aria-label="Late and missing frames, the newest first">
          {shown.map((one) => (
            <li key={one.id}>
              <p class="head">
                <time>{timeOfDay(one.at)}</time>
                <strong>{wordsOf(one)}</strong>
                <span class={one.cause === "unknown" ? "culprit unknown" : "culprit"}>{one.cause}</span>
              </p>
              <p>
                {sentenceOf(one.why)}
                {one.cause !== "unknown" && <span class="quiet"> {`It explains ${Math.round(100 * one.share)} % of ${Math.round(one.lost_ms)} ms.`}</span>}
              </p>
              {one.meanwhile.length > 0 && (
                <details>
                  <summary>What else happened then</summary>
                  <ul class="points">
                    {one.meanwhile.map((words) => (
                      <li key={words}>{words}</li>
                    ))}
                  </ul>
                </details>
              )}
              {onReport && (
                <Button label={`Report of the minute around ${timeOfDay(one.at)}`} onPress={() => onReport(one.at)}>
                  Report of the minute
                </Button>
              )}
            </li>
          ))}
        </ol>
      </Scrolled>
    </div>
  );
}

function wordsOf({ kind, frames, worst_ms }: Incident): string {
  const many = counted(frames, "frame");
  return kind === "late" ? `${many} late, by up to ${Math.round(worst_ms)} ms` : `${many} left out, ${Math.round(worst_ms)} ms behind`;
}

function sentenceOf(words: string): string {
  return words && `${words.charAt(0).toUpperCase()}${words.slice(1).replace(/\.$/, "")}.`;
}
