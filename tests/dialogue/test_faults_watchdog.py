"""Every stage that can stall is noticed within its limit and named, and the person is filled in for or told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from fault_doubles import Scene, Trouble
from session_doubles import ADA, Says

from duologue.clock import SECOND
from duologue.dialogue.turns.vocabulary import Note, Report, Stage, State
from duologue.language.languages import ENGLISH
from duologue.simulation.virtual_time import simulate
from duologue.speech.utterance import Utterance

APOLOGIES = ENGLISH.apologies.model_dump()

ASKS = Says(1.0, "what time is it please Ada")


@dataclass(frozen=True)
class Stall:
    """Who stalls, how, from which state on; named within ``limit`` seconds as ``stage`` with ``why``; and what the
    person hears of it.
    """

    engine: str
    kind: str
    state: State
    limit: float
    stage: Stage
    why: str
    hears: str = ""


STALLS = [
    Stall("hearing", "hang", State.HEARING, 1.8 + 1.2 + 2.0, Stage.HEARING, "no final transcript", "Sorry"),
    Stall("hearing", "hang", State.PAUSING, 1.2 + 2.0, Stage.HEARING, "no final transcript", "Answer"),
    Stall("thinking", "hang", State.THINKING, 12.0, Stage.THINKING, "silent", "Sorry"),
    Stall("thinking", "trickle", State.THINKING, 12.0, Stage.THINKING, "late", "Sorry"),
    Stall("thinking", "close hangs", State.THINKING, 3.3, Stage.THINKING, "did not close in 2 s", "Blah"),
    Stall("thinking", "never ends", State.THINKING, 11.0, Stage.THINKING, "stood still for 8 s", "too."),
    Stall("voicing", "hang", State.THINKING, 12.0, Stage.VOICING, "late", "Sorry"),
    Stall("voicing", "hang", State.SPEAKING, 14.0, Stage.VOICING, "no sound in 5.5 s; no sound in 5.5 s", "Sorry"),
    Stall("voicing", "hang", State.QUIET, 11.1, Stage.VOICING, "apology: no sound in 5.5 s", ""),
    Stall("moderator", "hang", State.THINKING, 7.5, Stage.THINKING, "moderator: no verdict in 6 s", "something else"),
]


def named(scene: Scene, stall: Stall) -> list[float]:
    """When ``stall`` was named (seconds after it began)."""
    return [
        (at - scene.armed_at) / SECOND
        for at, item in scene.log
        if isinstance(item, Report) and item.stage is stall.stage and stall.why in item.why
    ]


@pytest.mark.parametrize("stall", STALLS, ids=lambda stall: f"{stall.engine}-{stall.kind}-{stall.state}")
def test_a_stall_is_named_within_its_limit(stall: Stall) -> None:
    scene = Scene([ASKS], Trouble(stall.engine, stall.kind), stall.state, seconds=34.0)
    simulate(scene.run())
    found = named(scene, stall)
    assert found and found[0] <= stall.limit + 0.1, scene.reports()
    heard = [play.utterance.text for play in scene.plays.values() if play.played == len(play.utterance.samples)]
    assert any(stall.hears.casefold() in text.casefold() for text in heard) or not stall.hears, heard
    scene.check()


def test_a_late_thought_is_filled_in_for_before_it_is_apologised_for() -> None:
    scene = Scene([ASKS], Trouble("thinking", "hang"), State.THINKING, seconds=24.0)
    simulate(scene.run())
    texts = [play.utterance.text for play in scene.plays.values()]
    assert texts[0] in ADA.fillers and texts.count(ADA.fillers[0]) >= 2
    assert texts[-1] == APOLOGIES[Stage.THINKING]
    first = min(at for at, item in scene.log if type(item).__name__ == "Filler")
    assert first - scene.armed_at <= 1.6 * SECOND


def test_an_ear_that_takes_no_sound_is_named_while_the_person_still_speaks() -> None:
    """It is 15 s behind; another call takes all that was said, and what is said from then on."""
    long = Says(1.0, " ".join(f"word{number}" for number in range(80)))
    scene = Scene([long], Trouble("hearing", "hang"), State.HEARING, cured=10.0, seconds=34.0)
    simulate(scene.run())
    found = named(scene, Stall("", "", State.HEARING, 16.0, Stage.HEARING, "does not keep up"))
    assert found and found[0] <= 16.0
    (_, said), (_, answer) = scene.context()
    assert said == long.text and answer.endswith("too.")
    scene.check()


class HangingSink(Scene):
    """Each play is accepted by nobody."""

    async def play(self, utterance: Utterance, gap_ms: int) -> None:
        await asyncio.Event().wait()


def test_a_sink_that_never_returns_is_named_in_a_second_and_holds_nobody() -> None:
    scene = HangingSink([ASKS], Trouble(), State.THINKING, typed=[(12.0, "and now")], seconds=24.0)
    simulate(scene.run())
    stall = Stall("", "", State.THINKING, 3.1, Stage.PLAYING, "took no order in 1 s")
    found = named(scene, stall)
    assert found and found[0] <= stall.limit
    assert [text for who, text in scene.context() if who == "person"] == [ASKS.text, "and now"]


def test_a_jump_of_the_clock_is_named_and_blamed_on_nobody() -> None:
    """Twenty seconds are gone while a reply is heard: the sink catches up, and the reply is whole."""
    scene = Scene([ASKS], Trouble(), State.SPEAKING, typed=[(34.0, "and now")], seconds=44.0)

    async def jump() -> None:
        async with asyncio.TaskGroup() as group:
            talk = group.create_task(scene.run())
            await asyncio.sleep(5.0)
            scene.clock.ahead = 20 * SECOND
            await talk

    simulate(jump())
    stalled = [report for report in scene.reports() if report.note is Note.STALLED]
    assert [report.stage for report in stalled] == [Stage.LOOP]
    answers = [text for who, text in scene.context() if who == "ada"]
    assert len(answers) == 2 and all(text.endswith("too.") for text in answers)
    scene.check()


def test_a_jump_of_the_wall_clock_changes_nothing() -> None:
    logs: list[list[tuple[int, str]]] = []
    for ahead in (0, -(10**18)):
        scene = Scene([ASKS], typed=[(7.3, "and now")], seconds=12.0)
        scene.clock.wall_ahead = ahead
        simulate(scene.run())
        logs.append([(at, repr(item)) for at, item in scene.log])
    assert logs[0] == logs[1] and len(logs[0]) > 40
