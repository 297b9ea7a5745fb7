"""What a voice sounds like before a pause inside a turn, and at its end: ``python -m benchmarks.natural endings``.

How far the melody tells the one from the other, of natural callers and of a person (Asterisk's prompts, whose pauses
their speaker made), for those to tune with (prompts a–m) and those kept aside (n–z). :data:`FALLEN` was chosen by the
first. What else was tried there, each by itself and all in a logistic regression fitted without the sentence it judged,
told no more than the level alone (0.72 against 0.73 of callers' whole sentences, 0.50 and 0.51 of the person): the
pitch's slope over 100, 160 and 320 ms, its fall from the highest, loudness and its fading, periodicity, the last voiced
run, what sounds after it, and how probable Whisper holds its own full stop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.natural.callers import Half, Renderings, callers, needed
from benchmarks.natural.recordings import prompts
from benchmarks.table import Row, row
from duologue.audio.pcm import Samples
from duologue.clock import SECOND
from duologue.dialogue.listening.endpointing import FALLEN, SpeechGate
from duologue.dialogue.listening.melody import SECONDS, Contour, Melody
from duologue.dialogue.turns.vocabulary import SpeechStarted, SpeechStopped
from duologue.speech.hearing import EAR_RATE, VAD_FRAME
from duologue.speech.silero import Silero

TIMES = 3
LEAD, TRAIL = EAR_RATE // 2, 8 * EAR_RATE // 5
"""Silence before and behind what is said."""
LEAST_MS = 300.0
"""Of a pause: shorter ones are gaps between words, which no wait is short enough to cut into."""
WHOLE = ("clause", "two")
"""What stands before a pause could be all."""


@dataclass(frozen=True)
class Ending:
    """A voice that paused (``goes_on``, for ``pause_ms``) or had ended. ``kind`` is the sentence's, or ``human``."""

    kind: str
    words: str
    contour: Contour
    goes_on: bool
    pause_ms: float


def endings(sound: Samples, kind: str, words: str, activity: Silero, melody: Melody) -> Iterator[Ending]:
    """Those of one turn, as a session finds them; of a voice that was not noticed none."""
    whole = np.concatenate([np.zeros(LEAD, np.float32), sound, np.zeros(TRAIL, np.float32)])
    gate, stream = SpeechGate(), activity.open()
    paused: tuple[int, Contour | None] | None = None
    for at in range(0, len(whole) - VAD_FRAME + 1, VAD_FRAME):
        frame = whole[at : at + VAD_FRAME]
        event = gate.step(activity.step({stream: frame})[stream], (at + VAD_FRAME) * SECOND // EAR_RATE)
        if isinstance(event, SpeechStopped):
            end = event.at * EAR_RATE // SECOND
            paused = event.at, melody.ended(whole[max(0, end - round(SECONDS * EAR_RATE)) : end])
        elif isinstance(event, SpeechStarted) and paused is not None:
            pause_ms = (event.at - paused[0]) / 1e6
            if pause_ms >= LEAST_MS and paused[1] is not None:
                yield Ending(kind, words, paused[1], True, pause_ms)
            paused = None
    activity.forget(stream)
    if paused is not None and paused[1] is not None:
        yield Ending(kind, words, paused[1], False, 0.0)


def of_callers(half: Half, sounds: Renderings, times: int) -> Iterator[Ending]:
    """What natural callers say, but for dictations, each voice with its own range."""
    activity = Silero()
    for voice, turns in callers(half, times).items():
        melody = Melody()
        for turn in turns:
            if turn.dictated or not all(sounds.has(voice, text) for text in turn.rendered):
                continue
            parts = [
                part
                for wave, pause in sounds.phrases(voice, turn)
                for part in (wave, np.zeros(pause * EAR_RATE // 1000, np.float32))
            ]
            yield from endings(np.concatenate(parts), turn.kind, turn.words, activity, melody)


def of_people(first: str, last: str) -> Iterator[Ending]:
    """A person's prompts by their first letters, with the pauses that she made."""
    activity, melody = Silero(), Melody()
    for said in prompts(first, last):
        yield from endings(said.sound, "human", said.text, activity, melody)


def told_apart(found: Sequence[Ending]) -> float:
    """How often, of two endings, the one that goes on lies higher."""
    goes_on = np.array([each.goes_on for each in found])
    level = np.array([each.contour.level for each in found])
    pairs: NDArray[np.float64] = level[goes_on][:, None] - level[~goes_on][None]
    return float((1 + np.sign(pairs)).mean()) / 2 if pairs.size else float("nan")


def rows(small: bool = False) -> list[Row]:
    """All figures."""
    sounds, times = Renderings(), 1 if small else TIMES
    sounds.make(needed(callers(Half.ASIDE, times)))
    made: list[Row] = []
    for name, half, first, last in (("to tune with", Half.TUNING, "a", "m"), ("kept aside", Half.ASIDE, "n", "z")):
        said = [each for each in of_callers(half, sounds, times) if each.goes_on or each.kind != "question"]
        whole = [each for each in said if each.kind in WHOLE or not each.goes_on]
        made += _rows(f"{name}, callers", said)
        made += _rows(f"{name}, whole sentences of callers", whole)
        made += _rows(f"{name}, a person", [*of_people(first, last)])
    return made


def _rows(name: str, found: Sequence[Ending]) -> list[Row]:
    pauses, ends = ([each for each in found if each.goes_on is goes_on] for goes_on in (True, False))
    made = [row(f"{name}: pauses told from ends by the level", told_apart(found), "", f"{len(pauses)}, {len(ends)}")]
    for what, some in (("pauses", pauses), ("ends", ends)):
        share = 100 * sum(each.contour.level < FALLEN for each in some) / max(1, len(some))
        made.append(row(f"{name}: {what} that sound fallen", share, "%"))
    if pauses:
        longest = float(np.quantile([each.pause_ms for each in pauses], 0.95))
        made.append(row(f"{name}: 95 of 100 pauses are no longer than", longest, "ms"))
    return made
