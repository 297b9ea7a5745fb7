"""Structured replies and tools in a person's conversation, on virtual time."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace

import pytest
from session_doubles import LoudVoice, Says, Talk

from duologue.clock import SECOND
from duologue.dialogue.ports import Voiced
from duologue.dialogue.replies.text import ReplyCap
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import (
    Abandon,
    Adopt,
    Annotate,
    AudioGrew,
    ChunkWritten,
    Commit,
    EngineFailed,
    Note,
    Play,
    ReplyFinished,
    Report,
    SpeechStarted,
    Stage,
    Think,
    ToolRan,
    VoiceSentence,
)
from duologue.language.engine import Prompt
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.language.structured import ReplyChunk, ReplyForm, reply_schema
from duologue.language.tools import STOPPED, Tool, Toolbox, ToolCall
from duologue.simulation.virtual_time import simulate
from duologue.speech.utterance import Utterance

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

ASKS = Says(1.0, "what time is it please Ada")
CHUNKS = [
    {"text": "It is nearly noon.", "expression": "smile", "correction": "What time is it, please?"},
    {"text": "Shall we go and eat something warm by the river?", "expression": "doubt", "hint": "to eat"},
]
SCHEMA = reply_schema(notes=("correction", "hint"))


def structured(*chunks: dict[str, str], first: float = 0.1) -> ScriptedReply:
    return ScriptedReply(json.dumps({"chunks": chunks}), first, 0.1)


def talk_with(talk: Talk, *, schema: dict[str, object] | None = None, toolbox: Toolbox | None = None) -> Talk:
    talk.options = replace(talk.options, schema=schema, toolbox=toolbox)
    return simulate(talk.run())


def test_what_is_written_is_what_is_shown_heard_and_remembered() -> None:
    written = "It was $5.50 at 20 °C, see https://a.example.org/b?c=7 or ask ann@example.org."
    talk = talk_with(Talk([ASKS], [ScriptedReply(written)]))
    assert [item.text for _, item in talk.log if isinstance(item, VoiceSentence)] == [written]
    assert [item.heard for _, item in talk.log if isinstance(item, Commit)] == [written]
    assert talk.context()[-1] == ("ada", written)


def when(talk: Talk, kind: type[object], number: int = 0) -> int:
    return [at for at, item in talk.log if isinstance(item, kind)][number]


@dataclass
class Counted:
    """What came of a conversation's replies and calls."""

    forms: Counter[ReplyForm] = field(default_factory=Counter[ReplyForm])
    cuts: Counter[ReplyCap] = field(default_factory=Counter[ReplyCap])
    failures: Counter[Stage] = field(default_factory=Counter[Stage])
    tools: Counter[str] = field(default_factory=Counter[str])
    tool_failures: Counter[str] = field(default_factory=Counter[str])


def tally(talk: Talk) -> Counted:
    counted = Counted()
    for _, item in talk.log:
        match item:
            case ReplyFinished(form=form, cut=cut):
                counted.forms.update([form] if form else ())
                counted.cuts.update([cut] if cut else ())
            case Report(Note.FAILED, stage=stage) if stage:
                counted.failures[stage] += 1
            case ToolRan(outcome=outcome):
                counted.tools[outcome.call.name] += 1
                counted.tool_failures.update([outcome.call.name] if outcome.failure else ())
            case _:
                pass
    return counted


@pytest.mark.parametrize("speculate", [True, False])
def test_a_structured_reply_is_said_with_its_expressions_and_shown_with_its_notes(speculate: bool) -> None:
    talk = Talk([ASKS], [structured(*CHUNKS)] * 3, policy=Policy(speculate=speculate))
    talk = talk_with(talk, schema=SCHEMA)
    assert talk.context()[1] == ("ada", f"{CHUNKS[0]['text']} {CHUNKS[1]['text']}")
    played = [item.utterance for _, item in talk.log if isinstance(item, Play)]
    assert [utterance.expression for utterance in played] == ["smile", "doubt"]
    shown = [item.chunk for _, item in talk.log if isinstance(item, Annotate)]
    assert shown == [
        ReplyChunk(0, CHUNKS[0]["text"], "smile", correction="What time is it, please?"),
        ReplyChunk(1, CHUNKS[1]["text"], "doubt", hint="to eat"),
    ]
    assert tally(talk).forms == {ReplyForm.STRUCTURED: 1}


