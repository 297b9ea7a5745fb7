"""What the web needs of the running system: the house, its shows and their studios. The web asks; it owns nothing and
remembers nothing between two requests.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from duologue.app.bus import Bus
from duologue.app.calls.line_models import CallView, LineView
from duologue.app.evidence.models import EvidenceEvent, RunView
from duologue.app.faces.models import FaceEvent
from duologue.app.models import (
    CaptionRequest,
    ChatReceipt,
    ChatRequest,
    ConversationRequest,
    ConversationView,
    HouseView,
    LightsRequest,
    PartState,
    PartView,
    SetupView,
    StageView,
    TalkCharacter,
    TalkLearning,
    TvRequest,
    UtteranceRequest,
    UtteranceView,
    VoicesView,
    WorkerView,
)
from duologue.app.people.models import MemoryChange, MemoryView
from duologue.app.spending.models import UsageView
from duologue.audio.pcm import Samples
from duologue.broadcast.hls import Resource
from duologue.language.engine import LanguageCapabilities, Prompt
from duologue.speech.stretches import HeardStretch
from duologue.store.values import UsageBy, Who
from duologue.telemetry.ledger import RequestRecord

if TYPE_CHECKING:
    from duologue.app.evidence.report_room import Form
    from duologue.app.people.accounts import TokenAccounts
    from duologue.app.realtime.messages import SessionFields
    from duologue.app.talk.connection import TalkSocket
    from duologue.phone.twilio.calls import TwilioCalls
    from duologue.telemetry.ledger_span import RunSpan


class GuestsPort(Protocol):
    """The clips that clients put on the stage. Errors as for :class:`StudioPort`."""

    async def accept(self, request: UtteranceRequest, audio: bytes, key: str = "") -> UtteranceView:
        """Put a clip on the stage; a second call with the same ``key`` changes nothing and gives the same answer."""
        ...

    def queue(self) -> tuple[UtteranceView, ...]:
        """The clips that are not over, in order."""
        ...

    def find(self, utterance_id: str) -> UtteranceView | None:
        """One clip, or None when it is not known (any more)."""
        ...

    async def skip(self, utterance_id: str) -> UtteranceView:
        """Take a clip out of the queue, or fade it out; one that is over is returned as it is."""
        ...

    async def clear(self) -> tuple[UtteranceView, ...]:
        """Skip all that is not over."""
        ...


class StudioPort(Protocol):
    """What a show is made of, as the web sees it. Every method is called on the event loop and does not block it.

    Errors of all methods: :class:`duologue.errors.InputError` for what the person asked wrongly,
    :class:`duologue.errors.PeerError` when something behind the studio failed, :class:`duologue.errors.ClosedError`
    while it shuts down.
    """

    @property
    def guests(self) -> GuestsPort:
        """The clips on the stage."""
        ...

    async def start(self, request: ConversationRequest) -> ConversationView:
        """Start a conversation, or queue it behind the running one."""
        ...

    async def stop(self, conversation_id: str) -> ConversationView:
        """Stop it at once; one that is over already is returned as it is."""
        ...

    def conversations(self) -> Sequence[ConversationView]:
        """The conversations that are remembered, newest first, without their turns."""
        ...

    def conversation(self, conversation_id: str) -> ConversationView | None:
        """One conversation with its turns, or None."""
        ...

    async def chat(self, request: ChatRequest) -> ChatReceipt:
        """Pass a person's words to a character."""
        ...

    async def tv(self, request: TvRequest) -> StageView:
        """Switch the TV."""
        ...

    async def lights(self, request: LightsRequest) -> StageView:
        """Change the light."""
        ...

    async def caption(self, request: CaptionRequest) -> StageView:
        """Announce a text."""
        ...

    def stage(self) -> StageView:
        """The stage now."""
        ...

    def playlist(self) -> str | None:
        """The live media playlist (RFC 8216), or None before the first segment."""
        ...

    def resource(self, name: str) -> Resource | None:
        """A file that the playlist names, or None when there is no such file (any more)."""
        ...

    def ready(self) -> tuple[bool, Sequence[str]]:
        """Whether a viewer would see a show now, and what is missing if not."""
        ...

    def metrics(self) -> bytes:
        """Prometheus' text exposition."""
        ...


class ShowPort(Protocol):
    """A show of the house, as the web sees it."""

    @property
    def name(self) -> str:
        """Small letters, digits and hyphens: it stands in addresses."""
        ...

    @property
    def studio(self) -> StudioPort | None:
        """Its studio; None while it is not open."""
        ...

    @property
    def topic(self) -> str:
        """Of its events."""
        ...

    @property
    def state(self) -> PartState:
        """Where it is in its life."""
        ...

    @property
    def failure(self) -> str:
        """Why it is not on air, in words; empty while it is."""
        ...

    @property
    def headless(self) -> bool:
        """It has no page."""
        ...


