/** A lesson in a conversation: the exercise that is asked, what became of the answers word by word, and what is learnt. */
import type { JSX } from "preact";
import { useId, useRef } from "preact/hooks";
import { Button } from "../controls/controls";
import { useNow } from "../controls/now";
import { Section } from "../controls/sheet";
import { counted } from "../core/format";
import { usePage } from "../page";
import { answerTo, current, dueIn, dueNow, inWords, newest } from "../talk/lessons";
import type { Exercise, Help, Judged, JudgedWord, LessonState } from "../talk/protocol";
import { useInSight } from "./in-sight";
import { REVIEW } from "./talk-learning";

const HELP: readonly { want: Help; label: string }[] = [
  { want: "again", label: "Say it again" },
  { want: "hint", label: "Hint" },
  { want: "translation", label: "Translate" },
  { want: "skip", label: "Skip" },
];
/** Of what is said of when a word comes again. */
const TICK_MS = 5_000;
const VERDICTS = { right: "Right", close: "Nearly right", wrong: "Not right" } as const;
const ASKED = {
  repeat: "Say it, or write it.",
  choice: "Say one of them, or press it.",
  answer: "Answer aloud, or in writing.",
  write: "Write it below.",
} as const;

export function TalkLesson(): JSX.Element | null {
  const { talk } = usePage();
  const { lesson, judged } = talk.learning.value;
  const exercise = current(talk.learning.value);
  const box = useRef<HTMLDivElement>(null);
  useInSight(box, [lesson?.state, exercise?.id, exercise?.hint, exercise?.translation, judged.length]);
  if (lesson === null) return null;
  return (
    <div class="lesson" data-state={lesson.state} ref={box}>
      <header class="lesson-head">
        <strong>{lesson.title}</strong>
        <span class="quiet">
          {lesson.level} · {lesson.state === "over" ? "finished" : `exercise ${lesson.number} of ${lesson.count}`}
        </span>
        <progress max={lesson.count} value={lesson.state === "over" ? lesson.count : lesson.number - 1} aria-label="How far the lesson has come" />
      </header>
      <Newest />
      {lesson.state === "over" ? <Over lesson={lesson} /> : exercise && <Asked exercise={exercise} />}
      {!lesson.scored && <p class="quiet lesson-plain">Words are not scored here: you are told which were understood.</p>}
    </div>
  );
}

function Asked({ exercise }: { exercise: Exercise }): JSX.Element {
  const { talk } = usePage();
  const open = talk.link.value?.is === "open";
  const wanted = HELP.filter(({ want }) => want !== "translation" || exercise.translates);
  return (
    <section class="lesson-card" aria-label="The exercise">
      <p class="lesson-ask">{exercise.ask}</p>
      {exercise.text && <p class="lesson-text">{exercise.text}</p>}
      {exercise.options.length > 0 && (
        <ul class="lesson-options">
          {exercise.options.map((option) => (
            <li key={option}>
              <Button disabled={!open} onPress={() => talk.say(option)}>
                {option}
              </Button>
            </li>
          ))}
        </ul>
      )}
      {exercise.hint && (
        <p class="lesson-given">
          <span class="quiet">Hint</span> {exercise.hint}
        </p>
      )}
      {exercise.translation && (
        <p class="lesson-given">
          <span class="quiet">Translation</span> {exercise.translation}
        </p>
      )}
      <div class="lesson-help">
        <span class="quiet">
          {exercise.again && "Once more. "}
          {ASKED[exercise.kind]}
        </span>
        {wanted.map(({ want, label }) => (
          <Button key={want} kind="ghost" disabled={!open} onPress={() => talk.help(want)}>
            {label}
          </Button>
        ))}
      </div>
    </section>
  );
}

/** The newest answer: the learner's own words, and beside them what they should have been. */
function Newest(): JSX.Element | null {
  const { talk } = usePage();
  const found = newest(talk.learning.value);
  if (!found) return null;
  const { judged, exercise } = found;
  return (
    <section class="lesson-answer" data-verdict={judged.verdict} aria-label="Your answer" aria-live="polite">
      <p class="lesson-verdict">
        <strong>{VERDICTS[judged.verdict]}</strong>
        <span class="quiet">
          {judged.written ? "You wrote" : "I heard"}: “{judged.said}”
        </span>
      </p>
      <Words judged={judged} exercise={exercise} />
      {judged.correction && (exercise.state !== "asked" || judged.because) && (
        <p class="lesson-correction">
          {exercise.state !== "asked" && (
            <>
              <span class="quiet">Say</span> {judged.correction}{" "}
            </>
          )}
          {judged.because && <span>{judged.because}</span>}
        </p>
      )}
    </section>
  );
}

