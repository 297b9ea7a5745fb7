"""What is measured of ears when they are fetched: the wait that a session would have for their final words."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

import numpy as np
import pytest

from duologue.app.engines import model_figures
from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.hearing import EAR_RATE, Expected, HearingCapabilities, Transcript, VoicePresence


class Slow:
    """Ears that make one pass of so many milliseconds, when the voice has gone."""

    name = "slow"
    capabilities = HearingCapabilities(partials=False, punctuation=False, words=False)

    def __init__(self, pass_ms: int, clock: LoopClock) -> None:
        self._pass_ms = pass_ms
        self._clock = clock
        self.gone = 0

    async def warm_up(self) -> None: ...

    async def close(self) -> None: ...

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        assert voice is not None
        async for _ in sound:
            if voice.ended is not None:
                self.gone = voice.ended
                await self._clock.wait_until(self._clock.now() + self._pass_ms * MILLISECOND)
        yield Transcript("well", final=True)


@pytest.mark.parametrize(("pass_ms", "final_ms"), [(60, 10.0), (240, 140.0), (400, 300.0)])
def test_what_ears_do_before_a_turn_can_be_decided_is_waited_for_by_nobody(
    monkeypatch: pytest.MonkeyPatch, pass_ms: int, final_ms: float
) -> None:
    """They are told that the voice went, and no turn is decided sooner than 250 ms after that."""
    used = iter(range(0, 1_000_000, 1_000))
    monkeypatch.setattr(model_figures, "_cpu", lambda: float(next(used)))

    async def main() -> tuple[float, int]:
        clock = LoopClock()
        ears = Slow(pass_ms, clock)
        heard = model_figures._heard  # pyright: ignore[reportPrivateUsage]
        return await heard(ears, np.ones(EAR_RATE, np.float32), clock), ears.gone

    assert simulate(main()) == (pytest.approx(final_ms), EAR_RATE)
