"""The engine `piper`: voices of Piper (extra ``piper``), from the user's own folder, in a worker process.

Piper is GPL-3: only the worker imports it. Words and phonemes have times when every voice chosen tells alignments (a
second output of its model; with the package ``onnx`` installed Piper adds that output itself).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

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


def known_voices(settings: PiperSettings | None) -> tuple[str, ...]:
    """The voices in the folder, by their files: ``NAME``, or ``NAME#SPEAKER`` for each of several speakers."""
    if settings is None:
        return ()
    names = settings.voices or tuple(sorted(path.stem for path in settings.folder.glob("*.onnx")))
    return tuple(voice for name in names for voice in _speakers(settings.folder / f"{name}.onnx.json", name))


def _speakers(config: Path, name: str) -> list[str]:
    """What cannot be read is said when the voice is loaded."""
    try:
        told: object = json.loads(config.read_text("utf-8"))
    except (OSError, ValueError):
        return [name]
    speakers: object = cast("dict[str, object]", told).get("speaker_id_map") if isinstance(told, dict) else None
    named = list(cast("dict[str, object]", speakers)) if isinstance(speakers, dict) else []
    return [f"{name}#{speaker}" for speaker in named] or [name]


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
