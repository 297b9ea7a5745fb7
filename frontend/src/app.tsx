/** The page: the stage large, what is said beside it, what can be done below it. On a phone the panels are three tabs. */
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { ConversationPanel } from "./panels/conversation";
import { Machine } from "./panels/machine";
import { PulsePanel } from "./panels/pulse";
import { Quality } from "./panels/quality";
import { RoomPanel } from "./panels/room";
import { StagePanel } from "./panels/stage";
import { Toasts } from "./panels/toasts";
import { Top } from "./panels/top";
import { TranscriptPanel } from "./panels/transcript";

const TABS = [
  { name: "talk", label: "Talk" },
  { name: "direct", label: "Direct" },
  { name: "figures", label: "Figures" },
] as const;

const tab = signal<(typeof TABS)[number]["name"]>("talk");

export function App(): JSX.Element {
  return (
    <div class="page" data-shown={tab.value}>
      <Top />
      <main>
        <StagePanel />
        <Tabs />
        <TranscriptPanel />
        <div class="strip">
          <ConversationPanel />
          <RoomPanel />
          <PulsePanel />
        </div>
      </main>
      <Quality />
      <Machine />
      <Toasts />
    </div>
  );
}

/** Only a narrow screen shows these; everything else shows all panels at once. */
function Tabs(): JSX.Element {
  return (
    <nav class="tabs" aria-label="Panels">
      {TABS.map(({ name, label }) => (
        <button key={name} type="button" aria-pressed={tab.value === name} onClick={() => (tab.value = name)}>
          {label}
        </button>
      ))}
    </nav>
  );
}