class PhoneLine(Protocol):
    """The phone line. Raises :class:`~duologue.errors.DuologueError`."""

    def view(self) -> LineView:
        """The line and its calls, now."""
        ...

    def call(self, call: str) -> CallView | None:
        """One that goes on or is remembered, with its turns."""
        ...

    def live(self) -> frozenset[str]:
        """The calls that go on."""
        ...

    async def dial(self, to: str, account: str = "") -> str:
        """Call somebody; the id of the call."""
        ...

    async def hang_up(self, call: str) -> None:
        """End a call at once."""
        ...

    def transfer(self, call: str, to: str) -> None:
        """Hand it over."""
        ...

    def whisper(self, call: str, text: str) -> None:
        """Tell its character something."""
        ...

    async def attend(self, call: str, socket: TalkSocket, name: str = "") -> None:
        """Let a client of the Talk protocol listen to it, and take it over, until its socket is closed."""
        ...


class RealtimePort(Protocol):
    """Conversations over sockets with clients of OpenAI's: see
    :class:`duologue.app.realtime.sessions.RealtimeSessions`.
    """

    def describe(self, fields: SessionFields, expires_at: int) -> Mapping[str, object]:
        """A session as it would be."""
        ...

    async def enter(self, socket: TalkSocket, fields: SessionFields) -> None:
        """Serve a socket until it is closed."""
        ...

    async def leave(self) -> None:
        """Take no more, and end those that go on, each with a word."""
        ...


class EndpointsPort(Protocol):
    """Who answers clients of OpenAI's API: see :class:`duologue.app.endpoints.Endpoints`."""

    @property
    def realtime(self) -> RealtimePort:
        """The conversations."""
        ...

    @property
    def characters(self) -> tuple[str, ...]:
        """Who can be asked for an answer, by name."""
        ...

    @property
    def speakers(self) -> tuple[str, ...]:
        """The engines that speak."""
        ...

    @property
    def listeners(self) -> tuple[str, ...]:
        """The engines that hear."""
        ...

    def speak(self, text: str, voice: str) -> AsyncGenerator[Samples]:
        """``text`` in a voice, as it is made."""
        ...

    @property
    def thinking(self) -> LanguageCapabilities:
        """What the engines that think can do, one of them at least."""
        ...

    @property
    def thinkers(self) -> tuple[str, ...]:
        """Those engines."""
        ...

    @property
    def translates(self) -> bool:
        """An engine that hears can give what is said in English."""
        ...

    def transcribe(
        self, read: Callable[[], Samples], *, language: str = "", prompt: str = "", translated: bool = False
    ) -> AsyncGenerator[HeardStretch]:
        """What is said in the sound that ``read`` gives, stretch by stretch."""
        ...

    def write(self, prompt: Prompt) -> AsyncGenerator[str]:
        """An answer, as it is written."""
        ...

    def prompt(self, character: str) -> Prompt:
        """The beginning of a request to ``character``."""
        ...


class TalkSessionsPort(Protocol):
    """Conversations over sockets: see :class:`duologue.app.talk.sessions.TalkSessions`."""

    async def characters(self) -> tuple[TalkCharacter, ...]:
        """Who may be talked to."""
        ...

    async def learning(self, person: str = "", realm: str = "") -> TalkLearning:
        """What there is to learn, and how far ``person`` is."""
        ...

    async def enter(self, socket: TalkSocket, realm: str = "") -> None:
        """Serve a socket until it is closed. ``realm``: the name of the token that it came with."""
        ...

    async def leave(self) -> None:
        """Take no more, and end those that go on, each with a word."""
        ...


class TalkPort(Protocol):
    """Conversations with people. Raises :class:`~duologue.errors.DuologueError`."""

    @property
    def sessions(self) -> TalkSessionsPort:
        """Those over sockets."""
        ...

    def ready(self) -> Sequence[str]:
        """Why nobody could begin a conversation now."""
        ...


class FaceWatchPort(Protocol):
    """What one watcher of a face is told."""

    async def take(self) -> FaceEvent:
        """The next event."""
        ...


class FaceBoardPort(Protocol):
    """Who watches which face."""

    def watch(self, character: str) -> AbstractContextManager[FaceWatchPort]:
        """Be told of a character's lines."""
        ...


class EvidenceWatchPort(Protocol):
    """What one watcher of the house is told."""

    async def take(self) -> EvidenceEvent | None:
        """The next event, the state first; None at the end."""
        ...


