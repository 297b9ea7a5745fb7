"""The folder in which runs are kept: what is there, what each is, and which of them go.

A run is a folder with a ledger (``ledger.jsonl``, ``ledger.2.jsonl``, …), which is the truth, and a digest of it
(``run.json``), so that a list of hundreds of them needs no reading. A digest that is missing, or that a power cut tore,
is made anew from the ledger.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

from duologue.clock import SECOND
from duologue.errors import DuologueError, InputError
from duologue.telemetry.ledger import (
    CALLS,
    WITH_PEOPLE,
    CallRecord,
    ConversationRecord,
    DroppedRecord,
    EffectRecord,
    Entry,
    EventRecord,
    FrameRecord,
    HeaderRecord,
    OverRecord,
    Record,
    RecordingRecord,
    ShowRecord,
    SkipRecord,
    TurnRecord,
)
from duologue.telemetry.ledger_files import members
from duologue.telemetry.ledger_reader import LedgerReader

LEDGER, DIGEST = "ledger.jsonl", "run.json"
"""The files of a run."""
LAST = "last"
"""The name by which a person asks for the newest run."""
DAY = 24 * 3600 * SECOND


class RunState(StrEnum):
    """How a run ended."""

    LIVE = "live"
    """It goes on: a program has its file open."""
    OVER = "over"
    CUT_OFF = "cut off"
    """Its program was killed, or the machine stopped: what it kept until then is there."""


@dataclass(slots=True)
class RunDigest:
    """What a list of runs says of one. Times are Unix ns."""

    of: str
    what: str
    """``show``, ``talk`` or ``call``."""
    began: int
    title: str = ""
    """Of a show its first topic."""
    topics: int = 0
    newest: int = 0
    """Of its entries."""
    turns: int = 0
    """That were heard."""
    frames: int = 0
    late: int = 0
    """Frames that were ready after their due time."""
    left_out: int = 0
    """Frames that were skipped."""
    lost: int = 0
    """Lines that never reached the disk."""
    over: bool = False
    recording: str = ""
    """The file of its sound, where that was kept."""

    @classmethod
    def begin(cls, of: str, wall: int) -> RunDigest:
        """Of what begins at ``wall``; ``of`` is the part of the house."""
        part = of.partition(":")[0]
        what = "call" if part == CALLS else "talk" if part in WITH_PEOPLE else part
        return cls(of, what, wall, newest=wall)

    def take(self, record: Record, at: int, shift: int) -> None:
        """An entry of its part ``at`` a time of its house (monotonic ns), which is ``shift`` behind the calendar's."""
        self.newest = max(self.newest, at + shift)
        match record:
            case EventRecord() | EffectRecord():  # most of them
                pass
            case FrameRecord(lateness_ms=lateness, begun=begun):
                if begun:  # a stage draws the first ones while the house still comes up
                    self.began = min(self.began, begun + shift)
                self.frames += 1
                self.late += lateness > 0
            case TurnRecord(on_air=on_air):
                self.turns += on_air > 0
            case SkipRecord(first=first, following=following):
                self.left_out += following - first
            case OverRecord():
                self.over = True
            case DroppedRecord(lines=lines):
                self.lost += lines
            case _:
                self._entitle(record)

    def _entitle(self, record: Record) -> None:
        match record:
            case ShowRecord(cast=cast_):
                self.title = self.title or " & ".join(cast_)
            case ConversationRecord(topic=topic, cast=cast_, person=person, scenario=scenario):
                about = topic or scenario or (f"{person} with {', '.join(cast_)}" if person else "")
                self.title = self.title if self.topics else about or self.title
                self.topics += bool(topic)
            case CallRecord(character=character, recording=recording) as call:
                self.recording = recording or self.recording
                self.title = f"{call.ends}, {character}" if character else call.ends
            case RecordingRecord(file=file):
                self.recording = file
            case _:
                pass

    @property
    def about(self) -> str:
        """Its title, and how many topics came after that."""
        return f"{self.title} and {self.topics - 1} more" if self.topics > 1 else self.title

    @property
    def seconds(self) -> float:
        """How long it is."""
        return max(0, self.newest - self.began) / SECOND


@dataclass(frozen=True, slots=True)
class Run:
    """A run on the disk."""

    folder: Path
    digest: RunDigest
    size: int
    """Bytes."""
    state: RunState

    @property
    def id(self) -> str:
        """What a person calls it by."""
        return self.folder.name

    @property
    def ledger(self) -> Path:
        """Its first file, whether or not that is still there."""
        return self.folder / LEDGER


