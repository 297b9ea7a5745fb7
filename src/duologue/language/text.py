"""Text that a voice can speak: what language engines emit is cleaned, and capped in words and seconds.

Pure functions. Engines write for a page (markdown, stage directions, their own name and a colon, emoji); a voice would
read all of that aloud. Numbers, sums, addresses and signs stay as they are written: captions show them, and how they
are read is the voice's matter (:mod:`duologue.speech.reading`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from duologue.language.languages import ENGLISH, Language, Sentences
from duologue.language.sentence_ends import SentenceEnd, ending, goes_on

CHARACTERS_PER_SECOND = 15.0
"""Of Latin script at a usual speaking rate (about 165 words a minute)."""
WIDE_PER_SECOND = 5.0
"""Of scripts with a syllable or more in a character (Han, kana, Hangul)."""

_THINKING = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.IGNORECASE | re.DOTALL)
_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,80}>")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_ADDRESS = re.compile(r"<(?:mailto:)?((?:https?://|www\.)[^\s<>]+|[\w.+-]+@[\w.-]+)>")
_SAID_OF = re.compile(r"(?:https?://|www\.)(?:www\.)?([^\s/?#]+)\S*")
_HEADING = re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-*•][ \t]+|\d{1,2}[.)][ \t]+)", re.MULTILINE)
_BRACKETS = re.compile(r"\[[^\]\n]{0,80}\]")
_STRONG = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
_SPAN = re.compile(r"(?<![\w*])\*(?!\s)([^*\n]{1,80}?)(?<!\s)\*(?![\w*])|(?<!\w)_(?!\s)([^_\n]{1,80}?)(?<!\s)_(?!\w)")
_ASIDE = re.compile(r"\(([^()\n]{1,60})\)")
_SENTENCE_END = re.compile(r"""[.!?…。！？]+["'”’)\]]*(?=\s|\Z)|[。！？]""")
_WIDE_END = re.compile(r"""[。！？]["'”’)\]]*\Z""")
_CLAUSE_END = re.compile(r"[,;:](?=\s)|\s[–—-](?=\s)|[，；：、]")
_STARS = re.compile(r"(?<![\d*])(?<!\d )\*+|\*+(?![\d*]| \d)")
"""Stars that multiply nothing."""
_SIGNS = "°©®™℃℉№"
"""What Unicode counts among the pictures, and is read."""
_QUOTES = {'"': '"', "“": "”", "'": "'", "«": "»", "„": "“"}


def clean(raw: str, names: Iterable[str] = (), language: Language = ENGLISH) -> str:
    """What a voice should say of ``raw``, in ``language``: one line of prose, empty if nothing is left to say.

    ``names`` are the characters' names: a leading ``Name:`` goes, and so does everything from a later line that begins
    with one (the engine wrote somebody else's turn as well).
    """
    text = unicodedata.normalize("NFC", raw).replace("\r\n", "\n")
    text = _FENCE.sub(" ", _THINKING.sub(" ", text))
    text = _one_speaker(text, tuple(names))
    text = _LINK.sub(r"\1", text)
    text = _BRACKETS.sub(" ", _TAG.sub(" ", _ADDRESS.sub(r"\1", text)))
    text = _STRONG.sub(r"\2", _HEADING.sub("", text))
    direction = _direction(language.directions)
    text = _SPAN.sub(lambda match: _unless(direction, match[1] or match[2], match[1] or match[2]), text)
    text = _ASIDE.sub(lambda match: _unless(direction, match[1], match[0]), text)
    text = _typography(_join_lines(text))
    if text == language.prompts.begin:  # small models give it back
        return ""
    text = _unquote(text)
    return text if any(character.isalnum() for character in text) else ""


def sentences(text: str, language: Language = ENGLISH) -> list[str]:
    """Split into sentences, each with its closing punctuation; an unfinished one is the last."""
    found: list[str] = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        if not _ends(text[start : match.end()], text[match.end() :].lstrip(), language.sentences):
            continue
        found.append(text[start : match.end()].strip())
        start = match.end()
    rest = text[start:].strip()
    return [*found, rest] if rest else found


def _ends(text: str, following: str, known: Sentences) -> bool:
    """Whether ``text``, which closes with a mark, is a sentence by what comes after it."""
    if not following or _WIDE_END.search(text):
        return True
    kind = ending(text, known)
    return kind is SentenceEnd.SURE or (kind is not SentenceEnd.NONE and not goes_on(kind, f"{following} ", known))


