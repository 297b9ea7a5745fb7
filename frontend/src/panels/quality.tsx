/** What the show does without while the machine is short of CPU, or what it waits for; nothing while it does neither. */
import type { JSX } from "preact";
import { sentence, timeOfDay } from "../core/format";
import type { PaceView, StepView } from "../models";
import { useKnown } from "../page";

const SHORT = "This machine is short of CPU.";

export function Quality(): JSX.Element {
  const { stage } = useKnown();
  const { quality = null, steps = [], pace = null } = stage.value ?? {};
  const plain = quality !== null && quality.step !== "full" ? quality : null;
  return (
    <>
      <p class="unseen" role="status">
        {plain && `Plainer for now: ${sentence(plain.words)} ${SHORT}`} {pace?.words}
      </p>
      {plain && <Plainer now={plain} steps={steps} />}
      {!plain && pace?.words && <Unhurried pace={pace} />}
    </>
  );
}

/** A voice that is slower than the show would have it. */
function Unhurried({ pace }: { pace: PaceView }): JSX.Element {
  const { link } = useKnown();
  return (
    <p class={link.value === "lost" ? "plainer unhurried stale" : "plainer unhurried"}>
      {pace.words} Each second of speech takes {pace.factor.toFixed(1)} s. <time>{timeOfDay(pace.since).slice(0, 5)}</time>
    </p>
  );
}

function Plainer({ now, steps }: { now: StepView; steps: readonly StepView[] }): JSX.Element {
  const { link } = useKnown();
  return (
    <details class={link.value === "lost" ? "plainer stale" : "plainer"}>
      <summary>
        <strong>Plainer for now:</strong> {sentence(now.words)} {SHORT} <time>{timeOfDay(now.since).slice(0, 5)}</time>
      </summary>
      <Steps steps={steps} />
    </details>
  );
}

/** The newest steps of the governor, and the figure that decided each. */
export function Steps({ steps }: { steps: readonly StepView[] }): JSX.Element {
  return (
    <ol class="steps" aria-label="The newest steps">
      {steps.map((step) => (
        <li key={step.since}>
          <time>{timeOfDay(step.since)}</time>
          <span>
            {step.words}
            {step.why && <span class="quiet"> {`${step.why.replace(/\.$/, "")}.`}</span>}
          </span>
        </li>
      ))}
    </ol>
  );
}
