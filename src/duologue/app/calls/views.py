"""A call as the outside sees it: what it is, and what was said on it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from statistics import median

from duologue.app.calls.line_models import CallState, CallTurn, CallView, StageTime
from duologue.clock import MILLISECOND, Clock
from duologue.phone.leg import CallInfo
from duologue.telemetry.ledger import CallRecord, TurnRecord
from duologue.telemetry.turns import points_ms, silence_ms

MOST_TURNS = 100
"""Turns of a call that a page is shown."""
MOST_DIGITS = 20
MOST_SAID, MOST_NAME, MOST_REASON = 160, 80, 300
"""Characters of what a list shows of a call: what strangers send has no bound of its own."""


@dataclass(slots=True)
class CallStanding:
    """What is known of a call while it goes on, and when it is over. Times are monotonic ns, 0 while unknown."""

    info: CallInfo
    character: str
    title: str
    offered: int
    colour: str = ""
    codec: str = ""
    answered: int = 0
    ended: int = 0
    reason: str = ""
    failed: bool = False
    status: int = 0
    held: bool = False
    transfer: str = ""
    """To whom it is being handed over."""
    transferred: str = ""
    half_duplex: bool = False
    digits: str = ""
    pressed: int = 0
    loss: float | None = None
    jitter_ms: float | None = None
    round_trip_ms: float | None = None
    most_loss: float = 0.0
    most_jitter_ms: float = 0.0
    recording: str = ""
    operator: str = ""
    """Who has taken it over."""
    listeners: int = 0
    turns: OrderedDict[str, CallTurn] = field(default_factory=OrderedDict[str, CallTurn])

    @property
    def state(self) -> CallState:
        """Where it is in its life."""
        if self.ended:
            return CallState.ENDED
        if not self.answered:
            return CallState.RINGING
        if self.transfer:
            return CallState.TRANSFERRING
        return CallState.HELD if self.held else CallState.TALKING

    def press(self, key: str) -> None:
        """The caller pressed a key."""
        self.pressed += 1
        self.digits = (self.digits + key)[-MOST_DIGITS:]

    def measure(self, loss: float, jitter_ms: float, round_trip_ms: float) -> None:
        """How the way was, in the last few seconds."""
        self.loss, self.jitter_ms = loss, jitter_ms
        self.round_trip_ms = round_trip_ms or self.round_trip_ms
        self.most_loss, self.most_jitter_ms = max(self.most_loss, loss), max(self.most_jitter_ms, jitter_ms)

    def say(self, record: TurnRecord, clock: Clock) -> CallTurn:
        """A turn's newest state."""
        turn = self.turns[record.id] = _turn(record, self.info.id, clock)
        while len(self.turns) > MOST_TURNS:
            self.turns.popitem(last=False)
        return turn

    def view(self, clock: Clock, *, turns: bool = False) -> CallView:
        """As a page shows it; its ``turns`` only where it alone is looked at, so that many calls are one message."""
        info = self.info
        newest = next((turn for turn in reversed(self.turns.values()) if turn.text and turn.state != "withdrawn"), None)
        answers = (turn for turn in self.turns.values() if turn.stages and not turn.person)
        waits = [sum(stage.ms for stage in turn.stages) for turn in answers]
        return CallView(
            id=info.id, caller=_cut(info.caller, MOST_NAME), called=_cut(info.called, MOST_NAME),
            display=_cut(info.display, MOST_NAME), account=info.account,
            carrier="twilio" if info.carrier == "twilio" else "audiosocket" if info.carrier == "audiosocket" else "sip",
            codec=self.codec or info.codec, outgoing=info.outgoing, character=self.character, title=self.title,
            colour=self.colour, state=self.state, offered=_wall(self.offered, clock) or 0.0,
            answered=_wall(self.answered, clock), ended=_wall(self.ended, clock),
            reason=_cut(self.reason, MOST_REASON), failed=self.failed,
            half_duplex=self.half_duplex, recorded=bool(self.recording), transfer=self.transfer or self.transferred,
            digits=self.digits, loss=self.loss, jitter_ms=self.jitter_ms, round_trip_ms=self.round_trip_ms,
            answers=len(waits), wait_ms=median(waits) if waits else None,
            said=_cut(newest.text, MOST_SAID) if newest is not None else "",
            said_by_caller=newest is not None and newest.person, operator=self.operator, listeners=self.listeners,
            turns=tuple(self.turns.values()) if turns else (),
        )  # fmt: skip

    def record(self) -> CallRecord:
        """For the ledger, at its end."""
        info = self.info
        return CallRecord(
            info.id, info.caller, info.called, info.carrier, info.outgoing, self.character, self.offered, self.ended,
            self.reason, self.answered, self.status, self.failed, info.account, self.codec or info.codec,
            self.transferred, self.pressed, 100 * self.most_loss, self.most_jitter_ms, self.round_trip_ms or 0.0,
            self.recording,
        )  # fmt: skip


def _turn(record: TurnRecord, call: str, clock: Clock) -> CallTurn:
    human = record.kind == "person"
    operator = "" if not record.operator else "spoken" if human else "written"
    at = record.ended if human else record.spoken_to or record.asked
    return CallTurn(
        id=record.id, call=call, person=human and not operator, operator=operator, text=record.text,
        state=record.state, at=_wall(at, clock),
        stages=tuple(StageTime(name=name, ms=ms) for name, ms in silence_ms(record).items()),
        points=points_ms(record), interrupted=record.interrupted, failure=record.failure, handovers=record.handovers,
    )  # fmt: skip


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _wall(at: int, clock: Clock) -> float | None:
    return (clock.wall() - clock.now() + at) / MILLISECOND if at else None
