"""What of the phone line works here: its ports, its ears, its accounts."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
    return (*_settings(settings), _ears(settings.engines.stt, settings.phone), *_ports(settings.phone))


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


def _ports(phone: PhoneSettings) -> Iterator[PhoneCheck]:
    family = socket.AF_INET6 if ":" in phone.host else socket.AF_INET
    for name in phone.transport:
        kind = socket.SOCK_DGRAM if name == "udp" else socket.SOCK_STREAM
        port = phone.tls_port if name == "tls" else phone.port
        with socket.socket(family, kind) as tried:
            try:
                tried.bind((phone.host, port))
            except OSError as error:
                yield PhoneCheck(f"port {port}/{name}", False, f"{phone.host}: {error.strerror}; set phone.listen")
            else:
                yield PhoneCheck(f"port {port}/{name}", True, f"free on {phone.host}")
