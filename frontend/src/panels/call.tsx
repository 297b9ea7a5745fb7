/** A call: a line of the list, and opened what was said on it, what may be done with it, and how quickly it was answered. */
import { useSignal, type Signal } from "@preact/signals";
import type { JSX, TargetedSubmitEvent } from "preact";
import { useEffect, useId, useLayoutEffect, useRef } from "preact/hooks";
import { Button } from "../controls/controls";
import { Icon } from "../controls/icons";
import { useRequest } from "../controls/request";
import { Nothing, State } from "../controls/sheet";
import { Waterfall } from "../controls/waterfall";
import { PAPER, legible } from "../core/colour";
import { decimal, duration, stretch, timeOfDay } from "../core/format";
import { isLive, saidOn, share, spoken, waitsOf, waysOf, withWhole } from "../core/line";
import type { CallTurn, CallView, LineView } from "../models";
import { usePage } from "../page";
import { ApiError } from "../requests";
import { Attend } from "./attend";

const MOST_WAITS = 8;
/** So near to the end of what was said (px) a reader wants to stay with it. */
const NEAR = 40;
const STATES = { ringing: "wait", talking: "good", held: "wait", transferring: "wait", ended: "off" } as const;

/** `Ada (16) → 1000`; a reader hears "to". */
export function Ways({ call }: { call: CallView }): JSX.Element {
  const { from, to } = waysOf(call);
  return (
    <>
      {from} <span aria-hidden="true">→</span>
      <span class="unseen">to</span> {to}
    </>
  );
}

interface PastProps {
  readonly call: CallView;
  readonly open: boolean;
  /** Of the call to look at; of none with an empty one. */
  readonly onChoose: (call: string) => void;
}

interface LiveProps extends PastProps {
  readonly line: LineView;
}

/** What a person has typed for a call, and was not sent yet: it stays when the call is folded. */
interface Typed {
  readonly whisper: Signal<string>;
  readonly to: Signal<string>;
  /** The newest whisper that was sent. */
  readonly whispered: Signal<string>;
}

/** One that goes on. */
export function LiveCall({ call, line, open, onChoose }: LiveProps): JSX.Element {
  const { state } = usePage();
  const body = useId();
  const typed: Typed = { whisper: useSignal(""), to: useSignal(""), whispered: useSignal("") };
  const level = state.levels.value.get(call.id);
  return (
    <li class={open ? "call call-opened" : "call"}>
      <div class="call-head">
        <Opener call={call} open={open} onChoose={onChoose} body={body} />
        <p class="call-about">
          <State is={STATES[call.state]}>{stateOf(call)}</State>
          <span class="quiet">{aboutOf(call)}</span>
        </p>
        {call.answered && (
          <div class="call-levels">
            <Meter name="Caller" db={level?.caller_db ?? -90} />
            <Meter name={call.title} db={level?.character_db ?? -90} />
          </div>
        )}
        {!open && <Newest call={call} hearing={level?.hearing ?? ""} />}
      </div>
      {open && (
        <div id={body} class="call-body">
          <Looked call={call} steer={{ line, typed }} hearing={level?.hearing ?? ""} />
        </div>
      )}
    </li>
  );
}

/** One that is over. Of one that nobody answered there is no more to see. */
export function PastCall({ call, open, onChoose }: PastProps): JSX.Element {
  const body = useId();
  return (
    <li class={open ? "call call-opened" : "call"}>
      <div class="call-head">
        {call.answered ? (
          <Opener call={call} open={open} onChoose={onChoose} body={body} />
        ) : (
          <h3>
            <Ways call={call} />
          </h3>
        )}
        <p class="call-about">
          {call.failed ? <State is="bad">{call.reason}</State> : <span>{endOf(call)}</span>}
          <span class="quiet">{courseOf(call)}</span>
        </p>
        <time class="call-time quiet">{timeOfDay(call.offered)}</time>
      </div>
      {open && (
        <div id={body} class="call-body">
          <Looked call={call} />
        </div>
      )}
    </li>
  );
}

/** The call's name, which opens it. */
function Opener({ call, open, onChoose, body }: PastProps & { body: string }): JSX.Element {
  return (
    <h3>
      <button
        type="button"
        class="call-button"
        aria-expanded={open}
        aria-controls={open ? body : undefined}
        onClick={() => onChoose(open ? "" : call.id)}
      >
        <Icon name="unfold" />
        <span>
          <Ways call={call} />
        </span>
      </button>
    </h3>
  );
}

