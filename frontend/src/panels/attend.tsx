/** A call that goes on: listen to it, take it over, speak with the caller, and give it back to the character. */
import { useSignal } from "@preact/signals";
import type { JSX, TargetedSubmitEvent } from "preact";
import { Button } from "../controls/controls";
import { State } from "../controls/sheet";
import type { CallView } from "../models";
import { usePage } from "../page";
import type { Attended } from "../talk/protocol";

export function Attend({ call }: { call: CallView }): JSX.Element {
  const { attendance } = usePage();
  const here = attendance.call.value === call.id;
  const told = here ? attendance.attended.value : null;
  const mine = here && attendance.mine.value;
  const theirs = !mine && call.operator !== "";
  const trouble = attendance.trouble.value;
  return (
    <div class="call-attend" role="group" aria-label="Listen and take over">
      <div class="call-buttons">
        <Button
          icon={here ? "silent" : "sound"}
          label={here ? "Stop listening" : `Listen to ${call.display || call.caller || call.called}`}
          onPress={() => (here ? attendance.leave() : void attendance.listen(call.id))}
        >
          {here ? "Stop listening" : "Listen"}
        </Button>
        {mine ? (
          <Button kind="primary" icon="swap" onPress={() => attendance.giveBack()}>
            Hand back to {call.title}
          </Button>
        ) : (
          <Button icon="talk" disabled={theirs} onPress={() => void attendance.takeOver(call.id)}>
            Take over
          </Button>
        )}
        {mine && (
          <Button icon={attendance.muted.value ? "silent" : "sound"} onPress={() => attendance.mute(!attendance.muted.value)}>
            {attendance.muted.value ? "Microphone is off" : "Microphone is on"}
          </Button>
        )}
        {mine && <Loud />}
      </div>
      <p class="call-standing" role="status">
        <Standing call={call} told={told} lost={here && attendance.link.value?.is === "lost"} />
      </p>
      {mine && <Write call={call} />}
      {trouble?.call === call.id && (
        <p class="call-trouble" role="alert">
          <strong>{trouble.what}</strong> {trouble.remedy}
        </p>
      )}
    </div>
  );
}

/** Who speaks with the caller, and who hears that. */
function Standing({ call, told, lost }: { call: CallView; told: Attended | null; lost: boolean }): JSX.Element | null {
  const others = call.listeners - (told ? 1 : 0);
  const beside = others > 0 ? ` ${others} more ${others > 1 ? "listen" : "listens"}.` : "";
  if (lost) return <State is="bad">The connection is lost. Trying again; the call waits for a moment.</State>;
  if (told?.yours && told.speaks) return <State is="good">You speak with the caller.{beside}</State>;
  if (told?.yours) return <State is="wait">{told.announced ? `${call.title} says so to the caller…` : `${call.title} ends its sentence…`}</State>;
  if (call.operator) return <State is="wait">{call.operator} speaks with the caller{told ? ", and you listen." : "."}{beside}</State>;
  if (told) return <State is="good">You listen to both; the caller does not hear you.{beside}</State>;
  return beside ? <span class="quiet">{beside.trim().replace(" more", "")}</span> : null;
}

function Write({ call }: { call: CallView }): JSX.Element {
  const { attendance } = usePage();
  const text = useSignal("");
  const send = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const words = text.value.trim();
    if (!words) return;
    attendance.say(words);
    text.value = "";
  };
  return (
    <form class="call-form" onSubmit={send}>
      <input
        class="field"
        aria-label={`Have ${call.title} say`}
        placeholder={`Have ${call.title} say`}
        maxLength={4000}
        autocomplete="off"
        value={text.value}
        onInput={(event) => (text.value = event.currentTarget.value)}
      />
      <Button type="submit" icon="send" disabled={!attendance.heard.value || text.value.trim() === ""}>
        Say it
      </Button>
    </form>
  );
}

function Loud(): JSX.Element {
  const { attendance } = usePage();
  const level = attendance.level.value;
  const db = level > 0 ? Math.max(-60, 20 * Math.log10(level)) : -60;
  return <meter class="call-loud" min={0} max={1} value={(db + 60) / 60} aria-label="How loud you are" />;
}
