"""The phone benchmark's worlds on virtual time: what must never happen, over a few calls."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.phone.answers import Held, matched
from benchmarks.phone.board import board
from benchmarks.phone.loss import RecordingEars, judge
from benchmarks.phone.scripted import held, words_sound
from benchmarks.phone.soak import hours
from benchmarks.phone.talker import GAP_MS, SLOW_GAP_MS, converse
from benchmarks.phone.virtual import virtual_line
from benchmarks.phone.zero import ANSWER, ZeroEars, zero_voice

from duologue.audio.pcm import Samples
from duologue.audio.resample import resample
from duologue.clock import SECOND
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.hearing_fake import Loudness
from duologue.telemetry.ledger import TurnRecord

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


def test_we_never_speak_over_ourselves_nor_to_words_that_were_withdrawn() -> None:
    found, ears = simulate(held(3, first_seed=53), None)
    assert [(each.over, each.withdrawn, each.stale, each.mute) for each in found] == [(0, 0, 0, False)] * 3
    assert all(each.replies >= 4 for each in found)
    assert ears.withdrawn


def test_nothing_is_left_of_calls_that_end_in_all_ways() -> None:
    rows = {each["what"]: each for each in simulate(hours(4), None)}
    assert rows["4 min of virtual time, calls"]["value"] > 5
    assert rows["faults that the line told of"]["value"] == 0, rows["faults that the line told of"]["peer"]
    left = {name: each["value"] for name, each in rows.items() if "left" in name or "stuck" in name}
    assert len(left) == 8
    assert not any(left.values()), left


def test_the_answers_of_slow_engines_are_told_from_the_fillers_before_them() -> None:
    """A model that takes seconds: the caller hears a filler first, waits for the answer, and each of its points is
    known; who takes the filler for the answer speaks into it, and nothing is.
    """

    async def story(gap_ms: int) -> Held:
        clock = LoopClock()
        model = FakeLanguage(usual=ScriptedReply(ANSWER, first=3.5), clock=clock)
        makes = {"tts": zero_voice(), "stt": ZeroEars(), "vad": Loudness(0.02), "llm": model}
        async with virtual_line(makes, clock) as line, board(line.port, clock, stamps=False) as people:
            said = words_sound([3, 4, 5])
            call = await converse(people.call(), ((said,), (said,)), gap_ms=gap_ms)
            await clock.wait_until(clock.now() + 5 * SECOND)
            turns = {each.record.id: each.record for each in line.entries if isinstance(each.record, TurnRecord)}
            return Held([], call, [each for each in turns.values() if each.kind == "answer" and each.question])

    held = simulate(story(SLOW_GAP_MS), None)
    assert [turn.after_ms is not None for turn in held.call.turns] == [True, True]
    found = matched(held.call, held.answers)
    assert len(found) == 2
    assert all(each.record.fillers and each.left > each.turn.left for each in found), "a filler came first"
    points = held.points()
    assert len(points) == 6 and all(len(values) == 2 for values in points.values()), points
    decided, token, packet = (points[name] for name in ("decision", "first token", "t3, packet"))
    assert all(3_500 <= later - before <= 3_600 for before, later in zip(decided, token, strict=True)), points
    assert all(before <= later <= before + 200 for before, later in zip(token, packet, strict=True)), points
    hasty = simulate(story(GAP_MS), None)
    assert len(matched(hasty.call, hasty.answers)) < 2


@pytest.mark.parametrize("loss", [0.0, 0.05])
def test_both_edges_of_what_a_caller_says_reach_the_ears(loss: float) -> None:
    sound = np.random.default_rng(5).normal(0, 0.1, 12_000).astype(np.float32)
    ears = RecordingEars()
    found: list[Samples] = []

    async def story() -> None:
        clock = LoopClock()
        model = FakeLanguage(usual=ScriptedReply(ANSWER))
        makes = {"tts": zero_voice(), "stt": ears, "vad": Loudness(0.02), "llm": model}
        async with virtual_line(makes, clock) as line, board(line.port, clock, stamps=False) as people:
            call = people.call(loss=loss)
            assert await call.answered()
            await call.heard_after(0, 5.0)
            await call.silent_for(1_000)
            begun = len(ears.given)
            end = call.say(sound).end
            assert await call.heard_after(end, 6.0)
            found.extend(ears.given[begun:])
            assert bool(call.lost) == bool(loss)

    simulate(story(), None)
    given = judge(resample(sound, 8000, 16_000), found)
    assert (given.first, given.last) == (True, True)
