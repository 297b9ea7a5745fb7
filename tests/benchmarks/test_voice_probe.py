"""What the peers' programs share with ours must load in their environments, which have nothing of ours but NumPy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_REFUSING = """
import sys
from importlib.abc import MetaPathFinder

class Foreign(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        root = name.partition(".")[0]
        if root not in sys.stdlib_module_names and root not in ("numpy", "benchmarks"):
            raise ModuleNotFoundError(f"a peer's environment has no {name}")
        return None

sys.meta_path.insert(0, Foreign())
import benchmarks.voice.probe
"""


def test_the_probe_of_the_peers_needs_nothing_of_ours() -> None:
    done = subprocess.run([sys.executable, "-c", _REFUSING], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
