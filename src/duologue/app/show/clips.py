"""A clip of speech from outside: any single file of sound becomes an utterance that can go on air. Blocking: use a
thread.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError

from duologue.app.models import ClipMark, UtteranceRequest
from duologue.audio.pcm import RATE, Samples
from duologue.audio.resample import FrameResampler
from duologue.errors import InputError
from duologue.speech.utterance import Mark, MarkKind, SpeechChunk, Utterance
from duologue.speech.voicing.voicing import finish

MAX_SECONDS = 120
"""A longer clip is refused."""
LONGEST_MB = 200
"""A larger file is not read."""
TOLERANCE_MS = 100.0
"""How far a mark may lie behind the end: encoders pad, and round."""
ENGINE = "clip"
"""What such an utterance names as its engine."""
_FORMATS = (
    "wav,w64,aiff,au,caf,flac,ogg,mp3,aac,ac3,eac3,amr,wv,tta,ape,asf,avi,flv,mov,mp4,m4a,matroska,webm,mpeg,mpegts"
)
"""FFmpeg's demuxers that read one file. Not among them: playlists (hls, concat, dash …), which name other files and
addresses, and would have this machine open them.
"""
LOWEST_RATE, HIGHEST_RATE = 4_000, 768_000
"""Hz: a header that says anything else is wrong. One sample a second would also become gigabytes at our rate."""
_OPEN_END = 0x7F000000
"""A WAV header that announces so many bytes or more was written before its end was known, and none were counted."""
_REASONS = {"Invalid argument": "what its header says makes no sense", "Decoder not found": "its format is not known"}
"""What FFmpeg says, in other words."""
_LISTEN = "Give one file of sound, for example WAV, MP3, FLAC, Ogg or M4A."


def decode(audio: bytes, longest: int = MAX_SECONDS, rate: int = RATE) -> Samples:
    """The sound of a file, mono at ``rate`` Hz. It is brought to that frame by frame, so little more than the result is
    ever held: ten minutes for the ears are 38 MB.

    Raises :class:`InputError` for what is not sound, breaks off, is not finite or is longer than ``longest`` seconds.
    """
    if not audio:
        raise InputError("the clip is empty", where="audio", remedy=_LISTEN)
    _refuse_torn(audio)
    held, count = bytearray(), 0
    try:
        for piece in _pieces(audio, rate):
            count += len(piece)
            if count > longest * rate:
                break
            held += piece.data
    except (FFmpegError, ValueError, IndexError) as error:  # IndexError: a file without a stream of sound
        what = f"the clip breaks off after {count / rate:.1f} s" if count else "the clip is no sound that can be read"
        raise InputError(f"{what}: {_reason(error)}", where="audio", remedy=_LISTEN) from error
    if count > longest * rate:
        raise InputError(
            f"the clip is longer than {longest} s", where="audio", remedy="Send it in shorter pieces, one by one."
        )
    return _sane(np.frombuffer(held, np.float32))


def read_clip(file: Path, rate: int = RATE) -> Samples:
    """The sound of ``file``, as :func:`decode` gives it. Raises :class:`InputError` that names the file."""
    try:
        if file.stat().st_size > LONGEST_MB * 1_000_000:
            raise InputError("the file is too large", where=str(file), remedy=f"Cut it to {LONGEST_MB} MB at most.")
        return decode(file.read_bytes(), rate=rate)
    except InputError as error:
        raise InputError(error.what, where=str(file), remedy=error.remedy) from error
    except OSError as error:
        raise InputError(f"the file cannot be read: {error.strerror}", where=str(file), remedy="Check it.") from error


def _pieces(audio: bytes, rate: int) -> Iterator[Samples]:
    options = {"format_whitelist": _FORMATS, "protocol_whitelist": "none"}
    resampler = FrameResampler(rate)
    with av.open(io.BytesIO(audio), "r", options=options, metadata_errors="ignore") as container:
        for frame in container.decode(audio=0):
            if not LOWEST_RATE <= frame.sample_rate <= HIGHEST_RATE:
                raise ValueError(f"its header says that it has {frame.sample_rate} samples a second")
            yield from (made.to_ndarray()[0] for made in resampler.push(frame))
    yield from (made.to_ndarray()[0] for made in resampler.push(None))


def _reason(error: Exception) -> str:
    match error:
        case FFmpegError(strerror=str(text)) if text:
            return _REASONS.get(text, text.lower())
        case ValueError():
            return str(error)
        case _:
            return "it has no stream of sound"


def _refuse_torn(audio: bytes) -> None:
    """A WAV file that is shorter than it announces was cut on its way; FFmpeg would read the rest in silence."""
    at = 12 if audio[:4] == b"RIFF" and audio[8:12] == b"WAVE" else len(audio)
    while at + 8 <= len(audio):
        size = int.from_bytes(audio[at + 4 : at + 8], "little")
        there = len(audio) - at - 8
        if audio[at : at + 4] == b"data" and there < size < _OPEN_END:
            what = f"the clip breaks off: it announces {size} bytes of sound and has {there}"
            raise InputError(what, where="audio", remedy="Send the whole file.")
        at += 8 + size + size % 2


def _sane(samples: Samples) -> Samples:
    """The same, finite and within -1…1. Floating-point files may hold anything."""
    peak = max(float(samples.max(initial=0.0)), -float(samples.min(initial=0.0)))
    if not math.isfinite(peak):
        raise InputError("the clip holds values that are not numbers", where="audio", remedy="Export it again.")
    if peak > 1.0:
        samples /= np.float32(peak)
    return samples


def clip_utterance(request: UtteranceRequest, audio: bytes, utterance_id: str) -> Utterance:
    """Decode, trim, level and mark a clip; its ``text`` must be admitted already. Raises :class:`InputError`."""
    samples = decode(audio)
    marks = _marks(request.marks, request.text, len(samples))
    samples, marks = finish([SpeechChunk(samples, marks)], RATE)
    if len(samples) == 0:
        raise InputError("the clip is silent", where="audio", remedy="Send one in which something is heard.")
    return Utterance(
        id=utterance_id,
        speaker=request.character,
        text=request.text,
        samples=samples,
        marks=marks,
        alphabet=request.alphabet if any(mark.kind is MarkKind.PHONEME for mark in marks) else "",
        expression=request.expression or "",
        engine=ENGINE,
    )


def words_of(marks: Sequence[ClipMark]) -> str:
    """What the marks say, in the order in which it is said."""
    return " ".join(mark.text for _, mark in _in_time(marks) if mark.kind == "word")


def _in_time(marks: Sequence[ClipMark]) -> list[tuple[int, ClipMark]]:
    """Marks with their numbers in the list, which may have any order."""
    return sorted(enumerate(marks), key=lambda each: (each[1].start, each[1].end))


def _marks(given: Sequence[ClipMark], text: str, count: int) -> tuple[Mark, ...]:
    """Marks in samples, each word with its place in the text where it is found there, in order."""
    length = count / RATE * 1000
    found = 0
    marks: list[Mark] = []
    for number, mark in _in_time(given):
        if mark.start > mark.end or mark.end > length + TOLERANCE_MS:
            raise InputError(
                f"the mark {mark.text!r} from {mark.start:g} to {mark.end:g} ms is not inside the clip of {length:.0f}"
                " ms",
                where=f"marks[{number}]",
                remedy="Give start and end in ms from the clip's first sample, start not after end.",
            )
        offset = -1
        if mark.kind == "word":
            offset = text.find(mark.text, found)
            found = offset + len(mark.text) if offset >= 0 else found
        start, end = (min(count, round(at * RATE / 1000)) for at in (mark.start, mark.end))
        marks.append(Mark(MarkKind(mark.kind), mark.text, start, end, offset))
    return tuple(marks)
