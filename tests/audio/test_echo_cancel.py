"""Our own voice is taken out of the microphone's sound: in a synthetic room, by the package as people install it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import numpy as np
import pytest
from benchmarks.echo.room import Room, hold

from duologue.app.talking.sound import SpokenTalk
from duologue.audio import echo_cancel
from duologue.audio.echo_cancel import EchoCanceller
from duologue.audio.pcm import RATE, Samples, silence
from duologue.dialogue.ports import Captured
from duologue.dialogue.recording import ConversationRecorder
from duologue.errors import InputError
from duologue.speech.hearing import EAR_RATE
from duologue.speech.utterance import Utterance


def voice(seconds: float, seed: int, rate: int) -> Samples:
    """Noise in syllables of uneven length and loudness, with the spectrum of a voice."""
    chance = np.random.default_rng(seed)
    count = int(seconds * rate)
    spectrum = np.fft.rfft(chance.standard_normal(count))
    pitch = np.maximum(np.fft.rfftfreq(count, 1 / rate), 20)
    made = np.fft.irfft(spectrum * np.exp(-(np.log2(pitch / 500) ** 2) / 2.5), count)
    at = 0
    while at < count:
        length = int(chance.uniform(0.06, 0.3) * rate)
        made[at : at + length] *= chance.choice([0.0, 0.3, 1.0, 1.0]) * np.hanning(length)[: count - at]
        at += length
    return (0.1 * made / np.sqrt(np.mean(made**2))).astype(np.float32)


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.parametrize(("delay_ms", "told_ms"), [(20, None), (90, None), (200, None), (200, 100)])
def test_the_echo_goes_and_the_person_stays(delay_ms: float, told_ms: int | None) -> None:
    pytest.importorskip("livekit", reason='livekit is not installed: pip install "duologue[echo]"')
    far, near = voice(22.0, 3, RATE), voice(3.0, 9, EAR_RATE)
    far[round(18.5 * RATE) :] = 0  # the person speaks over the end of it, and alone
    result = hold(Room(delay_ms, told_ms=told_ms), far, near, settled=8.0, double=18.0)
    assert result.erle_db > 12
    assert result.near_db > -3


@pytest.mark.peer
def test_blocks_of_any_length_come_out_whole() -> None:
    pytest.importorskip("livekit", reason='livekit is not installed: pip install "duologue[echo]"')
    canceller = EchoCanceller(50)
    given = (voice(1.0, 4, EAR_RATE)[:16_000] for _ in range(1))
    sound = next(given)
    out: list[Samples] = []
    for at in range(0, len(sound), 333):
        canceller.played(silence(999))
        out.append(canceller.heard(sound[at : at + 333]))
    joined = np.concatenate(out)
    assert joined.dtype == np.float32 and len(sound) - 160 < len(joined) <= len(sound)
    assert np.abs(joined).max() > 0.05


def test_without_the_package_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(echo_cancel, "import_module", missing)
    with pytest.raises(InputError) as error:
        EchoCanceller(50)
    assert "duologue[echo]" in error.value.remedy and error.value.where == "dialogue.echo_cancel"


class Halved:
    """Takes what was played last, halved, off what is heard."""

    def __init__(self) -> None:
        self.far: list[Samples] = []

    def played(self, samples: Samples) -> None:
        self.far.append(samples)

    def heard(self, samples: Samples) -> Samples:
        return samples * np.float32(0.5)


async def test_the_ears_have_what_was_cleaned_and_the_recording_what_was_there() -> None:
    class Partner:
        def session(self, sink: Any, *arguments: Any, **named: Any) -> Any:
            self.sink = sink
            return self

        heard: list[Captured]

        def notify(self, report: Any) -> None:
            pass

        async def run(self, source: AsyncIterator[Captured]) -> None:
            self.heard = [block async for block in source]
            await asyncio.sleep(0)
            await self.sink.play(Utterance("u", "x", "Oh", np.ones(960, np.float32)), 0)  # it leaves at once

    async def source() -> AsyncIterator[Captured]:
        for number in range(3):
            yield Captured(np.full(320, 0.5, np.float32), number * 320)
            await asyncio.sleep(0)

    partner, halved, played = Partner(), Halved(), list[Samples]()
    talk = SpokenTalk(cast(Any, partner), ConversationRecorder(), play=played.append, echo=cast(Any, halved))
    await talk.run(source())
    assert [block.at for block in partner.heard] == [0, 320, 640]
    assert all((block.samples == 0.25).all() for block in partner.heard)
    assert len(halved.far) == len(played) >= 1 and played[-1].all()
