"""What the line's process is told to be, by the settings. Pure, but for our own address: the system is asked for it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from duologue.errors import InputError
from duologue.phone.line.messages import LineSetup
from duologue.phone.media.codecs import FORMATS
from duologue.phone.own_address import own_address
from duologue.phone.sip.dialogs import flow_to
from duologue.phone.sip.digest import Credentials
from duologue.phone.sip.header_fields import is_address, uri_of
from duologue.phone.sip.registration import Account
from duologue.phone.sip.screening import LineOptions
from duologue.settings_phone import AccountSettings, PhoneSettings
from duologue.version import __version__


def line_plan(phone: PhoneSettings, *, takes_calls: bool = True) -> LineSetup:
    """As set. A line that ``takes_calls`` registers its accounts. Raises :class:`InputError`."""
    passwords = {name: each.secret for name, each in phone.callers.items()}
    for name, secret in passwords.items():
        if not secret:
            variable = phone.callers[name].env
            raise InputError(
                f"{name} has no password", where=f"phone.callers.{name}", remedy=f"Set {variable} in the environment."
            )
    users = {account.user for account in phone.accounts}
    tcp, udp, tls = ("tcp" in phone.transport, "udp" in phone.transport, "tls" in phone.transport)
    options = LineOptions(
        host=phone.address or own_address(phone.host), port=phone.port if tcp or udp else phone.tls_port,
        transport=phone.transport[0].upper(), software=f"Duologue/{__version__}", most_calls=phone.places,
        retry_seconds=phone.retry_seconds, sources=phone.allow,
        extensions=frozenset({*phone.extensions, *users}) if phone.extensions else frozenset(), passwords=passwords,
        answers=phone.answers, algorithms=tuple(each.upper() for each in phone.digest),
    )  # fmt: skip
    registered = tuple(map(account, phone.accounts)) if takes_calls else ()
    _refuse_unreachable(phone.host, registered)
    if not udp:
        _refuse_datagrams(registered)
    names = {each.name.lower(): each.name for each in FORMATS}
    return LineSetup(
        options=options, host=phone.host, udp=phone.port if udp else None, tcp=phone.port if tcp else None,
        tls=phone.tls_port if tls else None, certificate=str(phone.tls_cert or ""), key=str(phone.tls_key or ""),
        authorities=str(phone.tls_ca or ""),
        accounts=registered, advertised=phone.address,
        first_port=phone.media_ports[0], last_port=phone.media_ports[1],
        formats=tuple(names[each] for each in phone.codecs), secure=phone.encrypt, silent_s=phone.lost_seconds,
    )  # fmt: skip


def account(each: AccountSettings) -> Account:
    """As the line registers it. Raises :class:`InputError`."""
    uris = [uri_of(one if re.match(r"sips?:", one, re.I) else f"sip:{one}") for one in each.registrar]
    if each.env and not each.secret:
        raise InputError(
            f"the account {each.user} has no password", where=f"phone.accounts: {each.user}",
            remedy=f"Set {each.env} in the environment.",
        )  # fmt: skip
    credentials = Credentials(each.auth_user or each.user, each.secret) if each.secret else None
    return Account(
        each.user, each.user, each.domain or uris[0].host, tuple(map(flow_to, uris)), credentials, each.seconds,
        each.display,
    )  # fmt: skip


def _refuse_unreachable(host: str, accounts: Sequence[Account]) -> None:
    """A line that listens by IPv6 sends nothing by IPv4, and the other way round."""
    for each in accounts:
        if all(is_address(one.host) and (":" in one.host) != (":" in host) for one in each.registrars):
            other = each.registrars[0].host
            raise InputError(
                f"the line listens on {host}, and no packet gets from there to {other}",
                where=f"phone.accounts: {each.user}",
                remedy=f"Set phone.listen to {'[::]' if ':' in other else '0.0.0.0'} and its port.",
            )


def _refuse_datagrams(accounts: Sequence[Account]) -> None:
    """A line without UDP asks nobody by it."""
    for each in accounts:
        if not any(one.reliable for one in each.registrars):
            raise InputError(
                f"{each.registrars[0].host} is asked by UDP, which the line does not speak",
                where=f"phone.accounts: {each.user}",
                remedy='Put ";transport=tcp" or ";transport=tls" behind the registrar, or "udp" into phone.transport.',
            )


def target_of(to: str, accounts: tuple[AccountSettings, ...], name: str) -> tuple[str, str]:
    """Whom to call for what a person wrote, and as which account of ours: an extension is one of the account's PBX.
    Raises :class:`InputError`.
    """
    known = {each.user: each for each in accounts}
    if name and name not in known:
        there = ", ".join(known) or "none is set"
        raise InputError(f"there is no account {name!r}", where="account", remedy=f"There are: {there}.")
    if re.match(r"(sips?|tel):", to, re.I):
        uri_of(to)
        return to, name
    chosen = known.get(name) or (accounts[0] if len(accounts) == 1 else None)
    if chosen is None:
        raise InputError(
            f"{to!r} is an extension, and nobody says of which PBX",
            where="to",
            remedy="Name an account, or write sip:USER@HOST.",
        )
    target = f"sip:{to}@{account(chosen).domain}" if "@" not in to else f"sip:{to}"
    uri_of(target)
    return target, chosen.user
