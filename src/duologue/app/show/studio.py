"""What one show is made of: programme, stage, way out, ledgers; what the web and the command line drive.

Build one with :func:`open_studio`; it runs for the length of that context. Engines and events are the house's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

from duologue.app.bus import BusTopic
from duologue.app.engines.engines import LentEngines
from duologue.app.engines.languages import refuse_strangers
from duologue.app.engines.spare_voices import known_voices
from duologue.app.engines.vitals import EngineVitals, engine_view, unserved, vitals
from duologue.app.engines.voices import CastVoices
from duologue.app.models import (
    CaptionRequest,
    CharacterView,
    ChatReceipt,
    ChatRequest,
    ConversationEvent,
    ConversationRequest,
    ConversationView,
    HouseView,
    LightsRequest,
    Notice,
    StageEvent,
    StageView,
    StateEvent,
    StateView,
    TurnEvent,
    TurnView,
    TvRequest,
)
from duologue.app.show.cast import CastMember, load_cast
from duologue.app.show.early_stage import EarlyStage
from duologue.app.show.guests import Guests
from duologue.app.show.memory import ShowMemory
from duologue.app.show.output_models import OutputView
from duologue.app.show.outputs import ShowOutputs
from duologue.app.show.programme import Company, Programme, ProgrammeListener
from duologue.app.show.pulse import Pulse
from duologue.app.show.shortage import Shortage, name_of
from duologue.app.show.stage_link import StageLink, StageListener, start_stage
from duologue.app.show.stage_set import films_of, find_film, house_moderator, show_seed, stage_plan, topics
from duologue.app.turn_book import TurnBook
from duologue.broadcast.hls import Resource
from duologue.chains import Handover
from duologue.child import Worker
from duologue.clock import MILLISECOND, SYSTEM_CLOCK, Clock, SteadyClock
from duologue.dialogue.on_air.delivery import PaceState
from duologue.dialogue.on_air.director import Player
from duologue.dialogue.on_air.voice_pace import Paces
from duologue.dialogue.ports import PlayEnded, PlayStarted
from duologue.errors import ClosedError, DuologueError, InputError
from duologue.language.moderation import Moderator, Subject
from duologue.settings import Settings
from duologue.settings_parts import ONLY_SHOW
from duologue.speech.alignment import Aligner
from duologue.speech.utterance import Utterance
from duologue.stage.messages import Baked, StagePlan, StageReady, Trouble
from duologue.stage.motion.pose import Lights
from duologue.telemetry.ledger import SkipRecord, StepRecord, TurnRecord
from duologue.telemetry.log import get_logger
from duologue.telemetry.metrics.metrics import Metrics
from duologue.telemetry.stream import Ledger

EXPECTED_BEHIND = 3.0
"""Seconds: three segments, where players of plain HLS stand (RFC 8216, 6.3.3)."""
STATE_TURNS = 100
"""Turns that a page is told of when it connects (see :class:`duologue.app.models.StateView`)."""

log = get_logger(__name__)


class Studio:
    """Fills :class:`duologue.web.studio.StudioPort`. Made by :func:`open_studio`."""

    def __init__(
        self,
        settings: Settings,
        cast: Sequence[CastMember],
        engines: LentEngines,
        plan: StagePlan,
        bus: BusTopic,
        clock: Clock,
        start: Callable[[], Awaitable[Worker]],
        ledger: Ledger,
        metrics: Metrics,
        memory: ShowMemory | None = None,
    ) -> None:
        show = settings.show
        moderator = house_moderator(settings)  # before there are outputs: it may be refused
        self._past = memory
        self._settings = settings
        self._clock = clock
        self._engines = engines
        self._cast = cast
        self._plan = plan
        self._films = films_of(show.tv.film)
        self._topics = topics()
        self._lights = plan.lights
        self._caption = ""
        self._tv = ""
        self._shortage = Shortage(clock)
        self._closing = False
        self.spoken: Callable[[Utterance, int], None] = lambda utterance, at: None
        """Told of each line when it begins, and when its first sample is due (monotonic ns)."""
        self.silent: Callable[[str, int, int], None] = lambda line, at, played: None
        """Told of each line when it is over: its id, when that is (monotonic ns), and the samples that were played."""
        self.bus = bus
        self.out = ShowOutputs(settings, bus)
        self.outlet = self.out.outlet
        name = "stage" if settings.name == ONLY_SHOW else f"stage-{settings.name}"
        self.link = StageLink(plan, self.outlet, self._stage_listener(), clock, start, name)
        engines.workers.add(self.link.worker)
        self.book = TurnBook(self.link.wall_of)
        self.pulse = Pulse(self.bus, name, settings, clock, ledger)
        self._metrics = metrics
        engines.listeners.append(self._handed_over)
        self._aligner = Aligner(clock)
        company = self._company(moderator)
        self.programme = Programme(
            company,
            self.book,
            self._programme_listener(),
            clock,
            seed=plan.seed,
            turns=show.turns,
            forever=show.forever,
            paces=Paces(settings.voice_pace),
            memory=memory,
        )
        self.guests = Guests(
            [member.name for member in cast], self.link, company.moderator, clock, self.programme.notify,
            self._aligner.align, self.pulse.clip,
        )  # fmt: skip

    async def run(self) -> None:
        """Be on air until cancelled, or until the programme is over."""
        show = self._settings.show
        if show.topic is not None:
            await self.programme.start(ConversationRequest(topic=show.topic, seed=show.seed))
        async with asyncio.TaskGroup() as group:
            stage = group.create_task(self.link.run())
            pulse = group.create_task(self.pulse.run())
            guests = group.create_task(self.guests.run())
            if show.tv.film is not None:
                await self.link.show_tv(find_film(show.tv.film))
            await self._engines.warm_up()  # while the stage is set up in its own process
            await self.link.ready.wait()
            await self.programme.run()
            await self.guests.finish()
            await self._let_them_see_it()
            for task in (stage, pulse, guests):
                task.cancel()

    async def close(self) -> None:
        """Finish the recording."""
        self._closing = True
        self.out.finish()
        self._engines.listeners.remove(self._handed_over)
        await self._aligner.close()
        self.pulse.close()
        await self.out.close()

    async def _let_them_see_it(self) -> None:
        """Viewers are some seconds behind the stage: leave only when they have seen the end."""
        seconds = self._plan.lead + EXPECTED_BEHIND + 1.0
        await self._clock.wait_until(self._clock.now() + int(seconds * 1000) * MILLISECOND)

    # What the web asks

    async def start(self, request: ConversationRequest) -> ConversationView:
        """Start a conversation; the one on air ends."""
        self._open()
        return await self.programme.start(request)

    async def stop(self, conversation_id: str) -> ConversationView:
        """Stop it at once; the stage stays quiet."""
        self._open()
        return await self.programme.stop(conversation_id)

    def conversations(self) -> Sequence[ConversationView]:
        """Newest first, without their turns."""
        return self.book.conversations()

    def conversation(self, conversation_id: str) -> ConversationView | None:
        """One conversation with its turns, or None."""
        return self.book.conversation(conversation_id)

    async def chat(self, request: ChatRequest) -> ChatReceipt:
        """Pass a person's words to a character."""
        self._open()
        return await self.programme.chat(request)

    async def tv(self, request: TvRequest) -> StageView:
        """Switch the TV."""
        self._open()
        if request.action == "stop":
            await self.link.show_tv(None)
        else:
            name = request.film or next(iter(self._films), "")
            if name not in self._films:  # only what is listed: a page may not name files of this machine
                raise InputError(
                    f"there is no film {name!r}", where="film", remedy=f"Choose one of {', '.join(self._films)}."
                )
            await self.link.show_tv(self._films[name])
        return self.stage()

    async def lights(self, request: LightsRequest) -> StageView:
        """Change the light."""
        self._open()
        daylight = request.daylight if request.daylight is not None else self._lights.daylight
        lamp = request.lamp if request.lamp is not None else self._lights.lamp
        self._lights = Lights(daylight, lamp)
        await self.link.set_lights(self._lights)
        return self._changed()

    async def caption(self, request: CaptionRequest) -> StageView:
        """Announce a text."""
        self._open()
        text = " ".join(request.text.split())
        if text:
            seen = await asyncio.to_thread(_as_captioned, text)  # what is left out must not hide what is left
            text = await self.programme.moderator.admit(seen, Subject.CHAT)
        self._caption = text
        await self.link.announce(text)
        return self._changed()

    def stage(self) -> StageView:
        """The stage now."""
        return StageView(
            ready=self.link.ready.is_set(),
            cast=tuple(
                CharacterView(name=member.name, title=member.title, tagline=member.tagline, colour=member.colour)
                for member in self._cast
            ),
            room=self._plan.room.name,
            width=self._plan.width,
            height=self._plan.height,
            fps=self._plan.fps,
            daylight=self._lights.daylight,
            lamp=self._lights.lamp,
            tv=self._tv,
            films=tuple(self._films),
            caption=self._caption,
            topics=self._topics,
            turns=self._settings.show.turns,
            origin=self.link.wall_of(self.link.time_of(0)) / MILLISECOND,
            restarts=self.link.restarts,
            engines=tuple(engine_view(each, self._settings.picks) for each in self._vitals()),
            viewers_behind=EXPECTED_BEHIND,
            quality=self._shortage.quality,
            steps=tuple(self._shortage.steps),
            pace=self._shortage.pace,
        )

    def outputs(self) -> tuple[OutputView, ...]:
        """What goes out: the stream, and the recording if there is one."""
        return self.out.views(drawn=self.link.ready.is_set(), failure=self.link.worker.state.last_failure)

    def playlist(self) -> str | None:
        """The live playlist, or None before the first segment."""
        return self.outlet.hls.playlist() if self.outlet.on_air else None

    def resource(self, name: str) -> Resource | None:
        """A file that the playlist names."""
        return self.outlet.hls.get(name)

    def ready(self) -> tuple[bool, Sequence[str]]:
        """Whether a viewer would see a show now."""
        missing: list[str] = []
        if not self.link.ready.is_set():
            missing.append("the stage is being set up")
        if not self.outlet.on_air:
            missing.append("nothing is on air yet")
        missing += unserved(self._vitals())
        return not missing, missing

    def metrics(self) -> bytes:
        """Prometheus' text exposition."""
        return self._metrics.exposition(self.bus.name)

    # What the rooms report

    def _company(self, moderator: Moderator) -> Company:
        return Company(
            players=[Player(member.persona, self._engines.llm) for member in self._cast],
            voice=CastVoices(self._engines.tts, self._cast),
            floor=self.link,
            moderator=moderator,
            topics=self._topics,
        )

    def _stage_listener(self) -> StageListener:
        return StageListener(
            ready=self._stage_ready,
            started=self._play_started,
            ended=self._play_ended,
            frames=lambda records: self.pulse.frames(records),
            stepped=self._stepped,
            skipped=self._skipped,
            paused=lambda record: self.pulse.paused(record),
            baked=self._baked,
            trouble=self._trouble,
            lights=self._lights_changed,
            tv=self._tv_changed,
            caption=self._caption_changed,
            died=self._stage_died,
        )

    def _play_started(self, utterance_id: str, at: int) -> None:
        if (utterance := self.link.queued(utterance_id)) is not None:
            self.spoken(utterance, at)
        if not self.guests.started(utterance_id, at):
            self.programme.notify(PlayStarted(utterance_id, at))

    def _play_ended(self, utterance_id: str, at: int, played: int, failure: str) -> None:
        self.silent(utterance_id, at, played)
        if not self.guests.ended(utterance_id, at, played, failure):
            self.programme.notify(PlayEnded(utterance_id, at, played, failure=failure))

    def _programme_listener(self) -> ProgrammeListener:
        return ProgrammeListener(
            conversation=self._conversation_changed,
            turn=self._turn_changed,
            pace=self._pace_changed,
        )

    def _conversation_changed(self, conversation: ConversationView) -> None:
        self.pulse.conversation(conversation)
        if self._past is not None:
            self._past.conversation(conversation)
        self.bus.publish(ConversationEvent(conversation=conversation))

    def _turn_changed(self, view: TurnView, record: TurnRecord) -> None:
        self.pulse.turn(record)
        if self._past is not None:
            self._past.turn(view, record)
        self.bus.publish(TurnEvent(turn=view))

    def _pace_changed(self, state: PaceState) -> None:
        self._shortage.paced(state)
        log.info("voice.pace", factor=state.factor, gathering=state.gathering, lagging=state.lagging)
        self._changed()

    def _stage_ready(self, ready: StageReady) -> None:
        log.info(
            "stage.ready",
            seconds=round(ready.seconds, 2),
            first_frame=ready.first_frame,
            scheduler=ready.granted,
            steps=[name_of(step) for step in ready.steps],
        )
        self._shortage.renewed()
        self._tv = ""  # until its film is open again
        self._changed()

    def _stepped(self, record: StepRecord) -> None:
        self.pulse.stepped(record)
        words = {"step": name_of(record.step), "before": name_of(record.before), "lead_ms": round(record.lead_ms)}
        log.warning("governor.step", frame=record.frame, why=record.why, **words)
        self._shortage.stepped(record.step, record.why)
        self._changed()

    def _skipped(self, record: SkipRecord) -> None:
        self.pulse.skipped(record)
        log.warning("stage.skipped", first=record.first, following=record.following, late_ms=round(record.late_ms))
        seconds = (record.following - record.first) / self._plan.fps
        self.bus.notice(
            Notice(
                level="warning",
                text=f"The show stood still and left out {seconds:.1f} s; what was being said goes on.",
                remedy="duologue doctor tells what else this machine does.",
            )
        )

    def _lights_changed(self, lights: Lights) -> None:
        self._lights = lights
        self._changed()

    def _baked(self, baked: Baked) -> None:
        self.pulse.baked(baked)
        log.info("stage.baked", what=baked.what, milliseconds=round(baked.milliseconds, 1))

    def _trouble(self, trouble: Trouble) -> None:
        log.warning("stage.trouble", what=trouble.what, where=trouble.where, remedy=trouble.remedy)
        self.bus.notice(Notice(level="warning", text=f"{trouble.what} ({trouble.where}).", remedy=trouble.remedy))

    def _stage_died(self, error: DuologueError) -> None:
        self.guests.stage_died()
        self.bus.notice(Notice(level="error", text=f"{error.what}.", remedy="The stage is being set up again."))
        self._changed()

    def _vitals(self) -> tuple[EngineVitals, ...]:
        return vitals(self._engines.llm, self._engines.tts, self._clock.now())

    def _handed_over(self, handover: Handover) -> None:
        self._changed()

    def _tv_changed(self, film: str) -> None:
        self._tv = film
        self._changed()

    def _caption_changed(self, text: str) -> None:
        self._caption = text
        self._changed()

    def _changed(self) -> StageView:
        view = self.stage()
        self.bus.publish(StageEvent(stage=view))
        return view

    def state(self, house: HouseView) -> StateEvent:
        """All that a page shows of the show, in the ``house`` as it is; of bounded size."""
        return StateEvent(
            state=StateView(
                house=house,
                stage=self.stage(),
                conversations=tuple(self.book.conversations()),
                turns=tuple(self.book.newest_turns(STATE_TURNS)),
            )
        )

    def _open(self) -> None:
        if self._closing:
            raise ClosedError("the studio is shutting down", remedy="Try again in a moment.")


