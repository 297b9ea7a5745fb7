"""A studio whose show is a script: turns are timed as the real director times them, and the stream is a recording."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Literal

from scripted_evidence import ScriptedShow

from duologue.app.bus import Bus, BusTopic
from duologue.app.models import (
    CaptionRequest,
    CharacterView,
    ChatReceipt,
    ChatRequest,
    ConversationEvent,
    ConversationRequest,
    ConversationState,
    ConversationView,
    EngineView,
    HouseView,
    LightsRequest,
    Notice,
    NoticeEvent,
    PaceView,
    PartEvent,
    PartState,
    PartView,
    StageEvent,
    StageView,
    StateEvent,
    StateView,
    StepName,
    StepView,
    TelemetryEvent,
    TelemetryView,
    TurnEvent,
    TurnView,
    TvRequest,
    UtteranceRequest,
    UtteranceView,
    WordView,
)
from duologue.app.show.shortage import LAGGING, STEPS
from duologue.broadcast.hls import Resource
from duologue.clock import MILLISECOND, SYSTEM_CLOCK
from duologue.errors import InputError
from duologue.ids import unique_id
from duologue.stage.motion.pose import Daylight

SEGMENTS = 60
"""Segments of 1 s in the recording; it is looped."""
WINDOW = 8
"""Segments in the playlist."""
WORD_MS = 340.0
GAP_MS = 300
USUAL_TURNS = 8
LEAD_MS = 1000.0
"""How far ahead of the programme time a turn's words are announced."""
HEAD_START_MS = 5000.0
"""So much of the show is over when the server starts: a viewer has something to play at once."""
LINES = (
    "I have said it before and I will say it again: {topic} is the one thing nobody trains for.",
    "Nobody trains for it because it makes my palms sweat. I read a whole forum about {topic} and now I cannot sleep.",
    "You read a forum. I looked it in the eye. It blinked first.",
    "It does not have eyes, that is the first thing the forum says. The second thing is to drink water.",
    "Water I respect. So tell me, and be honest: what would you do with {topic} on a Saturday night?",
    "Stay in, put the lamp on, and think about it very carefully until it goes away.",
)
STEP_WORDS = dict(STEPS.values())
CAST = (
    CharacterView(name="chad", title="Chad", tagline="Certain of everything", colour="#e8b04a"),
    CharacterView(name="virgin", title="Virgin", tagline="Has read about it", colour="#7aa2c9"),
)
ENGINES = (
    EngineView(
        kind="tts",
        name="kokoro",
        state="ready",
        restarts=1,
        device="CPU",
        cold_ms=4200.0,
        warm_ms=900.0,
        characters=20.0,
        expected=60.0,
    ),
    EngineView(kind="tts", name="espeak", state="ready", device="CPU", cold_ms=120.0, warm_ms=4.0, characters=2100.0),
    EngineView(kind="llm", name="openai", state="out", failures=3, cause="429: too many requests"),
    EngineView(kind="llm", name="improv", state="ready", last_failure="it wrote nothing for 8 s"),
    EngineView(kind="stt", name="pocketsphinx", state="cold"),
)
Kind = Literal["turn", "answer", "person", "filler"]


def now_ms() -> float:
    """Unix time in ms."""
    return SYSTEM_CLOCK.wall() / MILLISECOND


class NoGuests:
    """Nobody puts clips on this stage: the page has no means to."""

    async def accept(self, request: UtteranceRequest, audio: bytes, key: str = "") -> UtteranceView:
        raise InputError("this stage takes no clips")

    def queue(self) -> tuple[UtteranceView, ...]:
        return ()

    def find(self, utterance_id: str) -> UtteranceView | None:
        return None

    async def skip(self, utterance_id: str) -> UtteranceView:
        raise InputError("this stage has no clips")

    async def clear(self) -> tuple[UtteranceView, ...]:
        return ()


