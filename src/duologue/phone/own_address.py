"""By which address of this machine others reach it. The system is asked for its routes; nothing is sent."""

from __future__ import annotations

import socket

EVERYWHERE = ("0.0.0.0", "::")
_SOMEBODY = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses of nobody's (RFC 5737, RFC 3849): the way there is the way to most."""


def own_address(host: str, towards: str = "") -> str:
    """The address by which whoever is at the address ``towards`` (empty: most others) reaches what listens on ``host``,
    as it is now: a network card may come up later, and be given another address.
    """
    if host not in EVERYWHERE:
        return host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for somebody in dict.fromkeys((towards or _SOMEBODY[family], _SOMEBODY[family])):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as asked:
                asked.connect((somebody, 9))
                return str(asked.getsockname()[0])
        except OSError:  # no way leads there
            continue
    return "::1" if ":" in host else "127.0.0.1"