/** Its words; those of an answer that is still to be found are not given away. */
function Words({ judged, exercise }: { judged: Judged; exercise: Exercise }): JSX.Element | null {
  const given = exercise.kind === "repeat" || exercise.state !== "asked";
  if (!given || (judged.verdict === "wrong" && exercise.kind === "choice")) return null;
  return (
    <ul class="lesson-words" aria-label="Word by word">
      {judged.words.map((word, index) => (
        <Word key={index} word={word} written={judged.written} />
      ))}
    </ul>
  );
}

function Word({ word, written }: { word: JudgedWord; written: boolean }): JSX.Element {
  const score = word.score ?? null;
  const told = inWords(word, written);
  return (
    <li class="lesson-word" data-state={word.state} title={told}>
      <span>{word.text}</span>
      <span class="unseen">: {told}</span>
      {score !== null && (
        <span class="lesson-score">
          {score}
          <span class="unseen"> of 100</span>
        </span>
      )}
    </li>
  );
}

function Over({ lesson }: { lesson: LessonState }): JSX.Element {
  const { talk } = usePage();
  const again = useId();
  const learning = talk.offer.value?.learning;
  const due = dueNow(talk.learning.value.vocabulary, useNow(TICK_MS));
  const others = (learning?.lessons ?? []).filter(({ name }) => name !== lesson.name);
  const wrong = talk.learning.value.exercises.filter((one) => !one.again && one.state !== "right");
  return (
    <section class="lesson-card" aria-label="The result">
      <p class="lesson-text">
        {lesson.right} of {lesson.right < lesson.count ? lesson.count : lesson.right} right, {lesson.first} at once
      </p>
      {wrong.length > 0 && (
        <>
          <h3 id={again}>To look at again</h3>
          <ul class="lesson-open" aria-labelledby={again}>
            {wrong.map((one) => (
              <li key={one.id}>
                <span class="quiet">{answerTo(talk.learning.value, one.id)?.said ?? "skipped"}</span> → {one.answer}
              </li>
            ))}
          </ul>
        </>
      )}
      <div class="lesson-help">
        {lesson.name !== REVIEW && (
          <Button icon="again" onPress={() => talk.learn(lesson.name)}>
            Once more
          </Button>
        )}
        {due > 0 && (
          <Button kind="primary" onPress={() => talk.learn(REVIEW)}>
            {`Review ${due} due`}
          </Button>
        )}
        {others.map((one) => (
          <Button key={one.name} onPress={() => talk.learn(one.name)}>
            {one.title}
          </Button>
        ))}
      </div>
    </section>
  );
}

/** The vocabulary, what is due first. */
export function TalkVocabulary(): JSX.Element | null {
  const { talk } = usePage();
  const now = useNow(TICK_MS);
  const { vocabulary } = talk.learning.value;
  if (vocabulary === null || vocabulary.words.length === 0) return null;
  const due = dueNow(vocabulary, now);
  const words = counted(vocabulary.count, "word");
  const ready = talk.learning.value.lesson === null && talk.link.value?.is === "open"; // a lesson has its own way to it
  const note = `level ${vocabulary.level} · ${words}, ${due} due${vocabulary.kept ? "" : " · kept until this house closes"}`;
  return (
    <Section title="What you learn" note={note}>
      <ul class="lesson-vocabulary" aria-label="Vocabulary">
        {vocabulary.words.map((word) => (
          <li key={word.word}>
            <strong>{word.word}</strong>
            <span class="quiet">{word.meaning}</span>
            {word.translation && <span lang="">{word.translation}</span>}
            <span class="lesson-due">{dueIn(word.due, now)}</span>
          </li>
        ))}
      </ul>
      {due > 0 && ready && (
        <div class="lesson-help">
          <Button icon="again" onPress={() => talk.learn(REVIEW)}>
            {due === 1 ? "Review it now" : `Review ${due} now`}
          </Button>
        </div>
      )}
    </Section>
  );
}
