"""The server: a bound socket, the application, and a house that lives as long as it does.

Importing it costs next to nothing; what it needs is imported while the stage sets itself up.
"""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from duologue.clock import SYSTEM_CLOCK
from duologue.errors import InputError
from duologue.memory import allow_files, freeze, keep_trimmed, settle

if TYPE_CHECKING:
    from duologue.app.house.house import House
    from duologue.app.show.cast import CastMember
    from duologue.app.show.early_stage import EarlyStage
    from duologue.settings import Settings
    from duologue.web.listener import Listener


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises :class:`InputError` for an address that cannot be had, before anything is started.

    It says that it is TCP: where that is left open, asyncio's own loop does not know it and leaves Nagle's algorithm on
    (RFC 896), by which what is said piece by piece waits up to 40 ms for the far end's acknowledgement.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(128)  # whoever comes early waits for the application instead of being refused
    except OSError as error:
        sock.close()
        raise InputError(
            f"{host}:{port} cannot be listened on: {error.strerror or error}",
            where="web.host, web.port", remedy=_way_to_listen(error),
        ) from error  # fmt: skip
    return sock


def _way_to_listen(error: OSError) -> str:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return "Give an address of this machine with --host, e.g. 127.0.0.1, or 0.0.0.0 for all of them."
    if error.errno == errno.EACCES:
        return "Choose a port from 1024 on with --port (0 takes a free one); those below are the system's."
    return "End the program that holds it, or choose another with --port (0 takes a free one)."


def address(sock: socket.socket, *, https: bool = False) -> str:
    """The page's address."""
    host, port = sock.getsockname()[:2]
    return f"{'https' if https else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


async def serve(
    settings: Settings,
    sock: socket.socket,
    cast: Sequence[CastMember] = (),
    stage: EarlyStage | None = None,
    stuck: Callable[[Sequence[str]], None] = lambda parts: None,
) -> None:
    """Open the house that is set (see :class:`duologue.app.house.house.House`) and serve it on ``sock`` until all its
    parts are over or the process is told to stop. ``stage`` is the first show's, already started.
    ``stuck`` is told which parts hang at the end, when there is nothing left to be done about them.
    """
    from duologue.app.house.house import House

    settle()
    allow_files()
    told = asyncio.Event()
    for order in _orders():
        asyncio.get_running_loop().add_signal_handler(order, told.set)
    house = House(settings, cast, stage=stage, stuck=stuck)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(house.run())
        running.add_done_callback(lambda _: told.set())
        listener = await asyncio.to_thread(_listener, house, settings)
        group.create_task(_leave(told, listener))
        small = group.create_task(keep_trimmed(SYSTEM_CLOCK))
        freeze()
        await listener.serve([sock])
        small.cancel()
        running.cancel()


def _orders() -> list[signal.Signals]:
    """The signals that tell us to leave. A terminal that is gone tells us too, unless we are to outlive it (nohup)."""
    stays = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [signal.SIGINT, signal.SIGTERM, *([] if stays else [signal.SIGHUP])]


async def _leave(told: asyncio.Event, listener: Listener) -> None:
    await told.wait()
    listener.should_exit = True


def _listener(house: House, settings: Settings) -> Listener:
    from duologue.web.listener import make_listener

    return make_listener(house, settings)
