/** The machine in the last two minutes: CPU and memory of each process, what others took of it, what waited. */
import type { JSX } from "preact";
import { Nothing, Scrolled } from "../controls/sheet";
import { decimal, label, megabytes } from "../core/format";
import type { MachineSecond } from "../models";

const SECONDS = 120;
/** Per cent of CPU time taken by other tenants above which stutter is the machine's doing. */
const STEAL_LIMIT = 5;

export function MachineStrip({ seconds }: { seconds: readonly MachineSecond[] }): JSX.Element {
  const now = seconds.at(-1);
  if (!now) return <Nothing>The machine has not been measured yet.</Nothing>;
  const names = [...new Set(seconds.slice(-5).flatMap(({ processes }) => processes.map(({ name }) => name)))];
  const of = (name: string, second: MachineSecond | undefined) => second?.processes.find((one) => one.name === name);
  return (
    <>
      <dl class="figures machine-figures">
        <Whole name="All cores" value={`${decimal(now.busy, 0)} %`} note={`busy, of ${now.cores}`} points={seconds.map(({ busy }) => busy)} reach={100} />
        <Whole name="Other programs" value={`${decimal(now.others, 0)} %`} note="of the cores, none of ours" points={seconds.map(({ others }) => others)} reach={100} />
        <Whole
          name="Stolen"
          value={`${decimal(now.steal)} %`}
          note="of the cores, by the host"
          points={seconds.map(({ steal }) => steal)}
          reach={10}
          bad={now.steal > STEAL_LIMIT}
        />
        <Whole name="Memory" value={megabytes(now.available_mb)} note="free" points={seconds.map(({ available_mb }) => available_mb)} reach={0} />
        <Whole name="Disk" value={`${decimal(now.disk_wait_ms, 0)} ms`} note="waited for in a second" points={seconds.map(({ disk_wait_ms }) => disk_wait_ms)} reach={50} />
        <Whole name="Event loop" value={`${decimal(now.loop_lag_ms)} ms`} note="late at most" points={seconds.map(({ loop_lag_ms }) => loop_lag_ms)} reach={20} />
      </dl>
      <Scrolled title="Processes">
        <table class="list processes">
          <thead>
            <tr>
              <th scope="col">Process</th>
              <th scope="col">CPU, two minutes</th>
              <th scope="col">CPU now</th>
              <th scope="col">Memory</th>
              <th scope="col">Waited for a core</th>
            </tr>
          </thead>
          <tbody>
            {names.map((name) => {
              const newest = of(name, now);
              return (
                <tr key={name}>
                  <th scope="row">{label(name)}</th>
                  <td class="curve-cell">
                    <Curve points={seconds.map((second) => of(name, second)?.cpu ?? 0)} reach={100} />
                  </td>
                  <td>{newest ? `${decimal(newest.cpu)} %` : "gone"}</td>
                  <td>{newest ? megabytes(newest.rss_mb) : "–"}</td>
                  <td>{newest ? `${decimal(newest.wait_ms, 0)} ms/s` : "–"}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scrolled>
    </>
  );
}

interface WholeProps {
  readonly name: string;
  readonly value: string;
  readonly note: string;
  readonly points: readonly number[];
  /** The curve's axis reaches at least here. */
  readonly reach: number;
  readonly bad?: boolean;
}

function Whole({ name, value, note, points, reach, bad = false }: WholeProps): JSX.Element {
  return (
    <div class={bad ? "figure bad" : "figure"}>
      <dt>{name}</dt>
      <dd>{value}</dd>
      <dd class="note">{note}</dd>
      <dd class="note" aria-hidden="true">
        <Curve points={points} reach={reach} />
      </dd>
    </div>
  );
}

/** A value over two minutes; what is known is at the right. */
function Curve({ points, reach }: { points: readonly number[]; reach: number }): JSX.Element {
  const top = Math.max(reach, ...points, 0.001);
  const first = SECONDS - points.length;
  const line = points.map((value, n) => `${first + n},${(30 - (28 * value) / top).toFixed(1)}`).join(" ");
  return (
    <svg class="curve" viewBox={`0 0 ${SECONDS - 1} 30`} preserveAspectRatio="none" aria-hidden="true">
      <polyline class="area" points={`${first},30 ${line} ${SECONDS - 1},30`} />
      <polyline points={line} />
    </svg>
  );
}
