"""What the parts of a house report: entered in the ledger, told on the bus, said to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duologue.app.admission import PlaceKind, Places
from duologue.app.bus import Bus
from duologue.app.house.parts import Keeper
from duologue.app.models import Notice, NoticeEvent, PartEvent, TalkEvent, TalkTurnEvent, TalkTurnView, TalkView
from duologue.chains import FailureMoment, Handover
from duologue.plurals import counted
from duologue.telemetry.ledger import AdmissionRecord, HandoverRecord, PartRecord
from duologue.telemetry.stream import HOUSE, Ledger

if TYPE_CHECKING:
    from duologue.store.values import StoreState


class HouseNews:
    """Of one house."""

    def __init__(self, bus: Bus, ledger: Ledger) -> None:
        self._bus = bus
        self._ledger = ledger
        self._parts: dict[str, PartRecord] = {}

    def part(self, keeper: Keeper) -> None:
        """Where a part is in its life has changed; see :class:`Keeper`."""
        view, topic = keeper.view(), keeper.part.topic
        self._bus.publish(PartEvent(part=view), topic)
        record = PartRecord(view.name, view.state.value, view.failure, view.restarts)
        if self._parts.get(topic) != record:
            self._parts[topic] = record
            self._ledger.enter(topic, record)
        if view.due is not None:
            notice = Notice(
                level="error", text=f"{keeper.part.name} has failed: {keeper.failure}", remedy="It is started again."
            )
            self._bus.topic(topic).notice(notice)

    def talk(self, talk: TalkView) -> None:
        """A conversation began or ended."""
        self._bus.publish(TalkEvent(talk=talk), f"talk:{talk.id}")

    def turn(self, talk: str, turn: TalkTurnView) -> None:
        """A turn of a conversation, by that one's id."""
        self._bus.publish(TalkTurnEvent(talk=talk, turn=turn), f"talk:{talk}")

    def store(self, state: StoreState) -> None:
        """What is said is remembered again, or not any more."""
        if state.well:
            lost = counted(state.lost, "entry is", "entries are")
            notice = Notice(level="info", text=f"What is said is remembered again; {lost} lost.")
        else:
            text = f"Nothing is remembered now: {state.failure}"
            notice = Notice(level="error", text=text, remedy=state.remedy or "Talks and shows go on meanwhile.")
        self._bus.publish(NoticeEvent(notice=notice))

    def place(self, places: Places, kind: PlaceKind, outcome: str) -> None:
        """What became of who wanted a place."""
        many = places.capacity(kind)
        record = AdmissionRecord(kind.value, outcome, places.taken[kind], -1 if many is None else many)
        self._ledger.enter(HOUSE, record)

    def handover(self, handover: Handover) -> None:
        """An engine has failed, or has reached its cap, and the next took over."""
        moment = handover.moment.value
        record = HandoverRecord(handover.engine, handover.successor, moment, handover.cause, handover.at)
        self._ledger.enter(HOUSE, record)
        capped = handover.moment is FailureMoment.CAP
        remedy = "duologue usage tells what was used." if capped else "duologue doctor tells what it needs."
        notice = Notice(level="warning", text=f"{handover.words}.", remedy=remedy)
        self._bus.topic("engines").notice(notice)

    def spending(self, words: str) -> None:
        """A cap was reached, or is another day's."""
        self._bus.topic("engines").notice(Notice(level="info", text=words))

    def budget(self, of: str, words: str) -> None:
        """Something took longer than its budget."""
        notice = Notice(level="warning", text=f"Over budget: {words}.", remedy="duologue report tells why.")
        self._bus.topic(of if of.startswith("show:") else "machine").notice(notice)
