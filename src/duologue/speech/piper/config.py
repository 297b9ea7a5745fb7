"""What Piper's voices say of themselves (``NAME.onnx.json``), how a voice is written, and which lie in a folder."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from duologue.errors import InputError

PITCH = (0.7, 1.4)
"""From the lowest to the highest that is still understood: the factor of the fundamental, the formants with it."""
RATE = (0.5, 2.0)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Audio(_Part):
    """Of the sound."""

    sample_rate: int = Field(ge=8_000, le=48_000)


class Inference(_Part):
    """How the voice speaks unless told otherwise."""

    noise_scale: float = 0.667
    length_scale: float = Field(default=1.0, gt=0)
    noise_w: float = 0.8


class EspeakLanguage(_Part):
    """How espeak-ng calls the language."""

    voice: str = "en-us"


class VoiceConfig(_Part):
    """The file beside a model; keys that we do not need are left out."""

    audio: Audio
    espeak: EspeakLanguage = EspeakLanguage()
    inference: Inference = Inference()
    phoneme_type: str = "espeak"
    phoneme_id_map: dict[str, tuple[int, ...]]
    vowel_clusters: tuple[tuple[str, ...], ...] = ()
    speaker_id_map: dict[str, int] = Field(default_factory=dict[str, int])
    default_speaker_id: int = 0
    hop_length: int = Field(default=256, gt=0)


PHONEME_TYPES = ("espeak", "text")
"""What a voice may have been taught with, for us to speak it: espeak-ng's phonemes, or letters."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A voice as it is asked for: ``base`` is ``NAME`` or ``NAME#SPEAKER``, ``pitch`` and ``rate`` are factors."""

    base: str
    pitch: float = 1.0
    rate: float = 1.0


def parse_voice(voice: str) -> Wish:
    """Read ``NAME[#SPEAKER][?pitch=0.9&rate=1.05]``. Raises :class:`InputError`."""
    base, _, query = voice.strip().partition("?")
    given = dict(parse_qsl(query, keep_blank_values=True))
    bounds = {"pitch": PITCH, "rate": RATE}
    if unknown := sorted(set(given) - set(bounds)):
        raise InputError(
            f"the voice {voice!r} has no parameter {unknown[0]!r}", where="voice", remedy="There are: pitch, rate."
        )
    chosen = {name: _factor(voice, name, value, bounds[name]) for name, value in given.items()}
    return Wish(base.strip(), **chosen)


def _factor(voice: str, name: str, value: str, bounds: tuple[float, float]) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not bounds[0] <= number <= bounds[1]:
        raise InputError(
            f"{name}={value} in the voice {voice!r} is not allowed", where="voice",
            remedy=f"It is a factor from {bounds[0]:g} to {bounds[1]:g}.",
        )  # fmt: skip
    return number


def voice_names(folder: Path, chosen: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the models that are meant: those ``chosen``, else all in the folder."""
    return chosen or tuple(sorted(path.stem for path in folder.glob("*.onnx")))


def read_config(folder: Path, name: str) -> VoiceConfig:
    """The config of a voice whose two files are there. Raises :class:`InputError` that names what is missing or
    wrong.
    """
    path = folder / f"{name}.onnx"
    beside = Path(f"{path}.json")
    for needed in (path, beside):
        if not needed.is_file():
            remedy = "A voice is two files: NAME.onnx and NAME.onnx.json."
            raise InputError(f"there is no file {needed}", where="engines.piper", remedy=remedy)
    try:
        config = VoiceConfig.model_validate_json(beside.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise no_voice(path, f"{beside.name}: {where}: {first['msg']}") from error
    if config.phoneme_type not in PHONEME_TYPES:
        raise InputError(
            f"{name} was taught with {config.phoneme_type}, which Duologue has no phonemes of", where="engines.piper",
            remedy="Leave it out: write engines.piper.voices with the names of the others.",
        )  # fmt: skip
    return config


def no_voice(path: Path, why: str) -> InputError:
    """The error for a file that is none of Piper's voices."""
    return InputError(f"{path} is no voice of Piper: {why}", where="engines.piper", remedy="Download it again.")


def speakers(name: str, config: VoiceConfig) -> dict[str, int]:
    """The voices of a model, and the number of each speaker."""
    return {f"{name}#{speaker}": number for speaker, number in config.speaker_id_map.items()} or {
        name: config.default_speaker_id
    }


class _Speakers(_Part):
    speaker_id_map: dict[str, int] = Field(default_factory=dict[str, int])


def known_speakers(folder: Path, name: str) -> list[str]:
    """The voices of a model by its config alone. What cannot be read is said when the voice is loaded."""
    try:
        told = _Speakers.model_validate_json((folder / f"{name}.onnx.json").read_bytes())
    except (OSError, ValidationError):
        return [name]
    return [f"{name}#{speaker}" for speaker in told.speaker_id_map] or [name]
