"""The TV: a clip decoded, looped and warped into the screen ahead of need, in a thread of its own.

Show frame ``n`` since play began shows what the clip shows at sample ``n * 48000 / fps``, modulo the clip's length; its
sound is taken at the same samples. So picture and sound are one clock for any length of time, on every run.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator
from pathlib import Path

import numpy as np

from duologue.audio.pcm import RATE, Samples, from_int16
from duologue.errors import ClosedError, DuologueError, InputError, PeerError
from duologue.stage.art import Quad
from duologue.stage.television_clip import ClipFrame, clip_frames, clip_length, clip_sound
from duologue.stage.television_picture import TvPicture
from duologue.stage.television_screen import Glow, Screen

AHEAD = 8
"""Pictures kept ready; the thread waits while there are as many."""

TOLERANCE = RATE // 1000
"""A picture may be shown this much early (samples): Matroska rounds times to milliseconds."""


class _Reel:
    """The pictures of a clip in order, looped. ``length`` (samples) is what the file claims until its end was seen."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.length = clip_length(path)
        self._frames = self._looped()
        self._now = next(self._frames)
        self._next = next(self._frames, None)

    def at(self, sample: int) -> ClipFrame:
        """The picture at a sample since play began; samples must not go back."""
        while self._next is not None and self._next.at <= sample + TOLERANCE:
            self._now, self._next = self._next, next(self._frames, None)
        return self._now

    def close(self) -> None:
        """Close the file."""
        self._frames.close()

    def _looped(self) -> Generator[ClipFrame]:
        begin, settled = 0, False
        while True:
            count, last = 0, 0
            for frame in clip_frames(self._path):
                if self.length and frame.at >= self.length:
                    break
                count, last = count + 1, frame.at
                yield ClipFrame(begin + frame.at, frame.frame)
            if count == 0:
                raise InputError(
                    "The TV cannot play this file: it holds no picture that can be decoded",
                    where=str(self._path),
                    remedy="Choose another file, or convert this one with ffmpeg.",
                )
            if count == 1:
                return  # a still: its picture stays
            if not settled:
                self._settle(last + last // (count - 1))
                settled = True
            begin += self.length

    def _settle(self, end: int) -> None:
        """A file that claims nothing, or is shorter than it claims (it was cut off), is looped where it ends."""
        if not self.length or end + RATE // 2 < self.length:
            self.length = end


class Television:
    """Plays one clip from its start until :meth:`close`.

    Opening decodes the first picture and all sound, so do it beside the frame path. It raises :class:`InputError` for
    a file that is missing, corrupt or without a picture. ``blocking`` (offline) makes :meth:`picture` wait for the
    exact picture; otherwise the newest one that is ready is given and :attr:`misses` counted. When the clip breaks off
    later, :attr:`failure` says so once its good pictures were shown.
    """

    def __init__(self, path: Path, quad: Quad, *, fps: int, blocking: bool = False) -> None:
        self.path = path
        self.misses = 0
        self.failure: DuologueError | None = None
        self._fps = fps
        self._blocking = blocking
        self._screen = Screen(quad)
        self._glow = Glow(fps)
        self._reel = _Reel(path)
        self._sound = clip_sound(path)
        self._shown: ClipFrame | None = None
        self._last = self._make(0)
        self._ready: deque[TvPicture] = deque()
        self._wanted = 0
        self._ended: DuologueError | None = None
        self._closing = False
        self._turn = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="television", daemon=True)
        self._thread.start()

    @property
    def length(self) -> int:
        """After how many samples (48 kHz) the clip begins again; 0 for a still without sound."""
        return self._reel.length

    def picture(self, index: int) -> TvPicture:
        """What the screen shows in frame ``index`` since play began; call with rising indices.

        Raises :class:`ClosedError` after :meth:`close`.
        """
        with self._turn:
            if self._closing:
                raise ClosedError("the TV was switched off")
            self._wanted = max(self._wanted, index)
            self._take(index)
            while self._blocking and self._last.index < index and self._ended is None:
                self._turn.wait()
                self._take(index)
            if self._last.index < index:
                if self._ended is not None:
                    self.failure = self._ended
                else:
                    self.misses += 1
            self._turn.notify_all()
            return self._last

    def sound(self, start: int, count: int) -> Samples:
        """``count`` samples of the clip's sound from sample ``start`` since play began: 48 kHz stereo, looped."""
        at = np.arange(start, start + count)
        length = self._reel.length or len(self._sound)
        if not length or self.failure is not None:
            return np.zeros((count, 2), np.float32)
        at %= length
        stereo = np.zeros((count, 2), np.float32)
        heard = (at < len(self._sound)) & (np.arange(start, start + count) >= 0)
        stereo[heard] = from_int16(self._sound[at[heard]])
        return stereo

    def close(self) -> None:
        """Stop, and wait for the thread to end."""
        with self._turn:
            self._closing = True
            self._turn.notify_all()
        self._thread.join()

    def _take(self, index: int) -> None:
        while self._ready and self._ready[0].index <= index:
            self._last = self._ready.popleft()
            self._turn.notify_all()

    def _run(self) -> None:
        index = 1
        try:
            while True:
                with self._turn:
                    self._turn.wait_for(lambda: self._closing or len(self._ready) < AHEAD)
                    if self._closing:
                        return
                    if not self._blocking:
                        index = max(index, self._wanted)  # too late for the ones before
                picture = self._make(index)
                with self._turn:
                    self._ready.append(picture)
                    self._turn.notify_all()
                index += 1
        except DuologueError as error:
            self._end(error)
        except Exception as error:  # whatever a decoder finds in a stranger's file, the show goes on
            self._end(
                PeerError(f"The TV's clip cannot be played on: {error}", where=str(self.path), remedy="Repair it.")
            )
        finally:
            self._reel.close()

    def _end(self, error: DuologueError) -> None:
        with self._turn:
            self._ended = error
            self._turn.notify_all()

    def _make(self, index: int) -> TvPicture:
        shown = self._reel.at(index * RATE // self._fps)
        if shown is not self._shown:
            self._shown = shown
            self._flat = self._screen.flat(shown.frame)
            self._sprite = self._screen.sprite(self._flat)
        return TvPicture(index, self._sprite, self._glow.after(self._flat))
