"""What the engines that speak on somebody else's machine share, beside the client (:mod:`duologue.hosted`)."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from duologue.audio.pcm import Samples, from_int16
from duologue.clock import Clock
from duologue.errors import PeerError
from duologue.hosted import HostedClient, HostedLimits, HostedWords, bearer
from duologue.speech.utterance import SpeechChunk

MAX_SILENCE_S = 30
"""Of digital silence before the first sound; a server that sends more has nothing to say."""
_AUDIBLE = 1e-3
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class HostedSettings(BaseModel):
    """What every hosted engine that speaks can be told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connect_seconds: float = Field(default=5.0, gt=0, le=60, description="Limit for reaching the server.")
    first_sound_seconds: float = Field(
        default=8.0, gt=0, le=120, description="Limit from the request to the first sound, waits for a busy server too."
    )
    per_character_seconds: float = Field(
        default=0.125,
        ge=0,
        le=2,
        description="The first sound may take so much longer for each character: half the pace of speech.",
    )
    stall_seconds: float = Field(default=5.0, gt=0, le=120, description="Limit between two pieces of sound.")
    retry_after_seconds: float = Field(
        default=2.0, ge=0, le=60, description="A server that asks us to wait longer than this has failed."
    )


def speaking_client(
    name: str,
    base_url: str,
    key_variable: str,
    settings: HostedSettings,
    clock: Clock,
    authorise: Callable[[str], Mapping[str, str]] = bearer,
) -> HostedClient:
    """The client of the engine ``name``."""
    limits = HostedLimits(
        settings.connect_seconds, settings.first_sound_seconds, settings.stall_seconds, settings.retry_after_seconds
    )
    words = HostedWords(name, name, f"the speech of {name}", "no sound", "first_sound_seconds")
    return HostedClient(words, base_url, key_variable, limits, authorise, clock)


class PcmReader:
    """Bytes of 16-bit little-endian mono PCM, cut anywhere, to samples."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Samples:
        """The samples that are complete."""
        whole = self._rest + data
        even = len(whole) // 2 * 2
        self._rest = whole[even:]
        return from_int16(np.frombuffer(whole[:even], "<i2").astype(np.int16))

    @property
    def broken(self) -> bool:
        """Half a sample is left over: what was fed is no 16-bit PCM, or not all of it."""
        return bool(self._rest)


async def audible(
    chunks: AsyncGenerator[SpeechChunk, None], rate: int, silent: PeerError
) -> AsyncGenerator[SpeechChunk, None]:
    """``chunks`` from the first sound on, nothing lost; raises ``silent`` when none comes.

    Until then they are held, so that whoever fails over before the first sound may still do so.
    """
    held: list[SpeechChunk] = []
    count, sounding = 0, False
    async with aclosing(chunks) as stream:
        async for chunk in stream:
            if sounding:
                yield chunk
                continue
            held.append(chunk)
            count += len(chunk.samples)
            sounding = bool((np.abs(chunk.samples) > _AUDIBLE).any())
            if sounding:
                for waiting in held:
                    yield waiting
                held.clear()
            elif count > MAX_SILENCE_S * rate:
                break
    if not sounding:
        raise silent


def transmissible(text: str) -> str:
    """``text`` without what JSON or a voice cannot carry, character for character, so that offsets stay true."""
    return _CONTROLS.sub(" ", text)
