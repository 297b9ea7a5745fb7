"""A question that is there already, asked at the pace of its sound: in virtual time."""

from __future__ import annotations

import asyncio
import threading
import wave
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from duologue.app.talking.captions import Caption, CaptionKind, Captions
from duologue.app.talking.sound import close_recordings, open_recording, talk_over
from duologue.app.talking.talking import Partner
from duologue.audio import recording_file
from duologue.audio.pcm import RATE, Samples, silence
from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.ports import Voiced
from duologue.dialogue.recording import ConversationRecorder
from duologue.dialogue.session.record import SessionRecorder
from duologue.dialogue.session.session import SessionEngines, SessionOptions
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import Effect, Event
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.language.moderation import Moderator
from duologue.language.persona import Persona
from duologue.simulation.engines import voiced
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.hearing_fake import FakeHearing, Hearing, Loudness, evenly
from duologue.telemetry.ledger import TurnRecord
from duologue.telemetry.turns import silence_ms

ADA = Persona("ada", "Ada", "A calm woman.", fillers=("Hm.",))


class Tone:
    """A voice of 180 words a minute, loud throughout."""

    def __init__(self, clock: LoopClock) -> None:
        self.clock = clock

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        await asyncio.sleep(0.05)
        mute = voiced(text, speaker, utterance_id, 180.0)
        loud = np.full(len(mute.samples), 0.5, np.float32)
        return Voiced(replace(mute, samples=loud), self.clock.now())


