/** Services: the parts of this house, the engines that they share, how many they carry, and the processes that do the work. */
import type { JSX } from "preact";
import { Nothing, Scrolled, Section, Sheet, State } from "../controls/sheet";
import { decimal, megabytes, timeOfDay } from "../core/format";
import { titleOf } from "../core/house";
import type { EngineView, PartView, PlacesView, ShowView } from "../models";
import { useKnown } from "../page";

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
