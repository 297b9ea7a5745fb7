"""Voice activity shared by many listeners: frames that come close together are one step of the engine.

A step costs 0.2 ms for one frame and 0.06 ms for each further one, so fifty sessions that step alone spend three times
what they spend together. The first frame that comes opens a window of :data:`WINDOW_MS`; what has come by its end is
stepped, at most :data:`BATCH` frames at a time, so that no step holds the loop for more than about a millisecond; what
is left follows in the loop's next turn. A window adds its length to the time in which an onset is known, and nothing
else: every frame carries the time at which it ended.

Frames of one listener are told in order. One that brings more than :data:`BACKLOG` frames at once (a file, not a
microphone) pays for them itself, in its own call: nothing piles up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from duologue.audio.pcm import Samples
from duologue.speech.hearing import VoiceActivity

WINDOW_MS = 4.0
"""How long the first frame waits for others."""
BATCH = 16
"""Frames of one step."""
BACKLOG = 8
"""Frames of one listener that may wait: 256 ms."""

Tell: TypeAlias = Callable[[object, Samples, int], None]
"""Takes what the engine gave for a frame (a probability, or the exception that it raised), the frame, and its end (ns).
Must not raise.
"""


@dataclass(slots=True)
class _Listener:
    tell: Tell
    waiting: deque[tuple[Samples, int]] = field(default_factory=deque[tuple[Samples, int]])


class SharedActivity:
    """One engine for all listeners of one event loop. With a window of 0 each frame is stepped in its own call."""

    def __init__(self, engine: VoiceActivity, window_ms: float = WINDOW_MS) -> None:
        self._engine = engine
        self._window = window_ms / 1000
        self._listeners: dict[int, _Listener] = {}
        self._ready: dict[int, None] = {}
        self._timer: asyncio.Handle | None = None
        self.frames = 0
        """Frames stepped so far."""
        self.steps = 0
        """Steps of the engine so far."""

    def open(self, tell: Tell) -> int:
        """A new listener's id."""
        stream = self._engine.open()
        self._listeners[stream] = _Listener(tell)
        return stream

    def push(self, stream: int, frame: Samples, end: int) -> None:
        """The next frame of a listener, which ended at ``end`` (ns)."""
        waiting = self._listeners[stream].waiting
        waiting.append((frame, end))
        self._ready[stream] = None
        if not self._window:
            self._step([stream])
            return
        while len(waiting) > BACKLOG:
            self._step([stream])
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._window, self._flush)

    def clear(self, stream: int) -> None:
        """What waits of a listener is not told any more."""
        self._listeners[stream].waiting.clear()
        self._ready.pop(stream, None)

    def forget(self, stream: int) -> None:
        """The listener is gone; forgetting twice is fine."""
        if self._listeners.pop(stream, None) is not None:
            self._ready.pop(stream, None)
            self._engine.forget(stream)

    def _flush(self) -> None:
        self._timer = None
        batch = [stream for stream, _ in zip(self._ready, range(BATCH), strict=False)]
        if batch:
            self._step(batch)
        if self._ready:
            self._timer = asyncio.get_running_loop().call_soon(self._flush)

    def _step(self, batch: list[int]) -> None:
        """One frame of each listener in ``batch``. Who has more waits again, behind the others."""
        taken: dict[int, tuple[Samples, int]] = {}
        for stream in batch:
            waiting = self._listeners[stream].waiting
            taken[stream] = waiting.popleft()
            del self._ready[stream]
            if waiting:
                self._ready[stream] = None
        self.steps += 1
        self.frames += len(taken)
        found = self._ask({stream: frame for stream, (frame, _) in taken.items()})
        for stream, (frame, end) in taken.items():
            if listener := self._listeners.get(stream):  # what was told before may have ended it
                listener.tell(found.get(stream), frame, end)

    def _ask(self, frames: Mapping[int, Samples]) -> Mapping[int, object]:
        try:
            found = self._engine.step(frames)
            return {stream: found[stream] for stream in frames if stream in found}
        except Exception as error:  # an engine may come from a stranger's package; each listener decides
            return dict.fromkeys(frames, error)
