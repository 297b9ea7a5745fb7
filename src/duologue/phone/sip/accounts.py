"""All accounts of a line: registered, kept alive, and found by whom a call is for."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Protocol

from sipmessage import Request, Response

from duologue.phone.sip.alarms import Alarms
from duologue.phone.sip.call_events import Event, NotRegistered, Registered
from duologue.phone.sip.keep_alive import KeepAliveTimer, Ping
from duologue.phone.sip.registration import Account, Ask, Registration
from duologue.phone.sip.transactions import Flow, Key


class Registrar(Protocol):
    """What the accounts need of the user agent that they belong to."""

    random: random.Random

    def ask(self, request: Request, flow: Flow, now: int) -> Key:
        """Begin a transaction; its response comes to :meth:`Accounts.responded`."""
        ...

    def ping(self, flow: Flow) -> None:
        """Send CRLF CRLF over the connection that is open to ``flow``."""
        ...

    def notify(self, event: Event) -> None:
        """Give an event to the owner."""
        ...

    def contact(self, user: str, flow: Flow | None) -> str:
        """How ``user`` of ours is reached now by whoever we talk with over ``flow``."""
        ...


class Accounts:
    """Methods take ``now`` (ns); :attr:`deadline` is when :meth:`tick` is wanted."""

    def __init__(self, agent: Registrar) -> None:
        self._agent = agent
        self._registrations: dict[str, Registration] = {}
        self._keeping: dict[str, KeepAliveTimer] = {}
        self._asked: dict[Key, tuple[str, bool]] = {}  # name, and whether it was a REGISTER
        self._renewals, self._pings = Alarms[str](), Alarms[str]()

    @property
    def deadline(self) -> int | None:
        """When the next one wants something."""
        return min((at for at in (self._renewals.first, self._pings.first) if at is not None), default=None)

    @property
    def asked(self) -> int:
        """Requests that wait for an answer."""
        return len(self._asked)

    def get(self, name: str) -> Registration | None:
        """The one of that name."""
        return self._registrations.get(name)

    def of_user(self, user: str) -> str:
        """The name of the account that is called by ``user`` ("": none)."""
        return next((name for name, one in self._registrations.items() if one.account.user == user), "")

    def register(self, account: Account, now: int, *, called: bool = True) -> None:
        """Begin; one of the same name is replaced. One that is not to be ``called`` is for our own calls."""
        self._asked = {key: asked for key, asked in self._asked.items() if asked[0] != account.name}
        self._registrations[account.name] = one = Registration(account, self._agent.contact, self._agent.random)
        self._keeping[account.name] = KeepAliveTimer(account, self._agent.random)
        if called:
            self._perform(account.name, one.start(now), now)

    def unregister_all(self, now: int) -> None:
        """End them all."""
        for name, one in self._registrations.items():
            if not one.stopping:
                self._perform(name, one.stop(now), now)

    @property
    def over(self) -> bool:
        """Nobody can call us at a registrar any more, as far as we know."""
        return all(one.over for one in self._registrations.values())

    def tick(self, now: int) -> None:
        """Renew what runs out, and show that we are here."""
        for name in self._renewals.due(now):
            self._perform(name, self._registrations[name].tick(now), now)
        for name in self._pings.due(now):
            one, registration = self._keeping[name], self._registrations[name]
            if registration.moved:
                self._perform(name, registration.start(now), now)
                continue
            sign = one.tick(now)
            if sign is None:
                self._gone(name, now)
            elif isinstance(sign, Ping):
                self._agent.ping(sign.flow)
            else:
                self._asked[self._agent.ask(sign.request, sign.flow, now)] = name, False
            self._pings.set(name, one.deadline)

    def responded(self, key: Key, response: Response, now: int) -> bool:
        """A response; whether it was for one of these."""
        if key not in self._asked:
            return False
        name, registering = self._asked[key]
        one = self._registrations[name]
        if not registering:
            self._alive(name, now)
            return True
        flow = one.flow
        outputs = one.responded(response, now)
        if any(isinstance(output, Registered) for output in outputs):
            self._keeping[name].start(flow, response, now)
        self._perform(name, outputs, now)
        return True

    def heard(self, key: Key, host: str) -> None:
        """An answer came from ``host``."""
        name, registering = self._asked.get(key, ("", False))
        if registering:
            self._registrations[name].heard(host)

    def failed(self, key: Key, why: str, now: int) -> bool:
        """Nobody answered, and ``why``; whether it was for one of these."""
        if key not in self._asked:
            return False
        name, registering = self._asked.pop(key)
        if registering:
            self._perform(name, self._registrations[name].failed(now, why=why), now)
        else:
            self._gone(name, now)
        return True

    def pong(self, flow: Flow, now: int) -> None:
        """CRLF came from ``flow``."""
        for name, one in self._keeping.items():
            if one.flow == flow:
                self._alive(name, now)

    def disconnected(self, flow: Flow, now: int) -> None:
        """The connection to ``flow`` broke."""
        for name, one in self._registrations.items():
            if one.registered and one.flow == flow:
                one.disconnected(now)
                self._keeping[name].stop()
                self._arm(name)

    def forget(self, keys: Iterable[Key]) -> None:
        """These transactions are over."""
        for key in keys:
            self._asked.pop(key, None)

    def _alive(self, name: str, now: int) -> None:
        self._keeping[name].alive(now)
        self._arm(name)

    def _gone(self, name: str, now: int) -> None:
        """The registrar says nothing to our sign of life: the next one is asked."""
        one = self._registrations[name]
        self._keeping[name].stop()
        if one.registered and not one.stopping and not one.asking:
            self._perform(name, one.failed(now), now)

    def _perform(self, name: str, outputs: Sequence[Ask | Event], now: int) -> None:
        for output in outputs:
            if isinstance(output, Ask):
                self._asked[self._agent.ask(output.request, output.flow, now)] = name, True
            else:
                if isinstance(output, NotRegistered):
                    self._keeping[name].stop()
                self._agent.notify(output)
        self._arm(name)

    def _arm(self, name: str) -> None:
        self._renewals.set(name, self._registrations[name].deadline)
        self._pings.set(name, self._keeping[name].deadline)
