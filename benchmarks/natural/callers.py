"""Callers with natural voices, rendered once by Kokoro into a cache that is never committed.

What they say stands in ``callers.txt``. Every second voice of English and every second sentence are to tune
with; the others are kept aside, and what is reported is measured on them alone (:class:`Half`). What holds one pause is
rendered whole and cut where the voice is softest about the place, so that what stands before the pause has the melody
of going on: by itself Kokoro says it like a sentence that is over. Groups of a dictation are rendered by themselves.
All is cut to what sounds, so that the first and last sample of each phrase are known.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from random import Random

import numpy as np

from benchmarks.machine import say
from duologue.audio.pcm import Samples, from_int16, to_int16
from duologue.audio.resample import resample
from duologue.errors import PeerError
from duologue.models.entries import KOKORO
from duologue.models.shelf import ModelShelf
from duologue.places import cache_folder
from duologue.settings import load_models_folder
from duologue.simulation.spoken import loudness
from duologue.speech.hearing import EAR_RATE
from duologue.speech.kokoro import engine as kokoro

SENTENCES = Path(__file__).with_name("callers.txt")
FOLDER = Path(os.environ.get("CALLERS_CACHE", "") or cache_folder() / "callers")
"""Where renderings lie."""
LOUDNESS = 0.1
"""RMS of the loud parts of every phrase."""
PAUSES_MS = (300, 1_200)
DICTATED_PAUSES_MS = (300, 900)
_AUDIBLE = 0.01
_STEP = EAR_RATE // 100
_ABOUT = 0.18
"""Of a whole, how far from where letters put it a pause is looked for."""
_PAUSE = re.compile(r"\s*\[p\]\s*")


class Half(Enum):
    """Of voices and of sentences."""

    TUNING = 0
    ASIDE = 1


@dataclass(frozen=True)
class Turn:
    """What a caller says at a stretch: phrases with a pause (ms) behind each but the last."""

    kind: str
    phrases: tuple[str, ...]
    pauses: tuple[int, ...]

    @property
    def words(self) -> str:
        """As a script has them."""
        marks = (*(f" [{pause}] " for pause in self.pauses), "")
        return "".join(phrase + mark for phrase, mark in zip(self.phrases, marks, strict=True))

    @property
    def rendered(self) -> tuple[str, ...]:
        """The texts that are rendered by themselves."""
        return (" ".join(self.phrases),) if self.paused else self.phrases

    @property
    def dictated(self) -> bool:
        """A number or a name."""
        return self.kind == "dictated"

    @property
    def paused(self) -> bool:
        """A pause lies inside, and it is no dictation."""
        return bool(self.pauses) and not self.dictated


def voices(half: Half) -> tuple[str, ...]:
    """Every second English voice of Kokoro's."""
    return _known()[half.value :: 2]


def _known() -> tuple[str, ...]:
    if known := kokoro.known_voices(_settings()):
        return known
    raise PeerError(
        "the callers are Kokoro's voices, and it is not here", where=str(_settings().voices or "models.folder"),
        remedy="duologue models get kokoro",
    )  # fmt: skip


def sentences(half: Half) -> list[tuple[str, tuple[str, ...]]]:
    """Kind and phrases, of each kind every second line."""
    of_kind: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for line in SENTENCES.read_text("utf-8").splitlines():
        kind, bar, text = line.partition(" | ")
        if bar and not line.startswith("#"):
            of_kind[kind].append(tuple(_PAUSE.split(text)))
    return [(kind, phrases) for kind, found in of_kind.items() for phrases in found[half.value :: 2]]


def callers(half: Half, times: int) -> dict[str, list[Turn]]:
    """What each voice says, each sentence being said ``times`` by different voices; pauses and order are drawn by a
    fixed seed.
    """
    drawn, known = Random(10 + half.value), voices(half)
    found: dict[str, list[Turn]] = {voice: [] for voice in known}
    for number, (kind, phrases) in enumerate(sentences(half)):
        for time in range(times):
            low, high = DICTATED_PAUSES_MS if kind == "dictated" else PAUSES_MS
            pauses = tuple(drawn.randint(low, high) for _ in phrases[1:])
            found[known[(number + 5 * time) % len(known)]].append(Turn(kind, phrases, pauses))
    for turns in found.values():
        drawn.shuffle(turns)
    return found


