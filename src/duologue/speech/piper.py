"""The engine `piper`: voices of Piper (extra ``piper``), from the user's own folder, in a worker process.

Piper is GPL-3: only the worker imports it. Words and phonemes have times when every voice chosen tells alignments (a
second output of its model; with the package ``onnx`` installed Piper adds that output itself).
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from duologue.errors import InputError
from duologue.speech.local import LocalSettings, LocalSpeech


class PiperSettings(LocalSettings):
    """Which voices, and how to speak (``[engines.piper]``)."""

    folder: Path = Field(description="Where the voices lie: NAME.onnx beside NAME.onnx.json.")
    voices: tuple[str, ...] = Field(default=(), description="Names of those to load; empty: all in the folder.")
    length_scale: float | None = Field(default=None, gt=0.2, le=4.0, description="Above 1 is slower; unset: its own.")


Settings = PiperSettings
"""Where the settings object finds the engine's own part."""


def engine(settings: PiperSettings | None = None) -> LocalSpeech:
    """The entry point ``duologue.tts: piper``. Raises :class:`InputError` without the folder of the voices."""
    if settings is None:
        raise InputError(
            "the engine piper needs voices", where="engines.piper",
            remedy='Write [engines.piper] with folder = "…", where NAME.onnx and NAME.onnx.json lie.',
        )  # fmt: skip
    options = {
        "folder": str(settings.folder),
        "voices": settings.voices,
        "length_scale": settings.length_scale,
    }
    return LocalSpeech("piper", "duologue.speech.piper_model:load", settings, options)
