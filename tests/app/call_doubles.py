"""A call on a script, in virtual time: whoever calls speaks, presses keys, holds and hangs up; and what they heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_doubles import ADA, install

from duologue.app.admission import Admission
from duologue.app.bus import Bus
from duologue.app.calls import plan as call_plan
from duologue.app.calls.call import CallHouse
from duologue.app.calls.calls import Calls
from duologue.app.calls.line import Carrier, LinePart, News
from duologue.app.calls.plan import CallPlans
from duologue.app.calls.tools import CallTools
from duologue.app.calls.voice import VoicedLines
from duologue.app.engines.engines import EnginePool
from duologue.app.house.shared import Shared, TalkListener
from duologue.app.models import Event, StateEvent, StateView, TalkView
from duologue.app.people.remembering import Remembering
from duologue.app.show.cast import CastMember
from duologue.app.talking.talking import Talk
from duologue.audio.far_playout import FarEndMessage, Manners, MessageKind
from duologue.audio.pcm import RATE, Samples
from duologue.child import Worker
from duologue.clock import MILLISECOND, SECOND, Clock
from duologue.errors import PeerError
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.phone import leg as far
from duologue.phone.leg import CallInfo, LegEvent
from duologue.phone.line.messages import LineSetup, Ready, RegistrationState
from duologue.settings import Settings, load_settings
from duologue.simulation.virtual_time import LoopClock
from duologue.speech.fake import FakeSpeech
from duologue.speech.hearing_fake import FakeHearing, Hearing, Loudness, evenly
from duologue.telemetry.ledger import CallRecord, Entry, TurnRecord
from duologue.telemetry.stream import Ledger
from duologue.workers import Supervised
from store_doubles import InstantStore

WORD = 0.3
STEP_MS = 20
_ids = count(1)
REACHED = far.LegTransferred(True)


@dataclass(frozen=True)
class Says:
    """The caller says ``text`` from ``at`` on (seconds after the answer)."""

    at: float
    text: str

    @property
    def end(self) -> float:
        return self.at + WORD * len(self.text.split())


@dataclass(frozen=True)
class Does:
    """The other end's event at ``at`` (seconds after the answer)."""

    at: float
    event: LegEvent


@dataclass
class _Queued:
    id: str
    gap: int
    pieces: list[tuple[int, Samples]]
    more: bool
    place: int = 0


