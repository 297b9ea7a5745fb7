"""Voice activity by Silero VAD v6, all streams in one batch.

The model is the ONNX file inside faster-whisper's wheel; that package itself is not imported. It is exported for one
stream and many frames: its recurrent layer takes the first axis as time. Here the first axis is the streams, one frame
each, so the two transposes around that layer are turned and its state gets a free middle axis. Those are edits of a few
bytes that leave every length as it is, done in memory on loading and checked: in a file of another make the bytes are
not found, and loading says so. A test holds the result equal to the file as it came, stream by stream.

One frame is :data:`duologue.speech.hearing.VAD_FRAME` samples and is seen with the last 64 of the frame before.

The recurrent state drifts where nobody speaks: after half a minute of noise speech is noticed a second late, on an
8 kHz line after a minute not at all. So a stream begins anew after each :data:`QUIET_FRAMES` frames without speech.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from duologue.audio.pcm import Samples
from duologue.errors import InputError, InternalError, PeerError
from duologue.speech.hearing import VAD_FRAME

CONTEXT = 64
"""Samples of the frame before that the model sees again."""
STATE = 128
"""Width of each of the two recurrent states."""
QUIET = 0.35
"""A probability below this is no speech."""
QUIET_FRAMES = 156
"""Frames of no speech in a row after which a stream's state is forgotten: 5 s."""
_FILE = "assets/silero_vad_v6.onnx"
_FIRST_STREAMS = 16

# AttributeProto: field 1 is the name, field 8 (tag 0x40) one integer each. TensorShapeProto: field 1 is a dimension,
# which holds a value (0x08) or a name (0x12; empty: any size).
_TIME_FIRST = (bytes.fromhex("0a047065726d 4000 4002 4001"), bytes.fromhex("0a047065726d 4001 4002 4000"))
_STREAMS_FIRST = (bytes.fromhex("0a047065726d 4002 4000 4001"), bytes.fromhex("0a047065726d 4000 4002 4001"))
_ONE_STREAM = bytes.fromhex("12 0d 0a02 0801 0a02 0801 0a03 088001")
_ANY_STREAMS = bytes.fromhex("12 0d 0a02 0801 0a02 1200 0a03 088001")
_STATES = 4
"""Shapes to free: both states, in and out."""


class OnnxSession(Protocol):
    """The part of ``onnxruntime.InferenceSession`` that is used."""

    def run(self, names: None, feeds: Mapping[str, Samples]) -> Sequence[Samples]:
        """All outputs in the model's order."""
        ...


def model_file() -> Path:
    """Where the model lies. Raises :class:`PeerError` when faster-whisper's wheel is missing or of another make."""
    spec = find_spec("faster_whisper")  # finds the folder and imports nothing
    folder = Path(spec.origin).parent if spec and spec.origin else None
    if folder is None or not (folder / _FILE).is_file():
        raise PeerError(
            "Silero's voice activity model is not there", where=f"{folder or 'faster_whisper'}/{_FILE}",
            remedy="Install the package faster-whisper 1.2, whose wheel carries it.",
        )  # fmt: skip
    return folder / _FILE


def batched(model: bytes) -> bytes:
    """The model with streams, not time, on its first axis. Raises :class:`PeerError` for a file of another make."""
    model = _swap(model, _TIME_FIRST[0], _STREAMS_FIRST[0], 1)
    model = _swap(model, _TIME_FIRST[1], _STREAMS_FIRST[1], 1)
    return _swap(model, _ONE_STREAM, _ANY_STREAMS, _STATES)


def _swap(model: bytes, old: bytes, new: bytes, times: int) -> bytes:
    if model.count(old) != times:
        raise PeerError(
            "Silero's voice activity model is of a make that is not known here", where=_FILE,
            remedy="Install the package faster-whisper 1.2.",
        )  # fmt: skip
    return model.replace(old, new)


def load_session(model: bytes) -> OnnxSession:
    """An inference session on one thread: a batch is too small to gain from more."""
    onnxruntime: Any = import_module("onnxruntime")
    options: Any = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session: Any = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"], sess_options=options)
    return cast(OnnxSession, session)


