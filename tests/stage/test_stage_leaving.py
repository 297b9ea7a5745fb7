"""The stage process when its parent leaves before it was ready: it leaves too, without a word."""

from __future__ import annotations

import pickle
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from duologue.app.show.cast import load_cast
from duologue.app.show.stage_set import stage_plan
from duologue.settings import load_settings
from duologue.stage.messages import StagePlan


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StagePlan:
    monkeypatch.chdir(tmp_path)
    settings = load_settings({"show.size": "320x180"})
    return stage_plan(settings, load_cast(settings.show.cast, settings.engines.tts), 1)


@pytest.mark.slow
@pytest.mark.parametrize("after", ["before its plan", "with its plan"])
def test_a_stage_whose_parent_leaves_early_leaves_without_a_word(after: str, plan: StagePlan) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "duologue.stage.process", str(theirs.fileno())],
            pass_fds=(theirs.fileno(),), stderr=subprocess.PIPE,
        )  # fmt: skip
    with process:
        if after == "with its plan":
            ours.sendall(_message(plan))
        ours.close()
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, b"")


def _message(plan: StagePlan) -> bytes:
    body = pickle.dumps(plan)
    return struct.pack(">I", len(body)) + body
