"""The engine `piper`: voices of Piper from the user's own folder, decoded piece by piece in a worker process.

Their models run in onnxruntime (:mod:`duologue.speech.piper.vits`); phonemes come from espeak-ng, which is GPL-3 and
runs in a worker process of its own. Piper's own package is not needed. Words and phonemes have times when every voice
chosen tells how long its phonemes last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from importlib.metadata import version

from pydantic import Field

from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.errors import InputError, raise_first
from duologue.language.languages import Language
from duologue.speech.espeak.clauses import Clause
from duologue.speech.espeak.phonemes import Phonemizer
from duologue.speech.local.engine import LocalSettings, LocalSpeech
from duologue.speech.piper.config import VoiceConfig, known_speakers, parse_voice, read_config, speakers, voice_names
from duologue.speech.piper.line import PiperLine
from duologue.speech.reading import language_of, read, reading_rules
from duologue.validation import WrittenPath
from duologue.version import __version__
from duologue.workers import Supervised

ENOUGH = 3
"""Speakers that are told apart by themselves."""
KINDS = ("", "?pitch=0.82", "?pitch=1.24")
"""How few are told apart from themselves: three semitones lie between."""


class PiperSettings(LocalSettings):
    """Which voices, and how to speak (``[engines.piper]``)."""

    folder: WrittenPath = Field(description="Where the voices lie: NAME.onnx beside NAME.onnx.json.")
    voices: tuple[str, ...] = Field(default=(), description="Names of those to load; empty: all in the folder.")
    length_scale: float | None = Field(default=None, gt=0.2, le=4.0, description="Above 1 is slower; unset: its own.")
    sentence_seconds: float = Field(
        default=5.0, gt=0, le=600, description="Limit for one piece of a sentence; then the worker is replaced."
    )


Settings = PiperSettings
"""Where the settings object finds the engine's own part."""


def known_voices(settings: PiperSettings | None) -> tuple[str, ...]:
    """The voices in the folder, by their files: ``NAME``, or ``NAME#SPEAKER`` for each of several speakers. Fewer than
    :data:`ENOUGH` come again, lower and higher.
    """
    if settings is None:
        return ()
    names = voice_names(settings.folder, settings.voices)
    voices = [voice for name in names for voice in known_speakers(settings.folder, name)]
    return tuple(voices) if len(voices) >= ENOUGH else tuple(f"{voice}{kind}" for kind in KINDS for voice in voices)


def check_voice(voice: str, settings: PiperSettings | None) -> None:
    """Whether ``voice`` is written as one, wherever its model is. Raises :class:`InputError`."""
    parse_voice(voice)


class PiperSpeech(LocalSpeech):
    """See the module. Use it on one event loop."""

    def __init__(self, settings: PiperSettings, clock: Clock = SYSTEM_CLOCK) -> None:
        options = {
            "folder": str(settings.folder),
            "voices": settings.voices,
            "length_scale": settings.length_scale,
        }
        super().__init__("piper", "duologue.speech.piper.model:load", settings, options, clock)
        self._files = settings
        self._phonemizer = Phonemizer(clock)
        self._configs: Mapping[str, VoiceConfig] = {}

    @property
    def phonemizer(self) -> Phonemizer:
        """Where phonemes come from."""
        return self._phonemizer

    @property
    def workers(self) -> tuple[Supervised, ...]:
        """Its workers, for a page."""
        return (self.worker, self._phonemizer.worker)

    @property
    def made_with(self) -> str:
        """What shapes the sound beside the settings: this program, the phonemes, and how languages are read."""
        return f"duologue {__version__}, espeak-ng {version('espeakng-loader')}, {reading_rules()}"

    async def warm_up(self) -> None:
        """Start both workers and load the voices. Raises :class:`InputError` for a missing or wrong file."""
        try:
            async with asyncio.TaskGroup() as group:  # where one fails the other is not left at it
                group.create_task(super().warm_up())
                group.create_task(self._phonemizer.warm_up())
        except ExceptionGroup as failures:
            raise_first(failures)
        self._configs = await asyncio.to_thread(_configs, self._files)

    async def close(self) -> None:
        """End the workers, whatever they are at. Idempotent."""
        await self._phonemizer.close()
        await super().close()

    def _base(self, voice: str) -> str:
        return parse_voice(voice).base

    def _language(self, voice: str) -> Language:
        return language_of(self._configs[self._base(voice)].espeak.voice)

    async def _line(self, sentence: str, voice: str) -> PiperLine:
        config = self._configs[self._base(voice)]
        reading = read(sentence, self._language(voice).reading)
        spoken = reading.spoken
        if config.phoneme_type == "text":
            return PiperLine(spoken, (Clause(spoken, "", True, 0, len(spoken)),), reading.words)
        return PiperLine(spoken, await self._phonemizer.clauses(spoken, config.espeak.voice), reading.words)


def _configs(settings: PiperSettings) -> dict[str, VoiceConfig]:
    """The config of each voice."""
    found: dict[str, VoiceConfig] = {}
    for name in voice_names(settings.folder, settings.voices):
        config = read_config(settings.folder, name)
        found |= dict.fromkeys(speakers(name, config), config)
    return found


def engine(settings: PiperSettings | None = None) -> PiperSpeech:
    """The entry point ``duologue.tts: piper``. Raises :class:`InputError` without the folder of the voices."""
    if settings is None:
        raise InputError(
            "the engine piper needs voices", where="engines.piper",
            remedy='Write [engines.piper] with folder = "…", where NAME.onnx and NAME.onnx.json lie, or run:'
            " duologue models get piper-joe",
        )  # fmt: skip
    return PiperSpeech(settings)
