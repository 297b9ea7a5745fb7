"""Lessons in conversations over sockets, in virtual time: gone through in writing and by voice, taken back, left and
come back to, with and without a language model.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from call_doubles import TestClock
from engine_doubles import ADA
from talk_doubles import HELLO, Door

from duologue.app.engines import engines
from duologue.app.lessons.desk import MOST_NEW, LessonDesk
from duologue.app.lessons.learners import Learners
from duologue.app.show.cast import CastMember
from duologue.app.talk import messages as say
from duologue.app.talk import sessions as talk_sessions
from duologue.audio.pcm import Samples
from duologue.client import TalkClient, TalkWish
from duologue.clock import SECOND
from duologue.dialogue.ports import PlayStarted
from duologue.dialogue.turns.vocabulary import Annotate, Commit, Think, Typed, Withdrawn
from duologue.errors import PeerError
from duologue.language.engine import LanguageCapabilities, Line, Moment, Prompt
from duologue.language.structured import ReplyChunk
from duologue.settings import Settings
from duologue.simulation.virtual_time import simulate
from duologue.speech.hearing import EAR_RATE
from duologue.speech.hearing_fake import Hearing, evenly
from duologue.speech.pocketsphinx.words import written_words
from duologue.speech.pronunciation import goodness
from duologue.speech.pronunciation.scorer import WordEvidence
from duologue.tutor.lesson import shipped_lessons
from duologue.tutor.progress import Remembered, WordCard

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

Story = Callable[[Door], Awaitable[None]]
GREETINGS = shipped_lessons()[0]


class Scorer:
    """In the place of the one beside PocketSphinx: words in ``unclear`` are, the others are clear."""

    workers = ()
    unclear: frozenset[str] = frozenset()
    asked: list[tuple[float, str]] = []  # noqa: RUF012 (emptied by each test)
    failure: Exception | None = None

    async def warm_up(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def score(self, samples: Samples, rate: int, text: str) -> tuple[WordEvidence, ...]:
        if self.failure is not None:
            raise self.failure
        self.asked.append((len(samples) / rate, text))
        return tuple(
            WordEvidence(word.text, -9.0 if word.text in self.unclear else 1.0) for word in written_words(text)
        )


@pytest.fixture(autouse=True)
def _scored(monkeypatch: pytest.MonkeyPatch) -> None:
    Scorer.asked, Scorer.unclear, Scorer.failure = [], frozenset(), None
    monkeypatch.setattr(engines, "PronunciationScorer", Scorer)
    monkeypatch.setattr(goodness, "TRUSTED", True)


def play(
    monkeypatch: pytest.MonkeyPatch, folder: Path, story: Story, *replies: str, instructed: bool = False, **options: Any
) -> Door:
    door = Door(monkeypatch, folder, replies, **options)
    capabilities = LanguageCapabilities(instructed=instructed)
    monkeypatch.setattr(type(door.model), "capabilities", property(lambda self: capabilities))

    async def main() -> None:
        async with door:
            await story(door)

    simulate(main(), limit=7200)
    return door


def wish(lesson: str = "greetings", **given: Any) -> TalkWish:
    return TalkWish(lesson=lesson, translate="de", person="learner", **given)


async def begun(group: asyncio.TaskGroup, client: TalkClient) -> asyncio.Task[say.TalkBye]:
    running = group.create_task(client.run())
    await client.until(lambda: client.welcome is not None)
    return running


async def spoken(client: TalkClient, count: int = 1) -> None:
    """Until the tutor has said all of its turns."""
    await client.until(
        lambda: (
            sum(turn.state == "ended" and not turn.person for turn in client.turns) >= count
            and all(chunk.state in ("heard", "cut") for chunk in client.chunks.values())
        )
    )


def asked_number(client: TalkClient) -> int:
    return next((one.number for one in client.exercises.values() if one.state == "asked"), 0)


def asked(client: TalkClient) -> say.TalkExercise:
    return next(one for one in client.exercises.values() if one.state == "asked")


def test_a_whole_lesson_in_writing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: Door) -> None:
        client, _ = door.client(wish())
        async with asyncio.TaskGroup() as group:
            await begun(group, client)
            await spoken(client)
            assert client.turns[0].heard == f"{GREETINGS.intro} Say after me. {GREETINGS.exercises[0].answers[0]}"
            for number, exercise in enumerate(GREETINGS.exercises, 1):
                card = asked(client)
                assert (card.number, card.kind, card.ask) == (number, exercise.kind.value, exercise.ask)
                assert client.lesson is not None and client.lesson.number == number
                assert await client.ask(exercise.answers[0])
            assert client.lesson is not None
            assert (client.lesson.state, client.lesson.right, client.lesson.first) == ("over", 7, 7)
            assert {one.state for one in client.exercises.values()} == {"right"}
            assert [judged.verdict for judged in client.judged.values()] == ["right"] * 7
            assert all(judged.written for judged in client.judged.values())
            await client.until(lambda: client.vocabulary is not None and client.vocabulary.count == 5)
            assert client.vocabulary is not None and not client.vocabulary.kept
            assert {word.translation for word in client.vocabulary.words} == {
                vocable.translations["de"] for vocable in GREETINGS.vocabulary
            }
            assert "no language model" in await client.ask("What is the weather like?")
            client.leave()
        offered = await door.sessions.learning("learner")
        assert (offered.lessons[0].times, offered.lessons[0].best, offered.lessons[1].next) == (1, 1.0, True)
        assert (offered.words, offered.due, offered.model) == (5, 0, False)
        assert (await door.sessions.learning("stranger")).words == 0
        assert (await door.sessions.learning("learner", "another token")).words == 0

    door = play(monkeypatch, tmp_path, story)
    assert door.sessions.held == 0 and not door.model.prompts  # the lesson alone has spoken


def test_corrections_hints_translations_and_another_try(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: Door) -> None:
        client, _ = door.client(wish())
        async with asyncio.TaskGroup() as group:
            await begun(group, client)
            await spoken(client)
            await client.ask(GREETINGS.exercises[0].answers[0])
            card = asked(client)
            assert card.translates and not card.hint and not card.translation
            assert "when you go to bed. Try again." in await client.ask("good night")
            (judged,) = [one for one in client.judged.values() if one.exercise == card.id]
            assert (judged.said, judged.verdict, judged.correction) == ("good night", "wrong", "Good morning.")
            assert judged.because.startswith("Good night is")
            said = len(client.turns)
            client.help("hint")
            client.help("translation")
            await client.until(lambda: bool(asked(client).translation))
            assert asked(client).hint == "It is the beginning of the day."
            assert asked(client).translation.startswith("Es ist acht Uhr")
            assert len(client.turns) == said  # they are shown, and nobody is interrupted
            client.help("skip")
            await client.until(lambda: asked_number(client) == 3)
            assert client.exercises[card.id].state == "wrong"
            assert client.exercises[card.id].answer == "Good morning."
            await client.until(lambda: client.lesson is not None and client.lesson.count == 8)  # it comes once more
            await spoken(client, 4)
            assert "It is the beginning" not in client.turns[-1].heard
            client.leave()

    play(monkeypatch, tmp_path, story)


async def speak(client: TalkClient, begin: float, seconds: float, until: float) -> None:
    count = EAR_RATE // 50
    for number in range(round(until * 50)):
        at = number / 50
        loud = 0.5 if begin <= at < begin + seconds else 0.0
        client.hear(1_000_000 + number * count, np.full(count, loud, np.float32))
        await asyncio.sleep(0.02)


def test_who_speaks_is_heard_by_the_grammar_and_scored_word_by_word(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Scorer.unclear = frozenset({"meet"})
    said = "hello nice to meet you"

    async def story(door: Door) -> None:
        client, _ = door.client(wish(microphone=True))
        async with asyncio.TaskGroup() as group:
            await begun(group, client)
            assert client.welcome is not None and client.welcome.microphone
            talking = group.create_task(speak(client, 12.0, 1.9, 25.0))
            await client.until(lambda: bool(client.judged))
            (judged,) = client.judged.values()
            assert (judged.said, judged.written, judged.verdict) == (said, False, "close")
            words = {word.text: (word.state, (word.score or 0) > 50) for word in judged.words}
            assert words["meet"] == ("unclear", False) and words["Hello"] == ("right", True)
            assert client.lesson is not None and client.lesson.scored
            await spoken(client, 2)
            assert "Listen once more: meet." in client.turns[-1].heard
            talking.cancel()
            client.leave()

    door = play(monkeypatch, tmp_path, story, heard=[Hearing(evenly(said, 0.3))])
    (expected,) = door.ears.calls
    assert "hello nice to meet you" in expected.grammar and not expected.phrases
    ((seconds, text),) = Scorer.asked
    assert text == "Hello, nice to meet you." and 1.9 <= seconds < 4.0


@pytest.mark.parametrize("trusted", [True, False])
def test_without_a_score_it_is_told_what_was_understood(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, trusted: bool
) -> None:
    monkeypatch.setattr(goodness, "TRUSTED", trusted)
    Scorer.failure = PeerError("PocketSphinx is gone")

    async def story(door: Door) -> None:
        client, _ = door.client(wish(microphone=True))
        async with asyncio.TaskGroup() as group:
            await begun(group, client)
            talking = group.create_task(speak(client, 12.0, 1.9, 25.0))
            await client.until(lambda: bool(client.judged))
            (judged,) = client.judged.values()
            assert judged.verdict == "right" and {word.score for word in judged.words} == {None}
            assert client.lesson is not None and client.lesson.scored == trusted
            talking.cancel()
            client.leave()

    play(monkeypatch, tmp_path, story, heard=[Hearing(evenly("hello nice to meet you", 0.3))])


async def stepped(desk: LessonDesk, said: str, reply: str, *, written: bool = False) -> str:
    """What the tutor says to that, none of it heard yet."""
    desk.see(Typed(said)) if written else desk.heard([np.zeros(1600, np.float32)])
    desk.see(Think(reply, said, False))
    lines = (Line("person", said),) if said else ()
    moment = Moment.ANSWER if said else Moment.OPENING
    pieces = [piece async for piece in desk.mind.write(replace(Prompt.by(ADA.persona, lines=lines), moment=moment))]
    return "".join(pieces)


async def test_an_answer_that_goes_on_is_judged_as_a_whole() -> None:
    """The learner pauses, the tutor is about to answer, and they go on before a word of it was heard."""
    progress, told = Remembered(), list[say.FromServer]()
    desk = LessonDesk(progress, TestClock(SECOND))
    desk.tell = lambda message, about: told.append(message)
    await desk.load()
    await desk.open("greetings")
    await stepped(desk, "", "r1")
    desk.see(PlayStarted("r1/0", 0))
    assert "I did not hear" in await stepped(desk, "hello nice", "r2")
    assert [message.tries for message in told if isinstance(message, say.TalkExercise)][-1] == 1
    desk.see(Withdrawn("r2", 1))
    assert [message.tries for message in told if isinstance(message, say.TalkExercise)][-1] == 0
    assert "eight o'clock" in await stepped(desk, "hello nice to meet you", "r3")
    desk.see(PlayStarted("r3/0", 0))
    desk.see(Commit("hello nice to meet you", "Good.", "r3", True))
    desk.see(Withdrawn("r9", 2))  # of nobody's reply
    assert "when you go to bed" in await stepped(desk, "good night", "r4")
    assert next(message.state for message in told if isinstance(message, say.TalkExercise)) == "asked"


async def test_an_answer_in_writing_counts_at_once_and_is_not_judged_again() -> None:
    desk = LessonDesk(Remembered(), TestClock(SECOND))
    await desk.load()
    await desk.open("greetings")
    await stepped(desk, "", "r1")
    first, second = GREETINGS.exercises[0].answers[0], GREETINGS.exercises[1].answers[0]
    assert "eight o'clock" in await stepped(desk, first, "r2", written=True)
    desk.see(Withdrawn("r2", 1))  # they wrote on before a word was heard: the turn is open again, with both
    assert "Ask me how I am" in await stepped(desk, f"{first} {second}", "r3", written=True)
    desk.see(Withdrawn("r3", 1))
    third = GREETINGS.exercises[2].answers[0]
    assert "And how are you?" in await stepped(desk, f"{first} {second} {third}", "r4", written=True)


def test_a_page_that_is_loaded_anew_is_told_the_lesson_so_far(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: Door) -> None:
        wire = door.wire()
        wire.put({**HELLO, "lesson": "greetings"})
        token = (await wire.take_until("welcome"))["resume"]
        await wire.take_until("exercise")
        wire.put({"type": "say", "text": "hello"})
        judged = await wire.take_until("judged")
        wire.break_off()
        await asyncio.sleep(1.0)
        other = door.wire()
        other.put({**HELLO, "resume": token})
        assert (await other.take_until("exercise"))["tries"] == 1
        assert await other.take_until("judged") == judged
        other.put({"type": "leave"})

    play(monkeypatch, tmp_path, story)


def test_lessons_that_are_not_there_and_messages_at_the_wrong_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def story(door: Door) -> None:
        for lesson, what in (("no-such", "no lesson"), ("review", "no word is due"), ("../x.toml", "no lesson")):
            wire = door.wire()
            wire.put({**HELLO, "lesson": lesson})
            bye = await wire.take_until("bye")
            assert bye["code"] == "lesson" and what in bye["text"].lower() and "(lesson)" not in bye["text"]
        plain = door.wire()
        plain.put(HELLO)
        await plain.take_until("welcome")
        plain.put({"type": "help", "want": "hint"})
        plain.put({"type": "learn", "lesson": "greetings"})
        assert "No lessons are held" in (await plain.take_until("notice"))["text"]
        plain.put({"type": "leave"})
        await plain.take_until("bye")
        assert door.sessions.held == 0

    play(monkeypatch, tmp_path, story)


def test_one_lesson_follows_another_and_a_review_what_is_due(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: Door) -> None:
        progress = door.sessions.learners.of("learner", "", None)[0]
        await progress.learn([WordCard("good morning", "A greeting.", "greetings", due=door.clock.wall() - SECOND)])
        assert (await door.sessions.learning("learner")).due == 1
        client, _ = door.client(wish("review"))
        async with asyncio.TaskGroup() as group:
            await begun(group, client)
            await spoken(client)
            assert asked(client).options and client.lesson is not None and client.lesson.name == "review"
            await client.ask("good morning")
            assert client.lesson.state == "over"
            await client.until(lambda: client.vocabulary is not None and client.vocabulary.due == 0)
            client.learn("at-the-cafe")
            await client.until(lambda: client.lesson is not None and client.lesson.name == "at-the-cafe")
            await client.until(lambda: client.turns[-1].state == "ended")
            assert client.turns[-1].heard.startswith("Welcome to our little café.")
            client.leave()
        assert not await progress.lessons()  # a review is no lesson of the plan

    play(monkeypatch, tmp_path, story)


def teaching(monkeypatch: pytest.MonkeyPatch, notes: Sequence[str]) -> None:
    def find(name: str, settings: Settings) -> CastMember:
        return replace(ADA, persona=replace(ADA.persona, notes=tuple(notes)))

    monkeypatch.setattr(talk_sessions, "find_partner", find)


def test_a_language_model_that_teaches_notes_beside_what_it_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    reply = json.dumps(
        {"chunks": [{
            "text": "So you're twenty! Where do you live?", "expression": "smile", "correction": "I am twenty.",
            "translation": "Du bist also zwanzig!", "hint": "I live in …", "vocabulary": "to live: to have your home",
        }]}
    )  # fmt: skip
    notes = ["correction", "translation", "hint", "vocabulary"]

    async def story(door: Door) -> None:
        teaching(monkeypatch, notes)
        client, _ = door.client(TalkWish(translate="de", person="learner"))
        async with asyncio.TaskGroup() as group:
            await begun(group, client)
            assert await client.ask("I have twenty years.") == "So you're twenty! Where do you live?"
            told = {note.kind: note for note in client.notes.values()}
            assert told["correction"].said == "I have twenty years."
            assert told["correction"].text == "I am twenty." and told["translation"].text.startswith("Du bist")
            assert told["correction"].turn == client.turns[-1].id
            client.learn("greetings")  # a lesson in between
            await client.until(lambda: client.lesson is not None)
            await spoken(client, 2)
            await client.ask(GREETINGS.exercises[0].answers[0])
            client.leave()
        offered = await door.sessions.learning("learner")
        assert offered.model and offered.words == 2
        kept = door.sessions.learners.of("learner", "", None)[0]
        assert isinstance(kept, Remembered)
        assert [(each.said, each.corrected) for each in kept.corrections] == [("I have twenty years.", "I am twenty.")]

    door = play(monkeypatch, tmp_path, story, reply, instructed=True)
    (prompt,) = door.model.prompts
    assert prompt.schema is not None and "German" in json.dumps(prompt.schema)
    assert any("level is A1" in note and "“Greetings”" in note for note in prompt.speaker.style)
    assert prompt.max_words == ADA.persona.max_words  # a lesson is said whole, and no model is told to talk as long


def written(*chunks: dict[str, str]) -> str:
    return json.dumps({"chunks": chunks})


def test_a_small_models_notes_are_shown_as_far_as_they_can_be_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wrong = {
        "correction": "I am fine!", "translation": "How nice. And how is your tea?", "hint": "null",
        "vocabulary": "you: me",
    }  # fmt: skip
    right = {"correction": "I drink tea.", "vocabulary": "tea: a hot drink"}
    replies = (
        written({"text": "How nice. And how is your tea?", **wrong}),
        written({"text": "You drink tea!", **right}, {"text": "Do you like tea?", **right}),
        '{"chunks": [{"text": "Tea is good.", "correction": "I love tea.", "hi',
        "No form at all. Just words.",
        written({"text": "So many words.", "vocabulary": "Tea: again"}),
    )

    async def story(door: Door) -> None:
        teaching(monkeypatch, ["correction", "translation", "hint", "vocabulary"])
        client, _ = door.client(TalkWish(translate="de", person="learner"))
        async with asyncio.TaskGroup() as group:
            await begun(group, client)
            assert await client.ask("I am fine.") == "How nice. And how is your tea?"
            assert not client.notes
            assert await client.ask("I drinks tea.") == "You drink tea! Do you like tea?"
            assert [(note.kind, note.text) for note in client.notes.values()] == [
                ("correction", "I drink tea."), ("vocabulary", "tea: a hot drink")
            ]  # fmt: skip
            assert (
                await client.ask("I loves tea.") == "Tea is good."
            )  # what broke off is said, and noted, as far as it came
            assert [note.text for note in client.notes.values() if note.kind == "correction"][1:] == ["I love tea."]
            assert await client.ask("And you?") == "No form at all. Just words."
            assert await client.ask("Why?") == "So many words."
            assert len(client.notes) == 3
            client.leave()
        kept = door.sessions.learners.of("learner", "", None)[0]
        assert isinstance(kept, Remembered)
        assert [each.corrected for each in kept.corrections] == ["I drink tea.", "I love tea."]
        assert [card.word for card in await kept.cards()] == ["tea"]

    play(monkeypatch, tmp_path, story, *replies, instructed=True)


def test_nothing_is_translated_into_nobody_knows_what(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: Door) -> None:
        teaching(monkeypatch, ["correction", "translation"])
        client, _ = door.client(TalkWish())
        async with asyncio.TaskGroup() as group:
            await begun(group, client)
            await client.ask("Hello")
            client.leave()

    door = play(monkeypatch, tmp_path, story, written({"text": "Hello."}), instructed=True)
    shape = json.dumps(door.model.prompts[0].schema)
    assert "correction" in shape and "translation" not in shape


def test_notes_outlive_a_lesson_in_between_and_a_page_that_is_loaded_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def story(door: Door) -> None:
        teaching(monkeypatch, ["correction"])
        wire = door.wire()
        wire.put(HELLO)
        token = (await wire.take_until("welcome"))["resume"]
        wire.put({"type": "say", "text": "I drinks tea."})
        note = await wire.take_until("note")
        wire.put({"type": "learn", "lesson": "greetings"})
        await wire.take_until("exercise")
        wire.break_off()
        other = door.wire()
        other.put({**HELLO, "resume": token})
        assert await other.take_until("note") == note
        other.put({"type": "leave"})

    reply = written({"text": "You drink tea!", "correction": "I drink tea."})
    play(monkeypatch, tmp_path, story, reply, instructed=True)


async def test_a_model_adds_so_many_words_in_one_conversation() -> None:
    desk = LessonDesk(Remembered(), TestClock(SECOND))
    await desk.load()
    foods = [
        "apple",
        "bread",
        "cheese",
        "dinner",
        "egg",
        "fish",
        "grape",
        "honey",
        "ice",
        "juice",
        "kiwi",
        "lemon",
        "melon",
        "nut",
    ]
    for number, name in enumerate(foods):
        desk.see(Think(f"r{number}", "What is it?", False))
        desk.see(Annotate(f"r{number}", ReplyChunk(0, f"It is the {name}.", vocabulary=f"{name}: food")))
    assert sum(message.type == "note" for message, _ in desk.shown) == MOST_NEW < len(foods)


def test_a_tutor_without_a_model_says_its_own_lines_and_asks_for_no_notes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def story(door: Door) -> None:
        teaching(monkeypatch, ["correction"])
        client, _ = door.client()
        async with asyncio.TaskGroup() as group:
            await begun(group, client)
            assert await client.ask("Hello") == "I only have prepared lines."
            client.leave()

    door = play(monkeypatch, tmp_path, story, "I only have prepared lines.")
    assert door.model.prompts[0].schema is None


class Failing(Remembered):
    """A store that is full."""

    async def learn(self, cards: Sequence[WordCard]) -> None:
        raise PeerError("the disk is full", remedy="Make room.")


def test_a_lesson_goes_on_when_nothing_can_be_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def failing(self: Learners, person: str, realm: str, known: object) -> tuple[Remembered, bool]:
        return Failing(), True

    monkeypatch.setattr(Learners, "of", failing)
    told: list[str] = []

    async def story(door: Door) -> None:
        client, _ = door.client(wish())

        def listen(message: object) -> None:
            told.append(str(getattr(message, "text", "")))

        client.told = listen
        async with asyncio.TaskGroup() as group:
            await begun(group, client)
            await spoken(client)
            await client.ask(GREETINGS.exercises[0].answers[0])
            await client.ask(GREETINGS.exercises[1].answers[0])
            assert asked(client).number == 3
            client.leave()

    play(monkeypatch, tmp_path, story)
    assert "What you learn is not kept now." in told
