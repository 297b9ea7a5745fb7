"""Captions as pictures: each page is typeset twice, dark and lit. About 10 ms of work, so off the frame path."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw

from duologue.stage.captions.captions import (
    FONT_SIZE,
    LINE_WIDTH,
    LINES,
    REFERENCE_WIDTH,
    font,
    lines_of,
    reference_width,
    showable,
)
from duologue.stage.compositor.planes import Sprite, premultiply, sprite_from_yuva, to_yuva
from duologue.stage.frames import Rect

NAME_SIZE = 30
LINE_HEIGHT = 60
PADDING = 34, 22
"""Around the words in their box, across and down (pixels of the reference stage, as all here)."""
CORNER = 22
FOOT = 0.05
"""Between the box and the stage's lower edge: this share of its height."""
SMALLEST_TYPE = 12
BOX = (10, 12, 18, 190)
DARK = (158, 165, 180, 255)
LIT = (255, 255, 255, 255)
_RIM = 8


@dataclass(frozen=True, slots=True)
class SpeakerLook:
    """How a speaker is named in captions: the name as written, and its colour as ``#rrggbb``."""

    title: str
    colour: str


@dataclass(frozen=True, slots=True, eq=False)
class CaptionPage:
    """A page typeset. ``words`` are the cells of its words: even, relative to the sprites, and no two overlap.

    Dark and lit differ in colour alone and share what they keep of the picture below; 1.5 MB at most at 1080p.
    """

    dark: Sprite
    lit: Sprite
    words: tuple[Rect, ...]


@dataclass(frozen=True, slots=True)
class _Spot:
    """A word and where it stands: left end and width (floats), and its line's top."""

    text: str
    left: float
    width: float
    top: int


class Typesetter:
    """Sets pages for one size of stage. Nothing changes in it, so any thread may use it.

    ``speakers`` maps a speaker's name to how it is shown; others are shown by their name in white.
    """

    def __init__(self, width: int, height: int, speakers: Mapping[str, SpeakerLook] | None = None) -> None:
        self._width, self._height = width, height
        self._scale = min(width / REFERENCE_WIDTH, height / 1080)
        self._speakers = dict(speakers or {})

    def _px(self, reference: float) -> int:
        return max(1, round(reference * self._scale))

    def page(self, speaker: str, texts: Sequence[str]) -> CaptionPage | None:
        """The page of these words, None when nothing of it can be shown."""
        words = [_fitted(showable(text)) for text in texts]
        lines = lines_of(words)
        if len(lines) > LINES:  # an announcement that was not broken into pages
            lines = lines[:LINES]
            words[lines[-1][-1]] += " …"
        shown = [[index for index in line if words[index]] for line in lines]
        if not any(shown):
            return None
        look = self._speakers.get(speaker, SpeakerLook(speaker, "#ffffff"))
        return self._set_page(showable(look.title), look.colour, words, [line for line in shown if line])

    def _set_page(self, title: str, colour: str, words: Sequence[str], lines: Sequence[Sequence[int]]) -> CaptionPage:
        across, down = self._px(PADDING[0]), self._px(PADDING[1])
        room = self._width * 0.9 - 2 * across
        texts = [" ".join(words[index] for index in line) for line in lines]
        type_size = _fitting("Inter-SemiBold", max(SMALLEST_TYPE, self._px(FONT_SIZE)), texts, room)
        face = font("Inter-SemiBold", type_size)
        name_size = max(SMALLEST_TYPE - 2, self._px(NAME_SIZE))
        name_face = font("Inter-Bold", _fitting("Inter-Bold", name_size, [title], room))
        blank = face.getlength(" ")
        widths = [sum(face.getlength(words[i]) for i in line) + blank * (len(line) - 1) for line in lines]
        name_height = round(name_size * 1.35) if title else 0
        box_width = min(max([*widths, name_face.getlength(title)]) + 2 * across, self._width * 0.9)
        line_height = max(self._px(LINE_HEIGHT), round(type_size * 1.3))
        box_height = 2 * down + name_height + line_height * len(lines)
        rim = _RIM
        width, height = (round(box_width) + 2 * rim + 1) & ~1, (box_height + 2 * rim + 1) & ~1
        left = ((self._width - width) // 2) & ~1
        top = max(0, self._height - round(FOOT * self._height) - height + rim) & ~1
        spots: dict[int, _Spot] = {}
        for row, line in enumerate(lines):
            x = (width - widths[row]) / 2
            y = rim + down + name_height + row * line_height
            for index in line:
                length = face.getlength(words[index])
                spots[index] = _Spot(words[index], x, length, y)
                x += length + blank
        base = _box(width, height, rim, self._px(CORNER))
        if title:
            ImageDraw.Draw(base).text((rim + across, rim + down), title, font=name_face, fill=colour, anchor="lt")
        pictures = [base.copy(), base]
        for picture, ink in zip(pictures, (DARK, LIT), strict=True):
            draw = ImageDraw.Draw(picture)
            for spot in spots.values():
                middle = spot.top + line_height / 2
                draw.text((spot.left, middle + type_size * 0.36), spot.text, font=face, fill=ink, anchor="ls")
        dark, lit = (sprite_from_yuva(to_yuva(premultiply(np.asarray(p))), left, top) for p in pictures)
        lit = replace(lit, keep=dark.keep, chroma_keep=dark.chroma_keep)
        cells = [_cell(spots[i], blank, line_height) if i in spots else (0, 0, 0, 0) for i in range(len(words))]
        return CaptionPage(dark, lit, tuple(cells))


def _fitting(name: str, size: int, texts: Sequence[str], room: float) -> int:
    """The size of type (pixels) in which these lines are no wider than ``room``: ``size``, or less on a stage so small
    that the smallest type makes them too wide.
    """
    widest = max(font(name, size).getlength(text) for text in texts)
    return size if widest <= room else max(1, int(size * room / widest))


def _fitted(word: str) -> str:
    """A word of an announcement that is wider than a line, cut so that it is not."""
    if reference_width(word[:LINE_WIDTH]) <= LINE_WIDTH:
        return word[:LINE_WIDTH]
    longest = bisect_left(range(LINE_WIDTH), LINE_WIDTH, key=lambda end: reference_width(word[:end] + "…"))
    return word[: longest - 1] + "…"


def _cell(spot: _Spot, blank: float, line_height: int) -> Rect:
    """The word's share of its line: to the middle of the blanks beside it, so that cells meet and never overlap."""
    left, right = spot.left - blank / 2, spot.left + spot.width + blank / 2
    return _even(left), _even(spot.top), _even(right), _even(spot.top + line_height)


def _even(value: float) -> int:
    return max(0, round(value / 2) * 2)


def _box(width: int, height: int, rim: int, corner: int) -> Image.Image:
    """A rounded, translucent box, drawn four times as large and reduced: smooth corners."""
    large = Image.new("L", (width * 4, height * 4))
    ImageDraw.Draw(large).rounded_rectangle(
        (rim * 4, rim * 4, (width - rim) * 4 - 1, (height - rim) * 4 - 1), corner * 4, fill=BOX[3]
    )
    box = Image.new("RGBA", (width, height), BOX)
    box.putalpha(large.reduce(4))
    return box
