"""The TV: which film is on, since when, and what has become of it. Nothing here waits, but offline.

A film is opened in a thread of its own while the one before it plays on. A file that is no film, that breaks or whose
disk does not answer is reported by name, and the show goes on. A thread that a disk holds cannot be ended; it is
abandoned, and while :data:`MOST_ABANDONED` of them are held no other film is opened, so that their number is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from duologue.audio.pcm import RATE, Samples
from duologue.clock import SECOND, Clock
from duologue.errors import DuologueError, InputError
from duologue.stage.baking.art import Quad
from duologue.stage.messages import StageReport, Trouble, TvState
from duologue.stage.television.film import broken
from duologue.stage.television.picture import TvPicture
from duologue.stage.television.player import PATIENCE, FilmPlayer, hanging

MOST_ABANDONED = 4
"""Threads of films that are no longer wanted and have not ended; each holds a file, and what it has read of it."""
GRACE = 1.0
"""Seconds that the threads are given to end when the stage does."""


@dataclass(frozen=True, slots=True)
class TvFrame:
    """The TV in one frame: its picture (None when it is off), whether that is an old one, and what happened."""

    picture: TvPicture | None
    missed: bool
    reports: tuple[StageReport, ...]


class _Watch:
    """How long one waits without a sign of life.

    Only time in which we ran ourselves counts, a frame's at most between two looks: a machine that stood still, or
    frames that are made up for faster than real time, say nothing about a disk.
    """

    def __init__(self, fps: int) -> None:
        self._period = SECOND // fps
        self._waited = 0
        self._looked = 0
        self._seen = -1

    def hangs(self, now: int, progress: int) -> bool:
        """Note at ``now`` (ns) that one waits, and how far it has come; whether patience is at its end."""
        spent, self._looked = now - self._looked, now
        if progress != self._seen:
            self._seen, self._waited = progress, 0
        else:
            self._waited += min(spent, self._period)
        return self._waited >= PATIENCE * SECOND


class Television:
    """The TV of a room: ``quad`` is its screen, None for a room (``room``) that has none.

    Give it to one thread. ``patient`` (offline) waits for films to open and for exact pictures.
    """

    def __init__(self, quad: Quad | None, room: str, *, fps: int, clock: Clock, patient: bool) -> None:
        self._quad = quad
        self._room = room
        self._fps = fps
        self._clock = clock
        self._patient = patient
        self._every = 1
        self._player: FilmPlayer | None = None
        self._since = -1
        self._opening: FilmPlayer | None = None
        self._waiting: Path | None = None
        self._abandoned: list[FilmPlayer] = []
        self._watch = self._opening_watch = _Watch(fps)
        self._reports: list[StageReport] = []

    @property
    def on(self) -> bool:
        """Whether it shows something."""
        return self._player is not None

    @property
    def abandoned(self) -> int:
        """Threads of films no longer wanted that have not ended; at most :data:`MOST_ABANDONED`."""
        self._abandoned = [player for player in self._abandoned if player.alive]
        return len(self._abandoned)

    def show(self, path: Path | None) -> None:
        """Play a film from its start as soon as it is open, or switch the TV off. The last one asked for wins."""
        self._waiting = None
        if self._opening is not None:
            self._leave(self._opening)
            self._opening = None
        if path is None:
            self._off()
        elif self._quad is None:
            self._fail(path, no_tv(self._room))
        else:
            self._opening_watch = _Watch(self._fps)
            self._admit(path)

    def every(self, frames: int) -> None:
        """Show a new picture only in every so many frames, light likewise, from now on; 1 is all of them."""
        self._every = frames
        for player in (self._player, self._opening):
            if player is not None:
                player.every = frames

    def skip(self, frames: int) -> None:
        """The show leaves out so many frames: the film goes on where it stopped, picture and sound together."""
        if self._since >= 0:
            self._since += frames

    def frame(self, number: int) -> TvFrame:
        """The TV in show frame ``number``; numbers rise."""
        now = self._clock.now()
        self._advance_opening(now)
        picture, missed = None, False
        player = self._player
        if player is not None:
            if self._since < 0:
                self._since = number
            misses = player.misses
            picture = player.picture(number - self._since)
            missed = player.misses > misses
            if missed and self._watch.hangs(now, player.progress):
                player.failure = hanging(player.path)
            if player.failure is not None:
                self._leave(player)
                self._player = picture = None
                self._fail(player.path, player.failure)
        reports, self._reports = tuple(self._reports), []
        return TvFrame(picture, missed, reports)

    def sound(self, start: int, count: int) -> Samples:
        """The film's sound for ``count`` samples of the show from ``start``: stereo, silence when it is off."""
        if self._player is None or self._since < 0:
            return np.zeros((count, 2), np.float32)
        return self._player.sound(start - self._since * RATE // self._fps, count)

    def close(self) -> None:
        """End the threads; one that a disk holds is left to the end of the process."""
        self.show(None)
        for player in self._abandoned:
            player.join(GRACE / len(self._abandoned))

    def _advance_opening(self, now: int) -> None:
        if self._waiting is not None and not self._admit(self._waiting) and self._opening_watch.hangs(now, 0):
            self._fail(self._waiting, hanging(self._abandoned[0].path))
            self._waiting = None
        player = self._opening
        if player is None:
            return
        try:
            opened = player.opened(wait=self._patient)
            if not opened and self._opening_watch.hangs(now, player.progress):
                raise hanging(player.path)
        except DuologueError as error:
            self._leave(player)
            self._opening = None
            self._fail(player.path, error)
            return
        if opened:
            self._begin(player)

    def _admit(self, path: Path) -> bool:
        """Begin to open a film, or have it wait while too many threads are held."""
        if self._quad is None or self.abandoned >= MOST_ABANDONED:
            self._waiting = path
            return False
        self._waiting = None
        self._opening_watch = _Watch(self._fps)
        try:
            self._opening = FilmPlayer(path, self._quad, fps=self._fps, blocking=self._patient, every=self._every)
        except RuntimeError as error:  # the machine gives no more threads
            self._fail(path, broken(path, "film", error))
        return True

    def _begin(self, player: FilmPlayer) -> None:
        if self._player is not None:
            self._leave(self._player)
        self._player, self._opening, self._since = player, None, -1
        self._watch = _Watch(self._fps)
        self._reports.append(TvState(player.path))
        if player.mute is not None:
            self._trouble(player.mute)

    def _off(self) -> None:
        if self._player is not None:
            self._leave(self._player)
            self._player = None
            self._reports.append(TvState(None))

    def _leave(self, player: FilmPlayer) -> None:
        player.close()
        self._abandoned.append(player)

    def _fail(self, path: Path, error: DuologueError) -> None:
        """A film is not shown (any more); one that plays beside it plays on."""
        self._trouble(error)
        self._reports.append(TvState(self._player.path if self._player is not None else None, failed=path))

    def _trouble(self, error: DuologueError) -> None:
        self._reports.append(Trouble(error.what, error.where, error.remedy))


def no_tv(room: str) -> InputError:
    """The error of a film for a room without a screen."""
    return InputError(f"the room {room} has no TV", where="room.toml: tv.screen", remedy="Choose a room that has one.")
