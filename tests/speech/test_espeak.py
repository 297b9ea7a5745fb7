"""The engine `espeak` with its real worker process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest
from tts_conformance import SENTENCE, Heard, TtsConformance, hear

from duologue.child import Worker
from duologue.clock import MILLISECOND, VirtualClock
from duologue.errors import ClosedError, InputError, PeerError
from duologue.speech.espeak.engine import MAX_CHARACTERS, MAX_LINES, Espeak, engine
from duologue.speech.espeak.voice import EspeakSettings, parse_voice
from duologue.speech.utterance import MarkKind, SpeechChunk

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


VOICE = "en-us+m3"


class TestEspeak(TtsConformance):
    voice = VOICE

    def make(self) -> Espeak:
        return engine()


@pytest.fixture
async def espeak() -> AsyncIterator[Espeak]:
    made = Espeak(clock=VirtualClock())
    await made.warm_up()
    yield made
    await made.close()


def kill(espeak: Espeak) -> None:
    assert espeak.worker.pid is not None
    os.kill(espeak.worker.pid, signal.SIGKILL)


async def test_a_killed_worker_is_replaced_and_the_listener_hears_one_clean_line(espeak: Espeak) -> None:
    text = SENTENCE * 75  # 11 MB: more than the pipes between us hold, so that a death in mid-sentence is felt
    whole = await hear(espeak, text, VOICE)
    chunks: list[SpeechChunk] = []
    victims: set[int | None] = set()
    async for chunk in espeak.speak(text, VOICE):
        chunks.append(chunk)
        if len(victims) < 2 and espeak.worker.pid not in victims:  # the first worker, and the one that took its place
            victims.add(espeak.worker.pid)
            kill(espeak)
    assert espeak.worker.restarts == 2
    np.testing.assert_array_equal(np.concatenate([chunk.samples for chunk in chunks]), whole.samples)
    assert tuple(mark for chunk in chunks for mark in chunk.marks) == whole.marks


async def test_a_crash_inside_the_library_repeats_the_line(espeak: Espeak) -> None:
    text = SENTENCE * 75
    whole = await hear(espeak, text, VOICE)
    received: list[np.ndarray] = []
    async for chunk in espeak.speak(text, VOICE):
        received.append(chunk.samples)
        if len(received) == 10:
            (speaking,) = psutil.Process(espeak.worker.pid).children()
            speaking.send_signal(signal.SIGSEGV)
    assert espeak.worker.restarts == 1
    np.testing.assert_array_equal(np.concatenate(received), whole.samples)


async def test_a_worker_killed_between_lines_is_replaced(espeak: Espeak) -> None:
    await hear(espeak, "One.", VOICE)
    kill(espeak)
    assert len((await hear(espeak, "Two.", VOICE)).samples) > 0
    assert espeak.worker.restarts == 1


@pytest.mark.realtime
async def test_a_stopped_worker_is_noticed() -> None:
    espeak = Espeak(EspeakSettings(patience_s=1.0), VirtualClock())
    await espeak.warm_up()
    assert espeak.worker.pid is not None
    os.kill(espeak.worker.pid, signal.SIGSTOP)
    assert len((await hear(espeak, "Hello there.", VOICE)).samples) > 0
    assert espeak.worker.restarts >= 1
    await espeak.close()


@pytest.mark.realtime
async def test_who_leaves_a_stopped_worker_leaves_at_once_however_much_it_was_told() -> None:
    """So much was told that the channel holds no more: who left waited until the worker took that they had left."""
    espeak = Espeak(EspeakSettings(patience_s=600.0), VirtualClock())
    await espeak.warm_up()
    assert espeak.worker.pid is not None
    os.kill(espeak.worker.pid, signal.SIGSTOP)
    text = "o" * MAX_CHARACTERS
    async with asyncio.TaskGroup() as group:
        listeners = [group.create_task(hear(espeak, text, VOICE)) for _ in range(MAX_LINES)]
        while len(espeak._lines) < MAX_LINES:  # noqa: ASYNC110 # pyright: ignore[reportPrivateUsage]
            await asyncio.sleep(0.01)
        for listener in listeners:
            listener.cancel()
        _, left = await asyncio.wait(listeners, timeout=10.0)
        kill(espeak)
    await espeak.close()
    assert not left


async def test_after_too_many_deaths_in_a_row_it_says_so_having_backed_off(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = VirtualClock()
    espeak = Espeak(EspeakSettings(restarts=3), clock)
    await espeak.warm_up()
    monkeypatch.setattr("duologue.speech.espeak.engine.WORKER_MODULE", "this")  # prints and exits: no worker at all
    kill(espeak)
    with pytest.raises(PeerError, match="4 times in a row"):
        await hear(espeak, SENTENCE, VOICE)
    assert espeak.worker.restarts == 3
    assert clock.now() == (100 + 200) * MILLISECOND
    monkeypatch.undo()
    assert len((await hear(espeak, "Back again.", VOICE)).samples) > 0
    await espeak.close()


async def test_a_line_that_kills_the_worker_twice_at_one_place_fails_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker of this test dies of one word."""
    (tmp_path / "deadly_worker.py").write_text(
        "import os, sys\n"
        "from duologue.speech.espeak import worker as real\n"
        "speak = real._speak\n"
        "def deadly(library, channel, inbox, request):\n"
        "    if 'poison' in request.text: os._exit(1)\n"
        "    speak(library, channel, inbox, request)\n"
        "real._speak = deadly\n"
        "sys.exit(real.main())\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    monkeypatch.setattr("duologue.speech.espeak.engine.WORKER_MODULE", "deadly_worker")
    espeak = Espeak(clock=VirtualClock())
    before, poison, after = await asyncio.gather(
        *(hear(espeak, text, VOICE) for text in ("Before it.", "Here is poison.", "After it.")), return_exceptions=True
    )
    assert isinstance(poison, PeerError) and "2 times at the line “Here is poison.”" in str(poison)
    assert isinstance(before, Heard) and isinstance(after, Heard) and len(after.samples) > 0
    assert espeak.worker.restarts == 2
    await espeak.close()


async def test_closing_while_it_starts_leaves_no_worker_behind() -> None:
    espeak = Espeak()
    async with asyncio.TaskGroup() as group:
        start = group.create_task(closing_error(espeak))
        await asyncio.sleep(0)
        await espeak.close()
        assert isinstance(await start, ClosedError)
    assert not [child for child in psutil.Process().children() if "espeak.worker" in " ".join(child.cmdline())]


async def closing_error(espeak: Espeak) -> ClosedError | None:
    try:
        await espeak.warm_up()
    except ClosedError as error:
        return error
    return None


async def test_cancelling_stops_the_worker_within_a_chunk(espeak: Espeak) -> None:
    """The next line's answer comes right after the little that was made of the cancelled one."""
    async with aclosing(espeak.speak(SENTENCE * 70, VOICE)) as stream:
        await anext(stream)
    received = 0
    receive = espeak.worker.receive

    async def counting(worker: Worker, limit: float) -> object:
        nonlocal received
        received += 1
        return await receive(worker, limit)

    espeak.worker.receive = counting
    chunks = [chunk async for chunk in espeak.speak("Go.", VOICE)]
    assert chunks and received >= len(chunks)
    assert received < 400 + len(chunks)  # the whole line would be over 6,000


async def waiting(espeak: Espeak, other_than: set[int]) -> int:
    """The process of the child that waits for the next line."""
    async with asyncio.timeout(20):
        while True:
            found = {child.pid for child in psutil.Process(espeak.worker.pid).children()} - other_than
            if found:
                (pid,) = found
                return pid
            await asyncio.sleep(0.01)


async def test_a_line_finds_a_child_that_was_forked_before_it_was_asked_for(espeak: Espeak) -> None:
    """In any voice, unless it has another one at hand, that of two lines before."""
    used = set[int]()
    for voice, found in (("de", True), (VOICE, True), (VOICE, True), (VOICE, True), ("en-us+f5", False), (VOICE, True)):
        child = await waiting(espeak, used)
        async with aclosing(espeak.speak(SENTENCE * 75, voice)) as stream:  # more than the pipes between us hold
            await anext(stream)
            (speaking,) = psutil.Process(espeak.worker.pid).children()
            async for _ in stream:
                pass
        assert (speaking.pid == child) == found, voice
        used |= {child, speaking.pid}


async def test_a_line_is_not_sent_in_crumbs(espeak: Espeak) -> None:
    chunks = [len(chunk.samples) async for chunk in espeak.speak(SENTENCE, VOICE)]
    assert chunks[0] < 1_500, "what comes first is not waited for"
    assert len(chunks) < 25, "a piece of 20 ms each would be over a hundred"


async def test_one_listener_reads_for_all_and_may_leave_in_the_middle(espeak: Espeak) -> None:
    texts = [f"Line {number} of many. {SENTENCE}" for number in range(8)]
    alone = [await hear(espeak, text, VOICE) for text in texts]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(hear(espeak, text, VOICE)) for text in texts]
        await asyncio.sleep(0.005)
        for reader in (tasks[0], tasks[4]):
            reader.cancel()
            await asyncio.wait([reader])
    for task, heard in zip(tasks, alone, strict=True):
        if not task.cancelled():
            assert np.array_equal((await task).samples, heard.samples)


