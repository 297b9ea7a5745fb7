/** What engines were asked for, what that cost, and how much of today's caps is used. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useId } from "preact/hooks";
import { Button } from "../controls/controls";
import { useRequest } from "../controls/request";
import { Listed, Nothing, Section, State } from "../controls/sheet";
import { capOf, costOf, count, runName, totals } from "../core/usage";
import type { CapView, UsageRow, UsageView } from "../models";
import { usePage } from "../page";

const BY: readonly { value: UsageView["by"]; label: string }[] = [
  { value: "engine", label: "Engine" },
  { value: "run", label: "Show, talk or call" },
  { value: "person", label: "Person" },
  { value: "day", label: "Day" },
];
const SINCE: readonly { value: string; label: string }[] = [
  { value: "today", label: "Today" },
  { value: "7d", label: "Seven days" },
  { value: "30d", label: "Thirty days" },
  { value: "", label: "Ever" },
];

/** For who may look at all of the house. */
export function Usage(): JSX.Element | null {
  const { state } = usePage();
  return state.may("admin") ? <Used /> : null;
}

function Used(): JSX.Element {
  const { api } = usePage();
  const found = useSignal<UsageView | null>(null);
  const by = useSignal<UsageView["by"]>("engine");
  const since = useSignal("30d");
  const ids = { by: useId(), since: useId() };
  const request = useRequest();
  const look = (): void => {
    const query = { by: by.value, since: since.value };
    void request.run(async () => (found.value = await api.get("/api/usage", {}, query)));
  };
  useEffect(look, [by.value, since.value]);
  const told = found.value;
  return (
    <Section title="Usage" note={told ? `of days in ${told.zone}; prices are those of the settings` : "what engines were asked for"}>
      <div class="row asking">
        <label for={ids.by}>By</label>
        <select class="field" id={ids.by} value={by.value} onChange={(event) => (by.value = event.currentTarget.value as UsageView["by"])}>
          {BY.map((one) => (
            <option key={one.value} value={one.value}>
              {one.label}
            </option>
          ))}
        </select>
        <label for={ids.since}>Since</label>
        <select class="field" id={ids.since} value={since.value} onChange={(event) => (since.value = event.currentTarget.value)}>
          {SINCE.map((one) => (
            <option key={one.value} value={one.value}>
              {one.label}
            </option>
          ))}
        </select>
        <Button icon="again" busy={request.busy.value} onPress={look}>
          Look again
        </Button>
      </div>
      {told === null ? <Nothing>One moment: it is being added up.</Nothing> : <Told told={told} />}
    </Section>
  );
}

function Told({ told }: { told: UsageView }): JSX.Element {
  const { sums, unknown } = totals(told.rows);
  return (
    <>
      {told.caps.length > 0 && <Caps caps={told.caps} currency={told.currency} />}
      {told.rows.length === 0 ? (
        <Nothing>{told.by === "person" ? "Nobody who is known asked an engine" : "No engine was asked"} for anything in that time.</Nothing>
      ) : (
        <>
          <p role="status">
            <strong>{sums.length > 0 ? sums.join(" and ") : "What it cost is not known"}</strong>
            {unknown && sums.length > 0 && ", and what has no price besides"}
            {unknown && <span class="quiet"> Prices are set under [prices]; what is used is counted without them too.</span>}
          </p>
          <Rows rows={told.rows} by={told.by} />
        </>
      )}
      {!told.kept && <p class="quiet">The store is off: these are the sums since this house was started.</p>}
    </>
  );
}

function Caps({ caps, currency }: { caps: readonly CapView[]; currency: string }): JSX.Element {
  return (
    <ul class="caps">
      {caps.map((cap) => (
        <li key={`${cap.engine} ${cap.unit}`}>
          <span>
            {cap.engine === "all" ? "All together" : cap.engine}, today: {capOf(cap, currency)}
          </span>
          <meter min={0} max={cap.limit || 1} value={cap.limit ? Math.min(cap.used, cap.limit) : 1} aria-hidden="true" />
          {cap.reached && <State is="bad">reached</State>}
        </li>
      ))}
    </ul>
  );
}

const FIRST: Readonly<Record<UsageView["by"], string>> = { engine: "Engine", run: "Where", person: "Person", day: "Day" };

function Rows({ rows, by }: { rows: readonly UsageRow[]; by: UsageView["by"] }): JSX.Element {
  return (
    <Listed title="Usage" kind="usage" columns={[FIRST[by], "Requests", "Tokens in", "of them kept", "Tokens out", "Characters", "Minutes", "Cost"]}>
      {rows.map((row) => (
        <tr key={`${row.name} ${row.model} ${row.service} ${row.currency}`}>
          <th scope="row">
            {by === "run" ? runName(row.name) : by === "person" ? row.called || row.name : row.name}
            {row.model && <span class="quiet model">{row.model}</span>}
          </th>
          <td>{count(row.requests)}</td>
          <td>
            {row.estimated > 0 && <abbr title="estimated: the engine does not count its tokens">≈</abbr>}
            {count(row.prompt_tokens)}
          </td>
          <td>{count(row.cached_tokens)}</td>
          <td>
            {row.estimated > 0 && <abbr title="estimated: the engine does not count its tokens">≈</abbr>}
            {count(row.completion_tokens)}
          </td>
          <td>{count(row.characters)}</td>
          <td>{row.minutes.toLocaleString("en", { maximumFractionDigits: 1 })}</td>
          <td>{costOf(row)}</td>
        </tr>
      ))}
    </Listed>
  );
}
