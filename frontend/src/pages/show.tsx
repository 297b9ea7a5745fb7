/** The show: the stage large, what is said beside it, what can be done below it. On a phone the panels are three tabs. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { Tabs, tabIds, useNarrow } from "../controls/tabs";
import { ConversationPanel } from "../panels/conversation";
import { Machine } from "../panels/machine";
import { PulsePanel } from "../panels/pulse";
import { Quality } from "../panels/quality";
import { RoomPanel } from "../panels/room";
import { StagePanel } from "../panels/stage";
import { TranscriptPanel } from "../panels/transcript";

const TABS = [
  { name: "transcript", label: "Transcript" },
  { name: "direct", label: "Direct" },
  { name: "figures", label: "Figures" },
] as const;
type Tab = (typeof TABS)[number]["name"];

export function ShowPage(): JSX.Element {
  const narrow = useNarrow();
  const shown = useSignal<Tab>("transcript");
  const group = (name: Tab, children: ComponentChildren): JSX.Element => (
    <Group name={name} narrow={narrow.value} shown={shown.value === name}>
      {children}
    </Group>
  );
  return (
    <>
      <main id="content" class="show">
        <h1 class="unseen" tabIndex={-1}>
          The show
        </h1>
        <StagePanel />
        {narrow.value && <Tabs label="Panels" tabs={TABS} shown={shown.value} onShow={(name) => (shown.value = name)} />}
        {group("transcript", <TranscriptPanel />)}
        <div class="strip" hidden={narrow.value && shown.value === "transcript"}>
          {group(
            "direct",
            <>
              <ConversationPanel />
              <RoomPanel />
            </>,
          )}
          {group(
            "figures",
            <>
              <PulsePanel />
              {narrow.value && <Machine />}
            </>,
          )}
        </div>
      </main>
      <Quality />
      {!narrow.value && <Machine />}
    </>
  );
}

interface GroupProps {
  readonly name: Tab;
  readonly narrow: boolean;
  readonly shown: boolean;
  readonly children: ComponentChildren;
}

/** Panels that are one tab on a phone; on a desk they stand side by side, and this is not there. */
function Group({ name, narrow, shown, children }: GroupProps): JSX.Element {
  const { tab, panel } = tabIds(name);
  const role = narrow ? { role: "tabpanel" as const, id: panel, "aria-labelledby": tab, hidden: !shown } : {};
  return (
    <div class="group-of-panels" {...role}>
      {children}
    </div>
  );
}
