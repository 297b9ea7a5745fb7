/** Phone: the line and where it is registered, the calls on it with what is said, and what may be done with each. */
import { useSignal } from "@preact/signals";
import type { JSX, TargetedSubmitEvent } from "preact";
import { Button, Select } from "../controls/controls";
import { Lacking } from "../controls/lacking";
import { useRequest } from "../controls/request";
import { Command, Nothing, Scrolled, Section, Sheet, State } from "../controls/sheet";
import { Waterfall } from "../controls/waterfall";
import { decimal, duration, timeOfDay } from "../core/format";
import { isLive, share, waitsOf } from "../core/line";
import type { CallView, LineView, RegistrationView } from "../models";
import { usePage } from "../page";

const COLOUR = "var(--accent)";

export function PhonePage(): JSX.Element {
  const { state } = usePage();
  const line = state.line.value;
  return (
    <Sheet title="Phone" lead="The telephone line of this house: who can call it, who is talking now, and how quickly they are answered.">
      {!state.may("line") && <Lacking scope="line" />}
      {line ? (
        <>
          <Line line={line} />
          <Calls line={line} />
          <Past calls={line.calls.filter((one) => !isLive(one))} />
        </>
      ) : (
        <Section title="No line">
          <Nothing>No phone line is switched on in this house.</Nothing>
          <Command line="duologue phone --as phone --listen 127.0.0.1:5060" what="that answers the telephone" />
        </Section>
      )}
    </Sheet>
  );
}

const REGISTERED = { registered: ["good", "registered"], trying: ["wait", "not yet"], failed: ["bad", "given up"], off: ["off", "off"] } as const;

function Line({ line }: { line: LineView }): JSX.Element {
  const live = line.calls.filter(isLive).length;
  return (
    <Section
      title="Line"
      note={
        <>
          {line.listens.length > 0 ? line.listens.join(", ") : "it does not listen yet"}
        </>
      }
    >
      <dl class="figures">
        <Figure name="State" value={line.takes_calls ? "takes calls" : "takes none"} bad={!line.takes_calls} />
        <Figure name="Calls now" value={`${live}`} of={`of ${line.places}`} />
        <Figure name="Answered" value={`${line.answered}`} />
        <Figure name="Sent away" value={`${line.refused}`} />
      </dl>
      {line.reasons.length > 0 && <p class="explained">{line.reasons.join("; ")}</p>}
      {line.registrations.length > 0 && (
        <Scrolled title="Extensions">
          <table class="list">
            <thead>
              <tr>
                <th scope="col">Extension</th>
                <th scope="col">State</th>
                <th scope="col">Answered by</th>
                <th scope="col">Registrar</th>
              </tr>
            </thead>
            <tbody>
              {line.registrations.map((one) => (
                <Registration key={one.account} one={one} />
              ))}
            </tbody>
          </table>
        </Scrolled>
      )}
      <Dial line={line} />
    </Section>
  );
}

function Figure({ name, value, of, bad }: { name: string; value: string; of?: string; bad?: boolean }): JSX.Element {
  return (
    <div class={bad ? "figure bad" : "figure"}>
      <dt>{name}</dt>
      <dd>
        {value} {of && <span class="of">{of}</span>}
      </dd>
    </div>
  );
}

function Registration({ one }: { one: RegistrationView }): JSX.Element {
  const [is, words] = REGISTERED[one.state];
  return (
    <tr>
      <th scope="row">{one.account}</th>
      <td>
        <State is={is}>{words}</State>
      </td>
      <td>{one.character}</td>
      <td>{one.why || one.registrar || <span class="quiet">–</span>}</td>
    </tr>
  );
}

function Dial({ line }: { line: LineView }): JSX.Element {
  const { api, state } = usePage();
  const { busy, run } = useRequest();
  const to = useSignal("");
  const account = useSignal("");
  const call = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    void run(() => api.post("/api/line/calls", { to: to.value.trim(), account: account.value })).then((ok) => ok && (to.value = ""));
  };
  const allowed = state.may("line") && line.takes_calls;
  return (
    <form class="call-form" onSubmit={call}>
      <input
        class="field"
        aria-label="Whom to call"
        placeholder="Call somebody: sip:17@pbx.example, or an extension"
        maxLength={200}
        autocomplete="off"
        value={to.value}
        disabled={!allowed}
        onInput={(event) => (to.value = event.currentTarget.value)}
      />
      {line.registrations.length > 0 && (
        <Select
          label="As which extension"
          choices={[{ value: "", label: "as nobody" }, ...line.registrations.map((one) => ({ value: one.account, label: `as ${one.account}` }))]}
          value={account.value}
          disabled={!allowed}
          onChoose={(one) => (account.value = one)}
        />
      )}
      <Button type="submit" icon="phone" disabled={!allowed || to.value.trim() === ""} busy={busy.value}>
        Call
      </Button>
    </form>
  );
}

function Calls({ line }: { line: LineView }): JSX.Element {
  const live = line.calls.filter(isLive);
  if (live.length === 0) {
    return (
      <Section title="Calls">
        <Nothing>Nobody is on the line.</Nothing>
      </Section>
    );
  }
  return (
    <>
      {live.map((call) => (
        <Call key={call.id} call={call} line={line} />
      ))}
    </>
  );
}

/** `16 → 1000`, or whom we called. */
function ways(call: CallView): string {
  const who = call.display && call.display !== call.caller ? `${call.display} (${call.caller})` : call.caller;
  return call.outgoing ? `We call ${call.called}` : `${who} → ${call.called}`;
}

