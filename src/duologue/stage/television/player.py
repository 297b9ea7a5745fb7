"""A film played: opened, decoded, looped and warped into the screen ahead of need, in a thread of its own.

Show frame ``n`` since play began shows what the film shows at sample ``n * 48000 / fps``, modulo its length; its sound
is taken at the same samples. So picture and sound are one clock for any length of time, on every run.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from duologue.audio.pcm import RATE, Samples, from_int16
from duologue.errors import ClosedError, DuologueError, InputError, PeerError
from duologue.priority import lower_this_thread
from duologue.stage.baking.art import Quad
from duologue.stage.compositor.planes import Sprite
from duologue.stage.frames import Plane
from duologue.stage.television.film import LONGEST, FilmFrame, Tick, broken, film_frames, film_length, film_sound
from duologue.stage.television.picture import TvLight, TvPicture
from duologue.stage.television.screen import Glow, Screen

AHEAD = 8
"""Pictures kept ready; the thread waits while there are as many."""

TOLERANCE = RATE // 1000
"""A picture may be shown this much early (samples): Matroska rounds times to milliseconds."""

LATE = RATE
"""A thread that is this far behind (samples) leaps to the next key picture: were all between decoded, one that is short
of CPU would fall behind further with every picture."""

SHORTEST = RATE // 10
"""A film that is over sooner (samples) is shown as a still: to loop it is to open its file without end."""

PATIENCE = 10.0
"""Seconds after which a disk that gives nothing is said not to answer."""

SILENCE: NDArray[np.int16] = np.zeros((0, 2), np.int16)


class _Reel:
    """The pictures of a film in order, looped. ``length`` (samples) is what the file claims until its end was seen."""

    def __init__(self, path: Path, tick: Tick) -> None:
        self._path = path
        self._tick = tick
        self._asked = 0
        self.length = film_length(path)
        self._frames = self._looped()
        self._now = next(self._frames)
        self.origin = self._now.frame.time
        """When the picture begins, in the file's own time (seconds); None if it does not say."""
        self._next = next(self._frames, None)

    def at(self, sample: int) -> FilmFrame:
        """The picture at a sample since play began; samples must not go back."""
        self._asked = sample
        while self._next is not None and self._next.at <= sample + TOLERANCE:
            self._now, self._next = self._next, next(self._frames, None)
        return self._now

    def close(self) -> None:
        """Close the file."""
        self._frames.close()

    def _looped(self) -> Generator[FilmFrame]:
        begin, settled = 0, False
        while True:
            count, last, step, lasts = 0, 0, self.length or LONGEST * RATE, 0
            for frame in film_frames(self._path, self._tick, lambda at, begin=begin: begin + at + LATE < self._asked):
                if frame.at >= (self.length or LONGEST * RATE):
                    break
                step = min(step, frame.at - last) if frame.at > last else step
                count, last, lasts = count + 1, frame.at, frame.lasts
                yield replace(frame, at=begin + frame.at)
            if count == 0:
                raise InputError(
                    "The TV cannot play this file: it holds no picture that can be decoded",
                    where=str(self._path),
                    remedy="Choose another file, or convert this one with ffmpeg.",
                )
            if count == 1:
                return  # a still: its picture stays
            if not settled:
                # a GIF, a slide show or a recorded screen may rest on its last picture for long
                self._settle(min(last + (lasts or step), LONGEST * RATE) if last else 0)
                settled = True
            if self.length < SHORTEST:
                return
            begin += self.length

    def _settle(self, end: int) -> None:
        """A file that claims nothing, or is shorter than it claims (it was cut off), is looped where it ends."""
        if not self.length or end + RATE // 2 < self.length:
            self.length = end


@dataclass(frozen=True, slots=True)
class _Made:
    """A picture made ahead, right for the show frames ``begin`` … ``last`` since play began."""

    begin: int
    last: int
    picture: TvPicture