@dataclass(eq=False)
class ScriptedLeg:
    """A :class:`~duologue.phone.leg.CallLeg` whose other end follows a script, and plays what it is sent at its pace.

    ``transfer`` is what comes of a transfer; None: nothing ever does. ``carrier_gone``: orders fail from then on (s).
    """

    clock: LoopClock
    script: Sequence[Says | Does] = ()
    info: CallInfo = field(default_factory=lambda: CallInfo(id=f"call-{next(_ids)}", caller="16", called="1000"))
    seconds: float = 30.0
    transfer: far.LegTransferred | None = REACHED
    takes_transfers: bool = True
    manners: Manners = field(default_factory=lambda: Manners(piece_ms=200))
    answered: int = 0
    rang: bool = False
    refused: tuple[int, int] | None = None
    hung_up: str = ""
    pressed: str = ""
    referred: tuple[str, Mapping[str, str]] | None = None
    heard: list[tuple[int, Samples]] = field(default_factory=list[tuple[int, Samples]])
    """When (ns), and what of ours."""
    words: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    """When (s after the answer) each utterance began."""

    def __post_init__(self) -> None:
        self._events: asyncio.Queue[LegEvent] = asyncio.Queue()
        self._queue: list[_Queued] = []
        self._paused = self._over = self._held = False
        self._sent: set[str] = set()

    def events(self) -> AsyncIterator[LegEvent]:
        return self._all()

    async def _all(self) -> AsyncIterator[LegEvent]:
        while True:
            event = await self._events.get()
            yield event
            if isinstance(event, far.LegEnded):
                return

    async def ring(self) -> None:
        self.rang = True

    async def answer(self) -> None:
        self.answered = self.clock.now()
        self._put(far.LegAnswered("PCMU/8000"))

    async def refuse(self, status: int, retry_after_s: int = 0) -> None:
        self.refused = status, retry_after_s
        self._end(far.LegEnded("refused", ours=True, status=status))

    async def write(self, message: FarEndMessage) -> None:
        if self._over:
            return
        match message.kind:
            case MessageKind.PLAY:
                assert message.samples is not None
                self._queue.append(
                    _Queued(message.id, message.gap, [(message.start, message.samples)], message.more, message.start)
                )
            case MessageKind.EXTEND:
                for each in self._queue:
                    if each.id == message.id and message.samples is not None:
                        each.pieces.append((message.start, message.samples))
                        each.more = message.more
            case MessageKind.CLEAR:
                first = self._queue[0] if self._queue else None
                self._queue.clear()
                self._paused = False
                begun = first is not None and first.id in self._sent
                self._put(far.Stopped(first.id, first.place) if first and begun else far.Stopped("", 0))
            case MessageKind.PAUSE | MessageKind.RESUME:
                self._paused = message.kind is MessageKind.PAUSE
            case MessageKind.WITHDRAW:
                self._queue = [each for each in self._queue if each.id != message.id]

    async def digits(self, keys: str) -> None:
        self.pressed += keys

    async def refer(self, target: str, headers: Mapping[str, str]) -> None:
        if not self.takes_transfers:
            raise far.UnsupportedError("this carrier has no transfer", where="double")
        self.referred = target, headers
        if self.transfer is not None:
            self._put(self.transfer)
            if self.transfer.ok:
                self._end(far.LegEnded("they went to somebody else"))

    async def hang_up(self, reason: str) -> None:
        self.hung_up = reason
        self._end(far.LegEnded(reason, ours=True))

    def _put(self, event: LegEvent) -> None:
        if not self._over:
            self._events.put_nowait(event)

    def _end(self, event: far.LegEnded) -> None:
        self._put(event)
        self._over = True

    async def live(self) -> None:
        """The other end: until the call is over, or its time is."""
        while not self.answered and not self._over:
            await self.clock.wait_until(self.clock.now() + MILLISECOND)
        events = [each for each in self.script if isinstance(each, Does)]
        for number in range(round(self.seconds * 1000 / STEP_MS)):
            await self.clock.wait_until(self.answered + (number + 1) * STEP_MS * MILLISECOND)
            if self._over:
                return
            now = (number + 1) * STEP_MS / 1000
            while events and events[0].at <= now:
                event = events.pop(0).event
                self._held = event.on if isinstance(event, far.Held) else self._held
                if isinstance(event, far.LegEnded):
                    self._end(event)
                    return
                self._put(event)
            self._play()
            if not self._held:
                self._put(far.Sound(number * 320, self._spoken(number)))
        self._end(far.LegEnded("the caller hung up"))

    def _spoken(self, number: int) -> Samples:
        at = np.arange(number * 320, (number + 1) * 320) / 16_000
        loud = np.zeros(320, bool)
        for says in self.script:
            if isinstance(says, Says):
                loud |= (at >= says.at) & (at < says.end)
        return np.where(loud, 0.5, 0.0).astype(np.float32)

    def _play(self) -> None:
        left = RATE * STEP_MS // 1000
        now = self.clock.now()
        while left and self._queue and not self._paused and not self._held:
            first = self._queue[0]
            rest = [(start, piece) for start, piece in first.pieces if start + len(piece) > first.place]
            if not rest:
                if first.more:
                    return
                self._put(far.Played(first.id, first.place, now))
                self._queue.pop(0)
                continue
            if first.id not in self._sent:
                self._sent.add(first.id)
                self._put(far.Sent(first.id, now))
                self.words.append(((now - self.answered) / SECOND, first.id))
            start, piece = rest[0]
            taken = piece[first.place - start :][:left]
            self.heard.append((now, taken))
            first.place, left = first.place + len(taken), left - len(taken)
        if self._queue and self._queue[0].id in self._sent:
            self._put(far.Played(self._queue[0].id, self._queue[0].place, now))


class Gone(ScriptedLeg):
    """Its carrier is gone when somebody says something to it."""

    async def write(self, message: FarEndMessage) -> None:
        self._put(far.LegEnded("the line process died", failed=True))
        self._over = True
        raise PeerError("the carrier is gone", where="double")


