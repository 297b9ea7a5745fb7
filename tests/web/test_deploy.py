"""What ships to run a house as a service: the unit as systemd reads it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    text = (DEPLOY / "duologue.service").read_text("utf-8")
    here = str(Path(sys.executable).with_name("duologue"))
    assert "/opt/duologue/.venv/bin/duologue" in text
    unit = tmp_path / "duologue.service"
    unit.write_text(text.replace("/opt/duologue/.venv/bin/duologue", here), "utf-8")
    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    ours = [line for line in told.stderr.splitlines() if "duologue" in line]
    assert ours == []
    assert told.returncode == 0, told.stderr
