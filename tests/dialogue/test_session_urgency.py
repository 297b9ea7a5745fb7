"""How urgent a conversation and a show say their engines' work is: who is waited for, and what gives way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field, replace

import pytest
from doubles import Show
from session_doubles import LoudVoice, Says, Talk, loud_utterance
from test_session_record import recorded

from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND
from duologue.dialogue.ports import Voiced
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import Adopt
from duologue.language.engine import Line, Prompt
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.precedence import Urgency, WorkGate, current_errand
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.hearing import Expected, Transcript, VoicePresence
from duologue.speech.hearing_fake import FakeHearing
from duologue.speech.utterance import Utterance

AWAITED, SOUNDING, NEXT, SPECULATIVE, AHEAD = Urgency
ASKS = Says(1.0, "what time is it please Ada")
PLAIN = Policy(speculate=False, final_ahead_ms=0)


@dataclass
class Seen:
    """Who did what for how urgent an errand, and when (s)."""

    clock: LoopClock
    what: list[tuple[str, Urgency, float]] = field(default_factory=list[tuple[str, Urgency, float]])

    def note(self, name: str) -> None:
        errand = current_errand()
        assert errand is not None, f"{name}: nobody said for whom this is"
        now = self.clock.now()
        self.what.append((name, errand.at(now), now / 1e9))

    def of(self, name: str) -> list[Urgency]:
        return [urgency for what, urgency, _ in self.what if what.startswith(name)]


class NotingModel(FakeLanguage):
    """Writes four words a second, noting each, and reads ahead in half a second."""

    def __init__(self, seen: Seen, *replies: str, kept: int = 0) -> None:
        super().__init__()
        self.seen, self.replies, self.kept = seen, list(replies), kept
        self.ahead: list[Prompt] = []
        self.read: list[Prompt] = []

    async def write(self, prompt: Prompt) -> AsyncGenerator[str]:
        errand = current_errand()
        assert errand is not None
        errand.prompt, errand.kept = 100, self.kept
        text = self.replies.pop(0) if self.replies else "Yes."
        for word in text.split():
            await asyncio.sleep(0.25)
            self.seen.note("thought")
            yield f"{word} "

    async def read_ahead(self, prompt: Prompt) -> None:
        self.ahead.append(prompt)
        self.seen.note("read ahead")
        await asyncio.sleep(0.5)
        self.read.append(prompt)


class NotingVoice(LoudVoice):
    """Gives a sentence in pieces of a word each, one in 0.1 s, noting each of a reply by the number of its sentence."""

    def __init__(self, clock: LoopClock, seen: Seen) -> None:
        super().__init__(clock)
        self.seen = seen

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        name = f"voice {utterance_id.rpartition('/')[2]}" if "/" in utterance_id else "prepared"
        whole = loud_utterance(text, speaker, utterance_id)
        piece = len(whole.samples) // len(text.split())

        def until(samples: int) -> Utterance:
            return replace(whole, samples=whole.samples[:samples], open=samples < len(whole.samples))

        async def more() -> AsyncGenerator[Utterance, None]:
            for at in range(2 * piece, len(whole.samples) + 1, piece):
                await asyncio.sleep(0.1)
                self.seen.note(name)
                yield until(at)

        await asyncio.sleep(0.1)
        self.seen.note(name)
        first = until(piece)
        return Voiced(first, self.clock.now(), more() if first.open else None)


class NotingEars(FakeHearing):
    """Notes with each block."""

    seen: Seen

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        async def noted() -> AsyncGenerator[Samples, None]:
            async for block in sound:
                self.seen.note("listened")
                yield block
            self.seen.note("ended")

        async for transcript in super().listen(noted(), expected, voice):
            yield transcript


def talked(*replies: str, policy: Policy = PLAIN, seconds: float = 20.0, script: tuple[Says, ...] = (ASKS,)) -> tuple[
    Talk, Seen, NotingModel
]:  # fmt: skip
    talk = Talk(script, policy=policy, seconds=seconds)
    seen = Seen(talk.clock)
    talk.voice = NotingVoice(talk.clock, seen)
    talk.model = model = NotingModel(seen, *replies, kept=90)
    ears = NotingEars(talk.ears.script, clock=talk.clock)
    ears.seen = seen
    talk.ears = ears
    simulate(talk.run())
    return talk, seen, model


def test_somebody_waits_for_the_first_sentence_and_its_sound_and_the_rest_follows_what_sounds() -> None:
    _, seen, _ = talked("It is noon. The clock on the tower in the middle of the town says so, and it is right.")
    thoughts = [(urgency, at) for what, urgency, at in seen.what if what == "thought"]
    first = next(at for what, _, at in seen.what if what == "voice 0")
    assert [urgency for urgency, at in thoughts if at < first - 0.05] == [AWAITED] * 3
    assert AWAITED not in [urgency for urgency, at in thoughts if first <= at < first + 0.5]
    assert seen.of("voice 0")[0] is AWAITED
    later = seen.of("voice 0")[1:] + seen.of("voice 1")
    assert later and set(later) <= {AWAITED, SOUNDING, NEXT}
    assert SOUNDING in seen.of("voice 1")


def test_what_sounds_is_awaited_again_when_little_of_it_is_left() -> None:
    """A sentence of one word: 0.3 s of sound, and the next one is not written yet."""
    _, seen, _ = talked("Noon. The clock on the tower in the middle of the town says so.")
    sounding = next(at for what, _, at in seen.what if what == "voice 0")
    thoughts = [(urgency, at) for what, urgency, at in seen.what if what == "thought" and at > sounding]
    assert {urgency for urgency, at in thoughts if at > sounding + 0.11} == {AWAITED}


def test_a_guess_gives_way_until_it_was_right() -> None:
    talk, seen, _ = talked("It is noon. The clock says so.", policy=Policy())
    adopted = next(now for now, item in talk.log if isinstance(item, Adopt)) / 1e9
    thoughts = [(urgency, at) for what, urgency, at in seen.what if what == "thought"]
    before = {urgency for urgency, at in thoughts if at < adopted}
    after = [urgency for urgency, at in thoughts if at > adopted + 0.001]
    assert before == {SPECULATIVE} and after and SPECULATIVE not in after


def test_what_is_prepared_and_what_is_heard_while_somebody_speaks_gives_way() -> None:
    _, seen, _ = talked("It is noon.")
    assert set(seen.of("prepared")) == {AHEAD}
    assert set(seen.of("listened")) == {AHEAD}
    assert seen.of("ended") == [AWAITED]


def test_a_prompt_is_read_ahead_of_the_first_question_and_after_each_answer() -> None:
    _, seen, model = talked("It is noon.", script=(ASKS, Says(8.0, "and now")))
    assert set(seen.of("read ahead")) == {AHEAD}
    assert len(model.read) >= 3
    for prompt in model.read:
        assert prompt.lines[-1] == Line("person", "…") and prompt.speaker.name == "ada"
    assert [len(prompt.lines) for prompt in model.read[:3]] == [1, 3, 5]
    assert [line.text for line in model.read[1].lines[:2]] == [ASKS.text, "It is noon."]


def test_reading_ahead_of_an_older_context_is_given_up() -> None:
    talk, _, model = talked(*["Yes."] * 9, script=(Says(0.1, "one"),), seconds=6.0)
    assert len(model.ahead) == 2 and model.read[-1] is model.ahead[-1]
    assert not [item for _, item in talk.log if "Failed" in type(item).__name__]


class Broken(NotingModel):
    async def read_ahead(self, prompt: Prompt) -> None:
        self.ahead.append(prompt)
        raise ZeroDivisionError("no number")


def test_a_prompt_that_cannot_be_read_ahead_costs_nobody_a_word() -> None:
    talk = Talk((ASKS,), policy=PLAIN)
    seen = Seen(talk.clock)
    talk.model = model = Broken(seen, "It is noon.")
    simulate(talk.run())
    assert model.ahead
    assert ("ada", "It is noon.") in talk.context()


class QueuedModel(NotingModel):
    """Waits for somebody else's piece before each word."""

    gate: WorkGate

    async def write(self, prompt: Prompt) -> AsyncGenerator[str]:
        async for word in super().write(prompt):
            other = self.gate.ask("llama")
            asyncio.get_running_loop().call_later(0.2, other.leave)
            async with self.gate.piece("llama"):
                yield word


