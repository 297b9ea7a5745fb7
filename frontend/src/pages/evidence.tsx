/** Evidence: whether it runs smoothly, what each turn waited for, and what the show did without. */
import { useComputed } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { Command, Nothing, Section, Sheet } from "../controls/sheet";
import { Waterfall } from "../controls/waterfall";
import { compact, decimal, duration } from "../core/format";
import { median, totalOf, waitOf, workOf, type Wait } from "../core/waits";
import { useKnown, usePage } from "../page";
import { PulsePanel } from "../panels/pulse";
import { Steps } from "../panels/quality";

/** Turns that are shown. */
const MOST = 20;

export function EvidencePage(): JSX.Element {
  const { place, state } = usePage();
  const waits = useComputed(() => {
    const found = [...state.book.value.turns.values()].map((turn) => waitOf(turn, state.speaker(turn.speaker)));
    return found.filter((wait) => wait !== null).sort((one, other) => other.at - one.at).slice(0, MOST);
  });
  const steps = state.stage.value?.steps ?? [];
  return (
    <Sheet
      title="Evidence"
      lead="Whether the picture kept its time, what each turn was waiting for before it was heard, and what the show did without while the machine was short."
    >
      <Frames />
      <Section title="Turns" note={waits.value.length > 0 ? `the newest ${waits.value.length}, from the thought to the first word on air` : ""}>
        {waits.value.length > 0 ? (
          <>
            <Summary waits={waits.value} />
            <Waterfall title="What each of the newest turns was waiting for" waits={waits.value} />
          </>
        ) : (
          <Nothing>No turn was heard yet. The first one appears here when it is on air.</Nothing>
        )}
      </Section>
      <div class="columns">
        <Section title="Plainer for a while" note={steps.length > 0 ? "the newest first" : ""}>
          {steps.length > 0 ? <Steps steps={steps} /> : <Nothing>Since this show began there was nothing it had to do without.</Nothing>}
        </Section>
        <Section title="More than this page shows">
          <p>A stream proved from outside, as a viewer would play it:</p>
          <Command line={`duologue verify ${place.at("/stream/index.m3u8")}`} what="that verifies the stream" />
          <p>
            All figures for Prometheus: <a href={place.at("/metrics")}>metrics</a>. With <code>telemetry.ledger</code> set, each frame
            and turn is written down, and <code>duologue report</code> reads it.
          </p>
        </Section>
      </div>
    </Sheet>
  );
}

function Figure({ name, children, note, bad = false }: { name: string; children: ComponentChildren; note: string; bad?: boolean }): JSX.Element {
  return (
    <div class={bad ? "figure bad" : "figure"}>
      <dt>{name}</dt>
      <dd>{children}</dd>
      <dd class="note">{note}</dd>
    </div>
  );
}

function Frames(): JSX.Element {
  const { stage, telemetry } = useKnown();
  const now = telemetry.value;
  const restarts = stage.value?.restarts ?? 0;
  return (
    <Section title="Frames">
      {now === null ? (
        <Nothing>The stage has not told of a second yet.</Nothing>
      ) : (
        <dl class="figures">
          <Figure name="Late" note="since the show began" bad={now.late_total > 0}>
            {compact(now.late_total)}
          </Figure>
          <Figure name="Left out" note="to come back to the grid" bad={now.skipped_total > 0}>
            {compact(now.skipped_total)}
          </Figure>
          <Figure name="Over budget" note="hidden by the lead">
            {compact(now.over_budget_total)}
          </Figure>
          <Figure name="Lead" note="ahead of the due time now">
            {duration(now.lead_ms)}
          </Figure>
          <Figure name="Stage restarts" note="without a missing frame" bad={restarts > 0}>
            {String(restarts)}
          </Figure>
          <Figure name="Steal" note="of the CPU, by other tenants" bad={now.steal > 5}>
            {decimal(now.steal)} %
          </Figure>
        </dl>
      )}
      <PulsePanel watched={false} />
    </Section>
  );
}

/** The few figures of the turns that are shown. */
function Summary({ waits }: { waits: readonly Wait[] }): JSX.Element {
  const work = waits.map((wait) => totalOf({ stages: workOf(wait) }));
  const ahead = waits.flatMap((wait) => wait.stages.filter(({ name }) => name === "queued").map(({ ms }) => ms));
  const silent = Math.max(...waits.map(({ silence }) => silence));
  return (
    <dl class="figures">
      <Figure name="Written and voiced" note="half of them, within">
        {duration(median(work))}
      </Figure>
      <Figure name="Ready ahead" note="the closest of them">
        {duration(Math.min(...ahead))}
      </Figure>
      <Figure name="Waited in silence" note="the longest of them" bad={silent >= 100}>
        {silent >= 1 ? duration(silent) : "0 ms"}
      </Figure>
    </dl>
  );
}
