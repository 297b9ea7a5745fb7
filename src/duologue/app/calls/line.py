"""The phone line, as a part of the house: warm engines, a line process that is kept, and its calls.

It takes calls when every engine has spoken and heard once, and what is said on every call is voiced. Where no ears are
set that take dictation over a telephone it says so, and offers callers the menu of its transfers; without one it
registers nowhere and takes no calls.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from duologue.app.bus import BusTopic
from duologue.app.calls.call import LINE, CallHouse
from duologue.app.calls.calls import BEHIND, STATUS, Calls
from duologue.app.calls.carriers import Carriers
from duologue.app.calls.line_models import CallView, LineView, RegistrationView, TransferView
from duologue.app.calls.line_plan import line_plan, target_of
from duologue.app.calls.menu import Menu
from duologue.app.calls.plan import CallPlans, sentences
from duologue.app.calls.tools import CallTools
from duologue.app.calls.voice import VoicedLines
from duologue.app.engines.engines import LentEngines
from duologue.app.engines.languages import members, refuse_strangers
from duologue.app.engines.voices import CastVoices
from duologue.app.house.shared import UNHEARD, Shared, TalkListener
from duologue.app.models import CallEvent, Event, LineEvent, Notice
from duologue.app.show.cast import CastMember
from duologue.app.talk.connection import TalkConnection, TalkSocket, hold_socket, parted
from duologue.app.talk.messages import TalkHello
from duologue.app.talking.talking import Talk
from duologue.audio.pcm import Samples
from duologue.audio.resample import resample
from duologue.clock import SECOND, Clock
from duologue.errors import ClosedError, PeerError
from duologue.metering import Customer, charged_to
from duologue.phone.leg import CallLeg, TakeCall
from duologue.phone.line.messages import Counts, LineSetup, LineTrouble, Ready, RegistrationState
from duologue.phone.turned_away import AwayReason
from duologue.phone.twilio.calls import TwilioCalls
from duologue.precedence import Errand, Urgency, errand_of
from duologue.settings import Settings
from duologue.speech.hearing import EAR_RATE, Expected, Selective
from duologue.speech.utterance import Utterance
from duologue.telemetry.ledger import PacketsRecord
from duologue.telemetry.log import get_logger
from duologue.telemetry.stream import HOUSE
from duologue.workers import Supervised

REHEARSAL = "Hello. How can I help you?"
"""What is said and heard before the first call."""
REHEARSAL_SECONDS = 60.0
DEAF = (
    "no ears that take dictation over a telephone are set ({names}): of ten words nine would be misheard, so the line"
    " takes no calls. Run: duologue models get natural"
)
MENU_ONLY = (
    "no ears that take dictation over a telephone are set ({names}): callers may say or press where they want to be put"
    " through ({menu}), and nothing else is understood. For conversations run: duologue models get natural"
)
LOOK_EVERY = SECOND // 2
"""Between two looks at whether a call would be taken."""
_BLOCK = EAR_RATE // 50

News = Ready | RegistrationState | Counts | LineTrouble

_log = get_logger("duologue.line")


class Carrier(Protocol):
    """The line process, as the line needs it: :class:`~duologue.phone.line.client.LineClient`."""

    worker: Supervised
    ready: asyncio.Event
    ports: dict[str, int]

    async def run(self) -> None:
        """Keep a line process until cancelled; its calls are held in tasks of it."""
        ...

    async def dial(self, target: str, account: str = "") -> CallLeg:
        """Call somebody. Raises :class:`~duologue.errors.DuologueError`."""
        ...

    async def drain(self) -> None:
        """Take no further calls, and unregister."""
        ...

    def refuses(self, status: int) -> None:
        """Calls are refused with ``status`` from now on (0: they are taken): tell who asks whether they are."""
        ...


MakeCarrier = Callable[[LineSetup, TakeCall, Callable[[News], None], Clock], Carrier]


def _sip(plan: LineSetup, take: TakeCall, tell: Callable[[News], None], clock: Clock) -> Carrier:
    from duologue.phone.line.client import LineClient

    return LineClient(plan, take, tell, clock)


class LinePart:
    """See the module."""

    name = topic = LINE

    def __init__(
        self, settings: Settings, shared: Shared, bus: BusTopic, listener: TalkListener = UNHEARD,
        carrier: MakeCarrier = _sip,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._phone = settings.phone
        self._engines = shared.engines
        self._bus = bus
        self._ledger = shared.ledger
        self._clock = shared.clock
        self._make = carrier
        self._talk = Talk(settings, shared, listener, part=LINE)
        self._lines = VoicedLines(shared.clock)
        self._warm = False
        self.deaf = ""
        """Why it will take no call, however long one waits."""
        self.menu_only = ""
        """Why callers are offered the menu, and nothing else."""
        self._carrier: Carrier | None = None
        self._calls: Calls | None = None
        self._others: Carriers | None = None
        self._plans: CallPlans | None = None
        self._registrations: dict[str, RegistrationState] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self.counts: Mapping[str, float] = {}
        """Of the line process, by name."""
        self._unoffered: Mapping[str, int] = {}  # calls that its process sent away by itself
        self._unoffered_before: Counter[str] = Counter()  # and those that were there before it
        self._told_refusals: dict[str, int] = {}

    # What the house asks

    def ready(self) -> Sequence[str]:
        """Why no call would be answered now."""
        reasons = self._unready()
        if reasons or self._calls is None or self._carrier is None:
            return reasons
        if not self._carrier.ready.is_set():
            return ("the line process is coming up",)
        if (against := self._calls.against()) is not None:
            return (against[1],)
        known = [self._registrations.get(each.user) for each in self._phone.accounts]
        if known and self._phone.answers and not any(each is not None and each.registered for each in known):
            why = next((each.why for each in known if each is not None and each.why), "the PBX has not answered yet")
            return (f"no account is registered: {why}",)
        return ()

    async def run(self) -> None:
        """Take calls until cancelled; then end those that go on with a goodbye. Raises
        :class:`~duologue.errors.InputError` for settings that cannot be.
        """
        plans = self._plans = CallPlans(self._settings)
        line_plan(self._phone)  # what is wrong with it is said before engines are warmed
        if few := self._phone.few_ports:
            _log.warning("line.few_ports", why=few)
            self._bus.notice(Notice(level="warning", text=few))
        try:
            async with self._talk.warm():
                await self._rehearse(plans)
                await self._serve(plans)
        finally:
            self._warm, self._calls, self._carrier, self._others = False, None, None, None

    @property
    def twilio(self) -> TwilioCalls | None:
        """What the web server brings Twilio's requests to; None while none are taken."""
        return self._others.twilio if self._others is not None else None

    @property
    def calls(self) -> Calls:
        """Those of now. Raises :class:`~duologue.errors.ClosedError` while the line is not up."""
        if self._calls is None:
            raise ClosedError("the phone line is not up", where=LINE, remedy="Its reasons are on the page: Services.")
        return self._calls

    async def dial(self, to: str, account: str = "") -> str:
        """Call somebody: an address, or an extension of the PBX of ``account``. The id of the call, which goes on by
        itself. Raises :class:`~duologue.errors.DuologueError`.
        """
        calls, carrier, tasks = self.calls, self._carrier, self._tasks
        if (against := calls.against()) is not None:  # else whom we call would be rung up for nothing
            raise ClosedError(against[1], where=LINE, remedy="Try again when that is over.")
        if carrier is None or tasks is None:
            raise ClosedError("the phone line is not up", where=LINE)
        target, chosen = target_of(to, self._phone.accounts, account)
        leg = await carrier.dial(target, chosen)
        tasks.create_task(calls.take(leg))
        return leg.info.id

    def live(self) -> frozenset[str]:
        """The calls that go on."""
        return self._calls.live if self._calls is not None else frozenset()

    async def hang_up(self, call: str) -> None:
        """End a call at once. Raises :class:`~duologue.errors.InputError` for one that is not there."""
        await self.calls.call(call).cut("hung up from the page")

    def transfer(self, call: str, to: str) -> None:
        """See :meth:`~duologue.app.calls.call.CallTalk.transfer`."""
        self.calls.call(call).transfer(to)

    async def attend(self, call: str, socket: TalkSocket, name: str = "") -> None:
        """See :meth:`~duologue.app.calls.call.CallTalk.attend`; who wants a call that is not there is told so."""
        if call not in self.live():
            gone = parted("gone", "there is no such call", "It may be over: GET /api/line lists them.")
            await hold_socket(socket, self._clock, _nobody, gone)
            return
        await self.calls.call(call).attend(socket, name)

    def whisper(self, call: str, text: str) -> None:
        """See :meth:`~duologue.app.calls.call.CallTalk.whisper`."""
        self.calls.call(call).whisper(text)

    def call(self, call: str) -> CallView | None:
        """One call that goes on, or is remembered, with its turns."""
        return self._calls.view(call) if self._calls is not None else None

    @property
    def refusals(self) -> dict[str, int]:
        """Calls that were sent away since the line began, by :class:`~duologue.phone.turned_away.AwayReason`."""
        refused = self._unoffered_before + Counter(self._unoffered)
        if self._calls is not None:
            refused.update(self._calls.refusals)
        if self._others is not None:
            refused.update(self._others.refused)
        return {str(why): count for why, count in refused.most_common()}

    def view(self) -> LineView:
        """As a page shows it: one message, however many calls there are."""
        calls = self._calls
        return self._summary().model_copy(update={"calls": calls.views() if calls is not None else ()})

    # How it is done

    def _unready(self) -> Sequence[str]:
        """Why no call may be taken, whoever carries it."""
        if self.deaf:
            return (self.deaf,)
        return () if self._warm else ("every engine speaks and hears once before the first call",)

    async def _rehearse(self, plans: CallPlans) -> None:
        """Every engine speaks and hears once; what is said on every call is voiced."""
        async with self._engines.lend(hears=True) as engines:
            await engines.warm_up()
            cast = {plan.member.name: plan.member for plan in plans.all}
            refuse_strangers([plan.member.persona for plan in plans.all], engines.llm, engines.ears)
            voice = CastVoices(engines.tts, tuple(cast.values()))
            self._judge_ears(engines, plans.usual.member)
            with errand_of(Errand(Urgency.NEXT)), charged_to(Customer(self.topic)):
                for plan in plans.all:
                    await self._lines.prepare(voice, plan.member.name, (*plan.lines, *self._menu_lines(plan.member)))
                spoken = (await voice.voice(REHEARSAL, plans.usual.member.name, "line-rehearsal")).utterance
                await self._listen(engines, spoken, plans.usual.member)
        self._warm = True

    def _judge_ears(self, engines: LentEngines, member: CastMember) -> None:
        """Whether they take dictation over a telephone; if not, what is left of a call is said now."""
        assert engines.ears is not None
        expected, names = _expected(member), ", ".join(self._settings.engines.stt)
        self.deaf = self.menu_only = ""
        if any(_hears(engine, expected) for engine in members(engines.ears)):
            return
        if self._phone.transfers:
            self.menu_only = MENU_ONLY.format(names=names, menu=", ".join(self._phone.transfers))
            _log.warning("line.menu_only", why=self.menu_only)
            self._bus.notice(Notice(level="warning", text=self.menu_only))
        else:
            self.deaf = DEAF.format(names=names)
            _log.error("line.deaf", why=self.deaf)
            self._bus.notice(Notice(level="error", text=self.deaf))

    def _menu_lines(self, member: CastMember) -> tuple[str, ...]:
        if not self.menu_only:
            return ()
        language = member.persona.language
        menu = Menu(self._phone.transfers, language.telephone)
        return tuple(sentence for text in menu.texts for sentence in sentences(text, language))

    async def _listen(self, engines: LentEngines, spoken: Utterance, member: CastMember) -> None:
        ears = engines.ears
        assert ears is not None
        if self.deaf:
            return
        expected = _expected(member)
        if self.menu_only:
            grammar = Menu(self._phone.transfers, member.persona.language.telephone).grammar
            expected = replace(expected, grammar=grammar)
        sound = resample(spoken.samples, spoken.rate, EAR_RATE)
        try:
            async with asyncio.timeout(REHEARSAL_SECONDS):
                async for heard in ears.listen(_blocks(sound), expected):
                    if heard.final:
                        _log.info("line.rehearsed", said=REHEARSAL, heard=heard.text)
        except TimeoutError as error:
            raise PeerError(
                f"the ears gave no answer within {REHEARSAL_SECONDS:g} s", where="engines.stt",
                remedy="Use quicker ones: duologue models get natural.",
            ) from error  # fmt: skip

    async def _serve(self, plans: CallPlans) -> None:
        house = CallHouse(
            self._settings, CallTools(self._phone.transfers), self._lines, self._ledger, self._clock,
            self._told, bool(self.menu_only),
        )  # fmt: skip
        calls = self._calls = Calls(plans, self._talk, house, self._unready)
        plan = line_plan(self._phone, takes_calls=not self.deaf)
        carrier = self._carrier = self._make(plan, calls.take, self._tell, self._clock)
        others = self._others = Carriers(self._phone, calls, self._clock)
        self._engines.workers.add(carrier.worker)
        self._changed()
        async with asyncio.TaskGroup() as group:
            self._tasks = group
            telling = group.create_task(calls.run())
            running = group.create_task(carrier.run())
            carrying = group.create_task(others.run())
            looking = group.create_task(self._look(carrier, calls))
            try:
                await asyncio.wait([running])
            finally:
                self._tasks = None
                if not running.done():
                    await self._drain(carrier, calls)
                telling.cancel()
                running.cancel()
                carrying.cancel()
                looking.cancel()

    async def _look(self, carrier: Carrier, calls: Calls) -> None:
        """Places are taken and given back by others than calls, too: whoever asks hears what a call would."""
        while True:
            against = calls.against()
            carrier.refuses(STATUS[against[0]] if against is not None else 0)
            await self._clock.wait_until(self._clock.now() + LOOK_EVERY)

    async def _drain(self, carrier: Carrier, calls: Calls) -> None:
        _log.info("line.drains", calls=calls.count, seconds=self._phone.drain_seconds)
        await carrier.drain()
        await calls.drain()

    def _tell(self, news: News) -> None:
        match news:
            case Ready(ports):
                self._unoffered_before.update(self._unoffered)
                self._unoffered = {}
                _log.info("line.ready", listens=", ".join(f"{name.lower()}:{port}" for name, port in ports.items()))
            case RegistrationState(account):
                self._note_registration(account, news)
            case Counts(values, refused, pauses):
                self._enter_packets(values)
                for pause in pauses:
                    self._ledger.enter(HOUSE, pause)
                self.counts = values
                self._note_starved(refused)
                self._unoffered = refused
                if self.refusals == self._told_refusals:
                    return
            case LineTrouble(what, where):
                _log.error("line.trouble", what=what, where=where)
                self._bus.notice(Notice(level="error", text=f"The phone line: {what}"))
        self._changed()

    def _note_starved(self, refused: Mapping[str, int]) -> None:
        """A peer that is known came too fast, and was told so."""
        why = AwayReason.PEER_RATE.value
        if (more := refused.get(why, 0) - self._unoffered.get(why, 0)) > 0:
            _log.warning("line.peer_too_fast", calls=more, remedy="Have the PBX offer its calls more slowly.")

    def _enter_packets(self, values: Mapping[str, float]) -> None:
        """What it sent since the last time, into the ledger; silence is nothing to tell."""
        sent, unsent, unheard = (
            max(0, round(values.get(key, 0) - self.counts.get(key, 0)))
            for key in ("packets", "unsent", "dropped_sound")
        )
        if sent or unsent or unheard:
            late = values.get("late_ms_p99", 0.0), values.get("late_ms_max", 0.0)
            self._ledger.enter(LINE, PacketsRecord(sent, *late, unsent, unheard))
        self._note_unheard(unheard)

    def _note_unheard(self, packets: int) -> None:
        """We are so slow that callers' sound was dropped: whoever looks after the house is told, once each time."""
        calls = self._calls
        if not packets or calls is None:
            return
        if not calls.behind:
            remedy = f"End other programs on it, or take fewer calls at once (phone.places is {self._phone.places})."
            _log.warning("line.behind", what=BEHIND, calls=calls.count, packets=packets, remedy=remedy)
            text = f"The phone line: {BEHIND}. Some of what callers say is lost, and further ones are sent away."
            self._bus.notice(Notice(level="warning", text=text, remedy=remedy))
        calls.fell_behind()

    def _note_registration(self, account: str, news: RegistrationState) -> None:
        before = self._registrations.get(account)
        self._registrations[account] = news
        if before is not None and (before.registered, before.why) == (news.registered, news.why):
            return
        if news.registered and news.why:
            _log.warning("line.not_renewed", account=account, status=news.status, why=news.why, retry_s=news.retry_s)
        elif news.registered:
            _log.info("line.registered", account=account, registrar=news.registrar)
        else:
            _log.warning("line.not_registered", account=account, status=news.status, why=news.why, retry_s=news.retry_s)

    def _told(self, event: Event) -> None:
        """Of a call. One that was answered or ended, or was sent away, is counted."""
        self._bus.publish(event)
        if isinstance(event, CallEvent):
            self._changed()

    def _changed(self) -> None:
        told = self._summary()
        self._told_refusals = told.refusals
        self._bus.publish(LineEvent(line=told))

    def _summary(self) -> LineView:
        phone, calls, carrier = self._phone, self._calls, self._carrier
        up = carrier is not None and carrier.ready.is_set()
        refusals = self.refusals
        host = f"[{phone.host}]" if ":" in phone.host else phone.host
        listens = tuple(
            f"{'sips' if name == 'TLS' else 'sip'}:{host}:{port};transport={name.lower()}"
            for name, port in (carrier.ports if carrier is not None and up else {}).items()
        )
        return LineView(
            listens=listens, takes_calls=not self.ready(), reasons=tuple(self.ready()), places=phone.places,
            registrations=tuple(self._registration(each.user, each.display) for each in phone.accounts),
            transfers=tuple(
                TransferView(name=name, to=each.to, digit=each.digit, about=each.about)
                for name, each in phone.transfers.items()
            ),
            answered=calls.answered if calls is not None else 0, refused=sum(refusals.values()), refusals=refusals,
        )  # fmt: skip

    def _registration(self, user: str, display: str) -> RegistrationView:
        known = self._registrations.get(user)
        state = (
            "off" if self.deaf or not self._phone.answers
            else "registered" if known is not None and known.registered
            else "failed" if known is not None and known.retry_s is None and known.why
            else "trying"
        )  # fmt: skip
        why = known.why if known is not None else ""
        if known is not None and known.registered and why:
            why = f"the PBX did not renew it ({why}); until it runs out it can be called"
        plan = self._plans.accounts.get(user) if self._plans is not None else None
        return RegistrationView(
            account=user, display=display, character=plan.member.persona.title if plan is not None else "",
            state=state, registrar=known.registrar if known is not None else "",
            why=self.deaf or why,
        )  # fmt: skip


async def _nobody(connection: TalkConnection, hello: TalkHello) -> None:
    """Serves nobody."""


def _expected(member: CastMember) -> Expected:
    """As a conversation expects of callers: with the sentences that its persona knows, if it knows any."""
    return Expected(member.persona.expects, language=member.persona.language.name, telephone=True)


def _hears(engine: object, expected: Expected) -> bool:
    return not isinstance(engine, Selective) or engine.hears(expected)


async def _blocks(sound: Samples) -> AsyncIterator[Samples]:
    for at in range(0, len(sound), _BLOCK):
        yield sound[at : at + _BLOCK]
