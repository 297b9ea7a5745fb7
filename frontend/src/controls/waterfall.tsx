/** Turns as waterfalls: the stages of each in order, as long as they took. One row is told in words; a reader reads all as a table. */
import { useSignal } from "@preact/signals";
import type { JSX, TargetedKeyboardEvent } from "preact";
import { useRef } from "preact/hooks";
import { duration, timeOfDay } from "../core/format";
import { inWords, tookTime, totalOf, wordsOf, workOf, type Wait } from "../core/waits";
import { Segmented } from "./controls";

interface WaterfallProps {
  /** What these turns are, for a reader. */
  readonly title: string;
  /** The newest first. */
  readonly waits: readonly Wait[];
}

/** A row or one of its stages, under the pointer or the focus. */
interface Chosen {
  readonly id: string;
  readonly stage: number | null;
}

/** A turn may be ready long before it is heard: then its work is seen only when the bars end with it. */
type Reach = "heard" | "ready";
const REACHES: readonly { value: Reach; label: string }[] = [
  { value: "heard", label: "Until heard" },
  { value: "ready", label: "Until ready" },
];

const STEPS: Readonly<Record<string, number>> = { ArrowUp: -1, ArrowDown: 1 };

export function Waterfall({ title, waits }: WaterfallProps): JSX.Element {
  const chosen = useSignal<Chosen | null>(null);
  const body = useRef<HTMLTableSectionElement>(null);
  const at = Math.max(0, waits.findIndex(({ id }) => id === chosen.value?.id));
  const told = waits[at];
  const reach = useSignal<Reach>("heard");
  const drawn = waits.map((wait) => (reach.value === "ready" ? workOf(wait) : wait.stages));
  const longest = Math.max(1, ...drawn.map((stages) => totalOf({ stages })));
  const rested = waits.some((wait) => workOf(wait).length < wait.stages.length);
  const names = [...new Set(drawn.flat().flatMap(({ name, ms }) => (ms > 0 ? [name] : [])))];
  const legend = new Map(names.map((name) => [wordsOf(name).label, wordsOf(name).colour])); // some stages are called alike

  const key = (event: TargetedKeyboardEvent<HTMLTableSectionElement>): void => {
    const last = waits.length - 1;
    const places: Record<string, number> = { Home: 0, End: last };
    const place = places[event.key] ?? (STEPS[event.key] === undefined ? -1 : at + (STEPS[event.key] ?? 0));
    const next = waits[Math.min(place, last)];
    if (place < 0 || !next) return;
    event.preventDefault();
    chosen.value = { id: next.id, stage: null };
    body.current?.querySelector<HTMLElement>(`[data-wait="${CSS.escape(next.id)}"]`)?.focus();
  };

  return (
    <div class="waterfall">
      <div class="over">
      <ul class="legend" aria-hidden="true">
        {[...legend].map(([label, colour]) => (
          <li key={label} style={{ "--stage": `var(${colour})` }}>
            {label}
          </li>
        ))}
      </ul>
      {rested && <Segmented legend="How far the bars reach" choices={REACHES} value={reach.value} onChoose={(one) => (reach.value = one)} />}
      </div>
      <table>
        <caption class="unseen">{title}</caption>
        <thead>
          <tr>
            <th scope="col">Asked</th>
            <th scope="col">Who</th>
            <th scope="col">Stages</th>
            <th scope="col">Took</th>
            <th scope="col">Waited</th>
          </tr>
        </thead>
        <tbody ref={body} onKeyDown={key}>
          {waits.map((wait, index) => (
            <tr
              key={wait.id}
              data-wait={wait.id}
              class={wait === told ? "told" : undefined}
              tabIndex={index === at ? 0 : -1}
              onFocus={() => (chosen.value = { id: wait.id, stage: null })}
              onMouseEnter={() => (chosen.value = { id: wait.id, stage: null })}
            >
              <td>
                <time>{timeOfDay(wait.at)}</time>
              </td>
              <th scope="row" style={{ color: wait.colour }}>
                {wait.who}
              </th>
              <td class="bars">
                <span class="unseen">{inWords(wait)}</span>
                <span class="bar" aria-hidden="true">
                  {(drawn[index] ?? []).map((stage, place) =>
                    stage.ms > 0 ? (
                      <span
                        key={stage.name}
                        class="stage-bar"
                        title={`${wordsOf(stage.name).label}: ${duration(stage.ms)}`}
                        style={{ "--stage": `var(${wordsOf(stage.name).colour})`, width: `${(100 * stage.ms) / longest}%` }}
                        onMouseEnter={() => (chosen.value = { id: wait.id, stage: place })}
                      />
                    ) : null,
                  )}
                </span>
              </td>
              <td>{duration(totalOf(wait))}</td>
              <td class={wait.silence >= 1 ? "waited" : "quiet"}>{wait.silence >= 1 ? duration(wait.silence) : "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {told && <Told wait={told} stage={chosen.value?.id === told.id ? chosen.value.stage : null} />}
    </div>
  );
}

/** One turn in words: each stage that took a while, what happened in it, and their sum. Readers have the table. */
function Told({ wait, stage }: { wait: Wait; stage: number | null }): JSX.Element {
  return (
    <div class="told-turn" aria-hidden="true">
      <p class="quote">
        <strong style={{ color: wait.colour }}>{wait.who}</strong> {wait.text}
      </p>
      <dl>
        {wait.stages.map(
          ({ name, ms }, place) =>
            tookTime({ ms }) && (
              <div key={name} class={place === stage ? "lit" : undefined} style={{ "--stage": `var(${wordsOf(name).colour})` }}>
                <dt>{wordsOf(name).label}</dt>
                <dd>{duration(ms)}</dd>
                <dd class="what">{wordsOf(name).what}</dd>
              </div>
            ),
        )}
        <div class="sum">
          <dt>Together</dt>
          <dd>{duration(totalOf(wait))}</dd>
          <dd class="what">{wait.silence >= 1 ? `${duration(wait.silence)} of it in silence` : "nobody waited in silence"}</dd>
        </div>
      </dl>
    </div>
  );
}
