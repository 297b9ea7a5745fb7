"""Words that were misheard: sections of :mod:`benchmarks.natural.ears`.

``errors``: people, from Debian's packages, as they are, by telephone and in noise. ``sentences``: Kokoro's voices.
``TUNE=1`` takes what is to tune with in place of what is kept aside, ``SHOW=1`` prints each text that is wrong on
standard error.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.natural.callers import Half, Renderings, callers
from benchmarks.natural.recordings import (
    Said,
    babble,
    errors,
    heard,
    interval,
    model_folder,
    noisy,
    prompts,
    telephoned,
    testdata,
)
from benchmarks.table import Row, row
from duologue.audio.pcm import Samples
from duologue.simulation.spoken import pink
from duologue.speech.hearing import EAR_RATE, SpeechToText
from duologue.speech.pocketsphinx.engine import PocketSphinx
from duologue.speech.silero import Silero
from duologue.speech.whisper.engine import Whisper, WhisperSettings
from duologue.speech.whisper.features import HOP, LogMel
from duologue.speech.whisper.messages import LoadWhisper, Pass
from duologue.speech.whisper.model import WhisperModel

THREADS = 2
FULL_WINDOW_S = 30
SENTENCES = 210
TUNING = os.environ.get("TUNE") == "1"
SHOWN = bool(os.environ.get("SHOW"))
EACH = int(os.environ.get("EACH", "1"))
"""Of all recordings, each so many: for trying."""


class FullWindow:
    """The same model over whole recordings by the window that it was trained with."""

    def __init__(self, settings: WhisperSettings) -> None:
        self._model = WhisperModel(LoadWhisper(settings.model, THREADS, settings.compute_type, settings.beam))

    def heard(self, sound: Samples) -> str:
        """All of it in one pass; recordings are shorter than that window."""
        mel = LogMel()
        mel.push(sound)
        wanted = Pass(0, mel.window(0, len(sound), FULL_WINDOW_S * EAR_RATE // HOP), len(sound) / EAR_RATE, "en")
        return " ".join(word.text.strip() for word in self._model.run(wanted).words)


class Listening:
    """The ears, and who hears beside them."""

    def __init__(self) -> None:
        settings = WhisperSettings(model=str(model_folder()), every_s=5.0)
        self._activity = Silero()
        self.ears = Whisper(settings)
        self.sphinx = PocketSphinx()
        self.full = FullWindow(settings)

    async def start(self) -> None:
        """Warm up all."""
        await asyncio.gather(self.ears.warm_up(), self.sphinx.warm_up())

    async def close(self) -> None:
        """Release all."""
        await self.ears.close()
        await self.sphinx.close()

    async def understood(self, ears: SpeechToText, sounds: Sequence[Samples]) -> list[str]:
        """The final texts."""
        return [(await heard(ears, sound, self._activity))[0] for sound in sounds]

    async def rows(self, name: str, people: Sequence[Said], *, full: bool, sphinx: bool) -> list[Row]:
        """Errors of one set, in one condition."""
        said, sounds = [each.text for each in people], [each.sound for each in people]
        texts = await self.understood(self.ears, sounds)
        _show(said, texts)
        rate, words = errors(said, texts)
        exact, (low, high) = errors(said, texts, exact=True)[0], interval(said, texts)
        whole = errors(said, [self.full.heard(sound) for sound in sounds])[0] if full else None
        beside = "" if whole is None else f"30 s window {whole:.1f}; "
        beside += f"short forms and blanks counted {exact:.1f}"
        ratio = whole / rate if whole is not None and rate else None
        made = [row(f"word errors, {name}, {words} words ({low:.1f}–{high:.1f})", rate, "%", beside, ratio)]
        if sphinx:
            other = errors(said, await self.understood(self.sphinx, sounds))[0]
            made.append(row(f"the same beside PocketSphinx, {name}", rate, "%", f"{other:.1f}", other / rate))
        return made


def _show(said: Sequence[str], texts: Sequence[str]) -> None:
    for one, two in zip(said, texts, strict=True):
        if SHOWN and errors([one], [two])[0]:
            print(f"{one!r}\n    {two!r}", file=sys.stderr)


def conditions() -> dict[str, Callable[[Samples], Samples]]:
    """What is done to a recording; babble is made of the prompts to tune with."""
    murmur = babble(prompts("a", "m"))

    def rush(count: int) -> Samples:
        return pink(count / EAR_RATE + 1, 0.1)[:count]

    return {
        "G.711": telephoned, "pink noise 20 dB": noisy(rush, 20.0), "babble 20 dB": noisy(murmur, 20.0),
        "pink noise 10 dB": noisy(rush, 10.0), "babble 10 dB": noisy(murmur, 10.0),
    }  # fmt: skip


async def word_errors() -> list[Row]:
    """People, beside PocketSphinx and the same model's own 30 s window."""
    listening = Listening()
    await listening.start()
    people = (prompts("a", "m") if TUNING else prompts("n", "z"))[::EACH]
    name = "prompts a–m, tuned with" if TUNING else "prompts n–z, kept aside"
    made = await listening.rows("testdata", testdata(), full=True, sphinx=not TUNING)
    made += await listening.rows(name, people, full=True, sphinx=not TUNING)
    for condition, change in ({} if TUNING else conditions()).items():
        changed = [Said(change(each.sound), each.text) for each in people]
        made += await listening.rows(f"{name}, {condition}", changed, full=True, sphinx=False)
    await listening.close()
    return made


async def sentences() -> list[Row]:
    """Sentences of Kokoro's voices, each by several; the half that is kept aside."""
    sounds, people = Renderings(), list[Said]()
    said = callers(Half.TUNING if TUNING else Half.ASIDE, 3)
    turns = [(voice, turn) for voice, turns in said.items() for turn in turns if not turn.dictated]
    turns = turns[:: max(1, len(turns) // SENTENCES)][: SENTENCES // EACH]
    sounds.make((voice, text) for voice, turn in turns for text in turn.rendered)
    for voice, turn in turns:
        sound = np.concatenate([sounds.sound(voice, text) for text in turn.rendered])
        people.append(Said(sound, " ".join(turn.phrases)))
    listening = Listening()
    await listening.start()
    voices = len({voice for voice, _ in turns})
    made = await listening.rows(f"{len(people)} sentences, {voices} voices", people, full=True, sphinx=not TUNING)
    for condition, change in conditions().items():
        changed = [Said(change(each.sound), each.text) for each in people]
        made += await listening.rows(f"sentences, {condition}", changed, full=False, sphinx=False)
    await listening.close()
    return made


SECTIONS: dict[str, Callable[[], list[Row]]] = {
    "errors": lambda: asyncio.run(word_errors()),
    "sentences": lambda: asyncio.run(sentences()),
}
