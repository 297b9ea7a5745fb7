/** The runs that are kept of shows, talks and calls, and the report of one, or of a minute of it, within the page. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Button, Segmented } from "../controls/controls";
import { useRequest } from "../controls/request";
import { Nothing, State } from "../controls/sheet";
import { offsetAt } from "../core/format";
import { dayAndTime, figuresOf, runsOf, titleOfRun, type RunKind } from "../core/runs";
import type { RunView } from "../models";
import { usePage } from "../page";
import { ApiError } from "../requests";

const SHOWN = 12;
const KINDS = [
  { value: "all", label: "All" },
  { value: "show", label: "Shows" },
  { value: "talk", label: "Talks" },
  { value: "call", label: "Calls" },
] as const;
const STATES = { live: "wait", over: "good" } as const;

/** A report that is looked at: of a run, or a stretch of it (Unix ms). */
export interface Wanted {
  readonly run: string;
  readonly title: string;
  /** A moment of it: its times of day are this device's of then. */
  readonly at: number;
  readonly since?: number;
  readonly until?: number;
}

export function Runs({ onOpen }: { onOpen: (wanted: Wanted) => void }): JSX.Element {
  const { api } = usePage();
  const { busy, run } = useRequest();
  const runs = useSignal<readonly RunView[] | null>(null);
  const kind = useSignal<RunKind>("all");
  const most = useSignal(SHOWN);
  const load = (): void => void run(async () => (runs.value = await api.get("/api/runs")));
  useEffect(load, []);
  const found = runsOf(runs.value ?? [], kind.value);
  return (
    <>
      <div class="over">
        <Segmented legend="Which runs" choices={KINDS} value={kind.value} onChoose={(one) => (kind.value = one)} />
        <Button icon="again" busy={busy.value} onPress={load}>
          Look again
        </Button>
      </div>
      {runs.value && found.length === 0 && <Nothing>No run of these is kept, or your token may not read it.</Nothing>}
      <ul class="runs" aria-label="Runs that are kept, the newest first">
        {found.slice(0, most.value).map((one) => (
          <RunLine key={one.id} run={one} onOpen={onOpen} />
        ))}
      </ul>
      {found.length > most.value && (
        <Button onPress={() => (most.value += SHOWN)}>{`${Math.min(SHOWN, found.length - most.value)} more of ${found.length}`}</Button>
      )}
    </>
  );
}

function RunLine({ run, onOpen }: { run: RunView; onOpen: (wanted: Wanted) => void }): JSX.Element {
  const { place } = usePage();
  const title = titleOfRun(run);
  return (
    <li>
      <div class="run-words">
        <p>
          <strong>{title}</strong> <State is={STATES[run.state as keyof typeof STATES] ?? "off"}>{run.state === "live" ? "goes on" : run.state}</State>
        </p>
        <p class="quiet">
          <time>{dayAndTime(run.began)}</time> · {figuresOf(run)}
        </p>
        {run.sound && <audio controls preload="none" aria-label={`What was heard: ${title}`} src={place.at("/api/runs/{run}/sound", { run: run.id })} />}
      </div>
      <Button label={`Report: ${title}, ${dayAndTime(run.began)}`} onPress={() => onOpen({ run: run.id, title, at: run.began })}>
        Report
      </Button>
    </li>
  );
}

type Stand = "making" | "there" | { readonly error: string };

/** The report, in a frame of its own: it has its own style, and no script. */
export function Report({ wanted, onClose }: { wanted: Wanted; onClose: () => void }): JSX.Element {
  const { place } = usePage();
  const stand = useSignal<Stand>("making");
  const heading = useRef<HTMLHeadingElement>(null);
  const { run, since, until } = wanted;
  const values: Record<string, string> = { run, offset: String(offsetAt(wanted.at)) };
  if (since !== undefined && until !== undefined) Object.assign(values, { since: String(Math.round(since)), until: String(Math.round(until)) });
  const address = place.at("/api/runs/{run}/report", values);
  useEffect(() => {
    const opener = document.activeElement;
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  useEffect(() => {
    stand.value = "making";
    heading.current?.focus({ preventScroll: true });
    heading.current?.scrollIntoView({ block: "start" });
  }, [address]);
  const loaded = (frame: HTMLIFrameElement): void => {
    // an answer that is no page is an error, and the browser shows none of it in a frame
    if (frame.contentDocument?.contentType === "text/html" && frame.contentDocument.URL !== "about:blank") stand.value = "there";
    else void wordsOf(address).then((error) => (stand.value = { error }));
  };
  const { value } = stand;
  return (
    <section class="section report" aria-labelledby="report-heading">
      <header>
        <h2 id="report-heading" ref={heading} tabIndex={-1}>
          Report
        </h2>
        <p class="quiet">{wanted.title}</p>
      </header>
      <div class="report-ways">
        <a href={address} target="_blank" rel="noopener">
          Open it alone
        </a>
        <a href={place.at("/api/runs/{run}/report", { ...values, form: "json" })} download={`${run}.json`}>
          All of it as JSON
        </a>
        <Button icon="close" onPress={onClose}>
          Close the report
        </Button>
      </div>
      <p role="status" class={value === "making" ? "quiet" : "unseen"}>
        {value === "making" ? "The report is being made…" : value === "there" ? "The report is there." : ""}
      </p>
      {typeof value === "object" ? (
        <p role="alert">{value.error}</p>
      ) : (
        <iframe key={address} class={value === "there" ? "report-frame" : "report-frame waits"} src={address} title={`Report: ${wanted.title}`} onLoad={(event) => loaded(event.currentTarget)} />
      )}
    </section>
  );
}

/** Why a report could not be had. */
async function wordsOf(address: string): Promise<string> {
  try {
    const response = await fetch(address);
    if (response.ok) return "The browser did not show the report. Open it alone.";
    const { message, remedy } = await ApiError.of(response);
    return `${message} ${remedy}`;
  } catch {
    return "The server does not answer.";
  }
}
