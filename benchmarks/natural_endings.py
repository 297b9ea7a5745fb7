"""What a voice sounds like before a pause inside a turn, and at its end: ``python -m benchmarks.natural endings``.

The weights of :data:`duologue.dialogue.melody.WEIGHTS` are made here, of natural callers' tuning half and of a person:
Asterisk's prompts a–m, whose pauses their speaker made. The figures are of what is kept aside (the other voices and
sentences, the prompts n–z); ``SHOW=1`` prints the weights and each ending on standard error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import say
from benchmarks.natural_callers import Half, Renderings, callers, needed
from benchmarks.natural_recordings import prompts
from benchmarks.table import Row, row
from duologue.audio.pcm import Samples
from duologue.clock import SECOND
from duologue.dialogue.endpointing import SpeechGate
from duologue.dialogue.melody import SECONDS, Contour, Melody
from duologue.dialogue.turns_vocabulary import SpeechStarted, SpeechStopped
from duologue.speech.hearing import EAR_RATE, VAD_FRAME
from duologue.speech.silero import Silero

TIMES = 3
LEAD, TRAIL = EAR_RATE // 2, 8 * EAR_RATE // 5
"""Silence before and behind what is said."""
LEAST_MS = 300.0
"""Of a pause: shorter ones are gaps between words, which no wait is short enough to cut into."""
RIDGE = 2.0
"""How much large weights are feared, in examples."""
FOLDS = 5


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


@dataclass(frozen=True)
class Fit:
    """Log-odds that a voice goes on: a constant, and a weight for each field of a contour."""

    constant: float
    weights: tuple[float, ...]

    def odds(self, found: Sequence[Ending]) -> NDArray[np.float64]:
        """Of each ending."""
        return self.constant + np.array([astuple(each.contour) for each in found]) @ np.array(self.weights)


def fitted(found: Sequence[Ending]) -> Fit:
    """Logistic regression by Newton's method on standard scores. People and callers, and what goes on and what does
    not, count alike.
    """
    values = np.array([astuple(each.contour) for each in found])
    middle, spread = values.mean(axis=0), values.std(axis=0) + 1e-9
    scores = np.column_stack([np.ones(len(found)), (values - middle) / spread])
    wanted = np.array([float(each.goes_on) for each in found])
    groups = np.array([2 * (each.kind == "human") + each.goes_on for each in found])
    counts = np.bincount(groups, minlength=4)
    share = (len(found) / max(1, np.count_nonzero(counts)) / np.maximum(counts, 1))[groups]
    weights = np.zeros(scores.shape[1])
    feared = RIDGE * np.diag([0.0, *np.ones(scores.shape[1] - 1)])
    for _ in range(25):
        likely = 1 / (1 + np.exp(-scores @ weights))
        slope = scores.T @ (share * (wanted - likely)) - feared @ weights
        bend = (scores * (share * likely * (1 - likely))[:, None]).T @ scores + feared
        weights += np.linalg.solve(bend, slope)
    raw = weights[1:] / spread
    return Fit(float(weights[0] - raw @ middle), tuple(float(each) for each in raw))


def told_apart(found: Sequence[Ending], odds: NDArray[np.float64]) -> float:
    """How often, of two endings, the one that goes on has the higher odds."""
    goes_on = np.array([each.goes_on for each in found])
    pairs = odds[goes_on][:, None] - odds[~goes_on][None]
    return float(np.mean((pairs > 0) + 0.5 * (pairs == 0))) if pairs.size else float("nan")


def _across(found: Sequence[Ending]) -> NDArray[np.float64]:
    """The odds of each by a fit that knew none of its sentence."""
    names = sorted({each.words for each in found})
    fold = {name: number % FOLDS for number, name in enumerate(names)}
    odds = np.zeros(len(found))
    for number in range(FOLDS):
        mine = [place for place, each in enumerate(found) if fold[each.words] == number]
        others = [each for each in found if fold[each.words] != number]
        if mine:
            odds[mine] = fitted(others).odds([found[place] for place in mine])
    return odds


def rows(small: bool = False) -> list[Row]:
    """All figures."""
    sounds, times = Renderings(), 1 if small else TIMES
    sounds.make(each for each in needed(callers(Half.ASIDE, times)))
    tuning = [*of_callers(Half.TUNING, sounds, times), *of_people("a", "m")]
    fit = fitted(tuning)
    say(f"{len(tuning)} endings to tune with, {sum(each.goes_on for each in tuning)} of them go on")
    aside = [*of_callers(Half.ASIDE, sounds, times), *of_people("n", "z")]
    if os.environ.get("SHOW"):
        _show(fit, (*tuning, *aside))
    across = _across(tuning)
    made: list[Row] = []
    for name, found, odds in (
        ("to tune with, each by a fit without it", tuning, across), ("kept aside", aside, fit.odds(aside))
    ):  # fmt: skip
        for who, kinds in (("callers", _kinds(found) - {"human"}), ("a person", {"human"})):
            places = [place for place, each in enumerate(found) if each.kind in kinds]
            some = [found[place] for place in places]
            count = sum(each.goes_on for each in some)
            area = told_apart(some, odds[places])
            made.append(row(f"{name}, {who}: pauses told from ends", area, "", f"{count} and {len(some) - count}"))
    return made


def _kinds(found: Iterable[Ending]) -> set[str]:
    return {each.kind for each in found}


def _show(fit: Fit, found: Sequence[Ending]) -> None:
    print(f"CONSTANT = {fit.constant:.3f}", file=sys.stderr)
    print(f"WEIGHTS = ({', '.join(f'{each:.4g}' for each in fit.weights)})", file=sys.stderr)
    for each, odds in zip(found, fit.odds(found), strict=True):
        values = " ".join(f"{value:7.2f}" for value in astuple(each.contour))
        print(f"{odds:6.2f} {'ON ' if each.goes_on else 'END'} {values} {each.kind} {each.words}", file=sys.stderr)
