"""Captions: which words are on screen at a sample of the show, and which of them are lit. Pure.

A page is at most two lines within the middle 90 % of the stage. Lines are broken once, in units of a 1920x1080 stage,
so every size of stage shows the same pages. A page turns when its first word begins, never within a word, and a word
is lit from the moment it is spoken. The last page stays for :data:`LINGER` seconds.

What can be shown is what Inter holds: Latin, Greek and Cyrillic, left to right. Other characters (emoji, Arabic,
Hebrew, Han …) are left out rather than shown as boxes; a word of nothing else is not shown.
"""

from __future__ import annotations

import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from duologue.audio.pcm import RATE
from duologue.speech.utterance import Utterance
from duologue.stage.motion.pose import CaptionState, CaptionWord

REFERENCE_WIDTH = 1920
"""Width of the stage in whose pixels lines are measured; type scales with the stage."""
FONT_SIZE = 46
"""Height of the type (pixels of the reference stage)."""
LINE_WIDTH = 1500
"""The longest line: with the box's margins it stays within 90 % of the stage."""
LINES = 2
LINGER = 0.6
"""Seconds for which the last page stays after the last word."""

FONTS = Path(__file__).parents[1] / "fonts"
MISSING = "\U0010ffff"
"""A character that no font has: what it looks like is what every missing one looks like."""

Measure = Callable[[str], float]
"""Width of a text in pixels of the reference stage."""


@lru_cache(maxsize=8)
def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    """A font that ships with the program; ``size`` in pixels. BASIC layout: the same on every machine."""
    return ImageFont.truetype(FONTS / f"{name}.otf", size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=4096)
def _known(character: str) -> bool:
    """Whether the font has a picture for it."""
    if character.isspace() or not character.isprintable():
        return False
    return _drawn(character) != _drawn(MISSING)


def _drawn(character: str) -> bytes:
    picture = Image.new("L", (2 * FONT_SIZE, 2 * FONT_SIZE))
    ImageDraw.Draw(picture).text((0, 0), character, font=font("Inter-SemiBold", FONT_SIZE), fill=255)
    return picture.tobytes()


def showable(text: str) -> str:
    """The text without what the font cannot show; white space is one blank. A letter and its accent are one character:
    BASIC layout would set the accent beside it.
    """
    composed = unicodedata.normalize("NFC", text)
    return " ".join(
        "".join(character if _known(character) else " " * character.isspace() for character in composed).split()
    )


