"""What may go on air: topics, what people type, and every line that an engine wrote.

A word list (ours, and the user's) matched by whole words after folding the simple disguises (case, accents, digits for
letters, stretched and spaced-out letters, invisible signs and pictures between them), a length limit for each kind of
text, and a plug point: any number of :class:`ModerationCheck`, found by entry points of the group
``duologue.moderation`` or given by the caller.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

from duologue.errors import InputError, PeerError
from duologue.text_files import read_text

WORD_LIST = Path(__file__).parent / "data" / "moderation.txt"
"""The list that ships: one word or phrase a line, ``#`` begins a comment."""
GROUP = "duologue.moderation"
CHECK_SECONDS = 5.0
"""A plugged-in check that takes longer has failed, and what it was to judge stays off the air."""

_LEET = str.maketrans("013457@$", "oieastas")
_LOOKALIKE = str.maketrans("асеорхуік", "aceopxyik")
_SPLIT = re.compile(r"[^\w@$!*]+|_+")
_LETTERS = re.compile(r"(?<![^\W_])(?:[^\W_][\s.\-_*|/]+){2,}[^\W_](?![^\W_])")
_UNHEARD = {"Cc", "Cf", "Co", "Mn", "Me", "So", "Sk"}
"""Categories of characters: zero-width and soft ones, combining marks, emoji and what goes with them."""
_RUN = re.compile(r"(.)\1{2,}")
_ENDINGS = ("", "s", "es", "ed", "er", "ers", "ing", "y")
_ENDINGS_AFTER_E = ("", "s", "d", "r", "rs")
_SPELLED = 4
"""Letters of a word that is looked for inside spelled-out letters, where nothing says where a word begins."""


class Subject(StrEnum):
    """What kind of text is judged."""

    TOPIC = "topic"
    CHAT = "chat"
    NAME = "name"
    LINE = "line"


@dataclass(frozen=True, slots=True)
class Verdict:
    """``reason`` says why a text is refused, in words that may be shown to its author (it never repeats the text);
    ``remedy`` is what its author may do.
    """

    allowed: bool
    reason: str = ""
    remedy: str = "Say it in other words."


class ModerationCheck(Protocol):
    """A further opinion, e.g. a classifier or a service. An exception or 5 s of silence counts as a refusal."""

    async def __call__(self, text: str, subject: Subject) -> Verdict:
        """Judge ``text``."""
        ...


MAX_LENGTH = {Subject.TOPIC: 400, Subject.CHAT: 400, Subject.NAME: 40, Subject.LINE: 1200}
"""Characters, by kind of text."""


class Moderator:
    """Judges texts. ``refused`` counts refusals by kind since the start."""

    def __init__(
        self,
        words: Iterable[str] | None = None,
        *,
        max_length: dict[Subject, int] | None = None,
        checks: Sequence[ModerationCheck] = (),
    ) -> None:
        self._words, self._phrases = _compile(frozenset(read_words(WORD_LIST) if words is None else words))
        self._max_length = MAX_LENGTH | (max_length or {})
        self._checks = tuple(checks)
        self.refused: dict[Subject, int] = dict.fromkeys(Subject, 0)

    async def judge(self, text: str, subject: Subject) -> Verdict:
        """Length first, then the word list, then the plugged-in checks; the first refusal stands."""
        verdict = self._length(text, subject)
        if verdict.allowed and self.finds_word(text):
            verdict = Verdict(False, f"the {subject} holds a word that may not go on air")
        for check in self._checks:
            if verdict.allowed:
                verdict = await _ask(check, text, subject)
        self.refused[subject] += not verdict.allowed
        return verdict

    async def admit(self, text: str, subject: Subject) -> str:
        """The trimmed text, or :class:`InputError` that says what is wrong with it."""
        trimmed = " ".join(text.split())
        verdict = await self.judge(trimmed, subject)
        if not verdict.allowed:
            raise InputError(verdict.reason, where=subject, remedy=verdict.remedy)
        return trimmed

    def finds_word(self, text: str) -> bool:
        """True if a listed word or phrase occurs in ``text``, plain or thinly disguised."""
        return self._finds(text) or ((bare := _bare(text)) != text and self._finds(bare))

    def _finds(self, text: str) -> bool:
        tokens = [fold(token) for token in _SPLIT.split(text) if token]
        if any(variant in self._words for token in tokens for variant in _variants(token)):
            return True
        spelled = [fold(run) for run in _spelled_out(text)]
        if any(word in run for run in spelled for word in self._words if len(word) >= _SPELLED):
            return True
        flat = f" {' '.join(tokens)} "
        return any(f" {phrase} " in flat for phrase in self._phrases)

    def _length(self, text: str, subject: Subject) -> Verdict:
        most = self._max_length[subject]
        if not any(unicodedata.category(character)[0] in "LNPS" for character in text):
            return Verdict(False, f"the {subject} is empty", "Write a word or two.")
        if len(text) > most:
            return Verdict(
                False, f"the {subject} has {len(text)} characters, and at most {most} are allowed", "Shorten it."
            )
        return Verdict(True)


