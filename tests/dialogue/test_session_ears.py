"""Ears of many sessions on one voice activity, and sound that is not as it should be."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import replace

import numpy as np
import pytest
import session_doubles
from session_doubles import ADA, Says, Talk

from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND
from duologue.dialogue.listening.echo import EchoFilter
from duologue.dialogue.listening.melody import Melody
from duologue.dialogue.ports import Captured
from duologue.dialogue.session.ears import SessionEars
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import (
    Commit,
    EngineFailed,
    Event,
    Note,
    Report,
    SpeechStarted,
    SpeechStopped,
    Stage,
    State,
)
from duologue.errors import InputError, InternalError
from duologue.language.fake import ScriptedReply
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.hearing import EAR_RATE, Expected, HearingCapabilities, Transcript, VoiceActivity, VoicePresence
from duologue.speech.hearing_fake import FakeHearing, Hearing, Loudness, evenly
from duologue.speech.shared_activity import WINDOW_MS, SharedActivity

BLOCK = EAR_RATE // 50


class Person:
    """Brings 20 ms blocks, loud between ``start`` and ``end`` (s), from ``phase`` (s) on."""

    def __init__(self, activity: VoiceActivity | SharedActivity, start: float, end: float, phase: float = 0.0) -> None:
        self.clock = LoopClock()
        self.events: list[tuple[int, Event]] = []
        self.ears = SessionEars(activity, FakeHearing(), Expected(), EchoFilter(), self.clock, self.post)
        self.start, self.end, self.phase = start, end, phase

    def post(self, event: Event) -> None:
        self.events.append((self.clock.now(), event))

    async def speak(self, seconds: float) -> None:
        for number in range(round(seconds * 50)):
            at = self.phase + (number + 1) * 0.02
            await self.clock.wait_until(round(at * 1e9))
            loud = self.start <= number * 0.02 < self.end
            self.ears.hear(np.full(BLOCK, 0.5 if loud else 0.0, np.float32))

    def times(self) -> list[float]:
        """Of the onsets and offsets as told, in seconds from the first block."""
        found = [event.at for _, event in self.events if isinstance(event, SpeechStarted | SpeechStopped)]
        return [at / 1e9 - self.phase for at in found]


def test_a_crowd_hears_the_same_as_each_alone_a_window_later() -> None:
    async def main(shared: bool) -> list[Person]:
        engine = Loudness()
        activity = SharedActivity(engine) if shared else engine
        people = [Person(activity, 0.2 + 0.02 * n, 1.0, phase=0.0013 * n) for n in range(20)]
        async with asyncio.TaskGroup() as group:
            for person in people:
                group.create_task(person.speak(2.0))
        if isinstance(activity, SharedActivity):
            assert activity.frames > 2.5 * activity.steps  # together
        return people

    alone, together = simulate(main(False)), simulate(main(True))
    assert [person.times() for person in together] == [person.times() for person in alone]
    for one, other in zip(alone, together, strict=True):
        assert len(one.events) == 2
        for (early, _), (late, _) in zip(one.events, other.events, strict=True):
            assert 0 <= late - early <= (WINDOW_MS + 1) * MILLISECOND


def test_what_was_said_before_the_ears_closed_is_not_told_after() -> None:
    async def main() -> list[tuple[int, Event]]:
        activity = SharedActivity(Loudness())
        person = Person(activity, 0.0, 1.0)
        person.ears.hear(np.full(2 * 512, 0.5, np.float32))
        person.ears.ignore()
        await asyncio.sleep(0.1)
        person.ears.close()
        person.ears.close()
        return person.events

    assert simulate(main()) == []


def test_ears_that_are_closed_hold_no_sound() -> None:
    """Whoever ended a conversation may refer to it until the collector comes."""

    async def main() -> list[int]:
        person = Person(Loudness(), 0.5, 1.0)
        heard: list[weakref.ref[Samples]] = []

        def hear(block: Samples) -> None:
            heard.append(weakref.ref(block))
            person.ears.hear(block)

        for number in range(100):
            hear(np.full(BLOCK, 0.5 if 25 <= number < 75 else 0.0, np.float32))
            await asyncio.sleep(0.02)
        held = [sum(each() is not None for each in heard)]
        person.ears.close()
        return [*held, sum(each() is not None for each in heard)]

    before, after = simulate(main())
    assert before >= 50 and after == 0


def test_a_fault_in_between_is_told_to_who_brings_the_sound() -> None:
    async def main() -> None:
        person = Person(SharedActivity(Loudness()), 0.0, 1.0)

        def full(event: Event) -> None:
            raise InternalError("too much waits")

        person.ears._post = full  # pyright: ignore[reportPrivateUsage]
        person.ears.hear(np.full(4 * 512, 0.5, np.float32))
        await asyncio.sleep(0.1)
        with pytest.raises(InternalError, match="too much waits"):
            person.ears.hear(np.zeros(BLOCK, np.float32))

    simulate(main())


def test_words_behind_a_long_gap_of_the_source_keep_their_place() -> None:
    """Push to talk, and nothing comes for 3.6 s, as with a muted microphone: what is said then is nobody's echo and no
    noise in a silence.
    """
    talk = Talk([Says(1.0, "what time is it"), Says(6.0, "please Ada")], [ScriptedReply("It is noon.")], seconds=12.0)
    talk.options = replace(talk.options, policy=Policy(manual=True, speculate=False))
    words = (*evenly("what time is it", 0.3, 0.3), *evenly("please Ada", 2.75, 0.3))
    talk.ears = FakeHearing([Hearing(words)], clock=talk.clock)

    async def source() -> AsyncGenerator[Captured, None]:
        number = 0
        async for block in talk.source():
            at, number = number * BLOCK, number + 1
            if number == round(7.5 * 50):
                talk.session.control.commit_turn()
            if not 2.4 <= at / EAR_RATE < 6.0:
                yield Captured(block, at)

    simulate(talk.run(source))
    assert [item.person for _, item in talk.log if isinstance(item, Commit)] == ["what time is it please Ada"]


def over_the_reply(seconds: float, confidence: float) -> Talk:
    """Something like words, so long, while the character speaks."""
    long = "It is noon and the sun stands as high as it will stand today over all of the town"
    heard = [
        Hearing(evenly("what time is it", 0.3, 0.3), latency=50_000_000),
        Hearing(evenly("wait please", 0.25, 0.05), latency=50_000_000, confidence=confidence),
    ]
    talk = Talk([Says(0.5, "what time is it"), Says(4.0, seconds=seconds)], [ScriptedReply(long)] * 9, hearing=heard)
    simulate(talk.run())
    return talk


def test_doubtful_words_take_the_floor_from_nobody() -> None:
    assert over_the_reply(0.35, 0.4).context()[1:] == [
        ("ada", "It is noon and the sun stands as high as it will stand today over all of the town"),
    ]


def test_sure_words_and_a_long_voice_do() -> None:
    for talk in (over_the_reply(0.35, 0.9), over_the_reply(0.9, 0.4)):
        heard = talk.context()[1][1]
        assert heard.startswith("It is noon")
        assert not heard.endswith("town")
        assert talk.context()[2] == ("person", "wait please")


class Keeping(FakeHearing):
    """Keeps the sound of each stretch."""

    def __init__(self) -> None:
        super().__init__()
        self.stretches: list[Samples] = []

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        blocks = [block async for block in sound]
        self.stretches.append(np.concatenate(blocks))
        yield Transcript("", final=True)


def cut(
    gap_at: float, ends: Mapping[int, int], begins: Mapping[int, int], seconds: float = 2.4
) -> tuple[Samples, list[Samples]]:
    """A voice without a pause but for a short gap, whose stretches end and begin at those blocks: its sound, and what
    of it each stretch had.
    """

    async def main() -> tuple[Samples, list[Samples]]:
        kept, clock = Keeping(), LoopClock()
        ears = SessionEars(Loudness(), kept, Expected(), EchoFilter(), clock, lambda event: None)
        at = np.arange(int(seconds * EAR_RATE)) / EAR_RATE
        voice = np.where((at >= gap_at) & (at < gap_at + 0.07), 0.0, 0.1 + at / 10).astype(np.float32)
        async with asyncio.TaskGroup() as group:
            for number in range(len(voice) // BLOCK):
                await asyncio.sleep(0.02)
                ears.hear(voice[number * BLOCK : (number + 1) * BLOCK])
                if number in ends:
                    ears.end(ends[number])
                if number in begins:
                    ears.begin(begins[number], clock.now(), group)
            ears.ignore()
            ears.end(max(begins.values()))
        return voice, kept.stretches

    return simulate(main())


@pytest.mark.parametrize(("gap_at", "earliest", "latest"), [(1.2, 1.2, 1.3), (5.0, 1.6, 1.7)])
def test_a_stretch_is_cut_in_a_gap_and_nothing_is_lost_or_heard_twice(
    gap_at: float, earliest: float, latest: float
) -> None:
    voice, (first, second) = cut(gap_at, ends={50: 1}, begins={5: 1, 50: 2})
    assert earliest <= len(first) / EAR_RATE <= latest
    assert np.array_equal(np.concatenate([first, second]), voice)


@pytest.mark.parametrize("gap_at", [1.2, 1.45, 5.0])
def test_a_stretch_whose_end_is_asked_for_before_it_begins_is_cut_in_a_gap_as_well(gap_at: float) -> None:
    """The one before it still waits for its gap."""
    voice, stretches = cut(gap_at, ends={50: 1, 55: 2}, begins={5: 1, 50: 2, 100: 3}, seconds=3.0)
    assert len(stretches) == 3
    assert np.array_equal(np.concatenate(stretches), voice)


def test_who_goes_on_after_a_short_pause_is_not_heard_twice() -> None:
    engine = Keeping()

    async def main() -> None:
        person = Person(Loudness(), 0.2, 1.0)
        person.ears = SessionEars(Loudness(), engine, Expected(), EchoFilter(), person.clock, person.post)
        async with asyncio.TaskGroup() as group:
            person.ears.begin(1, 0, group)
            await person.speak(1.24)
            person.ears.end(1)
            person.start, person.end, person.phase = 0.0, 0.5, 1.24
            await person.speak(0.2)
            person.ears.begin(2, round(1.24e9), group)
            person.start, person.end, person.phase = 0.0, 0.3, 1.44
            await person.speak(0.5)
            person.ears.end(2)

    simulate(main())
    first, second = (np.flatnonzero(sound > 0.1) for sound in engine.stretches)
    assert len(first) == round(0.8 * EAR_RATE)
    assert 0 <= len(second) - round(0.5 * EAR_RATE) <= 512  # the offset is known to half a frame


def test_what_was_said_before_the_ears_closed_is_no_beginning_of_a_voice_after() -> None:
    """However long they were closed: a line on hold in the middle of a word, and who speaks on when it is back."""
    engine = Keeping()

    async def main() -> None:
        person = Person(Loudness(), 0.2, 9.0)
        person.ears = SessionEars(Loudness(), engine, Expected(), EchoFilter(), person.clock, person.post)
        async with asyncio.TaskGroup() as group:
            person.ears.begin(1, 0, group)
            await person.speak(1.0)
            person.ears.end(1)
            person.ears.ignore()
            person.ears.listen(0)
            person.start, person.phase = 0.0, 1.0
            await person.speak(0.1)
            person.ears.begin(2, round(1.0e9), group)
            person.phase = 1.1
            await person.speak(0.4)
            person.ears.ignore()
            person.ears.end(2)

    simulate(main())
    assert [len(sound) / EAR_RATE for sound in engine.stretches] == [1.0, 0.5]


class Watching(Keeping):
    """Says where the voice of its stretch had gone, a while after the end of its sound."""

    def __init__(self) -> None:
        super().__init__()
        self.gone: list[int | None] = []

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        async for _ in sound:
            pass
        await asyncio.sleep(0.6)
        assert voice is not None
        self.gone.append(voice.ended)
        yield Transcript("", final=True)


@pytest.mark.parametrize("ended_at", [1.3, 0.8])
def test_a_voice_that_comes_back_is_another_stretchs(ended_at: float) -> None:
    """So ears that passed over a pause already need no pass over the same sound again, because somebody goes on."""
    engine = Watching()

    async def main() -> None:
        person = Person(Loudness(), 0.2, 1.0)
        person.ears = SessionEars(Loudness(), engine, Expected(), EchoFilter(), person.clock, person.post)
        async with asyncio.TaskGroup() as group:
            person.ears.begin(1, 0, group)
            await person.speak(ended_at)
            person.ears.end(1)
            person.start, person.end, person.phase = 0.1, 0.9, ended_at
            await person.speak(1.0)

    simulate(main())
    (gone,) = engine.gone
    assert gone is None if ended_at < 1.0 else gone == pytest.approx(1.0 * EAR_RATE, abs=512)


def pushed(seconds: int, hearing: Hearing) -> Talk:
    """A voice of so many seconds that comes in no time."""

    async def at_once() -> AsyncGenerator[Samples, None]:
        for _ in range(50 * seconds):
            yield loud

    loud = np.full(BLOCK, 0.5, np.float32)
    talk = Talk([], [ScriptedReply("It is noon.")] * 9, hearing=[hearing])
    simulate(talk.run(at_once))
    assert talk.session.state is State.CLOSED
    return talk


def test_sound_faster_than_real_time_reaches_an_engine_that_keeps_up() -> None:
    assert pushed(60, Hearing()).ears.seconds == pytest.approx([60.0], abs=0.1)


def test_sound_that_an_engine_does_not_take_is_bounded_and_told() -> None:
    talk = pushed(70, Hearing(hang=True))
    failed = [item for _, item in talk.log if isinstance(item, EngineFailed)]
    assert any("does not keep up" in item.what for item in failed)


class Judge:
    """Says how surely a turn is over, so many seconds after it was asked."""

    def __init__(self, probability: float, seconds: float = 0.04, error: Exception | None = None) -> None:
        self.probability, self.seconds, self.error = probability, seconds, error
        self.asked: list[float] = []

    async def ended(self, sound: Samples) -> float:
        self.asked.append(len(sound) / EAR_RATE)
        await asyncio.sleep(self.seconds)
        if self.error:
            raise self.error
        return self.probability


def judged(judge: Judge | None, text: str, *script: Says) -> Talk:
    talk = Talk(script or [Says(0.5, text)], [ScriptedReply("It is noon.")] * 9, seconds=8.0)
    simulate(talk.run(turn=judge))
    return talk


def waited(talk: Talk) -> tuple[float, str]:
    """How long the first turn was waited for (ms), and why."""
    ended = next(item for _, item in talk.log if isinstance(item, Report) and item.note is Note.TURN_ENDED)
    return ended.wait_ms, ended.why


def test_a_turn_that_sounds_finished_is_answered_soon_and_one_that_does_not_late() -> None:
    text = "i have seen the museum"
    assert waited(judged(None, text)) == (750, "unsure")
    assert waited(judged(Judge(0.9), text)) == (300, "unsure, sounds finished 0.90")
    assert waited(judged(Judge(0.1), text)) == (1200, "unsure, sounds finished 0.10")
    assert waited(judged(Judge(0.9), "i have seen it and")) == (1200, "trailing")


def test_a_judge_that_is_late_or_fails_is_done_without() -> None:
    for judge in (Judge(0.9, seconds=5.0), Judge(0.9, error=ZeroDivisionError("broken")), Judge(7.0)):
        talk = judged(judge, "i have seen the museum")
        assert waited(talk) == (750, "unsure")
        failed = [item for _, item in talk.log if isinstance(item, EngineFailed)]
        assert {item.stage for item in failed} == {Stage.NOTICING}
        assert "end of turn" in failed[0].what


def test_what_the_persona_expects_reaches_the_ears(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_doubles, "ADA", replace(ADA, expects=("what time is it",)))
    talk = judged(None, "what time is it")
    assert talk.ears.calls[0] == Expected(phrases=("what time is it",))


def test_who_goes_on_while_it_is_judged_is_not_held_up() -> None:
    script = (Says(0.5, "well i have seen"), Says(1.85, "the museum"))
    for judge in (Judge(0.9, seconds=0.1), Judge(0.9, seconds=0.0)):
        talk = judged(judge, "", *script)
        kinds = [type(item) for _, item in talk.log if isinstance(item, SpeechStarted | SpeechStopped)]
        assert kinds == [SpeechStarted, SpeechStopped] * 2
        assert judge.asked[0] == pytest.approx(1.2 + 0.32 + 0.1, abs=0.1)
        assert judge.asked[1] > judge.asked[0] + 0.5  # the whole turn, not its last stretch


@pytest.mark.parametrize(
    "block",
    [
        np.zeros((BLOCK, 2), np.float32),
        np.zeros(BLOCK, np.int16),
        np.zeros(BLOCK, np.float64),
        np.full(BLOCK, np.nan, np.float32),
        np.full(BLOCK, -np.inf, np.float32),
    ],
    ids=["stereo", "int16", "float64", "nan", "inf"],
)
def test_sound_of_another_kind_is_refused_and_harms_nobody(block: Samples) -> None:
    async def main() -> None:
        person = Person(Loudness(), 0.2, 1.0)
        with pytest.raises(InputError, match="block of sound") as refused:
            person.ears.hear(block)
        assert refused.value.where == "source"
        assert refused.value.remedy
        await person.speak(2.0)
        assert len(person.events) == 2

    simulate(main())


class Given:
    """Voice activity that is as it is told, frame by frame; the last goes on."""

    def __init__(self, probabilities: list[float]) -> None:
        self._left = probabilities

    def open(self) -> int:
        return 0

    def step(self, frames: Mapping[int, Samples]) -> Mapping[int, float]:
        now = self._left.pop(0) if len(self._left) > 1 else self._left[0]
        return dict.fromkeys(frames, now)

    def forget(self, stream: int) -> None:
        pass


def held(probabilities: list[float], frames: int) -> list[int]:
    """How much longer nobody's time is up after each of so many frames (ms)."""

    async def main() -> list[int]:
        clock, found = LoopClock(), list[int]()
        ears = SessionEars(Given(probabilities), FakeHearing(), Expected(), EchoFilter(), clock, lambda event: None)
        for _ in range(frames):
            await asyncio.sleep(512 / EAR_RATE)
            ears.hear(np.zeros(512, np.float32))
            found.append(max(0, round((ears.catching_up_until - clock.now()) / MILLISECOND)))
        return found

    return simulate(main())


