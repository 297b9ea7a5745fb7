"""How a voice of the engine `espeak` is written: ``en-us+m3?rate=165&pitch=35``, and the engine's settings."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from duologue.errors import InputError
from duologue.speech.espeak.messages import VoiceSpec


class EspeakSettings(BaseModel):
    """The engine's own part of the settings: ``[engines.espeak]``. A voice's query overrides the first five."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate: int = Field(default=165, ge=80, le=450, description="Words a minute.")
    pitch: int = Field(default=50, ge=0, le=99, description="Base pitch.")
    range: int = Field(default=50, ge=0, le=99, description="Pitch range; 0 is a monotone.")
    volume: int = Field(default=100, ge=0, le=200, description="Amplitude inside the engine; above 100 it may clip.")
    gap: int = Field(default=0, ge=0, le=100, description="Extra pause between words, in 10 ms.")
    restarts: int = Field(default=4, ge=0, le=20, description="Restarts of a dying worker in a row before giving up.")
    patience_s: float = Field(default=10.0, gt=0, description="Seconds without a sign of life until it is restarted.")
    library: str = Field(default="", description="libespeak-ng to load; empty: the one in the wheel.")
    data: str = Field(default="", description="Its espeak-ng-data folder; empty: the one in the wheel.")


SPARE = (
    "en-us+m3?rate=165&pitch=35", "en-us+f5?rate=178&pitch=55", "en-gb+m2?rate=170&pitch=40",
    "en-gb+f2?rate=170&pitch=50", "en-us+m7?rate=160&pitch=30", "en-us+f2?rate=172&pitch=60",
)  # fmt: skip
"""Voices that are told apart, for characters that name none."""
_VOICE = re.compile(r"[a-z]{2,3}(-[a-z0-9]+)*(\+\w+)?(\?.*)?")
_PARAMETERS = ("rate", "pitch", "range", "volume", "gap")


def is_voice(voice: str) -> bool:
    """Whether ``voice`` is written as espeak's voices are: a language, and perhaps a variant."""
    return _VOICE.fullmatch(voice.strip()) is not None


def parse_voice(voice: str, settings: EspeakSettings) -> VoiceSpec:
    """Read ``base[+variant][?parameter=value&…]``. Whether base and variant exist only the library knows.

    Raises :class:`InputError` for an unknown parameter or a value out of range.
    """
    name, _, query = voice.strip().partition("?")
    base, _, variant = name.partition("+")
    if not base.strip():
        raise InputError(f"the voice {voice!r} names no language", where="voice", remedy="Write for example en-us+m3.")
    given = dict(parse_qsl(query, keep_blank_values=True))
    if unknown := sorted(set(given) - set(_PARAMETERS)):
        raise InputError(
            f"the voice {voice!r} has no parameter {unknown[0]!r}",
            where="voice",
            remedy=f"There are: {', '.join(_PARAMETERS)}.",
        )
    defaults = {key: getattr(settings, key) for key in _PARAMETERS}
    try:
        chosen = EspeakSettings.model_validate({**defaults, **given})
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            f"{first['loc'][0]}={first['input']} in the voice {voice!r} is not allowed",
            where="voice",
            remedy=f"{first['msg']}.",
        ) from error
    return VoiceSpec(
        base=base.strip(),
        variant=variant.strip(),
        rate=chosen.rate,
        pitch=chosen.pitch,
        pitch_range=chosen.range,
        volume=chosen.volume,
        gap=chosen.gap,
    )