class Silero:
    """See :class:`duologue.speech.hearing.VoiceActivity`. Loading takes about 0.1 s: make it before the first call.

    A stream's memory is a row of four arrays (about 1.3 KB), which grow by doubling and are used again. Samples are
    clipped to -1…1, and what is no number counts as silence: one would poison the stream's state for good.
    """

    def __init__(self, model: Path | None = None) -> None:
        self._session = load_session(batched((model or model_file()).read_bytes()))
        self._rows: dict[int, int] = {}
        self._free: list[int] = []
        self._next = 0
        self._context: Samples = np.zeros((0, CONTEXT), np.float32)
        self._h: Samples = np.zeros((1, 0, STATE), np.float32)
        self._c: Samples = np.zeros((1, 0, STATE), np.float32)
        self._quiet: NDArray[np.int64] = np.zeros(0, np.int64)
        self._grow(_FIRST_STREAMS)
        self.step({self.open(): np.zeros(VAD_FRAME, np.float32)})  # the runtime plans its memory with the first run
        self.forget(0)

    @property
    def streams(self) -> int:
        """How many are open."""
        return len(self._rows)

    def open(self) -> int:
        """A new stream's id; ids are not used again."""
        if not self._free:
            self._grow(len(self._context))
        row = self._free.pop()
        self._context[row] = 0.0
        self._h[:, row] = self._c[:, row] = 0.0
        self._quiet[row] = 0
        stream, self._next = self._next, self._next + 1
        self._rows[stream] = row
        return stream

    def step(self, frames: Mapping[int, Samples]) -> Mapping[int, float]:
        """The probability of speech of each frame. Raises :class:`InputError` for a frame of another length."""
        if not frames:
            return {}
        rows = np.array([self._row(stream) for stream in frames])
        heard = np.empty((len(rows), CONTEXT + VAD_FRAME), np.float32)
        heard[:, :CONTEXT] = self._context[rows]
        for place, frame in enumerate(frames.values()):
            if frame.shape != (VAD_FRAME,):
                raise InputError(f"a frame has the shape {frame.shape}", where="sound", remedy=f"Give ({VAD_FRAME},).")
            heard[place, CONTEXT:] = frame
        if np.isnan(np.vdot(heard, heard)):  # a sum of squares is no number only where one of them is none
            np.nan_to_num(heard, copy=False)
        np.clip(heard, -1.0, 1.0, out=heard)
        feeds = {"input": heard, "h": self._h[:, rows], "c": self._c[:, rows]}
        speech, self._h[:, rows], self._c[:, rows] = self._session.run(None, feeds)
        self._context[rows] = heard[:, -CONTEXT:]
        self._forget_quiet(rows, speech.reshape(len(rows)))
        found = cast("list[float]", speech.tolist())
        return dict(zip(frames, found, strict=True))

    def forget(self, stream: int) -> None:
        """The stream has ended; forgetting twice is fine."""
        row = self._rows.pop(stream, None)
        if row is not None:
            self._free.append(row)

    def _forget_quiet(self, rows: NDArray[np.int64], speech: Samples) -> None:
        quiet = np.where(speech < QUIET, self._quiet[rows] + 1, 0)
        tired = quiet >= QUIET_FRAMES
        self._quiet[rows] = np.where(tired, 0, quiet)
        if tired.any():
            self._h[:, rows[tired]] = self._c[:, rows[tired]] = 0.0

    def _row(self, stream: int) -> int:
        try:
            return self._rows[stream]
        except KeyError:
            raise InternalError(f"the voice activity stream {stream} is not open") from None

    def _grow(self, rows: int) -> None:
        held = len(self._context)

        def wider(array: NDArray[np.float32], axis: int) -> Samples:
            more = list(array.shape)
            more[axis] = rows
            return np.concatenate([array, np.zeros(more, np.float32)], axis)

        self._context, self._h, self._c = wider(self._context, 0), wider(self._h, 1), wider(self._c, 1)
        self._quiet = np.concatenate([self._quiet, np.zeros(rows, np.int64)])
        self._free += range(held + rows - 1, held - 1, -1)


def engine(settings: None = None) -> Silero:
    """The entry point ``duologue.vad: silero``. It takes its time: call it in a thread."""
    return Silero()
