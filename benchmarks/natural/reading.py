"""What the default voice reads aloud, heard back by Whisper base: ``python -m benchmarks natural.reading``.

Beside the lines by which rules and pitches were mended stand as many again that were kept aside
(:mod:`benchmarks.natural.kept_lines`).

Wants the models ``piper-joe`` and ``whisper-base`` (``duologue models get``). A line is right when what is to be read
in it was heard: both texts go through the English reading rules and
:func:`duologue.speech.pocketsphinx.words.dictionary_words`, so that "$3.50" and "three dollars and fifty cents" are
one; blanks do not count. The voices of the cast read plain sentences, whose words are counted as those of the ears
are (:func:`benchmarks.natural.recordings.errors`).
"""

from __future__ import annotations

import asyncio
import math
import re
import sys
import tomllib
from collections.abc import Callable
from contextlib import aclosing
from importlib import import_module
from itertools import combinations
from typing import Any

import numpy as np

from benchmarks.natural import kept_lines
from benchmarks.natural.recordings import errors, interval
from benchmarks.natural.voice import LINES as PLAIN
from benchmarks.natural.voice import fundamental
from benchmarks.table import Row, row
from duologue.audio.pcm import Samples
from duologue.audio.resample import StreamResampler
from duologue.language.languages import ENGLISH
from duologue.models.entries import PIPER_JOE
from duologue.models.shelf import ModelShelf
from duologue.places import packs_folder
from duologue.settings import load_models_folder
from duologue.speech.hearing import EAR_RATE
from duologue.speech.piper import engine as piper
from duologue.speech.piper.engine import PiperSettings, PiperSpeech
from duologue.speech.pocketsphinx.words import dictionary_words, number_words
from duologue.speech.reading import read

