"""A house with studios that do what a test tells them, and write down what they were asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from duologue.app.bus import Bus, Topics
from duologue.app.calls.line_models import CallState, CallView, LineView
from duologue.app.evidence.board import EvidenceBoard
from duologue.app.evidence.models import RunView
from duologue.app.evidence.report_room import Form
from duologue.app.faces.faces import FaceBoard
from duologue.app.models import (
    CaptionRequest,
    CharacterView,
    ChatReceipt,
    ChatRequest,
    ConversationRequest,
    ConversationState,
    ConversationView,
    HouseView,
    KeyView,
    LightsRequest,
    PartState,
    PartView,
    SetupView,
    StageView,
    StateEvent,
    StateView,
    TvRequest,
    UtteranceRequest,
    UtteranceState,
    UtteranceView,
    VoicesView,
    WorkerView,
)
from duologue.app.people.accounts import TokenAccounts
from duologue.app.spending.models import UsageView
from duologue.app.talk.connection import TalkSocket
from duologue.broadcast.hls import Resource
from duologue.clock import SYSTEM_CLOCK
from duologue.errors import InputError
from duologue.phone.twilio.calls import TwilioCalls
from duologue.stage.motion.pose import Daylight
from duologue.store.values import UsageBy
from duologue.telemetry.ledger import RequestRecord
from duologue.telemetry.ledger_span import RunSpan
from duologue.telemetry.stream import Ledger
from duologue.web.studio import EndpointsPort, PeoplePort, TalkPort

Connect = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
"""Opens a client of an application around the double; see the fixture ``connect``."""


def segment(data: bytes) -> Resource:
    """A file of the stream."""
    return Resource(data, "video/mp4", "public, max-age=3600, immutable")


STAGE = StageView(
    ready=True, cast=(CharacterView(name="chad", title="Chad"), CharacterView(name="virgin", title="Virgin")),
    room="living-room", width=1920, height=1080, fps=30, daylight=Daylight.EVENING, lamp=True, films=("waves",),
    caption="", turns=12, origin=0.0,
)  # fmt: skip


def state(topics: Topics) -> StateEvent:
    return StateEvent(state=StateView(stage=STAGE, conversations=(), turns=()))


@dataclass
class GuestsDouble:
    """Takes every clip; set ``failure`` to have it refused."""

    failure: BaseException | None = None
    asked: list[tuple[UtteranceRequest, bytes, str]] = field(default_factory=list[tuple[UtteranceRequest, bytes, str]])
    clips: dict[str, UtteranceView] = field(default_factory=dict[str, UtteranceView])

    async def accept(self, request: UtteranceRequest, audio: bytes, key: str = "") -> UtteranceView:
        self.asked.append((request, audio, key))
        if self.failure is not None:
            raise self.failure
        view = UtteranceView(
            id=f"u{len(self.clips)}", character=request.character, text=request.text, state=UtteranceState.WAITING,
            duration_ms=1000.0, lips="sound", place=len(self.clips), received=1.0, decoded=2.0,
        )  # fmt: skip
        self.clips[view.id] = view
        return view

    def queue(self) -> tuple[UtteranceView, ...]:
        return tuple(view for view in self.clips.values() if view.state is UtteranceState.WAITING)

    def find(self, utterance_id: str) -> UtteranceView | None:
        return self.clips.get(utterance_id)

    async def skip(self, utterance_id: str) -> UtteranceView:
        if utterance_id not in self.clips:
            raise InputError(f"there is no clip {utterance_id!r}")
        changes = {"state": UtteranceState.SKIPPED, "place": None, "ended": 3.0}
        self.clips[utterance_id] = self.clips[utterance_id].model_copy(update=changes)
        return self.clips[utterance_id]

    async def clear(self) -> tuple[UtteranceView, ...]:
        return tuple([await self.skip(view.id) for view in self.queue()])


@dataclass
class StudioDouble:
    """Set ``failure`` to have every request raise it."""

    failure: BaseException | None = None
    guests: GuestsDouble = field(default_factory=GuestsDouble)
    text: str | None = None
    files: dict[str, Resource] = field(default_factory=dict[str, Resource])
    asked: list[object] = field(default_factory=list[object])
    kept: dict[str, ConversationView] = field(default_factory=dict[str, ConversationView])
    health: tuple[bool, Sequence[str]] = (True, ())
    bus: Bus = field(default_factory=lambda: Bus(state, "show", capacity=8))

    def _note(self, request: object) -> None:
        self.asked.append(request)
        if self.failure is not None:
            raise self.failure

    async def start(self, request: ConversationRequest) -> ConversationView:
        self._note(request)
        made = ConversationView(
            id=f"c{len(self.kept)}", topic=request.topic or "anything", cast=request.cast or ("chad", "virgin"),
            turns_planned=request.turns or 12, seed=request.seed or 0, state=ConversationState.RUNNING, started=0.0,
        )  # fmt: skip
        self.kept[made.id] = made
        return made

    async def stop(self, conversation_id: str) -> ConversationView:
        self._note(conversation_id)
        stopped = self.kept[conversation_id].model_copy(update={"state": ConversationState.STOPPED})
        self.kept[conversation_id] = stopped
        return stopped

    def conversations(self) -> Sequence[ConversationView]:
        return list(reversed(self.kept.values()))

    def conversation(self, conversation_id: str) -> ConversationView | None:
        return self.kept.get(conversation_id)

    async def chat(self, request: ChatRequest) -> ChatReceipt:
        self._note(request)
        return ChatReceipt(turn="t1")

    async def tv(self, request: TvRequest) -> StageView:
        self._note(request)
        return STAGE

    async def lights(self, request: LightsRequest) -> StageView:
        self._note(request)
        return STAGE

    async def caption(self, request: CaptionRequest) -> StageView:
        self._note(request)
        return STAGE

    def stage(self) -> StageView:
        return STAGE

    def playlist(self) -> str | None:
        return self.text

    def resource(self, name: str) -> Resource | None:
        return self.files.get(name)

    def ready(self) -> tuple[bool, Sequence[str]]:
        return self.health

    def metrics(self) -> bytes:
        return b"# HELP duologue_late_total Late frames.\n"


@dataclass
class ShowDouble:
    """A show of the house, with a double for a studio."""

    name: str = "show"
    studio: StudioDouble | None = field(default_factory=StudioDouble)
    state: PartState = PartState.UP
    failure: str = ""
    headless: bool = False

    @property
    def topic(self) -> str:
        return f"show:{self.name}"

    def view(self) -> PartView:
        reasons = {PartState.FAILED: ["it has failed, see the log"], PartState.OVER: ["it is over"]}
        told = self.studio.health[1] if self.studio is not None else ["it is being opened"]
        return PartView(
            name=self.name, topic=self.topic, state=self.state, failure=self.failure,
            reasons=tuple(reasons.get(self.state, told)),
        )  # fmt: skip


@dataclass
class LineDouble:
    """A line with one call; it writes down what it is asked."""

    asked: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    failure: Exception | None = None

    def view(self) -> LineView:
        return LineView(places=3, takes_calls=True)

    def call(self, call: str) -> CallView | None:
        if call != "one":
            return None
        return CallView(
            id="one", caller="16", called="1000", character="robin", title="Robin", state=CallState.TALKING, offered=1.0
        )

    def live(self) -> frozenset[str]:
        return frozenset({"one"})

    async def dial(self, to: str, account: str = "") -> str:
        self._note("dial", to, account)
        return "two"

    async def hang_up(self, call: str) -> None:
        self._note("hang_up", call)

    def transfer(self, call: str, to: str) -> None:
        self._note("transfer", call, to)

    def whisper(self, call: str, text: str) -> None:
        self._note("whisper", call, text)

    async def attend(self, call: str, socket: TalkSocket, name: str = "") -> None:
        self._note("attend", call, name)
        await socket.close(1000, "")

    def _note(self, *what: str) -> None:
        if self.failure is not None:
            raise self.failure
        self.asked.append(what)


class RoomDouble:
    """One engine with one voice. ``asked`` is what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.voices = (VoicesView(engine="espeak", voices=("en-us",)),)

    async def say(self, name: str, voice: str, text: str) -> bytes:
        self.asked.append((name, voice, text))
        if name != "espeak":
            raise InputError(f"there is no engine {name!r}", where="engine", remedy="There are: espeak.")
        return b"RIFF"

    async def warm_up(self, kind: str, name: str) -> None:
        self.asked.append((kind, name))