def _as_captioned(text: str) -> str:
    """What of an announcement is seen. Raises :class:`InputError` when that is nothing."""
    from duologue.stage.captions.captions import showable  # with it comes what draws, which few shows need here

    shown = showable(text)
    if not shown:
        raise InputError(
            "nothing of this text can be shown", where="text",
            remedy="Captions hold Latin, Greek and Cyrillic letters, digits and signs; no emoji.",
        )  # fmt: skip
    return shown


@contextlib.asynccontextmanager
async def open_studio(
    settings: Settings,
    engines: LentEngines,
    bus: BusTopic,
    ledger: Ledger,
    metrics: Metrics,
    *,
    cast: Sequence[CastMember] = (),
    clock: Clock = SYSTEM_CLOCK,
    stage: EarlyStage | None = None,
    memory: ShowMemory | None = None,
) -> AsyncGenerator[Studio]:
    """Build a studio from settings, with the ``cast`` given or the one that is set, on what it shares with others;
    ``stage`` may have been started, and told its plan, before. ``memory`` is what the show remembers of itself.

    Raises :class:`InputError` for whatever of them cannot be, before anything is on air.
    """
    cast = cast or load_cast(settings.show.cast, settings.engines.tts, known_voices(settings))
    opened = stage.plan if stage else None
    plan = opened or stage_plan(settings, cast, show_seed(settings))
    if settings.show.tv.film is not None:
        find_film(settings.show.tv.film)
    refuse_strangers((member.persona for member in cast), engines.llm)
    start = stage.start if stage else start_stage
    studio = Studio(settings, cast, engines, plan, bus, SteadyClock(clock), start, ledger, metrics, memory)
    try:
        yield studio
    finally:
        await studio.close()
