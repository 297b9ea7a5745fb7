"""Kokoro in memory. Imported by the worker of the engine `kokoro` only: it loads espeak-ng, which is GPL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from duologue.audio.pcm import Samples
from duologue.errors import InputError
from duologue.speech.phoneme_times import TimedSymbol, phonemes_and_words
from duologue.speech.reading import Reading
from duologue.speech.utterance import Mark

RATE = 24_000
"""Of every Kokoro model (Hz)."""


class KokoroModel:
    """A :class:`duologue.speech.local.messages.LocalModel`."""

    rate = RATE
    notes = ()

    def __init__(self, kokoro: Any, language: str, speed: float) -> None:
        self._kokoro = kokoro
        self._language = language
        self._speed = speed
        self.voices: tuple[str, ...] = tuple(kokoro.get_voices())
        self.marks: bool = kokoro.has_timings

    def say(self, line: Reading, voice: str, skip: int) -> Iterator[tuple[Samples, tuple[Mark, ...]]]:
        """One sentence, in one piece. What the language has no phonemes for is nothing to say."""
        told: str = self._kokoro.tokenizer.phonemize(line.spoken, self._language)
        if skip or not any(symbol.isalpha() for symbol in told):
            return
        samples, _, timings = self._kokoro.create_timed(told, voice, self._speed, self._language, is_phonemes=True)
        symbols = [TimedSymbol(each.phoneme, round(each.start * RATE), round(each.end * RATE)) for each in timings]
        phonemes, words = phonemes_and_words(symbols, [(word.end - word.begin, word.written) for word in line.words])
        yield samples, (*phonemes, *words)


def load(options: Mapping[str, str | float | int]) -> KokoroModel:
    """Load the model. Raises :class:`InputError` that names the file, or the package, that is missing or wrong."""
    model, voices = Path(str(options["model"])), Path(str(options["voices"]))
    for key, path in (("model", model), ("voices", voices)):
        if not path.is_file():
            remedy = "Download it from the releases of kokoro-onnx, or correct the path."
            raise InputError(f"there is no file {path}", where=f"engines.kokoro.{key}", remedy=remedy)
    try:
        runtime: Any = import_module("onnxruntime")  # neither package has types
        library: Any = import_module("kokoro_onnx")
    except ImportError as error:
        remedy = 'Install it: pip install "duologue[kokoro]".'
        raise InputError(f"kokoro-onnx is not installed: {error}", where="engines.kokoro", remedy=remedy) from error
    chosen = runtime.SessionOptions()
    chosen.intra_op_num_threads = int(options["threads"])
    try:
        session = runtime.InferenceSession(str(model), chosen, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has an exception for each status, and no common root but this
        remedy = "Download it again."
        raise InputError(f"{model} is no ONNX model: {error}", where="engines.kokoro.model", remedy=remedy) from error
    try:
        kokoro = library.Kokoro.from_session(session, str(voices))
        kokoro.get_voices()
    except (ValueError, OSError, EOFError, KeyError, AttributeError) as error:
        remedy = "Download the voices that belong to the model."
        raise InputError(f"{voices} holds no voices: {error}", where="engines.kokoro.voices", remedy=remedy) from error
    return KokoroModel(kokoro, str(options["language"]), float(options["speed"]))