async def test_closing_ends_lines_in_the_middle(espeak: Espeak) -> None:
    stream = espeak.speak(SENTENCE * 20, VOICE)
    await anext(stream)
    await espeak.close()
    with pytest.raises(ClosedError):
        async for _ in stream:
            pass


@pytest.mark.parametrize(
    ("voice", "message"),
    [
        ("xx", "no voice 'xx'"),
        ("en-us+nobody", "variant 'nobody'"),
        ("", "names no language"),
        ("+m3", "names no language"),
        ("en-us?speed=3", "no parameter 'speed'"),
        ("en-us?rate=5", "rate=5"),
        ("en-us?rate=fast", "rate=fast"),
        ("en-us?pitch=", "pitch="),
    ],
)
async def test_a_wrong_voice_is_explained(espeak: Espeak, voice: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        await hear(espeak, "Hello.", voice)
    assert message in str(caught.value)


async def test_an_unknown_variant_names_those_there_are(espeak: Espeak) -> None:
    with pytest.raises(InputError, match="klatt4") as caught:
        await hear(espeak, "Hello.", "en-us+f99")
    assert "m3" in caught.value.remedy


@pytest.mark.parametrize("voice", ["en-gb+f3", "EN-US", "gmw/en-US+f5", "English (America)", "de"])
async def test_a_voice_may_be_named_by_code_name_or_identifier(espeak: Espeak, voice: str) -> None:
    assert len((await hear(espeak, "Hello.", voice)).samples) > 0


async def test_parameters_of_the_voice_are_heard(espeak: Espeak) -> None:
    slow = await hear(espeak, SENTENCE, "en-us+m3?rate=100")
    fast = await hear(espeak, SENTENCE, "en-us+m3?rate=250")
    quiet = await hear(espeak, SENTENCE, "en-us+m3?volume=20")
    assert len(slow.samples) > 1.8 * len(fast.samples)
    assert float(np.abs(quiet.samples).max()) < 0.5 * float(np.abs(fast.samples).max())


async def test_too_long_a_line_and_too_many_lines_are_refused(espeak: Espeak) -> None:
    with pytest.raises(InputError, match="too long"):
        await hear(espeak, "a" * (MAX_CHARACTERS + 1), VOICE)
    streams = [espeak.speak("One.", VOICE) for _ in range(MAX_LINES)]
    for stream in streams:
        await anext(stream)
    with pytest.raises(PeerError, match="already"):
        await hear(espeak, "One too many.", VOICE)
    for stream in streams:
        await stream.aclose()
    assert len((await hear(espeak, "Now.", VOICE)).samples) > 0


@pytest.mark.parametrize("part", ["library", "data"])
async def test_a_broken_installation_is_named(tmp_path: Path, part: str) -> None:
    espeak = Espeak(EspeakSettings.model_validate({part: str(tmp_path / "nowhere")}))
    with pytest.raises(PeerError, match="espeak-ng") as caught:
        await espeak.warm_up()
    assert "nowhere" in caught.value.where
    assert "pip install" in caught.value.remedy
    await espeak.close()


async def test_stress_is_flagged_and_not_in_the_name(espeak: Espeak) -> None:
    phonemes = (await hear(espeak, "Banana potato.", VOICE)).of(MarkKind.PHONEME)
    assert any(mark.stressed for mark in phonemes)
    assert not any(set(mark.text) & set("',%=") for mark in phonemes)


async def test_phonemes_follow_each_other_without_holes_inside_a_word(espeak: Espeak) -> None:
    heard = await hear(espeak, "Unbelievable.", VOICE)
    word = heard.of(MarkKind.WORD)[0]
    inside = [mark for mark in heard.of(MarkKind.PHONEME) if mark.start >= word.start and mark.end <= word.end]
    assert len(inside) >= 8
    assert all(a.end == b.start for a, b in pairwise(inside))
    assert inside[-1].end == word.end


@pytest.mark.parametrize("voice", [VOICE, "en-us+f5"])
async def test_what_was_said_before_changes_nothing(espeak: Espeak, voice: str) -> None:
    first = await hear(espeak, SENTENCE, voice)
    for other in (voice, "de+m1", "en-us+whisper"):
        await hear(espeak, "Something else entirely, und zwar lang.", other)
    again = await hear(espeak, SENTENCE, voice)
    np.testing.assert_array_equal(first.samples, again.samples)
    assert first.marks == again.marks


async def test_another_worker_speaks_the_same_samples() -> None:
    takes: list[np.ndarray] = []
    for _ in range(2):
        espeak = Espeak()
        await espeak.warm_up()
        takes.append((await hear(espeak, SENTENCE, "en-us+f5")).samples)
        await espeak.close()
    np.testing.assert_array_equal(takes[0], takes[1])


def test_settings_are_the_defaults_of_a_voice() -> None:
    spec = parse_voice("en-us+m3?pitch=35", EspeakSettings(rate=150))
    assert (spec.base, spec.variant, spec.rate, spec.pitch) == ("en-us", "m3", 150, 35)


async def test_a_hm_is_hummed_and_its_mark_is_as_written(espeak: Espeak) -> None:
    heard = await hear(espeak, "Hm. Pfft, no.", VOICE)
    assert [(mark.text, mark.offset) for mark in heard.of(MarkKind.WORD)] == [("Hm", 0), ("Pfft", 4), ("no", 10)]
    assert [mark.text for mark in heard.of(MarkKind.PHONEME)][:3] == ["h", "@", "m"]


async def test_what_is_read_is_not_what_is_written_and_the_marks_are(espeak: Espeak) -> None:
    text = "Dr. Who paid $5.50 on 3/14/2026, &c."
    heard = await hear(espeak, text, VOICE)
    words = heard.of(MarkKind.WORD)
    assert [(mark.text, text[mark.offset :].startswith(mark.text)) for mark in words[:6]] == [
        ("Dr", True), ("Who", True), ("paid", True), ("5.50", True), ("on", True), ("3/14/2026", True),
    ]  # fmt: skip
    plain = await hear(espeak, "Doctor Who paid 5 dollars and 50 cents on March 14th, 20 26, &c.", VOICE)
    np.testing.assert_array_equal(heard.samples, plain.samples)


async def test_a_voice_reads_by_the_rules_of_its_own_language(espeak: Espeak) -> None:
    text = "z. B. 3,50 €"
    read = await hear(espeak, "zum Beispiel 3 Euro 50", "de")
    np.testing.assert_array_equal((await hear(espeak, text, "de")).samples, read.samples)
    assert len((await hear(espeak, text, "fr-fr")).samples) != len(read.samples)


async def test_a_long_line_is_read_off_the_loop_and_loses_no_word(espeak: Espeak) -> None:
    text = "It is $5 at 7:05. " * 60
    heard = await hear(espeak, text, VOICE)
    assert [mark.text for mark in heard.of(MarkKind.WORD)] == ["It", "is", "5", "at", "7:05"] * 60
