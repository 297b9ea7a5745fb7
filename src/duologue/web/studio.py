"""What the web needs of the running system: the house, its shows and their studios. The web asks; it owns nothing and
remembers nothing between two requests.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Protocol

from duologue.app.bus import Bus
from duologue.app.line_models import CallView, LineView
from duologue.app.models import (
    CaptionRequest,
    ChatReceipt,
    ChatRequest,
    ConversationRequest,
    ConversationView,
    HouseView,
    LightsRequest,
    PartState,
    StageView,
    TalkCharacter,
    TvRequest,
    UtteranceRequest,
    UtteranceView,
    WorkerView,
)
from duologue.audio.pcm import Samples
from duologue.broadcast.hls import Resource
from duologue.language.engine import Prompt
from duologue.speech.stretches import HeardStretch

if TYPE_CHECKING:
    from duologue.app.talk_connection import TalkSocket
    from duologue.phone.twilio_calls import TwilioCalls


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


class EndpointsPort(Protocol):
    """Who answers clients of OpenAI's API: see :class:`duologue.app.endpoints.Endpoints`."""

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

    def transcribe(self, sound: Samples, *, language: str = "en", prompt: str = "") -> AsyncGenerator[HeardStretch]:
        """What is said in ``sound``, stretch by stretch."""
        ...

    def write(self, prompt: Prompt) -> AsyncGenerator[str]:
        """An answer, as it is written."""
        ...

    def prompt(self, character: str) -> Prompt:
        """The beginning of a request to ``character``."""
        ...


class TalkSessionsPort(Protocol):
    """Conversations over sockets: see :class:`duologue.app.talk_sessions.TalkSessions`."""

    async def characters(self) -> tuple[TalkCharacter, ...]:
        """Who may be talked to."""
        ...

    async def enter(self, socket: TalkSocket) -> None:
        """Serve a socket until it is closed."""
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


class HousePort(Protocol):
    """The running system. It may have no show at all."""

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

    def metrics(self) -> bytes:
        """Prometheus' text exposition of what is no show's own."""
        ...