def test_the_first_chunk_sounds_before_the_second_is_written() -> None:
    talk = talk_with(Talk([ASKS], [structured(*CHUNKS)], policy=Policy(speculate=False)), schema=SCHEMA)
    assert when(talk, Play) < when(talk, ChunkWritten, 1)


class Steady(FakeLanguage):
    """Writes 99 characters a second, one at a time."""

    async def write(self, prompt: Prompt) -> AsyncGenerator[str]:
        for character in json.dumps({"chunks": CHUNKS}):
            await asyncio.sleep(1 / 99)
            yield character


class Measured(LoudVoice):
    """Voices 15 characters a second."""

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        self.seconds = len(text) / 15
        return await super().voice(text, speaker, utterance_id)


def test_the_first_sound_is_the_first_chunk_written_plus_its_voice() -> None:
    talk = Talk([], seconds=20, greet=True)
    talk.model, talk.voice = Steady(clock=talk.clock), Measured(talk.clock)
    talk = talk_with(talk, schema=SCHEMA)
    text = CHUNKS[0]["text"]
    written = (json.dumps({"chunks": CHUNKS}).index(text) + len(text) + 1) / 99
    began = (when(talk, Play) - when(talk, Think)) / SECOND
    assert began == pytest.approx(written + len(text) / 15, abs=0.05)
    assert when(talk, VoiceSentence) < when(talk, ChunkWritten, 1)


class Early(LoudVoice):
    """Gives the first word of a reply's sentence at once, and all of it a second later."""

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        given = await super().voice(text, speaker, utterance_id)
        if "/" not in utterance_id:
            return given
        word = given.utterance.words()[0].end
        begun = replace(given.utterance, samples=given.utterance.samples[:word], marks=(), open=True)
        return Voiced(begun, given.first_audio, self._rest(given))

    async def _rest(self, given: Voiced) -> AsyncGenerator[Utterance, None]:
        await asyncio.sleep(1.0)
        yield given.utterance


def test_a_voice_that_streams_is_heard_before_it_is_known_what_it_says_it_with() -> None:
    """The model writes that a fifth of a second after the words."""
    talk = Talk([], seconds=20, greet=True)
    talk.model, talk.voice = Steady(clock=talk.clock), Early(talk.clock, 0.05)
    talk = talk_with(talk, schema=SCHEMA)
    text = CHUNKS[0]["text"]
    written = (json.dumps({"chunks": CHUNKS}).index(text) + len(text) + 1) / 99
    began = (when(talk, Play) - when(talk, Think)) / SECOND
    assert began == pytest.approx(written + 0.05, abs=0.02)
    grown = [item.utterance for _, item in talk.log if isinstance(item, AudioGrew)]
    assert [utterance.expression for utterance in grown] == ["smile"]


def test_what_was_only_thought_is_not_shown() -> None:
    """The person goes on: the first reply is withdrawn, though its first chunk was written."""
    script = [Says(1.0, "I went there"), Says(2.3, "in a yellow car")]
    vain = structured({"text": "Where?", "expression": "doubt", "hint": "the vain one"}, first=0.0)
    talk = talk_with(Talk(script, [replace(vain, between=0.0), structured(*CHUNKS)]), schema=SCHEMA)
    assert when(talk, ChunkWritten) < when(talk, SpeechStarted, 1) <= when(talk, Abandon)
    shown = [item for _, item in talk.log if isinstance(item, Annotate)]
    assert [note.chunk.hint for note in shown] == ["", "to eat"]
    assert when(talk, Annotate) >= when(talk, Adopt)


