"""What of the phone line works here: its ports, its certificate, its ears, its accounts."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from duologue import certificates
from duologue.app.calls.line_plan import line_plan
from duologue.app.calls.plan import CallPlans
from duologue.errors import DuologueError
from duologue.settings import Settings
from duologue.settings_phone import PhoneSettings

NARROW = ("pocketsphinx",)
"""Engines of ours that take no dictation over a telephone."""


@dataclass(frozen=True, slots=True)
class PhoneCheck:
    """One thing that a line needs; ``note`` says how it is, or what is wrong and what to do."""

    what: str
    works: bool
    note: str = ""


def phone_checks(settings: Settings) -> tuple[PhoneCheck, ...]:
    """All of them; nothing is sent anywhere."""
    phone = settings.phone
    return (*_settings(settings), _ears(settings.engines.stt, phone), *_certificate(phone), *_ports(phone))


def _settings(settings: Settings) -> Iterator[PhoneCheck]:
    try:
        CallPlans(settings)
        line_plan(settings.phone)
    except DuologueError as error:
        yield PhoneCheck("settings", False, str(error))
        return
    accounts = ", ".join(each.user for each in settings.phone.accounts)
    yield PhoneCheck("settings", True, f"answers as {settings.phone.persona}; accounts: {accounts or 'none'}")


def _ears(names: Sequence[str], phone: PhoneSettings) -> PhoneCheck:
    fit = [name for name in names if name not in NARROW]
    if fit:
        return PhoneCheck("ears", True, f"{fit[0]} takes dictation over a telephone")
    if phone.transfers:
        menu = f"callers may say or press where to ({', '.join(phone.transfers)}), and nothing else is understood"
        return PhoneCheck("ears", True, f"{menu}. For conversations run: duologue models get natural")
    return PhoneCheck(
        "ears",
        False,
        "none that take dictation over a telephone: it takes no calls. Run: duologue models get natural",
    )


def _certificate(phone: PhoneSettings) -> Iterator[PhoneCheck]:
    """What is shown by TLS, and who is believed."""
    if "tls" in phone.transport and (shown := phone.tls_cert) is not None:
        yield _read("certificate", shown, lambda: certificates.for_clients(shown, phone.tls_key))
    if (believed := phone.tls_ca) is not None:  # also of a line that calls by TLS, and does not listen by it
        yield _read("authorities", believed, lambda: certificates.for_servers(believed))


def _read(what: str, file: Path, read: Callable[[], object]) -> PhoneCheck:
    try:
        read()
    except DuologueError as error:
        return PhoneCheck(what, False, str(error))
    return PhoneCheck(what, True, str(file))


def _ports(phone: PhoneSettings) -> Iterator[PhoneCheck]:
    if few := phone.few_ports:
        yield PhoneCheck("ports of sound", False, few)
    for name in phone.transport:
        key, port = ("phone.tls_port", phone.tls_port) if name == "tls" else ("phone.listen", phone.port)
        yield _port(name, phone.host, port, key)
    if phone.audiosocket.listen:
        yield _port("audiosocket", phone.audiosocket.host, phone.audiosocket.port, "phone.audiosocket.listen")


def _port(name: str, host: str, port: int, key: str) -> PhoneCheck:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if name == "udp" else socket.SOCK_STREAM) as tried:
        if name != "udp":  # as who listens has it: connections that are over do not hold the port
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as error:
            return PhoneCheck(f"port {port}/{name}", False, f"{host}: {error.strerror}; set {key}")
    return PhoneCheck(f"port {port}/{name}", True, f"free on {host}")
