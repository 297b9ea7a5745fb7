"""How a voice says what was written for a page: addresses, code, tables, signs.

Pure, and for one sentence at a time; what is usual for any text (markdown, stage directions, emoji, name labels) is
:func:`duologue.language.text.clean`'s, which has the last word.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from duologue.language.text import clean

LONG_CODE = 40
"""Longer inline code (characters) is named, not read."""
SOME_CODE = "some code"

_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_URL = re.compile(r"<?\b((?:https?|ftp)://|www\.)([^\s<>]+)>?", re.IGNORECASE)
_MAIL = re.compile(r"<?\b(?:mailto:)?([\w.+-]{1,64})@([\w-]{1,63}(?:\.[\w-]{1,63})+)>?")
_CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)
_RULE = re.compile(r"^(?=.*[-*_=]{3})[-*_=|: \t]+$", re.MULTILINE)
_MONEY = re.compile(r"([$€£]) ?(\d[\d,]*)(?:\.(\d{2})(?!\d))?((?:\.\d+)?(?: (?:thousand|million|billion|trillion))?)\b")
_VERSION = re.compile(r"\bv(?=\d+\.\d)")
_PARTS = re.compile(r"(?<![\w.])\d{1,4}(?:\.\d{1,3}){2,3}(?![\w]|\.\d)")
_SIGNS = (
    (re.compile(r"~~"), ""),
    (re.compile(r"\s*(?:→|⇒|->|=>)\s*"), " to "),
    (re.compile(r"\s*≈\s*|(?<!\S)~(?=\d)"), " about "),
    (re.compile(r"\s*≤\s*"), " at most "),
    (re.compile(r"\s*≥\s*"), " at least "),
    (re.compile(r"\s*≠\s*"), " is not "),
    (re.compile(r"(?<=\d)\s*×\s*|(?<=\d) ?\* ?(?=\d)|(?<=\d) x (?=\d)"), " times "),
    (re.compile(r"(?<!\S)[:;]-?[()DPp](?!\S)"), ""),
    (re.compile(r"\A\s*[A-Za-z]\)\s+"), ""),
    (re.compile(r"\s*±\s*"), " plus or minus "),
    (re.compile(r"\s*°\s*C\b"), " degrees Celsius"),
    (re.compile(r"\s*°\s*F\b"), " degrees Fahrenheit"),
    (re.compile(r"\s*°"), " degrees"),
    (re.compile(r"(?<=\s)&(?=\s)"), "and"),
    (re.compile(r"(?<![\w#])#(?=\d)"), "number "),
    (re.compile(r"(?<=\d)\s?km/h\b"), " kilometres an hour"),
    (re.compile(r"\bw/(?=\s)"), "with"),
)
_PLAIN = re.compile(r"(?:[A-Za-z ,!?']|\.(?![A-Za-z]))*")
"""Most sentences: nothing in them needs other words."""
_CURRENCY = {"$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny")}
_CODE_SIGNS = (
    (re.compile(r"\(\)"), ""),
    (re.compile(r"\s*(?:->|=>)\s*"), " to "),
    (re.compile(r"\s*==\s*"), " equals "),
    (re.compile(r"\s*=\s*"), " is "),
    (re.compile(r"(?<=\w)\.(?=\w)"), " dot "),
    (re.compile(r"\s*/\s*"), " slash "),
    (re.compile(r"[_{}()\[\]<>;|\\`*]+"), " "),
)
_MAIL_SIGNS = {".": " dot ", "_": " underscore ", "-": " dash ", "+": " plus "}


def speakable(raw: str, names: Iterable[str] = ()) -> str:
    """What a voice should say of ``raw``, one line; empty if there is nothing to say. ``names`` as in ``clean``."""
    if _PLAIN.fullmatch(raw):
        return clean(raw, names)
    return clean(_said(raw), names)


def _said(raw: str) -> str:
    """``raw`` with all that was written for the eye in words; words alone stay as they are."""
    text = _LINK.sub(r"\1", html.unescape(raw))
    text = _CODE.sub(lambda match: _code(match[2]), text)
    text = _MAIL.sub(_mail, _URL.sub(_url, text))
    text = _RULE.sub("", text)
    if text.lstrip().startswith("|"):
        text = re.sub(r"\s*\|\s*", ", ", text.strip().strip("|").strip())
    text = _PARTS.sub(_parts, _VERSION.sub("version ", _MONEY.sub(_money, text)))
    for pattern, words in _SIGNS:
        text = pattern.sub(words, text)
    return text


def _url(match: re.Match[str]) -> str:
    """The host, and a path that is one plain word; the marks that follow the address stay."""
    address = match[2].rstrip(".,;:!?)\"'”’]*_")
    rest = match[2][len(address) :]
    try:
        parts = urlsplit(f"//{address}")
        host, path = parts.hostname or "", parts.path.strip("/")
    except ValueError:
        return f"a link{rest}"
    spoken = host.removeprefix("www.").replace(".", " dot ")
    if not re.search(r"[^\W\d_]", host):
        return f"a link{rest}"
    return f"{spoken}{f' slash {path}' if re.fullmatch(r'[A-Za-z]{2,20}', path) else ''}{rest}"


def _mail(match: re.Match[str]) -> str:
    words = "".join(_MAIL_SIGNS.get(character, character) for character in match[1].strip("."))
    return f"{words} at {match[2].replace('.', ' dot ')}"


def _code(code: str) -> str:
    if len(code) > LONG_CODE or "\n" in code:
        return SOME_CODE
    for pattern, words in _CODE_SIGNS:
        code = pattern.sub(words, code)
    return " ".join(code.split())


def _parts(match: re.Match[str]) -> str:
    """A version has points, an address of four numbers dots."""
    return match[0].replace(".", " dot " if match[0].count(".") == 3 else " point ")


def _money(match: re.Match[str]) -> str:
    """``$5.50`` is five dollars and fifty cents, ``€3 million`` three million euros."""
    sign, whole, small, more = match.groups()
    big, coin = _CURRENCY[sign]
    spoken = f"{whole}{more} {big if (whole, more) == ('1', '') else big + 's'}"
    if small and int(small):
        coins = coin if int(small) == 1 else "pence" if coin == "penny" else coin + "s"
        spoken += f" and {int(small)} {coins}"
    return spoken
