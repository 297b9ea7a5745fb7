"""The words of an answer beside those of what was expected: which are there, which are not, which are too many. Pure.

Compared are words as they are said: small letters, numbers read out, contractions as the two words that they stand for
("what's" is "what is"), so that who writes "8" or says "I'm" is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from duologue.speech.pocketsphinx.words import written_words

_SHORT = {
    "i'm": "i am", "you're": "you are", "we're": "we are", "they're": "they are", "he's": "he is", "she's": "she is",
    "it's": "it is", "that's": "that is", "what's": "what is", "where's": "where is", "who's": "who is",
    "how's": "how is", "there's": "there is", "let's": "let us", "i'd": "i would", "you'd": "you would",
    "we'd": "we would", "i'll": "i will", "you'll": "you will", "we'll": "we will", "it'll": "it will",
    "i've": "i have", "you've": "you have", "we've": "we have", "don't": "do not", "doesn't": "does not",
    "didn't": "did not", "isn't": "is not", "aren't": "are not", "wasn't": "was not", "can't": "can not",
    "cannot": "can not", "couldn't": "could not", "won't": "will not", "wouldn't": "would not", "o'clock": "o'clock",
    "okay": "ok", "o.k": "ok",
}  # fmt: skip
_TYPO = 0.75
"""How like each other two words are of which one is the other with a slip of the pen."""


class WordState(StrEnum):
    """What became of a word."""

    RIGHT = "right"
    UNCLEAR = "unclear"
    """It was said, but one of its sounds was not."""
    MISSING = "missing"
    EXTRA = "extra"
    """It was said, and is not part of the answer."""


@dataclass(frozen=True, slots=True)
class WordMark:
    """A word of the answer that was expected, or (``EXTRA``) one that was said beside it. ``score`` is how well it was
    said (0…100), where that is known; ``hint`` is what was said in its place, if anything.
    """

    text: str
    state: WordState
    score: int | None = None
    hint: str = ""


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text, as they are compared."""
    return tuple(spoken for _, each in _written(text) for spoken in each)


def _written(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """The words as they stand there, and as they are compared."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for word in written_words(text):
        spoken = tuple(part for each in word.spoken for part in _SHORT.get(each, each).split())
        found.append((word.text, spoken))
    return found


def same(said: str, wanted: str) -> bool:
    """Whether two texts are the same when they are said."""
    return words_of(said) == words_of(wanted)


def likeness(said: str, wanted: str) -> float:
    """0…1: how many words of both are in both, in order."""
    one, other = words_of(said), words_of(wanted)
    return SequenceMatcher(None, one, other, autojunk=False).ratio() if one or other else 1.0


def nearest(said: str, wanted: Sequence[str]) -> str:
    """Which of ``wanted`` is most like what was said; the first of several."""
    return max(wanted, key=lambda each: likeness(said, each))


def is_typo(said: str, wanted: str) -> bool:
    """Whether ``said`` is ``wanted`` with slips of the pen: as many words, each the same or nearly."""
    one, other = words_of(said), words_of(wanted)
    if len(one) != len(other):
        return False
    pairs = list(zip(one, other, strict=True))
    like = (left == right or SequenceMatcher(None, left, right).ratio() >= _TYPO for left, right in pairs)
    return all(like) and sum(left != right for left, right in pairs) <= max(1, len(pairs) // 4)


def marked(said: str, wanted: str) -> tuple[WordMark, ...]:
    """The words of ``wanted`` in their order, with those that are too many where they were said."""
    goal, heard = _written(wanted), _written(said)
    flat = [(spoken, index) for index, (_, each) in enumerate(goal) for spoken in each]
    told = [(spoken, index) for index, (_, each) in enumerate(heard) for spoken in each]
    matcher = SequenceMatcher(None, [word for word, _ in told], [word for word, _ in flat], autojunk=False)
    hit = [0] * len(goal)
    extra: dict[int, list[int]] = {}
    instead: dict[int, set[int]] = {}
    for kind, begin, end, first, last in matcher.get_opcodes():
        if kind == "equal":
            for _, index in flat[first:last]:
                hit[index] += 1
            continue
        spare = sorted({index for _, index in told[begin:end]})
        for _, index in flat[first:last]:
            instead.setdefault(index, set()).update(spare)
        if kind == "delete":
            place = flat[first][1] if first < len(flat) else len(goal)
            extra.setdefault(place, []).extend(spare)
    marks: list[WordMark] = []
    for index in range(len(goal) + 1):
        marks += [WordMark(heard[spare][0], WordState.EXTRA) for spare in extra.get(index, ())]
        if index < len(goal):
            text, spoken = goal[index]
            state = WordState.RIGHT if hit[index] == len(spoken) else WordState.MISSING
            other = " ".join(heard[spare][0] for spare in sorted(instead.get(index, ())))
            marks.append(WordMark(text, state, hint=other if state is WordState.MISSING else ""))
    return tuple(marks)
