"""The ledger of one conversation with a person as a file: what happened, what was decided, and the turns, line by line.

Give :meth:`ConversationLedger.take` to a session as its observer::

    async with open_ledger(path, "talk", "Ada", "friend") as ledger:
        session = partner.session(sink, options, observe=ledger.take)
        await session.run(source)
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.dialogue.session_lines import LEDGER, Lines
from duologue.dialogue.session_record import SessionRecorder
from duologue.dialogue.turns_vocabulary import Effect, Event
from duologue.errors import InputError, first_cause
from duologue.telemetry.files import LineFile
from duologue.telemetry.ledger import EndingRecord, TurnRecord
from duologue.telemetry.turns import FINAL_STATES


class ConversationLedger:
    """Made by :func:`open_ledger`."""

    def __init__(
        self, file: LineFile, conversation: str, speaker: str, person: str, clock: Clock,
        changed: Callable[[TurnRecord], None],
    ) -> None:  # fmt: skip
        self._file = file
        self._told = changed
        self._lines = Lines(clock.now())
        self._open: dict[str, TurnRecord] = {}
        self._recorder = SessionRecorder(conversation, speaker, person, self._changed, self._decided)
        file.stamp(LEDGER, conversation=conversation, speaker=speaker, person=person)

    def take(self, item: Event | Effect, now: int) -> None:
        """An event or an effect of the session."""
        self._file.add(self._lines.item(item, now))
        self._recorder.take(item, now)

    def close(self) -> None:
        """The conversation is over: turns that did not come to their end are written as they stand."""
        for record in self._open.values():
            self._file.add(self._lines.turn(record))
        self._open.clear()

    def _changed(self, record: TurnRecord) -> None:
        self._open[record.id] = record
        if record.state in FINAL_STATES:
            self._file.add(self._lines.turn(self._open.pop(record.id)))
        self._told(record)

    def _decided(self, record: EndingRecord) -> None:
        self._file.add(self._lines.ending(record))


def _nobody(record: TurnRecord) -> None:
    pass


@contextlib.asynccontextmanager
async def open_ledger(
    path: Path, conversation: str, speaker: str, person: str, *, clock: Clock = SYSTEM_CLOCK,
    changed: Callable[[TurnRecord], None] = _nobody,
) -> AsyncGenerator[ConversationLedger]:  # fmt: skip
    """The ledger of ``conversation`` between ``speaker`` and ``person``, appended to ``path`` once a second.

    ``changed`` gets each record of a turn whenever it has changed, as from a
    :class:`~duologue.dialogue.session_record.SessionRecorder`. Raises :class:`InputError` for a file that cannot be
    written.
    """
    try:
        with path.open("a", encoding="utf-8"):
            pass
    except OSError as error:
        raise InputError(
            f"the ledger cannot be written: {error.strerror}", where=str(path), remedy="Name another one with --ledger."
        ) from error
    file = LineFile(path, clock)
    ledger = ConversationLedger(file, conversation, speaker, person, clock, changed)
    try:
        async with asyncio.TaskGroup() as group:
            writing = group.create_task(file.run())
            yield ledger
            writing.cancel()
    except BaseExceptionGroup as failures:
        raise first_cause(failures) from failures
    finally:
        ledger.close()
        await file.flush()


@contextlib.asynccontextmanager
async def kept(
    path: Path | None, conversation: str, speaker: str, person: str, observe: Callable[[Event | Effect, int], None]
) -> AsyncGenerator[Callable[[Event | Effect, int], None]]:
    """An observer that tells ``observe``, and the ledger if there is a ``path`` for one (see :func:`open_ledger`)."""
    if path is None:
        yield observe
        return
    async with open_ledger(path, conversation, speaker, person) as ledger:

        def both(item: Event | Effect, now: int) -> None:
            observe(item, now)
            ledger.take(item, now)

        yield both
