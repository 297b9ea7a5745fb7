/** Services: the parts of this house, the engines that they share, how many they carry, and the processes that do the work. */
import type { JSX } from "preact";
import { Button } from "../controls/controls";
import { useRequest } from "../controls/request";
import { Lacking } from "../controls/lacking";
import { Nothing, Scrolled, Section, Sheet, State } from "../controls/sheet";
import { decimal, megabytes, timeOfDay } from "../core/format";
import { titleOf, troubleOf, withWorker } from "../core/house";
import type { EngineView, PartView, PlacesView, ShowView, WorkerView } from "../models";
import { useKnown, usePage } from "../page";

const KINDS: readonly { kind: EngineView["kind"]; title: string; what: string }[] = [
  { kind: "llm", title: "Thinks", what: "writes what the characters say" },
  { kind: "tts", title: "Speaks", what: "gives them their voices" },
  { kind: "stt", title: "Hears", what: "understands whoever talks with them" },
];

export function ServicesPage(): JSX.Element {
  const { house } = useKnown();
  const engines = house.value?.engines ?? [];
  return (
    <Sheet title="Services" lead="What is running in this house, in which state it is, and what last went wrong with it.">
      <Parts />
      <Section title="Engines" note="of each chain the first one that can; the next takes over when it fails">
        {engines.length === 0 ? (
          <Nothing>The engines are not known yet.</Nothing>
        ) : (
          <div class="columns">
            {KINDS.filter(({ kind }) => engines.some((one) => one.kind === kind)).map(({ kind, title, what }) => (
              <Chain key={kind} title={title} what={what} engines={engines.filter((one) => one.kind === kind)} />
            ))}
          </div>
        )}
      </Section>
      <Workers />
      <Places />
      <Processes />
    </Sheet>
  );
}

/** `once`, `twice`, `3 times`. */
function times(count: number): string {
  return count === 1 ? "once" : count === 2 ? "twice" : `${count} times`;
}

const PART_STATES = {
  starting: ["wait", "starting"],
  up: ["good", "up"],
  restarting: ["bad", "down"],
  over: ["off", "over"],
  failed: ["bad", "failed"],
} as const;

function Parts(): JSX.Element {
  const { house, shows } = useKnown();
  const parts = house.value?.parts ?? [];
  return (
    <Section title="Parts" note="each is kept up by itself: when one fails, the others do not notice">
      {parts.length === 0 ? (
        <Nothing>Which parts there are is not known yet.</Nothing>
      ) : (
        <Scrolled title="Parts">
          <table class="list">
            <thead>
              <tr>
                <th scope="col">Part</th>
                <th scope="col">State</th>
                <th scope="col">Now</th>
                <th scope="col">Restarts</th>
                <th scope="col">Links</th>
              </tr>
            </thead>
            <tbody>
              {parts.map((part) => (
                <PartRow key={part.topic} part={part} show={shows.value.find(({ name }) => part.topic === `show:${name}`)} />
              ))}
            </tbody>
          </table>
        </Scrolled>
      )}
    </Section>
  );
}

function PartRow({ part, show }: { part: PartView; show: ShowView | undefined }): JSX.Element {
  const [is, words] = PART_STATES[part.state];
  const ready = part.reasons.length === 0;
  return (
    <tr>
      <th scope="row">
        {titleOf(part)}
        {show?.here && <span class="quiet"> (this one)</span>}
      </th>
      <td>
        <State is={is === "good" && !ready ? "wait" : is}>{words}</State>
      </td>
      <td>
        {part.failure || part.reasons.join("; ") || show?.topic || <span class="quiet">–</span>}
        {part.due && <span class="quiet"> Started again at {timeOfDay(part.due)}.</span>}
      </td>
      <td>{part.restarts}</td>
      <td class="links">
        {show ? (
          <>
            <a href={show.page}>page</a> <a href={show.stream}>stream</a> <a href={show.metrics}>metrics</a>
          </>
        ) : (
          <span class="quiet">–</span>
        )}
      </td>
    </tr>
  );
}

