/** Frame times of the last ten minutes in percentiles, against the budget, with the marked minute on them. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { SECONDS, type Summary } from "../core/evidence";

interface TimelineProps {
  readonly history: readonly Summary[];
  readonly budget: number;
  /** The marked minute, Unix ms. */
  readonly since: number;
  readonly until: number;
  /** A moment was pointed at, Unix ms. */
  readonly onPoint: (at: number) => void;
}

const LINES = [
  { colour: "--plot-third", width: 1 },
  { colour: "--plot-second", width: 1.25 },
  { colour: "--plot-main", width: 1.75 },
] as const;

function colourOf(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function columnsOf(history: readonly Summary[]): uPlot.AlignedData {
  // a second without frames is a gap
  const of = (pick: (one: Summary) => number): (number | null)[] => history.map((one) => (one.most > 0 ? pick(one) : null));
  return [history.map(({ at }) => at / 1000), of(({ most }) => most), of(({ p95 }) => p95), of(({ p50 }) => p50)] as uPlot.AlignedData;
}

/** The marked minute as a ground, late and missing frames as red strokes at the foot, the budget as a dashed line. */
function drawn(plot: uPlot, { history, budget, since, until }: TimelineProps): void {
  const { ctx, bbox } = plot;
  const across = (at: number): number => plot.valToPos(at / 1000, "x", true);
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = `color-mix(in srgb, ${colourOf("--accent")} 18%, transparent)`;
  ctx.fillRect(across(since), bbox.top, across(until) - across(since), bbox.height);
  ctx.fillStyle = colourOf("--bad");
  for (const { at, late, leftOut } of history) {
    if (late + leftOut > 0) ctx.fillRect(across(at) - devicePixelRatio, bbox.top + bbox.height * 0.86, 2 * devicePixelRatio, bbox.height * 0.14);
  }
  ctx.strokeStyle = colourOf("--plot-limit");
  ctx.lineWidth = Math.max(1, devicePixelRatio);
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  const height = Math.round(plot.valToPos(budget, "y", true)) + 0.5;
  ctx.moveTo(bbox.left, height);
  ctx.lineTo(bbox.left + bbox.width, height);
  ctx.stroke();
  ctx.restore();
}

function axis(size: number, values: (at: number) => string): uPlot.Axis {
  const faint = colourOf("--text-faint");
  return {
    stroke: faint,
    size,
    font: `12px ${getComputedStyle(document.body).fontFamily}`,
    grid: { stroke: colourOf("--line"), width: 1 },
    ticks: { show: false },
    values: (_, splits) => splits.map(values),
  };
}

function clock(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString("en-GB", { hour12: false });
}

export function Timeline(props: TimelineProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const now = useRef(props);
  now.current = props;
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const made = new uPlot(
      {
        width: element.clientWidth,
        height: element.clientHeight,
        legend: { show: false },
        cursor: { show: false },
        padding: [6, 30, 0, 0],
        axes: [{ ...axis(24, clock), space: 84 }, { ...axis(46, (ms) => `${ms} ms`), space: 28 }],
        scales: {
          x: { time: false, range: (_, oldest, newest) => [Math.min(oldest, newest - 120), newest] },
          y: { range: (_, __, largest) => [0, Math.max(now.current.budget * 1.3, (largest ?? 0) * 1.08)] },
        },
        series: [{}, ...LINES.map(({ colour, width }) => ({ stroke: colourOf(colour), width, points: { show: false } }))],
        hooks: { drawClear: [(each) => drawn(each, now.current)] },
      },
      columnsOf(now.current.history),
      element,
    );
    plot.current = made;
    const point = (event: PointerEvent): void => now.current.onPoint(1000 * made.posToVal(event.offsetX, "x"));
    made.over.addEventListener("pointerdown", point);
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: element.clientHeight }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, []);
  useEffect(() => plot.current?.setData(columnsOf(props.history)), [props.history, props.since, props.until]);
  return <div class="timeline" ref={box} aria-hidden="true" data-seconds={Math.min(SECONDS, props.history.length)} />;
}
