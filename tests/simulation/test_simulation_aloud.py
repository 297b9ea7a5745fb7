"""Scenarios on real sound: the caller's voice, the room and its recording in virtual time; once with all engines."""

from __future__ import annotations

import asyncio
import itertools
import shutil

import numpy as np
import pytest

from duologue.app.talking.talking import Partner, open_partner
from duologue.audio.pcm import RATE, Samples
from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.ports import Voiced
from duologue.dialogue.session.session import SessionEngines
from duologue.errors import InputError, PeerError
from duologue.language.fake import FakeLanguage
from duologue.language.moderation import Moderator
from duologue.settings import load_settings
from duologue.simulation import spoken
from duologue.simulation.runner import PLAIN
from duologue.simulation.scenario import Budget, Caller, Count, Scenario, ScenarioStep
from duologue.simulation.scenario_file import find_scenario, read_scenario
from duologue.simulation.spoken_room import BLOCK, USUAL_LOUDNESS, RecordingSink, SpokenRoom, aloud
from duologue.simulation.spoken_runner import SpokenOutcome, run_spoken
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.hearing import EAR_RATE
from duologue.speech.hearing_fake import FakeHearing, Hearing, Loudness, evenly
from duologue.speech.utterance import Mark, MarkKind, Utterance

needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="needs the Debian package flite")
QUESTION = "What time is it please?"


class Tone:
    """A voice: a third of a second for each word, from the first sample on."""

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        length = RATE // 3
        words = text.split()
        marks = tuple(
            Mark(MarkKind.WORD, word, number * length, (number + 1) * length) for number, word in enumerate(words)
        )
        samples = np.full(length * len(words), 0.2, np.float32)
        return Voiced(Utterance(utterance_id, speaker, text, samples, RATE, marks))


def scenario(**changes: object) -> Scenario:
    script = [{"pause": 500}, {"say": "What time [500] is it please?"}, {"wait": "reply"}]
    expect = {"context": [{"person": QUESTION}, {"character": "It is nearly noon."}], "replies": 1}
    data = {"name": "x", "shows": "x", "replies": ["It is nearly noon."], "script": script, "expect": expect}
    return Scenario.model_validate({**data, **changes})


def hold(chosen: Scenario) -> SpokenOutcome:
    async def run() -> SpokenOutcome:
        clock = LoopClock(SECOND)
        parts = [Hearing(evenly(part, 0.2, 0.2)) for part in ("What time", "is it please?")]
        ears = FakeHearing(parts, clock=clock)  # in so long a pause the final transcript is asked for
        await ears.warm_up()
        partner = Partner(PLAIN, SessionEngines(Loudness(0.01), ears, FakeLanguage(), Tone(), Moderator()))
        return await run_spoken(chosen, partner, utter=aloud(chosen.caller, chosen.script), clock=clock)

    return simulate(run())


