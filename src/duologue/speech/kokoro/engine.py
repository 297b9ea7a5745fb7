"""The engine `kokoro`: Kokoro-82M through kokoro-onnx (extra ``kokoro``), from the user's own model files.

Words and phonemes have times when the export tells durations (an output ``duration``); others give sound alone.
kokoro-onnx brings phonemizer and espeak-ng, which are GPL: they are loaded in the worker process only.
"""

from __future__ import annotations

import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import Field

from duologue.errors import InputError
from duologue.language.languages import Language
from duologue.priority import usable_cores
from duologue.speech.local.engine import LocalSettings, LocalSpeech
from duologue.speech.reading import Reading, language_of, read, reading_rules
from duologue.validation import WrittenPath


class KokoroSettings(LocalSettings):
    """Which files, and how to speak (``[engines.kokoro]``)."""

    model: WrittenPath = Field(description="The model, e.g. kokoro-v1.0.onnx.")
    voices: WrittenPath = Field(description="Its voices, e.g. voices-v1.0.bin.")
    language: str = Field(default="en-us", min_length=2, description="Of the text, as espeak-ng names it.")
    threads: int = Field(default=1, ge=0, le=64, description="Of the model; 0: as many as there are cores.")
    speed: float = Field(default=1.0, ge=0.5, le=2.0, description="1.0 is the voice's own.")


class KokoroSpeech(LocalSpeech):
    """Kokoro in a worker of its own."""

    def __init__(self, settings: KokoroSettings) -> None:
        options = {
            "model": str(settings.model),
            "voices": str(settings.voices),
            "language": settings.language,
            "speed": settings.speed,
            "threads": settings.threads,
        }
        threads = settings.threads or usable_cores()
        super().__init__("kokoro", "duologue.speech.kokoro.model:load", settings, options, threads=threads)
        self._spoken = language_of(settings.language)

    @property
    def made_with(self) -> str:
        """The package, which makes the phonemes as well, and how languages are read."""
        try:
            return f"kokoro-onnx {version('kokoro-onnx')}, {reading_rules()}"
        except PackageNotFoundError:
            return ""  # it will not come up either

    def _language(self, voice: str) -> Language:
        return self._spoken

    async def _line(self, sentence: str, voice: str) -> Reading:
        return read(sentence, self._spoken.reading)


Settings = KokoroSettings
"""Where the settings object finds the engine's own part."""


def known_voices(settings: KokoroSettings | None) -> tuple[str, ...]:
    """The voices in the file that are of the language set, English ones where it is not known whose they are."""
    try:
        with zipfile.ZipFile(settings.voices if settings else "") as file:
            names = sorted(Path(name).stem for name in file.namelist())
    except (OSError, zipfile.BadZipFile):
        return ()  # said when they are loaded
    prefixes = _PREFIXES.get((settings.language if settings else "en").partition("-")[0], "ab")
    return tuple(name for name in names if name[0] in prefixes)


_PREFIXES = {"en": "ab", "es": "e", "fr": "f", "hi": "h", "it": "i", "ja": "j", "pt": "p", "cmn": "z", "zh": "z"}
"""What the names of a language's voices begin with."""


def engine(settings: KokoroSettings | None = None) -> LocalSpeech:
    """The entry point ``duologue.tts: kokoro``. Raises :class:`InputError` without the paths of the files."""
    if settings is None:
        raise InputError(
            "the engine kokoro needs the model's files", where="engines.kokoro",
            remedy='Write [engines.kokoro] with model = "….onnx" and voices = "….bin".',
        )  # fmt: skip
    return KokoroSpeech(settings)
