"""The one reader of ledgers: the records of files and folders, in order, as they were entered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from duologue.errors import InputError
from duologue.telemetry.ledger import KINDS, DroppedRecord, Entry, HeaderRecord
from duologue.telemetry.ledger_files import members
from duologue.telemetry.ledger_span import RunSpan, SpanFilter
from duologue.telemetry.lines import Newer, Unreadable, decode, parse

MAX_LINE = 4_000_000
"""Bytes; what is longer is no line of ours."""


class LedgerReader:
    """Iterate it once: all entries of ``paths``, or those of a ``span`` of time. A file that went on in others
    (``talk.jsonl``, ``talk.2.jsonl``) is read with them, a folder with all ledgers in it.

    A line that a power cut or a full disk tore is passed over and counted in :attr:`torn`: the last one of a file, or
    one behind which the writer began anew. So is a kind that a newer program knows, in :attr:`unknown`. Raises
    :class:`InputError` for what cannot be read, is no ledger, or has a newer format.
    """

    def __init__(self, *paths: Path, span: RunSpan | None = None) -> None:
        self._paths = paths
        self._span = span
        self.unknown: Counter[str] = Counter()
        self.torn = 0

    def __iter__(self) -> Iterator[Entry]:
        for path in self._paths:
            for file in files_of(path):
                yield from self._read(file)

    def _read(self, path: Path) -> Iterator[Entry]:
        try:
            with path.open("rb") as file:
                yield from self.entries(iter(lambda: file.readline(MAX_LINE), b""), str(path))
        except OSError as error:
            raise InputError(
                f"the ledger cannot be read: {error.strerror}", where=str(path), remedy="Check the name."
            ) from error

    def entries(self, lines: Iterable[bytes], where: str) -> Iterator[Entry]:
        """The entries of a file's lines."""
        origin: int | None = None
        span: SpanFilter | None = None
        broken = torn = 0
        for number, text in enumerate(lines, 1):
            if span is not None and span.outside(text):
                continue
            try:
                line = _parse(text, where, number)
            except Unreadable as error:
                if origin is None:
                    raise _strange(where, number, error) from error
                broken, torn = broken or number, torn + 1
                continue
            if broken and line["kind"] not in _ANEW:
                raise _strange(where, broken, None)
            self.torn, broken, torn = self.torn + torn, 0, 0
            entry = self._entry(line, origin, where, number)
            if entry is None:
                continue
            if isinstance(entry.record, HeaderRecord):
                origin = entry.record.monotonic_ns
                span = SpanFilter(self._span, entry.record, where) if self._span is not None else None
            if span is not None:
                entry = span.fit(entry)
            if entry is not None:
                yield entry
        self.torn += torn
        if origin is None:
            raise _strange(where, 1, None)

    def _entry(self, line: dict[str, Any], origin: int | None, where: str, number: int) -> Entry | None:
        kind = line["kind"]
        if kind not in KINDS:
            self.unknown[kind] += 1
            return None
        begins = KINDS[kind] is HeaderRecord
        if origin is None and not begins:
            raise _strange(where, number, None)
        try:
            return decode(line, _integer(line.get("monotonic_ns")) if begins else origin or 0)
        except Unreadable as error:
            raise _strange(where, number, error) from error


_ANEW = {name for name, kind in KINDS.items() if kind in (HeaderRecord, DroppedRecord)}
"""Kinds of lines that a writer begins anew with."""


def files_of(path: Path) -> list[Path]:
    """The files of a ledger, or of all ledgers in a folder and the folders in it, each with those that it went on in.

    Raises :class:`InputError` where there is none.
    """
    try:
        if path.is_dir():
            found = [each for each in sorted(path.rglob("*.jsonl"), key=_in_order) if each.is_file()]
        elif path.exists() and not path.is_file():
            return [path]  # a pipe
        else:
            found = [each.path for each in members(path)]
    except OSError as error:
        raise InputError(
            f"the ledger cannot be read: {error.strerror}", where=str(path), remedy="Check the name."
        ) from error
    if not found:
        raise InputError("there is no ledger", where=str(path), remedy="Check the name.")
    return found


def _in_order(path: Path) -> tuple[str, str, int]:
    """Files that go on in others stand in a row: by their number, not by its letters."""
    stem, _, number = path.stem.rpartition(".")
    if stem and number.isdecimal():
        return (str(path.parent), stem, int(number))
    return (str(path.parent), path.stem, 1)


def _parse(text: bytes, where: str, number: int) -> dict[str, Any]:
    try:
        return parse(text.decode("utf-8", "surrogateescape"))
    except Newer as error:
        raise InputError(
            f"this ledger has format {error.version}, which a newer Duologue wrote",
            where=f"{where}, line {number}", remedy="Read it with that one, or a newer one.",
        ) from error  # fmt: skip


def _integer(value: object) -> int:
    return value if type(value) is int else 0


def _strange(where: str, line: int, why: Unreadable | None) -> InputError:
    return InputError(
        f"this is no ledger{f': {why}' if why else ''}", where=f"{where}, line {line}",
        remedy="Give what show, talk or simulate wrote with --ledger.",
    )  # fmt: skip
