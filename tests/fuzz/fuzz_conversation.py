"""Random conversations one after the other, for so many seconds: no word is lost, said twice or answered twice.

``python tests/fuzz/fuzz_conversation.py [SECONDS] [FIRST SEED]``, by default a random one, in CI always the same; it
ends with 0 when nothing was found, else with 1 behind the seed that failed, and what failed.
"""

from __future__ import annotations

import os
import random
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from duologue.clock import SECOND, SYSTEM_CLOCK

sys.path[:0] = [str(Path(__file__).parents[1] / "dialogue"), str(Path(__file__).parents[1])]
fuzz: Any = import_module("conversation_fuzz")


def main(seconds: float, first: int) -> int:
    """The exit code."""
    until, seed = SYSTEM_CLOCK.now() + seconds * SECOND, first
    while SYSTEM_CLOCK.now() < until:
        try:
            fuzz.check(fuzz.hold(seed))
        except Exception as error:
            print(f"seed {seed}: {type(error).__name__}: {error}", file=sys.stderr)
            return 1
        seed += 1
    print(f"{seed - first} conversations, seeds {first} to {seed - 1}")
    return 0


if __name__ == "__main__":
    given = sys.argv[1:]
    start = 1 if os.environ.get("CI") else random.randrange(2**32)
    sys.exit(main(float(given[0]) if given else 20.0, int(given[1]) if given[1:] else start))
