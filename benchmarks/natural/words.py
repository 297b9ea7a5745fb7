"""Words that were said twice, where words lie, how sure they are, callers of another language: sections of
:mod:`benchmarks.natural.ears`.

The lines are rendered by Piper's joe, as it is and as two further speakers (:data:`KINDS`): it tells the time of each
phoneme, so a word's place is known exactly.
"""

from __future__ import annotations

import asyncio
import os
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.natural.callers import Half, sentences
from benchmarks.natural.recordings import (
    PROMPT_TEXTS,
    PROMPTS,
    Said,
    babble,
    heard,
    model_folder,
    noisy,
    normal,
    prompts,
)
from benchmarks.table import Row, row
from duologue.audio.resample import resample
from duologue.models.entries import PIPER_JOE, WHISPER_BASE
from duologue.models.shelf import ModelShelf
from duologue.settings import load_models_folder
from duologue.speech.hearing import EAR_RATE
from duologue.speech.piper import engine as piper
from duologue.speech.piper.engine import PiperSettings
from duologue.speech.pocketsphinx.words import dictionary_words
from duologue.speech.silero import Silero
from duologue.speech.utterance import Mark
from duologue.speech.voicing.voicing import Voicing
from duologue.speech.whisper.engine import Whisper, WhisperSettings
from duologue.speech.whisper.features import LogMel
from duologue.speech.whisper.messages import LoadWhisper, Pass
from duologue.speech.whisper.model import WhisperModel

KINDS = ("", "?pitch=0.86&rate=1.05", "?pitch=1.2")
"""The voice as it is, lower and higher."""
_SOUNDS, _DOCS = Path("/usr/share/asterisk/sounds"), Path("/usr/share/doc")
PROMPTS_OF = {
    "fr": (_SOUNDS / "fr_CA_f_June", _DOCS / "asterisk-core-sounds-fr/core-sounds-fr.txt.gz"),
    "es": (_SOUNDS / "es_MX_f_Allison", _DOCS / "asterisk-core-sounds-es/core-sounds-es.txt.gz"),
    "it": (_SOUNDS / "it_IT_m_Carlo", _DOCS / "asterisk-core-sounds-it/core-sounds-it.txt.gz"),
    "en": (PROMPTS, PROMPT_TEXTS),
}
"""Where the prompts of a language lie, and their texts: Debian's ``asterisk-core-sounds-LANGUAGE-wav``."""
TWICE = (
    "No no no, that is wrong.", "It is five five.", "Five five five, one two one two.", "Seven seven three, three.",
    "The code is zero zero four four.", "Bye bye, see you.", "Very very good.", "Go go go!", "Knock knock, who is it?",
    "It was a long, long time ago.", "Nine nine nine.", "I said one one, not one.", "Eight eight two two six six.",
    "Please, please help me.", "Yes yes, I know, I know.", "Never ever, never ever again.", "Two two.",
    "My number is four four one one four four.", "We walked and walked and walked.", "Again and again.",
)  # fmt: skip
"""Lines in which something is truly said twice; each by each of :data:`KINDS`: 60."""
ONCE = (
    "What time do you open on Sunday?", "I would like a table for four.", "Ten of clubs.", "Seven of hearts.",
    "My address is twelve Harbour Street.", "The train leaves at nine.", "Turn the light on, please.", "Thank you.",
    "Is there a bus that goes to the station?", "I lost my keys yesterday.", "Three of diamonds.", "That is right.",
    "Could you say that more slowly?", "We need six chairs and a lamp.", "My sister lives in Norway.", "Good morning.",
    "The soup was too cold.", "Please call me back tomorrow.", "I have never seen the sea.", "One moment.",
    "How much does the small one cost?", "He painted the door green.", "Four of spades.", "I am looking for the exit.",
)  # fmt: skip
ROUNDS = int(os.environ.get("WORD_ROUNDS", "3"))
"""How often each of :data:`ONCE` is said by each kind, with another pause before it: 3 make 216."""
SPARSE = int(os.environ.get("SPARSE", "1"))
"""Of the prompts that confidence is measured with, each so many."""
FOREIGN = int(os.environ.get("FOREIGN", "40"))
"""Prompts of each language."""


@dataclass(frozen=True)
class Rendered:
    """A line at the ears' rate, and where each of its words lies (samples)."""

    said: Said
    words: tuple[Mark, ...]


