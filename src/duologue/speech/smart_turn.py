"""Whether a turn is over, told from its sound: smart-turn v3 by Pipecat, from a file of the user's own.

The model hears the melody of the words: whether the voice came down, or waits to go on. It is a Whisper encoder of 8 MB
and takes the last 8 s of the turn as Whisper's log-mel spectrogram: input ``input_features`` of shape (1, 80, 800), and
one probability out. The sound is laid at the end of the 8 s, zeros before it, and normalised to mean 0 and variance 1
first, as WhisperFeatureExtractor with ``chunk_length=8`` and ``do_normalize=True`` does; windows of 25 ms every 10 ms,
80 bands on Slaney's mel scale, the logarithm cut 8 decades below its peak. A test holds the spectrogram equal to
faster-whisper's.

A judgement takes some 40 ms of a processor, in a thread of its own, one at a time.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from duologue.audio.pcm import Samples
from duologue.errors import ClosedError, InputError, PeerError
from duologue.speech.hearing import EAR_RATE
from duologue.speech.hearing_sound import clean
from duologue.speech.silero import OnnxSession, load_session

SECONDS = 8
"""Of sound that the model sees."""
BANDS = 80
_WINDOW, _HOP = 400, 160
_INPUT = "input_features"


class SmartTurn:
    """See :class:`duologue.speech.hearing.TurnEnd`. Use it on one event loop."""

    name = "smart-turn"

    def __init__(self, model: Path) -> None:
        self._file = model
        self._session: OnnxSession | None = None
        self._filters = mel_filters()
        self._thread = ThreadPoolExecutor(1, "smart-turn")
        self._closed = False

    async def warm_up(self) -> None:
        """Load the model and ask it once. Raises :class:`InputError` for a file that is not such a model."""
        await self._in_thread(self._load, np.zeros(EAR_RATE, np.float32))

    async def ended(self, sound: Samples) -> float:
        """See the protocol. Raises :class:`ClosedError` after :meth:`close`."""
        return await self._in_thread(self._judge, sound)

    async def close(self) -> None:
        """Wait for the judgement that is being made. Idempotent."""
        self._closed = True
        await asyncio.to_thread(self._thread.shutdown, wait=True, cancel_futures=True)
        self._session = None

    async def _in_thread(self, work: Callable[[Samples], float], sound: Samples) -> float:
        if self._closed:
            raise ClosedError("smart-turn is closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, sound)

    def _load(self, sound: Samples) -> float:
        try:
            self._session = load_session(self._file.read_bytes())
            return self._judge(sound)
        except Exception as error:  # onnxruntime's own exceptions have no base class of their own
            raise InputError(
                f"this is no smart-turn model: {error}", where=f"hearing.smart_turn = {self._file}",
                remedy="Give the file smart-turn-v3.2-cpu.onnx, or none.",
            ) from error  # fmt: skip

    def _judge(self, sound: Samples) -> float:
        if self._session is None:
            self._load(np.zeros(EAR_RATE, np.float32))
        assert self._session is not None
        try:
            found = self._session.run(None, {_INPUT: log_mel(sound, self._filters)[np.newaxis]})
            probability = float(np.asarray(found[0]).reshape(-1)[0])
        except Exception as error:  # as above
            raise PeerError(f"smart-turn failed: {error}", where=str(self._file)) from error
        if not 0.0 <= probability <= 1.0:
            raise PeerError(f"smart-turn gave {probability} instead of a probability", where=str(self._file))
        return probability


def log_mel(sound: Samples, filters: NDArray[np.float64] | None = None) -> Samples:
    """The last :data:`SECONDS` of a sound at :data:`EAR_RATE` as the model sees them: (:data:`BANDS`, 800)."""
    count = SECONDS * EAR_RATE
    whole = np.zeros(count, np.float32)
    newest = clean(sound)[-count:]
    whole[count - len(newest) :] = newest
    whole = (whole - whole.mean()) / np.sqrt(whole.var() + 1e-7)
    padded = np.pad(whole.astype(np.float64), _WINDOW // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[:-1:_HOP][: count // _HOP]
    power = np.abs(np.fft.rfft(windows * np.hanning(_WINDOW + 1)[:-1])) ** 2
    decades = np.log10(np.maximum((mel_filters() if filters is None else filters) @ power.T, 1e-10))
    return ((np.maximum(decades, decades.max() - 8.0) + 4.0) / 4.0).astype(np.float32)


def mel_filters() -> NDArray[np.float64]:
    """Triangles of equal area on Slaney's mel scale, linear to 1 kHz and logarithmic above: (:data:`BANDS`, 201)."""
    highest = 15.0 + 27.0 * math.log(EAR_RATE / 2 / 1000.0) / math.log(6.4)
    mels: NDArray[np.float64] = np.arange(BANDS + 2, dtype=np.float64) * (highest / (BANDS + 1))
    above = 1000.0 * np.exp(math.log(6.4) * (mels - 15.0) / 27.0)
    edges = np.where(mels < 15.0, mels * 200.0 / 3.0, above)
    ramps = edges[:, np.newaxis] - np.linspace(0.0, EAR_RATE / 2, _WINDOW // 2 + 1)
    widths = np.diff(edges)[:, np.newaxis]
    triangles = np.maximum(0.0, np.minimum(-ramps[:-2] / widths[:-1], ramps[2:] / widths[1:]))
    return triangles * (2.0 / (edges[2:] - edges[:-2]))[:, np.newaxis]
