"""How a voice says what was written for a page: addresses, code, tables, signs.

Pure, and for one sentence at a time; what is usual for any text (markdown, stage directions, emoji, name labels) is
:func:`duologue.language.text.clean`'s, which has the last word.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from functools import cache, partial
from urllib.parse import urlsplit

from duologue.language.languages import ENGLISH, Aloud, Language
from duologue.language.text import clean

LONG_CODE = 40
"""Longer inline code (characters) is named, not read."""

_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_URL = re.compile(r"<?\b((?:https?|ftp)://|www\.)([^\s<>]+)>?", re.IGNORECASE)
_MAIL = re.compile(r"<?\b(?:mailto:)?([\w.+-]{1,64})@([\w-]{1,63}(?:\.[\w-]{1,63})+)>?")
_CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)
_RULE = re.compile(r"^(?=.*[-*_=]{3})[-*_=|: \t]+$", re.MULTILINE)
_VERSION = re.compile(r"\bv(?=\d+\.\d)")
_PARTS = re.compile(r"(?<![\w.])\d{1,4}(?:\.\d{1,3}){2,3}(?![\w]|\.\d)")
_SIGNS = (
    (re.compile(r"\s*(?:→|⇒|->|=>)\s*"), "to"),
    (re.compile(r"\s*≈\s*|(?<!\S)~(?=\d)"), "about"),
    (re.compile(r"\s*≤\s*"), "at_most"),
    (re.compile(r"\s*≥\s*"), "at_least"),
    (re.compile(r"\s*≠\s*"), "is_not"),
    (re.compile(r"(?<=\d)\s*×\s*|(?<=\d) ?\* ?(?=\d)|(?<=\d) x (?=\d)"), "times"),
    (re.compile(r"\s*±\s*"), "plus_or_minus"),
    (re.compile(r"\s*°\s*C\b"), "degrees_celsius"),
    (re.compile(r"\s*°\s*F\b"), "degrees_fahrenheit"),
    (re.compile(r"\s*°"), "degrees"),
    (re.compile(r"(?<=\s)&(?=\s)"), "and_"),
    (re.compile(r"(?<![\w#])#(?=\d)"), "number"),
    (re.compile(r"(?<=\d)\s?km/h\b"), "kilometres_an_hour"),
    (re.compile(r"\bw/(?=\s)"), "with_"),
)
"""Signs, and what they are in :class:`~duologue.language.languages.Aloud`."""
_MUTE = (re.compile(r"~~"), re.compile(r"(?<!\S)[:;]-?[()DPp](?!\S)"), re.compile(r"\A\s*[A-Za-z]\)\s+"))
"""What nobody says: struck-out text, a smiley, the letter of a list."""
_PLAIN = re.compile(r"(?:[A-Za-z ,!?']|\.(?![A-Za-z]))*")
"""Most sentences: nothing in them needs other words."""
_CURRENCY = {"$": "dollar", "€": "euro", "£": "pound"}
_CODE_SIGNS = (
    (re.compile(r"\s*(?:->|=>)\s*"), "to"),
    (re.compile(r"\s*==\s*"), "equals"),
    (re.compile(r"\s*=\s*"), "is_"),
    (re.compile(r"(?<=\w)\.(?=\w)"), "dot"),
    (re.compile(r"\s*/\s*"), "slash"),
)
_CODE_MUTE = (re.compile(r"\(\)"), ""), (re.compile(r"[_{}()\[\]<>;|\\`*]+"), " ")
_MAIL_SIGNS = {".": "dot", "_": "underscore", "-": "dash", "+": "plus"}


def speakable(raw: str, names: Iterable[str] = (), language: Language = ENGLISH) -> str:
    """What a voice should say of ``raw``, one line; empty if there is nothing to say. ``names`` as in ``clean``."""
    if _PLAIN.fullmatch(raw):
        return clean(raw, names, language)
    return clean(_said(raw, language.aloud), names, language)


def _said(raw: str, words: Aloud) -> str:
    """``raw`` with all that was written for the eye in words; words alone stay as they are, and so do signs that the
    language has no words for.
    """
    text = _LINK.sub(r"\1", html.unescape(raw))
    text = _CODE.sub(lambda match: _code(match[2], words), text)
    text = _URL.sub(partial(_url, words), text)
    if words.at and words.dot:
        text = _MAIL.sub(partial(_mail, words), text)
    text = _RULE.sub("", text)
    if text.lstrip().startswith("|"):
        text = re.sub(r"\s*\|\s*", ", ", text.strip().strip("|").strip())
    text = _money_pattern(words.big_numbers).sub(partial(_money, words), text)
    if words.version:
        text = _VERSION.sub(f"{words.version} ", text)
    if words.dot and words.point:
        text = _PARTS.sub(partial(_parts, words), text)
    for pattern in _MUTE:
        text = pattern.sub("", text)
    return _in_words(text, _SIGNS, words)


def _in_words(text: str, signs: Iterable[tuple[re.Pattern[str], str]], words: Aloud) -> str:
    for pattern, name in signs:
        if word := getattr(words, name):
            text = pattern.sub(partial(_spaced, word), text)
    return text


def _spaced(word: str, match: re.Match[str]) -> str:
    """Between spaces, of which the cleaning leaves one."""
    return f" {word} "


def _url(words: Aloud, match: re.Match[str]) -> str:
    """The host, and a path that is one plain word; the marks that follow the address stay."""
    address = match[2].rstrip(".,;:!?)\"'”’]*_")
    rest = match[2][len(address) :]
    try:
        parts = urlsplit(f"//{address}")
        host, path = parts.hostname or "", parts.path.strip("/")
    except ValueError:
        return f"{words.a_link}{rest}"
    if not words.dot or not re.search(r"[^\W\d_]", host):
        return f"{words.a_link}{rest}"
    spoken = host.removeprefix("www.").replace(".", f" {words.dot} ")
    plain = words.slash and re.fullmatch(r"[A-Za-z]{2,20}", path)
    return f"{spoken}{f' {words.slash} {path}' if plain else ''}{rest}"


def _mail(words: Aloud, match: re.Match[str]) -> str:
    name = "".join(_mail_sign(character, words) for character in match[1].strip("."))
    return f"{name} {words.at} {match[2].replace('.', f' {words.dot} ')}"


def _mail_sign(character: str, words: Aloud) -> str:
    word = getattr(words, _MAIL_SIGNS[character]) if character in _MAIL_SIGNS else ""
    return f" {word} " if word else character


def _code(code: str, words: Aloud) -> str:
    if len(code) > LONG_CODE or "\n" in code:
        return words.some_code
    first, last = _CODE_MUTE
    code = _in_words(first[0].sub(first[1], code), _CODE_SIGNS, words)
    return " ".join(last[0].sub(last[1], code).split())


def _parts(words: Aloud, match: re.Match[str]) -> str:
    """A version has points, an address of four numbers dots."""
    return match[0].replace(".", f" {words.dot} " if match[0].count(".") == 3 else f" {words.point} ")


@cache
def _money_pattern(big_numbers: tuple[str, ...]) -> re.Pattern[str]:
    big = "|".join(map(re.escape, big_numbers))
    more = rf"((?:\.\d+)?(?: (?:{big}))?)" if big else r"((?:\.\d+)?)"
    return re.compile(rf"([$€£]) ?(\d[\d,]*)(?:\.(\d{{2}})(?!\d))?{more}\b")


def _money(words: Aloud, match: re.Match[str]) -> str:
    """``$5.50`` is five dollars and fifty cents, ``€3 million`` three million euros."""
    sign, whole, small, more = match.groups()
    coins: tuple[str, ...] | None = getattr(words, _CURRENCY[sign])
    if coins is None:
        return match[0]
    one, many, hundredth, hundredths = coins
    spoken = f"{whole}{more} {one if (whole, more) == ('1', '') else many}"
    if small and int(small):
        spoken += f" {words.and_} {int(small)} {hundredth if int(small) == 1 else hundredths}"
    return spoken
