"""Piper in memory. Imported by the worker of the engine `piper` only: Piper is GPL-3.

A voice is ``NAME``, or ``NAME#SPEAKER`` for a model of several speakers. Voices have different rates, so all come out
at the house's.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from duologue.audio.pcm import RATE, Samples, silence
from duologue.audio.resample import resample, rescale
from duologue.errors import InputError
from duologue.speech.phoneme_times import TimedSymbol, marks_of
from duologue.speech.utterance import Mark

if TYPE_CHECKING:
    from piper import AudioChunk, PiperVoice


class PiperModel:
    """A :class:`duologue.speech.local_messages.LocalModel` of all voices chosen."""

    rate = RATE

    def __init__(self, loaded: Mapping[str, PiperVoice], length_scale: float | None) -> None:
        self._length_scale = length_scale
        self._speakers = {
            f"{name}#{speaker}" if speaker else name: (voice, number)
            for name, voice in loaded.items()
            for speaker, number in (voice.config.speaker_id_map or {"": None}).items()
        }
        self.voices = tuple(self._speakers)
        self.marks = all(_has_alignments(voice) for voice in loaded.values())

    def say(self, text: str, voice: str) -> tuple[Samples, tuple[Mark, ...]]:
        """One sentence; Piper may cut it further."""
        from piper import SynthesisConfig

        model, speaker = self._speakers[voice]
        wishes = SynthesisConfig(speaker_id=speaker, length_scale=self._length_scale)
        chunks = list(model.synthesize(text, wishes, include_alignments=self.marks))
        if not chunks:
            return silence(0), ()
        rate = chunks[0].sample_rate
        samples: Samples = np.concatenate([chunk.audio_float_array for chunk in chunks]).astype(np.float32)
        return resample(samples, rate), marks_of(_symbols(chunks, rate), text)


def _has_alignments(voice: PiperVoice) -> bool:
    return voice.config.phoneme_type.value == "espeak" and len(cast("Any", voice.session).get_outputs()) > 1


def _symbols(chunks: list[AudioChunk], rate: int) -> list[TimedSymbol]:
    """What was read, at the house's rate. A chunk that Piper could not align adds its time and nothing else."""
    symbols: list[TimedSymbol] = []
    start = 0
    for chunk in chunks:
        aligned = chunk.phoneme_alignments or []
        edges = [0, *accumulate(int(each.num_samples) for each in aligned)]
        length = len(chunk.audio_float_array)
        for each, begin, end in zip(aligned, edges, edges[1:], strict=False):
            begin, end = (rescale(start + min(edge, length), rate) for edge in (begin, end))
            symbols.append(TimedSymbol(each.phoneme, begin, end))
        symbols.append(TimedSymbol(" ", rescale(start + length, rate), rescale(start + length, rate)))
        start += length
    return symbols


def load(options: Mapping[str, Any]) -> PiperModel:
    """Load the voices. Raises :class:`InputError` that names the file, or the package, that is missing or wrong."""
    folder = Path(options["folder"])
    names = tuple(options["voices"]) or tuple(sorted(path.stem for path in folder.glob("*.onnx")))
    if not names:
        remedy = "Put NAME.onnx and NAME.onnx.json there, or correct engines.piper.folder."
        raise InputError(f"there is no voice in {folder}", where="engines.piper.folder", remedy=remedy)
    try:
        from piper import PiperVoice
    except ImportError as error:
        remedy = 'Install it: pip install "duologue[piper]".'
        raise InputError(f"piper is not installed: {error}", where="engines.piper", remedy=remedy) from error
    loaded: dict[str, PiperVoice] = {}
    for name in names:
        path = folder / f"{name}.onnx"
        for needed in (path, Path(f"{path}.json")):
            if not needed.is_file():
                remedy = "A voice is two files: NAME.onnx and NAME.onnx.json."
                raise InputError(f"there is no file {needed}", where="engines.piper", remedy=remedy)
        try:
            loaded[name] = PiperVoice.load(path, include_alignments=True)
        except Exception as error:  # onnxruntime has an exception for each status, and no common root but this
            raise InputError(
                f"{path} is no voice of Piper: {error}", where="engines.piper", remedy="Download it again."
            ) from error
    return PiperModel(loaded, options["length_scale"])
