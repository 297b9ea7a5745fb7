"""A show whose voice is slower than it wants to be, in virtual time: what is heard, and what is not."""

from __future__ import annotations

import asyncio
import itertools
import random
from dataclasses import dataclass, replace

import pytest
from doubles import CHAD, VIRGIN, Show, utterance

from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.on_air.delivery import PaceState
from duologue.dialogue.on_air.director import ConversationOutcome
from duologue.dialogue.on_air.turn_parts import parts_of
from duologue.dialogue.on_air.voice_pace import Coming, Paces, VoicePace, lacking
from duologue.dialogue.ports import Voiced
from duologue.errors import PeerError
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.language.languages import ENGLISH
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.telemetry.ledger import TurnRecord

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

PATIENT_CAST = (replace(CHAD, max_words=60, max_seconds=60.0), replace(VIRGIN, max_words=60, max_seconds=60.0))


@dataclass
class PacedVoice:
    """One voice for all, one line at a time, at ``pace`` seconds for a second of sound, give or take ``jitter``."""

    clock: LoopClock
    pace: float
    jitter: float = 0.0
    fails: str = "\0"

    def __post_init__(self) -> None:
        self._random = random.Random(5)
        self._one = asyncio.Lock()
        self.texts: list[str] = []

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        found = utterance(text, speaker, utterance_id)
        async with self._one:
            await asyncio.sleep(self.pace * found.duration * self._random.uniform(1 - self.jitter, 1 + self.jitter))
        if self.fails in text:
            raise PeerError("the voice broke", where="double")
        self.texts.append(text)
        return Voiced(found, self.clock.now())


def lines(count: int, seed: int = 3) -> list[ScriptedReply]:
    """Turns of one to four sentences of three to fourteen words, written within a second or two."""
    chance = random.Random(seed)
    words = ("lamp", "was", "lit", "and", "nobody", "on", "that", "grey", "coast", "had", "ever", "asked", "who")

    def sentence() -> str:
        return " ".join(chance.choices(words, k=chance.randint(3, 14))).capitalize() + "."

    return [
        ScriptedReply(
            " ".join(sentence() for _ in range(chance.randint(1, 4))), first=chance.uniform(0.2, 1.5), between=0.005
        )
        for _ in range(count)
    ]


def paced(pace: float, turns: int = 40, *, jitter: float = 0.0, seed: int = 3, patient: bool = False) -> Show:
    """A show of ``turns`` scripted turns."""
    show = Show(lines(turns, seed), turns=turns, cast=PATIENT_CAST, patient=patient)
    show.voice = PacedVoice(show.clock, pace, jitter)  # type: ignore[assignment]
    show.use(show.model)
    return show


def turns(show: Show) -> list[TurnRecord]:
    """What was on air, in order."""
    return [record for record in show.records.values() if record.on_air and record.kind in ("turn", "answer")]


def heard(show: Show) -> dict[str, str]:
    """What the floor played of each turn, whole utterances."""
    found: dict[str, str] = {}
    for what, _, _ in show.floor.played:
        name = what.id.partition(".")[0]
        found[name] = f"{found.get(name, '')} {what.text}".strip()
    return found


def beyond_ms(show: Show) -> list[float]:
    """Of each silence on air what was not chosen (ms): before turns, and between the parts of one."""
    chosen = {
        part.id: part.gap_ms
        for record in turns(show)
        for part in parts_of(record.text, record.id, record.gap_ms, show.brief.seed, ENGLISH)
    }
    return [(b[1] - a[2]) / MILLISECOND - chosen.get(b[0].id, 0) for a, b in itertools.pairwise(show.floor.played)]


