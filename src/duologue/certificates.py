"""TLS, both ways: what we show, and whose certificates we believe (of SIP: RFC 3261, section 26.3; RFC 5922). Both are
read anew when their files change: a restart would end the calls.

A server is believed whose certificate an authority of ours has signed *for the name that we called*; there is no
switch to believe any.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from duologue.errors import InputError

LOOK_SECONDS = 60
"""Between two looks at the files of our certificate."""
Told = Callable[["InputError"], None]
"""Is given what cannot be used of a file that changed."""
Stamps = tuple[tuple[int, int, int] | None, ...]
"""Of some files: by what it is noticed that they have changed."""
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


def for_clients(certificate: Path, key: Path | None = None) -> ssl.SSLContext:
    """For connections that others open to us: our ``certificate`` chain and its ``key`` (PEM; the key may stand in the
    certificate's file).

    Raises :class:`InputError`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _loaded("the certificate", certificate, lambda: context.load_cert_chain(certificate, key, password=""))
    return context


class ServedCertificate:
    """The certificate that whoever connects to us is shown, as its files are by now: one that an authority renews every
    two months wants no restart, which would end the calls. Raises :class:`InputError`.
    """

    def __init__(self, certificate: Path, key: Path | None = None) -> None:
        self._certificate, self._key = certificate, key
        self._stamps = self._stamped()
        self._next: asyncio.TimerHandle | None = None
        self.context = for_clients(certificate, key)
        """Of every handshake from now on, whatever :meth:`look` finds."""

    def look(self) -> None:
        """Read the files again if they are others than before. Raises :class:`InputError`, once, for what cannot be
        used; then the one of before is shown.
        """
        stamps = self._stamped()
        if stamps == self._stamps:
            return
        self._stamps = stamps
        for_clients(self._certificate, self._key)  # half of a pair would spoil the one that is in use
        self.context.load_cert_chain(self._certificate, self._key, password="")

    def watch(self, told: Told) -> None:
        """Look every :data:`LOOK_SECONDS` on this loop, until :meth:`leave`; what cannot be used is ``told``."""
        try:
            self.look()
        except InputError as error:
            told(error)
        self._next = asyncio.get_running_loop().call_later(LOOK_SECONDS, self.watch, told)

    def leave(self) -> None:
        """Look no more."""
        if self._next is not None:
            self._next.cancel()

    def _stamped(self) -> Stamps:
        return tuple(_stamp(path) for path in (self._certificate, self._key) if path is not None)


class Believed:
    """Whose certificates are believed, as their file is by now: ``authorities`` (PEM), or the machine's. A server that
    asks is shown our ``certificate``. What cannot be used of a file that changed is ``told``; then all is as before.
    """

    def __init__(
        self,
        authorities: Path | None = None,
        told: Told = lambda error: None,
        certificate: Path | None = None,
        key: Path | None = None,
    ) -> None:
        self._of, self._told = (authorities, certificate, key), told
        machine = ssl.get_default_verify_paths()
        named = [] if authorities else [Path(each) for each in (machine.cafile, machine.capath) if each]
        self._files = (*named, *(each for each in self._of if each is not None))
        self._stamps: Stamps = ()
        self._context: ssl.SSLContext | None = None

    async def context(self) -> ssl.SSLContext:
        """For the next connection. A machine's authorities take 25 ms to read, which packets of sound do not wait for:
        they are read beside the loop. Raises :class:`InputError` where none were there before.
        """
        stamps = tuple(map(_stamp, self._files))
        if self._context is None or stamps != self._stamps:
            try:
                self._context = await asyncio.to_thread(for_servers, *self._of)
            except InputError as error:
                if self._context is None:
                    raise
                self._told(error)
            self._stamps = stamps
        return self._context


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _loaded(what: str, path: Path | None, load: Callable[[], T]) -> T:
    try:
        return load()
    except (OSError, ssl.SSLError) as error:
        unfit = isinstance(error, ssl.SSLError) or not error.strerror  # what OpenSSL says of it is for programmers
        why = "it is no PEM file, or its key is another's or has a password" if unfit else error.strerror
        raise InputError(
            f"{what} for TLS cannot be read: {why}", where=str(path), remedy="Name a readable PEM file."
        ) from error