function endOf(call: CallView): string {
  return call.reason || "it is over";
}

/** With whom, how long, and how quickly it was answered. */
function courseOf(call: CallView): string {
  const long = call.answered && call.ended ? stretch(call.ended - call.answered) : "";
  const answers = call.answers > 0 ? `${call.answers} ${call.answers > 1 ? "answers" : "answer"} after ${duration(call.wait_ms)}` : "";
  return [call.title && `with ${call.title}`, long, answers].filter(Boolean).join(", ");
}

function stateOf(call: CallView): string {
  if (call.state === "transferring") return `handing over to ${call.transfer}`;
  return call.state === "held" ? "on hold" : call.state;
}

function aboutOf(call: CallView): string {
  return [
    `with ${call.title}`,
    call.answered ? `since ${timeOfDay(call.answered)}` : "",
    call.half_duplex ? "half-duplex" : "",
    call.recorded ? "recorded" : "",
    call.operator ? `${call.operator} has it` : "",
  ].filter(Boolean).join(", ");
}

/** How loud somebody is, from silence to full scale. */
function Meter({ name, db }: { name: string; db: number }): JSX.Element {
  return (
    <span class="call-level">
      <span class="quiet">{name}</span>
      <span
        class="call-bar"
        role="meter"
        aria-label={name}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(100 * share(db))}
        aria-valuetext={db > -60 ? `${Math.round(db)} dB` : "silent"}
      >
        <span style={{ width: `${100 * share(db)}%` }} />
      </span>
    </span>
  );
}

/** The newest words, on one line. */
function Newest({ call, hearing }: { call: CallView; hearing: string }): JSX.Element | null {
  const { state } = usePage();
  const turn = spoken(saidOn(state.said.value, call.id).turns).at(-1);
  const [byCaller, words] = hearing ? [true, `${hearing} …`] : turn ? [turn.person, turn.text] : [call.said_by_caller, call.said];
  if (!words) return null;
  return (
    <p class="call-newest">
      <span class="quiet">{byCaller ? "Caller" : call.title}</span> {words}
    </p>
  );
}

interface Steering {
  readonly line: LineView;
  readonly typed: Typed;
}

/** All that is known of a call; with `steer`, what may be done with it. */
function Looked({ call, steer, hearing = "" }: { call: CallView; steer?: Steering; hearing?: string }): JSX.Element {
  const { state } = usePage();
  const { turns, whole } = saidOn(state.said.value, call.id);
  useWhole(call, whole);
  const colour = call.colour ? legible(call.colour, PAPER) : "var(--accent)";
  const waits = waitsOf(call, turns, colour).slice(0, MOST_WAITS);
  return (
    <>
      {steer && call.answered && <Way call={call} />}
      {steer && call.answered && <Attend call={call} />}
      {call.answered && <Transcript call={call} turns={spoken(turns)} hearing={hearing} />}
      {steer && <Steer call={call} line={steer.line} typed={steer.typed} />}
      {waits.length > 0 && <Waterfall title={`How quickly ${call.title} answered`} waits={waits} />}
    </>
  );
}

/** Have what was said before this page listened, or while it could not. */
function useWhole(call: CallView, whole: boolean): void {
  const { api, state } = usePage();
  const link = state.link.value;
  useEffect(() => {
    if (whole || link !== "open" || !call.answered) return undefined;
    let wanted = true;
    api.get("/api/line/calls/{call}", { call: call.id }).then(
      (told) => {
        if (wanted) state.said.value = withWhole(state.said.value, told);
      },
      (error: unknown) => {
        if (wanted && error instanceof ApiError) state.notify({ level: "error", text: error.message, remedy: error.remedy });
      },
    );
    return () => {
      wanted = false;
    };
  }, [call.id, whole, link, !call.answered]);
}

/** How the sound comes: what of it is known. */
function Way({ call }: { call: CallView }): JSX.Element {
  const { loss, jitter_ms: jitter, round_trip_ms: trip } = call;
  const known = (value: number | null | undefined): value is number => value !== null && value !== undefined;
  const parts = [
    call.codec || call.carrier,
    known(loss) ? `${decimal(100 * loss)} % lost` : "",
    known(jitter) ? `jitter ${decimal(jitter, 0)} ms` : "",
    known(trip) ? `round trip ${decimal(trip, 0)} ms` : "",
    call.digits ? `keys ${call.digits}` : "",
  ];
  return <p class="quiet call-way">{parts.filter(Boolean).join(" · ")}</p>;
}

