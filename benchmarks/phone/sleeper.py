"""A process that does nothing but wake up every 20 ms: ``python -m benchmarks.phone.sleeper SECONDS``.

How late it is, is the machine's share of any lateness measured beside it. One line of JSON (ms).
"""

from __future__ import annotations

import json
import sys

import numpy as np

from duologue.clock import MILLISECOND, SYSTEM_CLOCK


def main() -> None:
    """See the module."""
    begin, late = SYSTEM_CLOCK.now(), list[float]()
    for number in range(round(float(sys.argv[1]) * 50)):
        due = begin + number * 20 * MILLISECOND
        SYSTEM_CLOCK.sleep_until(due)
        late.append((SYSTEM_CLOCK.now() - due) / MILLISECOND)
    print(json.dumps({"p50": np.percentile(late, 50), "p99": np.percentile(late, 99), "max": max(late)}))


if __name__ == "__main__":
    main()