class ScriptedStudio:
    """One conversation after another, as fast as people talk. All times are Unix ms."""

    def __init__(self, media: Path, steal: float) -> None:
        self._media = media
        self._steal = steal
        self._origin = now_ms() - HEAD_START_MS
        self.bus: BusTopic = Bus(lambda topics: self.state(HouseView()), unique_id(SYSTEM_CLOCK.wall())).topic("")
        self._conversations: dict[str, ConversationView] = {}
        self._numbers = count(1)
        self._skipped = 0
        self._next_air = now_ms() + 500
        self.guests = NoGuests()
        self.evidence: ScriptedShow | None = None
        self._stage = StageView(
            ready=True,
            cast=CAST,
            room="living-room",
            width=1920,
            height=1080,
            fps=30,
            daylight=Daylight.EVENING,
            lamp=True,
            turns=USUAL_TURNS,
            films=("harbour", "test-card", "rain"),
            caption="",
            topics=("Is a hot dog a sandwich?", "Who invented Mondays", "The moon, and whether to trust it"),
            origin=self._origin,
            engines=ENGINES,
        )

    async def run(self) -> None:
        """Drive the script and the telemetry until cancelled."""
        await self.start(ConversationRequest(topic="pigeons with opinions", turns=6))
        for tick in count():
            await self._step()
            if tick % 10 == 0:
                self.bus.publish(TelemetryEvent(telemetry=self._telemetry(tick // 10)))
            await asyncio.sleep(0.1)

    # --- what people do -----------------------------------------------------------------------------------------

    def conversations(self) -> Sequence[ConversationView]:
        return [one.model_copy(update={"turns": ()}) for one in reversed(self._conversations.values())]

    def conversation(self, conversation_id: str) -> ConversationView | None:
        return self._conversations.get(conversation_id)

    async def start(self, request: ConversationRequest) -> ConversationView:
        topic = "the weather indoors" if request.topic is None else request.topic.strip()
        if topic == "forbidden":
            raise InputError("This topic is not for air", where="topic", remedy="Choose another one.")
        for running in self._running():
            await self.stop(running.id)
        identity = f"c{next(self._numbers)}"
        self._conversations[identity] = ConversationView(
            id=identity,
            topic=topic,
            cast=request.cast or tuple(character.name for character in CAST),
            turns_planned=request.turns or USUAL_TURNS,
            seed=request.seed or 1,
            state=ConversationState.RUNNING,
            started=now_ms(),
        )
        self._next_air = max(self._next_air, now_ms() + LEAD_MS)
        self._announce(identity)
        return self._conversations[identity]

    async def stop(self, conversation_id: str) -> ConversationView:
        for turn in self._conversations[conversation_id].turns:
            if turn.state == "queued":
                self._put(turn.model_copy(update={"state": "withdrawn"}))
            elif turn.state == "on_air":
                self._put(turn.model_copy(update={"state": "ended", "ended": now_ms(), "interrupted": True}))
        self._next_air = now_ms() + LEAD_MS
        return self._end(conversation_id, ConversationState.STOPPED)

    async def chat(self, request: ChatRequest) -> ChatReceipt:
        running = self._running()
        if not running:
            raise InputError("no conversation is on air", where="chat", remedy="Start one, then speak to its cast.")
        identity = running[0].id
        now = now_ms()
        self._add(identity, request.author, "person", request.text, "ended", asked=now, ended=now, to=request.to)
        reply = f"Good question, {request.author}. Short answer: yes. Long answer: also yes."
        handovers = ("openai failed: 429; improv took over",)
        answer = self._add(identity, request.to, "answer", reply, "queued", asked=now, handovers=handovers)
        return ChatReceipt(turn=answer.id)

    async def tv(self, request: TvRequest) -> StageView:
        return self._change(tv="" if request.action == "stop" else request.film)

    async def lights(self, request: LightsRequest) -> StageView:
        return self._change(**request.model_dump(exclude_none=True))

    async def caption(self, request: CaptionRequest) -> StageView:
        if request.text.startswith("notice:"):  # lets a test raise one
            notice = Notice(level="warning", text=request.text.removeprefix("notice:"), remedy="Nothing to do.")
            self.bus.publish(NoticeEvent(notice=notice))
        if request.text.startswith("stall:") and self.evidence is not None:  # lets a test have its stage stand still
            self.evidence.stall_ms = float(request.text.removeprefix("stall:"))
        if request.text.startswith("part:"):  # lets a test end it
            state = PartState(request.text.removeprefix("part:"))
            self.bus.publish(PartEvent(part=PartView(name="show", topic="show:show", state=state)))
            return self._stage
        if request.text.startswith("step:"):  # lets a test make it plainer, or bring it back
            return self._govern(StepName(request.text.removeprefix("step:")))
        if request.text.startswith("pace:"):  # lets a test have a slow voice; with 0 it keeps up again
            return self._change(pace=_pace(float(request.text.removeprefix("pace:"))))
        return self._change(caption=request.text)

    # --- what people see ----------------------------------------------------------------------------------------

    def stage(self) -> StageView:
        return self._stage

    def ready(self) -> tuple[bool, Sequence[str]]:
        return True, ()

    def metrics(self) -> bytes:
        return b""

    def resource(self, name: str) -> Resource | None:
        stem, _, suffix = name.partition(".")
        path = self._media / (name if suffix == "mp4" else f"{int(stem) % SEGMENTS}.m4s")
        return Resource(path.read_bytes(), "video/mp4", "no-store") if path.is_file() else None

    def playlist(self) -> str | None:
        """Segment ``n`` is listed once its second is over; numbers begin at 0 with each start of the server."""
        complete = int((now_ms() - self._origin) // 1000)
        first = max(0, complete - WINDOW)
        lines = [
            "#EXTM3U",
            "#EXT-X-VERSION:7",
            "#EXT-X-TARGETDURATION:1",
            f"#EXT-X-MEDIA-SEQUENCE:{first}",
            f"#EXT-X-DISCONTINUITY-SEQUENCE:{max(0, first - 1) // SEGMENTS}",
            '#EXT-X-MAP:URI="init.mp4"',
        ]
        for number in range(first, complete):
            if number and number % SEGMENTS == 0:
                lines.append("#EXT-X-DISCONTINUITY")
            date = datetime.fromtimestamp(self._origin / 1000 + number, UTC).isoformat(timespec="milliseconds")
            lines += [f"#EXT-X-PROGRAM-DATE-TIME:{date}", "#EXTINF:1.000,", f"{number}.m4s"]
        return "\n".join(lines) + "\n"

    def state(self, house: HouseView) -> StateEvent:
        turns = [turn for conversation in self._conversations.values() for turn in conversation.turns]
        return StateEvent(
            state=StateView(
                house=house, stage=self._stage, conversations=tuple(self.conversations()), turns=tuple(turns[-100:])
            )
        )

    # --- the script ---------------------------------------------------------------------------------------------

    def _running(self) -> list[ConversationView]:
        return [one for one in self._conversations.values() if one.state is ConversationState.RUNNING]

    async def _step(self) -> None:
        now = now_ms()
        for conversation in self._running():
            for turn in conversation.turns:
                if turn.state == "on_air" and turn.words and turn.words[-1].end <= now:
                    self._put(turn.model_copy(update={"state": "ended", "ended": turn.words[-1].end}))
                elif turn.state == "queued" and now >= self._next_air - LEAD_MS:
                    self._air(turn)
            await self._write(self._conversations[conversation.id])

    async def _write(self, conversation: ConversationView) -> None:
        spoken = [turn for turn in conversation.turns if turn.kind == "turn"]
        waiting = [turn for turn in conversation.turns if turn.state in ("queued", "on_air")]
        if len(spoken) >= conversation.turns_planned:
            if not waiting:
                self._end(conversation.id, ConversationState.ENDED)
                await self.start(ConversationRequest(turns=6))
        elif len(waiting) < 2:
            line = LINES[len(spoken) % len(LINES)].format(topic=conversation.topic)
            self._add(conversation.id, conversation.cast[len(spoken) % 2], "turn", line, "queued", **_made(len(spoken)))

    def _air(self, turn: TurnView) -> None:
        begin = self._next_air
        words = tuple(
            WordView(text=word, start=begin + index * WORD_MS, end=begin + (index + 0.92) * WORD_MS)
            for index, word in enumerate(turn.text.split())
        )
        self._next_air = words[-1].end + GAP_MS
        self._put(turn.model_copy(update={"state": "on_air", "on_air": begin, "words": words, "gap_ms": GAP_MS}))

    def _add(self, identity: str, speaker: str, kind: Kind, text: str, state: Any, **more: Any) -> TurnView:
        number = len(self._conversations[identity].turns) + 1
        known: dict[str, Any] = {"id": f"{identity}-{number}", "conversation": identity, "number": number, **more}
        turn = TurnView(speaker=speaker, kind=kind, text=text, state=state, **known)
        self._put(turn)
        return turn

    def _put(self, turn: TurnView) -> None:
        conversation = self._conversations[turn.conversation]
        turns = {one.id: one for one in conversation.turns} | {turn.id: turn}
        self._conversations[turn.conversation] = conversation.model_copy(update={"turns": tuple(turns.values())})
        self.bus.publish(TurnEvent(turn=turn))

    def _end(self, identity: str, state: ConversationState) -> ConversationView:
        conversation = self._conversations[identity].model_copy(update={"state": state, "ended": now_ms()})
        self._conversations[identity] = conversation
        self._announce(identity)
        return conversation

    def _announce(self, identity: str) -> None:
        bare = self._conversations[identity].model_copy(update={"turns": ()})
        self.bus.publish(ConversationEvent(conversation=bare))

    def _change(self, **values: Any) -> StageView:
        self._stage = self._stage.model_copy(update=values)
        self.bus.publish(StageEvent(stage=self._stage))
        return self._stage

    def _govern(self, step: StepName) -> StageView:
        self._skipped += 14 if step is StepName.SIZE else 0
        now = StepView(step=step, words=STEP_WORDS[step], since=now_ms(), why="the newest picture is 212 ms ahead")
        return self._change(quality=now, steps=(now, *self._stage.steps)[:20])

    def _telemetry(self, second: int) -> TelemetryView:
        wave = math.sin(second / 5)
        late = 1 if second % 17 == 16 else 0
        return TelemetryView(
            at=now_ms(),
            frames=30,
            late=late,
            over_budget=late,
            skipped=0,
            late_total=second // 17,
            over_budget_total=second // 17,
            skipped_total=self._skipped,
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


def _pace(factor: float) -> PaceView:
    return PaceView(words=LAGGING if factor else "", factor=factor, since=now_ms())


def _made(number: int) -> dict[str, float]:
    """When a turn was asked for, thought of, written and voiced: as if an engine had been at it until now."""
    thinking, writing, voicing = 240.0 + 35 * (number % 5), 900.0 + 260 * (number % 3), 160.0 + 20 * (number % 4)
    asked = now_ms() - thinking - writing - voicing
    first = asked + thinking
    return {
        "asked": asked,
        "first_token": first,
        "text_complete": first + writing,
        "first_audio": first + writing + voicing,
    }
