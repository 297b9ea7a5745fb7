/** The room: what the TV plays, the time of day, the lamp. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { Button, Panel, Segmented, Select, Switch } from "../controls/controls";
import { useRequest } from "../controls/request";
import { label } from "../core/format";
import type { Daylight } from "../models";
import { usePage } from "../page";

const DAYLIGHTS: readonly { value: Daylight; label: string; icon: "day" | "evening" | "night" }[] = [
  { value: "day", label: "Day", icon: "day" },
  { value: "evening", label: "Evening", icon: "evening" },
  { value: "night", label: "Night", icon: "night" },
];

export function RoomPanel(): JSX.Element {
  const { api, state } = usePage();
  const { stage } = state;
  const chosen = useSignal<string | null>(null);
  const television = useRequest();
  const daylight = useRequest();
  const lamp = useRequest();
  const now = stage.value;
  const films = now?.films ?? [];
  const film = chosen.value !== null && films.includes(chosen.value) ? chosen.value : now?.tv || films[0] || "";
  const playing = now?.tv !== undefined && now.tv !== "";
  const choose = (name: string): void => {
    chosen.value = name;
    if (playing) void television.run(() => api.post("/api/stage/tv", { action: "play", film: name }));
  };
  const toggle = (): void => {
    void television.run(() => api.post("/api/stage/tv", playing ? { action: "stop", film: null } : { action: "play", film }));
  };

  return (
    <Panel name="room" title="Room" aside={<p class="quiet">{playing ? "TV on" : "TV off"}</p>}>
      <fieldset disabled={!state.may("stage")}>
      <div class="row tv">
        <Select
          label="Film for the TV"
          choices={films.map((name) => ({ value: name, label: label(name) }))}
          value={film}
          disabled={films.length === 0}
          onChoose={choose}
        />
        <Button
          icon={playing ? "stop" : "play"}
          label={playing ? "Stop TV" : "Play TV"}
          disabled={film === ""}
          busy={television.busy.value}
          onPress={toggle}
        >
          {playing ? "Stop" : "Play"}
        </Button>
      </div>
      <Segmented
        legend="Time of day"
        choices={DAYLIGHTS}
        value={now?.daylight ?? null}
        disabled={!now}
        onChoose={(time) => void daylight.run(() => api.post("/api/stage/lights", { daylight: time }))}
      />
      <Switch label="Lamp" icon="lamp" on={now?.lamp ?? false} disabled={!now} onTurn={(on) => void lamp.run(() => api.post("/api/stage/lights", { lamp: on }))} />
      </fieldset>
    </Panel>
  );
}