@pytest.mark.parametrize(
    ("text", "form"),
    [("It is noon. Come.", ReplyForm.PLAIN), ('{"chunks":[{"text":"It is noon. Come.', ReplyForm.MALFORMED)],
)
def test_a_model_that_does_not_obey_is_heard_all_the_same_and_counted(text: str, form: ReplyForm) -> None:
    talk = talk_with(Talk([ASKS], [ScriptedReply(text)]), schema=SCHEMA)
    assert talk.context()[1] == ("ada", "It is noon. Come.")
    assert tally(talk).forms == {form: 1}
    (end,) = [item for _, item in talk.log if isinstance(item, ReplyFinished)]
    assert end.form is form and bool(end.problem) == (form is ReplyForm.MALFORMED)


def test_a_plain_reply_that_was_asked_for_is_no_form_and_a_cap_is_told() -> None:
    talk = talk_with(Talk([ASKS], [ScriptedReply("It is so. " * 30)], seconds=60))
    assert tally(talk).forms == {} and sum(tally(talk).cuts.values()) == 1


def test_what_came_before_a_failure_is_said() -> None:
    broken = ScriptedReply("It is noon. And then it will be", 0.1, failure="the connection was cut")
    talk = talk_with(Talk([ASKS], [broken, broken]))
    assert talk.context()[1] == ("ada", "It is noon.")
    assert tally(talk).failures == {Stage.THINKING: 1}


def test_a_voice_that_fails_once_is_asked_again_and_told() -> None:
    failed: list[str] = []

    def once(utterance_id: str) -> bool:
        failed.append(utterance_id)
        return utterance_id.endswith("/0") and failed.count(utterance_id) == 1

    talk = Talk([ASKS], [ScriptedReply("It is noon. Come.")])
    talk.voice.fails = once
    talk = talk_with(talk)
    assert talk.context()[1] == ("ada", "It is noon. Come.")
    assert [item.what for _, item in talk.log if isinstance(item, EngineFailed)] == ["the voice broke (double)."]


@dataclass
class Bookings:
    """A tool that takes ``seconds`` and keeps when it was called and whether it was stopped."""

    seconds: float = 0.0
    calls: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    stopped: int = 0

    async def book(self, name: str) -> str:
        """Book a table."""
        self.calls.append((name, round(asyncio.get_running_loop().time() * SECOND)))
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        return f"booked for {name}"

    def toolbox(self, limit: float = 5.0) -> Toolbox:
        return Toolbox([Tool(self.book, limit_seconds=limit, filler="Let me look that up.")])


class Caller(FakeLanguage):
    """Asks for its tool first, and then says what it was told."""

    async def write(self, prompt: Prompt) -> AsyncGenerator[str]:
        self.prompts.append(prompt)
        assert prompt.tools is not None
        async for filler in prompt.tools.run([ToolCall("c1", "book", '{"name": "Ada"}')]):
            yield filler
        told = prompt.tools.outcomes[-1]
        yield "That did not work. " if told.failure else f"It is {json.loads(told.shown)}. "


def call(script: Sequence[Says], bookings: Bookings, *, limit: float = 5.0, policy: Policy | None = None) -> Talk:
    talk = Talk(script, policy=policy, seconds=30)
    talk.model = Caller(clock=talk.clock)
    return talk_with(talk, toolbox=bookings.toolbox(limit))


def test_a_tool_is_called_once_and_only_when_the_speculation_is_adopted() -> None:
    bookings = Bookings()
    talk = call([ASKS], bookings)
    assert any(isinstance(item, Think) and item.speculative for _, item in talk.log)
    ((name, at),) = bookings.calls
    assert name == "Ada" and at >= when(talk, Adopt)
    assert talk.context()[1] == ("ada", "It is booked for Ada.")
    assert tally(talk).tools == {"book": 1} and tally(talk).tool_failures == {}
    assert when(talk, ToolRan) >= at


def test_a_speculation_that_was_wrong_has_called_nothing() -> None:
    bookings = Bookings()
    talk = call([Says(1.0, "I went there"), Says(2.3, "in a yellow car")], bookings)
    assert sum(isinstance(item, Think) for _, item in talk.log) == 2
    assert Note.SPECULATION_MISS in talk.notes() and len(bookings.calls) == 1
    assert tally(talk).tools == {"book": 1}


