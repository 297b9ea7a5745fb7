"""A far end in virtual time: it plays what it is sent, on a clock of its own, and what it says comes late."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from duologue.audio.pcm import RATE, Samples, silence
from duologue.clock import MILLISECOND, SECOND, Clock
from duologue.dialogue.far_end.remote_sink import FarEndMessage, MessageKind, RemoteSink

STEP_MS = 5
_STEP = RATE * STEP_MS // 1000


@dataclass(frozen=True, slots=True)
class FarHabits:
    """``positions`` are said every ``every_ms``, ``marks`` when they are reached; ``tells_stop`` answers a clear.

    What is sent takes ``there_ms``, what it says between ``quick_ms`` and ``slow_ms``, in order; its clock runs at
    ``pace``.
    """

    positions: bool = True
    marks: bool = False
    tells_stop: bool = True
    every_ms: int = 100
    there_ms: float = 15.0
    quick_ms: float = 20.0
    slow_ms: float = 200.0
    pace: float = 1.0


@dataclass(slots=True)
class _Queued:
    id: str
    start: int
    gap: int
    more: bool
    pieces: list[tuple[Samples, str]] = field(default_factory=list[tuple[Samples, str]])
    place: int = 0
    """Samples of the first piece that were played."""


class FarPlayer:
    """Hand :meth:`write` to :meth:`~duologue.dialogue.far_end.remote_sink.RemoteSink.connect`, and call :meth:`run`
    beside it.

    ``recording`` is all that was heard, silence included, at its own pace.
    """

    def __init__(self, sink: RemoteSink, habits: FarHabits, clock: Clock, seed: int = 0) -> None:
        self._sink = sink
        self._habits = habits
        self._clock = clock
        self._chance = random.Random(seed)
        self._coming: deque[tuple[int, FarEndMessage]] = deque()
        self._going: deque[tuple[int, Callable[[], None]]] = deque()
        self._queue: deque[_Queued] = deque()
        self._marks: list[str] = []
        self._paused = False
        self._rested = 0
        self._blocks: list[Samples] = []

    @property
    def recording(self) -> Samples:
        """48 kHz."""
        return np.concatenate([silence(0), *self._blocks])

    async def write(self, message: FarEndMessage) -> None:
        """It arrives later."""
        self._coming.append((self._clock.now() + round(self._habits.there_ms * MILLISECOND), message))

    async def run(self) -> None:
        """Play until cancelled."""
        began, number = self._clock.now(), 0
        while True:
            number += 1
            now = began + round(number * STEP_MS * MILLISECOND / self._habits.pace)
            await self._clock.wait_until(now)
            while self._coming and self._coming[0][0] <= now:
                self._obey(self._coming.popleft()[1], number)
            self._blocks.append(self._play())
            if self._habits.positions and number % (self._habits.every_ms // STEP_MS) == 0:
                self._tell_position(number)
            while self._going and self._going[0][0] <= now:
                self._going.popleft()[1]()

    def _say(self, word: Callable[[], None]) -> None:
        late = self._chance.uniform(self._habits.quick_ms, self._habits.slow_ms)
        due = self._clock.now() + round(late * MILLISECOND)
        self._going.append((max(due, self._going[-1][0] if self._going else 0), word))

    def _stamp(self, number: int) -> int:
        """Of its own clock, which began somewhere."""
        return 7 * SECOND + number * STEP_MS * MILLISECOND

    def _obey(self, message: FarEndMessage, number: int) -> None:
        match message.kind:
            case MessageKind.PLAY:
                self._queue.append(_Queued(message.id, message.start, message.gap, message.more))
                self._add(self._queue[-1], message)
            case MessageKind.EXTEND:
                for queued in self._queue:
                    if queued.id == message.id:
                        self._add(queued, message)
            case MessageKind.PAUSE:
                self._paused = True
                self._tell_position(number)
            case MessageKind.RESUME:
                self._paused = False
            case MessageKind.WITHDRAW:
                self._queue = deque(queued for queued in self._queue if queued.id != message.id)
            case MessageKind.CLEAR:
                self._clear(number)

    def _add(self, queued: _Queued, message: FarEndMessage) -> None:
        assert message.samples is not None
        queued.pieces.append((message.samples, message.mark))
        queued.more = message.more

    def _clear(self, number: int) -> None:
        first = self._queue[0] if self._queue else None
        unplayed = [mark for queued in self._queue for _, mark in queued.pieces]
        self._queue.clear()
        self._paused = False
        if self._habits.tells_stop:
            utterance_id, played = (first.id, first.start + first.place) if first else ("", 0)
            stamp = self._stamp(number)
            self._say(lambda: self._sink.stopped(utterance_id, played, stamp))
        if self._habits.marks:
            for mark in unplayed:
                self._say(lambda mark=mark: self._sink.marked(mark))

    def _play(self) -> Samples:
        block = silence(_STEP)
        at = 0
        while at < _STEP and not self._paused and self._queue:
            first = self._queue[0]
            if self._rested < first.gap:
                waited = min(first.gap - self._rested, _STEP - at)
                self._rested, at = self._rested + waited, at + waited
                continue
            if not first.pieces:
                if first.more:
                    break
                self._queue.popleft()
                self._say_position(first)
                self._rested = 0
                continue
            samples, mark = first.pieces[0]
            taken = min(len(samples) - first.place, _STEP - at)
            block[at : at + taken] = samples[first.place : first.place + taken]
            first.place, at = first.place + taken, at + taken
            if first.place == len(samples):
                first.pieces.pop(0)
                first.start, first.place = first.start + len(samples), 0
                if self._habits.marks:
                    self._say(lambda mark=mark: self._sink.marked(mark))
        self._rested += _STEP - at
        return block

    def _say_position(self, queued: _Queued) -> None:
        """The end of an utterance is always said."""
        if self._habits.positions:
            utterance_id, played = queued.id, queued.start
            self._say(lambda: self._sink.acknowledge(utterance_id, played))

    def _tell_position(self, number: int) -> None:
        if self._queue and self._habits.positions:
            first, stamp = self._queue[0], self._stamp(number)
            played = first.start + first.place
            self._say(lambda: self._sink.acknowledge(first.id, played, stamp))
