/** What the machine does for it, in one quiet line; a louder word when it is kept from doing it. */
import type { JSX } from "preact";
import { decimal, megabytes } from "../core/format";
import { usePage } from "../page";

/** Per cent of CPU time taken by other tenants above which stutter is the machine's doing. */
const STEAL_LIMIT = 5;

function Figure({ name, children }: { name: string; children: string }): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export function Machine(): JSX.Element {
  const { place, state } = usePage();
  const { link, stage, telemetry } = state;
  const now = telemetry.value;
  const restarts = stage.value?.restarts ?? 0;
  return (
    <footer class={link.value === "lost" ? "machine stale" : "machine"}>
      {now && (
        <dl>
          <Figure name="Main">{`${decimal(now.main_cpu)} % · ${megabytes(now.main_rss_mb)}`}</Figure>
          <Figure name="Stage">{`${decimal(now.stage_cpu)} % · ${megabytes(now.stage_rss_mb)}`}</Figure>
          <Figure name="Lead">{`${decimal(now.lead_ms, 0)} ms`}</Figure>
          <Figure name="Loop lag">{`${decimal(now.loop_lag_ms)} ms`}</Figure>
          <Figure name="Steal">{`${decimal(now.steal)} %`}</Figure>
          {restarts > 0 && <Figure name="Stage restarts">{String(restarts)}</Figure>}
        </dl>
      )}
      {now && now.steal > STEAL_LIMIT && (
        <p class="steal" role="status">
          Other tenants take {decimal(now.steal, 0)} % of this machine's CPU: late frames now are the machine's doing.
        </p>
      )}
      <p class="links">
        <a href={place.at("/docs")}>API</a> <a href={place.at("/stream/index.m3u8")}>Stream</a> <a href={place.at("/metrics")}>Metrics</a>
      </p>
    </footer>
  );
}
