"""A house with studios that do what a test tells them, and write down what they were asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import httpx

from duologue.app.bus import Bus, Topics
from duologue.app.line_models import CallState, CallView, LineView
from duologue.app.models import (
    CaptionRequest,
    CharacterView,
    ChatReceipt,
    ChatRequest,
    ConversationRequest,
    ConversationState,
    ConversationView,
    HouseView,
    LightsRequest,
    PartState,
    PartView,
    StageView,
    StateEvent,
    StateView,
    TvRequest,
    UtteranceRequest,
    UtteranceState,
    UtteranceView,
    WorkerView,
)
from duologue.broadcast.hls import Resource
from duologue.errors import InputError
from duologue.phone.twilio_calls import TwilioCalls
from duologue.stage.pose import Daylight
from duologue.web.studio import EndpointsPort, TalkPort

Connect = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
"""Opens a client of an application around the double; see the fixture ``connect``."""


def segment(data: bytes) -> Resource:
    """A file of the stream."""
    return Resource(data, "video/mp4", "public, max-age=3600, immutable")


STAGE = StageView(
    ready=True, cast=(CharacterView(name="chad", title="Chad"), CharacterView(name="virgin", title="Virgin")),
    room="living-room", width=1920, height=1080, fps=30, daylight=Daylight.EVENING, lamp=True, films=("waves",),
    caption="", origin=0.0,
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
            turns_planned=request.turns, seed=request.seed or 0, state=ConversationState.RUNNING, started=0.0,
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

    def _note(self, *what: str) -> None:
        if self.failure is not None:
            raise self.failure
        self.asked.append(what)


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

    def __post_init__(self) -> None:
        studios = [show.studio for show in self.shows if show.studio is not None]
        if studios:
            self.bus = studios[0].bus
        for studio in studios:
            studio.bus = self.bus

    def view(self) -> HouseView:
        return HouseView(parts=(*(show.view() for show in self.shows), *self.others))

    def workers(self) -> tuple[WorkerView, ...]:
        return tuple(self.processes.values())

    async def restart_worker(self, name: str) -> WorkerView:
        old = self.processes[name]
        self.processes[name] = old.model_copy(update={"restarts": old.restarts + 1})
        return self.processes[name]

    def healthy(self) -> tuple[bool, Sequence[str]]:
        return self.health

    def metrics(self) -> bytes:
        return b"# HELP duologue_places_taken Places that are taken\n"
