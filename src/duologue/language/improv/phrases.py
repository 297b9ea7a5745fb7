"""Taking up what was said: a phrase of a line to echo, with its pronouns turned, and what kind of question it was."""

from __future__ import annotations

import re
from collections.abc import Iterable

from duologue.language.improv.topic import word_lists

_DETERMINED = re.compile(  # in a look-ahead, so that one phrase may begin inside another
    r"\b(?=(my|your|our|his|her|their|the|an?|this|that|these|those|one|two|three|four|five|six|ten|\d+)\s+((?:[^\W\d_][\w'’-]*\s*){1,4}))",
    re.IGNORECASE,
)
_TURNED = {
    "i": "you", "me": "you", "my": "your", "mine": "yours", "myself": "yourself", "i'm": "you're", "i've": "you've",
    "i'd": "you'd", "i'll": "you'll", "am": "are", "you": "me", "your": "my", "yours": "mine", "yourself": "myself",
    "our": "your", "we": "you", "us": "you", "you're": "I'm", "you've": "I've",
}  # fmt: skip
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_QUESTIONS = ("why", "how many", "how much", "how", "what", "who", "where", "when", "which")
_GREETING = re.compile(r"^\W*(?:hi|hey|hello|hiya|howdy|yo|good (?:morning|evening|day|afternoon)|greetings)\b", re.I)


def turned(phrase: str) -> str:
    """The phrase from the other side: "my boat" -> "your boat"."""
    return " ".join(_TURNED.get(word.lower().replace("’", "'"), word) for word in phrase.split())


def definite(phrase: str) -> str:
    """How to name again what was new: "a plaque" -> "that plaque", "two scoops" -> "those two scoops"."""
    first, _, rest = phrase.partition(" ")
    if first.lower() in {"a", "an", "one", "any", "another"} and rest:
        return f"that {rest}"
    if first.lower() in {"two", "nine", "eleven"} and rest:
        return f"those {phrase.lower()}"
    return f"{first.lower()} {rest}" if first.lower() in {"the", "my", "your", "this", "that"} else phrase


def find_hook(line: str, hooks: Iterable[str]) -> str:
    """The marked phrase that comes last in ``line``, "" if none of them occurs."""
    low = line.lower()
    found = [(low.rfind(hook.lower()), hook) for hook in hooks]
    place, hook = max(((at, hook) for at, hook in found if at >= 0), default=(-1, ""))
    return hook if place >= 0 else ""


def noun_phrase(line: str, avoid: Iterable[str] = ()) -> str:
    """A phrase of ``line`` that begins with an article or the like, as far as simple rules find its end; "" if none.

    Phrases that hold a word of ``avoid`` are taken only if there is no other.
    """
    stop = word_lists()["stop"]
    avoided = frozenset(avoid)
    found: list[tuple[bool, int, str]] = []
    for match in _DETERMINED.finditer(line):
        words: list[str] = []
        for word in match[2].split():
            if word.lower().strip("'’") in stop:
                break
            words.append(word)
        if (
            words
            and not words[-1].lower().endswith(("ed", "ly"))
            and words[-1].lower() not in word_lists()["adjectives"]
        ):
            fresh = not avoided & {word.lower() for word in words}
            found.append((fresh, len(words), f"{match[1].lower()} {' '.join(words)}"))
    return max(found, key=lambda entry: entry[:2])[2] if found else ""


def quote(line: str, most: int = 6) -> str:
    """The first words of ``line``, at most ``most`` and not beyond its first clause, as one would quote them."""
    clause = re.split(r"[.!?;:,…]", line.strip(), maxsplit=1)[0]
    return " ".join(clause.split()[:most]).strip("\"'“”")


def question_type(line: str) -> str:
    """``why``, ``how``, ``many``, ``what``, ``who``, ``where``, ``when``, ``yesno``; "" if the line ends with no
    question.
    """
    if not line.rstrip().rstrip("\"'”’)").endswith("?"):
        return ""
    last = re.split(r"(?<=[.!?…])\s+", line.strip())[-1].lower()
    for word in _QUESTIONS:
        if re.search(rf"(?:^|[,\s]){word}\b", last):
            return {"how many": "many", "how much": "many", "which": "what"}.get(word, word)
    return "yesno"


def remark_type(text: str) -> str:
    """What a person's message is: ``question``, ``hello``, ``praise``, ``tease`` or ``statement``."""
    words = {word.lower() for word in _WORD.findall(text)}
    if question_type(text) or (
        text.split() and text.split()[0].lower() in {"why", "how", "what", "who", "where", "when"}
    ):
        return "question"
    if words & word_lists()["praise"]:
        return "praise"
    if words & word_lists()["tease"]:
        return "tease"
    return "hello" if _GREETING.match(text) else "statement"