class FilmPlayer:
    """Plays one film from its start until :meth:`close`; everything that touches the file happens in its own thread.

    It shows nothing until it is :meth:`opened`. Live, :meth:`picture` does not wait: the newest one that is ready is
    given, and :attr:`misses` counted. ``blocking`` (offline) makes it wait for the exact one. Nobody waits for more
    than ``patience`` seconds without a sign of life from the file. When the film breaks off later, :attr:`failure` says
    so once its good pictures were shown. ``every`` (1 or more, set it at any frame) shows a new picture only in every
    so many show frames, and makes no others; sound is not touched by it.
    """

    def __init__(
        self, path: Path, quad: Quad, *, fps: int, blocking: bool = False, patience: float = PATIENCE, every: int = 1
    ) -> None:
        self.path = path
        self.every = every
        self.misses = 0
        self.made = 0
        """Pictures that were scaled and brought into perspective so far."""
        self.progress = 0
        """Packets read and pictures made so far: what does not rise while somebody waits hangs."""
        self.failure: DuologueError | None = None
        self.mute: DuologueError | None = None
        """Why the film's sound ends before its time, once it is opened."""
        self._quad = quad
        self._fps = fps
        self._blocking = blocking
        self._patience = patience
        self._sound = SILENCE
        self._reel: _Reel | None = None
        self._last: _Made | None = None
        self._ready: deque[_Made] = deque()
        self._wanted = 0
        self._ended: DuologueError | None = None
        self._closing = False
        self._turn = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="television", daemon=True)
        self._thread.start()

    @property
    def length(self) -> int:
        """After how many samples (48 kHz) the film begins again; 0 for a still without sound."""
        return 0 if self._reel is None else self._reel.length

    @property
    def alive(self) -> bool:
        """Whether its thread has not ended yet: after :meth:`close`, whether the disk holds it."""
        return self._thread.is_alive()

    def opened(self, *, wait: bool = False) -> bool:
        """Whether there is a picture to show; ``wait`` until that is known.

        Raises :class:`DuologueError` when there will be none: an :class:`InputError` for a file that is missing,
        corrupt or without a picture.
        """
        with self._turn:
            while wait and self._last is None and self._ended is None:
                self._wait()
            if self._last is None and self._ended is not None:
                raise self._ended
            return self._last is not None

    def picture(self, index: int) -> TvPicture:
        """What the screen shows in frame ``index`` since play began; call with rising indices, once it is opened.

        Raises :class:`ClosedError` after :meth:`close`, and before it is opened.
        """
        with self._turn:
            if self._closing or self._last is None:
                raise ClosedError("the TV was switched off")
            self._wanted = max(self._wanted, index)
            due = index - index % self.every
            shown = self._take(self._last, due)
            while self._blocking and shown.last < due and self._ended is None:
                self._wait()
                shown = self._take(shown, due)
            if shown.last < due:
                if self._ended is not None:
                    self.failure = self._ended
                else:
                    self.misses += 1
            self._last = shown
            self._turn.notify_all()
            return shown.picture

    def sound(self, start: int, count: int) -> Samples:
        """``count`` samples of the film's sound from sample ``start`` since play began: 48 kHz stereo, looped."""
        at = np.arange(start, start + count)
        sound = self._sound
        length = self.length or len(sound)
        if not length or self.failure is not None:
            return np.zeros((count, 2), np.float32)
        at %= length
        stereo = np.zeros((count, 2), np.float32)
        heard = (at < len(sound)) & (np.arange(start, start + count) >= 0)
        stereo[heard] = from_int16(sound[at[heard]])
        return stereo

    def close(self) -> None:
        """Stop. The thread ends by itself, at once unless the disk holds it; nobody waits for that."""
        with self._turn:
            self._closing = True
            self._sound = SILENCE
            self._ready.clear()
            self._turn.notify_all()

    def join(self, seconds: float) -> None:
        """Wait for the thread's end, but no longer than this."""
        self._thread.join(seconds)

    def _wait(self) -> None:
        """Wait for the thread; one that gives no sign of life for too long is given up."""
        before = self.progress
        if not self._turn.wait(self._patience) and self.progress == before and self._ended is None:
            self._ended = hanging(self.path)

    def _take(self, shown: _Made, due: int) -> _Made:
        while self._ready and self._ready[0].begin <= due:
            shown = self._ready.popleft()
            self._turn.notify_all()
        return shown

    def _tick(self) -> None:
        self.progress += 1
        if self._closing:
            raise ClosedError("the TV was switched off")

    def _run(self) -> None:
        if not self._blocking:
            lower_this_thread()  # frames come first; a picture that is late is shown late
        try:
            self._open_and_make()
        except DuologueError as error:
            self._end(error)
        except Exception as error:  # whatever a decoder finds in a stranger's file, the show goes on
            self._end(broken(self.path, "film", error))
        finally:
            if self._reel is not None:
                self._reel.close()

    def _open_and_make(self) -> None:
        reel = _Reel(self.path, self._tick)
        sound = self._read_sound(reel.origin)
        maker = _Maker(reel, self._quad, self._fps)
        first = _Made(0, 0, maker.make(0, 1))
        with self._turn:
            self._reel = reel
            if not self._closing:
                self._sound, self._last = sound, first
            self._turn.notify_all()
        index = 1
        while True:
            with self._turn:
                self._turn.wait_for(lambda: self._closing or len(self._ready) < AHEAD)
                if self._closing:
                    return
                if not self._blocking:
                    index = max(index, self._wanted)  # too late for the ones before
                every = self.every
            following = (index // every + 1) * every
            picture = maker.make(index, following - index)
            self.made = maker.made
            with self._turn:
                self.progress += 1
                self._ready.append(_Made(index, following - 1, picture))
                self._turn.notify_all()
            index = following

    def _read_sound(self, origin: float | None) -> NDArray[np.int16]:
        blocks: list[NDArray[np.int16]] = []
        try:
            blocks.extend(film_sound(self.path, self._tick, origin))
        except ClosedError:
            raise
        except DuologueError as error:
            self.mute = error
        except Exception as error:  # a film whose sound no decoder can make out is shown without it
            self.mute = broken(self.path, "sound", error)
        return np.concatenate(blocks) if blocks else SILENCE

    def _end(self, error: DuologueError) -> None:
        with self._turn:
            self._ended = self._ended or error
            self._turn.notify_all()


class _Maker:
    """Makes pictures of the screen; what is shown again is not made again."""

    def __init__(self, reel: _Reel, quad: Quad, fps: int) -> None:
        self.made = 0
        self._reel = reel
        self._fps = fps
        self._screen = Screen(quad)
        self._glow = Glow(fps)
        self._shown: FilmFrame | None = None
        self._flat: Plane | None = None
        self._sprite: Sprite | None = None
        self._light = TvLight()

    def make(self, index: int, frames: int) -> TvPicture:
        """The picture of show frame ``index``, which is shown for so many."""
        shown = self._reel.at(index * RATE // self._fps)
        if shown is not self._shown or self._flat is None or self._sprite is None:
            self._shown = shown
            flat = self._screen.flat(shown.frame, shown.pixel)
            if self._flat is None or self._sprite is None or not np.array_equal(flat, self._flat):
                self._sprite = self._screen.sprite(flat)
                self.made += 1
            self._flat = flat
        return TvPicture(self._sprite, self._glow.after(self._flat, frames))


def hanging(path: Path) -> PeerError:
    """The error of a film whose disk gives nothing."""
    return PeerError(
        "The disk that the TV's film lies on does not answer",
        where=str(path),
        remedy="See to the disk (or the network that it is reached by), or choose a film that lies elsewhere.",
    )