def test_nobodys_time_is_up_while_a_voice_may_be_beginning() -> None:
    assert held([0.0, 0.35, 0.0], 5) == [0, 70, 38, 6, 0]
    assert held([0.0, 0.35, 0.6, 0.9], 5) == [0, 70, 70, 38, 6]  # then an onset is told


def test_what_sounds_like_a_beginning_again_and_again_holds_nobody_up_for_long() -> None:
    waits = held([0.0, 0.35], 12)
    assert waits[1:8] == [70] * 7 and waits[8:11] == [38, 6, 70]


def test_who_may_be_going_on_at_the_very_end_of_a_wait_is_not_cut_in() -> None:
    """The voice begins to rise while the decision is waited for, some 15 ms before it would be due."""
    frames = [0.0] * 16 + [0.9] * 38 + [0.0] * 13 + [0.35] * 2 + [0.9] * 16 + [0.0]
    talk = Talk([Says(0.5, "what time is it")], [ScriptedReply("Noon.")] * 2, seconds=5.0)
    talk.activity = Given(frames)  # type: ignore[assignment]
    simulate(talk.run())
    told = [item for _, item in talk.log if isinstance(item, Report)]
    first = next(report for report in told if report.note in (Note.RESUMED, Note.TURN_ENDED))
    assert (first.note, first.ms) == (Note.RESUMED, 496.0), "of the 500 that were to be waited"
    assert talk.context()[0] == ("person", "what time is it")


