"""A conversation with a person, entered in the ledger: what happened, what was decided, and the turns.

Give :meth:`SessionLedger.take` to a session as its observer::

    async with open_session_ledger(path, "ada", "friend") as book:
        session = partner.session(sink, options, observe=book.take)
        await session.run(source)
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.dialogue.session_lines import record_of
from duologue.dialogue.session_record import SessionRecorder
from duologue.dialogue.turns_vocabulary import Effect, Event
from duologue.telemetry.ledger import ConversationRecord, EndingRecord, TurnRecord
from duologue.telemetry.stream import Ledger

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
        self._told = changed
        self.conversation = conversation or ledger.new_id()
        self.of = f"{part}:{self.conversation}"
        self._recorder = SessionRecorder(self.conversation, speaker, person, self._changed, self._decided)
        ledger.enter(self.of, ConversationRecord(self.conversation, (speaker,), person))

    def take(self, item: Event | Effect, now: int) -> None:
        """An event or an effect of the session, at ``now`` (monotonic ns)."""
        self._ledger.enter(self.of, record_of(item), now)
        self._recorder.take(item, now)

    def sent(self, utterance_id: str, at: int) -> None:
        """The first sound of an utterance left for the far end ``at`` (monotonic ns)."""
        self._recorder.sent(utterance_id, at)

    def close(self) -> None:
        """The conversation is over: turns that did not come to their end are entered as they stand."""
        self._ledger.close_turns(self.of)

    def _changed(self, record: TurnRecord) -> None:
        self._ledger.turn(self.of, record)
        self._told(record)

    def _decided(self, record: EndingRecord) -> None:
        self._ledger.enter(self.of, record)


@contextlib.asynccontextmanager
async def open_session_ledger(
    path: Path | None, speaker: str, person: str, *, clock: Clock = SYSTEM_CLOCK,
    changed: Callable[[TurnRecord], None] = _nobody,
) -> AsyncGenerator[SessionLedger]:  # fmt: skip
    """A conversation with a ledger of its own, which is written to the file ``path``, if there is one. Raises
    :class:`InputError` for a file that cannot be written.
    """
    ledger = Ledger(clock)
    conversation = ledger.new_id()
    if path is not None:
        ledger.write_to(path, f"{TALK}:{conversation}").start()
    book = SessionLedger(ledger, speaker, person, conversation=conversation, changed=changed)
    try:
        yield book
    finally:
        book.close()
        await ledger.close()
