"""What a topic gives the improviser: a noun phrase to talk about, its number, its kind, and the question it asked.

Simple rules, no parser: a topic is a few words that a person typed, and it must never break a sentence. What the rules
do not understand is used whole, as the name of a matter.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import cast

WORDS = Path(__file__).parent / "data" / "english.toml"
_LONGEST = 8
"""A noun phrase of more words is cut: nobody says it twice."""
_TOKEN = re.compile(r"[^\W_]+(?:['’.&+/-][^\W_]+)*[+#]*")
_VERSUS = re.compile(r"\s+(?:vs\.?|versus|or)\s+", re.IGNORECASE)


@cache
def word_lists() -> Mapping[str, frozenset[str]]:
    """The word classes of ``english.toml``."""
    data = tomllib.loads(WORDS.read_text("utf-8"))
    return {key: frozenset(cast("list[str]", value)) for key, value in data["words"].items()}


_BE = word_lists()["be"]
_AUXILIARIES = word_lists()["auxiliaries"] | _BE
_QUESTION_WORDS = word_lists()["question_words"]
_PRONOUNS = word_lists()["pronouns"]
_POSSESSIVES = word_lists()["possessives"]
_DETERMINERS = word_lists()["determiners"] | _POSSESSIVES
_PREPOSITIONS = word_lists()["prepositions"]
_LOOSE_ENDS = frozenset(["and", "or", "but", "so", "because", "which", "who"])
_AFTERTHOUGHT = re.compile(r",\s+(?=(?:but|because|which|who|and|so|on|in|at|with|for)\b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Topic:
    """``name`` is a noun phrase that fits in the middle of a sentence; ``short`` its head, without what hangs on it.

    ``plural`` tells the verb. ``kind`` is a word class of ``english.toml`` ("food", "animal", …, "thing"). ``words``
    are its content words in lower case. ``claim`` is what a question asked, as a statement, empty if there was none;
    ``asked`` that the topic was a question. ``sides`` are the two things of an "A or B".
    """

    name: str
    short: str
    plural: bool
    kind: str
    words: tuple[str, ...]
    claim: str = ""
    asked: bool = False
    sides: tuple[str, ...] = ()


@cache
def kind_words() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """For each kind of topic, what goes with it: slot name -> choices."""
    data = tomllib.loads(WORDS.read_text("utf-8"))
    kinds = cast("dict[str, dict[str, list[str]]]", data["kinds"])
    return {kind: {slot: tuple(choices) for slot, choices in table.items()} for kind, table in kinds.items()}


@lru_cache(maxsize=1024)
def understand(text: str) -> Topic:
    """Read a topic as a person typed it: a phrase, a question, a sentence, another language, emoji."""
    plain = _spell_pictures(" ".join(unicodedata.normalize("NFC", text).split()))
    plain = _AFTERTHOUGHT.split(plain)[0]
    words = _TOKEN.findall(_last_choice(plain))
    if not words:
        return Topic("that silence", "that silence", False, "thing", ("silence",))
    asked = text.rstrip().endswith("?") or words[0].lower() in _QUESTION_WORDS | _AUXILIARIES
    phrase, claim = _subject(words)
    name = f"“{' '.join(words[:_LONGEST])}”" if _is_foreign(words) else _polish(phrase)
    sides = tuple(
        _polish(_TOKEN.findall(side)) for side in _VERSUS.split(_last_choice(plain).strip("?!. ")) if side.strip()
    )
    sides = sides if len(sides) == 2 else ()
    both = sides if sides and all(len(side.split()) <= 4 for side in sides) and not _is_question(words) else ()
    if both:
        name = f"{both[0]} versus {both[1]}"
    short = "this rivalry" if both else f"that {'question' if asked else 'phrase'}" if name[0] == "“" else _short(name)
    content = tuple(word for word in map(str.lower, _TOKEN.findall(name)) if word not in word_lists()["small"])
    plural = not both and is_plural(name)
    kind = "thing" if both else _kind(name)
    return Topic(name, short, plural, kind, content or (name.lower(),), claim, asked, both)


def is_plural(phrase: str) -> bool:
    """True if a noun phrase takes a plural verb ("cats", "dogs in hats", "salt and pepper")."""
    head = _head(phrase)
    words = head.lower().split()
    lists = word_lists()
    if words and words[0] in {"a", "an", "this", "that", "every", "each"}:
        return False
    if words and words[0] in {"these", "those"}:
        return True
    if _is_doing(words) and words[1] in _DETERMINERS:
        return False
    if " and " in f" {phrase.lower()} " and words[-1] != "and":
        return True
    last = words[-1] if words else ""
    if last in lists["irregular_plurals"]:
        return True
    if last in lists["singular_in_s"] or last.endswith(("ss", "us", "is", "ics", "'s")):
        return False
    return len(last) > 3 and last.endswith("s")


def _spell_pictures(text: str) -> str:
    """Emoji by name if there is nothing else, else dropped."""
    pictures = [c for c in text if unicodedata.category(c) == "So"]
    rest = "".join(" " if c in pictures or unicodedata.category(c) in {"Cf", "Mn"} else c for c in text)
    if _TOKEN.search(rest):
        return " ".join(rest.split())
    names = list(dict.fromkeys(unicodedata.name(c, "strange sign").lower() for c in pictures))
    return f"the {' and the '.join(names[:2])}" if names else ""


def _is_foreign(words: list[str]) -> bool:
    """Several words, some not ASCII and none of them English small change: quoted whole, as a title."""
    small = word_lists()["small"]
    return len(words) > 1 and not "".join(words).isascii() and not any(word.lower() in small for word in words)


def _last_choice(text: str) -> str:
    """What follows the comma of "Who would win, a bear or a shark?"."""
    before, comma, after = text.rpartition(", ")
    return after if comma and _VERSUS.search(after) and _is_question(before.split() or [""]) else text


def _is_question(words: list[str]) -> bool:
    return words[0].lower() in _QUESTION_WORDS | _AUXILIARIES


def _subject(words: list[str]) -> tuple[list[str], str]:
    """The words of the noun phrase that the topic is about, and the claim that it makes or asks for."""
    lower = [word.lower() for word in words]
    rest = 0
    if lower[0] in _QUESTION_WORDS:
        rest = 2 if lower[0] == "how" and lower[1:2] and lower[1] in {"much", "many", "often", "long"} else 1
    if rest < len(words) and lower[rest] in _AUXILIARIES:
        return _after_auxiliary(words[rest:], bool(rest))
    if rest and lower[rest:] and lower[rest] == "to":
        return [_gerund(words[rest + 1]), *words[rest + 2 :]] if len(words) > rest + 1 else words, ""
    if rest:
        return words[rest:] or words, ""
    for place, word in enumerate(lower):
        if word in _AUXILIARIES | {"belongs", "belong", "needs", "need", "deserves", "deserve"} and place:
            return words[:place], " ".join(_uncapitalise(words))
    return words, ""


def _after_auxiliary(words: list[str], wh: bool) -> tuple[list[str], str]:
    """``is the tape boring``, ``do cats purr``, ``should robots vote``, ``can you eat soup with a fork``."""
    verb, body = words[0].lower(), words[1:]
    if not body:
        return words, ""
    lower = [word.lower() for word in body]
    if verb in _BE and "to" in lower[1:-1] and lower[0] in {"it", "it's"}:
        place = lower.index("to") + 1
        return [_gerund(body[place]), *body[place + 1 :]], ""  # "is it rude to leave early"
    if verb in _BE and lower[0] in _PRONOUNS and len(body) > 1:
        return ["being", *body[1:]], ""
    if lower[0] in _PRONOUNS and len(body) > 1:
        start = 1 + (lower[1] in {"really", "actually", "still", "ever", "just", "all"})
        return [_gerund(body[start]), *body[start + 1 :]] if start < len(body) else body[1:], ""
    end = _subject_end(lower, verb)
    if end >= len(body):
        return body, ""
    subject, predicate = body[:end], body[end:]
    claim = "" if wh else " ".join([*_uncapitalise(subject), verb, *predicate])
    return subject, claim if verb in _BE | {"can", "should", "will", "could", "would"} and not verb.endswith(
        "n't"
    ) else ""


def _subject_end(lower: list[str], verb: str) -> int:
    """Where the predicate begins after an auxiliary; ``len(lower)`` if there is none."""
    return _end_before_adjective(lower, verb) if verb in _BE else _end_before_verb(lower)


def _end_before_adjective(lower: list[str], verb: str) -> int:
    """After a form of "be": what follows the subject begins with a telling word, or is the last word alone."""
    starts = word_lists()["predicate_starts"]
    for place in range(1, len(lower)):
        if lower[place] in starts and lower[place - 1] not in _PREPOSITIONS:
            return place
        if verb == "are" and lower[place].endswith("ing") and is_plural(" ".join(lower[:place])):
            return place  # "are houseplants listening to us"
    return len(lower) - 1 if len(lower) > 1 + (lower[0] in _DETERMINERS) else len(lower)


def _end_before_verb(lower: list[str]) -> int:
    """After "do", "can" and the like: the subject is a noun with what stands before it, the rest is the predicate."""
    for place in range(1, len(lower)):
        if lower[place] in {"be", "have", "get", "go", "not"}:
            return place
    start = 1 + (lower[0] in _DETERMINERS)
    while start < len(lower) and lower[start] in _PREPOSITIONS:
        start += 2
    if len(lower) > start and is_plural(" ".join(lower[: start + 1])) and not is_plural(" ".join(lower[:start])):
        start += 1  # "do old houses creak": the plural noun closes the subject
    return min(start, len(lower))


def _gerund(verb: str) -> str:
    """``learn`` -> ``learning``, ``make`` -> ``making``, ``swim`` -> ``swimming``."""
    low = verb.lower()
    if low in {"be", "see"} or low.endswith("ing"):
        return low if low.endswith("ing") else low + "ing"
    if low.endswith("ie"):
        return low[:-2] + "ying"
    if low.endswith("e") and not low.endswith(("ee", "oe", "ye")):
        return low[:-1] + "ing"
    if len(low) <= 4 and re.fullmatch(r"[^aeiou]*[aeiou][bdgklmnprt]", low):
        return low + low[-1] + "ing"
    return low + "ing"


def _polish(words: list[str]) -> str:
    """Lower the capital of a first word that is no name, turn the viewer's "my" to "this", keep it short."""
    kept = _uncapitalise(words)[:_LONGEST]
    while len(kept) > 1 and kept[-1].lower() in _PREPOSITIONS | _DETERMINERS | _LOOSE_ENDS:
        kept = kept[:-1]
    if kept and kept[0].lower() in _POSSESSIVES:
        plural = is_plural(" ".join(kept[1:]))
        kept = ["these" if plural else "this", *kept[1:]]
    return " ".join(kept)


