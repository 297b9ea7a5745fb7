from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from duologue.clock import SECOND, VirtualClock
from duologue.errors import InputError
from duologue.telemetry.files import LedgerFiles
from duologue.telemetry.ledger import BakeRecord, Cause, FrameRecord, TurnRecord

FRAME = FrameRecord(7, 1, 2, 1.5, 6.5, 4_000, 3, -900.0, cause=Cause.TV)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


async def test_records_become_lines(tmp_path: Path) -> None:
    files = LedgerFiles(tmp_path / "new" / "ledger", VirtualClock(start=5, epoch=1_000))
    files.frames([FRAME, FRAME])
    files.turn(TurnRecord("t1", "c1", 1, "chad", text="Größe 😀", state="ended"))
    files.baked(BakeRecord(9, "lights", 300.0))
    await files.flush()
    header, first, second = lines(tmp_path / "new" / "ledger" / "frames.jsonl")
    assert header == {"ledger": "frames", "version": 1, "wall_ns": 1_000, "monotonic_ns": 5}
    assert first == second
    assert (first["number"], first["compose_ms"], first["cause"]) == (7, 1.5, "tv")
    assert lines(tmp_path / "new" / "ledger" / "turns.jsonl")[1]["text"] == "Größe 😀"
    assert lines(tmp_path / "new" / "ledger" / "bakes.jsonl")[1]["took_ms"] == 300.0


async def test_a_turn_is_written_once_when_it_ends_and_open_ones_at_close(tmp_path: Path) -> None:
    files = LedgerFiles(tmp_path, VirtualClock())
    record = TurnRecord("t1", "c1", 1, "chad", state="on_air")
    files.turn(record)
    files.turn(TurnRecord("t2", "c1", 2, "virgin", state="voicing"))
    await files.flush()
    assert len(lines(tmp_path / "turns.jsonl")) == 1
    record.state = "ended"
    files.turn(record)
    files.turn(record)
    await files.close()
    await files.close()
    assert [(line["id"], line["state"]) for line in lines(tmp_path / "turns.jsonl")[1:]] == [
        ("t1", "ended"),
        ("t2", "voicing"),
    ]


async def test_a_second_run_appends(tmp_path: Path) -> None:
    for _ in range(2):
        files = LedgerFiles(tmp_path, VirtualClock())
        files.frames([FRAME])
        await files.close()
    assert [("ledger" in line) for line in lines(tmp_path / "frames.jsonl")] == [True, False, True, False]


async def test_it_writes_once_a_second(tmp_path: Path) -> None:
    class Stepping(VirtualClock):
        """Lets one second pass at a time, and says when the task has come round to waiting again."""

        async def wait_until(self, deadline: int) -> None:
            waiting.set()
            await gate.acquire()
            await super().wait_until(deadline)

    gate, waiting = asyncio.Semaphore(0), asyncio.Event()
    clock = Stepping()
    files = LedgerFiles(tmp_path, clock)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(files.run())
        await waiting.wait()
        for second in (1, 2):
            files.frames([FRAME])
            waiting.clear()
            gate.release()
            await waiting.wait()
            assert clock.now() == second * SECOND
            assert len(lines(tmp_path / "frames.jsonl")) == 1 + second
        task.cancel()


async def test_a_disk_that_fails_is_reported_once_counted_and_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "ledger"
    files = LedgerFiles(folder, VirtualClock())
    await files.flush()
    (folder / "frames.jsonl").unlink()
    (folder / "frames.jsonl").mkdir()  # cannot be opened for writing, even by root
    for _ in range(3):
        files.frames([FRAME])
        await files.flush()
    assert files.dropped == 3
    assert capsys.readouterr().out.count("cannot be written") == 1
    (folder / "frames.jsonl").rmdir()
    files.frames([FRAME])
    await files.flush()
    assert len(lines(folder / "frames.jsonl")) == 1


async def test_what_waits_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.telemetry.files._MAX_PENDING", 5)
    files = LedgerFiles(tmp_path, VirtualClock())
    files.frames([FRAME] * 9)
    assert files.dropped == 5  # the header and four frames
    await files.close()
    assert len(lines(tmp_path / "frames.jsonl")) == 5


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="ledgers' folder") as caught:
        LedgerFiles(tmp_path / "file" / "ledger")
    assert "--ledger" in caught.value.remedy
