/** Services: the parts of this house, the engines that they share, how many they carry, and the processes that do the work. */
import type { JSX } from "preact";
import { Button } from "../controls/controls";
import { useRequest } from "../controls/request";
import { Lacking } from "../controls/lacking";
import { Listed, Nothing, Section, Sheet, State } from "../controls/sheet";
import { decimal, megabytes, timeOfDay } from "../core/format";
import { paceOf, queueOf, showless, titleOf, troubleOf, withEngines, withPart, withWorker } from "../core/house";
import type { EngineView, PartView, PlacesView, ShowView, WorkerView } from "../models";
import { useKnown, usePage } from "../page";
import { Outputs } from "../panels/outputs";
import { Usage } from "../panels/usage";
import { EVIDENCE } from "../routes";

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
      <Outputs />
      <Workers />
      <Places />
      <Usage />
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
  stopped: ["off", "stopped"],
  over: ["off", "over"],
  failed: ["bad", "failed"],
} as const;

function Parts(): JSX.Element {
  const state = useKnown();
  const { house, shows } = state;
  const parts = house.value?.parts ?? [];
  const may = state.may("admin");
  return (
    <Section title="Parts" note="each is kept up by itself: when one fails, the others do not notice">
      {parts.length === 0 ? (
        <Nothing>Which parts there are is not known yet.</Nothing>
      ) : (
        <Listed title="Parts" kind="doing" columns={["Part", "State", "Now", "Restarts", "Links"]} orders={may}>
          {parts.map((part) => (
            <PartRow key={part.topic} part={part} may={may} show={shows.value.find(({ name }) => part.topic === `show:${name}`)} />
          ))}
        </Listed>
      )}
    </Section>
  );
}

type PartOrder = "start" | "stop" | "restart";

/** Start a part that is not there, stop or restart one that is. */
function PartOrders({ part }: { part: PartView }): JSX.Element | null {
  const { api, state } = usePage();
  const request = useRequest();
  if (part.state === "over" || part.state === "failed") return null;
  const give = (order: PartOrder): void => {
    void request.run(async () => {
      const found = await api.post("/api/parts/{topic}/{order}", undefined, { topic: part.topic, order });
      state.house.value = withPart(state.house.value, found);
    });
  };
  const name = titleOf(part);
  const gone = part.state === "stopped" || part.state === "restarting";
  return gone ? (
    <Button icon="play" busy={request.busy.value} label={`Start ${name}`} onPress={() => give("start")}>
      Start
    </Button>
  ) : (
    <>
      <Button icon="again" busy={request.busy.value} label={`Restart ${name}`} onPress={() => give("restart")}>
        Restart
      </Button>
      <Button icon="stop" busy={request.busy.value} label={`Stop ${name}`} onPress={() => give("stop")}>
        Stop
      </Button>
    </>
  );
}

function PartRow({ part, show, may }: { part: PartView; show: ShowView | undefined; may: boolean }): JSX.Element {
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
      <td class="cause">
        {part.failure || part.reasons.join("; ") || show?.topic || <span class="quiet dash">–</span>}
        {part.due && <span class="quiet"> Started again at {timeOfDay(part.due)}.</span>}
        {!part.failure && part.last_failure && <span class="quiet formerly">Last failure: {part.last_failure}</span>}
      </td>
      <td data-label="Restarts">{part.restarts}</td>
      <td class="links">
        {show ? (
          <>
            <a href={show.page}>page</a> <a href={show.stream}>stream</a> <a href={show.metrics}>metrics</a>
          </>
        ) : (
          <span class="quiet dash">–</span>
        )}
      </td>
      {may && (
        <td class="orders">
          <PartOrders part={part} />
        </td>
      )}
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
        <Listed title="Workers" kind="workers doing" columns={["Worker", "State", "Since", "Restarts", "Waited", "Last failure"]} orders={may}>
          {workers.map((worker) => (
            <WorkerRow key={worker.name} worker={worker} may={may} />
          ))}
        </Listed>
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
      <td data-label="Since">
        {timeOfDay(worker.since)}
        {worker.pid !== null && <span class="quiet pid">process {worker.pid}</span>}
      </td>
      <td data-label="Restarts">{worker.restarts}</td>
      <td data-label="Waited">
        {worker.waited_s === 0 && worker.gave_way === 0 && worker.queued === 0 ? (
          <span class="quiet dash">–</span>
        ) : (
          <>
            {decimal(worker.waited_s)} s<span class="quiet pid">gave way {times(worker.gave_way)}</span>
            {worker.queued > 0 && <span class="quiet pid">{worker.queued} waiting now</span>}
          </>
        )}
      </td>
      <td class="cause" data-label="Last failure">{troubleOf(worker) || <span class="quiet dash">–</span>}</td>
      {may && (
        <td class="orders">
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
  spent: ["wait", "at its cap of today"],
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
        {engines.map((engine) => (
          <Engine key={engine.name} engine={engine} used={engine === used} />
        ))}
      </ol>
    </div>
  );
}

/** A model is loaded, which may take a minute, ms. */
const WARM_MS = 75_000;

function Engine({ engine, used }: { engine: EngineView; used: boolean }): JSX.Element {
  const { api, state } = usePage();
  const request = useRequest();
  const [is, words] = ENGINE_STATES[engine.state];
  const pace = paceOf(engine);
  const waiting = queueOf(engine, state.house.value?.workers ?? []);
  const warm = (): void => {
    const { kind, name } = engine;
    void request.run(async () => {
      const found = await api.post("/api/engines/{kind}/{name}/warm", undefined, { kind, name }, WARM_MS);
      const all = state.house.value?.engines ?? [];
      state.house.value = withEngines(state.house.value, all.map((one) => (one.kind === kind && one.name === name ? found : one)));
    });
  };
  return (
    <li class={used ? "used" : undefined}>
      <strong>{engine.name}</strong>
      <State is={is}>{used ? "in use" : words}</State>
      {engine.restarts > 0 && <span class="quiet">its worker was restarted {times(engine.restarts)}</span>}
      {state.may("admin") && (
        <Button icon="evening" busy={request.busy.value} label={`Warm up ${engine.name}`} onPress={warm}>
          Warm up
        </Button>
      )}
      {pace.words.length > 0 && (
        <p class={pace.slow ? "pace slow" : "pace"}>
          {pace.words.join(" · ")}
          {pace.slow && ": slower than this device should be"}
        </p>
      )}
      {waiting > 0 && <p>{waiting} waiting for it now</p>}
      {engine.note && <p class="quiet">{engine.note}</p>}
      {engine.cause ? (
        <p class="cause">
          {engine.cause}
          {engine.failures > 1 && ` (${times(engine.failures)} in a row)`}
        </p>
      ) : (
        engine.last_failure && <p class="quiet">Last failure: {engine.last_failure}</p>
      )}
    </li>
  );
}

function Processes(): JSX.Element {
  const { house, stage, telemetry } = useKnown();
  const { router } = usePage();
  const now = telemetry.value;
  if (showless(house.value)) {
    return (
      <Section title="Processes">
        <Nothing>
          What each takes of the machine is on <a href={router.href(EVIDENCE)}>the evidence page</a>.
        </Nothing>
      </Section>
    );
  }
  return (
    <Section title="Processes">
      {now === null ? (
        <Nothing>Nothing was measured yet.</Nothing>
      ) : (
        <Listed title="Processes" columns={["Process", "State", "CPU of a core", "Memory", "Restarts"]}>
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
        </Listed>
      )}
    </Section>
  );
}
