"""Faults that were done to running houses, as their runs recorded them: what is named for each today.

``recorded_causes`` is a part of what ``python -m benchmarks.causes --keep FOLDER`` kept on 23 November 2026, on two
cores that 10 to 17 programs wanted: whole lines, of the kinds that causes are looked for in.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from benchmarks.causes import on_air, talks
from benchmarks.causes.figures import Fault, Injected, Outcome, judge

RECORDED = Path(__file__).parent / "recorded_causes"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """As they were kept."""
    folder = tmp_path / "kept"
    shutil.copytree(RECORDED, folder)
    for packed in folder.rglob("*.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    return folder


def named(runs: Path, section: str) -> Counter[tuple[str, str]]:
    """How often what came of which fault."""
    told = {"show": on_air, "talks": talks}[section].suffered(runs / section)
    found: Counter[tuple[str, str]] = Counter()
    for each in json.loads((runs / f"{section}.json").read_text()):
        fault = Fault(each["fault"]) if each["fault"] else None
        verdict = judge(Injected(**each | {"fault": fault}), told)
        found[str(fault or "nothing done"), str(verdict.outcome)] += 1
    return found


def test_faults_of_a_show(runs: Path) -> None:
    assert named(runs, "show") == {
        (Fault.BUSY, Outcome.RIGHT): 1, (Fault.DISK, Outcome.RIGHT): 1, (Fault.GARBAGE, Outcome.RIGHT): 1,
        ("nothing done", Outcome.NOTHING): 1, ("nothing done", Outcome.OTHERS): 1,
    }  # fmt: skip


def test_faults_of_a_talk_and_a_call(runs: Path) -> None:
    assert named(runs, "talks") == {
        (Fault.MODEL, Outcome.RIGHT): 3, (Fault.STOPPED, Outcome.RIGHT): 4, (Fault.GARBAGE, Outcome.RIGHT): 3,
        (Fault.LOSS, Outcome.RIGHT): 2, ("nothing done", Outcome.NOTHING): 10,
    }  # fmt: skip
