"""The phone benchmark's worlds on virtual time: what must never happen, over a few calls."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.phone_board import board
from benchmarks.phone_loss import RecordingEars, judge
from benchmarks.phone_scripted import Loudness, held
from benchmarks.phone_soak import hours
from benchmarks.phone_virtual import virtual_line
from benchmarks.phone_zero import ANSWER, ZeroSpeech

from duologue.audio.pcm import Samples
from duologue.audio.resample import resample
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.simulation.virtual_time import LoopClock, simulate


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


@pytest.mark.parametrize("loss", [0.0, 0.05])
def test_both_edges_of_what_a_caller_says_reach_the_ears(loss: float) -> None:
    sound = np.random.default_rng(5).normal(0, 0.1, 12_000).astype(np.float32)
    ears = RecordingEars()
    found: list[Samples] = []

    async def story() -> None:
        clock = LoopClock()
        model = FakeLanguage(usual=ScriptedReply(ANSWER))
        makes = {"tts": ZeroSpeech(), "stt": ears, "vad": Loudness(), "llm": model}
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