@dataclass
class ReportsDouble:
    """Runs that a test puts there; each report says what was asked."""

    kept: dict[str, RunView] = field(default_factory=dict[str, RunView])
    sounds: dict[str, Path] = field(default_factory=dict[str, Path])
    asked: list[tuple[str, Form, RunSpan | None, int]] = field(
        default_factory=list[tuple[str, Form, "RunSpan | None", int]]
    )
    failure: Exception | None = None

    async def runs(self) -> tuple[RunView, ...]:
        return tuple(self.kept.values())

    async def run(self, run_id: str) -> RunView | None:
        return self.kept.get(run_id)

    async def sound(self, run_id: str) -> Path | None:
        return self.sounds.get(run_id)

    async def report(self, run_id: str, form: Form = "html", span: RunSpan | None = None, offset: int = 0) -> bytes:
        self.asked.append((run_id, form, span, offset))
        if self.failure is not None:
            raise self.failure
        return f"the report of {run_id}".encode()


@dataclass
class HouseDouble:
    """All its studios tell what happens on one bus."""

    shows: Sequence[ShowDouble] = ()
    others: Sequence[PartView] = ()
    health: tuple[bool, Sequence[str]] = (True, ())
    processes: dict[str, WorkerView] = field(default_factory=dict[str, WorkerView])
    bus: Bus = field(default_factory=lambda: Bus(state, "show", capacity=8))
    twilio: TwilioCalls | None = None
    line: LineDouble | None = None
    endpoints: EndpointsPort | None = None
    talk: TalkPort | None = None
    faces: FaceBoard = field(default_factory=lambda: FaceBoard(SYSTEM_CLOCK))
    room: RoomDouble = field(default_factory=lambda: RoomDouble())
    orders: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    accounts: TokenAccounts | None = None
    people: PeoplePort | None = None
    used: UsageView = field(
        default_factory=lambda: UsageView(
            by="engine", since="", today="2026-11-23", zone="UTC", currency="EUR", rows=(), until=0.0
        )
    )
    requests: list[RequestRecord] = field(default_factory=list[RequestRecord])

    def answered(self, record: RequestRecord) -> None:
        self.requests.append(record)

    ledger: Ledger = field(default_factory=Ledger)
    reports: ReportsDouble = field(default_factory=lambda: ReportsDouble())

    def __post_init__(self) -> None:
        self.evidence = EvidenceBoard(self.ledger, lambda of: "")
        studios = [show.studio for show in self.shows if show.studio is not None]
        if studios:
            self.bus = studios[0].bus
        for studio in studios:
            studio.bus = self.bus

    def view(self) -> HouseView:
        return HouseView(parts=(*(show.view() for show in self.shows), *self.others))

    def workers(self) -> tuple[WorkerView, ...]:
        return tuple(self.processes.values())

    def direct_part(self, topic: str, order: str) -> PartView:
        self.orders.append((topic, order))
        return next(part for part in self.view().parts if part.topic == topic)

    async def usage(self, by: UsageBy, since: str) -> UsageView:
        self.orders.append((by, since))
        return self.used.model_copy(update={"by": by, "since": since})

    async def setup(self) -> SetupView:
        return SetupView(
            keys=(KeyView(engine="elevenlabs", variable="ELEVENLABS_API_KEY", present=False, chosen=False),),
            upgrades=(),
        )

    async def restart_worker(self, name: str) -> WorkerView:
        old = self.processes[name]
        self.processes[name] = old.model_copy(update={"restarts": old.restarts + 1})
        return self.processes[name]

    def healthy(self) -> tuple[bool, Sequence[str]]:
        return self.health

    def metrics(self, *, openmetrics: bool = False) -> bytes:
        return b"# HELP duologue_places_taken Places that are taken\n"