READ_ALOUD = {
    "numbers": (
        ("There are 42 boats in the harbour.", "forty two boats"),
        ("He counted 117 sheep before noon.", "one hundred seventeen sheep|one hundred and seventeen sheep"),
        ("The tower has 1,204 steps.", "one thousand two hundred four steps|one thousand two hundred and four steps"),
        ("About 3.5 miles are left.", "three point five miles"),
        ("It weighs 0.75 of a pound.", "zero point seven five|zero point seventy five"),
        ("She finished 2nd and he came 23rd.", "second and he came twenty third"),
        ("Only 10% of them came back.", "ten percent"),
        ("Half of it is 1/2, as you know.", "is a half"),
        ("It needs 3/4 of a cup of flour.", "three quarters of a cup"),
        ("Please read pages 10-12 tonight.", "pages ten to twelve"),
        ("The score was 21 to 14.", "twenty one to fourteen"),
        ("It was -5 degrees outside.", "minus five degrees|negative five degrees"),
        ("Some 2,000,000 people watched.", "two million people"),
        ("We are open 24/7 in summer.", "twenty four seven|twenty four to seven"),
        ("Take number #7 from the shelf.", "number seven"),
        ("It is the 101st time I ask.", "one hundred first|one hundred and first"),
        ("The recipe serves 6-8 people.", "six to eight people"),
        ("Only 1 in 500 is blue.", "one in five hundred"),
    ),
    "money": (
        ("It costs $3.50 with milk.", "three dollars and fifty cents|three dollars fifty"),
        ("I paid $1 for the lamp.", "one dollar for"),
        ("They wanted $1,200 for the boat.", "one thousand two hundred dollars|twelve hundred dollars"),
        ("The film made $1.2 million in May.", "one point two million dollars"),
        ("A stamp is $0.55 now.", "fifty five cents"),
        ("He owes me £20 since Easter.", "twenty pounds"),
        ("It was €5 cheaper abroad.", "five euros|five euro"),
        ("The bill came to $48.05 in all.", "forty eight dollars and five cents"),
        ("She won $250 at cards.", "two hundred fifty dollars|two hundred and fifty dollars"),
        ("Rent is $1,950 a month.", "one thousand nine hundred fifty dollars|nineteen hundred and fifty dollars"
         "|one thousand nine hundred and fifty dollars"),
        ("The bridge cost $3 billion to build.", "three billion dollars"),
        ("Bread is £1.20 a loaf.", "one pound and twenty pence|one pound twenty|one pounds and twenty pence"),
        ("They raised $5M in a week.", "five million dollars"),
        ("Tickets are $15 each.", "fifteen dollars each"),
    ),
    "times": (
        ("The train leaves at 5:30 sharp.", "five thirty"),
        ("Come back at 7:00 tomorrow.", "seven o clock|seven tomorrow"),
        ("We open at 9 a.m. every day.", "nine am|nine a m"),
        ("The bus is due at 10:05 today.", "ten oh five|ten five|ten zero five"),
        ("Lunch is at 12:15 in the garden.", "twelve fifteen"),
        ("She called at 11:45 p.m. last night.", "eleven forty five p m|eleven forty five pm"),
        ("The film starts at 8:20 tonight.", "eight twenty"),
        ("It takes from 2:10 to 3:40 altogether.", "two ten to three forty"),
        ("Doors close at 6 pm on Sunday.", "six p m|six pm"),
        ("Wake me at 4:45 please.", "four forty five"),
        ("The shop shuts at 17:30 in winter.", "seventeen thirty"),
        ("He arrived at 1:07 in the night.", "one oh seven|one seven|one zero seven"),
    ),
    "dates": (
        ("The party is on March 3 this year.", "march third"),
        ("We met on 2026-11-22 in Rome.", "november twenty second|november twenty two"),
        ("He was born in 1984 near the sea.", "nineteen eighty four"),
        ("The house was built in 1905 by monks.", "nineteen oh five|nineteen zero five|nineteen five"),
        ("The music is from the 1990s mostly.", "nineteen nineties"),
        ("Pay it by 3/14/2026 at the latest.", "march fourteenth|march fourteen two thousand"),
        ("It closed on Jan. 5 for good.", "january fifth|january five"),
        ("My birthday is May 11 as well.", "may eleventh"),
        ("The war ended in 1945 at last.", "nineteen forty five"),
        ("They married on June 21, 1977 in Leeds.", "june twenty first"),
        ("The lease ends on Dec. 31 this year.", "december thirty first|december thirty one"),
        ("In 2026 nobody writes letters.", "twenty twenty six|two thousand twenty six"),
        ("She left on August 2 by boat.", "august second"),
        ("The '80s were loud.", "eighties were loud"),
        ("It began on the 4th of July.", "fourth of july"),
        ("The castle dates from 1066 or so.", "ten sixty six|one thousand sixty six"),
    ),
    "abbreviations": (
        ("Dr. Jones is on holiday.", "doctor jones"),
        ("Mrs. Smith grows roses.", "missus smith|mrs smith"),
        ("Mr. Brown and Ms. Green agree.", "mister brown|mr brown"),
        ("It is cats vs. dogs again.", "cats versus dogs|kats versus dogs|cats vs dogs"),
        ("Bring fruit, e.g. apples.", "for example apples"),
        ("Pens, paper, glue, etc. are here.", "et cetera|etcetera|etc"),
        ("It runs at 20 km/h uphill.", "twenty kilometres an hour|twenty kilometers an hour"),
        ("Buy 5kg of potatoes.", "five kilograms|five kilos"),
        ("The shelf is 80 cm wide.", "eighty centimetres|eighty centimeters"),
        ("He is 6'2\" without shoes.", "six foot two|six feet two|six foot two"),
        ("It is 25°C in the shade.", "twenty five degrees celsius"),
        ("The file has 12 MB in all.", "twelve megabytes"),
        ("See No. 5 on the list.", "number five"),
        ("The car does 60 mph at best.", "sixty miles an hour|sixty miles per hour"),
        ("Prof. White was late again.", "professor white"),
        ("Turn to p. 40 please.", "page forty"),
        ("The gov't, i.e. nobody, decided.", "that is nobody|that is"),
        ("Capt. Hook lost a hand.", "captain hook"),
        ("The dept. is closed today.", "department is closed"),
        ("About 10 lbs of flour are left.", "ten pounds"),
        ("Use version v2.5 instead.", "version two point five"),
        ("Acme Inc. makes anvils.", "acme incorporated|acme inc|incorporated makes"),
        ("Meet at approx. noon.", "approximately noon"),
        ("John Smith Jr. took over.", "smith junior|smith jr"),
    ),
    "initials": (
        ("The FBI opened the box.", "fbi opened"),
        ("She works for the BBC in London.", "bbc in london"),
        ("Turn the TV off, please.", "tv off"),
        ("J. R. Smith wrote it down.", "j r smith"),
        ("He lives in the U.S. now.", "in the u s now|in the us now"),
        ("My PC has a new CPU inside.", "new cpu"),
        ("The UN met on Monday.", "the u n met|the un met"),
        ("It is made in the USA by hand.", "in the usa"),
        ("NASA sent another one.", "nasa sent"),
        ("Ask for the ID at the door.", "the id at"),
        ("A DVD lay on the floor.", "dvd lay"),
        ("The CEO was on the phone.", "ceo was"),
        ("Her Ph.D. took nine years.", "ph d took|phd took"),
        ("He has an IQ of 140.", "iq of one hundred forty|iq of one hundred and forty"),
    ),
    "addresses": (
        ("He lives at 12 Main St. in town.", "twelve main street"),
        ("The office is at 221 Baker Street.", "two twenty one baker street|two hundred twenty one baker street"
         "|two hundred and twenty one baker street"),
        ("Send it to 5 Park Ave. in Leeds.", "five park avenue|park avenue"),
        ("Write to ann@example.com today.", "ann at example dot com|an at example dot com|anne at example dot com"),
        ("Look at example.org for more.", "example dot org"),
        ("The church of St. Paul is open.", "saint paul"),
        ("Mt. Everest is far away.", "mount everest"),
        ("They moved to 9 Elm Rd. in May.", "nine elm road"),
        ("It is on the corner of 5th and Main.", "fifth and main"),
        ("The room is on floor 3, door B.", "floor three door b"),
        ("Take the A40 to Oxford.", "a forty to oxford"),
        ("Apt. 4 is empty.", "apartment four"),
    ),
    "telephone": (
        ("Call 555-0199 after lunch.", "five five five zero one nine nine|five five five oh one nine nine"),
        ("Dial 212-555-0147 for a cab.", "two one two five five five zero one four seven"
         "|two one two five five five oh one four seven"),
        ("My code is 4071, do not tell.", "four thousand seventy one|four zero seven one|forty seventy one"
         "|four thousand and seventy one|four oh seven one"),
        ("In trouble call 911 at once.", "nine one one|nine hundred eleven|nine hundred and eleven"),
        ("Ring +1 202 555 0123 from abroad.", "two zero two five five five zero one two three"
         "|two oh two five five five oh one two three"),
        ("The extension is 305, I think.", "three hundred five|three hundred and five|three oh five|three zero five"),
        ("My number ends in 88.", "ends in eighty eight|ends in eight eight"),
        ("Press 1 for tea and 2 for coffee.", "one for tea and two for coffee"),
        ("Flight 370 is boarding.", "three hundred seventy|three seventy|three hundred and seventy"),
        ("Use the code 9-9-0 at the gate.", "nine nine zero|nine nine oh"),
    ),
}  # fmt: skip
"""Written lines, and what must be heard of each; alternatives by ``|``."""
SENTENCES = (
    *(line for lines in PLAIN.values() for line in lines),
    "The old clock in the hall has not worked since the winter of the great storm.",
    "She bought a loaf of bread, a pound of butter and a newspaper from last week.",
    "We walked along the river until the lights of the town were out of sight.",
    "There is a letter for you on the table, and nobody knows who brought it.",
    "My brother says that the best part of a journey is always the coming home.",
    "If the rain stops before dinner, we could still take the boat to the island.",
    "He opened the window, looked at the empty street, and closed it again.",
    "The children have been asking for a dog, but the cat has not been asked.",
    "It is a pity that the museum closes just when the weather turns bad.",
    "You can leave your coat here, it will be quite safe behind the door.",
)


ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_CLOCK = re.compile(r"\b(\d{1,2})\.?(\d\d)\b")
"""A time of day, as Whisper may write it."""