def test_a_way_that_becomes_longer_and_comes_in_bursts_holds_a_decision_up_for_a_moment_only() -> None:
    """Each burst is late and follows a stall of its own, until the longer way is known."""
    talk = Talk([Says(0.5, "what time is it")], [ScriptedReply("Noon.")] * 2, seconds=5.0)

    async def source() -> AsyncGenerator[Captured, None]:
        start = talk.clock.now()
        for number in range(250):
            end = (number + 1) * 20
            came = end if end <= 1900 else 2050 + (end - 1900 + 149) // 150 * 150
            await talk.clock.wait_until(start + came * MILLISECOND)
            yield Captured(np.full(BLOCK, 0.5 if 500 < end <= 1700 else 0.0, np.float32), number * BLOCK)

    simulate(talk.run(source))
    ended = next(item for _, item in talk.log if isinstance(item, Report) and item.note is Note.TURN_ENDED)
    assert 500 <= ended.ms <= 700 and Note.STALLED not in talk.notes()


class GuessingEars(FakeHearing):
    @property
    def capabilities(self) -> HearingCapabilities:
        return replace(super().capabilities, guesses_ends=True)


@pytest.mark.parametrize(("ears", "judged"), [(FakeHearing, False), (GuessingEars, True)])
def test_a_melody_is_looked_for_only_where_somebody_judges_by_it(
    monkeypatch: pytest.MonkeyPatch, ears: type[FakeHearing], judged: bool
) -> None:
    looked: list[int] = []

    def ended(self: Melody, sound: Samples) -> None:
        looked.append(len(sound))

    monkeypatch.setattr(Melody, "ended", ended)
    talk = Talk([Says(0.5, "what time is it")], [ScriptedReply("Noon.")], seconds=4.0)
    talk.ears = ears([Hearing(evenly("what time is it", 0.3))], clock=talk.clock)
    simulate(talk.run())
    assert talk.context()[0] == ("person", "what time is it")
    assert bool(looked) is judged
