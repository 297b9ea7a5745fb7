"""A VITS model (every voice of Piper is one) that decodes piece by piece, the same samples each time.

The model is cut behind its random noise. What lies before it, the front end, reads a whole sentence and tells how long
each phoneme lasts and what each frame is to be; it is cheap. What lies behind, flow and vocoder, is nearly all of the
work and looks only so far around a frame: with :data:`MARGIN` frames on both sides a piece is the whole's, to the ear
and by :data:`EQUAL_DB`. Noise is drawn outside, from a seed.

The cut is found by structure, not by names: the last source of noise, all that depends on it, and the values that those
parts take from elsewhere. Whether the parts behave is tried when the voice is loaded, on a few phonemes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from duologue.audio.pcm import Samples
from duologue.speech.piper import onnx_graph
from duologue.speech.piper.onnx_graph import Graph, Node

MARGIN = 28
"""Frames beside a piece that are decoded with it and thrown away."""
FIRST, SECOND, LATER = 24, 48, 96
"""Frames of the first piece, of the second, and of all others: the first sound soon, then what is cheap."""
EQUAL_DB = 60.0
"""Pieces are the whole's when the difference is so far below it, also around each border."""
AROUND_S = 0.0465
"""Seconds on each side of a border that are looked at by themselves."""
_SOURCES = ("RandomNormalLike", "RandomNormal")

Floats: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Speaking:
    """What a sentence is to be: phonemes' ``ids``, the speaker's number, ``scales`` (noise, length, noise of
    durations), and the ``seed`` of its noise.
    """

    ids: Sequence[int]
    speaker: int
    scales: tuple[float, float, float]
    seed: int


@dataclass(frozen=True, slots=True)
class EncodedSentence:
    """A sentence whose front end has run. ``frames`` is how long each id lasts, None when the model does not tell;
    ``pieces`` are made one by one.
    """

    frames: tuple[int, ...] | None
    pieces: Iterator[Samples]


@dataclass(frozen=True, slots=True)
class CutPoints:
    """Where a model is cut: names of values."""

    takes: tuple[str, ...]
    """Of the front end: the model's inputs."""
    noises: tuple[str, ...]
    """Noise within the front end: that of durations."""
    gives: tuple[str, ...]
    """From the front end to the decoder."""
    noise: str
    """Noise that the decoder takes."""
    shape_of: str
    """A value that has the noise's shape."""
    durations: str
    """Frames of each id; empty when the model has no such value."""


class WholeVits:
    """A model that is run as it is: a sentence is one piece, and its noise is its own."""

    def __init__(self, session: Any, hop: int) -> None:
        self.in_pieces = False
        self._session = session
        self._names = [each.name for each in session.get_inputs()]
        self.hop = hop
        self.timed = len(session.get_outputs()) > 1

    def begin(self, wanted: Speaking) -> EncodedSentence:
        """All of the sentence in one piece."""
        sound, *more = self._session.run(None, _inputs(self._names, wanted))
        frames = _whole_numbers(more[0]) if more and np.size(more[0]) == len(wanted.ids) else None
        made: Samples = np.asarray(sound, np.float32).reshape(-1)
        return EncodedSentence(frames, iter((made,)))


class PiecewiseVits:
    """A model in two parts. ``in_pieces`` False: the decoder looks further than the margin, and decodes all at once."""

    def __init__(self, front: Any, decoder: Any, cut: CutPoints) -> None:
        self._front = front
        self._decoder = decoder
        self._cut = cut
        self._outputs = [each for each in dict.fromkeys((*cut.gives, cut.shape_of, cut.durations)) if each]
        self.timed = bool(cut.durations)
        self.in_pieces = True
        self.hop = 0

    def begin(self, wanted: Speaking) -> EncodedSentence:
        """Run the front end."""
        values, noise, frames = self._prepared(wanted)
        borders = piece_borders(noise.shape[-1]) if self.in_pieces else (0, noise.shape[-1])
        return EncodedSentence(frames, self._pieces(values, noise, borders))

    def difference_db(self, wanted: Speaking, rate: int) -> float:
        """How far the difference of pieces and whole lies below the whole (dB), where it is worst: in all of it and
        around each border. Learns ``hop``, the samples of a frame.
        """
        values, noise, _ = self._prepared(wanted)
        count = noise.shape[-1]
        whole = np.concatenate(list(self._pieces(values, noise, (0, count))))
        borders = piece_borders(count)
        apart = np.concatenate(list(self._pieces(values, noise, borders)))
        hop = self.hop = len(whole) // count
        near = round(AROUND_S * rate)
        windows = [slice(None), *(slice(max(0, at * hop - near), at * hop + near) for at in borders[1:-1])]
        return min(_below(whole[window], whole[window] - apart[window]) for window in windows)

    def _prepared(self, wanted: Speaking) -> tuple[dict[str, Floats], Floats, tuple[int, ...] | None]:
        random = np.random.Generator(np.random.Philox(key=wanted.seed))
        inputs = _inputs(self._cut.takes, wanted)
        for name in self._cut.noises:
            inputs[name] = random.standard_normal((1, 2, len(wanted.ids)), np.float32)
        made = dict(zip(self._outputs, self._front.run(self._outputs, inputs), strict=True))
        _, channels, count = made[self._cut.shape_of].shape
        # Frame by frame, so that the noise of a frame does not depend on how many there are.
        noise: Floats = np.ascontiguousarray(random.standard_normal((count, channels), np.float32).T[None])
        frames = _whole_numbers(made[self._cut.durations]) if self.timed else None
        return {name: made[name] for name in self._cut.gives}, noise, frames

    def _pieces(self, values: dict[str, Floats], noise: Floats, borders: Sequence[int]) -> Iterator[Samples]:
        count = noise.shape[-1]
        for begin, end in pairwise(borders):
            low, high = max(0, begin - MARGIN), min(count, end + MARGIN)
            part = {
                name: value[..., low:high] if value.ndim > 1 and value.shape[-1] == count else value
                for name, value in {**values, self._cut.noise: noise}.items()
            }
            (sound,) = self._decoder.run(None, part)
            made: Samples = np.asarray(sound, np.float32).reshape(-1)
            hop = len(made) // (high - low)
            yield made[(begin - low) * hop : (end - low) * hop]