const STATES = { ringing: "wait", talking: "good", held: "wait", transferring: "wait", ended: "off" } as const;

function Call({ call, line }: { call: CallView; line: LineView }): JSX.Element {
  const { state } = usePage();
  const level = state.levels.value.get(call.id);
  const waits = waitsOf(call, COLOUR);
  return (
    <Section
      title={ways(call)}
      note={
        <>
          with {call.title}
          {call.answered ? `, since ${timeOfDay(call.answered)}` : ""}
          {call.half_duplex && ", half-duplex"}
          {call.recorded && ", recorded"}
        </>
      }
    >
      <div class="call-state">
        <State is={STATES[call.state]}>{call.state === "transferring" ? `handing over to ${call.transfer}` : call.state}</State>
        <Meter name="Caller" db={level?.caller_db ?? -90} />
        <Meter name={call.title} db={level?.character_db ?? -90} />
        <span class="quiet">
          {call.codec || call.carrier} · loss {decimal(call.loss === null || call.loss === undefined ? null : 100 * call.loss)} % · jitter{" "}
          {decimal(call.jitter_ms, 0)} ms · round trip {decimal(call.round_trip_ms, 0)} ms
          {call.digits && ` · keys ${call.digits}`}
        </span>
      </div>
      <Said call={call} hearing={level?.hearing ?? ""} />
      {waits.length > 0 && <Waterfall title={`How quickly ${call.title} answered`} waits={waits.slice(0, 8)} />}
      {state.may("line") && <Steer call={call} line={line} />}
    </Section>
  );
}

/** How loud somebody is, from silence to full scale. */
function Meter({ name, db }: { name: string; db: number }): JSX.Element {
  return (
    <span class="call-level">
      <span class="quiet">{name}</span>
      <meter min={0} max={1} value={share(db)} aria-label={`${name}: ${Math.round(db)} dB`} />
    </span>
  );
}

function Said({ call, hearing }: { call: CallView; hearing: string }): JSX.Element {
  const turns = call.turns.filter((one) => one.text && one.state !== "withdrawn").slice(-12);
  if (turns.length === 0 && !hearing) return <Nothing>Nothing was said yet.</Nothing>;
  return (
    <ol class="call-said" aria-label="What is said">
      {turns.map((turn) => (
        <li key={turn.id} class={turn.person ? "person" : undefined}>
          <strong>{turn.person ? "Caller" : call.title}</strong> {turn.text}
          {turn.interrupted && <span class="quiet"> (cut off)</span>}
          {turn.failure && <span class="remark"> {turn.failure}</span>}
        </li>
      ))}
      {hearing && (
        <li class="person quiet" aria-hidden="true">
          <strong>Caller</strong> {hearing} …
        </li>
      )}
    </ol>
  );
}

function Steer({ call, line }: { call: CallView; line: LineView }): JSX.Element {
  const { api } = usePage();
  const { busy, run } = useRequest();
  const words = useSignal("");
  const to = useSignal("");
  const values = { call: call.id };
  const whisper = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const text = words.value.trim();
    void run(() => api.post("/api/line/calls/{call}/whisper", { text }, values)).then((ok) => ok && (words.value = ""));
  };
  const transfer = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    void run(() => api.post("/api/line/calls/{call}/transfer", { to: to.value.trim() }, values));
  };
  const talking = call.state === "talking" || call.state === "held";
  const known = `transfers-${call.id}`;
  return (
    <div class="call-steer">
      <form class="call-form" onSubmit={whisper}>
        <input
          class="field"
          aria-label={`Whisper to ${call.title}`}
          placeholder={`Whisper to ${call.title}: the caller does not hear it`}
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
          placeholder="Hand over to …"
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
        <Button icon="stop" busy={busy.value} onPress={() => void run(() => api.post("/api/line/calls/{call}/hang_up", undefined, values))}>
          Hang up
        </Button>
      </form>
    </div>
  );
}

function Past({ calls }: { calls: readonly CallView[] }): JSX.Element | null {
  if (calls.length === 0) return null;
  return (
    <Section title="Past calls" note="the newest first; the ledger has them all">
      <Scrolled title="Past calls">
        <table class="list">
          <thead>
            <tr>
              <th scope="col">Came</th>
              <th scope="col">Call</th>
              <th scope="col">With</th>
              <th scope="col">Length</th>
              <th scope="col">Answers</th>
              <th scope="col">How it ended</th>
            </tr>
          </thead>
          <tbody>
            {calls.map((call) => (
              <tr key={call.id}>
                <td>
                  <time>{timeOfDay(call.offered)}</time>
                </td>
                <th scope="row">{ways(call)}</th>
                <td>{call.title || <span class="quiet">–</span>}</td>
                <td>{call.answered && call.ended ? duration(call.ended - call.answered) : <span class="quiet">–</span>}</td>
                <td>{answered(call)}</td>
                <td>
                  {call.failed ? <State is="bad">{call.reason}</State> : call.reason}
                  {call.transfer && <span class="quiet"> ({call.transfer})</span>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolled>
    </Section>
  );
}

/** How many answers to words of the caller's, and the middle of how long those took. */
function answered(call: CallView): string {
  const waits = waitsOf(call, COLOUR)
    .map(({ silence }) => silence)
    .sort((one, other) => one - other);
  const middle = waits[waits.length >> 1];
  return middle === undefined ? "–" : `${waits.length}, ${duration(middle)}`;
}