def test_a_slow_tool_is_covered_by_its_filler() -> None:
    talk = call([ASKS], Bookings(2.0))
    assert talk.context()[1] == ("ada", "Let me look that up. It is booked for Ada.")
    spans = talk.sounding()
    assert len(spans) == 2 and spans[1][0] > spans[0][1]


def test_a_tool_that_may_take_long_is_waited_for() -> None:
    talk = call([ASKS], Bookings(9.5), limit=10.0)
    assert talk.context()[1] == ("ada", "Let me look that up. It is booked for Ada.")
    assert tally(talk).failures == {}


def test_a_tool_beyond_its_limit_is_told_to_the_model_and_counted() -> None:
    bookings = Bookings(60.0)
    talk = call([ASKS], bookings, limit=2.0)
    assert talk.context()[1] == ("ada", "Let me look that up. That did not work.")
    assert bookings.stopped == 1 and tally(talk).tool_failures == {"book": 1}
    (ran,) = [item for _, item in talk.log if isinstance(item, ToolRan)]
    assert ran.outcome.failure == "no result in 2 s"


def test_an_interruption_stops_a_tool_that_runs() -> None:
    bookings = Bookings(20.0)
    talk = call([ASKS, Says(4.5, "stop that please")], bookings, limit=30.0, policy=Policy(speculate=False))
    assert bookings.stopped >= 1 and len(bookings.calls) == 2
    commits = [item for _, item in talk.log if isinstance(item, Commit)]
    assert commits[0].interrupted or "stop that please" in commits[0].person


class Slow(Caller):
    """Says what it was told a while after."""

    async def write(self, prompt: Prompt) -> AsyncGenerator[str]:
        first = len(self.prompts) < 2
        async for piece in super().write(prompt):
            await asyncio.sleep(1.5 if first else 0.0)
            yield piece


def test_who_adds_a_word_after_the_booking_books_once_and_the_character_knows() -> None:
    """The reply that booked is withdrawn before it sounds; the next one asks for the same and is told what there is."""
    bookings = Bookings()
    talk = Talk([Says(1.0, "book a table for Ada please"), Says(4.0, "by the window")], seconds=30)
    talk.options = replace(talk.options, policy=Policy(speculate=False))
    talk.model = Slow(clock=talk.clock)
    talk = talk_with(talk, toolbox=bookings.toolbox())
    assert [name for name, _ in bookings.calls] == ["Ada"]
    assert sum(isinstance(item, ToolRan) for _, item in talk.log) == 1
    first, second = talk.model.prompts
    assert first.lines[-1].calls == ()
    assert [outcome.shown for outcome in second.lines[-1].calls] == ['"booked for Ada"']
    assert talk.context() == [
        ("person", "book a table for Ada please by the window"), ("ada", "It is booked for Ada."),
    ]  # fmt: skip
    assert [outcome.shown for outcome in talk.session.lines[0].calls] == ['"booked for Ada"']


def test_what_was_called_for_one_request_is_called_again_for_another_and_stays_in_the_context() -> None:
    bookings = Bookings()
    talk = call([ASKS, Says(9.0, "and once more please")], bookings, policy=Policy(speculate=False))
    assert len(bookings.calls) == 2
    first, second = talk.model.prompts
    assert [len(line.calls) for line in first.lines] == [0]
    assert [len(line.calls) for line in second.lines] == [1, 0, 0]
    assert [len(line.calls) for line in talk.session.lines] == [1, 0, 1, 0]


def test_a_call_that_was_stopped_is_told_to_the_next_thought() -> None:
    bookings = Bookings(20.0)
    talk = call([ASKS, Says(4.5, "stop that please")], bookings, limit=30.0, policy=Policy(speculate=False))
    (stopped,) = [outcome for line in talk.model.prompts[1].lines for outcome in line.calls]
    assert stopped.failure == STOPPED and "not known" in stopped.shown
