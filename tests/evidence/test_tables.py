"""A run as other programs read it: its own lines by DuckDB, and as Parquet."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from duologue.clock import MILLISECOND, SECOND, VirtualClock
from duologue.errors import InputError
from duologue.evidence.tables import write_parquet
from duologue.telemetry.ledger import (
    Entry,
    EventRecord,
    FrameRecord,
    HeaderRecord,
    MachineRecord,
    Record,
    ShowRecord,
    SkipRecord,
    TurnRecord,
    UsageRecord,
)
from duologue.telemetry.lines import encode
from duologue.telemetry.run_shelf import RunShelf
from duologue.telemetry.runs import RunKeeping
from duologue.telemetry.stream import HOUSE, Ledger

SHOW = "show:day"
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run: 30 frames (one late), a turn, an event, the machine."""
    clock = VirtualClock(start=SECOND)
    ledger = Ledger(clock)
    recorder = ledger.keep_runs(RunKeeping(tmp_path / "runs"))
    ledger.enter(SHOW, ShowRecord(30, cast=("chad", "virgin")))
    for number in range(30):
        late = 4.25 if number == 7 else -900.0
        ledger.enter(SHOW, FrameRecord(number, 2 * SECOND, SECOND, 1.0, 6.5, 10, SECOND, late, work="speech+tv"))
    ledger.enter(
        SHOW, TurnRecord("c-1", "c", 1, "chad", text="Tea, “really”.", state="ended", on_air=SECOND + MILLISECOND)
    )
    ledger.enter(SHOW, EventRecord("Understood", {"text": "tea", "at": SECOND}))
    ledger.enter(HOUSE, MachineRecord(0.5, 4000.0, {"main": 5.0}, {"main": 80.0}, cores=2))
    ledger.finish(SHOW)
    recorder.close()
    (kept,) = RunShelf(tmp_path / "runs").runs()
    with kept.ledger.open("a") as file:
        file.write('{"v":1,"id":"torn')
    return kept.folder


def asked(query: str) -> list[tuple[Any, ...]]:
    duckdb: Any = importlib.import_module("duckdb")
    return duckdb.connect().execute(query).fetchall()


def test_duckdb_reads_the_lines_as_they_are(run: Path) -> None:
    lines = f"read_json('{run}/*.jsonl', format='newline_delimited', union_by_name=true, ignore_errors=true)"
    counted = dict(asked(f"select kind, count(*) from {lines} where kind is not null group by kind"))
    assert counted == {"header": 1, "show": 1, "frame": 30, "turn": 1, "event": 1, "machine": 1, "over": 1}
    assert asked(f"select number, lateness_ms from {lines} where lateness_ms > 0") == [(7, 4.25)]
    assert asked(f"select text from {lines} where kind = 'turn'") == [("Tea, “really”.",)]


def long_run(folder: Path) -> Path:
    """More frames than DuckDB looks at by itself, then what comes seldom, a request without cost, and a torn line."""
    folder.mkdir()
    at = SECOND
    records: list[Record] = [
        HeaderRecord(SECOND, SECOND, "test"),
        *(FrameRecord(number, at, at, 1.0, 6.5, 10, at, -900.0) for number in range(21_000)),
        SkipRecord(at, 21_000, 21_060, 2000.0), UsageRecord("tts", "espeak", characters=12),
    ]  # fmt: skip
    lines = [encode(Entry(at, SHOW, record, str(number)), SECOND) for number, record in enumerate(records)]
    (folder / "ledger.jsonl").write_text("\n".join([*lines, '{"v":1,"id":"torn']), "utf-8")
    return folder


QUERY = re.compile(r"select [^`;\n]+? from read_ndjson\w*\('([^']+)/\*\.jsonl'[^`;\n]*")


def test_the_queries_that_are_told_answer_of_a_long_run_and_of_one_that_cost_nothing(tmp_path: Path) -> None:
    folder, told = long_run(tmp_path / "run"), dict[str, str]()
    for page in ("evidence", "ledger", "money"):
        (query,) = QUERY.finditer((DOCS / f"{page}.md").read_text("utf-8"))
        told[page] = query[0].rstrip(".").replace(query[1], str(folder))
    counted = {"frame": 21_000, "header": 1, "skip": 1, "usage": 1, None: 1}
    assert dict(asked(told["evidence"])) == dict(asked(told["ledger"])) == counted
    assert asked(told["money"]) == [("espeak", 0.0)]
    lines = told["evidence"].removeprefix("select kind, count(*) ").removesuffix(" group by kind")
    assert asked(f"select following, late_ms {lines} where kind = 'skip'") == [(21_060, 2000.0)]


def test_each_kind_is_a_table(run: Path, tmp_path: Path) -> None:
    rows = {path.name: count for path, count in write_parquet(run, tmp_path / "tables")}
    assert rows == {
        "header.parquet": 1, "show.parquet": 1, "frame.parquet": 30, "turn.parquet": 1, "event.parquet": 1,
        "machine.parquet": 1, "over.parquet": 1,
    }  # fmt: skip
    frames = f"'{tmp_path}/tables/frame.parquet'"
    assert asked(f"select count(*), max(lateness_ms), min(work), min(cause) from {frames}") == [
        (30, 4.25, "speech+tv", "")
    ]
    assert asked(f"select due, of, periods from {frames} where number = 7") == [(SECOND, SHOW, 1)]
    (turn,) = asked(f"select text, on_air, first_token, interrupted, handovers from '{tmp_path}/tables/turn.parquet'")
    assert turn == ("Tea, “really”.", MILLISECOND, None, False, [])
    assert asked(f"select told->>'text' from '{tmp_path}/tables/event.parquet'") == [("tea",)]
    assert asked(f"select cpu_percent->>'main', cores from '{tmp_path}/tables/machine.parquet'") == [("5.0", 2)]
    assert asked(f"select \"cast\" from '{tmp_path}/tables/show.parquet'") == [(["chad", "virgin"],)]


def test_many_rows_are_written_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.evidence.tables.BATCH", 7)
    ledger = Ledger(VirtualClock(start=SECOND))
    writer = ledger.write_to(tmp_path / "ledger.jsonl")
    for number in range(30):
        ledger.enter(SHOW, FrameRecord(number, 2 * SECOND, SECOND, 1.0, 6.5, 10, SECOND, -900.0))
    writer.close()
    assert ("frame.parquet", 30) in [(path.name, rows) for path, rows in write_parquet(tmp_path, tmp_path / "t")]
    assert asked(f"select sum(number) from '{tmp_path}/t/frame.parquet'") == [(435,)]


def test_without_pyarrow_it_is_said_what_to_do(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match="needs pyarrow") as caught:
        list(write_parquet(run, tmp_path / "tables"))
    assert "duologue[parquet]" in caught.value.remedy


def test_a_folder_that_cannot_be_is_named(run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="the folder cannot be"):
        list(write_parquet(run, tmp_path / "file"))
