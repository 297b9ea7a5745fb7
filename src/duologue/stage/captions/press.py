"""Captions on air: pages are set in a thread of their own, in the order of their need; a frame copies words.

A line's pages are announced when the line is queued (:meth:`CaptionPress.prepare`), which may be minutes before. Only
what is shown and the next few are kept as pictures; the rest waits as words, so any number of lines can be queued and
none pushes out what is needed sooner.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from itertools import islice
from typing import TypeAlias

from duologue.errors import DuologueError, InternalError
from duologue.priority import lower_this_thread
from duologue.stage.captions.typesetting import CaptionPage, SpeakerLook, Typesetter
from duologue.stage.compositor.placing import QUARTERS, PlacedSprite
from duologue.stage.compositor.planes import Sprite
from duologue.stage.frames import Plane, Rect, copy_rect
from duologue.stage.motion.pose import CaptionState

AHEAD = 6
"""Pages set before they are needed. One of speech lasts some seconds and is set in 10 ms."""
SHOWN = 2
"""Pages that were shown last and are kept: a caption between two lines comes back."""
QUEUED = 1024
"""Pages that may wait as words, two hours of speech. Those beyond are set when they are needed, and shown late."""

_Key: TypeAlias = tuple[str, tuple[str, ...]]


def _key_of(state: CaptionState) -> _Key:
    return state.speaker, tuple(word.text for word in state.words)


class CaptionPress:
    """Sets pages beside the frame path and keeps the few that are needed next. Any thread may call it.

    ``speakers`` maps a speaker's name to how it is shown; others are shown by their name in white. ``patient``
    (offline) tells who shows the pages to wait for them.
    """

    def __init__(
        self, width: int, height: int, speakers: Mapping[str, SpeakerLook] | None = None, *, patient: bool = True
    ) -> None:
        self.patient = patient
        self._typesetter = Typesetter(width, height, speakers)
        self._coming: deque[_Key] = deque()
        self._shown: deque[_Key] = deque(maxlen=SHOWN)
        self._pages: dict[_Key, CaptionPage | None] = {}
        self._failure: DuologueError | None = None
        self._closing = False
        self._turn = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="captions", daemon=True)
        self._started = False

    @property
    def kept(self) -> int:
        """Pages in memory, at most ``AHEAD + SHOWN``."""
        return len(self._pages)

    def prepare(self, *states: CaptionState) -> None:
        """Announce pages, in the order in which they will be shown after those announced before."""
        with self._turn:
            self._coming.extend(_key_of(state) for state in states[: QUEUED - len(self._coming)] if state.words)
            self._look()

    def ready(self, state: CaptionState) -> bool:
        """Whether :meth:`page` would not wait; if it would, the page is set next. Never waits itself."""
        if not state.words:
            return True
        key = _key_of(state)
        with self._turn:
            self._need(key)
            return key in self._pages

    def page(self, state: CaptionState) -> CaptionPage | None:
        """The page of a caption; None when there is nothing to show. Waits until it is set."""
        if not state.words:
            return None
        key = _key_of(state)
        with self._turn:
            self._need(key)
            self._turn.wait_for(lambda: key in self._pages or self._closing)
            return self._pages.get(key)

    def failure(self) -> DuologueError | None:
        """Why a page could not be set, once for each: it is shown as nothing."""
        with self._turn:
            failure, self._failure = self._failure, None
            return failure

    def close(self) -> None:
        """End the thread."""
        with self._turn:
            self._closing = True
            self._turn.notify_all()
        if self._started:
            self._thread.join()

    def _need(self, key: _Key) -> None:
        """A page is shown now: what was announced before it is over, or was taken back."""
        if self._shown and self._shown[-1] == key:
            return
        if key in self._coming:
            while self._coming.popleft() != key:
                pass
        if key in self._shown:
            self._shown.remove(key)
        self._shown.append(key)
        self._look()

    def _needed(self) -> list[_Key]:
        return [*reversed(self._shown), *islice(self._coming, AHEAD)]

    def _look(self) -> None:
        """Drop what is no longer needed, and have set what is missing."""
        needed = self._needed()
        for key in [key for key in self._pages if key not in needed]:
            del self._pages[key]
        missing = None if self._started or self._closing else self._missing()
        if missing is not None:
            try:
                self._thread.start()
                self._started = True
            except RuntimeError as error:  # the machine gives no more threads; the next page asks again
                self._pages[missing], self._failure = None, _cannot(missing, error)
        self._turn.notify_all()

    def _missing(self) -> _Key | None:
        return next((key for key in self._needed() if key not in self._pages), None)

    def _run(self) -> None:
        if not self.patient:
            lower_this_thread()  # a caption may come a frame late; a frame may not
        while (key := self._await_work()) is not None:
            page, failure = self._set(key)
            with self._turn:
                self._pages[key] = page
                self._failure = failure or self._failure
                self._look()

    def _await_work(self) -> _Key | None:
        with self._turn:
            self._turn.wait_for(lambda: self._closing or self._missing() is not None)
            return None if self._closing else self._missing()

    def _set(self, key: _Key) -> tuple[CaptionPage | None, DuologueError | None]:
        try:
            return self._typesetter.page(*key), None
        except Exception as error:  # whatever a text does to the typesetter, the show goes on without its caption
            return None, _cannot(key, error)


def _cannot(key: _Key, error: Exception) -> InternalError:
    what = f"A caption cannot be set: {type(error).__name__}: {error}"
    return InternalError(what, where=" ".join(key[1])[:80], remedy="It is left out.")


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
        self.placed: PlacedSprite | None = None
        """What is to be blended, None without a caption."""

    def show(self, state: CaptionState) -> list[Rect]:
        """Turn to this caption; return the rectangles of the stage that this changes.

        Unless the press is patient, a page that is not set yet is not waited for: the caption before stays until it is.
        """
        if state == self._state or not (self._press.patient or self._press.ready(state)):
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
            self.placed = PlacedSprite(working, QUARTERS * dark.left, QUARTERS * dark.top)
            self._lit = [False] * len(page.words)
        return [placed.bounds for placed in (before, self.placed) if placed is not None]
