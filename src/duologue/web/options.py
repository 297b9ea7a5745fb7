"""How the web application behaves; the settings object fills it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

STATIC_FOLDER = Path(__file__).parent / "static"
"""Where the build of the page puts its files."""


@dataclass(frozen=True, slots=True)
class WebOptions:
    """``host`` is the address that is listened on, ``token`` what a client must know (empty: none is asked for).

    ``hosts`` are further names this server may be called by (a reverse proxy's), ``cors_origins`` the sites whose pages
    may play the stream (``*``: all). ``static`` is the folder of the
    page's files. ``max_body`` is in bytes, and so is ``max_upload``, which holds for a clip of speech.
    ``keep_alive`` is the longest silence on an event stream in seconds.
    """

    host: str = "127.0.0.1"
    token: str = ""
    hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    static: Path = STATIC_FOLDER
    max_body: int = 64 * 1024
    max_upload: int = 20 * 1024 * 1024
    keep_alive: float = 15.0

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a host name or address (brackets allowed) means this machine only."""
    name = host.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
