"""What one person says to a character in a conversation for two: what kind of remark it is, and what it is about.

Rules, no parser. What they do not find out is no subject at all: better to name nothing than the wrong thing.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from duologue.language.improv import phrases
from duologue.language.improv.topic import word_lists

_LONGEST = 5
"""Words of a subject; what is longer was not understood."""
_ALONE = 3
"""So many words, and no verb among them, are a thing that was named."""
_WORDS = Path(__file__).parent / "data" / "remarks.toml"
_DATA = cast("dict[str, dict[str, list[str]]]", tomllib.loads(_WORDS.read_text("utf-8")))
_PATTERNS = tuple((kind, re.compile("|".join(ways))) for kind, ways in _DATA["kinds"].items())
_CLAUSE, _TIMES, _NOTHING = (frozenset(_DATA["words"][name]) for name in ("clause", "times", "nothing"))
_FOND = "|".join(_DATA["words"]["fond"])
_GREETING = re.compile(r"^(?:hi|hey|hello|hiya|howdy|yo|good (?:morning|evening|day|afternoon)|greetings)(?: there)?\b")
_ABOUT = re.compile(
    rf"\b(?:about|heard of|fond of|think of|(?:i|you|we|they|people) (?:really |also |all |just )?(?:{_FOND}))"
    r" (?P<what>[^,.;!?]+)"
)
_STARTERS = re.compile(r"^(?:and|but|so|well|ok|okay|um|uh|oh|please|hey|hi|hello)[ ,]+(?=\w)")
_CONTRACTED = re.compile(r"^(?:i|you|he|she|it|we|they|that|there|what|who)'|n't$")
_DETERMINERS = word_lists()["determiners"]
_MEASURE = re.compile(r"^how (?:old|far|big|tall|long|often|high|heavy|deep|fast|late)\b")


@dataclass(frozen=True, slots=True)
class Remark:
    """``kind`` names the move that answers it (``talk.<kind>``, docs/personas.md). ``subject`` is what it is about,
    from the answering side ("my cat" is "your cat"), in the middle of a sentence; "" if the rules found none.
    """

    kind: str
    subject: str


def remark(text: str) -> Remark:
    """Read what a person said, with or without punctuation."""
    plain = _plain(text)
    bare = _STARTERS.sub("", plain).rstrip(" .!?…")
    asked = _question(plain)
    kind = _kind(bare, asked) if any(map(str.isalpha, bare)) or not plain.endswith("?") else "again"
    subject = _subject(text, bare, kind)
    if kind == "statement":
        words = bare.split()
        named = bool(subject) and len(words) <= _ALONE and not _CLAUSE & set(words)
        kind = "word" if named else "about" if subject else "statement"
    return Remark(kind, subject)


def _plain(text: str) -> str:
    return " ".join(text.lower().replace("’", "'").split())


def _question(plain: str) -> str:
    """The kind of question, also where ears or a hurried hand left the mark out; "" if it is none."""
    bare = _STARTERS.sub("", plain)
    first = re.split(r"[ '?!.,]", bare)[0]
    lists = word_lists()
    begins = first in lists["question_words"] or first in lists["auxiliaries"] or first in lists["be"]
    if not begins and "?" not in bare:
        return ""
    return "many" if _MEASURE.match(bare) else phrases.question_type(f"{bare.rstrip('.!? ')}?")


def _kind(bare: str, asked: str) -> str:
    for kind, pattern in _PATTERNS:
        if pattern.search(bare) and not (asked and kind in {"yes", "no", "sad"}):
            return kind
    greeting = _GREETING.match(bare)
    if greeting and len(bare[greeting.end() :].split()) <= 2:
        return "hello"
    if asked:
        return asked
    words = set(re.findall(r"[\w']+", bare))
    if words & word_lists()["tease"] and words & {"you", "you're", "your", "that's"}:
        return "tease"
    to_us = words & {"you", "you're", "your", "that's"} or len(words) == 1
    return "praise" if words & word_lists()["praise"] - {"love"} and to_us else "statement"


def _subject(text: str, bare: str, kind: str) -> str:
    """What it is about; nothing for what is a courtesy."""
    if kind in {
        "hello",
        "bye",
        "thanks",
        "well",
        "self",
        "yes",
        "no",
        "again",
        "sorry",
        "joke",
        "praise",
        "tease",
        "help",
    }:
        return ""
    found = ""
    if match := _ABOUT.search(bare):
        found = _trimmed(match["what"].split())
    found = found or _with_of(_trimmed(phrases.noun_phrase(bare.replace("that the ", "the ")).split()), bare)
    words = bare.split()
    if not found and len(words) <= _ALONE and not (_CLAUSE | word_lists()["question_words"]) & set(words):
        found = _trimmed(words)
    return phrases.turned(_as_written(found, text)) if found else ""


def _with_of(found: str, bare: str) -> str:
    """Not "the capital" but "the capital of France"."""
    more = re.search(rf"{re.escape(found)} of (?:the |an? |my |your |our )?[\w'-]+", bare) if found else None
    return more[0] if more else found


def _trimmed(words: list[str]) -> str:
    """The words up to where a clause begins, without a time at the end; "" if nothing sensible is left."""
    kept: list[str] = []
    for word in words:
        low = word.strip("'\"").lower()
        if (
            low in _CLAUSE
            or _CONTRACTED.search(low)
            or (kept and (low in _DETERMINERS or (len(low) > 4 and low.endswith("ed"))))
        ):
            break
        kept.append(word.strip("'\"“”.!?"))
    while kept and (kept[-1].lower() in _TIMES or kept[-1].lower() in word_lists()["prepositions"]):
        kept.pop()
    alone = {word.lower() for word in kept} <= (_NOTHING | word_lists()["determiners"] | word_lists()["small"])
    sensible = kept and len(kept) <= _LONGEST and not alone and any(character.isalpha() for character in "".join(kept))
    return " ".join(kept) if sensible else ""


def _as_written(subject: str, text: str) -> str:
    """With the capitals that the person wrote, but for one that only began the line."""
    place = text.lower().replace("’", "'").find(subject.lower())
    if place <= 0 or text[:place].rstrip()[-1:] in {".", "!", "?", ""}:
        return subject.lower()
    return text[place : place + len(subject)]