@pytest.mark.parametrize("jitter", [0.0, 0.15])
@pytest.mark.parametrize("seed", [3, 5])
@pytest.mark.parametrize("pace", [0.5, 0.8])
def test_a_voice_that_keeps_up_is_never_waited_for(pace: float, seed: int, jitter: float):
    show = simulate(paced(pace, seed=seed, jitter=jitter).run(), limit=7200)
    assert show.outcome is ConversationOutcome.ENDED and len(turns(show)) == 40
    assert max(beyond_ms(show)) < 1.0 and max(record.waited_ms for record in turns(show)) == 0.0
    assert sum(len(record.parts) for record in turns(show)) > 20 and show.fillers() == []
    assert turns(show)[0].on_air < 10 * SECOND
    assert not any(state.lagging for state in show.told)


@pytest.mark.parametrize("jitter", [0.0, 0.15])
@pytest.mark.parametrize("seed", [3, 4, 6])
def test_a_voice_that_lags_gets_its_time_in_small_stretches(seed: int, jitter: float):
    show = simulate(paced(1.1, seed=seed, jitter=jitter).run(), limit=7200)
    found, beyond = turns(show), beyond_ms(show)
    air = (found[-1].ended - found[0].on_air) / MILLISECOND
    assert len(found) == 40
    assert sum(each for each in beyond if each >= 1.0) <= 0.1 * air
    assert max(beyond) <= 1200
    assert sum(record.waited_ms for record in found) == pytest.approx(sum(e for e in beyond if e >= 1.0), abs=100)
    assert 5 * SECOND < found[0].on_air < 25 * SECOND  # it gathers a cushion, and then begins
    assert show.told[0].gathering and any(state.lagging and not state.gathering for state in show.told)
    assert show.told[-1] == PaceState()


def test_a_long_stretch_is_acted_by_who_speaks_next():
    show = simulate(paced(1.1, seed=3, jitter=0.15).run(), limit=7200)
    long = [
        (before[2], following[0].speaker)
        for (before, following), beyond in zip(itertools.pairwise(show.floor.played), beyond_ms(show), strict=True)
        if beyond >= 300
    ]
    assert long
    for ended, speaker in long:
        told = [who for who, at in show.floor.pondered if at <= ended + 500 * MILLISECOND]
        assert told and told[-1] == speaker


def test_what_is_heard_is_what_was_written_and_every_prompt_knows_it():
    show = simulate(paced(0.8).run(), limit=7200)
    found = turns(show)
    assert [heard(show)[record.id] for record in found] == [record.text for record in found]
    assert [record.heard for record in found] == [record.text for record in found]
    assert [record.speaker for record in found] == ["chad", "virgin"] * 20
    for number, prompt in enumerate(show.model.prompts):
        assert [line.text for line in prompt.lines] == [record.text for record in found[:number]]


def test_it_looks_further_ahead_and_begins_short():
    show = paced(0.8)
    show.paces = Paces(0.8)  # measured before
    show.use(show.model)
    show = simulate(show.run(), limit=7200)
    assert [prompt.max_words for prompt in show.model.prompts[:3]] == [20, 20, 60]
    found = turns(show)
    ahead = [sum(later.asked < record.on_air for later in found[number + 1 :]) for number, record in enumerate(found)]
    assert max(ahead) >= 3
    assert found[0].on_air < 5 * SECOND


def test_offline_a_slow_voice_speaks_whole_lines():
    show = simulate(paced(1.1, turns=6, patient=True).run(), limit=7200)
    assert len(show.floor.played) == 6 and not any(record.parts for record in turns(show))
    assert show.told == [] and show.floor.pondered == []


@pytest.mark.parametrize("at", [1.0, 8.0, 20.0, 26.5, 31.0, 40.0])
def test_a_question_is_answered_by_the_very_next_turn(at: float):
    answers: list[str] = []

    async def ask(show: Show) -> None:
        await asyncio.sleep(at)
        answers.append(await show.director.say("Ada", "Why so serious?", "virgin"))

    show = simulate(paced(0.8, turns=12).run(ask), limit=7200)
    found = turns(show)
    begun = [record for record in found if record.on_air > at * SECOND + 10 * MILLISECOND]
    assert begun[0].id == answers[0] and begun[0].heard == begun[0].text
    assert [record.number for record in found if record.kind == "turn"] == list(range(12))
    before = found[found.index(begun[0]) - 1] if found[0] is not begun[0] else None
    assert before is None or before.heard == before.text  # who speaks has finished first