def reference_width(text: str) -> float:
    """The :data:`Measure` of the type that captions are set in."""
    return font("Inter-SemiBold", FONT_SIZE).getlength(text)


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word as it is shown, and the sample (of the utterance) at which it is begun."""

    text: str
    start: int


def _pieces(text: str, measure: Measure, width: float) -> list[str]:
    """A word that is wider than a line, cut into parts that are not."""
    if measure(text) <= width:
        return [text]
    pieces, rest = [""], text
    for character in rest:
        if pieces[-1] and measure(pieces[-1] + character) > width:
            pieces.append("")
        pieces[-1] += character
    return pieces


def timed_words(utterance: Utterance) -> list[TimedWord]:
    """The words of an utterance with their punctuation, in order. Without word marks time is shared out by letters."""
    marks = utterance.words()
    if not marks:
        return _shared_out(utterance)
    offsets = [mark.offset for mark in marks]
    placed = all(offset >= 0 for offset in offsets) and all(one < other for one, other in pairwise(offsets))
    words: list[TimedWord] = []
    for index, mark in enumerate(marks):
        text = mark.text
        if placed:
            begin = _opening(utterance.text, offsets[index]) if index else 0
            end = _opening(utterance.text, offsets[index + 1]) if index + 1 < len(marks) else None
            text = utterance.text[begin:end]
        start = mark.start * RATE // utterance.rate
        words.extend(TimedWord(word, start) for word in showable(text).split())
    return words


def _opening(text: str, offset: int) -> int:
    """Where a word begins when the quote or bracket that opens before it counts as its own."""
    while offset > 0 and not text[offset - 1].isspace() and text[offset - 1] in "\"'“‘«‹([{¿¡":
        offset -= 1
    return offset


def _shared_out(utterance: Utterance) -> list[TimedWord]:
    words = showable(utterance.text).split()
    lengths = [len(word) + 1 for word in words]
    samples = len(utterance.samples) * RATE // utterance.rate
    starts = accumulate(lengths[:-1], initial=0)
    return [TimedWord(word, samples * start // sum(lengths)) for word, start in zip(words, starts, strict=False)]


def lines_of(words: Sequence[str], measure: Measure = reference_width, width: float = LINE_WIDTH) -> list[list[int]]:
    """Break words into lines: the indices of the words of each. A word wider than ``width`` has a line of its own."""
    blank = measure(" ")
    lines: list[list[int]] = []
    used = 0.0
    for index, word in enumerate(words):
        length = measure(word)
        if lines and used + blank + length <= width:
            lines[-1].append(index)
            used += blank + length
        else:
            lines.append([index])
            used = length
    return lines


def _cut_to_lines(words: Sequence[TimedWord], end: int, measure: Measure) -> list[TimedWord]:
    """Words that are wider than a line in parts that are not, each begun when it is spoken: else of a word of several
    pages only the last would be seen.
    """
    cut: list[TimedWord] = []
    for word, following in zip(words, [*(word.start for word in words[1:]), end], strict=True):
        lasts, at = max(0, following - word.start), 0
        for piece in _pieces(word.text, measure, float(LINE_WIDTH)):
            cut.append(TimedWord(piece, word.start + lasts * at // len(word.text)))
            at += len(piece)
    return cut


def pages_of(words: Sequence[TimedWord], end: int = 0, measure: Measure = reference_width) -> list[list[TimedWord]]:
    """Pages of at most two lines. A sentence that ends in a page's second half ends the page: it turns at a breath.
    ``end`` is where the last word does (samples).
    """
    pages: list[list[TimedWord]] = []
    left = _cut_to_lines(words, end, measure) if words else []
    while left:
        lines = lines_of([word.text for word in left], measure)[:LINES]
        count = sum(len(line) for line in lines)
        if count < len(left):
            count = _breath(left, count)
        pages.append(left[:count])
        left = left[count:]
    return pages


def _breath(words: Sequence[TimedWord], count: int) -> int:
    for end in range(count, count // 2, -1):
        if words[end - 1].text.rstrip("\"'”’)").endswith((".", "!", "?", "…", ":", ";")):
            return end
    return count


@dataclass(frozen=True, slots=True)
class CaptionTrack:
    """An utterance's pages. ``end`` is its last sample, at 48 kHz."""

    speaker: str
    pages: tuple[tuple[TimedWord, ...], ...]
    end: int

    @classmethod
    def of(cls, utterance: Utterance) -> CaptionTrack:
        """Break an utterance into pages."""
        end = len(utterance.samples) * RATE // utterance.rate
        pages = pages_of(timed_words(utterance), end)
        return cls(utterance.speaker, tuple(tuple(page) for page in pages), end)

    def at(self, sample: int) -> CaptionState:
        """The caption ``sample`` samples (48 kHz) after the utterance's start; empty before it and once it is over."""
        if not self.pages or sample < 0 or sample >= self.end + round(LINGER * RATE):
            return CaptionState()
        page = self.pages[0]
        for following in self.pages[1:]:
            if following[0].start > sample:
                break
            page = following
        return CaptionState(self.speaker, tuple(CaptionWord(word.text, word.start <= sample) for word in page))

    def states(self) -> tuple[CaptionState, ...]:
        """One state a page, all dark: what there is to typeset ahead."""
        return tuple(CaptionState(self.speaker, tuple(CaptionWord(word.text) for word in page)) for page in self.pages)


class _Tracks:
    """The tracks of the utterances last asked for, by any thread: at every frame, and when one is queued."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        # keyed by what tells lines apart and not by the line, whose sound would stay in memory with it
        self._kept: OrderedDict[tuple[str, str, int], CaptionTrack] = OrderedDict()

    def of(self, utterance: Utterance) -> CaptionTrack:
        line = (utterance.id, utterance.text, len(utterance.samples))
        with self._lock:
            kept = self._kept.get(line)
            if kept is not None:
                self._kept.move_to_end(line)
                return kept
        track = CaptionTrack.of(utterance)  # some milliseconds: not while another thread may have to wait
        with self._lock:
            self._kept[line] = track
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return track


_TRACKS = _Tracks(64)


def track_of(utterance: Utterance) -> CaptionTrack:
    """The utterance's pages; remembered, and longest for what is on air, which every frame asks for."""
    return _TRACKS.of(utterance)


def caption_at(utterance: Utterance, start: int, sample: int) -> CaptionState:
    """What to show at ``sample`` of the show when the utterance begins at ``start`` (both 48 kHz)."""
    return track_of(utterance).at(sample - start)