async def rendered(lines: Sequence[str]) -> list[Rendered]:
    """Each line by each of :data:`KINDS`."""
    engine = piper.engine(PiperSettings(folder=ModelShelf(load_models_folder(None)).path(PIPER_JOE)))
    await engine.warm_up()
    voice, found = engine.capabilities.voices[0], list[Rendered]()
    for number, line in enumerate(lines):
        for kind in KINDS:
            spoken = (
                await Voicing(engine).voice(line, voice + kind, speaker="caller", utterance_id=str(number))
            ).utterance
            scale = EAR_RATE / spoken.rate
            words = tuple(
                Mark(word.kind, word.text, round(word.start * scale), round(word.end * scale), word.offset)
                for word in spoken.words()
            )
            found.append(Rendered(Said(resample(spoken.samples, spoken.rate, EAR_RATE), line), words))
    await engine.close()
    return found


def spoken_words(text: str, apart: bool = True) -> list[str]:
    """As :func:`dictionary_words`, but digits that were written as one number are read out one by one where they stand
    ``apart``: nobody knows whether "55" was "five five" or "fifty five".
    """
    return [
        word
        for part in _parts(text)
        for word in dictionary_words(" ".join(part) if apart and part.isdecimal() else part)
    ]


def _parts(text: str) -> list[str]:
    """Numbers apart from letters: ``555-12`` is two; ``12th`` is 12, whose word is misheard if that was not meant."""
    plain = re.sub(r"(?<=\d)(?:st|nd|rd|th)\b", "", text)
    return "".join(letter if letter.isalnum() or letter == "'" else " " for letter in plain).split()


async def repetitions() -> list[Row]:
    """Words that were said twice and are lost, words that were said once and come twice."""
    activity, ears = Silero(), Whisper(WhisperSettings(model=str(model_folder()), every_s=5.0))
    await ears.warm_up()
    lost, twice = list[str](), list[str]()
    said_twice, said_once = await rendered(TWICE), await rendered(ONCE)
    for each in said_twice:
        text, _ = await heard(ears, each.said.sound, activity)
        if count(each.said.text, text, "delete"):
            lost.append(f"{each.said.text} → {text}")
    for turn in range(ROUNDS):
        for each in said_once:
            sound = np.concatenate([np.zeros(1_600 * turn, np.float32), each.said.sound])
            text, _ = await heard(ears, sound, activity)
            if count(each.said.text, text, "insert"):
                twice.append(f"{each.said.text} → {text}")
    await ears.close()
    return [
        row(
            f"of {len(said_twice)} lines with repetitions: with a word lost", len(lost), "lines", "; ".join(lost)[:200]
        ),
        row(f"of {len(said_once) * ROUNDS} without: with a word more", len(twice), "lines", "; ".join(twice)[:200]),
    ]


def count(said: str, text: str, kind: str) -> int:
    """How many words from what was said to a text are of jiwer's ``kind``; its numbers are read out in the way that is
    nearer to what was said.
    """
    readings: list[Counter[str]] = []
    for apart in (True, False):
        steps = Counter[str]()
        for step, one, other in _aligned(spoken_words(said), spoken_words(text, apart)):
            steps[step] += max(one[1] - one[0], other[1] - other[0])
        readings.append(steps)
    return min(readings, key=lambda steps: steps.total() - steps["equal"])[kind]


async def words() -> list[Row]:
    """Where words end, against the renderings, of :data:`ONCE` and of callers' sentences of the half kept aside."""
    activity, ears = Silero(), Whisper(WhisperSettings(model=str(model_folder()), every_s=5.0))
    await ears.warm_up()
    aside = [" ".join(phrases) for kind, phrases in sentences(Half.ASIDE) if kind in ("question", "statement")]
    made: list[Row] = []
    for name, lines in (("", ONCE), (" of the half kept aside", aside)):
        apart = [each for line in await rendered(lines) for each in await _apart(ears, line, activity)]
        errors, bias = np.abs(apart), float(np.median(apart))
        what = f"word ends{name}"
        made += [
            row(f"{what}, {len(apart)} words, p50", float(np.percentile(errors, 50)), "ms", f"bias {bias:.0f}"),
            row(f"{what}, p95", float(np.percentile(errors, 95)), "ms", "target 100"),
        ]
    await ears.close()
    return made


async def _apart(ears: Whisper, line: Rendered, activity: Silero) -> list[float]:
    """By how much (ms) each word that was understood ends later than it does."""
    _, transcript = await heard(ears, line.said.sound, activity)
    said, found = _numbered(line.words), _numbered(transcript.words)
    steps = _aligned([word for word, _ in said], [word for word, _ in found])
    return [
        1000 * (found[other][1].end - said[one][1].end) / EAR_RATE
        for kind, (one, _), (other, _) in steps
        if kind == "equal"
    ]


