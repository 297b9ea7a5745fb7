/** Whether it runs smoothly: frame time, late frames, seconds behind live. */
import type { ComponentChildren, JSX } from "preact";
import { Panel } from "../controls/controls";
import { compact, decimal } from "../core/format";
import { useKnown } from "../page";
import { Spark } from "./spark";

/** A viewer of plain HLS with 1 s segments should not be farther than this from live, s. */
const LIVE_LIMIT = 5;

interface MeterProps {
  readonly title: string;
  readonly value: string;
  readonly unit: string;
  readonly note: string;
  /** What else there is to say, below the note. */
  readonly more?: string;
  readonly bad: boolean;
  readonly children: ComponentChildren;
}

function Meter({ title, value, unit, note, more, bad, children }: MeterProps): JSX.Element {
  return (
    <div class="meter">
      <div class="figure">
        <h3>{title}</h3>
        <p class={bad ? "note bad" : "note"}>{note}</p>
        <p>
          <output>{value}</output> <span class="unit">{unit}</span>
        </p>
        {more && <p class="note">{more}</p>}
      </div>
      {children}
    </div>
  );
}

export function PulsePanel(): JSX.Element {
  const { behind, distances, frameTimes, lateFrames, link, stage, telemetry } = useKnown();
  const now = telemetry.value;
  const budget = 1000 / (stage.value?.fps ?? 30);
  const distance = behind.value;
  const lost = now ? now.late_total + now.skipped_total : 0;
  return (
    <Panel name="pulse" title="Pulse" stale={link.value === "lost"} aside={<p class="quiet">last 2 min</p>}>
      <Meter
        title="Frame time"
        value={decimal(now?.frame_p50)}
        unit="ms"
        note={`max ${decimal(now?.frame_max, 0)}`}
        bad={(now?.frame_max ?? 0) > budget}
      >
        <Spark
          ring={frameTimes}
          lines={[{ colour: "--plot-main", fill: true }, { colour: "--plot-second" }]}
          reach={budget * 1.15}
          limit={budget}
        />
      </Meter>
      <Meter
        title="Late frames"
        value={now ? String(now.late + now.skipped) : "–"}
        unit="per s"
        note={now ? `all ${compact(lost)}` : ""}
        more={now && now.skipped_total > 0 ? `${compact(now.skipped_total)} skipped` : ""}
        bad={now !== null && now.late + now.skipped > 0}
      >
        <Spark ring={lateFrames} lines={[{ colour: "--bad", bars: true }]} reach={3} />
      </Meter>
      <Meter
        title="Behind live"
        value={decimal(distance)}
        unit="s"
        note={`limit ${LIVE_LIMIT}`}
        bad={(distance ?? 0) > LIVE_LIMIT}
      >
        <Spark ring={distances} lines={[{ colour: "--plot-main", fill: true }]} reach={LIVE_LIMIT * 1.15} limit={LIVE_LIMIT} />
      </Meter>
    </Panel>
  );
}