def _settings() -> kokoro.KokoroSettings:
    folder = ModelShelf(load_models_folder(None)).path(KOKORO)
    model, voices_file = (folder / name for name in ("kokoro-v1.0.int8.onnx", "voices-v1.0.bin"))
    return kokoro.KokoroSettings(model=model, voices=voices_file, threads=2)


_BREATH = 0.18
"""Of a voice's loudness (-15 dB): a breath is softer."""
_LONGEST_CONSONANT = 2 * EAR_RATE // 5


class Renderings:
    """The sound of phrases, by voice and text."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._known: dict[tuple[str, str], Samples] = {}

    def sound(self, voice: str, text: str) -> Samples:
        """A phrase at the ears' rate, at :data:`LOUDNESS`; it must have been rendered."""
        found = self._known.get((voice, text))
        if found is None:
            found = without_breath(from_int16(np.load(self._file(voice, text))))
            self._known[voice, text] = found
        return found

    def phrases(self, voice: str, turn: Turn) -> list[tuple[Samples, int]]:
        """The phrases of a turn, each with the pause behind it (ms)."""
        sounds = [self.sound(voice, text) for text in turn.rendered]
        if turn.paused:
            first, second = turn.phrases
            place = _cut(sounds[0], len(first) / (len(first) + len(second)))
            sounds = [trimmed(sounds[0][:place]), trimmed(sounds[0][place:])]
        return list(zip(sounds, (*turn.pauses, 0), strict=True))

    def has(self, voice: str, text: str) -> bool:
        """It was rendered."""
        return self._file(voice, text).exists()

    def make(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Render what is missing, in the order given. An interrupted rendering goes on where it was."""
        missing = [each for each in dict.fromkeys(wanted) if not self.has(*each)]
        if missing:
            self._folder.mkdir(parents=True, exist_ok=True)
            say(f"rendering {len(missing)} phrases of callers by Kokoro into {self._folder}")
            asyncio.run(self._render(missing))

    def _file(self, voice: str, text: str) -> Path:
        return self._folder / f"{voice}-{hashlib.sha1(text.encode()).hexdigest()[:16]}.npy"

    async def _render(self, missing: Sequence[tuple[str, str]]) -> None:
        engine = kokoro.engine(_settings())
        await engine.warm_up()
        try:
            for number, (voice, text) in enumerate(missing, 1):
                async with aclosing(engine.speak(text, voice)) as chunks:
                    sound = np.concatenate([chunk.samples async for chunk in chunks])
                self._write(self._file(voice, text), resample(sound, engine.capabilities.rate, EAR_RATE))
                if number % 50 == 0:
                    say(f"{number} of {len(missing)}")
        finally:
            await engine.close()

    def _write(self, file: Path, sound: Samples) -> None:
        cut = trimmed(sound)
        part = file.with_suffix(".part")
        with part.open("wb") as out:
            np.save(out, to_int16(cut * (LOUDNESS / loudness(cut))))
        part.rename(file)


def trimmed(sound: Samples) -> Samples:
    """What sounds."""
    loud = np.flatnonzero(np.abs(sound) > _AUDIBLE * np.abs(sound).max(initial=0.0))
    return sound[loud[0] : loud[-1] + 1]


def without_breath(sound: Samples) -> Samples:
    """Up to its last word: some voices end with half a second of breath, which nobody waits for. A last consonant may
    be as soft, but is not as long.
    """
    count = len(sound) // _STEP
    power = np.sqrt(np.mean(np.square(sound[: count * _STEP].reshape(count, _STEP)), axis=1))
    end = (int(np.flatnonzero(power > _BREATH * loudness(sound))[-1]) + 1) * _STEP
    return sound if len(sound) - end < _LONGEST_CONSONANT else sound[: end + _LONGEST_CONSONANT // 4]


def _cut(sound: Samples, share: float) -> int:
    """The sample in the middle of the softest stretch about a place, ``share`` of the whole: a long one counts more."""
    count = len(sound) // _STEP
    power = np.sqrt(np.mean(np.square(sound[: count * _STEP].reshape(count, _STEP)), axis=1))
    quiet = np.convolve(power < 0.03 * power.max(), np.ones(15), "same")
    away = np.abs(np.arange(count) / count - share)
    score = quiet / 15 - power / power.max() - 4 * away
    score[away > _ABOUT] = -np.inf
    return (int(np.argmax(score)) * 2 + 1) * _STEP // 2


def needed(said: dict[str, list[Turn]]) -> list[tuple[str, str]]:
    """Every text that is rendered, for whom."""
    return [(voice, text) for voice, turns in said.items() for turn in turns for text in turn.rendered]
