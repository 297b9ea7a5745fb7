/** Before a conversation: which lesson, what is due, and the language to translate into. */
import type { JSX } from "preact";
import { useId } from "preact/hooks";
import { Select } from "../controls/controls";
import { counted } from "../core/format";
import type { TalkLearning, TalkLesson } from "../models";

export const REVIEW = "review";

interface Props {
  readonly learning: TalkLearning;
  /** Whom one talks with corrects and translates, without a lesson too. */
  readonly taught: boolean;
  /** By name; empty: no lesson. */
  readonly value: string;
  readonly language: string;
  readonly onChoose: (lesson: string) => void;
  readonly onLanguage: (language: string) => void;
}

export function LessonPicker({ learning, taught, value, language, onChoose, onLanguage }: Props): JSX.Element {
  const group = useId();
  const named = languagesOf(learning).map((tag) => ({ value: tag, label: nameOf(tag) })).sort((one, other) => one.label.localeCompare(other.label));
  const choice = (name: string, title: string, about: string, aside: string): JSX.Element => (
    <label key={name}>
      <input type="radio" name={group} value={name} checked={value === name} onChange={() => onChoose(name)} />
      <span class="lesson-choice">
        <strong>{title}</strong>
        <span class="lesson-aside">{aside}</span>
        <span class="quiet">{about}</span>
      </span>
    </label>
  );
  return (
    <div class="lesson-picker">
      <Progress learning={learning} />
      <div class="lesson-choices" role="radiogroup" aria-label="Lesson">
        {choice("", "No lesson", learning.model ? "Talk freely; it corrects you beside your own words where it teaches." : "Just talk.", "")}
        {learning.due > 0 && choice(REVIEW, "Review", "The words whose time has come.", `${learning.due} due`)}
        {learning.lessons.map((lesson) => choice(lesson.name, lesson.title, lesson.about, standing(lesson)))}
      </div>
      {learning.broken.map((what) => (
        <p key={what} class="lesson-broken quiet">
          A lesson is left out, because its file is wrong: {what}
        </p>
      ))}
      {(value !== "" || (taught && learning.model)) && (
        <div class="lesson-language">
          <span class="quiet">Translations</span>
          <Select
            label="Translate into"
            choices={[{ value: "", label: "None" }, ...named]}
            value={language}
            onChoose={onLanguage}
          />
          {!learning.model && (
            <span class="quiet">There is no language model here: lessons are drills. You are asked, you answer, and you are told what was right.</span>
          )}
        </div>
      )}
    </div>
  );
}

/** Where the learner stands: the level, what is learnt, and what comes next. */
function Progress({ learning }: { learning: TalkLearning }): JSX.Element | null {
  if (learning.lessons.length === 0) return null;
  const next = learning.lessons.find((lesson) => lesson.next);
  const words = counted(learning.words, "word");
  return (
    <p class="lesson-progress quiet">
      To practise English: your level is <strong>{learning.level}</strong>
      {learning.words > 0 && `, ${words} learnt, ${learning.due} due`}
      {next && `; next is ${next.title}`}.
    </p>
  );
}

function standing(lesson: TalkLesson): string {
  const best = lesson.times > 0 ? `best ${Math.round(100 * lesson.best)} %` : lesson.next ? "next" : "";
  return [lesson.level, best].filter(Boolean).join(" · ");
}

/** The language of the browser, if it can be translated into. */
export function ownLanguage(learning: TalkLearning): string {
  const own = navigator.languages.map((tag) => tag.split("-", 1)[0] ?? "");
  const known = languagesOf(learning);
  return own.find((tag) => known.includes(tag)) ?? "";
}

/** Into which lessons are translated, and what a language model says. */
function languagesOf(learning: TalkLearning): readonly string[] {
  return [...new Set([...learning.lessons.flatMap(({ translations }) => translations), ...learning.languages])];
}

function nameOf(tag: string): string {
  return new Intl.DisplayNames(undefined, { type: "language" }).of(tag) ?? tag;
}