def test_the_ledger_tells_what_waited_and_what_was_read_before() -> None:
    talk = Talk((ASKS,), policy=PLAIN)
    seen = Seen(talk.clock)
    talk.model = model = QueuedModel(seen, "It is noon.", kept=90)
    model.gate = WorkGate(1, talk.clock)
    simulate(talk.run())
    (_, answer) = recorded(talk)
    assert (answer.prompt_tokens, answer.kept_tokens) == (100, 90)
    assert answer.queued_ms == pytest.approx(3 * 200, abs=30)


def test_a_show_asks_for_its_next_turn_in_time_and_not_before() -> None:
    show = Show(turns=5)
    seen = Seen(show.clock)
    line = "So a lighthouse keeper walks into a bar and never says a single word to anybody there at all."
    show.use(NotingModel(seen, *[line] * 9, kept=40))
    simulate(show.run())
    began = {record.number: record.on_air for record in show.on_air()}
    early = [(urgency, at) for what, urgency, at in seen.what if what == "thought"]
    on_air = sorted(at / 1e9 for at in began.values())
    # while a turn of 7.6 s plays, the next one is written in 4.75 s from its start: time enough until 2 s are left
    assert {urgency for urgency, at in early if on_air[0] + 0.1 < at < on_air[0] + 4} == {NEXT}
    assert {urgency for urgency, at in early if at < on_air[0]} == {SOUNDING}, "the floor is silent"
    records = [record for record in show.on_air() if record.kind == "turn"]
    assert {(record.prompt_tokens, record.kept_tokens) for record in records} == {(100, 40)}
    assert {record.queued_ms for record in records} == {0.0}


def test_the_pass_at_a_pause_is_awaited_once_the_end_is_asked_for() -> None:
    """An errand moves the pass that waits already: nobody asks for it a second time."""
    talk = Talk((ASKS,), [ScriptedReply("It is noon.")], policy=PLAIN)
    gate, asked = WorkGate(1, talk.clock), list[tuple[Urgency, float]]()

    class Ears(FakeHearing):
        async def listen(
            self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
        ) -> AsyncGenerator[Transcript, None]:
            async for transcript in super().listen(sound, expected, voice):
                if transcript.final:
                    other = gate.ask("whisper", SOUNDING)
                    asyncio.get_running_loop().call_later(0.3, other.leave)
                    async with gate.piece("whisper", SOUNDING):
                        errand = current_errand()
                        assert errand is not None
                        asked.append((errand.urgency, errand.waited / MILLISECOND))
                yield transcript

    talk.ears = Ears(talk.ears.script, clock=talk.clock)
    simulate(talk.run())
    assert [urgency for urgency, _ in asked] == [AWAITED]
    (_, answer) = recorded(talk)
    assert answer.queued_ms == pytest.approx(300, abs=5)