class RunShelf:
    """The runs in ``folder``, which need not be there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def runs(self) -> list[Run]:
        """All of them, the oldest first. Raises :class:`InputError` for a folder that cannot be read."""
        return sorted(filter(None, map(_run, self._folders())), key=lambda run: (run.digest.began, run.id))

    def find(self, name: str) -> Run:
        """The one with this id, or whose id alone has ``name`` in it; ``last`` is the newest. Raises
        :class:`InputError`.
        """
        there = self.runs()
        if name == LAST and there:
            return there[-1]
        found = [run for run in there if run.id == name] or [run for run in there if name and name in run.id]
        if len(found) == 1:
            return found[0]
        if found:
            several = ", ".join(run.id for run in found[-3:])
            raise InputError(f"{len(found)} runs have {name!r} in their id", where=several, remedy="Give more of it.")
        raise InputError(
            f"there is no run {name!r}", where=str(self.folder), remedy="See what there is: duologue runs."
        )

    def get(self, run_id: str) -> Run | None:
        """The run with this very id, if there is one."""
        plain = run_id not in ("", ".", "..") and "/" not in run_id and "\0" not in run_id
        return _run(self.folder / run_id) if plain else None

    def remove(self, run: Run) -> None:
        """Let go of one. Raises :class:`InputError` while a program writes it, or when it cannot be removed."""
        if _held(run.folder):
            raise InputError("this run still goes on", where=run.id, remedy="End its show, talk or call first.")
        try:
            shutil.rmtree(run.folder)
        except OSError as error:
            raise InputError(
                f"the run cannot be removed: {error.strerror}", where=str(run.folder), remedy="Whose is the folder?"
            ) from error

    def remove_of(self, parts: Collection[str]) -> tuple[list[Run], list[Run]]:
        """Let go of what was kept of these parts of the house (``talk:ID``): those that went, and those that stay for a
        program still writes them, or they cannot be removed. Raises :class:`InputError` as :meth:`runs` does.
        """
        gone: list[Run] = []
        left: list[Run] = []
        for run in self.runs():
            if run.digest.of in parts:
                try:
                    self.remove(run)
                except InputError:
                    left.append(run)
                else:
                    gone.append(run)
        return gone, left

    def prune(self, keep_bytes: int, keep_days: float, wall: int, spare: Collection[Path] = ()) -> list[Run]:
        """Remove those that ended more than ``keep_days`` before ``wall`` (Unix ns), and the oldest beyond
        ``keep_bytes`` in all; none that somebody writes, nor a folder of ``spare``. Which were removed.
        """
        there = self.runs()
        size = sum(run.size for run in there)
        gone: list[Run] = []
        for run in there:
            aged = wall - run.digest.newest > keep_days * DAY
            if not (aged or size > keep_bytes) or run.folder in spare:
                continue
            try:
                self.remove(run)
            except InputError:
                continue  # it is being written, or is somebody else's: it stays
            size -= run.size
            gone.append(run)
        return gone

    def _folders(self) -> Iterator[Path]:
        try:
            yield from (each for each in self.folder.iterdir() if each.is_dir())
        except FileNotFoundError:
            return
        except OSError as error:
            raise InputError(
                f"the runs cannot be read: {error.strerror}", where=str(self.folder), remedy="Set runs.folder."
            ) from error


def _run(folder: Path) -> Run | None:
    """What lies in a folder; None: no run."""
    try:
        files = [(each.path, each.path.stat().st_size) for each in members(folder / LEDGER)]
    except OSError:
        return None  # it is being removed
    if not files:
        return None
    digest = read_digest(folder) or digest_of(folder / LEDGER)
    if digest is None:
        return None
    state = RunState.OVER if digest.over else RunState.LIVE if _held(folder) else RunState.CUT_OFF
    return Run(folder, digest, sum(size for _, size in files), state)


def _held(folder: Path) -> bool:
    """Whether a program writes the ledger there."""
    there = members(folder / LEDGER)
    if not there:
        return False
    try:
        with there[-1].path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def write_digest(folder: Path, digest: RunDigest) -> None:
    """Put it in its place, whole or not at all. Raises :class:`OSError`."""
    beside = folder / f".{DIGEST}"
    beside.write_text(json.dumps(asdict(digest), ensure_ascii=False) + "\n", "utf-8", "backslashreplace")
    os.replace(beside, folder / DIGEST)  # noqa: PTH105 (the disk of the tests fails at calls of os)


def read_digest(folder: Path) -> RunDigest | None:
    """What is written there; None: nothing that can be read."""
    try:
        found: object = json.loads((folder / DIGEST).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict):
        return None
    values = {**asdict(RunDigest("", "", 0)), **cast("dict[str, Any]", found)}  # one from before a field was there
    kinds = {each.name: {"str": str, "int": int, "bool": bool}[str(each.type)] for each in fields(RunDigest)}
    if any(type(values.get(name)) is not kind for name, kind in kinds.items()):
        return None
    return RunDigest(**{name: values[name] for name in kinds})


def digest_of(ledger: Path, most: int | None = None) -> RunDigest | None:
    """Made from a run's ledger, or the first ``most`` entries of its own in it; None: it is none. It begins with the
    first of these: what a file begins with has the time at which its house began.
    """
    digest: RunDigest | None = None
    shift = own = 0
    try:
        for entry in LedgerReader(ledger):
            record = entry.record
            if isinstance(record, HeaderRecord):
                shift = record.wall_ns - record.monotonic_ns
                digest = digest or RunDigest.begin(entry.of, entry.at + shift)
            elif digest is not None and entry.of == digest.of:
                if not own:
                    digest.began = digest.newest = entry.at + shift
                digest.take(record, entry.at, shift)
                own += 1
                if own == most:
                    break
    except DuologueError:
        pass  # a newer format, or torn in its head: what was read so far
    return digest


def begins_run(entry: Entry) -> bool:
    """Whether a show, a talk (one over the realtime API is one) or a call begins with it."""
    part, _, name = entry.of.partition(":")
    return isinstance(entry.record, ShowRecord | ConversationRecord) and bool(name) and part in ("show", *WITH_PEOPLE)
