"""One session of the Realtime API: a conversation whose far end is a client of OpenAI's.

It stands beside the page's and the telephone's: the same session on a :class:`RemoteSink`, for a far end that says
nothing of what it plays but where it was cut (``conversation.item.truncate``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from weakref import proxy
from zlib import crc32

from duologue.app.realtime.answers import RealtimeAnswers
from duologue.app.realtime.calls import ClientCalls, result_of
from duologue.app.realtime.connection import EVENT_BURST, EVENTS_PER_SECOND, RealtimeConnection, RealtimeParted
from duologue.app.realtime.ears import LEAST_APPENDED, AppendedSound, PersonTurns
from duologue.app.realtime.items import RealtimeItem, RealtimeItems, item_of, joined
from duologue.app.realtime.messages import (
    BufferAppend,
    BufferClear,
    BufferCommit,
    ClientEvent,
    EventError,
    ItemCreate,
    ItemDelete,
    ItemFields,
    ItemRetrieve,
    ItemTruncate,
    ResponseCancel,
    ResponseCreate,
    ResponseFields,
    SessionUpdate,
    house_error,
)
from duologue.app.realtime.settings import RealtimeConfig
from duologue.app.realtime.sound import MOST_SECONDS, PacedSound, SoundReader
from duologue.app.talking.talking import Partner
from duologue.app.talking.turn_policy import talk_policy
from duologue.audio.far_playout import FarEndMessage, Manners, MessageKind
from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND, SECOND, Clock
from duologue.dialogue.far_end.remote_sink import RemoteSink
from duologue.dialogue.ports import PlayEvent, PlayProgress
from duologue.dialogue.session.ledger import SessionLedger
from duologue.dialogue.session.session import Session, SessionOptions
from duologue.dialogue.turns.vocabulary import (
    Adopt,
    CallTool,
    Commit,
    Effect,
    Event,
    SpeechStarted,
    SpeechStopped,
    State,
    Think,
    ToolGivenUp,
    TurnClosed,
    TurnKept,
    Withdrawn,
)
from duologue.errors import InputError, raise_first
from duologue.language.counting import count_tokens
from duologue.settings import Settings
from duologue.speech.hearing import EAR_RATE, Expected
from duologue.telemetry.ledger import EndingOutcome
from duologue.telemetry.stream import Ledger

PERSON = "person"
SESSION_SECONDS = 3_600
"""As long as OpenAI's: then the session is over."""
IDLE_SECONDS = 30 * 60
"""Nothing is said by the client for so long."""
MANNERS = Manners(acknowledges=False, holds=False, piece_ms=200)
CALLS_SETTLE_MS = 20
"""Calls that a model makes together are asked for within this."""
MOST_COMMITTED = 8
"""Turns that a client committed and nobody has understood yet."""
_OURS = frozenset({State.SPEAKING, State.DOUBTING, State.PAUSED, State.JUDGING})
"""Somebody else has the floor, or may have."""
Voices = Callable[[str], Mapping[str, str]]
"""The voice of each engine that a name means. Raises :class:`InputError`."""


@dataclass(frozen=True, slots=True)
class RealtimeHouse:
    """What a session is held with."""

    settings: Settings
    ledger: Ledger
    clock: Clock
    voices: Voices


