"""From any rate to another, by FFmpeg's swresample."""

from __future__ import annotations

from typing import cast

import av
import numpy as np
from av.filter import Graph

from duologue.audio.pcm import RATE, Samples
from duologue.errors import InputError

MAX_RATE = 384_000
"""Hz; a higher one is taken for a mistake."""


def resample(samples: Samples, rate: int, to_rate: int = RATE) -> Samples:
    """The whole of a mono sound at another rate, ``ceil(n * to_rate / rate)`` samples, aligned (no delay to take off).

    Raises :class:`InputError` for a rate out of 1…384,000 Hz.
    """
    for value in (rate, to_rate):
        if not 1 <= value <= MAX_RATE:
            raise InputError(f"{value} Hz is no sample rate", remedy=f"Give 1 to {MAX_RATE}.")
    if rate == to_rate or len(samples) == 0:
        return samples
    wanted = -(-len(samples) * to_rate // rate)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples, np.float32)[None, :], format="fltp", layout="mono")
    frame.sample_rate = rate
    resampler = FrameResampler(to_rate)
    pieces = [piece.to_ndarray()[0] for piece in (*resampler.push(frame), *resampler.push(None))]
    made = np.concatenate(pieces).astype(np.float32, copy=False) if pieces else np.zeros(0, np.float32)
    if len(made) >= wanted:
        return made[:wanted]
    return np.concatenate([made, np.zeros(wanted - len(made), np.float32)])  # its filter's last, empty samples


def rescale(position: int, rate: int, to_rate: int = RATE) -> int:
    """A sample position at another rate, rounded half up; exact in integers, so long sounds do not drift."""
    return (2 * position * to_rate + rate) // (2 * rate)


class FrameResampler:
    """Frames of sound of any one form to ``form`` (a sample format of FFmpeg's) in ``layout`` at ``rate`` Hz.

    It is what PyAV's ``AudioResampler`` is, to the sample, without that one's threads: a filter graph left to itself
    starts one for each core, and waits until each has run, here when it is made and again when it is let go of. On two
    busy cores that is 5 to 30 ms in which nothing else of the interpreter runs, for a filter that uses none of them.
    """

    def __init__(self, rate: int, form: str = "fltp", layout: str = "mono") -> None:
        self._rate, self._form, self._layout = rate, form, layout
        self._graph: Graph | None = None
        self._takes: tuple[str, str, int] | None = None

    def push(self, frame: av.AudioFrame | None) -> list[av.AudioFrame]:
        """The next frame -> what is ready; None: what was under way, and nothing can follow.

        Raises ``FFmpegError`` or ``ValueError`` for a form that cannot be converted, or is not that of the first frame.
        """
        if frame is not None:
            takes = frame.format.name, frame.layout.name, frame.sample_rate
            self._takes = self._takes or takes
            if takes != self._takes:
                raise ValueError(f"a frame of {takes} follows one of {self._takes}")
            self._graph = self._graph or self._from(frame)
        if self._graph is None:  # nothing came, so nothing is under way
            return []
        self._graph.push(frame)
        made: list[av.AudioFrame] = []
        while True:
            try:
                made.append(cast(av.AudioFrame, self._graph.pull()))
            except (BlockingIOError, EOFError):  # PyAV's own are these: no more now, and no more ever
                return made

    def _from(self, frame: av.AudioFrame) -> Graph:
        graph = Graph()
        graph.threads = 1
        clock = {"time_base": str(frame.time_base)} if frame.time_base is not None else {}
        source = graph.add(
            "abuffer", sample_rate=str(frame.sample_rate), sample_fmt=frame.format.name,
            channel_layout=frame.layout.name, **clock,
        )  # fmt: skip
        wanted = graph.add(
            "aformat", sample_rates=str(self._rate), sample_fmts=self._form, channel_layouts=self._layout
        )
        graph.link_nodes(source, wanted, graph.add("abuffersink")).configure()
        return graph


class StreamResampler:
    """Sound from ``rate`` to ``to_rate`` as it comes, block by block; a millisecond or two is always under way."""

    def __init__(self, rate: int, to_rate: int = RATE) -> None:
        self._rate = rate
        self._resampler = FrameResampler(to_rate)

    def push(self, samples: Samples) -> Samples:
        """The next block (mono) -> what is ready."""
        if not len(samples):  # FFmpeg takes a frame of nothing for a lack of memory
            return samples
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="fltp", layout="mono")
        frame.sample_rate = self._rate
        return self._joined(frame)

    def finish(self) -> Samples:
        """What was under way; nothing can follow."""
        return self._joined(None)

    def _joined(self, frame: av.AudioFrame | None) -> Samples:
        pieces = [piece.to_ndarray()[0] for piece in self._resampler.push(frame)]
        return np.concatenate([np.zeros(0, np.float32), *pieces])