const WORKER_STATES = {
  idle: ["off", "not needed yet"],
  starting: ["wait", "coming up"],
  up: ["good", "up"],
  restarting: ["bad", "down"],
  failed: ["bad", "given up"],
  closed: ["off", "closed"],
} as const;

/** A worker finishes what it is at (10 s at most), and another one loads its model (a minute), ms. */
const RESTART_MS = 75_000;

/** The child processes of the house: how each is, and a button that puts another in its place. */
function Workers(): JSX.Element {
  const state = useKnown();
  const workers = state.house.value?.workers ?? [];
  const may = state.may("admin");
  return (
    <Section title="Workers" note="each does its work in a process of its own, what somebody waits for first; another takes the place of one that dies">
      {workers.length === 0 ? (
        <Nothing>
          {state.house.value === null ? "Which workers there are is not known yet." : "Nothing here has a process of its own."}
        </Nothing>
      ) : (
        <Scrolled title="Workers">
          <table class="list workers">
            <thead>
              <tr>
                <th scope="col">Worker</th>
                <th scope="col">State</th>
                <th scope="col">Since</th>
                <th scope="col">Restarts</th>
                <th scope="col">Waited</th>
                <th scope="col">Last failure</th>
                {may && (
                  <th scope="col">
                    <span class="unseen">What can be done</span>
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {workers.map((worker) => (
                <WorkerRow key={worker.name} worker={worker} may={may} />
              ))}
            </tbody>
          </table>
        </Scrolled>
      )}
      {!may && workers.length > 0 && <Lacking scope="admin" />}
    </Section>
  );
}

function WorkerRow({ worker, may }: { worker: WorkerView; may: boolean }): JSX.Element {
  const { api, state } = usePage();
  const request = useRequest();
  const [is, words] = WORKER_STATES[worker.state];
  const restart = (): void => {
    void request.run(async () => {
      const found = await api.post("/api/workers/{name}/restart", undefined, { name: worker.name }, RESTART_MS);
      state.house.value = withWorker(state.house.value, found);
    });
  };
  return (
    <tr>
      <th scope="row">
        {worker.name} <span class="quiet">{worker.purpose}</span>
      </th>
      <td>
        <State is={is}>{words}</State>
      </td>
      <td>
        {timeOfDay(worker.since)}
        {worker.pid !== null && <span class="quiet pid">process {worker.pid}</span>}
      </td>
      <td>{worker.restarts}</td>
      <td>
        {worker.waited_s === 0 && worker.gave_way === 0 ? (
          <span class="quiet">–</span>
        ) : (
          <>
            {decimal(worker.waited_s)} s<span class="quiet pid">gave way {times(worker.gave_way)}</span>
          </>
        )}
      </td>
      <td class="cause">{troubleOf(worker) || <span class="quiet">–</span>}</td>
      {may && (
        <td>
          <Button icon="again" busy={request.busy.value} label={`Restart ${worker.name}`} onPress={restart}>
            Restart
          </Button>
        </td>
      )}
    </tr>
  );
}

const PLACE_WORDS: Readonly<Record<PlacesView["kind"], string>> = { listener: "Ears", voice: "Voices", thought: "Thoughts" };

/** How many conversations the engines carry at once. */
function Places(): JSX.Element | null {
  const { house } = useKnown();
  const { places = [], waiting = 0 } = house.value ?? {};
  if (places.length === 0) return null;
  return (
    <Section title="Places" note={waiting > 0 ? `${waiting} waiting for one` : "who is beyond them waits with a word, or is told so"}>
      <dl class="figures">
        {places.map((one) => (
          <div key={one.kind} class="figure">
            <dt>{PLACE_WORDS[one.kind]}</dt>
            <dd>
              {one.taken} <span class="of">{one.places === null ? "taken" : `of ${one.places}`}</span>
            </dd>
            <dd class="note">
              {one.refused + one.waited === 0 ? "nobody had to wait" : `${one.waited} had to wait, ${one.refused} were sent away`}
            </dd>
          </div>
        ))}
      </dl>
    </Section>
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
