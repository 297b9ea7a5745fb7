/** What goes out of the house: the stream and the recording of each show, as they are and what last broke them. */
import type { JSX } from "preact";
import { Listed, Section, State } from "../controls/sheet";
import { decimal, megabytes } from "../core/format";
import { bitrate, titleOfOutput } from "../core/house";
import type { OutputView } from "../models";
import { useKnown } from "../page";

const STATES = {
  starting: ["wait", "nothing yet"],
  up: ["good", "going out"],
  down: ["bad", "down"],
  over: ["off", "over"],
} as const;

export function Outputs(): JSX.Element | null {
  const { house } = useKnown();
  const outputs = house.value?.outputs ?? [];
  if (outputs.length === 0) return null;
  return (
    <Section title="Outputs" note="what goes out of the shows; each goes on by itself when it was broken">
      <Listed title="Outputs" kind="workers" columns={["Output", "State", "Pictures", "Data", "Reconnects", "Lost", "Last failure"]}>
        {outputs.map((output) => (
          <OutputRow key={`${output.of} ${output.kind}`} output={output} />
        ))}
      </Listed>
    </Section>
  );
}

function OutputRow({ output }: { output: OutputView }): JSX.Element {
  const [is, words] = STATES[output.state];
  const size = output.megabytes ?? null;
  const fps = output.frames_per_second ?? null;
  return (
    <tr>
      <th scope="row">
        {titleOfOutput(output)} <span class="quiet">{output.where}</span>
      </th>
      <td>
        <State is={is}>{words}</State>
      </td>
      <td data-label="Pictures">{fps === null ? <span class="quiet dash">–</span> : <span class="pid">{decimal(fps)} a second</span>}</td>
      <td data-label="Data">
        {bitrate(output.bits_per_second)}
        {size !== null && <span class="quiet pid">{megabytes(size)} written</span>}
      </td>
      <td data-label="Reconnects">{output.reconnects}</td>
      <td data-label="Lost">
        {output.lost === 0 ? 0 : <span class="pid">{output.lost} s</span>}
        {output.waiting > 1 && <span class="quiet pid">{output.waiting} s wait for the disk</span>}
      </td>
      <td class="cause" data-label="Last failure">{output.last_failure || <span class="quiet dash">–</span>}</td>
    </tr>
  );
}
