"""The command ``duologue`` without what watches it: no metric is counted, and neither machine nor processes are
measured. For :mod:`benchmarks.recorder_cost`, which sets that no runs are kept besides; there is no such setting for
the rest, since it shall cost nothing that anybody would save.
"""

from __future__ import annotations

import asyncio
from unittest.mock import patch

from duologue.app.evidence.machine_watch import MachineWatch
from duologue.cli.main import main
from duologue.telemetry.ledger import Entry
from duologue.telemetry.metrics.metrics import Metrics


def _uncounted(metrics: Metrics, entry: Entry) -> None:
    pass


async def _unmeasured(watch: MachineWatch) -> None:
    await asyncio.Event().wait()


if __name__ == "__main__":
    with patch.object(Metrics, "observe", _uncounted), patch.object(MachineWatch, "run", _unmeasured):
        main()