@pytest.mark.parametrize("at", [2.0, 9.0, 15.0, 21.3, 26.5, 31.0, 33.3])
def test_stop_is_immediate_and_keeps_what_was_heard(at: float):
    stopped = 0

    async def stop(show: Show) -> None:
        nonlocal stopped
        await asyncio.sleep(at)
        await show.director.stop()
        stopped = show.clock.now()

    show = simulate(paced(0.8).run(stop), limit=7200)
    assert stopped - round(at * SECOND) <= 50 * MILLISECOND
    assert show.floor.queue == [] and {record.state for record in show.records.values()} <= {"ended", "withdrawn"}
    played = heard(show)
    for record in turns(show):
        assert record.text.startswith(record.heard) and played[record.id].startswith(record.heard)
        assert record.interrupted == (record.heard != record.text)


def test_a_part_that_is_cut_ends_its_turn():
    async def interrupt(show: Show) -> None:
        for _ in range(2000):
            await asyncio.sleep(0.05)
            if any(record.parts for record in show.records.values()):
                break
        await asyncio.sleep(0.5)
        show.floor.cut()

    show = simulate(paced(0.8, turns=12).run(interrupt), limit=7200)
    (cut,) = [record for record in turns(show) if record.interrupted]
    assert cut.text.startswith(cut.heard) and cut.heard != cut.text
    assert [record.number for record in turns(show)] == list(range(12))
    assert cut.heard in {line.text for line in show.model.prompts[-1].lines}


def test_a_part_without_sound_ends_its_turn_there():
    show = paced(0.8, turns=10)
    text = "The first sentence of this is said. The second one breaks the voice. The third is never heard."
    show.model = FakeLanguage(
        [ScriptedReply("Short and good, and nothing more than that."), ScriptedReply(text)], show.clock
    )
    show.voice = PacedVoice(show.clock, 0.8, fails="breaks the voice")  # type: ignore[assignment]
    show.use(show.model)
    simulate(show.run(), limit=7200)
    turn = turns(show)[1]
    assert turn.text == turn.heard == "The first sentence of this is said." and "the voice broke" in turn.failure
    assert [record.number for record in turns(show)] == list(range(10)) and not turn.interrupted
    last = [line.text for line in show.model.prompts[-1].lines]
    assert last == [record.heard for record in turns(show)[:9]], "what was never said is no part of the context"


def test_a_pace_is_learnt_of_nearly_every_line():
    pace = VoicePace()
    assert pace.factor == 0.0
    pace.learn("Um.", 5.0, 0.2)  # too short to tell anything
    assert pace.factor == 0.0
    for took in (4.0, 4.4, 4.0, 12.0, 4.2):
        pace.learn("A line that lasts four seconds, at a usual rate of speech.", took, 4.0)
    assert pace.factor == 1.1 and pace.middle == 1.05  # one busy moment says little
    for _ in range(12):
        pace.learn("A line that lasts four seconds, at a usual rate of speech.", 1.0, 4.0)
    assert pace.factor == 0.25  # what is long ago is forgotten


def test_lacking_is_what_the_first_must_wait_so_that_all_are_in_time():
    there = Coming(0.3, 4.0, 0.0)
    assert lacking([there], 2.0) < 0
    assert lacking([there, Coming(0.2, 4.0, 5.0)], 0.0) == pytest.approx(0.5)
    assert lacking([there, Coming(0.2, 4.0, 5.0)], 1.0) == pytest.approx(-0.5)
    assert lacking([Coming(0.3, 4.0, 3.0), Coming(0.3, 2.0, 2.0), Coming(0.3, 9.0, 9.0)], 0.0) == pytest.approx(7.1)
