"""Captions as pictures: each page is typeset twice, dark and lit, off the frame path; a frame copies words."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw

from duologue.stage.captions import FONT_SIZE, LINES, REFERENCE_WIDTH, font, lines_of, showable
from duologue.stage.compositor_placing import QUARTERS, Placed
from duologue.stage.frames import Plane, Rect, copy_rect
from duologue.stage.planes import Sprite, premultiply, sprite_from_yuva, to_yuva
from duologue.stage.pose import CaptionState

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
MOST_PAGES = 24
"""Pages kept (about 1 MB each at 1080p)."""
_RIM = 8

Colour: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class SpeakerLook:
    """How a speaker is named in captions: the name as written, and its colour as ``#rrggbb``."""

    title: str
    colour: str


@dataclass(frozen=True, slots=True, eq=False)
class CaptionPage:
    """A page typeset. ``words`` are the cells of its words: even, relative to the sprites, and no two overlap."""

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


_Key: TypeAlias = tuple[str, tuple[str, ...]]


class CaptionPress:
    """Typesets pages in a thread of its own, ahead of need, and keeps the last few.

    ``speakers`` maps a speaker's name to how it is shown; others are shown by their name in white.
    """

    def __init__(self, width: int, height: int, speakers: Mapping[str, SpeakerLook] | None = None) -> None:
        self._width, self._height = width, height
        self._scale = min(width / REFERENCE_WIDTH, height / 1080)
        self._speakers = dict(speakers or {})
        self._pages: OrderedDict[_Key, Future[CaptionPage | None]] = OrderedDict()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="captions")

    def prepare(self, *states: CaptionState) -> None:
        """Begin to typeset these pages, so that :meth:`page` need not wait for them."""
        for state in states:
            self._future(state)

    def page(self, state: CaptionState) -> CaptionPage | None:
        """The page of a caption; None when there is nothing to show. Waits (about 10 ms) if it was not prepared."""
        return self._future(state).result() if state.words else None

    def close(self) -> None:
        """End the thread."""
        self._pool.shutdown(cancel_futures=True)

    def _future(self, state: CaptionState) -> Future[CaptionPage | None]:
        key = state.speaker, tuple(word.text for word in state.words)
        future = self._pages.get(key)
        if future is None:
            future = self._pages[key] = self._pool.submit(self._typeset, *key)
            while len(self._pages) > MOST_PAGES:
                self._pages.popitem(last=False)
        else:
            self._pages.move_to_end(key)
        return future

    def _px(self, reference: float) -> int:
        return max(1, round(reference * self._scale))

    def _typeset(self, speaker: str, texts: Sequence[str]) -> CaptionPage | None:
        words = [showable(text) for text in texts]
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
        type_size = max(SMALLEST_TYPE, self._px(FONT_SIZE))
        face = font("Inter-SemiBold", type_size)
        name_face = font("Inter-Bold", max(SMALLEST_TYPE - 2, self._px(NAME_SIZE)))
        blank = face.getlength(" ")
        across, down = self._px(PADDING[0]), self._px(PADDING[1])
        widths = [sum(face.getlength(words[i]) for i in line) + blank * (len(line) - 1) for line in lines]
        name_height = self._px(NAME_SIZE * 1.35) if title else 0
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
        cells = [_cell(spots[i], blank, line_height) if i in spots else (0, 0, 0, 0) for i in range(len(words))]
        return CaptionPage(dark, lit, tuple(cells))


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


def _planes(sprite: Sprite) -> tuple[tuple[Plane, Plane, Plane], tuple[Plane, Plane, Plane]]:
    """As two sets of three that :func:`copy_rect` copies: the second repeats chroma's keep, which costs nothing."""
    return (sprite.luma, sprite.u, sprite.v), (sprite.keep, sprite.chroma_keep, sprite.chroma_keep)


class CaptionView:
    """The caption as it stands on one canvas: a page with some of its words lit."""

    def __init__(self, press: CaptionPress) -> None:
        self._press = press
        self._state = CaptionState()
        self._page: CaptionPage | None = None
        self._lit: list[bool] = []
        self.placed: Placed | None = None
        """What is to be blended, None without a caption."""

    def show(self, state: CaptionState) -> list[Rect]:
        """Turn to this caption; return the rectangles of the stage that this changes."""
        if state == self._state:
            return []
        self._state = state
        page = self._press.page(state)
        rects = [] if page is self._page else self._turn(page)
        if page is None or self.placed is None:
            return rects
        sprite = self.placed.sprite
        for index, (word, cell) in enumerate(zip(state.words, page.words, strict=True)):
            if word.lit != self._lit[index]:
                self._lit[index] = word.lit
                for source, target in zip(_planes(page.lit if word.lit else page.dark), _planes(sprite), strict=True):
                    copy_rect(source, target, cell)
                rects.append((cell[0] + sprite.left, cell[1] + sprite.top, cell[2] + sprite.left, cell[3] + sprite.top))
        return [rect for rect in rects if rect[0] < rect[2] and rect[1] < rect[3]]

    def _turn(self, page: CaptionPage | None) -> list[Rect]:
        before = self.placed
        self._page = page
        self.placed = None
        if page is not None:
            dark = page.dark
            luma, keep, u, v, chroma_keep = (
                plane.copy() for plane in (dark.luma, dark.keep, dark.u, dark.v, dark.chroma_keep)
            )
            working = Sprite(luma, keep, u, v, chroma_keep, dark.left, dark.top)
            self.placed = Placed(working, QUARTERS * dark.left, QUARTERS * dark.top)
            self._lit = [False] * len(page.words)
        return [placed.bounds for placed in (before, self.placed) if placed is not None]
