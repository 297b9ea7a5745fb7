/** Whether the picture keeps its time: figures, percentiles against the budget, and a minute of it marked for a report. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { Button } from "../controls/controls";
import { Spreads } from "../controls/spreads";
import { costsOf, MINUTE_MS, reachOf, restartsNote, spreadOf, type Live, type Mark } from "../core/evidence";
import { compact, decimal, duration, stretch, timeOfDay } from "../core/format";
import type { LiveShow } from "../models";
import { useKnown } from "../page";
import { Figure } from "./evidence-figure";
import { Timeline } from "./evidence-timeline";

interface FramesProps {
  readonly live: Live;
  readonly show: LiveShow;
  /** Make the report of a stretch (Unix ms). */
  readonly onReport: (since: number, until: number) => void;
}

export function FrameTimes({ live, show, onReport }: FramesProps): JSX.Element {
  const { stage, telemetry } = useKnown();
  const restarts = stage.value?.restarts ?? 0;
  return (
    <>
      <dl class="figures">
        <Figure name="Late" note="since the show began" bad={show.late > 0}>
          {compact(show.late)}
        </Figure>
        <Figure name="Left out" note="to come back to the grid" bad={show.left_out > 0}>
          {compact(show.left_out)}
        </Figure>
        <Figure name="Over budget" note="hidden by the lead">
          {compact(show.over_budget)}
        </Figure>
        <Figure name="Lead" note="ahead of the due time now">
          {duration(telemetry.value?.lead_ms)}
        </Figure>
        <Figure name="Stage restarts" note={restartsNote(show.left_out)} bad={restarts > 0}>
          {String(restarts)}
        </Figure>
      </dl>
      <FramePercentiles live={live} budget={show.budget_ms} />
      <Marked live={live} show={show} onReport={onReport} />
    </>
  );
}

function FramePercentiles({ live, budget }: { live: Live; budget: number }): JSX.Element | null {
  const minute = spreadOf(costsOf(live.seconds, MINUTE_MS));
  const all = spreadOf(costsOf(live.seconds));
  if (!minute || !all) return null;
  const first = live.seconds[0]?.at ?? 0;
  const long = (live.seconds.at(-1)?.at ?? 0) - first + 1000;
  const rows = [{ name: "The last minute", colour: "--plot-main", spread: minute }];
  if (all.count > minute.count) rows.push({ name: `The last ${stretch(long)}`, colour: "--plot-main", spread: all });
  return <Spreads title="What frames took, against their budget" rows={rows} limit={budget} worded={(ms) => `${decimal(ms)} ms`} />;
}

/** The last ten minutes, and one minute of them chosen: with the pointer on the plot, or the keys on the slider. */
function Marked({ live, show, onReport }: FramesProps): JSX.Element | null {
  const mark = useSignal<Mark>({ until: null });
  const reach = reachOf(mark.value, live.history);
  const newest = live.history.at(-1)?.at;
  const oldest = live.history[0]?.at;
  if (!reach || newest === undefined || oldest === undefined) return null;
  const place = (until: number): void => {
    const least = Math.min(newest, oldest + MINUTE_MS);
    mark.value = { until: until >= newest - 500 ? null : Math.max(least, until) };
  };
  const words = `${timeOfDay(reach.since)} to ${timeOfDay(reach.until)}`;
  const back = Math.round((newest - reach.until) / 1000);
  const most = Math.max(0, Math.floor((newest - oldest - MINUTE_MS) / 1000));
  return (
    <div class="marked part">
      <h3>
        The last ten minutes <span class="quiet">median, 95 % and the slowest frame of each second; dashed: the budget; red: late or left out</span>
      </h3>
      <Timeline history={live.history} budget={show.budget_ms} {...reach} onPoint={(at) => place(at + MINUTE_MS / 2)} />
      <div class="mark-controls">
        <label class="slider">
          <span>The marked minute ends</span>
          <input
            type="range"
            min={-most}
            max={0}
            step={1}
            value={-back}
            disabled={most === 0}
            aria-valuetext={`${words}${mark.value.until === null ? ", the newest" : ""}`}
            onInput={(event) => place(newest + 1000 * Number(event.currentTarget.value))}
          />
        </label>
        <output class="marked-words">{words}</output>
        {mark.value.until !== null && (
          <Button kind="ghost" onPress={() => (mark.value = { until: null })}>
            The newest again
          </Button>
        )}
        <Button kind="primary" disabled={!show.run} onPress={() => onReport(reach.since, reach.until)}>
          Report of this minute
        </Button>
      </div>
      {!show.run && (
        <p class="quiet">
          No run of this show is kept, so nothing can be reported: set <code>runs.keep</code> to true.
        </p>
      )}
    </div>
  );
}