def load_moderator(
    word_file: Path | None = None,
    *,
    max_length: dict[Subject, int] | None = None,
    checks: Sequence[ModerationCheck] | None = None,
) -> Moderator:
    """The shipped list, extended by the user's (a line ``!word`` there allows a word of ours).

    ``checks`` None: those of the installed entry points. Raises :class:`InputError` for a list that cannot be read and
    :class:`PeerError` for an entry point that cannot be loaded.
    """
    words = set(read_words(WORD_LIST))
    for word in read_words(word_file) if word_file else ():
        if word.startswith("!"):
            words.discard(word[1:].strip())
        else:
            words.add(word)
    return Moderator(words, max_length=max_length, checks=_installed_checks() if checks is None else checks)


def read_words(file: Path) -> list[str]:
    """The lines of a word list, without comments. Raises :class:`InputError`."""
    lines = read_text(file, "the word list").splitlines()
    return [word.lower() for line in lines if (word := line.partition("#")[0].strip())]


def _bare(text: str) -> str:
    """Without what nobody sees or hears between two letters, and no caption shows: marks, pictures, invisible signs."""
    return "".join(each for each in text if each.isspace() or unicodedata.category(each) not in _UNHEARD)


def fold(token: str) -> str:
    """Take simple disguises off one word: case, accents, look-alike letters, digits for letters, marks inside."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", token.lower()) if not unicodedata.combining(c))
    plain = plain.translate(_LOOKALIKE)
    if not any(character.isalpha() for character in plain):
        return plain
    inner = plain.strip("!*").replace("!", "i").replace("*", "")
    return inner.translate(_LEET)


def _variants(token: str) -> set[str]:
    """The folded word as it is, and with stretched letters shortened to one or two."""
    return {token, _RUN.sub(r"\1", token), _RUN.sub(r"\1\1", token)}


def _spelled_out(text: str) -> list[str]:
    """The runs of single letters with something between them, joined: ``b a d`` and ``b.a.d`` give ``bad``."""
    return ["".join(filter(str.isalnum, run)) for run in _LETTERS.findall(text)]


@lru_cache(maxsize=4)
def _compile(words: frozenset[str]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Folded single words with their usual endings, and folded phrases; once for all conversations with one list."""
    single: set[str] = set()
    phrases: list[str] = []
    for word in words:
        parts = [fold(part) for part in _SPLIT.split(word) if part]
        if len(parts) == 1:
            endings = _ENDINGS_AFTER_E if parts[0].endswith("e") else _ENDINGS
            single.update(parts[0] + ending for ending in endings)
        elif parts:
            phrases.append(" ".join(parts))
    return frozenset(single), tuple(phrases)


async def _ask(check: ModerationCheck, text: str, subject: Subject) -> Verdict:
    """A check's verdict. What it cannot judge stays off the air."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check(text, subject)
    except TimeoutError:
        return Verdict(False, f"a moderation check gave no verdict on the {subject} in {CHECK_SECONDS:g} s")
    except Exception as error:  # a stranger's plug-in: whatever it raises, the text was not cleared
        return Verdict(False, f"a moderation check failed on the {subject}: {type(error).__name__}")


@cache
def _installed_checks() -> tuple[ModerationCheck, ...]:
    """Looked for once: it reads what every installed package says of itself, and each conversation has a moderator."""
    checks: list[ModerationCheck] = []
    for point in entry_points(group=GROUP):
        try:
            checks.append(point.load())
        except Exception as error:
            raise PeerError(
                f"the moderation check {point.name!r} cannot be loaded: {error}",
                where=point.value,
                remedy="Repair or uninstall its package.",
            ) from error
    return tuple(checks)