def _decimals(match: re.Match[str]) -> str:
    return " point " + " ".join(match[1])


def _ordinal(match: re.Match[str]) -> str:
    *front, last = number_words(match[1])
    ending = last[:-1] + "ieth" if last.endswith("y") else last + "th"
    return " ".join((*front, ORDINALS.get(last, ending)))


def _decade(match: re.Match[str]) -> str:
    return f"{match[1]} {' '.join(number_words(match[2]))[:-1]}ies"


_SIGNS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"(?<=\d),(?=\d{3})"), ""),
    (re.compile(r"(?<![\w.])-(?=\d)"), "minus "),
    (re.compile(r"(?<=\d)\.(\d+)"), _decimals),
    (re.compile(r"(\d+)(?:st|nd|rd|th)\b"), _ordinal),
    (re.compile(r"(\d?)\b(\d\d)s\b"), _decade),
    (re.compile(r"%"), " percent "),
    (re.compile(r"°"), " degrees "),
    (re.compile(r"&"), " and "),
    (re.compile(r"[-–/@]"), " "),
)  # fmt: skip


def canonical(text: str) -> str:
    """The letters of a text as it is read out."""
    spoken = read(text, ENGLISH.reading).spoken
    for sign, said in _SIGNS:
        spoken = sign.sub(said, spoken)
    return "".join(dictionary_words(spoken)).replace("'", "").lower()


