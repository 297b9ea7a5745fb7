"""How far the score of a word tells right from wrong: right renderings against renderings with one phoneme wrong.

Half of the voices and of the sentences are there to tune with; what is printed is measured on the other half alone:
other voices saying other sentences. Needs the models ``piper-joe`` and ``kokoro`` for natural voices; without them only
espeak's are measured, which is said. ``python -m benchmarks.tutor tune`` prints what the tuning half gives.

A figure is the area under the curve (AUC): how often a word that was said right has the higher score, of all pairs with
one that was not. Below 0.9 no score is shown (``duologue.speech.pronunciation.goodness.TRUSTED``).
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.machine import say
from benchmarks.table import Row, row, show
from duologue.audio.pcm import from_int16
from duologue.places import cache_folder
from duologue.settings import load_models_folder
from duologue.speech.pronunciation import goodness
from duologue.speech.pronunciation.goodness import PhoneScore
from duologue.speech.pronunciation.scorer import PronunciationScorer

FOLDER = Path(os.environ.get("TUTOR_CACHE", "") or cache_folder() / "tutor")
"""Where renderings lie."""
WRONG = int(os.environ.get("TUTOR_WRONG", "4"))
"""Renderings of each sentence with a phoneme wrong."""
TUNING_VOICES = ("espeak:en-us+m3", "espeak:en-us+f2", "kokoro:af_bella", "kokoro:am_adam")
VOICES = ("espeak:en-us+f5", "piper:en_US-joe-medium", "kokoro:af_heart", "kokoro:am_michael")
TUNING = (
    "Where is the station", "My brother lives in London", "We eat fish on Friday", "The weather was lovely",
    "She bought a red bicycle", "Please close the window", "They think about holidays", "I would like a job",
    "Can you help me with this", "The children are playing", "He works very hard", "It is a quarter past nine",
)  # fmt: skip
SENTENCES = (
    "Hello nice to meet you", "I would like a cup of tea", "The train leaves at half past six",
    "Good morning everybody", "Goodbye see you tomorrow", "How much is the cake", "Thank you that was very good",
    "She has two little sisters",
    "We walk to school together", "This book belongs to my father", "Turn left at the bridge",
    "He usually drinks coffee",
)  # fmt: skip


@dataclass(frozen=True)
class Said:
    """A word of a rendering. ``wrong``: one of its phonemes was; ``typical``: as learners say it."""

    voice: str
    word: str
    wrong: bool
    typical: bool
    evidence: float
    phones: tuple[PhoneScore, ...] = ()


def area(right: Sequence[float], wrong: Sequence[float]) -> float:
    """How often one of ``right`` is above one of ``wrong``; equal ones count half."""
    if not right or not wrong:
        return float("nan")
    one, other = np.asarray(right, float)[:, None], np.asarray(wrong, float)[None]
    above, equal = np.count_nonzero(one > other), np.count_nonzero(np.isclose(one, other, rtol=0, atol=0))
    return (above + 0.5 * equal) / (len(right) * len(wrong))


def auc(said: Sequence[Said], *, typical: bool | None = None) -> float:
    """Of words; ``typical``: of those that are wrong, only such (or only others)."""
    wrong = [each.evidence for each in said if each.wrong and typical in (None, each.typical)]
    return area([each.evidence for each in said if not each.wrong], wrong)


def known(voices: Sequence[str], models: Path) -> tuple[str, ...]:
    """Those whose models are here."""
    needs = {"piper": models / "piper-joe", "kokoro": models / "kokoro", "espeak": models}
    return tuple(voice for voice in voices if voice.startswith("espeak") or needs[voice.partition(":")[0]].is_dir())


def measured(voices: Sequence[str], texts: Sequence[str]) -> list[Said]:
    """Every word of every rendering."""
    models = load_models_folder(None)
    FOLDER.mkdir(parents=True, exist_ok=True)
    found: list[Said] = []
    for voice in known(voices, models):
        asked = {"voice": voice, "texts": texts, "count": WRONG, "models": str(models)}
        told = subprocess.run(
            [sys.executable, "-m", "benchmarks.tutor.sounds", str(FOLDER)], input=json.dumps(asked), text=True,
            stdout=subprocess.PIPE, check=True,
        ).stdout  # fmt: skip
        say(f"{voice}: scoring")
        found += asyncio.run(_scored(voice, json.loads(told)))
    return found


async def _scored(voice: str, rendered: Sequence[dict[str, object]]) -> list[Said]:
    scorer = PronunciationScorer()
    found: list[Said] = []
    try:
        for each in rendered:
            kept = np.load(str(each["file"]))
            sound, rate = from_int16(kept["pcm"]), int(kept["rate"])
            words = await scorer.score(sound, rate, str(each["text"]))
            place, instead = int(str(each["word"])), str(each["instead"])
            for number, word in enumerate(words):
                if place in (-1, number):  # the neighbours of a wrong phoneme are neither
                    wrong, typical = place >= 0, instead.endswith("*")
                    found.append(Said(voice, word.text, wrong, typical, word.evidence, word.phones))
    finally:
        await scorer.close()
    return found


def figures(said: Sequence[Said], kind: str) -> list[Row]:
    """Rows of one half."""
    right, wrong = sum(not each.wrong for each in said), sum(each.wrong for each in said)
    of = f"{right} words right, {wrong} with a phoneme wrong"
    rows = [row(f"{kind}: word right against one phoneme wrong, AUC", auc(said), "", of)]
    rows.append(row(f"{kind}: the same, any other phoneme of its kind", auc(said, typical=False), ""))
    rows.append(row(f"{kind}: the same, as learners say it (TH as S, long for short …)", auc(said, typical=True), ""))
    by_voice: dict[str, list[Said]] = defaultdict(list)
    for each in said:
        by_voice[each.voice].append(each)
    rows += [row(f"{kind}: {voice}, AUC", auc(own), "") for voice, own in by_voice.items()]
    clear = [each.evidence >= goodness.CLEAR_FROM for each in said if not each.wrong]
    caught = [each.evidence < goodness.CLEAR_FROM for each in said if each.wrong]
    rows.append(row(f"{kind}: right words that count as clear", 100 * float(np.mean(clear)), "%"))
    rows.append(row(f"{kind}: wrong words that count as unclear", 100 * float(np.mean(caught)), "%"))
    return rows


def usual(said: Sequence[Said]) -> dict[str, tuple[float, float]]:
    """Of each phone that natural voices said right: the mean of its ratio and how far it strays, drawn to those of all
    where there are few.
    """
    ratios: dict[str, list[float]] = defaultdict(list)
    for each in said:
        for phone in each.phones if not each.wrong else ():
            ratios[phone.name].append(phone.ratio)
    every = np.concatenate([np.asarray(values) for values in ratios.values()])
    mean, spread, few = float(every.mean()), float(every.std()), 5
    found: dict[str, tuple[float, float]] = {}
    for name, values in sorted(ratios.items()):
        own, count = np.asarray(values), len(values)
        middle = (own.sum() + few * mean) / (count + few)
        strays = float(np.sqrt((((own - middle) ** 2).sum() + few * spread**2) / (count + few)))
        found[name] = (round(float(middle), 2), round(strays, 2))
    return found


def rows() -> list[Row]:
    """What a word's score is worth, on voices and sentences that nothing was tuned with."""
    found = figures(measured(VOICES, SENTENCES), "aside")
    found.append(row("scores are shown", float(goodness.TRUSTED), "", "1 from an AUC of 0.9 on"))
    return found


def main() -> None:
    """``tune``: the other half, and what is usual for each phone there."""
    if sys.argv[1:] == ["tune"]:
        said = measured(TUNING_VOICES, TUNING)
        show("tutor-tuning", figures(said, "tuning"))
        natural = [each for each in said if not each.voice.startswith("espeak")]
        print(json.dumps(usual(natural or said), indent=1))
    else:
        show("tutor", rows())


if __name__ == "__main__":
    main()
