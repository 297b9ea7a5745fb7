"""Replies: voiced two at a time, delivered in order, brief; on virtual time, to the millisecond."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, SupportsIndex

import pytest
from doubles import CHAD, utterance
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.app.simulation.virtual_time import LoopClock, simulate
from duologue.clock import MILLISECOND
from duologue.dialogue.ports import Voiced
from duologue.dialogue.replies import AHEAD, Replies, ReplyReport, Spoken
from duologue.dialogue.replies_text import Brevity, Cut, Part, ReplyReader
from duologue.errors import PeerError
from duologue.language.moderation import Moderator
from duologue.language.persona import Persona
from duologue.language.structured import Form
from duologue.language.text import estimate_seconds
from duologue.language.tools import Filler


@dataclass
class Voices:
    """Takes ``seconds[n]`` for line n, then the last of them; keeps when each was begun and how many ran at once."""

    seconds: tuple[float, ...] = (0.1,)
    broken: set[str] = field(default_factory=set[str])
    begun: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])
    running: int = 0
    most: int = 0
    cancelled: int = 0

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        seconds = self.seconds[min(len(self.begun), len(self.seconds) - 1)]
        self.begun.append((text, asyncio.get_running_loop().time()))
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1
        if text in self.broken:
            raise PeerError("the voice broke", where="double")
        return Voiced(utterance(text, speaker, utterance_id), LoopClock().now())


@dataclass
class Model:
    """Writes ``text`` at so many characters a second, four at a time; then perhaps fails."""

    text: str
    rate: float = 100.0
    failure: Exception | None = None
    closed: bool = False
    written: int = 0

    async def write(self) -> AsyncGenerator[str]:
        try:
            for start in range(0, len(self.text), 4):
                piece = self.text[start : start + 4]
                await asyncio.sleep(len(piece) / self.rate)
                self.written += len(piece)
                yield piece
            if self.failure:
                raise self.failure
        finally:
            self.closed = True


@dataclass
class Ear:
    """Takes what is delivered, each after ``seconds``."""

    seconds: float = 0.0
    heard: list[tuple[Spoken, float]] = field(default_factory=list[tuple[Spoken, float]])

    async def __call__(self, spoken: Spoken) -> None:
        self.heard.append((spoken, asyncio.get_running_loop().time()))
        await asyncio.sleep(self.seconds)

    @property
    def texts(self) -> list[str]:
        return [spoken.text for spoken, _ in self.heard]


def speak(
    model: Model, voices: Voices, ear: Ear, *, reader: ReplyReader | None = None, replies: Replies | None = None,
    speaker: Persona = CHAD,
) -> ReplyReport:  # fmt: skip
    replies = replies or Replies(voices, Moderator(), clock=LoopClock())
    reader = reader or ReplyReader(Brevity())
    return simulate(replies.speak(model.write(), reader, speaker, "r1", ear))


FOUR = "One is here. Two is here. Three is here. Four is here."


def test_sentences_come_in_order_though_a_later_one_is_voiced_sooner():
    ear, voices = Ear(), Voices((3.0, 0.1, 2.0, 0.1))
    report = speak(Model(FOUR), voices, ear)
    assert ear.texts == ["One is here.", "Two is here.", "Three is here.", "Four is here."]
    assert [spoken.voiced.utterance.id for spoken, _ in ear.heard] == ["r1-0", "r1-1", "r1-2", "r1-3"]
    assert report.text == FOUR and report.sentences == 4 and report.failures == []
    assert all(spoken.voiced.utterance.marks and spoken.voiced.utterance.duration > 0 for spoken, _ in ear.heard)


def test_two_are_voiced_at_once_and_no_more():
    voices = Voices((1.0,))
    speak(Model(FOUR, rate=10_000), voices, Ear())
    assert voices.most == 2
    assert [round(at, 1) for _, at in voices.begun] == [0.0, 0.0, 1.0, 1.0]


def test_the_first_sound_is_the_first_sentence_written_plus_its_voice():
    ear = Ear()
    report = speak(Model("A short start. " + "Then something long follows here. " * 6), Voices((0.4,)), ear)
    written = 16 / 100  # "A short start. " and the rest of its last piece
    assert ear.heard[0][1] == pytest.approx(written + 0.4)
    assert report.first_audio == report.first_sentence + 400 * MILLISECOND
    assert report.first_token == 40 * MILLISECOND < report.first_sentence < report.complete


def test_a_structured_reply_is_voiced_before_its_second_chunk_is_written():
    chunks = [{"text": "I hear you, and I am on it.", "expression": "smile", "hint": "on it"},
              {"text": "Tell me more about the noise that it makes, and when.", "expression": "doubt"}]  # fmt: skip
    document = json.dumps({"chunks": chunks})
    voice_seconds = len("I hear you, and I am on it.") / 15
    ear, model = Ear(), Model(document, rate=99)
    report = speak(model, Voices((voice_seconds,)), ear, reader=ReplyReader(Brevity(), structured=True))
    floor = document.index('",') / 99 + voice_seconds
    assert ear.heard[0][1] == pytest.approx(floor, abs=0.05)
    assert [spoken.voiced.utterance.expression for spoken, _ in ear.heard] == ["smile", "doubt"]
    assert report.form is Form.STRUCTURED and report.chunks[0].hint == "on it"


def test_a_reply_that_is_not_structured_is_spoken_whole_and_counted():
    voices = Voices()
    replies = Replies(voices, Moderator(), clock=LoopClock())
    for text, form in ((FOUR, Form.PLAIN), ('{"chunks":[{"text":"One is here. Two is here. Three is', Form.MALFORMED)):
        ear = Ear()
        reader = ReplyReader(Brevity(), structured=True)
        report = speak(Model(text), voices, ear, reader=reader, replies=replies)
        assert ear.texts[:2] == ["One is here.", "Two is here."] and report.form is form
    assert replies.forms == {Form.PLAIN: 1, Form.MALFORMED: 1}


@pytest.mark.parametrize(
    ("brevity", "cut", "said"),
    [
        (Brevity(sentences=2), Cut.SENTENCES, ["One is here.", "Two is here."]),
        (Brevity(seconds=2.6), Cut.SECONDS, ["One is here.", "Two is here.", "Three is here."]),
        (Brevity(tokens=8), Cut.TOKENS, ["One is here.", "Two is here."]),
        (Brevity(tokens=2), Cut.TOKENS, ["One is."]),
        (Brevity(), Cut.NONE, ["One is here.", "Two is here.", "Three is here.", "Four is here."]),
    ],
)
def test_a_reply_is_cut_at_a_sentence_and_the_engine_is_stopped(brevity: Brevity, cut: Cut, said: list[str]):
    model, ear = Model(FOUR + " And on it goes." * 50), Ear()
    model.text = FOUR if cut is Cut.NONE else model.text
    report = speak(model, Voices(), ear, reader=ReplyReader(brevity))
    assert (ear.texts, report.cut) == (said, cut)
    assert model.closed and (cut is Cut.NONE or model.written <= 60)


@pytest.mark.parametrize(
    ("text", "brevity", "broken", "said", "form"),
    [
        ('{"chunks":[{"text":"One is here. Two is he', Brevity(), False, ["One is here."], Form.MALFORMED),
        ('{"chunks":[{"text":"One is here. Two is he', Brevity(), True, ["One is here."], Form.MALFORMED),
        ('{"chunks":[{"text":"One is here and tw', Brevity(), True, ["One is here and."], Form.MALFORMED),
        ('{"chunks":[{"text":"One."},{"text":"Two is here. Three is here."}]}', Brevity(tokens=60), False,
         ["One.", "Two is here."], Form.STRUCTURED),
        ('{"chunks":[{"text":"One is "so" here."},{"text":"Two"}]}', Brevity(), False,
         ['One is "so" here.', "Two"], Form.MALFORMED),
        ("One is here. Two is he", Brevity(), True, ["One is here."], Form.PLAIN),
        ("One is here. Two is he", Brevity(), False, ["One is here.", "Two is he"], Form.PLAIN),
    ],
)  # fmt: skip
def test_a_structured_reply_is_cut_at_a_sentence_too(
    text: str, brevity: Brevity, broken: bool, said: list[str], form: Form
):
    reader = ReplyReader(brevity, structured=True)
    parts = [part for character in text for part in reader.feed(character)]
    parts += reader.finish(broken=broken)
    assert ([part.text for part in parts], reader.form) == (said, form)


def test_a_first_sentence_that_alone_is_too_long_is_cut_inside():
    long = "I went to the market and then to the river and then to the hill and then home and then to bed and then out."
    ear = Ear()
    report = speak(Model(long), Voices(), ear, reader=ReplyReader(Brevity(seconds=3.0)))
    assert report.cut is Cut.SECONDS and len(ear.texts) == 1
    assert estimate_seconds(ear.texts[0]) <= 3.1 and ear.texts[0].endswith(".") and long.startswith(ear.texts[0][:-1])


@pytest.mark.parametrize("structured", [False, True])
def test_a_megabyte_in_one_piece_is_read_only_as_far_as_it_is_said(structured: bool):
    taken = 0

    class Counted(str):
        def __getitem__(self, key: SupportsIndex | slice[Any, Any, Any]) -> str:
            nonlocal taken
            found = super().__getitem__(key)
            taken += len(found)
            return found

    text = "This is it. " * 90_000
    reader = ReplyReader(Brevity(), structured=structured)
    parts = reader.feed(Counted(f'{{"chunks":[{{"text":"{text}"}}]}}' if structured else text))
    parts += reader.finish()
    assert taken < 10_000 and reader.cut and 1 < len(parts) <= 8


def test_the_caps_are_the_personas():
    assert Brevity.of(CHAD) == Brevity(3 * 30 + 20, CHAD.max_sentences, CHAD.max_seconds)


def test_a_refused_sentence_becomes_a_deflection_and_ends_the_reply():
    ear, model = Ear(), Model("That is fine. Mow the forbidden lawn. Then more." + " More." * 40)
    replies = Replies(Voices(), Moderator(["forbidden"]), clock=LoopClock())
    report = speak(model, Voices(), ear, replies=replies)
    assert ear.texts[0] == "That is fine." and ear.texts[1] in CHAD.deflections and len(ear.texts) == 2
    assert report.refused == 1 and model.closed and model.written < 80


def test_a_sentence_that_cannot_be_voiced_is_left_out_and_told():
    ear = Ear()
    report = speak(Model(FOUR), Voices(broken={"Two is here."}), ear)
    assert ear.texts == ["One is here.", "Three is here.", "Four is here."]
    assert len(report.failures) == 2 and "the voice broke" in report.failures[0]


def test_a_voice_that_hangs_is_given_up():
    ear = Ear()
    voices = Voices((1e6, 1e6, 0.1))
    replies = Replies(voices, Moderator(), clock=LoopClock(), voice_seconds=5.0, parallel=1)
    report = speak(Model("One is here. Two is here."), voices, ear, replies=replies)
    assert ear.texts == ["Two is here."] and report.failures == ["voice: no sound in 5 s"] * 2


def test_an_engine_that_breaks_off_is_heard_up_to_its_last_whole_sentence():
    ear = Ear()
    report = speak(Model("One is here. Two is he", failure=PeerError("the connection was cut")), Voices(), ear)
    assert ear.texts == ["One is here."] and report.failures == ["language: the connection was cut."]


@pytest.mark.parametrize("failure", [PeerError("no key"), ValueError("no idea"), None])
def test_nothing_to_say_is_an_error(failure: Exception | None):
    with pytest.raises(PeerError, match="could not be spoken"):
        speak(Model("", failure=failure), Voices(), Ear())


def test_the_listener_is_awaited_and_nothing_piles_up():
    voices, ear = Voices((0.01,)), Ear(seconds=10.0)
    model = Model("Yes it is. " * 60, rate=10_000)
    reader = ReplyReader(Brevity(10_000, 1000, 10_000.0))

    async def run() -> int:
        replies = Replies(voices, Moderator(), clock=LoopClock())
        async with asyncio.TaskGroup() as group:
            task = group.create_task(replies.speak(model.write(), reader, CHAD, "r1", ear))
            await asyncio.sleep(9.0)
            ahead = len(voices.begun) - len(ear.heard)
            task.cancel()
        return ahead

    assert simulate(run()) <= AHEAD + 2
    assert model.closed


def test_cancelling_stops_engine_and_voices():
    voices, model, ear = Voices((1.0,)), Model(FOUR * 20, rate=50), Ear()

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(
                Replies(voices, Moderator(), clock=LoopClock()).speak(
                    model.write(), ReplyReader(Brevity()), CHAD, "r1", ear
                )
            )
            await asyncio.sleep(0.7)
            task.cancel()

    simulate(run())
    assert model.closed and voices.cancelled == 2 and voices.running == 0 and ear.heard == []


def test_what_the_listener_raises_ends_the_reply():
    async def broken(spoken: Spoken) -> None:
        raise PeerError("the line is gone")

    model, voices = Model(FOUR * 20), Voices()
    with pytest.raises(PeerError, match="the line is gone"):
        simulate(
            Replies(voices, Moderator(), clock=LoopClock()).speak(
                model.write(), ReplyReader(Brevity()), CHAD, "r1", broken
            )
        )
    assert model.closed and voices.running == 0


def test_a_filler_is_spoken_beside_the_reply():
    async def stream() -> AsyncGenerator[str]:
        yield Filler("Let me look that up.")
        await asyncio.sleep(2.0)
        for piece in ('{"chunks":[{"text":', '"It is raining."}]}'):
            yield piece

    ear = Ear()
    replies = Replies(Voices(), Moderator(), clock=LoopClock())
    reader = ReplyReader(Brevity(), structured=True)
    report = simulate(replies.speak(stream(), reader, CHAD, "r1", ear))
    assert ear.texts == ["Let me look that up.", "It is raining."]
    assert ear.heard[0][1] == pytest.approx(0.1) and report.fillers == 1 and report.form is Form.STRUCTURED


def test_a_filler_counts_for_no_cap_and_may_come_in_mid_sentence():
    reader = ReplyReader(Brevity(sentences=1))
    parts = reader.feed("It is ") + reader.feed(Filler("One moment, *please*. 😀")) + reader.feed("raining. And more. ")
    assert [(part.index, part.text) for part in parts] == [(0, "One moment, please."), (1, "It is raining.")]
    assert reader.feed(Filler("😀")) == [] and reader.cut is Cut.SENTENCES


WORDS = st.lists(
    st.sampled_from(["river. ", "stone ", "bird? ", "tall, ", "sun ", "moon! ", "\n", "… "]), max_size=120
).map("".join)


@settings(deadline=None)
@given(WORDS, st.integers(1, 40), st.integers(1, 6), st.floats(1.0, 20.0), st.integers(1, 9))
def test_no_cap_is_ever_exceeded_and_what_is_said_was_written(
    text: str, tokens: int, sentences: int, seconds: float, size: int
):
    reader = ReplyReader(Brevity(tokens, sentences, seconds))
    parts: list[Part] = []
    for start in range(0, len(text), size):
        parts += reader.feed(text[start : start + size])
    parts += reader.finish()
    assert [part.index for part in parts] == list(range(len(parts)))
    said = [word.strip(".,?!… ") for part in parts for word in part.text.split()]
    written = [word.strip(".,?!… ") for word in text.split()]
    assert [word for word in said if word] == [word for word in written if word][: len([word for word in said if word])]
    assert sum(estimate_seconds(part.text) for part in parts) <= seconds + 1.2
    assert sum(part.text.endswith((".", "?", "!", "…")) for part in parts) <= sentences