@dataclass(eq=False)
class ScriptedCarrier:
    """A :class:`~duologue.app.calls.line.Carrier` that offers ``legs`` as soon as it is ready, and reaches whom it
    dials."""

    plan: LineSetup
    take: far.TakeCall
    tell: Callable[[News], None]
    clock: LoopClock
    legs: Sequence[ScriptedLeg] = ()
    dialled: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    answers: ScriptedLeg | None = None
    drained: bool = False
    refusing: list[int] = field(default_factory=list[int])
    over: bool = False

    def __post_init__(self) -> None:
        self.ready = asyncio.Event()
        self.ports: dict[str, int] = {}

        async def never() -> Worker:
            raise PeerError("there is no process", where="double")

        async def greet(worker: Worker) -> None:
            pass

        self.worker = Supervised("line", never, greet, purpose="a double")

    async def run(self) -> None:
        await self.clock.wait_until(self.clock.now() + SECOND // 10)
        self.ports = {"UDP": 5060}
        self.ready.set()
        self.tell(Ready(self.ports))
        for account in self.plan.accounts:
            self.tell(RegistrationState(account.name, True, "pbx"))
        try:
            async with asyncio.TaskGroup() as group:
                for leg in self.legs:
                    group.create_task(leg.live())
                    group.create_task(self.held(leg))
                await asyncio.Event().wait()
        finally:
            self.over = True

    async def held(self, leg: ScriptedLeg) -> None:
        await self.take(leg)

    async def dial(self, target: str, account: str = "") -> far.CallLeg:
        self.dialled.append((target, account))
        assert self.answers is not None
        return self.answers

    async def drain(self) -> None:
        self.drained = True

    def refuses(self, status: int) -> None:
        if status != (self.refusing or [0])[-1]:
            self.refusing.append(status)


class TestClock(LoopClock):
    """It begins at a second, and stands there before the loop runs."""

    __test__ = False

    def now(self) -> int:
        try:
            return super().now()
        except RuntimeError:
            return SECOND


def _somebody(name: str, settings: Settings) -> CastMember:
    return replace(ADA, name=name, persona=replace(ADA.persona, name=name, title=name.title()))


class Exchange:
    """A line's calls on fake engines: ``says`` is what each stretch of a caller's is understood as."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        settings: str = "",
        *,
        says: Sequence[Says] = (),
        replies: Sequence[ScriptedReply] = (),
        ears: Callable[..., FakeHearing] | None = None,
        folder: Path,
        remembers: bool = False,
    ) -> None:
        self.clock = TestClock(SECOND)
        self.model = FakeLanguage(replies, self.clock)
        heard = [Hearing(evenly(each.text, 0.3, WORD), latency=100 * MILLISECOND) for each in says]
        self.ears: FakeHearing = (ears or FakeHearing)(heard, clock=self.clock)
        self.voice = FakeSpeech()
        install(
            monkeypatch, llm=lambda name: self.model, tts=lambda name: self.voice, stt=lambda name: self.ears,
            vad=lambda name: Loudness(),
        )  # fmt: skip
        monkeypatch.setattr(call_plan, "find_partner", _somebody)
        file = folder / "duologue.toml"
        file.write_text(settings)
        flags = {"engines.stt": "pocketsphinx", "engines.tts": "espeak"}
        self.settings: Settings = load_settings(flags, config=file)
        self.ledger = Ledger(self.clock)
        self.entries: list[Entry] = []
        self.ledger.watch(self.entries.append)
        self.told: list[Event] = []
        self.unready: tuple[str, ...] = ()
        pool = EnginePool(self.settings)
        self.pool = pool
        self.talks: list[TalkView] = []
        self.store = InstantStore(folder / "store.sqlite3", self.clock)
        self.remembering = Remembering(self.store, self.settings, self.clock) if remembers else None
        self.admission = Admission(pool.at_once)
        shared = Shared(pool, self.admission, self.ledger, self.clock, self.remembering)
        self.talk = Talk(self.settings, shared, TalkListener(self.talks.append), part="line")
        self.lines = VoicedLines(self.clock)
        tools = CallTools(self.settings.phone.transfers)
        house = CallHouse(self.settings, tools, self.lines, self.ledger, self.clock, self.told.append)
        self.calls = Calls(CallPlans(self.settings), self.talk, house, lambda: self.unready)

    async def hold(self, *legs: ScriptedLeg) -> None:
        """All of them at once, until they are over."""
        async with self.pool.open(), self.talk.warm(), asyncio.TaskGroup() as group:
            telling = group.create_task(self.calls.run())
            async with asyncio.TaskGroup() as calls:
                for leg in legs:
                    calls.create_task(leg.live())
                    calls.create_task(self.calls.take(leg))
            telling.cancel()

    def line(self, *legs: ScriptedLeg, **options: Any) -> tuple[LinePart, list[ScriptedCarrier]]:
        """The same as a part of a house; the carrier offers ``legs`` when it is ready. ``options`` are the part's."""
        carriers: list[ScriptedCarrier] = []

        def make(plan: LineSetup, take: far.TakeCall, tell: Callable[[News], None], clock: Clock) -> Carrier:
            carriers.append(ScriptedCarrier(plan, take, tell, self.clock, legs))
            return carriers[-1]

        self.bus = Bus(lambda topics: StateEvent(state=StateView()), "bus")
        shared = Shared(self.pool, Admission(self.pool.at_once), self.ledger, self.clock)
        part = LinePart(self.settings, shared, self.bus.topic("line"), carrier=make, **options)
        return part, carriers

    def turns(self) -> list[TurnRecord]:
        return [entry.record for entry in self.entries if isinstance(entry.record, TurnRecord)]

    def records(self) -> list[CallRecord]:
        return [entry.record for entry in self.entries if isinstance(entry.record, CallRecord)]

    def said(self) -> list[str]:
        return [turn.heard for turn in self.turns() if turn.kind == "answer"]
