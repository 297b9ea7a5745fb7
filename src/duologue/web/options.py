"""How the web application behaves; the settings object fills it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from duologue.settings import SettingRow
from duologue.tokens import Scope

if TYPE_CHECKING:
    from duologue.app.people.accounts import TokenAccounts
    from duologue.store.tokens import KnownToken

STATIC_FOLDER = Path(__file__).parent / "static"
"""Where the build of the page puts its files."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What whoever asks may do: look on, and what ``scopes`` say. ``name`` is the token's; empty for the one of
    ``web.token``, and where no token is asked for.
    """

    name: str = ""
    scopes: frozenset[Scope] = frozenset(Scope)
    token: KnownToken | None = None
    """The one of the store, with limits of its own."""


EVERYTHING = Grant()
NOTHING = Grant(scopes=frozenset())
"""Of who is known by other means than a token."""


@dataclass(frozen=True, slots=True)
class Key:
    """A token and what it grants."""

    token: str = field(repr=False)
    grant: Grant = EVERYTHING


@dataclass(frozen=True, slots=True)
class WebOptions:
    """``host`` is the address that is listened on, ``token`` what a client must know to do everything, ``keys`` are
    further ones, ``accounts`` knows those of the store (none of all: none is asked for). ``settings`` are what
    ``GET /api/settings`` tells.

    ``hosts`` are further names this server may be called by (a reverse proxy's), ``cors_origins`` the sites whose pages
    may play the stream (``*``: all). ``static`` is the folder of the
    page's files. ``max_body`` is in bytes, and so is ``max_upload``, which holds for a clip of speech.
    ``keep_alive`` is the longest silence on an event stream in seconds.
    """

    host: str = "127.0.0.1"
    token: str = ""
    keys: tuple[Key, ...] = ()
    settings: tuple[SettingRow, ...] = ()
    hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    static: Path = STATIC_FOLDER
    max_body: int = 64 * 1024
    max_upload: int = 20 * 1024 * 1024
    keep_alive: float = 15.0
    accounts: TokenAccounts | None = None

    @property
    def guarded(self) -> bool:
        """A token is asked for."""
        return bool(self.all_keys) or self.accounts is not None

    @property
    def all_keys(self) -> tuple[Key, ...]:
        """Every token that opens anything."""
        return (Key(self.token), *self.keys) if self.token else self.keys

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
