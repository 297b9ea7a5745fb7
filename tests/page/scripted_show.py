"""The mock's show: turns read from a script, timed as the real director would time them, and the events of it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import count
from typing import Any, Literal, get_args

from pydantic import TypeAdapter

from duologue.app.models import (
    CharacterView,
    ChatReceipt,
    ChatRequest,
    Conversation,
    ConversationEvent,
    ConversationRequest,
    ConversationState,
    Event,
    LightsRequest,
    Notice,
    NoticeEvent,
    StageEvent,
    StageView,
    TelemetryEvent,
    TelemetryView,
    TurnEvent,
    TurnView,
    TvRequest,
    WordView,
)
from duologue.clock import MILLISECOND, SYSTEM_CLOCK
from duologue.errors import InputError
from duologue.stage.pose import Daylight

LINES = (
    "I have said it before and I will say it again: {topic} is the one thing nobody trains for.",
    "Nobody trains for it because it makes my palms sweat. I read a whole forum about {topic} and now I cannot sleep.",
    "You read a forum. I looked it in the eye. It blinked first.",
    "It does not have eyes, that is the first thing the forum says. The second thing is to drink water.",
    "Water I respect. So tell me, and be honest: what would you do with {topic} on a Saturday night?",
    "Stay in, put the lamp on, and think about it very carefully until it goes away.",
)
WORD_MS = 340.0
GAP_MS = 300
LEAD_MS = 1000.0
"""How far ahead of the programme time a turn's words are announced."""
Kind = Literal["turn", "answer", "person", "filler"]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)


def now_ms() -> float:
    """Unix time in ms."""
    return SYSTEM_CLOCK.wall() / MILLISECOND


