/** Evidence: whether it runs smoothly, what each turn waited for, what the show did without; and past runs. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { Command, Nothing, Section, Sheet } from "../controls/sheet";
import { MINUTE_MS } from "../core/evidence";
import { offsetAt, timeOfDay, zoneOf } from "../core/format";
import { showless } from "../core/house";
import { EvidenceFeed } from "../evidence-feed";
import { usePage } from "../page";
import { FrameTimes } from "../panels/evidence-frames";
import { FrameLedgerTable, IncidentLog } from "../panels/evidence-ledger";
import { MachineStrip } from "../panels/evidence-machine";
import { Report, Runs, type Wanted } from "../panels/evidence-runs";
import { Turns } from "../panels/evidence-turns";
import { Steps } from "../panels/quality";

export function EvidencePage(): JSX.Element {
  const { place, state } = usePage();
  const feed = useMemo(() => new EvidenceFeed(place), [place]);
  useEffect(() => {
    feed.open();
    return () => feed.close();
  }, [feed]);
  const wanted = useSignal<Wanted | null>(null);
  const live = feed.live.value;
  const show = live?.show ?? null;
  const dark = showless(state.house.value);
  const steps = state.stage.value?.steps ?? [];
  const report = (since: number, until: number): void => {
    if (show?.run) wanted.value = { run: show.run, title: `${timeOfDay(since)} to ${timeOfDay(until)}`, at: since, since, until };
  };
  const around = (at: number): void => {
    const until = Math.min(at + MINUTE_MS / 2, live?.history.at(-1)?.at ?? at);
    report(until - MINUTE_MS, until);
  };
  return (
    <Sheet
      title="Evidence"
      lead="Whether the picture kept its time, what each turn was waiting for before it was heard, and what the show did without while the machine was short. Mark a minute, and it becomes a report."
    >
      {!dark && (
        <Section title="Frames">
          {live && show ? <FrameTimes live={live} show={show} onReport={report} /> : <Nothing>The stage has not told of a second yet.</Nothing>}
        </Section>
      )}
      {live && show && (
        <>
          <Section title="Late and missing frames" note={live.incidents.length > 0 ? "the newest first, each with its cause" : ""}>
            <IncidentLog incidents={live.incidents} onReport={show.run ? around : null} />
          </Section>
          <Section title="Frame ledger" note="a row each second, a stroke each frame">
            <FrameLedgerTable live={live} budget={show.budget_ms} />
          </Section>
        </>
      )}
      <Section title="Machine" note="the last two minutes">
        <MachineStrip seconds={live?.machine ?? []} />
      </Section>
      <Section title="Turns" note="from the thought, or the end of a person's speech, to the first word heard">
        <Turns live={live} />
      </Section>
      {wanted.value && <Report wanted={wanted.value} onClose={() => (wanted.value = null)} />}
      <Section title="Runs" note={`what was kept of shows, talks and calls; times here and in their reports are this device's (${zoneOf(offsetAt(Date.now()))})`}>
        <Runs onOpen={(one) => (wanted.value = one)} />
      </Section>
      <div class="columns">
        {!dark && (
          <Section title="Plainer for a while" note={steps.length > 0 ? "the newest first" : ""}>
            {steps.length > 0 ? <Steps steps={steps} /> : <Nothing>Since this show began there was nothing it had to do without.</Nothing>}
          </Section>
        )}
        <Section title="More than this page shows">
          <p>A stream proved from outside, as a viewer would play it:</p>
          <Command line={`duologue verify ${place.at("/stream/index.m3u8")}`} what="that verifies the stream" />
          <p>Runs side by side, with what changed beyond noise:</p>
          <Command line="duologue report last --against RUN" what="that compares runs" />
          <p>
            All figures for Prometheus: <a href={place.at("/metrics")}>metrics</a>.
          </p>
        </Section>
      </div>
    </Sheet>
  );
}