def _uncapitalise(words: list[str]) -> list[str]:
    """A capital at the start of a typed topic means nothing, unless the word is all capitals or the next has one
    too.
    """
    if not words:
        return []
    first = words[0]
    common = first.lower() in _DETERMINERS or not (len(words) > 1 and words[1][:1].isupper())
    known_name = first.lower() in word_lists()["names"]
    if first[1:].islower() and common and not known_name:
        first = first.lower()
    return [first, *words[1:]]


def _head(name: str) -> str:
    """The phrase up to its first preposition: "pineapple on pizza" -> "pineapple"."""
    words = name.split()
    return " ".join(words[: _first_preposition(words, _PREPOSITIONS)])


def _first_preposition(words: list[str], which: frozenset[str]) -> int:
    """The place of the first of ``which`` that has a noun before it; ``len(words)`` if there is none."""
    least = 1 + (words[0].lower() in _DETERMINERS) if words else 0
    return next((at for at, word in enumerate(words) if at >= least and word.lower() in which), len(words))


def _short(name: str) -> str:
    """How to say it the second time: "the moon landing tape" -> "the tape", "pineapple on pizza" -> "pineapple"."""
    words = name.split()
    if _is_doing(words):
        return name if len(words) <= 5 else f"all that {words[0]}"  # the verb alone makes no sense
    head = words[: _first_preposition(words, _PREPOSITIONS - {"of"})]
    if len(head) > 3 and head[0].lower() in _DETERMINERS and "of" not in head and "and" not in head:
        head = [head[0], head[-1]]
    if len(head) > 1 and head[0].lower() in {"a", "an"}:
        head = ["the", *head[1:]]
    return " ".join(head)


def _is_doing(words: list[str]) -> bool:
    """True for "learning to swim", "folding a sheet": something that one does, not a thing."""
    return len(words) > 1 and words[0].endswith("ing") and (len(words[0]) > 5 or words[0] == "being")


def _kind(name: str) -> str:
    """The first kind that has one of the words, looked up from the head of the phrase."""
    lists = word_lists()
    if _is_doing(name.split()):
        return "activity"
    words = [word.lower() for word in reversed(_head(name).split())]
    words += [word.lower() for word in name.split() if word.lower() not in words]
    for word in words:
        stems = {word, word.removesuffix("s"), word.removesuffix("es"), word.removesuffix("'s")}
        for kind in kind_words():
            if kind != "thing" and stems & lists.get(kind, frozenset()):
                return kind
    return "activity" if words and words[-1].endswith("ing") and len(words[-1]) > 5 else "thing"
