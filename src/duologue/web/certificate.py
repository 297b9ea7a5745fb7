"""HTTPS: the certificate that is set, or one of our own making for a first try.

Browsers give a microphone to pages of this machine and to pages that came by HTTPS, and to no others. One that we make
is signed by nobody: each browser warns once, and lets a person go on.
"""

from __future__ import annotations

import contextlib
import ipaddress
import shutil
import socket
import ssl
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from duologue.errors import InputError
from duologue.places import cache_folder
from duologue.settings_parts import WebSettings, is_loopback

DAYS = 365
"""A certificate of our own making is good for so long."""
RENEW_DAYS = 30
"""Another is made when it has no longer than this."""
_PATIENCE = 30.0
_ANYBODY = ("0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class Certificate:
    """Two PEM files: the chain, and its key (which may stand in the same)."""

    chain: Path
    key: Path | None = None


def certificate_of(web: WebSettings) -> Certificate | None:
    """The one to show, checked; None: plain HTTP. Raises :class:`InputError` for one that cannot be."""
    if web.tls_self_made:
        return self_made(names_of(web), cache_folder() / "tls")
    if web.tls_cert is None:
        return None
    found = Certificate(web.tls_cert, web.tls_key)
    _check(found)
    return found


def names_of(web: WebSettings) -> tuple[str, ...]:
    """What the server may be called by: this machine's names and addresses, as far as it listens there."""
    names = ["localhost", "127.0.0.1", "::1", *web.hosts]
    if not web.loopback:
        names += [socket.gethostname(), *(_addresses() if web.host in _ANYBODY else [web.host])]
    return tuple(dict.fromkeys(name for name in names if name))


def self_made(names: Sequence[str], folder: Path) -> Certificate:
    """The certificate for ``names`` that lies in ``folder``, made now unless it is still good.

    Raises :class:`InputError` where it cannot be made.
    """
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    told = folder / "names"
    wanted = "\n".join(names)
    if made.chain.is_file() and told.is_file() and told.read_text("utf-8") == wanted and _lasts(made.chain):
        with contextlib.suppress(InputError):  # damaged: another is made
            _check(made)
            return made
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    told.unlink(missing_ok=True)
    _openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-sha256",
        "-days", str(DAYS), "-subj", "/CN=Duologue", "-addext", f"subjectAltName={_alternatives(names)}",
        "-addext", "extendedKeyUsage=serverAuth", "-keyout", str(made.key), "-out", str(made.chain),
    )  # fmt: skip
    folder.joinpath("key.pem").chmod(0o600)
    told.write_text(wanted, "utf-8")
    _check(made)
    return made


def fingerprint(chain: Path) -> str:
    """What a browser shows of a certificate, to compare: SHA-256, in pairs of hex digits."""
    shown = _openssl("x509", "-noout", "-fingerprint", "-sha256", "-in", str(chain))
    return shown.partition("=")[2].strip()


def _check(certificate: Certificate) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate.chain, certificate.key, password="")
    except (OSError, ssl.SSLError) as error:
        unfit = isinstance(error, ssl.SSLError) or not error.strerror  # what OpenSSL says of it is for programmers
        why = "it is no PEM file, or its key is another's or has a password" if unfit else error.strerror
        raise InputError(
            f"the certificate for HTTPS cannot be read: {why}", where=str(certificate.chain),
            remedy="Name a readable PEM file and that of its key: --tls CERT KEY.",
        ) from error  # fmt: skip


def _alternatives(names: Sequence[str]) -> str:
    return ",".join(f"{'IP' if _is_address(name) else 'DNS'}:{name}" for name in names)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _addresses() -> list[str]:
    """This machine's own, as far as its name leads to them, and the one by which it reaches others."""
    found: list[str] = []
    with contextlib.suppress(OSError):
        found += [str(each[4][0]) for each in socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_STREAM)]
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(("192.0.2.1", 9))  # of no host: nothing is sent, the way there tells our address
        found.append(str(asking.getsockname()[0]))
    return [address for address in found if not is_loopback(address) and "%" not in address]


def _lasts(chain: Path) -> bool:
    """Whether it is good for another while."""
    try:
        _openssl("x509", "-noout", "-checkend", str(RENEW_DAYS * 86_400), "-in", str(chain))
    except InputError:
        return False
    return True


def _openssl(*arguments: str) -> str:
    program = shutil.which("openssl")
    if program is None:
        raise InputError(
            "openssl is not installed, which makes the certificate", where="web.tls_self_made",
            remedy="Install it (Debian: openssl), or bring a certificate: --tls CERT KEY.",
        )  # fmt: skip
    try:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=_PATIENCE, check=True)
    except (subprocess.SubprocessError, OSError) as error:
        said = getattr(error, "stderr", "") or str(error)
        last = said.strip().splitlines()[-1] if said.strip() else "it said nothing"
        raise InputError(
            f"openssl could not make the certificate: {last}", where="web.tls_self_made",
            remedy="Bring a certificate: --tls CERT KEY.",
        ) from error  # fmt: skip
    return done.stdout
