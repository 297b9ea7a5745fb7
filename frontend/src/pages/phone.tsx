/** Phone: the line and where it is registered, the calls on it with what is said, and what may be done with each. */
import { useSignal } from "@preact/signals";
import type { JSX, TargetedSubmitEvent } from "preact";
import { useEffect } from "preact/hooks";
import { Button, Select } from "../controls/controls";
import { Lacking } from "../controls/lacking";
import { useRequest } from "../controls/request";
import { Command, Listed, Nothing, Section, Sheet, State } from "../controls/sheet";
import { counted, duration } from "../core/format";
import { isLive, sentAway } from "../core/line";
import { median } from "../core/waits";
import type { LineView, RegistrationView } from "../models";
import { usePage } from "../page";
import { LiveCall, PastCall } from "../panels/call";

export function PhonePage(): JSX.Element {
  return (
    <Sheet title="Phone" lead="The telephone line of this house: who can call it, who is talking now, and how quickly they are answered.">
      <Shown />
    </Sheet>
  );
}

function Shown(): JSX.Element | null {
  const { state } = usePage();
  const line = state.line.value;
  if (!state.may("line")) {
    return (
      <Section title="Not for this token">
        <Nothing>What callers say is shown to those who may use the line.</Nothing>
        <Lacking scope="line" />
      </Section>
    );
  }
  if (!state.house.value) return null; // it will be known in a moment
  return line ? <House line={line} /> : <NoLine />;
}

function NoLine(): JSX.Element {
  return (
    <Section title="No line">
      <Nothing>No phone line is switched on in this house. Start it with one:</Nothing>
      <Command line="duologue phone --as phone --listen 127.0.0.1:5060" what="that answers the telephone" />
    </Section>
  );
}

/** Where nobody has chosen a call yet, the first that talks is looked at, also when it is over. */
function House({ line }: { line: LineView }): JSX.Element {
  const chosen = useSignal<string | null>(null);
  const live = line.calls.filter(isLive);
  const over = line.calls.filter((one) => !isLive(one));
  const open = chosen.value ?? live.find((one) => one.state !== "ringing")?.id ?? "";
  const choose = (call: string): void => {
    chosen.value = call;
  };
  useEffect(() => {
    if (open) choose(open);
  }, [open]);
  return (
    <>
      <Line line={line} />
      <Section title="Calls">
        {live.length === 0 && <Nobody line={line} />}
        <ul class="calls">
          {live.map((call) => (
            <LiveCall key={call.id} call={call} line={line} open={call.id === open} onChoose={choose} />
          ))}
        </ul>
      </Section>
      {over.length > 0 && (
        <Section title="Past calls" note="the newest first; the ledger has them all">
          <ul class="calls">
            {over.map((call) => (
              <PastCall key={call.id} call={call} open={call.id === open} onChoose={choose} />
            ))}
          </ul>
        </Section>
      )}
      {line.registrations.length > 0 && <Extensions all={line.registrations} />}
    </>
  );
}

function Nobody({ line }: { line: LineView }): JSX.Element {
  const there = line.listens[0];
  if (!line.takes_calls || !there) return <Nothing>Nobody is on the line.</Nothing>;
  return (
    <Nothing>
      Nobody is on the line. Call <code>{there.replace(/;.*/, "").replace(":", `:${line.registrations[0]?.account ?? "1000"}@`)}</code> with any SIP telephone.
    </Nothing>
  );
}

function Line({ line }: { line: LineView }): JSX.Element {
  const waits = line.calls.flatMap((call) => (call.wait_ms === null || call.wait_ms === undefined ? [] : [call.wait_ms]));
  return (
    <Section
      title="Line"
      note={line.takes_calls ? <State is="good">takes calls</State> : <State is="bad">takes no calls</State>}
    >
      {line.reasons.length > 0 && <p class="line-reasons">{line.reasons.map(asSentence).join(" ")}</p>}
      <dl class="figures">
        <Figure name="On the line" value={`${line.calls.filter(isLive).length}`} note={`of ${counted(line.places, "place")}`} />
        <Figure name="Calls answered" value={`${line.answered}`} note="since the start" />
        <Figure name="Sent away" value={`${line.refused}`} note={sentAway(line.refusals) || "since the start"} />
        <Figure name="Answers begin after" value={duration(median(waits))} note="median of these calls" />
      </dl>
      <Dial line={line} />
      {line.listens.length > 0 && (
        <p class="quiet line-listens">
          It listens at{" "}
          {line.listens.map((one) => (
            <code key={one}>{one}</code>
          ))}
        </p>
      )}
    </Section>
  );
}

/** Reasons are words within a sentence of somebody else's. */
function asSentence(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1).replace(/\.$/, "")}.`;
}

function Figure({ name, value, note }: { name: string; value: string; note: string }): JSX.Element {
  return (
    <div class="figure">
      <dt>{name}</dt>
      <dd>{value}</dd>
      <dd class="note">{note}</dd>
    </div>
  );
}

/** Whether it can be done now the server knows: a full line calls nobody, one without a registration may. */
function Dial({ line }: { line: LineView }): JSX.Element {
  const { api } = usePage();
  const { busy, run } = useRequest();
  const to = useSignal("");
  const account = useSignal("");
  const call = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    void run(() => api.post("/api/line/calls", { to: to.value.trim(), account: account.value })).then((ok) => ok && (to.value = ""));
  };
  return (
    <form class="call-form" aria-label="Call somebody" onSubmit={call}>
      <input
        class="field"
        aria-label="Whom to call"
        placeholder="Call 17, or sip:17@pbx.example"
        maxLength={200}
        autocomplete="off"
        value={to.value}
        onInput={(event) => (to.value = event.currentTarget.value)}
      />
      {line.registrations.length > 0 && (
        <Select
          label="As which extension"
          choices={[{ value: "", label: "as the line itself" }, ...line.registrations.map((one) => ({ value: one.account, label: `as ${one.account}` }))]}
          value={account.value}
          onChoose={(one) => (account.value = one)}
        />
      )}
      <Button type="submit" icon="phone" disabled={to.value.trim() === ""} busy={busy.value}>
        Call
      </Button>
    </form>
  );
}

const REGISTERED = { registered: ["good", "registered"], trying: ["wait", "trying"], failed: ["bad", "given up"], off: ["off", "off"] } as const;

function Extensions({ all }: { all: readonly RegistrationView[] }): JSX.Element {
  const reached = all.filter((one) => one.state === "registered").length;
  return (
    <Section title="Extensions" note={`${reached} of ${all.length} registered`}>
      <Listed title="Extensions" kind="extensions" columns={["Extension", "State", "Answered by", "Registrar"]}>
        {all.map((one) => (
          <Registration key={one.account} one={one} />
        ))}
      </Listed>
    </Section>
  );
}

function Registration({ one }: { one: RegistrationView }): JSX.Element {
  const [is, words] = REGISTERED[one.state];
  return (
    <>
      <tr>
        <th scope="row">
          {one.account}
          {one.display && <span class="quiet"> {one.display}</span>}
        </th>
        <td>
          <State is={is}>{words}</State>
        </td>
        <td>{one.character}</td>
        <td>{one.registrar || <span class="quiet">–</span>}</td>
      </tr>
      {one.why && (
        <tr class="extension-why">
          <td colSpan={4} class="quiet">
            {asSentence(one.why)}
          </td>
        </tr>
      )}
    </>
  );
}