class EvidenceBoardPort(Protocol):
    """What the house does, second by second."""

    def watch(self, show: str = "") -> AbstractContextManager[EvidenceWatchPort]:
        """Be told of a show by its topic, and of the machine."""
        ...


class ReportRoomPort(Protocol):
    """The runs that are kept, and reports of them. Raises :class:`~duologue.errors.DuologueError`."""

    async def runs(self) -> tuple[RunView, ...]:
        """The newest first."""
        ...

    async def run(self, run_id: str) -> RunView | None:
        """One by its whole id."""
        ...

    async def sound(self, run_id: str) -> Path | None:
        """The file of a run's sound, if it was kept."""
        ...

    async def report(self, run_id: str, form: Form = "html", span: RunSpan | None = None, offset: int = 0) -> bytes:
        """The report of a run, or of a span of it, its times of day ``offset`` minutes ahead of UTC."""
        ...


class EngineRoomPort(Protocol):
    """Engines by hand. Raises :class:`~duologue.errors.DuologueError`."""

    @property
    def voices(self) -> tuple[VoicesView, ...]:
        """Those of each engine that speaks."""
        ...

    async def say(self, name: str, voice: str, text: str) -> bytes:
        """``text`` in a voice of an engine, as a WAV file."""
        ...

    async def warm_up(self, kind: str, name: str) -> None:
        """Bring an engine up."""
        ...


class PeoplePort(Protocol):
    """What is kept of people: see :class:`duologue.app.people.people.People`."""

    async def memory(self, who: Who) -> MemoryView:
        """What is remembered of somebody; of a stranger nothing."""
        ...

    async def change(self, who: Who, change: MemoryChange) -> MemoryView:
        """Remember this and nothing else."""
        ...

    async def forget_fact(self, who: Who, fact: str) -> None:
        """One fact."""
        ...

    async def forget_facts(self, who: Who) -> None:
        """All facts; what was said stays."""
        ...

    async def export(self, who: Who) -> dict[str, Any]:
        """All that is kept of them."""
        ...

    async def forget(self, who: Who) -> None:
        """All of them."""
        ...


class HousePort(Protocol):
    """The running system. It may have no show at all."""

    @property
    def accounts(self) -> TokenAccounts | None:
        """The tokens of the store, if they are asked for."""
        ...

    @property
    def people(self) -> PeoplePort | None:
        """What is kept of people; None: nothing is."""
        ...

    @property
    def talk(self) -> TalkPort | None:
        """Its conversations with people, if they are switched on."""
        ...

    @property
    def line(self) -> PhoneLine | None:
        """Its phone line, if one is switched on."""
        ...

    @property
    def shows(self) -> Sequence[ShowPort]:
        """Its shows; what has no place of its own is the first one's."""
        ...

    @property
    def bus(self) -> Bus:
        """All that happens in it, by topic."""
        ...

    @property
    def endpoints(self) -> EndpointsPort | None:
        """Who answers clients of OpenAI's API, if that is switched on."""
        ...

    def view(self) -> HouseView:
        """Its parts and what they share, now."""
        ...

    def answered(self, record: RequestRecord) -> None:
        """A request of somebody's trace was."""
        ...

    @property
    def room(self) -> EngineRoomPort:
        """Its engines, to be tried by hand."""
        ...

    async def usage(self, by: UsageBy, since: str) -> UsageView:
        """What engines were asked for since a day, and what of today's caps is used."""
        ...

    async def setup(self) -> SetupView:
        """Which keys are there, and what a better voice or mind would take."""
        ...

    @property
    def faces(self) -> FaceBoardPort:
        """What the characters' faces do."""
        ...

    @property
    def evidence(self) -> EvidenceBoardPort:
        """What it does, second by second."""
        ...

    @property
    def reports(self) -> ReportRoomPort:
        """The runs that it keeps, and reports of them."""
        ...

    def direct_part(self, topic: str, order: str) -> PartView:
        """``start``, ``stop`` or ``restart`` a part; how it is at once."""
        ...

    def workers(self) -> tuple[WorkerView, ...]:
        """Every child process that is kept running."""
        ...

    async def restart_worker(self, name: str) -> WorkerView:
        """Put another in the place of a worker, when it is done with what it is at; how it is then."""
        ...

    @property
    def twilio(self) -> TwilioCalls | None:
        """The calls that come from Twilio; None where none are taken."""
        ...

    def healthy(self) -> tuple[bool, Sequence[str]]:
        """Whether the process works at all, and what is wrong if not."""
        ...

    def metrics(self, *, openmetrics: bool = False) -> bytes:
        """Prometheus' text exposition of what is no show's own; that of OpenMetrics has exemplars."""
        ...