@needs_flite
def test_what_was_said_and_heard_is_on_record_where_the_ledger_says() -> None:
    held = hold(scenario())
    assert not held.outcome.failed, held.outcome.failed
    (act,) = [act for act in held.outcome.log.acts if act.text]
    begin, end = ((at - held.outcome.log.start) * RATE // SECOND for at in (act.begin, act.end))
    left, right = np.abs(held.recording[:, 0]), np.abs(held.recording[:, 1])
    assert left[: begin - 10].max() < 1e-3 < left[begin : begin + RATE // 20].max()
    assert left[end - RATE // 20 : end].max() > 1e-3 > left[end + 200 :].max()
    (difference,) = held.differences_ms
    assert abs(difference) < 1
    assert int(np.flatnonzero(right)[0]) > end


@needs_flite
def test_a_recording_that_tells_another_silence_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = SpokenRoom.recording

    def late(room: SpokenRoom) -> Samples:
        return np.roll(recording(room), RATE // 50, axis=0)

    monkeypatch.setattr(SpokenRoom, "recording", late)
    assert {check.name for check in hold(scenario()).outcome.failed} == {"recording"}


@needs_flite
def test_noise_and_echo_reach_the_ears() -> None:
    quiet, noisy = hold(scenario()), hold(scenario(caller={"noise_db": 40}))
    echo = hold(scenario(caller={"echo": {"delay_ms": 200}}, policy={"half_duplex": True}))
    before = slice(0, RATE // 3)
    assert np.abs(quiet.recording[before, 0]).max() == 0
    assert np.sqrt(np.mean(noisy.recording[before, 0] ** 2)) == pytest.approx(USUAL_LOUDNESS / 100, rel=0.5)
    first = int(np.flatnonzero(np.abs(echo.recording[:, 1]) > 0.01)[0])
    late = echo.recording[first : first + RATE // 2, 0]
    assert abs(int(np.flatnonzero(np.abs(late) > 0.01)[0]) - RATE // 5) < RATE // 40


@needs_flite
def test_a_caller_speaks_in_phrases_with_the_pauses_between() -> None:
    step = ScenarioStep.model_validate({"say": "What time [500] is it please?"})
    words = aloud(Caller(), [step])(step, 1000, 0)
    assert [word.text for word in words] == ["What", "time", "is", "it", "please?"]
    assert [word.wave is not None for word in words] == [True, False, True, False, False]
    assert words[2].begin - words[1].end == EAR_RATE // 2
    assert words[0].begin == 1000 and all(one.end <= two.begin for one, two in itertools.pairwise(words))
    slow = Caller(words_per_minute=85)
    assert aloud(slow, [step])(step, 0, 0)[-1].end > 1.5 * (words[-1].end - 1000 - EAR_RATE // 2)


@needs_flite
def test_a_telephone_has_no_highs() -> None:
    step = ScenarioStep.model_validate({"say": "Sixty-six sticks."})
    wide, narrow = (
        aloud(Caller.model_validate({"band": band}), [step])(step, 0, 0)[0].wave for band in ("wide", "telephone")
    )
    assert wide is not None and narrow is not None and len(wide) == len(narrow)
    high = slice(5 * len(wide) // 16, None)  # of the spectrum: from 5 kHz on
    power = [float(np.sum(np.abs(np.fft.rfft(wave)[high]) ** 2)) for wave in (wide, narrow)]
    assert power[1] < 0.01 * power[0]


def test_a_voice_that_is_not_there_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(program: str) -> None:
        assert program in spoken.PROGRAMS.values()

    monkeypatch.setattr(shutil, "which", nowhere)
    with pytest.raises(PeerError, match="Debian package espeak-ng"):
        spoken.speak("something never said before", "espeak:en-us+f3")
    with pytest.raises(InputError, match="espeak:en-us"):
        spoken.speak("x", "kazoo:1")


def test_a_sink_knows_what_it_played_when() -> None:
    async def play() -> RecordingSink:
        clock = LoopClock(SECOND)
        sink = RecordingSink([], clock)
        async with asyncio.TaskGroup() as group:
            floor = group.create_task(sink.run())
            await clock.wait_until(clock.now() + 5 * MILLISECOND)
            await sink.play(Utterance("u", "x", "Oh", np.ones(RATE // 100, np.float32)), 0)
            await clock.wait_until(clock.now() + 100 * MILLISECOND)
            floor.cancel()
        return sink

    sink = simulate(play())
    loud, quiet = [1.0] * (BLOCK // 2), [0.0] * (BLOCK // 2)
    began = sink.began + 5 * MILLISECOND  # it leaves in the moment that it is ordered
    assert sink.at_ears_rate(began, BLOCK).tolist() == loud + quiet
    assert sink.at_ears_rate(began - 10 * MILLISECOND, BLOCK).tolist() == quiet + loud
    assert sink.at_ears_rate(began - SECOND, BLOCK).tolist() == quiet + quiet
    assert sink.at_ears_rate(began + SECOND, BLOCK).tolist() == quiet + quiet


@pytest.mark.realtime
@pytest.mark.peer
@pytest.mark.slow
@needs_flite
async def test_a_scenario_with_all_engines() -> None:
    chosen = read_scenario(find_scenario("plain-question"))
    assert chosen.expect.context
    budget = Budget(max=5000)  # a busy machine is slow, and what is shown here is that the parts fit
    expect = chosen.expect.model_copy(
        update={"context": chosen.expect.context[:2], "replies": Count(least=1, most=1), "first_audio_ms": budget}
        | dict.fromkeys(("fillers", "failures", "speculation_hits"))
    )
    chosen = chosen.model_copy(update={"script": chosen.script[:3], "expect": expect})
    async with open_partner(load_settings({"engines.tts": "espeak", "engines.stt": "pocketsphinx"})) as partner:
        held = await run_spoken(chosen, partner)
    assert not held.outcome.failed, held.outcome.failed
    assert len(held.differences_ms) == 1


@needs_flite
def test_a_voice_that_flite_has_not_is_named_with_those_that_it_has() -> None:
    """It would speak with another one, and the scenario be held with that."""
    with pytest.raises(InputError, match="flite has no voice 'nobody'") as refused:
        spoken.speak("hello", "flite:nobody")
    assert "slt" in refused.value.remedy


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs the Debian package espeak-ng")
def test_what_a_program_complains_of_is_said() -> None:
    with pytest.raises(PeerError, match="voice does not exist"):
        spoken.speak("hello", "espeak:nobody")
