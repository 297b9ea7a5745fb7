"""The runs that are kept, and reports of them: each made in a process of its own, one at a time, behind everybody else.

A report of an hour takes seconds of CPU, which no thread of this process has to spare.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from duologue.app.evidence.models import RunView
from duologue.child import send_signal
from duologue.clock import MILLISECOND
from duologue.errors import ClosedError, InputError, PeerError
from duologue.telemetry.run_shelf import Run, RunShelf, RunState
from duologue.threads import Apart

if TYPE_CHECKING:
    from duologue.telemetry.ledger_span import RunSpan

Form: TypeAlias = Literal["html", "md", "json"]
SECONDS = 120.0
"""A report that takes longer is given up."""
MOST_WAITING = 4
MOST_READING = 16
"""Who may wait for the disk at once."""
MOST_KEPT = 8
"""Reports that are remembered: who looks at one again does not have it made again."""
MOST_RUNS = 500
MAKER = "duologue.evidence.making"
SOUNDS = {".wav": "audio/wav", ".flac": "audio/flac", ".ogg": "audio/ogg", ".opus": "audio/ogg", ".mp3": "audio/mpeg"}
"""What is sound, and its type."""
_READERS = Apart("runs")

T = TypeVar("T")


class ReportRoom:
    """Of the runs on ``shelf``. ``written`` has the flight recorder write what it was told (it blocks); ``budgets`` is
    the file that the settings name.
    """

    def __init__(self, shelf: RunShelf, budgets: Path | None, written: Callable[[], None]) -> None:
        self._shelf = shelf
        self._budgets = budgets
        self._written = written
        self._making = asyncio.Lock()
        self._waiting = 0
        self._made: OrderedDict[tuple[object, ...], bytes] = OrderedDict()

    async def runs(self) -> tuple[RunView, ...]:
        """The newest first. Raises :class:`InputError` for a folder that cannot be read, and, as all that reads there,
        :class:`ClosedError` while its disk does not answer.
        """
        await self._from_disk(self._written)
        there = await self._from_disk(self._shelf.runs)
        return tuple(map(run_view, reversed(there[-MOST_RUNS:])))

    async def run(self, run_id: str) -> RunView | None:
        """One by its whole id."""
        found = await self._from_disk(lambda: self._shelf.get(run_id))
        return run_view(found) if found is not None else None

    async def sound(self, run_id: str) -> Path | None:
        """The file of a run's sound; None: it was not kept, or is not there any more."""
        found = await self._from_disk(lambda: self._shelf.get(run_id))
        return sound_of(found) if found is not None else None

    async def _from_disk(self, read: Callable[[], T]) -> T:
        if _READERS.running >= MOST_READING:
            raise ClosedError(
                "the disk on which runs are kept does not answer", where="runs", remedy="Try again when it does."
            )
        return await asyncio.get_running_loop().run_in_executor(_READERS, read)

    async def report(self, run_id: str, form: Form = "html", span: RunSpan | None = None, offset: int = 0) -> bytes:
        """The report of a run, or of a span of it, its times of day ``offset`` minutes ahead of UTC. Raises
        :class:`InputError` for a run that is not there or cannot be read, :class:`ClosedError` while too many are asked
        for, :class:`PeerError` when it cannot be made.
        """
        if self._waiting >= MOST_WAITING:
            raise ClosedError(
                "several reports are being made", where="report", remedy="One is made at a time; ask again."
            )
        self._waiting += 1
        try:
            async with self._making:
                return await self._report(run_id, form, span, offset)
        finally:
            self._waiting -= 1

    async def _report(self, run_id: str, form: Form, span: RunSpan | None, offset: int) -> bytes:
        await self._from_disk(self._written)
        run = await self._from_disk(lambda: self._shelf.get(run_id))
        if run is None:
            raise InputError(
                f"there is no run {run_id!r}", where="run", remedy="It may have been removed; see the list."
            )
        key = (run.id, form, span, offset, run.size)
        if (known := self._made.get(key)) is not None:
            return known
        made = await self._make(run, form, span, offset)
        if run.digest.what == "show":  # what people said is remembered nowhere but in their runs
            self._made[key] = made
            while len(self._made) > MOST_KEPT:
                self._made.popitem(last=False)
        return made

    async def _make(self, run: Run, form: Form, span: RunSpan | None, offset: int) -> bytes:
        from duologue.evidence.making import ReportWish

        budgets = str(self._budgets.absolute()) if self._budgets is not None else ""
        wish = ReportWish(
            str(run.folder.absolute()),
            run.id,
            form,
            (span.since, span.until) if span is not None else None,
            budgets,
            offset,
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", MAKER, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # its place behind others is its session's, not ours
        )  # fmt: skip
        try:
            async with asyncio.timeout(SECONDS):
                made, failed = await process.communicate(wish.as_line())
        except TimeoutError as error:
            raise PeerError(
                f"the report takes longer than {SECONDS:g} s", where=run.id,
                remedy=f"Mark a minute of it, or ask for it there: duologue report {run.id}.",
            ) from error  # fmt: skip
        finally:
            if process.returncode is None:
                send_signal(process, signal.SIGKILL)
                await process.wait()
        if process.returncode:
            raise _failure(failed, run)
        return made


def _failure(told: bytes, run: Run) -> InputError | PeerError:
    """What the maker said of it, or its last words."""
    text = told.decode("utf-8", "replace").strip()
    try:
        words: dict[str, str] = json.loads(text)
        return InputError(words["what"], where=words["where"], remedy=words["remedy"])
    except (ValueError, KeyError, TypeError):
        last = text.splitlines()[-1][:200] if text else "its maker died"
        return PeerError(
            f"the report cannot be made: {last}", where=run.id, remedy="Try duologue report in a terminal."
        )


def sound_of(run: Run) -> Path | None:
    """The file of its sound, where that was kept and still is."""
    file = Path(run.digest.recording)
    return file if run.digest.recording and file.suffix in SOUNDS and file.is_file() else None


def run_view(run: Run) -> RunView:
    """As the page is told."""
    digest = run.digest
    return RunView(
        id=run.id, what=digest.what, of=digest.of, title=digest.about, state=run.state.value,
        began=digest.began / MILLISECOND, ended=digest.newest / MILLISECOND, turns=digest.turns, frames=digest.frames,
        late=digest.late, left_out=digest.left_out, lost=digest.lost, bytes=run.size,
        sound=run.state is not RunState.LIVE and sound_of(run) is not None,
    )  # fmt: skip
