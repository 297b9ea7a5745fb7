/** Services: the shows of this house, the engines in order of preference, and the processes that do the work. */
import type { JSX } from "preact";
import { Nothing, Scrolled, Section, Sheet, State } from "../controls/sheet";
import { decimal, label, megabytes } from "../core/format";
import type { EngineView, ShowView } from "../models";
import { useKnown } from "../page";

const KINDS: readonly { kind: EngineView["kind"]; title: string; what: string }[] = [
  { kind: "llm", title: "Thinks", what: "writes what the characters say" },
  { kind: "tts", title: "Speaks", what: "gives them their voices" },
];

export function ServicesPage(): JSX.Element {
  const { stage } = useKnown();
  const engines = stage.value?.engines ?? [];
  return (
    <Sheet title="Services" lead="What is running for this house, in which state it is, and what last went wrong with it.">
      <ShowList />
      <Section title="Engines" note="of each chain the first one that can; the next takes over when it fails">
        {engines.length === 0 ? (
          <Nothing>The engines of this show are not known yet.</Nothing>
        ) : (
          <div class="columns">
            {KINDS.map(({ kind, title, what }) => (
              <Chain key={kind} title={title} what={what} engines={engines.filter((one) => one.kind === kind)} />
            ))}
          </div>
        )}
      </Section>
      <Processes />
    </Sheet>
  );
}

/** `once`, `twice`, `3 times`. */
function times(count: number): string {
  return count === 1 ? "once" : count === 2 ? "twice" : `${count} times`;
}

const SHOW_STATES = {
  starting: ["wait", "starting"],
  on_air: ["good", "on air"],
  over: ["off", "over"],
  failed: ["bad", "failed"],
} as const;

function ShowList(): JSX.Element {
  const { shows } = useKnown();
  return (
    <Section title="Shows">
      {shows.value.length === 0 ? (
        <Nothing>Which shows there are is being asked.</Nothing>
      ) : (
        <Scrolled title="Shows">
          <table class="list">
            <thead>
              <tr>
                <th scope="col">Show</th>
                <th scope="col">State</th>
                <th scope="col">On air</th>
                <th scope="col">Links</th>
              </tr>
            </thead>
            <tbody>
              {shows.value.map((show) => (
                <ShowRow key={show.name} show={show} />
              ))}
            </tbody>
          </table>
        </Scrolled>
      )}
    </Section>
  );
}

function ShowRow({ show }: { show: ShowView }): JSX.Element {
  const [is, words] = SHOW_STATES[show.state];
  return (
    <tr>
      <th scope="row">
        {label(show.name)}
        {show.here && <span class="quiet"> (this one)</span>}
      </th>
      <td>
        <State is={is}>{words}</State>
      </td>
      <td>{show.failure || show.topic || <span class="quiet">nobody talks</span>}</td>
      <td class="links">
        <a href={show.page}>page</a> <a href={show.stream}>stream</a> <a href={show.metrics}>metrics</a>
      </td>
    </tr>
  );
}

const ENGINE_STATES = {
  ready: ["good", "ready"],
  cold: ["wait", "coming up"],
  out: ["bad", "left alone for a while"],
} as const;

function Chain({ title, what, engines }: { title: string; what: string; engines: readonly EngineView[] }): JSX.Element {
  const used = engines.find((one) => one.state === "ready");
  return (
    <div class="chain">
      <h3>
        {title} <span class="quiet">{what}</span>
      </h3>
      {engines.length === 0 && <Nothing>There is none.</Nothing>}
      <ol>
        {engines.map((engine) => {
          const [is, words] = ENGINE_STATES[engine.state];
          return (
            <li key={engine.name} class={engine === used ? "used" : undefined}>
              <strong>{engine.name}</strong>
              <State is={is}>{engine === used ? "in use" : words}</State>
              {engine.restarts > 0 && <span class="quiet">its worker was restarted {times(engine.restarts)}</span>}
              {engine.note && <p class="quiet">{engine.note}</p>}
              {engine.cause && (
                <p class="cause">
                  {engine.cause}
                  {engine.failures > 1 && ` (${times(engine.failures)} in a row)`}
                </p>
              )}
            </li>
          );
        })}
      </ol>
    </div>
  );
}

function Processes(): JSX.Element {
  const { stage, telemetry } = useKnown();
  const now = telemetry.value;
  return (
    <Section title="Processes">
      {now === null ? (
        <Nothing>Nothing was measured yet.</Nothing>
      ) : (
        <Scrolled title="Processes">
          <table class="list">
            <thead>
              <tr>
                <th scope="col">Process</th>
                <th scope="col">State</th>
                <th scope="col">CPU of a core</th>
                <th scope="col">Memory</th>
                <th scope="col">Restarts</th>
              </tr>
            </thead>
            <tbody>
              <tr>
                <th scope="row">
                  Main <span class="quiet">web, engines, packaging</span>
                </th>
                <td>
                  <State is="good">running</State>
                </td>
                <td>{decimal(now.main_cpu)} %</td>
                <td>{megabytes(now.main_rss_mb)}</td>
                <td class="quiet">–</td>
              </tr>
              <tr>
                <th scope="row">
                  Stage <span class="quiet">picture and sound</span>
                </th>
                <td>{stage.value?.ready ? <State is="good">running</State> : <State is="wait">being set up</State>}</td>
                <td>{decimal(now.stage_cpu)} %</td>
                <td>{megabytes(now.stage_rss_mb)}</td>
                <td>{stage.value?.restarts ?? 0}</td>
              </tr>
            </tbody>
          </table>
        </Scrolled>
      )}
    </Section>
  );
}
