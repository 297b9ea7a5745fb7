"""What of a stream's numbers outlives its program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from duologue.app.show import stream_memory
from duologue.app.show.stream_memory import StreamMemory
from duologue.broadcast.hls import Position

KILLED = """
import sys, time
from pathlib import Path
from duologue.app.show.stream_memory import StreamMemory
from duologue.broadcast.hls import Position
memory = StreamMemory(Path(sys.argv[1]))
for number in range(1_700_000_000, 1_700_000_500):
    memory.keep(Position(number, number // 7, 3 * number))
while memory._latest is not None:
    time.sleep(0.001)
time.sleep(0.2)  # the disk's
print("kept", flush=True)
time.sleep(60)
"""


def test_the_next_program_finds_the_last_position(tmp_path: Path) -> None:
    path = tmp_path / "stream" / "8081.json"
    first = StreamMemory(path)
    assert first.before is None
    for number in range(100):
        first.keep(Position(10**9 + number, number // 10, 1000 * number))
    first.close()
    second = StreamMemory(path)
    assert second.before == Position(10**9 + 99, 9, 99_000)
    second.keep(Position(1, 0, 5))  # a shorter record over a longer one
    second.close()
    third = StreamMemory(path)
    assert third.before == Position(1, 0, 5)
    third.close()
    assert path.stat().st_size == 100


def test_it_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "8081.json"
    found = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    words = [sys.executable, "-c", KILLED, str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=found) as process:
        assert process.stdout is not None and process.stdout.readline() == "kept\n"
        process.send_signal(signal.SIGKILL)
    memory = StreamMemory(path)
    assert memory.before == Position(1_700_000_499, 1_700_000_499 // 7, 5_100_001_497)
    memory.close()


def test_a_second_show_of_the_same_name_has_no_memory_and_harms_none(tmp_path: Path) -> None:
    path = tmp_path / "8081.json"
    first = StreamMemory(path)
    second = StreamMemory(path)
    second.keep(Position(5, 5, 5))
    second.close()
    first.keep(Position(7, 7, 7))
    first.close()
    third = StreamMemory(path)
    assert third.before == Position(7, 7, 7)
    third.close()


@pytest.mark.parametrize(
    "damage",
    [b"", b"\0" * 80, b"{", b'{"sequence": 4}', b'{"sequence": "4", "discontinuity": 1}', b"[1, 2]", b"\xff\xfe",
     b'{"sequence": 4, "discontinuity": 1}',
     b'{"sequence": -4, "discontinuity": 1, "end": 2}', b'{"sequence": 1e400, "discontinuity": 1, "end": 2}',
     b'{"sequence": 99999999999999999999, "discontinuity": 1, "end": 2}'],
)  # fmt: skip
def test_a_damaged_record_is_none(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "8081.json"
    path.write_bytes(damage)
    memory = StreamMemory(path)
    assert memory.before is None
    memory.close()


def test_a_folder_that_cannot_be_is_no_reason_not_to_go_on_air(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    memory = StreamMemory(tmp_path / "file" / "8081.json")
    memory.keep(Position(1, 1, 1))
    memory.close()
    assert memory.before is None


def test_a_disk_that_hangs_or_fails_holds_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answered, asked = threading.Event(), threading.Event()
    written: list[bytes] = []

    def slow(descriptor: int, record: bytes, offset: int) -> int:
        written.append(record)
        asked.set()
        assert answered.wait(10)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", slow)
    monkeypatch.setattr(stream_memory, "PATIENCE", 0.01)
    memory = StreamMemory(tmp_path / "8081.json")
    memory.keep(Position(0, 0, 0))
    assert asked.wait(10)
    for number in range(1, 1000):
        memory.keep(Position(number, 0, 0))
    memory.close()  # gives up after its patience
    answered.set()
    memory._thread.join(10)  # pyright: ignore[reportPrivateUsage, reportOptionalMemberAccess]
    assert [record.split(b",")[0] for record in written] == [b'{"sequence": 0', b'{"sequence": 999']