class RealtimeSession:
    """Run :meth:`serve` once."""

    def __init__(
        self, partner: Partner, voices: Mapping[str, str], config: RealtimeConfig, connection: RealtimeConnection,
        house: RealtimeHouse,
    ) -> None:  # fmt: skip
        session: RealtimeSession = proxy(self)  # as its parts know it: it waits for no collector
        clock = self._clock = house.clock
        self._house = house
        self._partner = partner
        self._refuse_beyond(config)
        self._own_voices = voices
        self._connection = connection
        self._persona = partner.persona
        self._usual = talk_policy(house.settings, partner.persona)
        self._book = SessionLedger(
            house.ledger, partner.persona.name, PERSON, part="api", conversation=partner.conversation
        )  # fmt: skip
        self._id = self._book.conversation.replace("-", "")
        self._sink = RemoteSink(MANNERS, lambda report: session._played(report), clock)
        self._items = RealtimeItems(self._id[-8:])
        self._sound = PacedSound(clock)
        self._config = config
        tell = connection.tell
        self._answers = RealtimeAnswers(
            tell, self._items, f"conv_{self._id}", self._persona.name, clock,
            lambda: session._tokens(),
        )  # fmt: skip
        self._answers.config = config
        self._answers.limits = lambda: session._limits()
        self._turns = PersonTurns(
            tell, self._items, self._sound, clock, lambda: session._config.transcription is not None
        )
        self._reader = SoundReader(config.heard)
        options = SessionOptions(
            id=self._book.conversation, person=PERSON, policy=config.policy(self._usual),
            seed=crc32(self._id.encode()), toolbox=config.toolbox,
        )  # fmt: skip
        engines = replace(partner.engines, voice=partner.in_voices(self._voices(config)))
        own = replace(partner, persona=config.persona(self._persona), engines=engines)
        self._session: Session = own.session(
            self._sink, options, clock=clock, observe=lambda item, now: session._see(item, now)
        )
        self._applied = config
        self._system = ""
        self._group: asyncio.TaskGroup | None = None
        self._appended: AppendedSound | None = None
        self._unanswered: list[RealtimeItem] = []
        self._committed: set[RealtimeItem] = set()
        self._wanted: ResponseFields | None = None
        self._once = ""  # the reply that is made as one response was asked for
        self._asked_once = False
        self._calls = ClientCalls()
        self._live: str = ""  # the reply that is on the floor
        self._cleared = False
        self._stop: tuple[str, int] | None = None  # where the client stopped, to be said after the next clear
        self._by_client = False
        self._heard_at = clock.now()

    @property
    def conversation(self) -> str:
        """Its id, as the ledger has it."""
        return self._book.conversation

    # Its life

    async def serve(self) -> None:
        """Converse until the socket is gone (:class:`SocketGone`) or to be closed (:class:`RealtimeParted`)."""
        expires = self._clock.wall() // SECOND + SESSION_SECONDS
        self._expires_at = expires
        self._connection.tell("session.created", session=self._wire())
        conversation = {"id": f"conv_{self._id}", "object": "realtime.conversation"}
        self._connection.tell("conversation.created", conversation=conversation)
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                group.create_task(self._hold())
                group.create_task(self._sink.run())
                group.create_task(self._sink.connect(self._order))
                group.create_task(self._sound.run(self._session.hear))
                group.create_task(self._connection.run())
                group.create_task(self._read())
                group.create_task(self._mind())
        except BaseExceptionGroup as failures:
            raise_first(failures)
        finally:
            self._book.close()

    async def _hold(self) -> None:
        await self._session.run()
        raise RealtimeParted(None)

    async def _read(self) -> None:
        while True:
            event = await self._connection.read()
            self._heard_at = self._clock.now()
            try:
                self._take(event)
            except EventError as error:
                self._connection.refuse(error, event.event_id)
            except InputError as error:
                self._connection.refuse(house_error(error), event.event_id)

    async def _mind(self) -> None:
        """See that it does not go on for ever."""
        end = self._clock.now() + SESSION_SECONDS * SECOND
        while (now := self._clock.now()) < end:
            idle = self._heard_at + IDLE_SECONDS * SECOND
            if now >= idle:
                raise RealtimeParted(EventError("Nobody said anything for long.", code="session_idle"))
            await self._clock.wait_until(min(end, idle))
        what = f"The session has lasted {SESSION_SECONDS // 60} minutes, its longest. Begin another one."
        raise RealtimeParted(EventError(what, code="session_expired"))

    def _wire(self) -> dict[str, object]:
        return self._config.wire(f"sess_{self._id}", self._expires_at, self._persona.name)

    _expires_at = 0

    # What the client says

    def _take(self, event: ClientEvent) -> None:
        match event:
            case BufferAppend(audio=audio):
                self._append(audio)
            case BufferCommit():
                self._commit()
            case BufferClear():
                self._clear()
            case SessionUpdate(session=fields):
                if fields.model is not None and self._config.model != fields.model:
                    fields = fields.model_copy(update={"model": None})  # who was called is who answers
                self._become(self._config.merged(fields))
                self._connection.tell("session.updated", session=self._wire())
            case ItemCreate(item=given, previous_item_id=after):
                self._create(given, after)
            case ItemRetrieve(item_id=name):
                self._connection.tell("conversation.item.retrieved", item=self._items.find(name).wire())
            case ItemDelete(item_id=name):
                self._delete(self._items.find(name))
            case ItemTruncate():
                self._truncate(event)
            case ResponseCreate(response=fields):
                self._want(fields or ResponseFields())
            case ResponseCancel(response_id=name):
                self._cancel(name)

    # How the session is

    def _refuse_beyond(self, config: RealtimeConfig) -> None:
        """Raise :class:`EventError` for what the engine that thinks cannot do."""
        if config.tools and not self._partner.engines.model.capabilities.tools:
            what = "What thinks here calls no functions. Leave them out, or have an engine think that does."
            raise EventError(what, param="session.tools")

    def _voices(self, config: RealtimeConfig) -> Mapping[str, str]:
        """By engine; none where nothing is to be heard."""
        if config.modality == "text":
            return {}
        if not config.voice or config.voice == self._persona.name:
            return self._own_voices
        try:
            return self._house.voices(config.voice)
        except InputError as error:
            raise house_error(error, param="session.audio.output.voice") from error

    def _become(self, config: RealtimeConfig) -> None:
        """From here on."""
        language = config.transcription.language if config.transcription else None
        spoken = self._persona.language
        if language and language.partition("-")[0] != spoken.tag.partition("-")[0]:
            raise EventError(
                f"{self._persona.title} hears {spoken.tag!r}, not {language!r}. Ask for another character.",
                param="session.audio.input.transcription.language",
            )  # fmt: skip
        self._refuse_beyond(config)
        before = self._config
        self._apply(config)
        self._config = self._answers.config = config
        self._asked_once = False  # what is wanted is prepared again, on top of it
        if config.heard != before.heard:
            self._reader = SoundReader(config.heard)
        if (config.detection is None) != (before.detection is None):
            self._forget_sound()

    def _apply(self, config: RealtimeConfig) -> None:
        """Have the conversation go on so."""
        before, system = self._applied, self._items.system
        voice = None
        if (config.modality, config.voice) != (before.modality, before.voice):
            voice = self._partner.in_voices(self._voices(config))
        persona = None
        if (config.instructions, config.tokens, system) != (before.instructions, before.tokens, self._system):
            persona = config.persona(self._persona, system)
        toolbox = config.toolbox if (config.tools, config.choice) != (before.tools, before.choice) else None
        self._session.control.change(
            persona=persona, voice=voice, toolbox=toolbox, policy=config.policy(self._usual)
        )  # fmt: skip
        self._applied, self._system = config, system

    # The person's sound

    def _append(self, audio: str) -> None:
        sound = self._reader.feed(audio)
        if self._config.detection is None:
            if not len(sound):
                return
            if self._appended is None:
                self._appended = self._new_appended()
            assert self._group is not None
            self._appended.push(sound, self._group)
        elif not self._sound.push(sound):
            raise EventError(
                f"More than {MOST_SECONDS} s of sound wait to be listened to. Send it as time passes.",
                code="input_audio_buffer_full", param="audio",
            )  # fmt: skip

    def _new_appended(self) -> AppendedSound:
        return AppendedSound(self._partner.engines.ears, Expected(language=self._persona.language.name))

    def _commit(self) -> None:
        if self._config.detection is not None:
            if not self._turns.speaks:
                raise _nothing_to_commit()
            self._session.control.commit_turn()
            return
        appended = self._appended
        if appended is None or appended.samples < LEAST_APPENDED:
            raise _nothing_to_commit()
        self._refuse_more()
        self._appended = None
        self._reader = SoundReader(self._config.heard)
        item = RealtimeItem(self._items.new_id(), role="user", form="input_audio", text=None)
        self._turns.commit(item)
        self._await_words(item, appended)

    def _refuse_more(self) -> None:
        """Raise :class:`EventError` where as much waits to be understood as may."""
        if len(self._committed) >= MOST_COMMITTED:
            raise EventError(f"{MOST_COMMITTED} turns are not understood yet. Wait for them.", code="busy")

    def _await_words(self, item: RealtimeItem, appended: AppendedSound) -> None:
        """What was said in it will be known."""
        self._unanswered.append(item)
        self._committed.add(item)
        assert self._group is not None
        self._group.create_task(self._understand(item, appended))

    async def _understand(self, item: RealtimeItem, appended: AppendedSound) -> None:
        text = await appended.text()
        if appended.failure:
            self._turns.failed(item, appended.failure)
        else:
            self._turns.transcribed(item, text, appended.samples / EAR_RATE)
        self._committed.discard(item)
        self._answer()

    def _clear(self) -> None:
        self._forget_sound()
        self._connection.tell("input_audio_buffer.cleared")

    def _forget_sound(self) -> None:
        if self._appended is not None:
            self._appended.drop()
            self._appended = None
        self._sound.clear()
        self._session.control.cancel_turn()

    # Items

    def _create(self, given: ItemFields, after: str | None) -> None:
        item = item_of(given, given.id or self._items.new_id())
        if item.kind == "function_call_output":
            self._check_call(item)
        audio = next((part.audio for part in given.content if part.audio and part.type == "input_audio"), None)
        sound = self._decoded(audio) if audio and item.role == "user" else None
        self._items.make_room(item)
        previous = self._items.add(item, after)
        self._connection.tell("conversation.item.added", previous_item_id=previous, item=item.wire())
        if sound is not None:  # nobody listens to what was refused
            appended = self._new_appended()
            assert self._group is not None
            appended.push(sound, self._group)
            self._await_words(item, appended)
            return
        self._connection.tell("conversation.item.done", previous_item_id=previous, item=item.wire())
        if item.role == "system":
            self._apply(self._applied)
        elif item.role == "user" and self._items.is_last(item):
            self._unanswered.append(item)
        elif item.kind != "function_call_output" or not self._calls.answer(item.call_id, item.output):
            item.known = True
            if item.role == "assistant" and self._wanted is None:
                self._answered(self._items.until(item))
            self._recall()

    def _decoded(self, audio: str) -> Samples:
        """The sound of a message that a client writes. Raises :class:`EventError`."""
        self._refuse_more()
        sound = SoundReader(self._config.heard).feed(audio)
        if len(sound) < LEAST_APPENDED:
            raise EventError("A message of less than 100 ms of sound.", param="item.content.0.audio")
        return sound

    def _check_call(self, item: RealtimeItem) -> None:
        if not any(each.kind == "function_call" and each.call_id == item.call_id for each in self._items):
            raise EventError(f"There is no call {item.call_id!r}.", code="item_not_found", param="item.call_id")

    def _delete(self, item: RealtimeItem) -> None:
        if item in self._unanswered:
            self._unanswered.remove(item)
        elif not (item.known or item.role == "system" or item.kind == "function_call_output"):
            raise EventError(f"{item.id!r} belongs to what is being said now.", code="item_in_use", param="item_id")
        self._items.remove(item)
        if item.role == "system":
            self._apply(self._applied)
        elif item.known:
            self._recall()
        self._connection.tell("conversation.item.deleted", item_id=item.id)

    def _recall(self) -> None:
        """The client has changed what was said before."""
        self._session.recall(self._items.lines(PERSON, self._persona.name))

    def _truncate(self, event: ItemTruncate) -> None:
        item, milliseconds = self._items.find(event.item_id), event.audio_end_ms
        if item.role != "assistant" or item.form != "output_audio" or not item.reply or event.content_index:
            raise EventError(f"{item.id!r} has no sound of the character's there.", param="item_id")
        if milliseconds > item.length_ms + 1:
            raise EventError(
                f"Audio content of {item.length_ms} ms is already shorter than {milliseconds} ms.", param="audio_end_ms"
            )
        heard = self._answers.truncate(item, milliseconds)
        self._stopped(item, [(segment.utterance, end) for segment, end in heard], milliseconds < item.length_ms)
        self._connection.tell(
            "conversation.item.truncated", item_id=item.id, content_index=0, audio_end_ms=milliseconds
        )  # fmt: skip

    def _stopped(self, item: RealtimeItem, heard: list[tuple[str, int]], cut: bool) -> None:
        """So much of each utterance was played, and nothing after it."""
        if item.reply != self._live:
            if item.known and cut:
                item.line = item.text
                self._recall()
            return
        for name, end in heard[:-1]:
            self._sink.acknowledge(name, end)
        last = heard[-1] if heard else (item.segments[0].utterance, item.segments[0].start)
        if not cut:
            self._sink.acknowledge(*last)
        elif self._cleared:
            self._sink.stopped(*last)
        else:
            self._stop, self._by_client = last, True
            self._session.control.interrupt()

    # Responses

    def _want(self, fields: ResponseFields) -> None:
        """The client wants an answer."""
        if self._answers.active is not None or self._wanted is not None:
            raise EventError(
                "The conversation has a response in progress already. Wait for response.done, or cancel it.",
                code="conversation_already_has_active_response",
            )  # fmt: skip
        if self._calls:
            self._answers.metadata = fields.metadata
            self._resolve()
        else:
            changed = self._config.merged(fields.session)
            self._refuse_beyond(changed)
            self._voices(changed)  # a voice that there is not
            self._wanted = fields
            self._answer()

    def _answer(self) -> None:
        """Have it answered, as soon as all that is to be answered is understood."""
        fields = self._wanted
        if fields is None or self._unclear:
            return
        text = joined(item.text for item in self._unanswered)
        if not text and self._session.state is not State.QUIET:
            self._prepare(fields)
            return  # what they say is what it answers; if that is nothing, we are asked again
        self._wanted, self._answers.metadata = None, fields.metadata
        if self._live:  # the client plays what it has to its end
            for name, end in self._answers.sent(self._live):
                self._sink.acknowledge(name, end)
        self._prepare(fields)
        self._turns.write(self._unanswered)
        self._unanswered = []
        self._session.say(text)

    @property
    def _unclear(self) -> bool:
        """Not all that is to be answered is understood."""
        return any(item in self._committed for item in self._unanswered)

    def _prepare(self, fields: ResponseFields) -> None:
        """The next reply is made as one response was asked for."""
        changed = self._config.merged(fields.session)
        if changed != self._config and not self._asked_once:
            self._apply(changed)
            self._answers.config, self._asked_once = changed, True

    def _restore(self) -> None:
        """What was wished for one response alone is as it was."""
        self._asked_once = False
        self._apply(self._config)
        self._answers.config = self._config

    def _resolve(self) -> None:
        """The reply that waits for the client's results goes on; what is missing has failed."""
        reply, results = self._calls.take()
        for name, output in results.items():
            if output is None:
                self._session.control.answer(name, failure="the client gave no result")
            else:
                self._session.control.answer(name, result_of(output))
        self._answers.begin(reply)

    def _cancel(self, name: str | None) -> None:
        active = self._answers.active
        if self._wanted is not None and active is None:
            self._wanted = None
            if self._asked_once:
                self._restore()
            return
        if active is None or (name is not None and name != active.id):
            raise EventError("No response is in progress that could be cancelled.", code="response_cancel_not_active")
        self._by_client = True
        self._session.control.interrupt()
        self._answers.finish("cancelled", "client_cancelled")

    # What the conversation tells

    async def _order(self, message: FarEndMessage) -> None:
        await self._connection.room()
        reply = message.id.rpartition("/")[0]
        if message.kind is MessageKind.CLEAR:
            self._cleared = True
            if self._stop is not None:
                stop, self._stop = self._stop, None
                self._sink.stopped(*stop)
            elif not self._by_client:
                self._turns.heard()
        elif message.kind is MessageKind.PLAY:
            self._cleared, self._by_client, self._live = False, False, reply
            self._book.sent(message.id, self._clock.now())
        self._answers.order(message, by_client=self._by_client)

    def _played(self, report: PlayEvent | PlayProgress) -> None:
        self._session.notify(report)

    def _see(self, item: Event | Effect, now: int) -> None:
        self._book.take(item, now)
        match item:
            case SpeechStarted(at):
                self._flush()
                self._turns.began(at, floor=self._session.state not in _OURS)
            case SpeechStopped(at):
                self._turns.ended(at)
            case Think(reply, person, False) | Adopt(reply, person):
                self._turns.close(person)
                self._begin(reply)
            case TurnKept(_, person):
                self._turns.close(person)
            case TurnClosed(_, EndingOutcome.NOTHING_SAID):
                self._turns.nothing()
            case CallTool(reply, call):
                self._calls.ask(call.id, reply)
                self._answers.call(reply, call)
                assert self._group is not None
                self._group.create_task(self._settle_calls())
            case ToolGivenUp(name):
                self._calls.give_up(name)
            case Commit(_, heard, reply, interrupted):
                self._over(reply)
                self._turns.settle()
                self._answers.settle(reply, heard, interrupted, by_client=self._by_client)
            case Withdrawn(reply):
                self._over(reply)
                self._answers.withdraw(reply, by_client=self._by_client)
            case _:
                self._answers.take(item)
        if self._wanted is not None:
            self._answer()
            asyncio.get_running_loop().call_soon(
                self._answer
            )  # and when it is over what this was: then it may be quiet

    def _begin(self, reply: str) -> None:
        self._live, self._cleared = reply, False
        if self._wanted is not None and not self._unclear:  # what they said is answered as the client wants it
            self._answers.metadata, self._wanted = self._wanted.metadata, None
        self._answers.begin(reply)
        if self._asked_once:
            self._asked_once, self._once = False, reply

    def _over(self, reply: str) -> None:
        """It is on the floor no more; what was wished for it alone is as it was."""
        if self._live == reply:
            self._live, self._by_client = "", False
        if self._once == reply:
            self._once = ""
            if not self._asked_once:  # else the next one is prepared
                self._restore()

    def _flush(self) -> None:
        """What was written and not answered was said before what is said now."""
        if self._wanted is None and self._answered(self._unanswered):
            self._recall()

    def _answered(self, items: Sequence[RealtimeItem]) -> bool:
        """Those of ``items`` that waited to be answered, and are understood, are of the past; False: there are none."""
        past = [item for item in self._unanswered if item in items and item not in self._committed]
        self._unanswered = [item for item in self._unanswered if item not in past]
        for item in past:
            item.known = True
        return bool(past)

    async def _settle_calls(self) -> None:
        await self._clock.wait_until(self._clock.now() + CALLS_SETTLE_MS * MILLISECOND)
        self._answers.conclude(called=True)

    # What is counted

    def _tokens(self) -> int:
        told = (line.text for line in self._session.lines)
        return sum(map(count_tokens, (*told, self._persona.description, self._config.instructions)))

    def _limits(self) -> list[dict[str, object]]:
        left = self._connection.allowance.left
        reset = round((EVENT_BURST - left) / EVENTS_PER_SECOND, 3)
        return [{"name": "requests", "limit": EVENT_BURST, "remaining": int(left), "reset_seconds": reset}]


def _nothing_to_commit() -> EventError:
    what = "The buffer is too small to be committed: at least 100 ms of sound are needed."
    return EventError(what, code="input_audio_buffer_commit_empty")
