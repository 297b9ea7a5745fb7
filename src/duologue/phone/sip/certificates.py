"""TLS for SIP, both ways: what we show, and whose certificates we believe (RFC 3261, section 26.3; RFC 5922).

A server is believed whose certificate an authority of ours has signed *for the name that we called*; there is no
switch to believe any. Who connects to us shows a certificate where ``clients`` names the authorities that sign theirs.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from duologue.errors import InputError

T = TypeVar("T")


def for_servers(
    authorities: Path | None = None, certificate: Path | None = None, key: Path | None = None
) -> ssl.SSLContext:
    """For connections that we open. ``authorities`` (PEM) are believed instead of the machine's; ``certificate`` and
    ``key`` are ours, for servers that ask.

    Raises :class:`InputError`.
    """
    context = _loaded("the authorities", authorities, lambda: ssl.create_default_context(cafile=authorities))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate is not None:
        _loaded("the certificate", certificate, lambda: context.load_cert_chain(certificate, key, password=""))
    return context


def for_clients(certificate: Path, key: Path | None = None, clients: Path | None = None) -> ssl.SSLContext:
    """For connections that others open to us: our ``certificate`` chain and its ``key`` (PEM; the key may stand in the
    certificate's file). With ``clients`` (PEM) they must show a certificate that these authorities have signed.

    Raises :class:`InputError`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _loaded("the certificate", certificate, lambda: context.load_cert_chain(certificate, key, password=""))
    if clients is not None:
        _loaded("the authorities", clients, lambda: context.load_verify_locations(cafile=clients))
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _loaded(what: str, path: Path | None, load: Callable[[], T]) -> T:
    try:
        return load()
    except (OSError, ssl.SSLError) as error:
        why = getattr(error, "strerror", None) or "it is no PEM file, or its key is another's or has a password"
        raise InputError(
            f"{what} for TLS cannot be read: {why}", where=str(path), remedy="Name a readable PEM file."
        ) from error