def _aligned(said: Sequence[str], found: Sequence[str]) -> Iterator[tuple[str, tuple[int, int], tuple[int, int]]]:
    """How words go with those that were heard: jiwer's kind of each step, with the places in both; of equal words a
    step for each.
    """
    jiwer: Any = import_module("jiwer")
    (chunks,) = jiwer.process_words(" ".join(said) or "-", " ".join(found) or "-").alignments
    for chunk in chunks:
        one, other = int(chunk.ref_start_idx), int(chunk.hyp_start_idx)
        if chunk.type != "equal":
            yield str(chunk.type), (one, int(chunk.ref_end_idx)), (other, int(chunk.hyp_end_idx))
            continue
        for place in range(int(chunk.ref_end_idx) - one):
            yield "equal", (one + place, one + place + 1), (other + place, other + place + 1)


def _numbered(marks: Sequence[Mark]) -> list[tuple[str, Mark]]:
    """The spoken words of each mark that is one word."""
    return [(spoken[0], mark) for mark in marks if len(spoken := spoken_words(mark.text)) == 1]


def confidence() -> list[Row]:
    """Whether the sure words are the right ones: human prompts (a to m), as they are and in babble 10 dB below."""
    beam = WhisperSettings(model=str(model_folder())).beam
    model = WhisperModel(LoadWhisper(str(model_folder()), 2, "int8", beam))
    noise = noisy(babble(prompts("a", "m")), 10.0)
    right, wrong = list[float](), list[float]()
    for each in [each for each in prompts("a", "m") if len(each.sound) <= 10 * EAR_RATE][::SPARSE]:
        for sound in (each.sound, noise(each.sound)):
            mel = LogMel()
            mel.push(sound)
            seconds = len(sound) / EAR_RATE
            found = model.run(Pass(0, mel.window(0, len(sound), 1_000), seconds, "en", (), seconds)).words
            parts = [(spoken, word.probability) for word in found for spoken in normal(word.text).split()]
            for good, first, last in _judged(normal(each.text).split(), [spoken for spoken, _ in parts]):
                (right if good else wrong).extend(probability for _, probability in parts[first:last])
    if not right or not wrong:
        raise SystemExit(f"confidence needs right and wrong words, and there are {len(right)} and {len(wrong)}")
    good = np.array(right)
    ranked = statistics.fmean((np.sum(good > each) + 0.5 * np.sum(good == each)) / len(good) for each in wrong)
    return [row(f"confidence of {len(right)} right against {len(wrong)} wrong words, AUC", ranked, "")]


def _judged(said: Sequence[str], found: Sequence[str]) -> Iterator[tuple[bool, int, int]]:
    """Whether the words that were heard, from and to, are right: blanks within a word do not count."""
    for kind, (one, two), (first, last) in _aligned(said, found):
        yield kind == "equal" or "".join(said[one:two]) == "".join(found[first:last]), first, last


async def languages() -> list[Row]:
    """Callers of another language, and English ones, of a persona that speaks English, by the model for many languages:
    which language it says was spoken.
    """
    activity = Silero()
    ears = Whisper(WhisperSettings(model=str(ModelShelf(load_models_folder(None)).path(WHISPER_BASE)), every_s=5.0))
    await ears.warm_up()
    made: list[Row] = []
    for tag, people in callers_of_many_languages():
        told = [(await heard(ears, each.sound, activity))[1].language for each in people]
        wrong = Counter(other for other in told if other != tag)
        beside = ", ".join(f"{count} as {other or 'none'}" for other, count in wrong.items())
        made.append(row(f"{len(told)} prompts in {tag}, English expected: told right", told.count(tag), "", beside))
    await ears.close()
    return made


def callers_of_many_languages() -> Iterator[tuple[str, list[Said]]]:
    """Prompts of 2.5 to 9 s of each language (ISO 639-1); those of English are the ones to tune with."""
    for tag, (sounds, texts) in PROMPTS_OF.items():
        if not sounds.is_dir():
            raise SystemExit(f"there are no prompts in {sounds}: install Debian's asterisk-core-sounds-{tag}-wav")
        people = prompts("a", "m" if tag == "en" else "z", sounds, texts)
        fitting = [each for each in people if 2.5 <= len(each.sound) / EAR_RATE <= 9.0]
        yield tag, fitting[:: max(1, len(fitting) // FOREIGN)][:FOREIGN]


SECTIONS: dict[str, Callable[[], list[Row]]] = {
    "repetitions": lambda: asyncio.run(repetitions()), "words": lambda: asyncio.run(words()),
    "confidence": confidence, "languages": lambda: asyncio.run(languages()),
}  # fmt: skip