def said(text: str) -> Samples:
    """A loud third of a second for each word."""
    return np.full(len(text.split()) * RATE * 3 // 10, 0.5, np.float32)


class Talk:
    """One run of :func:`talk_over`, with all that can be seen of it."""

    def __init__(self, question: Samples, heard: Sequence[str], *replies: ScriptedReply, greet: bool = False) -> None:
        self.captions: list[tuple[float, Caption]] = []
        self.records: dict[str, TurnRecord] = {}
        self._took = Captions()
        self._question = question
        self._options = SessionOptions(greet=greet, policy=Policy(speculate=False))
        self._clock = clock = LoopClock()
        self._recorder = SessionRecorder(
            "t", "ada", "person", lambda record: self.records.update({record.id.rpartition("-")[2]: record})
        )
        hearings = [Hearing(evenly(text, 0.0), latency=100 * MILLISECOND) for text in heard]
        ears, model = FakeHearing(hearings, clock=clock), FakeLanguage(replies, clock)
        self._ears = ears
        self._partner = Partner(ADA, SessionEngines(Loudness(), ears, model, Tone(clock), Moderator()))

    def run(self, recording: ConversationRecorder | None = None) -> bool:
        """Whether the answer was heard out."""
        return simulate(self._run(recording or ConversationRecorder()))

    async def _run(self, recording: ConversationRecorder) -> bool:
        await self._ears.warm_up()
        return await talk_over(
            self._partner, self._question, recording, self._options, observe=self._see, clock=self._clock
        )

    def _see(self, item: Event | Effect, now: int) -> None:
        if caption := self._took.take(item):
            self.captions.append((now / SECOND, caption))
        self._recorder.take(item, now)

    def told(self, kind: CaptionKind) -> list[str]:
        return [caption.text for _, caption in self.captions if caption.kind is kind]


def track(path: Path) -> Samples:
    with wave.open(str(path)) as file:
        raw = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        return raw.reshape(-1, file.getnchannels()).astype(np.float32) / np.float32(32767)


def test_a_question_is_answered_and_the_answer_heard_out() -> None:
    talk = Talk(said("what is tea now"), ["what is tea now"], ScriptedReply("It is a drink. You will like it."))
    assert talk.run()
    assert talk.told(CaptionKind.ASKED) == ["what is tea now"]
    assert talk.told(CaptionKind.SAID) == ["It is a drink.", "You will like it."]
    assert not talk.told(CaptionKind.TROUBLE)


def test_where_the_conversation_begins_is_told_whether_or_not_it_is_recorded() -> None:
    begun: list[int] = []
    talk = Talk(said("what is tea now"), ["what is tea now"], ScriptedReply("It is a drink."))
    with open_recording(None, None, begun.append) as recording:
        assert talk.run(recording)
    (asked, _), *_ = talk.captions
    assert len(begun) == 1 and begun[0] / SECOND < asked


def test_the_stages_of_the_silence_are_the_silence_in_the_recording(tmp_path: Path) -> None:
    question = np.concatenate([silence(RATE), said("what is tea now")])
    talk = Talk(question, ["what is tea now"], ScriptedReply("It is a drink."))
    with open_recording(tmp_path / "answer.wav", tmp_path / "both.wav") as recording:
        assert talk.run(recording)
    both, answer = track(tmp_path / "both.wav"), track(tmp_path / "answer.wav")
    person, character = (np.flatnonzero(np.abs(both[:, side]) > 0.1) for side in (0, 1))
    silent = (character[0] - person[-1]) / RATE * 1000
    stages = silence_ms(talk.records["r1"])
    assert set(stages) >= {"endpointing", "transcript", "voice"}
    assert sum(stages.values()) == pytest.approx(silent, abs=32 + 20)  # a frame of voice activity, a block of the sink
    assert 0 <= len(answer) - len(character) < 2 * 960, "the silence around the answer is left out, in whole blocks"


def test_a_track_that_began_late_is_recorded_where_it_was(tmp_path: Path) -> None:
    loud = np.full(960, 0.5, np.float32)
    with open_recording(None, tmp_path / "both.wav") as recording:
        recording.begin(7 * SECOND)
        for number in range(3):
            recording.character(loud, 7 * SECOND + (30 + 20 * number) * MILLISECOND)
            recording.person(loud, 7 * SECOND + (5 + 20 * number) * MILLISECOND)
    both = track(tmp_path / "both.wav")
    assert [int(np.flatnonzero(both[:, side])[0]) for side in (0, 1)] == [5 * 48, 30 * 48]
    assert len(both) == 30 * 48 + 3 * 960


def test_two_questions_in_one_file_get_two_answers_and_a_greeting_comes_first() -> None:
    question = np.concatenate([said("one and one"), silence(6 * RATE), said("two and two")])
    talk = Talk(
        question,
        ["one and one?", "two and two?"],
        ScriptedReply("Good day."),
        ScriptedReply("That is two."),
        ScriptedReply("Four."),
        greet=True,
    )
    assert talk.run()
    kinds = [(caption.kind, caption.text) for _, caption in talk.captions]
    assert kinds == [
        (CaptionKind.SAID, "Good day."), (CaptionKind.ASKED, "one and one?"), (CaptionKind.SAID, "That is two."),
        (CaptionKind.ASKED, "two and two?"), (CaptionKind.SAID, "Four."),
    ]  # fmt: skip


def test_who_asks_into_the_answer_cuts_it() -> None:
    question = np.concatenate([said("what is tea"), silence(2 * RATE), said("stop that now please")])
    long = "It is a very long and winding story that goes on and on for much longer than anybody can bear."
    talk = Talk(question, ["what is tea?", "stop that now please."], ScriptedReply(long), ScriptedReply("As you wish."))
    assert talk.run()
    (heard,) = talk.told(CaptionKind.CUT)
    assert heard and long.startswith(heard)
    assert talk.told(CaptionKind.SAID)[-1] == "As you wish."


def test_a_file_without_a_voice_ends_soon_and_tells_nothing() -> None:
    talk = Talk(silence(2 * RATE), [])
    assert talk.run()
    assert not talk.captions
    assert not talk.records


def test_an_answer_without_end_is_cut_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.app.talking.sound.LONGEST_ANSWER_S", 3.0)
    talk = Talk(said("what is tea"), ["what is tea?"], ScriptedReply(" ".join(["Word after word after word."] * 4)))
    assert not talk.run()
    assert talk.records["r1"].heard


def test_an_engine_that_fails_is_named() -> None:
    talk = Talk(said("what is tea"), ["what is tea?"], *[ScriptedReply("", failure="the line is down", pieces=0)] * 3)
    assert talk.run()
    assert any("the line is down" in text for text in talk.told(CaptionKind.TROUBLE))
    assert "lost my thread" in talk.told(CaptionKind.SAID)[0]


async def test_conversations_that_end_while_the_disk_hangs_hold_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Voices are made in the threads that all share: they waited 10 s for the disk with each that ended."""
    answers = threading.Event()

    def write(writer: recording_file.OpusWriter, samples: Samples) -> None:
        answers.wait()

    monkeypatch.setattr(recording_file.OpusWriter, "write", write)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    async with asyncio.TaskGroup() as group:
        for number in range(5):
            files = ExitStack()
            recorder = files.enter_context(open_recording(None, tmp_path / f"{number}.opus"))
            recorder.begin(0)
            recorder.character(said("Good night."), 0)
            group.create_task(close_recordings(files))
        await asyncio.sleep(0.05)
        try:
            async with asyncio.timeout(5):
                assert await asyncio.to_thread(lambda: "voiced") == "voiced"
        finally:
            answers.set()
