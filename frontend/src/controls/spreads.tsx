/** Percentiles as bars on one scale, with their figures beside them: a table. */
import type { JSX } from "preact";
import type { Spread } from "../core/evidence";

export interface SpreadRow {
  readonly name: string;
  /** A custom property of the page that holds its colour. */
  readonly colour: string;
  readonly spread: Spread;
}

interface SpreadsProps {
  /** What these are, for a reader. */
  readonly title: string;
  readonly rows: readonly SpreadRow[];
  /** What they may take, ms; a line across the bars. */
  readonly limit?: number;
  /** A value as people read it. */
  readonly worded: (milliseconds: number) => string;
}

const SHARES = ["p50", "p95", "p99", "most"] as const;
const HEADS = { p50: "Middle", p95: "95 %", p99: "99 %", most: "Most" } as const;

export function Spreads({ title, rows, limit, worded }: SpreadsProps): JSX.Element {
  const reach = Math.max(...rows.map(({ spread }) => spread.most), limit === undefined ? 1 : limit * 1.15, 0.001);
  const share = (value: number): string => `${(100 * value) / reach}%`;
  return (
    <table class="spreads">
      <caption class="unseen">{title}</caption>
      <thead>
        <tr>
          <th scope="col">{limit === undefined ? "What" : "Frames"}</th>
          <td class="track-head" aria-hidden="true">
            {limit !== undefined && <span style={{ left: share(limit) }}>budget {worded(limit)}</span>}
          </td>
          {SHARES.map((one) => (
            <th key={one} scope="col">
              {HEADS[one]}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ name, colour, spread }) => (
          <tr key={name}>
            <th scope="row">
              {name} <span class="quiet">{spread.count.toLocaleString("en")}</span>
            </th>
            <td class="track-cell" aria-hidden="true">
              <span class="spread" style={{ "--stage": `var(${colour})` }}>
                {[...SHARES].reverse().map((one) => (
                  <span key={one} class={one} style={{ width: share(spread[one]) }} />
                ))}
                {limit !== undefined && <span class="limit" style={{ left: share(limit) }} />}
              </span>
            </td>
            {SHARES.map((one) => (
              <td key={one} class={limit !== undefined && spread[one] > limit ? "beyond" : undefined}>
                {worded(spread[one])}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
