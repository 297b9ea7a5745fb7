"""A conversation with a person, entered in the ledger: what happened, what was decided, and the turns.

Give :meth:`SessionLedger.take` to a session as its observer::

    async with open_session_ledger(path, "ada", "friend") as book:
        session = partner.session(sink, options, observe=book.take)
        await session.run(source)
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import asdict
from pathlib import Path

from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.dialogue.session.lines import record_of
from duologue.dialogue.session.positions import PlayReport, PositionSieve
from duologue.dialogue.session.record import SessionRecorder
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import Effect, Event, Extend, Sounds
from duologue.telemetry.ledger import (
    ConversationRecord,
    EndingRecord,
    Entry,
    MachineRecord,
    PauseRecord,
    QualityRecord,
    RecordingRecord,
    TurnRecord,
)
from duologue.telemetry.runs import RunKeeping
from duologue.telemetry.stream import HOUSE, Ledger, written
from duologue.tracing import current_trace

_USUAL = Policy()
LINE = "line"
"""What a call is of."""
TALK = "talk"
"""What a conversation at a terminal or in a browser is of."""


def _nobody(record: TurnRecord) -> None:
    pass


class SessionLedger:
    """One conversation between the character ``speaker`` and ``person``, in a ledger that others may write in too.

    ``part`` is where it is held (``talk``, ``line``); ``conversation`` its id, by default a new one. ``changed`` gets
    each record of a turn whenever it has changed.
    """

    def __init__(
        self, ledger: Ledger, speaker: str, person: str, *, part: str = TALK, conversation: str = "",
        changed: Callable[[TurnRecord], None] = _nobody,
    ) -> None:  # fmt: skip
        self._ledger = ledger
        self._part = part
        self.conversation = conversation or ledger.new_id()
        self.of = of = f"{part}:{self.conversation}"
        self._positions = PositionSieve()

        def entered(record: TurnRecord) -> None:
            ledger.turn(of, record)
            changed(record)

        def decided(record: EndingRecord) -> None:
            ledger.enter(of, record)

        self._entered = entered
        self._recorder = SessionRecorder(self.conversation, speaker, person, entered, decided)
        asker = current_trace()
        parent, state = (asker.header, asker.state) if asker is not None else ("", "")
        ledger.enter(
            self.of, ConversationRecord(self.conversation, (speaker,), person, parent=parent, tracestate=state)
        )

    def take(self, item: Event | Effect, now: int) -> None:
        """An event or an effect of the session, at ``now`` (monotonic ns)."""
        for each in self._kept(item):
            self._ledger.enter(self.of, record_of(each), now)
        self._recorder.take(item, now)

    def _kept(self, item: Event | Effect) -> tuple[Event | Effect, ...]:
        """What of it a reader does not know already: what only hands on what the event before it said decides nothing,
        and was every seventh entry.
        """
        if isinstance(item, Extend | Sounds):
            return ()
        return self._positions.kept(item) if isinstance(item, PlayReport) else (item,)

    def follow(self, ledger: Ledger | None) -> None:
        """What its engines are asked for, and what the machine does meanwhile, is entered in that ledger (None: in
        none): from now on in its own as well.
        """
        if ledger is not None:
            ledger.watch(self._followed)

    def _followed(self, entry: Entry) -> None:
        of = HOUSE if isinstance(entry.record, MachineRecord | PauseRecord) else self.of
        self._ledger.enter(of, entry.record, entry.at)

    def operated(self, operator: bool) -> None:
        """Whether the owner's words are an operator's from here on."""
        self._recorder.operator = operator

    def sent(self, utterance_id: str, at: int) -> None:
        """The first sound of an utterance left for the far end ``at`` (monotonic ns)."""
        self._recorder.sent(utterance_id, at)

    def recorded(self, file: Path, at: int, policy: Policy) -> None:
        """The sound is kept in ``file``, whose first sample is heard ``at`` (monotonic ns); turns are taken so."""
        told = {name: value for name, value in asdict(policy).items() if value != getattr(_USUAL, name)}
        self._ledger.enter(self.of, RecordingRecord(at, str(file.absolute()), told))

    def entered(self, record: TurnRecord) -> None:
        """A turn of somebody who takes part beside the session's two."""
        self._entered(record)

    def measured(self, record: QualityRecord) -> None:
        """How the way to the far end is."""
        self._ledger.enter(self.of, record)

    def close(self) -> None:
        """The conversation is over: turns that did not come to their end are entered as they stand. A call is over
        later, when its record is entered.
        """
        if self._part == LINE:
            self._ledger.close_turns(self.of)
        else:
            self._ledger.finish(self.of)


@contextlib.asynccontextmanager
async def open_session_ledger(
    path: Path | None, speaker: str, person: str, *, clock: Clock = SYSTEM_CLOCK,
    changed: Callable[[TurnRecord], None] = _nobody, runs: RunKeeping | None = None, requests: Ledger | None = None,
) -> AsyncGenerator[SessionLedger]:  # fmt: skip
    """A conversation with a ledger of its own, which is written to the file ``path``, if there is one; ``runs`` is
    where its run is kept, ``requests`` as :meth:`SessionLedger.follow` has it. Raises :class:`InputError` for a file
    that cannot be written.
    """
    ledger = Ledger(clock)
    conversation = ledger.new_id()
    async with written(ledger, path, f"{TALK}:{conversation}", runs=runs):
        book = SessionLedger(ledger, speaker, person, conversation=conversation, changed=changed)
        book.follow(requests)
        try:
            yield book
        finally:
            book.close()
