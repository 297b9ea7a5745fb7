"""A talk that was kept is heard again: the same by the same settings, a cut-in and longer waits by others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from duologue.app.talking.talking import open_partner
from duologue.audio.pcm import RATE, Samples, silence
from duologue.audio.recording_file import sound_writer
from duologue.audio.recording_reading import read_recording
from duologue.audio.resample import resample
from duologue.clock import MILLISECOND, SECOND, Clock, VirtualClock
from duologue.dialogue.session.session import SessionEngines
from duologue.dialogue.turns.policy import Policy
from duologue.errors import InputError
from duologue.settings import load_settings
from duologue.simulation import recorded_talk
from duologue.simulation.bench import spoken_whole
from duologue.simulation.recorded_talk import RecordedTalk, read_talk
from duologue.simulation.replay import ReplayedTalk, as_recorded, clock_of, hear_again
from duologue.simulation.replay_engines import WorkingEars
from duologue.simulation.replay_run import ReplayWish, changed_since, partner_of, run_replay
from duologue.simulation.replay_table import HeardSide, difference, misheard, rows_of, side_of
from duologue.simulation.runner import PLAIN
from duologue.simulation.virtual_time import LoopClock, WorkingLoop, simulate
from duologue.speech.hearing import EAR_RATE, Expected, HearingCapabilities, Transcript, VoicePresence
from duologue.speech.hearing_fake import FakeHearing, Hearing, evenly
from duologue.telemetry.ledger import EndingRecord, RecordingRecord
from duologue.telemetry.ledger_reader import LedgerReader
from duologue.telemetry.run_shelf import Run
from kept_talk import VOCABULARY, engines, keep_talk, tones

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

EAGER = Policy(wait_least_ms=250, wait_most_ms=250)
PATIENT = Policy(wait_least_ms=1_300, wait_most_ms=1_400)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return keep_talk(tmp_path_factory.mktemp("kept"))


def kept(run: Run) -> RecordedTalk:
    return read_talk(run.folder, run.id)


def again(talk: RecordedTalk, policy: Policy | None = None, vocabulary: Mapping[int, str] = VOCABULARY) -> ReplayedTalk:
    async def heard() -> ReplayedTalk:
        clock = clock_of(talk, asyncio.get_running_loop())
        fitted = as_recorded(talk, engines(clock, vocabulary), clock)
        return await hear_again(talk, PLAIN, fitted, policy or Policy(), clock)

    return simulate(heard())


def then(talk: RecordedTalk) -> HeardSide:
    return side_of("then", talk.turns, talk.endings)


def now(talk: RecordedTalk, policy: Policy | None = None, name: str = "now") -> HeardSide:
    found = again(talk, policy)
    return side_of(name, found.turns, found.endings, talk.turns)


def decided(ending: EndingRecord) -> tuple[str, str, str]:
    return ending.why, ending.said, ending.outcome.value


def test_a_kept_talk_names_its_recording_and_when_it_began(run: Run) -> None:
    (told,) = [entry for entry in LedgerReader(run.folder) if isinstance(entry.record, RecordingRecord)]
    assert isinstance(told.record, RecordingRecord)
    assert Path(told.record.file).is_absolute() and Path(told.record.file).is_file()
    assert told.record.policy == {}
    talk = kept(run)
    assert talk.began == told.at
    assert [(reply.text, round(reply.first_ms)) for reply in talk.replies] == [
        ("It is behind the church, on the left.", 120), ("You are welcome.", 120),
    ]  # fmt: skip


def test_the_same_settings_come_to_the_same_decisions(run: Run) -> None:
    talk = kept(run)
    found = again(talk)
    assert [decided(each) for each in found.endings] == [decided(each) for each in talk.endings]
    before, after = then(talk), side_of("now", found.turns, found.endings, talk.turns)
    assert [turn.words for turn in before.turns] == ["where is the station?", "Thank you."]
    assert [replace(turn, begin=0, end=0, wait_ms=0.0) for turn in after.turns] == [
        replace(turn, begin=0, end=0, wait_ms=0.0) for turn in before.turns
    ]
    for one, other in zip(before.turns, after.turns, strict=True):
        assert abs(one.end - other.end) <= 40 * MILLISECOND
        assert abs(one.wait_ms - other.wait_ms) <= 60
    assert not before.cut_ins and not after.cut_ins and not found.troubles
    assert again(talk) == found


def test_a_shorter_wait_cuts_in_and_a_longer_one_waits(run: Run) -> None:
    talk = kept(run)
    usual, eager, patient = then(talk), now(talk, EAGER, "eager"), now(talk, PATIENT, "patient")
    assert (usual.cut_ins, patient.cut_ins) == (0, 0)
    (cut,) = [turn for turn in eager.turns if turn.cut_in]
    assert cut.words == "where is"
    assert cut.end < usual.turns[0].end - SECOND // 2
    assert min(patient.waits) > max(usual.waits) + 300
    rows = rows_of([usual, eager, patient])
    assert [sorted(row.turns) for row in rows] == [
        ["eager"],
        ["eager", "patient", "then"],
        ["eager", "patient", "then"],
    ]
    found = difference(rows, eager, patient)
    assert (found.both, found.cut_ins) == (2, -1)
    assert found.wait_ms is not None and found.wait_ms > 600


def test_a_misheard_word_is_found(run: Run) -> None:
    talk = kept(run)
    found = again(talk, vocabulary={**VOCABULARY, -4: "this nation?"})
    rows = rows_of([then(talk), side_of("now", found.turns, found.endings, talk.turns)])
    assert [misheard(row, "then", "now") for row in rows] == [True, False]
    assert rows[0].turns["now"].words == "where is this nation?"


def test_replies_are_as_long_as_they_were(run: Run) -> None:
    talk, found = kept(run), again(kept(run))
    long = {turn.text: turn.ended - turn.on_air for turn in talk.turns if turn.kind == "answer"}
    for turn in found.turns:
        if turn.kind == "answer":
            assert abs(turn.ended - turn.on_air - long[turn.text]) <= 30 * MILLISECOND
    heard = [line for line in talk.lines if line.played]
    assert [line.text for line in heard] == [reply.text for reply in talk.replies]
    assert [float(np.abs(line.samples).max()) for line in heard] == [pytest.approx(0.1, rel=0.1)] * 2


def test_what_played_before_the_recording_began_is_silent_and_moves_nothing() -> None:
    """An operator's recording, or one that a slow disk opened late: the sound of a sentence stays at its words."""
    sound = recorded_talk._Sound(("r1", 0), "One second.", 1.0)  # pyright: ignore[reportPrivateUsage]
    sound.played = [(5 * SECOND + part * SECOND // 4, part * RATE // 4) for part in range(5)]
    began, into = 5 * SECOND + 3 * SECOND // 8, 3 * RATE // 8
    character = np.linspace(0.1, 1.0, RATE - into, dtype=np.float32)
    line = recorded_talk._PartReading()._line(sound, began, character)  # pyright: ignore[reportPrivateUsage]
    assert line.played and not line.samples[:into].any() and np.array_equal(line.samples[into:], character)


def test_a_run_without_words_works_on_sound_alone(tmp_path: Path) -> None:
    talk = kept(keep_talk(tmp_path, words=False))
    assert not talk.worded and not any(turn.text for turn in talk.turns)
    assert {word for reply in talk.replies for word in reply.text.casefold().strip(".").split()} == {"la"}
    before, after = then(talk), now(talk)
    assert [turn.why for turn in after.turns] == [turn.why for turn in before.turns] != []
    assert [turn.words for turn in after.turns] == ["where is the station?", "Thank you."]
    assert not after.cut_ins
    assert now(talk, EAGER).cut_ins == 1


def test_opus_and_a_greeting(tmp_path: Path) -> None:
    talk = kept(keep_talk(tmp_path, suffix=".opus", greet=True))
    before, after = then(talk), now(talk)
    assert [turn.words for turn in after.turns] == [turn.words for turn in before.turns]
    assert len(after.turns) == 2
    assert all(abs(one.wait_ms - two.wait_ms) < 80 for one, two in zip(before.turns, after.turns, strict=True))


def test_a_run_whose_sound_was_not_kept_names_the_setting(tmp_path: Path) -> None:
    run = keep_talk(tmp_path, sound=False)
    with pytest.raises(InputError, match="not kept") as caught:
        kept(run)
    assert "dialogue.record_folder" in caught.value.remedy


def test_a_recording_that_is_gone_is_named(tmp_path: Path) -> None:
    run = keep_talk(tmp_path)
    (tmp_path / "talk.wav").unlink()
    with pytest.raises(InputError, match="the recording is gone") as caught:
        kept(run)
    assert caught.value.where == str(tmp_path / "talk.wav")


def test_who_answers_and_how_turns_are_taken_is_as_it_is_set_now(run: Run) -> None:
    talk = replace(kept(run), character="robin", policy={"half_duplex": True, "wait_most_ms": 900})
    settings = load_settings({}, assigned={"dialogue.wait_most_ms": "700"})
    with pytest.raises(InputError, match="nobody called 'robin'") as caught:
        partner_of(talk, settings)
    assert "--as" in caught.value.remedy
    member, policy = partner_of(talk, settings, "phone")
    assert (policy.half_duplex, policy.wait_most_ms, member.persona.title) == (True, 700, "Robin")
    assert changed_since(talk, policy)["wait_most_ms"] == (900, 700)
    assert "half_duplex" not in changed_since(talk, policy)


@pytest.mark.parametrize("suffix", [".wav", ".opus"])
def test_a_recording_is_read_back_to_the_sample(tmp_path: Path, suffix: str) -> None:
    left, right = tones(), silence(len(tones()))
    chirp = np.sin(np.cumsum(np.linspace(0.05, 0.6, RATE // 2))).astype(np.float32) * np.float32(0.3)
    right[RATE : RATE + len(chirp)] = chirp
    writer = sound_writer(tmp_path / f"both{suffix}", 2)
    for at in range(0, len(left), 960):
        writer.write(np.stack([left[at : at + 960], right[at : at + 960]], axis=1))
    writer.close()
    one, other = read_recording(tmp_path / f"both{suffix}")
    assert abs(len(one) - len(left)) < 960
    window = other[RATE - 2000 : RATE + len(chirp) + 2000]
    match = np.correlate(window, chirp, "valid")
    assert int(np.argmax(match)) == 2000
    assert float(np.abs(one[: RATE // 4]).max()) < 0.01 < float(np.abs(one[RATE // 2 : RATE]).max())


@pytest.mark.slow
@pytest.mark.realtime
@pytest.mark.timeout(600)
def test_real_ears_hear_it_again_and_what_they_take_counts(tmp_path: Path) -> None:
    settings = load_settings({"engines.stt": "pocketsphinx", "engines.llm": "improv", "engines.tts": "espeak"})

    async def asked() -> Samples:
        async with open_partner(settings, "phone", hears=False) as partner:
            voice, speaker = partner.engines.voice, partner.persona.name
            return await spoken_whole(voice, "What time is it?", speaker, "question")

    ears = FakeHearing(usual=Hearing(evenly("What time is it?", 0.2, 0.2)), clock=LoopClock())
    asyncio.run(ears.warm_up())

    def fitted(clock: Clock) -> SessionEngines:
        return replace(engines(clock), ears=ears)

    sound = np.concatenate([silence(RATE // 2), resample(asyncio.run(asked()), EAR_RATE, RATE), silence(3 * RATE)])
    talk = kept(keep_talk(tmp_path, said=sound, fitted=fitted))
    children = {each.pid for each in psutil.Process().children()}
    found = run_replay(talk, settings, ReplayWish(character="phone"))
    assert {each.pid for each in psutil.Process().children()} <= children
    assert found.worked > 0
    heard = [turn for turn in found.turns if turn.kind == "person"]
    assert heard or found.troubles  # ears on a busy machine may be too late, which is then said
    assert all(talk.began < turn.on_air < talk.began + round(talk.seconds * SECOND) for turn in heard)


# A loop on which somebody works


def test_work_takes_its_time_on_a_virtual_loop_and_waiting_takes_none() -> None:
    machine = VirtualClock(start=SECOND)
    loop = WorkingLoop(machine)
    woke: list[float] = []

    async def main() -> None:
        began = loop.time()
        loop.call_later(0.5, lambda: woke.append(loop.time() - began))
        await asyncio.to_thread(machine.advance, 2 * SECOND)
        assert loop.time() - began == pytest.approx(2.0)
        await asyncio.sleep(3600)
        assert loop.time() - began == pytest.approx(3602.0)
        assert loop.worked == pytest.approx(2.0)
        with loop.at_work(), loop.at_work():
            machine.advance(SECOND)
        assert loop.time() - began == pytest.approx(3603.0)

    simulate(main(), None, lambda: loop)
    assert woke == [pytest.approx(2.0)]
    assert machine.now() == 4 * SECOND


class SlowEars:
    """Works for 300 ms at each fifth block."""

    name = "slow"

    def __init__(self, machine: VirtualClock, partials: bool) -> None:
        self._machine = machine
        self._partials = partials

    @property
    def capabilities(self) -> HearingCapabilities:
        return HearingCapabilities(partials=self._partials)

    async def warm_up(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        count = 0
        async for _ in sound:
            count += 1
            if count % 5 == 0:
                self._machine.advance(300 * MILLISECOND)
                yield Transcript(f"{count}")
        self._machine.advance(200 * MILLISECOND)
        yield Transcript(f"{count}", final=True)


@pytest.mark.parametrize("partials", [True, False])
def test_what_ears_take_counts_and_nothing_else(partials: bool) -> None:
    machine = VirtualClock(start=SECOND)
    loop = WorkingLoop(machine)
    told: list[tuple[str, float]] = []

    async def sound() -> AsyncGenerator[Samples, None]:
        for _ in range(10):
            machine.advance(20 * MILLISECOND if loop.worked or not partials else 0)
            yield silence(320)

    async def main() -> None:
        ears = WorkingEars(SlowEars(machine, partials), loop)
        began = loop.time()
        async for transcript in ears.listen(sound()):
            told.append((transcript.text, loop.time() - began))

    simulate(main(), None, lambda: loop)
    others = 0.0 if partials else 0.2
    assert [text for text, _ in told] == ["5", "10", "10"]
    assert told[-1][1] == pytest.approx(0.8 + others)
    assert told[0][1] == pytest.approx(0.3 + others / 2)
