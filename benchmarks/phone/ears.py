"""How well the default ears understand people on a telephone: ``python -m benchmarks.phone ears``.

The same human recordings (:mod:`benchmarks.natural.recordings`; Asterisk's prompts n to z) are heard as they are, and
as they come out of the line's own media path: µ-law packets of 20 ms through jitter buffer, decoder, concealment and
resampler.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random

import numpy as np

from benchmarks.machine import say
from benchmarks.natural.recordings import PROMPT_TEXTS, PROMPTS, Said, errors, heard, interval, model_folder, prompts
from benchmarks.phone.board import QUIET, SAMPLES, on_the_line
from benchmarks.table import LeftOutError, Row, row
from duologue.audio import g711
from duologue.audio.pcm import Samples, silence
from duologue.clock import MILLISECOND
from duologue.phone.media.codecs import PCMU
from duologue.phone.media.incoming import IncomingCall
from duologue.phone.media.rtp import RtpPacket
from duologue.speech.hearing import Expected
from duologue.speech.silero import Silero
from duologue.speech.whisper.engine import Whisper, WhisperSettings

LOSS = 0.05
MOST_WORDS = 1_200


def carried(sound: Samples, loss: float = 0.0, seed: int = 1) -> Samples:
    """What ears are given of ``sound`` (16 kHz both) by a call that loses so many of its packets."""
    blocks: list[Samples] = []
    call = IncomingCall(PCMU, 0, None, lambda at, samples: blocks.append(samples), lambda key: None)
    narrow = on_the_line(sound)
    data = g711.encode(np.concatenate([narrow, silence(-len(narrow) % SAMPLES)]), "mu") + QUIET * 20
    chance = Random(seed)
    now = 0
    for number in range(len(data) // SAMPLES):
        now = number * 20 * MILLISECOND
        if chance.random() >= loss:
            payload = data[number * SAMPLES : (number + 1) * SAMPLES]
            call.receive(RtpPacket(0, number & 0xFFFF, number * SAMPLES, 7, payload), now)
        while call.deadline is not None and call.deadline <= now:
            call.tick(now)
    return np.concatenate(blocks)


def chosen(most_words: int) -> list[Said]:
    """Prompts of about so many words, taken evenly from all of them."""
    everything = prompts("n", "z")
    words = sum(len(each.text.split()) for each in everything)
    step = max(1.0, words / most_words)
    return [everything[int(n * step)] for n in range(int(len(everything) / step))]


async def _understood(
    ears: Whisper, said: Sequence[Said], change: Callable[[Samples], Samples], *, telephone: bool
) -> list[str]:
    activity, texts = Silero(), list[str]()
    for each in said:
        text, _ = await heard(ears, change(each.sound), activity, expected=Expected(telephone=telephone))
        texts.append(text)
    return texts


async def _errors(small: bool) -> list[Row]:
    packages = {PROMPTS: "asterisk-core-sounds-en-wav", PROMPT_TEXTS: "asterisk-core-sounds-en"}
    if missing := [package for place, package in packages.items() if not place.exists()]:
        raise LeftOutError(f"Asterisk's prompts with their texts are not here (apt: {' '.join(missing)})")
    said = chosen(60 if small else MOST_WORDS)
    ears = Whisper(WhisperSettings(model=str(model_folder()), every_s=5.0))
    await ears.warm_up()
    texts = [each.text for each in said]
    ways: tuple[tuple[str, Callable[[Samples], Samples], bool], ...] = (
        ("as they are", lambda sound: sound, False),
        ("by telephone, G.711", carried, True),
        (f"by telephone, {100 * LOSS:g} % of the packets lost", lambda sound: carried(sound, LOSS), True),
    )
    rows: list[Row] = []
    wide = 0.0
    for name, change, telephone in ways:
        understood = await _understood(ears, said, change, telephone=telephone)
        rate, words = errors(texts, understood)
        low, high = interval(texts, understood)
        wide = wide if telephone else rate
        beside = f"{words} words, {low:.1f} to {high:.1f}" + (f"; wish ≤ {wide + 2:.1f}" if change is carried else "")
        rows.append(row(f"word errors of human recordings, {name}", rate, "%", beside))
        say(f"{name}: {rate:.1f} %")
    await ears.close()
    return rows


def rows(small: bool = False) -> list[Row]:
    """The same speech three ways."""
    return asyncio.run(_errors(small))