def piece_borders(count: int) -> tuple[int, ...]:
    """Where ``count`` frames are cut, both ends included. A short rest goes with the piece before it."""
    borders, size = [0], FIRST
    while borders[-1] < count:
        end = borders[-1] + size
        borders.append(count if count - end < FIRST else end)
        size = SECOND if size == FIRST else LATER
    return tuple(borders)


def find_cut(graph: Graph) -> CutPoints | None:
    """Where to cut; None for a model that is not of this kind."""
    sources = [node for node in graph.nodes if node.kind in _SOURCES]
    if not sources or not graph.outputs:
        return None
    last = sources[-1]
    noise = last.writes[0]
    behind = graph.downstream(noise)
    sound = next(iter(graph.outputs))
    if not last.reads or not any(sound in node.writes for node in behind):
        return None
    moving = _depends_on_input(graph, sources)
    made = {noise, *(name for node in behind for name in node.writes)}
    gives = tuple(dict.fromkeys(name for node in behind for name in node.reads if name in moving and name not in made))
    noises = tuple(node.writes[0] for node in sources[:-1])
    front = graph.upstream((*gives, last.reads[0]), noises)
    read = {name for node in front for name in node.reads}
    takes = tuple(name for name in graph.inputs if name in read)
    durations = next((node.writes[0] for node in reversed(front) if node.kind == "Ceil"), "")
    return CutPoints(takes, noises, gives, noise, last.reads[0], durations)


def load(model: bytes, hop: int, probe: Speaking, rate: int) -> tuple[WholeVits | PiecewiseVits, str]:
    """The model, and why it does not speak piece by piece (empty when it does). ``probe`` is what it is tried with.

    Raises :class:`BrokenError` and whatever onnxruntime raises for bytes that are no model.
    """
    graph = onnx_graph.read(model)
    cut = find_cut(graph)
    why = "it is not built as voices of Piper are"
    if cut is not None:
        try:
            made = _in_two(graph, cut)
            found = made.difference_db(probe, rate)
        except Exception as error:  # of onnxruntime, which has no common root but this: another kind of model
            why = f"it cannot be cut: {' '.join(str(error).split())[:160]}"
        else:
            made.in_pieces = found >= EQUAL_DB
            return made, "" if made.in_pieces else f"its pieces differ from the whole by {found:.0f} dB"
    return WholeVits(_session(model), hop), why


def _in_two(graph: Graph, cut: CutPoints) -> PiecewiseVits:
    gives = [each for each in dict.fromkeys((*cut.gives, cut.shape_of, cut.durations)) if each]
    front = _session(graph.cut((*cut.takes, *cut.noises), gives), keeps=False)
    decoder = _session(graph.cut((*cut.gives, cut.noise), [next(iter(graph.outputs))]))
    return PiecewiseVits(front, decoder, cut)


def _session(model: bytes, *, keeps: bool = True) -> Any:
    """``keeps``: what a run took is kept for the next. The front end's grows with the square of the sentence."""
    runtime: Any = import_module("onnxruntime")  # it has no types
    chosen = runtime.SessionOptions()
    chosen.intra_op_num_threads = 1
    chosen.inter_op_num_threads = 1
    chosen.enable_cpu_mem_arena = keeps
    chosen.enable_mem_pattern = False  # no two sentences, and so no two runs, are of one shape
    chosen.log_severity_level = 4  # what it says of a model that cannot be cut is said by us
    providers = ["CPUExecutionProvider"]
    if sys.platform != "linux":
        return runtime.InferenceSession(model, chosen, providers=providers)
    # A file without a disk: of a model that is given as bytes onnxruntime keeps a copy, here 63 MB.
    with os.fdopen(os.memfd_create("model", os.MFD_CLOEXEC), "wb") as file:
        file.write(model)
        file.flush()
        return runtime.InferenceSession(f"/proc/self/fd/{file.fileno()}", chosen, providers=providers)


def _depends_on_input(graph: Graph, sources: Sequence[Node]) -> set[str]:
    """The values that are not the same for every sentence."""
    moving = {*graph.inputs, *(node.writes[0] for node in sources)}
    for node in graph.nodes:
        if moving.intersection(node.reads):
            moving.update(node.writes)
    return moving


def _inputs(names: Sequence[str], wanted: Speaking) -> dict[str, Any]:
    known = {
        "input": np.array([wanted.ids], np.int64),
        "input_lengths": np.array([len(wanted.ids)], np.int64),
        "scales": np.array(wanted.scales, np.float32),
        "sid": np.array([wanted.speaker], np.int64),
    }
    return {name: known[name] for name in names if name in known}


def _whole_numbers(values: Any) -> tuple[int, ...]:
    return tuple(int(value) for value in np.ceil(np.asarray(values, np.float64)).reshape(-1))


def _below(signal: Samples, difference: Samples) -> float:
    power, wrong = (float(np.square(each, dtype=np.float64).sum()) for each in (signal, difference))
    return float("inf") if wrong == 0 else -float("inf") if power == 0 else 10 * float(np.log10(power / wrong))
