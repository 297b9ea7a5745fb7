"""Talks over sockets in virtual time: a house's door on fake engines, sockets in memory that can break, a client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from call_doubles import TestClock
from engine_doubles import ADA, install

from duologue.app.admission import Admission
from duologue.app.engines.engines import EnginePool
from duologue.app.house.shared import Shared
from duologue.app.models import TalkCharacter
from duologue.app.people.remembering import Remembering
from duologue.app.show.cast import CastMember
from duologue.app.spending.spending import Spending
from duologue.app.talk import sessions as talk_sessions
from duologue.app.talk.connection import SocketGone
from duologue.app.talk.sessions import TalkPart
from duologue.audio.pcm import Samples, silence
from duologue.client import Link, TalkClient, TalkWish
from duologue.clock import SECOND
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.settings import Settings, load_settings
from duologue.speech.fake import FakeSpeech
from duologue.speech.hearing_fake import FakeHearing, Hearing, Loudness
from duologue.telemetry.ledger import Entry, TurnRecord
from duologue.telemetry.stream import Ledger
from store_doubles import InstantStore

LATE = 0.02
"""Each way of a socket takes so long (s)."""
HELLO = {"type": "hello", "version": 1, "microphone": False}


def _stamped(data: str | bytes | None) -> tuple[float, str | bytes | None]:
    return asyncio.get_running_loop().time(), data


async def _arrived(queue: asyncio.Queue[tuple[float, str | bytes | None]]) -> str | bytes | None:
    sent, data = await queue.get()
    await asyncio.sleep(max(0.0, sent + LATE - asyncio.get_running_loop().time()))
    return data


class Wire:
    """A socket in memory: :class:`~duologue.app.talk.connection.TalkSocket` on the house's side,
    :class:`~duologue.client.Link` on the client's. ``room``: what the client does not read of it before the house's
    sending waits.
    """

    def __init__(self, room: int = 10_000) -> None:
        self._up: asyncio.Queue[tuple[float, str | bytes | None]] = asyncio.Queue()
        self._down: asyncio.Queue[tuple[float, str | bytes | None]] = asyncio.Queue(room)
        self._gone = asyncio.Event()
        self.closed: tuple[int, str] | None = None

    def break_off(self, *, lost: bool = False) -> None:
        """Neither end hears of the other any more; ``lost``: nor does the house of what is on its way."""
        self._gone.set()
        while lost and not self._up.empty():
            self._up.get_nowait()
        self._up.put_nowait(_stamped(None))
        while self._down.full():
            self._down.get_nowait()
        self._down.put_nowait(_stamped(None))

    # The house's side: TalkSocket

    async def receive(self) -> str | bytes:
        data = await _arrived(self._up)
        if data is None:
            raise SocketGone
        return data

    async def send(self, data: str | bytes) -> None:
        if self._gone.is_set():
            raise SocketGone
        await self._down.put(_stamped(data))

    async def close(self, code: int, why: str) -> None:
        self.closed = code, why
        if not self._gone.is_set():
            self._gone.set()
            self._up.put_nowait(_stamped(None))
            if not self._down.full():
                self._down.put_nowait(_stamped(None))

    # The client's

    @property
    def link(self) -> Link:
        return _Link(self)

    @property
    def gone(self) -> bool:
        """Neither end hears of the other any more."""
        return self._gone.is_set()

    def put(self, data: object) -> None:
        """As a client that says what it likes."""
        self._up.put_nowait(_stamped(data if isinstance(data, str | bytes) else json.dumps(data)))

    async def take(self) -> Any:
        """The next message for the client, as JSON or bytes; None: it is closed."""
        data = await self.arrives()
        return json.loads(data) if isinstance(data, str) else data

    async def arrives(self) -> str | bytes | None:
        """The same as it is."""
        return await _arrived(self._down)

    async def take_until(self, kind: str) -> Any:
        """The next message of that type."""
        while True:
            message = await self.take()
            assert message is not None, f"closed before {kind}: {self.closed}"
            if not isinstance(message, bytes) and message["type"] == kind:
                return message


class _Link:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def send(self, data: str | bytes) -> None:
        if self._wire.gone:
            raise ConnectionError("gone")
        self._wire.put(data)

    async def receive(self) -> str | bytes:
        data = await self._wire.arrives()
        if data is None:
            raise ConnectionError("gone")
        return data

    async def close(self) -> None:
        self._wire.break_off()


@dataclass
class Played:
    """What a client heard: all blocks, and when (s)."""

    blocks: list[tuple[float, Samples]] = field(default_factory=list[tuple[float, Samples]])

    @property
    def samples(self) -> Samples:
        return np.concatenate([silence(0), *(block for _, block in self.blocks)])


class Door:
    """A house's talks on fake engines."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, folder: Path, replies: Sequence[str] = (), *,
        heard: Sequence[Hearing] = (), settings: str = "", think: float = 0.0, remembers: bool = False,
        clock: TestClock | None = None,
    ) -> None:  # fmt: skip
        self.clock = clock or TestClock(SECOND)
        scripted = [ScriptedReply(text, first=think) for text in replies]
        self.model = FakeLanguage(scripted, self.clock)
        self.ears = FakeHearing(heard, clock=self.clock)
        self.voice = FakeSpeech(clock=self.clock)
        install(
            monkeypatch, llm=lambda name: self.model, tts=lambda name: self.voice, stt=lambda name: self.ears,
            vad=lambda name: Loudness(),
        )  # fmt: skip
        ada = TalkCharacter(name="ada", title="Ada", tagline="", colour="", language="en")

        def find(name: str, settings: Settings) -> CastMember:
            return ADA

        def every(settings: Settings) -> tuple[tuple[TalkCharacter, ...], dict[str, str]]:
            return (ada,), {}

        monkeypatch.setattr(talk_sessions, "find_partner", find)
        monkeypatch.setattr(talk_sessions, "_characters", every)
        file = folder / "duologue.toml"
        file.write_text(settings)
        self.settings = load_settings({"engines.stt": "pocketsphinx", "engines.tts": "espeak"}, config=file)
        self.ledger = Ledger(self.clock)
        self.entries: list[Entry] = []
        self.ledger.watch(self.entries.append)
        self.spending = Spending(self.settings, self.ledger, self.clock)
        self.pool = EnginePool(self.settings, self.spending, self.clock)
        self.admission = Admission(self.pool.at_once)
        self.store = InstantStore(folder / "store.sqlite3", self.clock)
        self.remembering = Remembering(self.store, self.settings, self.clock, ("ada",)) if remembers else None
        shared = Shared(self.pool, self.admission, self.ledger, self.clock, self.remembering)
        self.talk = TalkPart(self.settings, shared)
        self.sessions = self.talk.sessions
        self.wires: list[Wire] = []
        self._group: asyncio.TaskGroup | None = None
        self._running: asyncio.Task[None] | None = None
        self.reached = True
        """Whether a client gets through."""

    async def __aenter__(self) -> Door:
        self._pool = self.pool.open()
        await self._pool.__aenter__()
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        self._running = self._group.create_task(self.talk.run())
        while self.talk.ready():  # noqa: ASYNC110 (virtual time)
            await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *failure: Any) -> None:
        assert self._group is not None and self._running is not None
        for wire in self.wires:
            wire.break_off()
        self._running.cancel()
        await self._group.__aexit__(*failure)
        await self._pool.__aexit__(None, None, None)

    def wire(self, room: int = 10_000, realm: str = "") -> Wire:
        """A new socket at the door; ``realm``: the token that it came with."""
        assert self._group is not None
        wire = Wire(room)
        self.wires.append(wire)
        self._group.create_task(self.sessions.enter(wire, realm))
        return wire

    async def dial(self) -> Link:
        """The same for a client of ours."""
        await asyncio.sleep(LATE)
        if not self.reached:
            raise ConnectionError("nobody is there")
        return self.wire().link

    def client(self, wish: TalkWish | None = None) -> tuple[TalkClient, Played]:
        """A client, and what it plays; it is not running yet."""
        played = Played()
        began = self.clock.now()

        def play(samples: Samples) -> None:
            played.blocks.append(((self.clock.now() - began) / SECOND, samples))

        return TalkClient(self.dial, wish, play=play, clock=self.clock), played

    def turns(self) -> list[TurnRecord]:
        return [entry.record for entry in self.entries if isinstance(entry.record, TurnRecord)]
