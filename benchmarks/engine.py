"""Stands for an engine of ours that keeps every core busy, as a voice or a language model does while it works.

``python -m benchmarks.engine`` starts this module as a worker, exactly as the show starts its engines, and leaves when
its standard input ends. The worker multiplies matrices on a thread a core; numpy lets go of the GIL meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time

AT_MOST = 900.0
"""Seconds after which it ends in any case."""


def _work(end: float) -> None:
    import numpy as np

    matrix = np.random.default_rng(0).standard_normal((512, 512), np.float32)
    while time.perf_counter() < end:
        np.matmul(matrix, matrix)


def _worker() -> None:
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a thread a core is ours to make
    from duologue.child import Channel

    end = time.perf_counter() + AT_MOST
    for _ in range(os.cpu_count() or 1):
        threading.Thread(target=_work, args=[end], daemon=True).start()
    for _ in Channel.inherited():
        pass


async def _parent() -> None:
    from duologue.child import Worker

    worker = await Worker.start("benchmarks.engine")
    print(worker.pid, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await worker.close()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _worker()
    else:
        asyncio.run(_parent())