function Transcript({ call, turns, hearing }: { call: CallView; turns: readonly CallTurn[]; hearing: string }): JSX.Element {
  const list = useRef<HTMLDivElement>(null);
  const near = useRef(true);
  useLayoutEffect(() => {
    if (near.current && list.current) list.current.scrollTop = list.current.scrollHeight;
  });
  if (turns.length === 0 && !hearing) return <Nothing>{isLive(call) ? "Nothing was said yet." : "Nothing was said."}</Nothing>;
  return (
    <div
      class="call-said"
      role={isLive(call) ? "log" : "group"}
      aria-label="What is said"
      tabIndex={0}
      ref={list}
      onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
        near.current = scrollHeight - scrollTop - clientHeight < NEAR;
      }}
    >
      <ol>
        {turns.map((turn) => (
          <li key={turn.id} class={turn.person ? "call-person" : undefined}>
            <strong>{turn.person ? "Caller" : turn.operator === "spoken" ? "Operator" : call.title}</strong>
            <span>
              {turn.text}
              {turn.operator === "written" && <span class="quiet"> (for the operator)</span>}
              {turn.interrupted && <span class="quiet"> (cut off)</span>}
              {turn.failure && <span class="call-failure">{turn.failure}</span>}
              {turn.handovers.map((one) => (
                <span key={one} class="call-failure">
                  {one}
                </span>
              ))}
            </span>
          </li>
        ))}
        {hearing && (
          <li class="call-person call-hearing" aria-hidden="true">
            <strong>Caller</strong>
            <span>{hearing} …</span>
          </li>
        )}
      </ol>
    </div>
  );
}

function Steer({ call, line, typed: { whisper: words, to, whispered } }: Steering & { call: CallView }): JSX.Element {
  const { api } = usePage();
  const { busy, run } = useRequest();
  const ending = useRequest();
  const values = { call: call.id };
  const whisper = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const text = words.value.trim();
    void run(() => api.post("/api/line/calls/{call}/whisper", { text }, values)).then((ok) => {
      if (ok) [whispered.value, words.value] = [text, ""];
    });
  };
  const transfer = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    void run(() => api.post("/api/line/calls/{call}/transfer", { to: to.value.trim() }, values)).then((ok) => ok && (to.value = ""));
  };
  const talking = call.state === "talking" || call.state === "held";
  const names = line.transfers.map((one) => one.name);
  const known = useId();
  return (
    <div class="call-steer">
      {call.answered && (
        <>
          <form class="call-form" onSubmit={whisper}>
            <input
              class="field"
              aria-label={`Whisper to ${call.title}`}
              placeholder={`Whisper to ${call.title}`}
              maxLength={400}
              autocomplete="off"
              value={words.value}
              onInput={(event) => (words.value = event.currentTarget.value)}
            />
            <Button type="submit" icon="send" disabled={!talking || words.value.trim() === ""} busy={busy.value}>
              Whisper
            </Button>
          </form>
          <form class="call-form" onSubmit={transfer}>
            <input
              class="field"
              aria-label="Hand over to"
              placeholder="Hand over to"
              list={known}
              maxLength={200}
              autocomplete="off"
              value={to.value}
              onInput={(event) => (to.value = event.currentTarget.value)}
            />
            <datalist id={known}>
              {line.transfers.map((one) => (
                <option key={one.name} value={one.name}>
                  {one.about || one.to}
                </option>
              ))}
            </datalist>
            <Button type="submit" icon="swap" disabled={!talking || to.value.trim() === ""} busy={busy.value}>
              Hand over
            </Button>
          </form>
        </>
      )}
      <Button
        icon="close"
        label={`Hang up on ${call.outgoing ? waysOf(call).to : waysOf(call).from}`}
        busy={ending.busy.value}
        onPress={() => void ending.run(() => api.post("/api/line/calls/{call}/hang_up", undefined, values))}
      >
        Hang up
      </Button>
      {call.answered && (
        <p class="quiet call-hint">
          A whisper only {call.title} hears. A call is handed over to {anyOf([...names, "a number"])}, which {call.title} says first.
        </p>
      )}
      <p class="quiet call-whispered" role="status">
        {whispered.value && `${call.title} knows from its next answer on: “${whispered.value}”`}
      </p>
    </div>
  );
}

/** `human, night-desk or a number` */
function anyOf(names: readonly string[]): string {
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} or ${names.at(-1)}` : names.join();
}
