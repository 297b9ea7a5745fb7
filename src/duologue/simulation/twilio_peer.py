"""Twilio's end of a media stream in virtual time: it plays what it is sent, says marks back, and brings the caller."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

from duologue.audio import g711
from duologue.audio.pcm import Samples, silence
from duologue.clock import MILLISECOND, Clock
from duologue.errors import InternalError
from duologue.phone.twilio.socket import GoneError

PACKET_MS = 20
_PACKET = 8 * PACKET_MS


@dataclass(frozen=True, slots=True)
class TwilioHabits:
    """What is sent takes ``there_ms``, what it says between ``quick_ms`` and ``slow_ms``, in order."""

    there_ms: float = 30.0
    quick_ms: float = 20.0
    slow_ms: float = 90.0


class TwilioPeer:
    """A :class:`~duologue.phone.twilio.socket.StreamSocket`; call :meth:`run` beside it.

    ``heard`` is what the other person has heard (8 kHz), at its own pace; ``caller`` is what is said next on the line.
    """

    peer = "192.0.2.7"

    def __init__(
        self, clock: Clock, call: str = "CA01", stream: str = "MZ01", habits: TwilioHabits | None = None, seed: int = 0
    ) -> None:
        self._clock = clock
        self._habits = habits or TwilioHabits()
        self._chance = random.Random(seed)
        self._call, self._stream = call, stream
        self._coming: deque[tuple[int, dict[str, Any]]] = deque()
        self._going: deque[tuple[int, str]] = deque()
        self._news = asyncio.Event()
        self._gone = False
        self._queue: deque[bytearray | str] = deque()
        self._sequence = 0
        self._packets = 0
        self._blocks: list[Samples] = []
        self.caller: deque[bytes] = deque()
        """Packets of µ-law; silence is said when there are none."""
        self.sent: list[dict[str, Any]] = []
        """All that it was sent."""
        self.reads = asyncio.Event()
        """It takes what it is sent."""
        self.reads.set()

    @property
    def heard(self) -> Samples:
        """8 kHz."""
        return np.concatenate([silence(0), *self._blocks])

    # The socket

    async def receive(self) -> str:
        """See the protocol."""
        while True:
            if self._going and self._going[0][0] <= self._clock.now():
                return self._going.popleft()[1]
            if self._gone and not self._going:
                raise GoneError
            self._news.clear()
            wait = (self._going[0][0] - self._clock.now()) / 1e9 if self._going else None
            try:
                async with asyncio.timeout(wait):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def send(self, text: str) -> None:
        """See the protocol."""
        await self.reads.wait()
        if self._gone:
            raise GoneError
        said = json.loads(text)
        self.sent.append(said)
        self._coming.append((self._clock.now() + round(self._habits.there_ms * MILLISECOND), said))

    async def close(self, why: str) -> None:
        """See the protocol."""
        self.leave()

    # What it does

    def raw(self, text: str) -> None:
        """Say anything."""
        late = self._chance.uniform(self._habits.quick_ms, self._habits.slow_ms)
        due = self._clock.now() + round(late * MILLISECOND)
        self._going.append((max(due, self._going[-1][0] if self._going else 0), text))
        self._news.set()

    def say(self, event: str, **rest: object) -> None:
        """Say what Twilio says."""
        self._sequence += 1
        self.raw(json.dumps({"event": event, "sequenceNumber": str(self._sequence), "streamSid": self._stream, **rest}))

    def begin(self, **parameters: str) -> None:
        """The first two messages."""
        self.raw(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
        start = {
            "accountSid": "AC01", "streamSid": self._stream, "callSid": self._call, "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": parameters,
        }  # fmt: skip
        self.say("start", start=start)

    def press(self, key: str) -> None:
        """A key."""
        self.say("dtmf", dtmf={"track": "inbound_track", "digit": key})

    def stop(self) -> None:
        """The caller hangs up."""
        self.say("stop", stop={"accountSid": "AC01", "callSid": self._call})
        self.leave()

    def leave(self) -> None:
        """The connection is gone, when all that was said has come."""
        self._gone = True
        self._news.set()

    async def run(self) -> None:
        """Play and speak until cancelled."""
        began = self._clock.now()
        while True:
            await self._clock.wait_until(began + self._packets * PACKET_MS * MILLISECOND)
            while self._coming and self._coming[0][0] <= self._clock.now():
                self._obey(self._coming.popleft()[1])
            self._blocks.append(g711.decode(self._play(), "mu"))
            if not self._gone:
                self._speak()
            self._packets += 1

    def _speak(self) -> None:
        payload = self.caller.popleft() if self.caller else bytes([g711.SILENCE["mu"]]) * _PACKET
        sound = base64.b64encode(payload).decode("ascii")
        media = {"track": "inbound", "chunk": str(self._packets + 1), "timestamp": str(self._packets * PACKET_MS)}
        self.say("media", media=media | {"payload": sound})

    def _obey(self, said: dict[str, Any]) -> None:
        if said["streamSid"] != self._stream:
            return
        match said["event"]:
            case "media":
                self._queue.append(bytearray(base64.b64decode(said["media"]["payload"])))
            case "mark":
                self._queue.append(said["mark"]["name"])
                self._tell_marks()
            case "clear":
                marks = [each for each in self._queue if isinstance(each, str)]
                self._queue.clear()
                for name in marks:
                    self.say("mark", mark={"name": name})
            case other:
                raise InternalError(f"Twilio knows no {other!r}", where="twilio peer")

    def _play(self) -> bytes:
        packet = bytearray()
        while len(packet) < _PACKET and self._queue:
            first = self._queue[0]
            if isinstance(first, str):
                self._tell_marks()
                continue
            taken = _PACKET - len(packet)
            packet += first[:taken]
            del first[:taken]
            if not first:
                self._queue.popleft()
        self._tell_marks()
        return bytes(packet.ljust(_PACKET, bytes([g711.SILENCE["mu"]])))

    def _tell_marks(self) -> None:
        """Of what was played."""
        while self._queue and isinstance(self._queue[0], str):
            self.say("mark", mark={"name": self._queue.popleft()})
