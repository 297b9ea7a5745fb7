"""Python imports this at the start of each process of a house that is benchmarked with faults: it collects garbage when
it is told to, as the interpreter does by itself where programs are careless. See :mod:`benchmarks.causes.faults`.

Messages to the process's own socket, each of which is answered: ``prepare`` makes what is to be collected, bit by bit,
which holds nobody; a number collects for so long (ms), and is told when that began and ended (monotonic ns);
``release`` lets go of it.
"""

import gc
import os
import socket
import threading
import time

OBJECTS, AT_ONCE, REST = 1_200_000, 5_000, 0.003


def _serve() -> None:
    kept: list[list[list[int]]] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(f"\0duologue-causes-{os.getpid()}")
        while True:
            message, sender = told.recvfrom(64)
            match message:
                case b"prepare":
                    _prepare(kept)
                    answer = b"ready"
                case b"release":
                    _release(kept)
                    answer = b"gone"
                case _:
                    answer = _collect(float(message) / 1000)
            told.sendto(answer, sender)


def _prepare(kept: list[list[list[int]]]) -> None:
    was = gc.isenabled()
    gc.disable()
    for _ in range(0, OBJECTS, AT_ONCE):
        kept.append([[] for _ in range(AT_ONCE)])
        time.sleep(REST)
    if was:
        gc.enable()


def _release(kept: list[list[list[int]]]) -> None:
    while kept:
        kept.pop()
        time.sleep(REST)


def _collect(seconds: float) -> bytes:
    from duologue.clock import SECOND, SYSTEM_CLOCK  # at its start a process waits for nothing of this

    began = SYSTEM_CLOCK.now()
    while SYSTEM_CLOCK.now() - began < seconds * SECOND:
        gc.collect()
    return f"{began} {SYSTEM_CLOCK.now()}".encode()


threading.Thread(target=_serve, name="causes", daemon=True).start()
