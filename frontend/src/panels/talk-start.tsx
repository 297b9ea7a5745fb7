/** Before a conversation: with whom, about what, and who begins. */
import { useSignal } from "@preact/signals";
import type { JSX, TargetedSubmitEvent } from "preact";
import { useId } from "preact/hooks";
import { Button, Switch } from "../controls/controls";
import { Section } from "../controls/sheet";
import { legible } from "../core/colour";
import type { TalkOffer } from "../models";
import { usePage } from "../page";
import { LessonPicker, ownLanguage } from "./talk-learning";
import { TalkTroubles } from "./talk-troubles";
import { personId, remember, remembers } from "../talk/person";

const PAPER = "#212428";

export function TalkStart({ offer }: { offer: TalkOffer }): JSX.Element {
  const { talk } = usePage();
  const chosen = useSignal("");
  const who = offer.characters.find(({ name }) => name === chosen.value) ?? offer.characters[0];
  const lesson = useSignal("");
  const translate = useSignal<string | null>(null);
  const language = translate.value ?? ownLanguage(offer.learning);
  const topic = useSignal("");
  const greets = useSignal(true);
  const known = useSignal(remembers());
  const know = (on: boolean): void => {
    known.value = on;
    remember(on);
  };
  const group = useId();
  const begin = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    void talk.begin({
      character: who?.name ?? "",
      topic: topic.value.trim(),
      greet: greets.value,
      microphone: true,
      lesson: lesson.value,
      translate: language,
      person: known.value ? personId() : "",
    });
  };
  const choose = (name: string): void => {
    const tutor = offer.characters.find(({ teaches }) => teaches);
    if (name !== "" && lesson.value === "" && tutor) chosen.value = tutor.name;
    lesson.value = name;
  };
  return (
    <Section title="With whom?">
      {talk.before.value && (
        <div class="talk-before">
          <p>The conversation of before still waits for you.</p>
          <Button kind="primary" icon="talk" onPress={() => void talk.resume()}>
            Go on with it
          </Button>
          <Button onPress={() => talk.forget()}>Leave it</Button>
        </div>
      )}
      <form class="talk-start" onSubmit={begin}>
        <div class="talk-cast" role="radiogroup" aria-label="With whom">
          {offer.characters.map((one) => (
            <label key={one.name} style={{ "--talk-colour": one.colour ? legible(one.colour, PAPER) : "var(--accent)" }}>
              <input type="radio" name={group} value={one.name} checked={who === one} onChange={() => (chosen.value = one.name)} />
              <span class="talk-person">
                <strong>{one.title}</strong>
                <span class="quiet">{one.tagline || `Speaks ${languageOf(one.language)}.`}</span>
              </span>
            </label>
          ))}
        </div>
        <LessonPicker
          learning={offer.learning}
          taught={who?.teaches ?? false}
          value={lesson.value}
          language={language}
          onChoose={choose}
          onLanguage={(tag) => (translate.value = tag)}
        />
        <div class="talk-wishes">
          <input
            class="field"
            type="text"
            aria-label="Topic"
            placeholder="About what? (or nothing in particular)"
            maxLength={400}
            autocomplete="off"
            disabled={lesson.value !== ""}
            value={topic.value}
            onInput={(event) => (topic.value = event.currentTarget.value)}
          />
          <Switch
            label={`${who?.title ?? "The character"} speaks first`}
            icon="talk"
            on={greets.value || lesson.value !== ""}
            disabled={lesson.value !== ""}
            onTurn={(on) => (greets.value = on)}
          />
          <Switch label="Remember me" icon="again" on={known.value} onTurn={know} />
          <Button type="submit" kind="primary" icon="play" disabled={offer.characters.length === 0}>
            Begin
          </Button>
        </div>
      </form>
      <TalkTroubles />
      {offer.reasons.length > 0 && <p class="explained">At the moment {offer.reasons.join("; ")}.</p>}
    </Section>
  );
}

function languageOf(tag: string): string {
  return new Intl.DisplayNames(undefined, { type: "language" }).of(tag) ?? tag;
}