class Ears:
    """Whisper base, over whole lines, without their words as hints."""

    def __init__(self) -> None:
        folder = load_models_folder(None) / "whisper-base"
        self._model: Any = import_module("faster_whisper").WhisperModel(
            str(folder), device="cpu", compute_type="int8", cpu_threads=2
        )

    def hear(self, sound: Samples, rate: int) -> str:
        """The words of a line."""
        resampler = StreamResampler(rate, EAR_RATE)
        heard = np.concatenate([resampler.push(sound), resampler.finish()])
        quiet = np.zeros(EAR_RATE // 3, np.float32)
        found, _ = self._model.transcribe(
            np.concatenate([quiet, heard, quiet]), language="en", beam_size=1, temperature=0.0,
            condition_on_previous_text=False,
        )  # fmt: skip
        return " ".join(each.text.strip() for each in found)


async def _said(engine: PiperSpeech, text: str, voice: str) -> Samples:
    async with aclosing(engine.speak(text, voice)) as chunks:
        return np.concatenate([chunk.samples async for chunk in chunks])


def voices() -> dict[str, str]:
    """The default voice as the cast and the persona of the telephone have it."""
    packs = packs_folder()
    files = {name: packs / "characters" / name / "character.toml" for name in ("chad", "virgin")}
    files["phone"] = packs / "personas" / "phone.toml"
    return {name: tomllib.loads(path.read_text("utf-8"))["voice"]["piper"] for name, path in files.items()}


async def _right(engine: PiperSpeech, ears: Ears, kind: str, written: str, said: str) -> bool:
    """Whether one of the alternatives of ``said`` is heard in ``written``; what is heard instead is printed."""
    sound = await _said(engine, written, engine.capabilities.voices[0])
    heard = await asyncio.to_thread(ears.hear, sound, engine.capabilities.rate)
    clock = _CLOCK.sub(r"\1:\2", heard) if re.search(r"\d:\d\d", written) or kind == "times" else heard
    found = any(canonical(each) in canonical(clock) for each in said.split("|"))
    if kind == "telephone":  # the digits, in whatever groups
        found = found or re.sub(r"\D", "", written)[-10:] in re.sub(r"\D", "", heard)
    if not found:
        print(f"{kind}: {written!r} was heard as {heard!r}", file=sys.stderr)
    return found


async def _rows() -> list[Row]:
    engine = piper.engine(PiperSettings(folder=ModelShelf(load_models_folder(None)).path(PIPER_JOE)))
    await engine.warm_up()
    ears, rate = await asyncio.to_thread(Ears), engine.capabilities.rate
    rows: list[Row] = []
    right = count = 0
    for kind, lines in (READ_ALOUD | kept_lines.READ_ALOUD).items():
        good = [await _right(engine, ears, kind, written, said) for written, said in lines].count(True)
        rows.append(row(f"read aloud right, {kind}", good, f"of {len(lines)} lines"))
        if kind in READ_ALOUD:
            right, count = right + good, count + len(lines)
    rows.append(row(f"read aloud right, all {count} lines of before", 100 * right / count, "%"))
    pitches: dict[str, float] = {}
    for name, voice in voices().items():
        for which, lines in (("", SENTENCES), (" kept aside", kept_lines.SENTENCES)):
            sounds = [await _said(engine, line, voice) for line in lines]
            pitches[name] = fundamental(np.concatenate(sounds))
            heard = [await asyncio.to_thread(ears.hear, sound, rate) for sound in sounds]
            wrong, words = errors(lines, heard)
            low, high = interval(lines, heard)
            note = f"{low:.1f} to {high:.1f} with 95 %, {words} words"
            rows.append(row(f"words wrong of {name}'s, {len(lines)} sentences{which}", wrong, "%", note))
    apart = min(abs(12 * math.log2(pitches[one] / pitches[other])) for one, other in combinations(pitches, 2))
    rows.append(row("chad, virgin, phone: the nearest two", apart, "semitones"))
    await engine.close()
    return rows


def rows() -> list[Row]:
    """All of it; some ten minutes."""
    return asyncio.run(_rows())
