"""The scripted ear: conformant, and as scripted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from spoken_phrases import KITCHEN, silence
from stt_conformance import SttConformance, check, hear, without_end

from duologue.audio.pcm import Samples
from duologue.clock import SECOND, VirtualClock
from duologue.errors import PeerError
from duologue.speech.hearing import Expected, SpeechToText
from duologue.speech.hearing_fake import FakeHearing, Hearing, evenly


class TestFakeConforms(SttConformance):
    knows_words = False

    def make(self) -> SpeechToText:
        return FakeHearing(usual=Hearing(evenly(KITCHEN, each=0.1)))

    @pytest.mark.parametrize("sound", [[]])
    async def test_no_sound_is_an_empty_final(self, engine: SpeechToText, sound: Sequence[Samples]) -> None:
        assert [(found.text, found.final) for found in await hear(engine, silence(0))] == [("", True)]


async def test_words_come_with_the_sound_and_the_final_after_its_latency() -> None:
    clock = VirtualClock()
    ear = FakeHearing([Hearing(evenly("one two three"), latency=SECOND // 5)], clock=clock)
    transcripts = await hear(ear, silence(1.0), Expected(phrases=("one two three",)))
    assert [transcript.text for transcript in transcripts] == ["one", "one two", "one two"]
    assert check(transcripts, 1.0).words[1].end == 12_800
    assert clock.now() == SECOND // 5
    assert ear.calls[0].phrases == ("one two three",)
    assert ear.seconds == [pytest.approx(1.0)]


async def test_a_partial_can_be_withdrawn() -> None:
    ear = FakeHearing([Hearing(evenly("nice to meet"), final="nice tomato")])
    assert check(await hear(ear, silence(2.0)), 2.0).text == "nice tomato"


async def test_it_fails_when_told_and_works_the_next_time() -> None:
    ear = FakeHearing([Hearing(evenly("one two"), good_seconds=0.9, error=PeerError("scripted"))], Hearing())
    found: list[str] = []
    with pytest.raises(PeerError, match="scripted"):
        async for transcript in ear.listen(without_end(silence(2.0))):
            found.append(transcript.text)
    assert found == ["one", "one two"]
    assert (await hear(ear, silence(0.1)))[-1].final


async def test_it_fails_at_the_end_when_the_sound_is_too_short() -> None:
    ear = FakeHearing([Hearing(good_seconds=9.0, error=PeerError("scripted"))])
    with pytest.raises(PeerError, match="scripted"):
        await hear(ear, silence(0.1))


async def test_it_hangs_when_told_and_counts_who_gave_up() -> None:
    ear = FakeHearing([Hearing(hang=True, good_seconds=0.1)])
    last_block = asyncio.Event()

    async def sound() -> AsyncIterator[Samples]:
        yield silence(0.05)
        last_block.set()
        yield silence(0.05)

    async def listen() -> None:
        async for _ in ear.listen(sound()):
            pass

    async with asyncio.TaskGroup() as group:
        task = group.create_task(listen())
        await last_block.wait()
        assert not task.done()
        task.cancel()
    assert ear.cancelled == 1
