"""A run as tables: Parquet, a file for each kind of record, by pyarrow, which is an extra. Streaming."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from dataclasses import MISSING
from pathlib import Path
from typing import Any, cast, get_origin

from duologue.errors import InputError
from duologue.telemetry.ledger import KINDS, Record
from duologue.telemetry.ledger_reader import files_of
from duologue.telemetry.lines import Shape, Unreadable, parse, shapes

BATCH = 20_000
"""Rows that are written at once."""
ENVELOPE = ("id", "at", "of")


def write_parquet(ledger: Path, folder: Path) -> Iterator[tuple[Path, int]]:
    """Write the ledger in ``ledger`` to ``folder``, a file for each kind there is; each with its rows when it is done.
    Times are ns since the ledger's origin, as in its lines; what has no type of a table (an object) is JSON.

    Raises :class:`InputError` without pyarrow, or when a folder cannot be.
    """
    try:
        arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise InputError(
            "Parquet needs pyarrow, which is not installed", where="--parquet",
            remedy="pip install 'duologue[parquet]'; DuckDB and pandas read the run's own lines as well.",
        ) from error  # fmt: skip
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder cannot be: {error.strerror}", where=str(folder), remedy="Check it.") from error
    tables: dict[str, _Table] = {}
    try:
        for line in _lines(ledger):
            kind = line["kind"]
            if kind not in tables:
                tables[kind] = _Table(folder / f"{kind}.parquet", KINDS[kind], arrow, parquet)
            tables[kind].add(line)
    finally:
        for table in tables.values():
            table.close()
    for table in tables.values():
        yield table.path, table.rows


def _lines(ledger: Path) -> Iterator[dict[str, Any]]:
    for file in files_of(ledger):
        with file.open("rb") as lines:
            for text in lines:
                try:
                    line = parse(text.decode("utf-8", "replace"))
                except Unreadable:
                    continue  # torn
                if line["kind"] in KINDS:
                    yield line


class _Table:
    """One file."""

    def __init__(self, path: Path, kind: type[Record], arrow: Any, parquet: Any) -> None:
        self.path = path
        self.rows = 0
        self._shapes = shapes(kind)
        self._arrow = arrow
        columns = [("id", arrow.string()), ("at", arrow.int64()), ("of", arrow.string())]
        self._schema = arrow.schema([*columns, *((each.key, _type(each, arrow)) for each in self._shapes)])
        self._writer = parquet.ParquetWriter(path, self._schema)
        self._waiting: list[dict[str, Any]] = []

    def add(self, line: dict[str, Any]) -> None:
        """The next row; a field that is left out has its default, a time that is unknown is null."""
        row = {name: line[name] for name in ENVELOPE}
        for shape in self._shapes:
            value = line.get(shape.key, None if shape.time else _default(shape))
            row[shape.key] = json.dumps(value, ensure_ascii=False) if _is_object(shape) else value
        self._waiting.append(row)
        self.rows += 1
        if len(self._waiting) >= BATCH:
            self._flush()

    def close(self) -> None:
        """Write what waits, and the file's end."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(self._arrow.Table.from_pylist(self._waiting, self._schema))
            self._waiting = []


def _default(shape: Shape) -> Any:
    value = None if shape.default is MISSING else shape.default
    return list(cast("tuple[object, ...]", value)) if isinstance(value, tuple) else getattr(value, "value", value)


def _is_object(shape: Shape) -> bool:
    return get_origin(shape.hint) not in (None, tuple)


def _type(shape: Shape, arrow: Any) -> Any:
    if shape.time:
        return arrow.int64()
    if get_origin(shape.hint) is tuple:
        inner = shape.hint.__args__[0]
        return arrow.list_(arrow.float64() if inner is float else arrow.string())
    if _is_object(shape):
        return arrow.string()
    if issubclass(shape.hint, bool):
        return arrow.bool_()
    if issubclass(shape.hint, int):
        return arrow.int64()
    return arrow.float64() if issubclass(shape.hint, float) else arrow.string()
