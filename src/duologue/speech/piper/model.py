"""Piper's voices in memory, in the worker of the engine `piper`: onnxruntime on one thread, and nothing of Piper's own.

A voice is ``NAME``, or ``NAME#SPEAKER`` for a model of several speakers, and may be told apart by ``?pitch=…&rate=…``:
lower or higher by playing the samples slower or faster, while the model speaks so much faster or slower. Voices have
different rates, so all come out at the house's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from duologue.audio.pcm import RATE, Samples
from duologue.audio.resample import StreamResampler
from duologue.errors import InputError
from duologue.memory import trim
from duologue.speech.piper import vits
from duologue.speech.piper.config import VoiceConfig, no_voice, parse_voice, read_config, speakers, voice_names
from duologue.speech.piper.line import PiperLine, ids, marks, passages
from duologue.speech.piper.vits import PiecewiseVits, Speaking, WholeVits
from duologue.speech.utterance import Mark

_PROBE = 24
"""Phonemes that a voice is tried with when it is loaded."""


@dataclass(frozen=True, slots=True)
class _Voice:
    model: WholeVits | PiecewiseVits
    config: VoiceConfig
    digest: bytes


class PiperModel:
    """A :class:`duologue.speech.local.messages.LocalModel` of all voices chosen."""

    rate = RATE

    def __init__(self, loaded: Mapping[str, _Voice], length_scale: float | None, notes: tuple[str, ...]) -> None:
        self._length_scale = length_scale
        self._speakers = {
            voice: (each, number)
            for name, each in loaded.items()
            for voice, number in speakers(name, each.config).items()
        }
        self.voices = tuple(self._speakers)
        self.marks = all(each.model.timed and each.config.phoneme_type == "espeak" for each in loaded.values())
        self.notes = notes

    def say(self, line: PiperLine, voice: str, skip: int) -> Iterator[tuple[Samples, tuple[Mark, ...]]]:
        """One sentence, piece by piece; what was heard of it (``skip`` pieces) is decoded again, and kept back."""
        wish = parse_voice(voice)
        chosen, speaker = self._speakers[wish.base]
        inference = chosen.config.inference
        length = (self._length_scale or inference.length_scale) * wish.pitch / wish.rate
        rate = round(chosen.config.audio.sample_rate * wish.pitch)
        begin = 0
        for index, passage in enumerate(passages(line, chosen.config.vowel_clusters)):
            numbers, owned = ids(passage, chosen.config.phoneme_id_map)
            begun = chosen.model.begin(Speaking(
                numbers, speaker, (inference.noise_scale, length, inference.noise_w),
                _seed(chosen.digest, voice, line.spoken, index),
            ))  # fmt: skip
            known: tuple[Mark, ...] = ()
            if self.marks and begun.frames is not None:
                lengths = [frames * chosen.model.hop for frames in begun.frames]
                known = tuple(_moved(mark, begin) for mark in marks(passage, owned, lengths, rate))
            for samples in _resampled(begun.pieces, rate):
                begin += len(samples)
                if skip:
                    skip -= 1
                else:
                    yield samples, known
                known = ()


def _resampled(pieces: Iterator[Samples], rate: int) -> Iterator[Samples]:
    """At the house's rate, as long as the whole would be; none is empty."""
    resampler = StreamResampler(rate)
    taken = given = 0
    for piece in pieces:
        taken += len(piece)
        made = resampler.push(piece)
        given += len(made)
        if len(made):
            yield made
    missing = max(0, -(-taken * RATE // rate) - given)
    rest = resampler.finish()[:missing]
    if missing:
        yield np.concatenate([rest, np.zeros(missing - len(rest), np.float32)])


def _seed(digest: bytes, voice: str, text: str, index: int) -> int:
    """Of the noise: by the model, the voice, the text and the place in it."""
    told = hashlib.sha256(digest)
    for part in (voice, text, str(index)):
        told.update(b"\0" + part.encode("utf-8", "surrogatepass"))
    return int.from_bytes(told.digest()[:16])


def _moved(mark: Mark, samples: int) -> Mark:
    return replace(mark, start=mark.start + samples, end=mark.end + samples)


def load(options: Mapping[str, Any]) -> PiperModel:
    """Load the voices. Raises :class:`InputError` that names the file that is missing or wrong."""
    folder = Path(options["folder"])
    names = voice_names(folder, tuple(options["voices"]))
    if not names:
        remedy = "Put NAME.onnx and NAME.onnx.json there, or correct engines.piper.folder."
        raise InputError(f"there is no voice in {folder}", where="engines.piper.folder", remedy=remedy)
    loaded: dict[str, _Voice] = {}
    notes: list[str] = []
    for name in names:
        config = read_config(folder, name)
        path = folder / f"{name}.onnx"
        try:
            model = path.read_bytes()
            made, why = vits.load(model, config.hop_length, _probe(config), config.audio.sample_rate)
        except Exception as error:  # onnxruntime has an exception for each status, and no common root but this
            raise no_voice(path, str(error)) from error
        loaded[name] = _Voice(made, config, hashlib.sha256(model).digest())
        if why:
            notes.append(f"The voice {name} speaks a sentence at a time, not piece by piece: {why}.")
    trim()
    return PiperModel(loaded, options["length_scale"], tuple(notes))


def _probe(config: VoiceConfig) -> Speaking:
    """Something to say, whatever the language."""
    known = config.phoneme_id_map
    letters = [numbers for symbol, numbers in known.items() if symbol.isalpha()][:_PROBE]
    pad = known.get("_", ())
    body = [number for numbers in letters for number in (*numbers, *pad)]
    inference = config.inference
    return Speaking(
        (*known.get("^", ()), *pad, *body, *known.get("$", ())), config.default_speaker_id,
        (inference.noise_scale, inference.length_scale, inference.noise_w), 0,
    )  # fmt: skip
