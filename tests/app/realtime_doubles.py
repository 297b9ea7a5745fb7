"""A house with sessions of the Realtime API in virtual time: on fake engines, sockets in memory, a client."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_doubles import ADA
from talk_doubles import Door, Wire

from duologue.app.realtime import sessions as realtime_sessions
from duologue.app.realtime.messages import SessionFields
from duologue.app.realtime.session import RealtimeHouse
from duologue.app.realtime.sessions import RealtimeSessions
from duologue.app.show.cast import CastMember
from duologue.audio import g711
from duologue.audio.pcm import Samples, from_int16
from duologue.errors import InputError
from duologue.settings import Settings
from duologue.simulation.virtual_time import simulate

PCM_RATE = 24_000


def voices(name: str) -> Mapping[str, str]:
    if name not in ("low", "high"):
        raise InputError(f"there is no voice {name!r}", where="voice", remedy="Name low or high.")
    return {"fake": name}


WEATHER = {
    "type": "function", "name": "weather", "description": "How it is.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}  # fmt: skip


@dataclass
class RealtimeClient:
    """What a client sees of a socket."""

    wire: Wire
    events: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def say(self, kind: str, **fields: object) -> None:
        self.wire.put({"type": kind, **fields})

    def update(self, **session: object) -> None:
        self.say("session.update", session={"type": "realtime", **session})

    def write(self, text: str, *, answer: bool = True) -> None:
        """A message of the user's."""
        content = [{"type": "input_text", "text": text}]
        self.say("conversation.item.create", item={"type": "message", "role": "user", "content": content})
        if answer:
            self.say("response.create")

    def append(self, samples: Samples, law: str = "") -> None:
        data = (samples * 32767).astype("<i2").tobytes() if not law else g711.encode(samples, "mu")
        self.say("input_audio_buffer.append", audio=base64.b64encode(data).decode())

    async def next(self) -> dict[str, Any] | None:
        """The next event; None: the socket is closed."""
        found = await self.wire.take()
        if found is not None:
            self.events.append(found)
        return found

    async def until(self, *kinds: str) -> dict[str, Any]:
        """The next event of one of these kinds."""
        while True:
            event = await self.next()
            assert event is not None, f"closed before {kinds}: {self.wire.closed}; {self.kinds()}"
            if event["type"] in kinds:
                return event

    async def until_closed(self) -> int:
        """The code with which it was."""
        while await self.next() is not None:
            pass
        assert self.wire.closed is not None
        return self.wire.closed[0]

    def kinds(self) -> list[str]:
        """Of all that came, in order; what follows itself once."""
        told = [event["type"] for event in self.events]
        return [kind for number, kind in enumerate(told) if not number or told[number - 1] != kind]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]

    def sound(self, response: str = "") -> Samples:
        """All that was to be heard of a response; empty: of any."""
        told = [
            base64.b64decode(event["delta"])
            for event in self.of("response.output_audio.delta")
            if not response or event["response_id"] == response
        ]
        return from_int16(np.frombuffer(b"".join(told), "<i2").astype(np.int16))

    def text(self, kind: str = "output_audio_transcript") -> str:
        return "".join(event["delta"] for event in self.of(f"response.{kind}.delta"))


class RealtimeDoor(Door):
    """See :class:`Door`; its sockets are those of the Realtime API."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *given: Any, **options: Any) -> None:
        super().__init__(monkeypatch, *given, **options)

        def find(name: str, settings: Settings) -> CastMember:
            return ADA

        def names() -> tuple[str, ...]:
            return ("ada",)

        monkeypatch.setattr(realtime_sessions, "find_partner", find)
        monkeypatch.setattr(realtime_sessions, "partner_names", names)
        monkeypatch.setattr(realtime_sessions, "HOUSE_VOICE", "ada")
        self.realtime = RealtimeSessions(self.talk, RealtimeHouse(self.settings, self.ledger, self.clock, voices))

    def open(self, room: int = 10_000, **fields: Any) -> RealtimeClient:
        """A client at the door, whose session is described by ``fields``."""
        assert self._group is not None
        wire = Wire(room)
        self.wires.append(wire)
        self._group.create_task(self.realtime.enter(wire, SessionFields.model_validate(fields)))
        return RealtimeClient(wire)


def tone(seconds: float, rate: int = PCM_RATE) -> Samples:
    """Sound that is taken for a voice."""
    return (0.3 * np.sin(2 * np.pi * 200 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def quiet(seconds: float, rate: int = PCM_RATE) -> Samples:
    return np.zeros(round(seconds * rate), np.float32)


def sound_message(**fields: object) -> dict[str, object]:
    """A message of the user's, half a second of a voice."""
    data = base64.b64encode((tone(0.5) * 32767).astype("<i2").tobytes()).decode()
    return {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": data}], **fields}


Speak = Callable[[RealtimeClient, Iterable[Samples]], Any]


async def speak(client: RealtimeClient, sounds: Iterable[Samples], clock: Any, law: str = "") -> None:
    """Append sound as time passes, 40 ms at once."""
    rate = 8_000 if law else PCM_RATE
    whole = np.concatenate(list(sounds))
    block = rate // 25
    due = clock.now()
    for at in range(0, len(whole), block):
        due += 40_000_000
        await clock.wait_until(due)
        client.append(whole[at : at + block], law)


def as_json(event: Mapping[str, Any]) -> str:
    return json.dumps(event)


LONG = "one two three four five six seven eight nine ten. eleven twelve thirteen fourteen fifteen sixteen."
Story = Callable[[RealtimeDoor], Awaitable[None]]


def play(monkeypatch: pytest.MonkeyPatch, folder: Path, story: Story, *replies: str, **options: Any) -> RealtimeDoor:
    door = RealtimeDoor(monkeypatch, folder, replies, **options)

    async def main() -> None:
        async with door:
            await story(door)

    simulate(main(), limit=3600 * 2)
    return door
