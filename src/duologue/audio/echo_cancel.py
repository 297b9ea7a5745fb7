"""Our own voice taken out of what a microphone hears: WebRTC's echo canceller, from the package ``livekit``.

For a loudspeaker in the same room, before the ears. It is told what is played, block by block as it is handed over, and
about how much later that is heard again; it finds the rest by itself. The package is optional
(``pip install "duologue[echo]"``); nothing else of it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from duologue.audio.pcm import RATE, Samples, from_int16, to_int16
from duologue.errors import InputError

NEAR_RATE = 16_000
"""Samples per second of the microphone's sound (Hz)."""
_FRAMES = 100
"""A second: the canceller takes frames of 10 ms."""


class EchoCanceller:
    """One conversation's. ``delay_ms`` is the time from :meth:`played` to the echo of it in :meth:`heard`, about.

    Raises :class:`InputError` where the package is not installed. 20 ms of sound take a fraction of one.
    """

    def __init__(self, delay_ms: int) -> None:
        try:
            package: Any = import_module("livekit.rtc")
            module: Any = import_module("livekit.rtc.apm")
        except ImportError as error:
            raise InputError(
                f"echo cancelling needs the package livekit ({error})",
                where="dialogue.echo_cancel",
                remedy='pip install "duologue[echo]", or leave it off and take headphones.',
            ) from error
        self._frame = package.AudioFrame
        self._module = module.AudioProcessingModule(echo_cancellation=True, high_pass_filter=True)
        self._delay = delay_ms
        self._far = self._near = np.zeros(0, np.float32)

    def played(self, samples: Samples) -> None:
        """The next of what the loudspeaker is given: mono float32 at :data:`~duologue.audio.pcm.RATE`, silence too."""
        far = np.concatenate([self._far, samples])
        whole = len(far) - len(far) % (RATE // _FRAMES)
        for at in range(0, whole, RATE // _FRAMES):
            self._module.process_reverse_stream(self._packed(far[at : at + RATE // _FRAMES], RATE))
        self._far = far[whole:]

    def heard(self, samples: Samples) -> Samples:
        """The next of what the microphone heard, mono float32 at :data:`NEAR_RATE` -> the same without our voice.
        What is no whole 10 ms waits for the next.
        """
        size = NEAR_RATE // _FRAMES
        near = np.concatenate([self._near, samples])
        whole = len(near) - len(near) % size
        cleaned = [self._cleaned(near[at : at + size]) for at in range(0, whole, size)]
        self._near = near[whole:]
        return np.concatenate([np.zeros(0, np.float32), *cleaned])

    def _cleaned(self, samples: Samples) -> Samples:
        frame = self._packed(samples, NEAR_RATE)
        self._module.set_stream_delay_ms(self._delay)
        self._module.process_stream(frame)
        return from_int16(np.frombuffer(frame.data, np.int16))

    def _packed(self, samples: Samples, rate: int) -> Any:
        return self._frame(to_int16(samples).tobytes(), rate, 1, len(samples))
