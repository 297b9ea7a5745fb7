"""What is heard on a call, for whoever listens to it: one more recording, which nobody keeps.

It is made of what a recording is made of (the caller's sound as it comes off the line, ours as the far end says that it
was heard), and given on at the pace of the clock, a fixed while later: as long as it takes to know both. So it has no
gaps, and is never later than that. A listener's playout begins a little behind, so that a way which is late now and
then does not make it stutter; one that has fallen behind for good is brought back.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import replace

import numpy as np

from duologue.audio.far_playout import FarEndMessage, MessageKind
from duologue.audio.mixing import limit
from duologue.audio.pcm import RATE, Samples, silence
from duologue.audio.tracks import Tracks
from duologue.clock import MILLISECOND
from duologue.dialogue.recording import ConversationRecorder

BOTH_MS = 300
"""For both sides to be known: what was heard of ours is told every 100 ms, and has a way."""
CALLER_MS = 80
"""For the caller's alone: 20 ms, and what our loop may be late."""
STEP = 20 * MILLISECOND
BEGINS_MS = 100
"""A listener's playout begins so far behind, and again where it ran dry."""
DRY_MS = 30
"""With less before it, it runs dry."""
BEHIND_MS = 1_000
"""A listener who is farther behind is brought back; so much waits for one whose socket takes nothing."""
LONGEST_MS = 5_000
"""Of a sound: a client keeps it whole while it plays."""
KNOWN = 3
"""Sounds that a client may still tell of."""
_MS = RATE // 1000


class CallTap:
    """Gives ``give`` 48 kHz mono: both sides, or the caller ``alone``, from ``now`` (ns) on."""

    def __init__(self, give: Callable[[Samples], None], now: int, *, alone: bool) -> None:
        self.delay = (CALLER_MS if alone else BOTH_MS) * MILLISECOND
        """From when something is heard to when it is given on, at most, but for a :data:`STEP`."""
        self._alone = alone
        self._recorder = ConversationRecorder(Tracks(lambda sides: give(limit(sides[:, 0] + sides[:, 1])), apart=None))
        self._recorder.begin(now)

    def hear(self, block: Samples, at: int, now: int) -> None:
        """Of the caller: as :meth:`~duologue.dialogue.recording.ConversationRecorder.hear`."""
        self._recorder.hear(block, at, now)

    def character(self, samples: Samples, at: int) -> None:
        """Of ours: as :meth:`~duologue.dialogue.recording.ConversationRecorder.character`."""
        if not self._alone:
            self._recorder.character(samples, at)

    def tick(self, now: int) -> None:
        """Give what is due; every :data:`STEP`."""
        self._recorder.reach(now - self.delay)


class ListenerStream:
    """Sound that never ends, for one listener's playout: sounds of :data:`LONGEST_MS` that grow, each where the one
    before ends, and from the newest moment on whenever it has to begin anew. ``order`` brings a message to the client
    and waits while that takes none.
    """

    def __init__(self, name: str, order: Callable[[FarEndMessage], Awaitable[None]]) -> None:
        self.counts: Counter[str] = Counter()
        """How often it ran ``dry``, and was brought ``back``."""
        self._name = name
        self._order = order
        self._waiting: deque[Samples] = deque()
        self._news = asyncio.Event()
        self._number = 0
        self._places: OrderedDict[str, int] = OrderedDict()
        """Where the newest sounds began, among all that was sent."""
        self._sent = 0
        self._begins, self._dry = True, False
        self._sequence = 0

    def give(self, samples: Samples) -> None:
        """The next sound: 48 kHz mono."""
        self._waiting.append(samples)
        if sum(map(len, self._waiting)) > BEHIND_MS * _MS:
            self._bring_back()
        self._news.set()

    def played(self, name: str, samples: int) -> None:
        """The client has played so much of a sound."""
        begun = self._places.get(name)
        if begun is None or self._begins:
            return
        before = self._sent - begun - samples
        if before > BEHIND_MS * _MS:
            self._bring_back()
        elif before < DRY_MS * _MS and not self._dry:
            self.counts["dry"] += 1
            self._dry = True

    async def run(self) -> None:
        """Send what is given, until cancelled. Raises what ``order`` raises."""
        while True:
            await self._news.wait()
            self._news.clear()
            if not self._waiting:
                continue
            begins, dry, self._begins, self._dry = self._begins, self._dry, False, False
            margin = [silence(BEGINS_MS * _MS)] if begins or dry else []
            samples = np.concatenate([*margin, *self._waiting])
            self._waiting.clear()
            if begins and self._places:
                self._places.clear()
                await self._send(FarEndMessage(0, MessageKind.CLEAR))
            await self._go_on(samples)

    async def _go_on(self, samples: Samples) -> None:
        name, begun = next(reversed(self._places.items())) if self._places else ("", self._sent)
        kind, start = MessageKind.EXTEND, self._sent - begun
        if not name:
            self._number += 1
            name, kind = f"{self._name}/{self._number}", MessageKind.PLAY
            self._places[name] = self._sent
        self._sent += len(samples)
        whole = start + len(samples) >= LONGEST_MS * _MS
        await self._send(FarEndMessage(0, kind, name, start, samples, more=not whole))
        if whole and name in self._places:
            self._number += 1
            following = f"{self._name}/{self._number}"
            self._places[following] = self._sent
            while len(self._places) > KNOWN:
                self._places.popitem(last=False)
            await self._send(FarEndMessage(0, MessageKind.PLAY, following, 0, silence(0), more=True))

    async def _send(self, message: FarEndMessage) -> None:
        self._sequence += 1
        await self._order(replace(message, sequence=self._sequence))

    def _bring_back(self) -> None:
        """What it has not heard yet it does not hear."""
        self.counts["back"] += 1
        self._waiting.clear()
        self._begins = True