class ScriptedShow:
    """One conversation after another, as fast as people talk. All times are Unix ms."""

    def __init__(self, steal: float) -> None:
        self.origin = now_ms() - 4000
        self._steal = steal
        self._queues: set[asyncio.Queue[Event]] = set()
        self._conversations: dict[str, Conversation] = {}
        self._numbers = count(1)
        self._next_air = now_ms() + 1500
        self.stage = StageView(
            ready=True,
            cast=(
                CharacterView(name="chad", title="Chad", tagline="Certain of everything", colour="#e8b04a"),
                CharacterView(name="virgin", title="Virgin", tagline="Has read about it", colour="#7aa2c9"),
            ),
            room="living-room",
            width=1920,
            height=1080,
            fps=30,
            daylight=Daylight.EVENING,
            lamp=True,
            clips=("harbour", "test-card", "rain"),
            caption="",
            topics=("Is a hot dog a sandwich?", "Who invented Mondays", "The moon, and whether to trust it"),
            origin=self.origin,
        )

    def now(self) -> float:
        return now_ms()

    @staticmethod
    def stamp(milliseconds: float) -> str:
        """As EXT-X-PROGRAM-DATE-TIME wants it."""
        return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    async def run(self) -> None:
        """Drive the script and the telemetry until cancelled."""
        self.start(ConversationRequest(topic="pigeons with opinions", turns=6))
        for tick in count():
            self._step()
            if tick % 10 == 0:
                self._send(TelemetryEvent(telemetry=self._telemetry(tick // 10)))
            await asyncio.sleep(0.1)

    # --- what people do -----------------------------------------------------------------------------------------

    def conversations(self) -> list[Conversation]:
        return list(self._conversations.values())

    def conversation(self, identity: str) -> Conversation:
        found = self._conversations.get(identity)
        if found is None:
            raise InputError(f"There is no conversation {identity!r}.", where="the address", remedy="List them first.")
        return found

    def start(self, request: ConversationRequest) -> Conversation:
        topic = "the weather indoors" if request.topic is None else request.topic.strip()
        if not 1 <= len(topic) <= 400:
            raise InputError("The topic has no words.", where="topic", remedy="Type 1 to 400 characters, or leave it out.")
        for running in self._running():
            self.stop(running.id)
        identity = f"c{next(self._numbers)}"
        self._conversations[identity] = Conversation(
            id=identity,
            topic=topic,
            cast=request.cast or tuple(character.name for character in self.stage.cast),
            turns_planned=request.turns,
            seed=request.seed or 1,
            state=ConversationState.RUNNING,
            started=now_ms(),
        )
        self._next_air = max(self._next_air, now_ms() + LEAD_MS)
        self._announce(identity)
        return self._conversations[identity]

    def stop(self, identity: str) -> Conversation:
        conversation = self.conversation(identity)
        for turn in conversation.turns:
            if turn.state in ("queued", "voicing", "writing"):
                self._put(turn.model_copy(update={"state": "withdrawn"}))
            elif turn.state == "on_air":
                self._put(turn.model_copy(update={"state": "ended", "ended": now_ms(), "interrupted": True}))
        self._next_air = now_ms() + LEAD_MS
        return self._end(identity, ConversationState.STOPPED)

    def chat(self, request: ChatRequest) -> ChatReceipt:
        running = self._running()
        if not request.text.strip():
            raise InputError("The message has no words.", where="text", remedy="Type 1 to 400 characters.")
        if request.to not in {character.name for character in self.stage.cast}:
            raise InputError(f"Nobody called {request.to!r} is on stage.", where="to", remedy="Choose one of the cast.")
        identity = running[0].id if running else self.start(ConversationRequest(topic="a question", turns=2)).id
        self._add(identity, request.author, "person", request.text, "ended", asked=now_ms(), ended=now_ms())
        reply = f"Good question, {request.author}. Short answer: yes. Long answer: also yes."
        return ChatReceipt(turn=self._add(identity, request.to, "answer", reply, "queued", asked=now_ms()).id)

    def television(self, request: TvRequest) -> StageView:
        if request.action == "stop":
            return self.change(tv="")
        if request.clip not in self.stage.clips:
            raise InputError(f"There is no clip {request.clip!r}.", where="clip", remedy="Choose one of the list.")
        return self.change(tv=request.clip)

    def lights(self, request: LightsRequest) -> StageView:
        return self.change(**request.model_dump(exclude_none=True))

    def change(self, **values: Any) -> StageView:
        self.stage = self.stage.model_copy(update=values)
        self._send(StageEvent(stage=self.stage))
        return self.stage

    def notify(self, kind: str) -> None:
        level: Literal["info", "warning", "error"] = kind if kind in get_args(Notice.model_fields["level"].annotation) else "info"  # type: ignore[assignment]
        self._send(NoticeEvent(notice=Notice(level=level, text="The stage came back.", remedy="Nothing to do.")))

    async def events(self) -> AsyncIterator[str]:
        """Server-sent events, the stage first."""
        queue: asyncio.Queue[Event] = asyncio.Queue(maxsize=1000)
        self._queues.add(queue)
        queue.put_nowait(StageEvent(stage=self.stage))
        try:
            while True:
                event = await queue.get()
                yield f"event: {event.type}\ndata: {event.model_dump_json()}\n\n"
        finally:
            self._queues.discard(queue)

    # --- the script ---------------------------------------------------------------------------------------------

    def _running(self) -> list[Conversation]:
        return [one for one in self._conversations.values() if one.state is ConversationState.RUNNING]

    def _step(self) -> None:
        now = now_ms()
        for conversation in self._running():
            for turn in conversation.turns:
                if turn.state == "on_air" and turn.words and turn.words[-1].end <= now:
                    self._put(turn.model_copy(update={"state": "ended", "ended": turn.words[-1].end}))
                elif turn.state == "queued" and now >= self._next_air - LEAD_MS:
                    self._air(turn)
            self._write(self._conversations[conversation.id])

    def _write(self, conversation: Conversation) -> None:
        spoken = [turn for turn in conversation.turns if turn.kind == "turn"]
        waiting = [turn for turn in conversation.turns if turn.state in ("queued", "on_air")]
        if len(spoken) >= conversation.turns_planned:
            if not waiting:
                self._end(conversation.id, ConversationState.ENDED)
                self.start(ConversationRequest(turns=6))
        elif len(waiting) < 2:
            line = LINES[len(spoken) % len(LINES)].format(topic=conversation.topic)
            self._add(conversation.id, conversation.cast[len(spoken) % 2], "turn", line, "queued", asked=now_ms())

    def _air(self, turn: TurnView) -> None:
        begin = self._next_air
        words = tuple(
            WordView(text=word, start=begin + index * WORD_MS, end=begin + (index + 0.92) * WORD_MS)
            for index, word in enumerate(turn.text.split())
        )
        self._next_air = words[-1].end + GAP_MS
        self._put(turn.model_copy(update={"state": "on_air", "on_air": begin, "words": words, "gap_ms": GAP_MS}))

    def _add(self, identity: str, speaker: str, kind: Kind, text: str, state: Any, **times: float) -> TurnView:
        number = len(self._conversations[identity].turns) + 1
        turn = TurnView(
            id=f"{identity}-{number}",
            conversation=identity,
            number=number,
            speaker=speaker,
            kind=kind,
            text=text,
            state=state,
            **times,
        )
        self._put(turn)
        return turn

    def _put(self, turn: TurnView) -> None:
        conversation = self._conversations[turn.conversation]
        others = {one.id: one for one in conversation.turns} | {turn.id: turn}
        self._conversations[turn.conversation] = conversation.model_copy(update={"turns": tuple(others.values())})
        self._send(TurnEvent(turn=turn))

    def _end(self, identity: str, state: ConversationState) -> Conversation:
        conversation = self._conversations[identity].model_copy(update={"state": state, "ended": now_ms()})
        self._conversations[identity] = conversation
        self._announce(identity)
        return conversation

    def _announce(self, identity: str) -> None:
        bare = self._conversations[identity].model_copy(update={"turns": ()})
        self._send(ConversationEvent(conversation=bare))

    def _send(self, event: Event) -> None:
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)

    def _telemetry(self, second: int) -> TelemetryView:
        wave = math.sin(second / 5)
        late = 1 if second % 17 == 16 else 0
        return TelemetryView(
            at=now_ms(),
            frames=30,
            late=late,
            repeated=0,
            late_total=second // 17,
            repeated_total=0,
            compose_p50=1.9 + wave * 0.2,
            compose_max=4.0 + wave,
            frame_p50=8.6 + wave,
            frame_max=36.4 if late else 17.5 + 4 * wave,
            lead_ms=980.0,
            main_cpu=6.2 + wave,
            stage_cpu=31.0 + 2 * wave,
            main_rss_mb=148.0,
            stage_rss_mb=412.0,
            steal=self._steal,
            loop_lag_ms=0.8 + 0.2 * wave,
        )
