"""A language model as a teacher: what it is told of the learner, and what of its notes can be so. Pure.

Small models fill in every field that they are asked for: they correct what was right, translate into the language that
it was in already, give back the words of the form as its contents, and call *you* a word to be learnt. What is shown
beside the learner's words is believed, so a note that cannot be so is dropped. Whether one that can be so is right,
nobody here knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from duologue.language.structured import NOTES, ReplyChunk, asked_for
from duologue.tutor.lesson import LessonWord
from duologue.tutor.plan import PlannedLesson, level_of
from duologue.tutor.progress import WordCard
from duologue.tutor.words import likeness, same, words_of

MOST_PRACTISED = 6
"""Words of the vocabulary that a model is told, those first whose time has come."""
LONGEST_WORD, LONGEST_MEANING, MOST_WORDS = 60, 300, 5
"""Of a word to be learnt, in characters and words."""
LONGEST_NOTE = 1_000
"""Characters; what is longer is cut."""
_LOOKED_AT = 200
"""Characters of two texts that are compared letter by letter."""
_LIKE = 0.5
"""How like each other the letters of words are of which one is meant for the other ("goed", "goes")."""
_ALIKE = 0.75
"""How many words of two texts are in both where one repeats the other."""
_NOTHING = frozenset(
    ("null", "none", "nil", "no", "nothing", "empty", "string", "n a", "na", "not applicable", "no correction",
     "no corrections", "no mistake", "no mistakes", "correct", "your sentence is correct", "text", *NOTES)
)  # fmt: skip
_QUOTED = re.compile(r"[\"“”„‘’'](?P<inside>[^\"“”„]+)[\"“”„‘’']")
_LABEL = re.compile(rf"(?:{'|'.join(NOTES)})\s*:\s*", re.IGNORECASE)
_PARTED = re.compile(r"\s*[:=–—]\s*|\s+-\s+")
_ARTICLE = re.compile(r"(?:to|a|an|the)\s+(?=\w)", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+(?:['’ -][^\W\d_]+)*[.!?]?")
_COMMON = frozenset(
    ("a", "an", "and", "are", "as", "at", "be", "but", "by", "can", "do", "for", "from", "he", "her", "him", "his",
     "how", "i", "in", "is", "it", "its", "me", "my", "no", "not", "of", "on", "or", "our", "she", "so", "that", "the",
     "their", "them", "they", "this", "to", "us", "was", "we", "were", "what", "when", "where", "who", "why", "will",
     "with", "yes", "you", "your")
)  # fmt: skip
"""Words that nobody learns as vocabulary."""
_STEM = 3


def briefing(plan: Sequence[PlannedLesson], due: Iterable[WordCard]) -> str:
    """What a language model that teaches should know of the learner. ``due``: words, those first that come first."""
    level = level_of(plan)
    parts = [f"The learner's level is {level} (Common European Framework): keep to its words and its grammar."]
    coming = next((entry.lesson for entry in plan if entry.next), None)
    if coming is not None:
        parts.append(f"Next in their plan is the lesson “{coming.title}”: {coming.about}")
    words = [card.word for card in due][:MOST_PRACTISED]
    if words:
        parts.append(f"They are learning these words; use one where it fits: {', '.join(words)}.")
    return " ".join(parts)


def believed(chunk: ReplyChunk, said: str, language: str = "") -> ReplyChunk:
    """``chunk`` with the notes that can be so, the others empty; ``said`` are the person's own words, ``language`` what
    is translated into (in English; empty: nothing is).
    """
    notes = {kind: _plain(getattr(chunk, kind), language) for kind in NOTES}
    if not _corrects(notes["correction"], said, chunk.text):
        notes["correction"] = ""
    if not language or _repeats(notes["translation"], chunk.text):
        notes["translation"] = ""
    if _repeats(notes["hint"], chunk.text) or same(notes["hint"], said):
        notes["hint"] = ""
    vocable = _vocable(notes["vocabulary"], chunk.text)
    notes["vocabulary"] = f"{vocable.word}: {vocable.meaning}".rstrip(": ") if vocable is not None else ""
    return replace(chunk, **notes)


def word_noted(chunk: ReplyChunk) -> LessonWord | None:
    """The word to be learnt of a chunk that is :func:`believed`; None: there is none."""
    word, _, meaning = chunk.vocabulary.partition(": ")
    return LessonWord(word, meaning) if word else None


def _plain(text: str, language: str) -> str:
    """A note without its own name and quotation marks around it; empty where it says that there is none."""
    text = _LABEL.sub("", " ".join(text[:LONGEST_NOTE].split()), count=1)
    quoted = _QUOTED.fullmatch(text)
    text = quoted["inside"].strip() if quoted else text
    words = words_of(text)
    asked = any(likeness(text, asked_for(each, language)) >= _ALIKE for each in NOTES)
    return "" if asked or " ".join(words) in _NOTHING or not any(map(str.isalpha, text)) else text


def _corrects(correction: str, said: str, reply: str) -> bool:
    """Whether it can be what ``said`` should have been: something of it is kept, something is not, and it is not the
    model's own answer.
    """
    own, better = words_of(said), words_of(correction)
    if not own or not better or own == better or len(better) > 2 * len(own) + 6:
        return False
    if same(correction, reply):
        return False
    letters = SequenceMatcher(None, said[:_LOOKED_AT].lower(), correction[:_LOOKED_AT].lower(), autojunk=False)
    return bool(set(own) & set(better)) or letters.ratio() >= _LIKE


def _repeats(note: str, text: str) -> bool:
    return bool(note) and likeness(note, text) >= _ALIKE


def _vocable(note: str, text: str) -> LessonWord | None:
    """A word of ``text``, and what it means."""
    word, *rest = _PARTED.split(note, maxsplit=1)
    word, meaning = word.strip(" \"“”'"), " ".join(rest).strip()
    if len(word) > LONGEST_WORD or not _WORD.fullmatch(word):
        return None
    bare = words_of(_ARTICLE.sub("", word, count=1))
    if not 1 <= len(bare) <= MOST_WORDS:
        return None
    if _COMMON.issuperset(bare) or not _stems(bare) & _stems(words_of(text)):
        return None
    return LessonWord(word, "" if same(meaning, word) else meaning[:LONGEST_MEANING].rstrip())


def _stems(words: Iterable[str]) -> set[str]:
    """Beginnings of the words that say something: *lived* is *live*."""
    return {word[:_STEM] for word in words if word not in _COMMON}
