/** What there is to choose from: keys, voices to hear, characters, and the way to a better voice or mind. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Button } from "../controls/controls";
import { useRequest } from "../controls/request";
import { Command, Listed, Nothing, Section, State } from "../controls/sheet";
import type { KeyView, SetupView, TalkCharacter, UpgradeView, VoicesView } from "../models";
import { usePage } from "../page";
import { ApiError } from "../requests";
import { TALK } from "../routes";

const SAMPLE = "Good to hear it, yes.";
/** A voice may first have to be loaded, ms. */
const VOICE_MS = 60_000;

export function Setup(): JSX.Element {
  const { api, state } = usePage();
  const talks = state.house.value?.parts.some((part) => part.topic === "talk") ?? false;
  const found = useSignal<SetupView | null>(null);
  const voices = useSignal<readonly VoicesView[]>([]);
  const characters = useSignal<readonly TalkCharacter[]>([]);
  const request = useRequest();
  const look = (): void => void request.run(async () => (found.value = await api.get("/api/setup")));
  useEffect(() => {
    look();
    void api.get("/api/voices").then((all) => (voices.value = all), ignored);
  }, []);
  useEffect(() => {
    if (talks) void api.get("/api/talk").then((offer) => (characters.value = offer.characters), ignored);
  }, [talks]);
  return (
    <>
      <Section title="A better voice or mind in three minutes" note="what is set stays as it is until the house is started with it">
        {found.value ? (
          <div class="columns upgrades">
            {found.value.upgrades.map((one) => (
              <Upgrade key={one.name} upgrade={one} />
            ))}
          </div>
        ) : (
          <Nothing>One moment: it is being looked for.</Nothing>
        )}
        <p class="row">
          <Button icon="again" busy={request.busy.value} onPress={look}>
            Check again
          </Button>
        </p>
      </Section>
      <Section title="Voices to try" note="of the engines that speak now">
        <Trial voices={voices.value} />
      </Section>
      {characters.value.length > 0 && <Characters characters={characters.value} />}
      {found.value && <Keys keys={found.value.keys} />}
    </>
  );
}

/** What is no part of this house is not shown. */
function ignored(error: unknown): void {
  if (!(error instanceof ApiError)) throw error;
}

const STATES = { used: ["good", "in use"], ready: ["good", "ready to use"], missing: ["off", "not here"] } as const;

function Upgrade({ upgrade }: { upgrade: UpgradeView }): JSX.Element {
  const [is, words] = STATES[upgrade.state];
  return (
    <div class="upgrade">
      <h3>
        {upgrade.title} <State is={is}>{words}</State>
      </h3>
      <p class="quiet">{upgrade.what}</p>
      <p role="status">{upgrade.told}</p>
      {upgrade.steps.length > 0 && (
        <ol>
          {upgrade.steps.map(({ words: what, command }) => (
            <li key={command}>
              {what}
              <Command line={command} what={`of ${upgrade.title}: ${what}`} />
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}

function Trial({ voices }: { voices: readonly VoicesView[] }): JSX.Element {
  const { api, state } = usePage();
  const there = voices.filter((one) => one.voices.length > 0);
  const engine = useSignal("");
  const voice = useSignal("");
  const text = useSignal(SAMPLE);
  const sound = useSignal("");
  const player = useRef<HTMLAudioElement>(null);
  const request = useRequest();
  const ids = { engine: useId(), voice: useId() };
  const chosen = there.find((one) => one.engine === engine.value) ?? there[0];
  const said = chosen?.voices.includes(voice.value) ? voice.value : (chosen?.voices[0] ?? "");
  useEffect(() => () => URL.revokeObjectURL(sound.peek()), []);
  if (!chosen) return <Nothing>No engine that speaks has come up yet.</Nothing>;
  const hear = (event: Event): void => {
    event.preventDefault();
    void request.run(async () => {
      const file = await api.file("/api/voices/try", { engine: chosen.engine, voice: said, text: text.value.trim() || SAMPLE }, VOICE_MS);
      URL.revokeObjectURL(sound.value);
      sound.value = URL.createObjectURL(file);
      if (!player.current) return;
      player.current.src = sound.value;
      await player.current.play().catch(() => undefined); // it is pressed again, on the control that shows
    });
  };
  return (
    <form class="trial" onSubmit={hear}>
      <label for={ids.engine}>Engine</label>
      <select class="field" id={ids.engine} value={chosen.engine} onChange={(event) => (engine.value = event.currentTarget.value)}>
        {there.map((one) => (
          <option key={one.engine}>{one.engine}</option>
        ))}
      </select>
      <label for={ids.voice}>Voice</label>
      <select class="field" id={ids.voice} value={said} onChange={(event) => (voice.value = event.currentTarget.value)}>
        {chosen.voices.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
      <input
        class="field words"
        type="text"
        aria-label="What it says"
        maxLength={200}
        value={text.value}
        onInput={(event) => (text.value = event.currentTarget.value)}
      />
      <Button type="submit" kind="primary" icon="sound" busy={request.busy.value} disabled={!state.may("talk")}>
        Hear it
      </Button>
      <audio ref={player} controls hidden={sound.value === ""} aria-label={`${said} of ${chosen.engine}`} />
    </form>
  );
}

function Characters({ characters }: { characters: readonly TalkCharacter[] }): JSX.Element {
  const { router } = usePage();
  return (
    <Section title="Characters" note={<a href={router.href(TALK)}>talk with one</a>}>
      <ul class="characters">
        {characters.map((one) => (
          <li key={one.name}>
            <strong>{one.title}</strong> <code>{one.name}</code>
            <span class="quiet">
              {one.tagline} Speaks {new Intl.DisplayNames(undefined, { type: "language" }).of(one.language) ?? one.language}.
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Keys({ keys }: { keys: readonly KeyView[] }): JSX.Element {
  return (
    <Section title="Keys" note="they are read from the environment when the house starts, and shown nowhere">
      <Listed title="Keys" kind="short" columns={["Engine", "Key", "Variable"]}>
        {keys.map((key) => (
          <tr key={key.engine}>
            <th scope="row">
              {key.engine} {key.chosen && <span class="quiet">set</span>}
            </th>
            <td>
              <State is={key.present ? "good" : key.chosen ? "bad" : "off"}>{key.present ? "there" : "not there"}</State>
            </td>
            <td>
              <code>{key.variable}</code>
            </td>
          </tr>
        ))}
      </Listed>
    </Section>
  );
}