def word_count(text: str) -> int:
    """Words as spaces divide them; in scripts without spaces two characters count as a word."""
    if text.isascii():
        return len(text.split())
    wide = sum(map(_is_wide, text))
    return len("".join(" " if _is_wide(character) else character for character in text).split()) + (wide + 1) // 2


def estimate_seconds(text: str) -> float:
    """How long speaking ``text`` takes at a usual rate; of an address its host is said."""
    if "/" in text:
        text = _SAID_OF.sub(r"\1", text)
    wide = 0 if text.isascii() else sum(map(_is_wide, text))
    return (len(text) - wide) / CHARACTERS_PER_SECOND + wide / WIDE_PER_SECOND


def cap(text: str, max_words: int, max_seconds: float, language: Language = ENGLISH) -> str:
    """Shorten to both caps: at the last sentence end that fits, else the last clause, else between words."""

    def fits(candidate: str) -> bool:
        return word_count(candidate) <= max_words and estimate_seconds(candidate) <= max_seconds

    if fits(text):
        return text
    kept = ""
    for sentence in sentences(text, language):
        longer = f"{kept} {sentence}".strip()
        if not fits(longer):
            break
        kept = longer
    return kept or _cut_sentence(text, max_words, max_seconds)


def _cut_sentence(text: str, max_words: int, max_seconds: float) -> str:
    """Cut inside a first sentence that alone is too long."""
    low, high = 1, len(text)
    while low < high:  # the longest prefix of characters within both caps
        middle = (low + high + 1) // 2
        inside = word_count(text[:middle]) <= max_words and estimate_seconds(text[:middle]) <= max_seconds
        low, high = (middle, high) if inside else (low, middle - 1)
    whole = (
        text[:low] if low == len(text) or text[low].isspace() or _is_wide(text[low]) else text[:low].rpartition(" ")[0]
    )
    clauses = [match.start() for match in _CLAUSE_END.finditer(whole)]
    end = clauses[-1] if clauses and clauses[-1] >= 0.4 * len(whole) else len(whole)
    return (whole[:end] or text[:low]).rstrip(" ,;:–—-，；：、") + "."


def _one_speaker(text: str, names: tuple[str, ...]) -> str:
    """Drop the own name in front, and what other speakers were made to say after it."""
    if not names:
        return text
    anyone = "|".join(re.escape(name) for name in names)
    label = rf"[ \t]*[*_]*(?:{anyone})[*_]*[ \t]*:[*_]*[ \t]*"
    text = re.sub(rf"\A\s*{label}", "", text, flags=re.IGNORECASE)
    return re.split(rf"\n{label}", text, maxsplit=1, flags=re.IGNORECASE)[0]


@cache
def _direction(pattern: str) -> re.Pattern[str] | None:
    return re.compile(pattern, re.IGNORECASE) if pattern else None


def _unless(direction: re.Pattern[str] | None, inner: str, kept: str) -> str:
    """``*laughs*`` goes, ``*really*`` loses its stars."""
    return " " if direction is not None and direction.match(inner) else kept


def _join_lines(text: str) -> str:
    """One line: a line that ends without punctuation (a bullet, a heading) becomes a sentence."""
    lines = [line.strip() for line in text.split("\n")]
    joined = ""
    for line in filter(None, lines):
        glue = " " if not joined or joined[-1] in ".!?…,;:。！？" else ". "
        joined += glue + line
    return joined


def _typography(text: str) -> str:
    """No emoji, control or format characters; dashes that a voice would swallow become commas; single spaces."""
    kept = "".join(character for character in text if not _is_silent(character))
    kept = re.sub(r"\s*—\s*", ", ", _STARS.sub("", kept.replace("`", "")))
    kept = re.sub(r"\s+([.,;:!?…])", r"\1", re.sub(r"\s+", " ", kept))
    return re.sub(r"^[\s,.;:]+(?=\w)", "", kept).strip()


def _is_silent(character: str) -> bool:
    """True for emoji and other pictures, control, format, private and unassigned characters."""
    silent = unicodedata.category(character) in {"So", "Cc", "Cf", "Co", "Cn", "Cs"}
    return (silent and not character.isspace() and character not in _SIGNS) or "\ufe00" <= character <= "\ufe0f"


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in {"W", "F"} and character.isalpha()


def _unquote(text: str) -> str:
    """Take off quotation marks that hold the whole text."""
    if len(text) > 2 and _QUOTES.get(text[0]) == text[-1] and text[0] not in text[1:-1] and text[-1] not in text[1:-1]:
        return text[1:-1].strip()
    return text
