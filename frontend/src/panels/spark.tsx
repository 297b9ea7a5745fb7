/** A small live plot over the last two minutes: lines or bars, and a line for the limit. */
import { effect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useKnown } from "../page";
import { HISTORY_SECONDS } from "../state";
import type { Ring } from "../core/ring";

export interface Line {
  /** A custom property of the page that holds a colour. */
  readonly colour: string;
  readonly bars?: boolean;
  readonly fill?: boolean;
}

interface SparkProps {
  readonly ring: Ring;
  readonly lines: readonly Line[];
  /** The vertical axis reaches at least here. */
  readonly reach: number;
  readonly limit?: number;
}

function colourOf(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** The limit as a dashed line across the plot. */
function limitLine(limit: number): (plot: uPlot) => void {
  return (plot) => {
    const { ctx, bbox } = plot;
    const height = Math.round(plot.valToPos(limit, "y", true)) + 0.5;
    ctx.save();
    ctx.strokeStyle = colourOf("--plot-limit");
    ctx.lineWidth = Math.max(1, devicePixelRatio);
    ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, height);
    ctx.lineTo(bbox.left + bbox.width, height);
    ctx.stroke();
    ctx.restore();
  };
}

/** How much time the plot shows, s: what there is, but never so little that two samples look like a trend. */
function shown(elapsed: number): number {
  return Math.min(HISTORY_SECONDS, Math.max(30, elapsed));
}

function seriesOf(line: Line): uPlot.Series {
  const stroke = colourOf(line.colour);
  return {
    stroke,
    width: 1.5,
    points: { show: false },
    ...(line.fill || line.bars ? { fill: `color-mix(in srgb, ${stroke} ${line.bars ? 100 : 14}%, transparent)` } : {}),
    ...(line.bars && uPlot.paths.bars ? { paths: uPlot.paths.bars({ size: [0.9, 6, 2] }) } : {}),
  };
}

function optionsOf({ lines, reach, limit }: SparkProps, width: number, height: number): uPlot.Options {
  return {
    width,
    height,
    pxAlign: 0,
    padding: [2, 0, 2, 0],
    legend: { show: false },
    cursor: { show: false },
    axes: [{ show: false }, { show: false }],
    scales: {
      x: { time: false, range: (_, oldest, newest) => [newest - shown(newest - oldest), newest] },
      y: { range: (_, __, largest) => [0, Math.max(reach, (largest ?? 0) * 1.1)] },
    },
    series: [{}, ...lines.map(seriesOf)],
    hooks: { draw: limit === undefined ? [] : [limitLine(limit)] },
  };
}

export function Spark(props: SparkProps): JSX.Element {
  const { plotted } = useKnown();
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const data = (): uPlot.AlignedData => props.ring.columns() as uPlot.AlignedData;
    const plot = new uPlot(optionsOf(props, element.clientWidth, element.clientHeight), data(), element);
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: element.clientHeight }));
    observer.observe(element);
    const stop = effect(() => {
      plotted.value; // a new sample
      plot.setData(data());
    });
    return () => {
      stop();
      observer.disconnect();
      plot.destroy();
    };
  }, [props.ring]);
  return <div class="spark" ref={box} aria-hidden="true" />;
}
