"""Registering an extension at a PBX (RFC 3261, section 10), and staying registered."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from sipmessage import URI, Request, Response

from duologue.clock import SECOND
from duologue.errors import InputError
from duologue.phone.sip import message as sip
from duologue.phone.sip.call_events import Event, NotRegistered, NotRenewed, Registered
from duologue.phone.sip.dialogs import flow_to
from duologue.phone.sip.digest import MOST_PROOFS, Answers, Credentials, fields
from duologue.phone.sip.header_fields import default_port, number, uri_of
from duologue.phone.sip.transactions import UNANSWERED, Flow

FIRST_PAUSE, LONGEST_PAUSE = 30, 1800
"""Seconds between attempts when no registrar answers: doubled, half of it by chance (RFC 5626, section 4.5)."""
LONGEST = 86_400
"""Seconds: we ask for no longer, whatever a registrar wants at the least."""


@dataclass(frozen=True, slots=True)
class Account:
    """An extension of ours at a PBX. ``registrars`` are tried in this order; ``seconds`` is how long we ask for.

    Raises :class:`InputError` without a registrar, and for a user and a domain that make no SIP address.
    """

    name: str
    user: str
    domain: str
    registrars: tuple[Flow, ...]
    credentials: Credentials | None = None
    seconds: int = 300
    display: str = ""
    address: str = field(init=False)

    def __post_init__(self) -> None:
        if not self.registrars:
            raise InputError(f"account {self.name} has no registrar", where="phone.accounts")
        address = f"sip:{self.user}@{self.domain}"
        uri_of(address)
        object.__setattr__(self, "address", address)


@dataclass(frozen=True, slots=True)
class Ask:
    """Send this REGISTER to ``flow``; its response goes to :meth:`Registration.responded`."""

    request: Request
    flow: Flow


Contact = Callable[[str, Flow], str]
"""How a user of ours is reached now by whoever is at a flow."""


class Registration:
    """One account's. Methods take ``now`` (ns); :attr:`deadline` is when :meth:`tick` is wanted."""

    def __init__(self, account: Account, contact: Contact, random_source: random.Random) -> None:
        self.account = account
        self.answers = Answers([account.credentials] if account.credentials else [], random_source)
        self.deadline: int | None = None
        self.until: int | None = None
        """When the registration runs out (ns); None: there is none."""
        self.stopping = False
        self._contact = contact
        self._said = self._bound = ""  # where we said that we are, last, and when we were registered
        self._plain = False  # it failed: some registrars take no two contacts
        self._random = random_source
        self._call_id = f"{random_source.getrandbits(96):024x}"
        self._tag = f"{random_source.getrandbits(48):012x}"
        self._number = 0
        self._seconds = account.seconds
        self._place = 0
        self._silent = 0  # registrars that failed since one answered
        self._pause = FIRST_PAUSE
        self._tried: tuple[int, ...] = ()  # challenges (401, 407) that were answered since the last success
        self._proofs: dict[str, str] = {}  # to those challenges, by their headers
        self._behind: dict[Flow, str] = {}  # the address that answered there, where the registrar is given by name
        self._raised = self._taken = False
        self._holder: Flow | None = None  # the registrar that took us last, as long as it is there
        self._unrenewed: NotRenewed | None = None  # what became of the renewal of a registration that still holds
        self.realms: frozenset[str] = frozenset()
        """Those that our REGISTER was challenged for, and answered."""
        self.asking = False
        """A REGISTER waits for its answer."""
        self._last = 0  # the number of the request that ends it

    @property
    def flow(self) -> Flow:
        """The registrar in use: calls of this account go out through it."""
        return self.account.registrars[self._place]

    def heard(self, host: str) -> None:
        """The registrar in use answered from ``host``."""
        self._behind[self.flow] = host

    def owns(self, flow: Flow) -> bool:
        """Whether a registrar of this account is at ``flow``: by the name or address that it is given by, or by the
        one that it answered from; where it is given by TLS, by nothing else.
        """
        host, secure = flow.host.lower(), flow.transport == "TLS"
        return any(
            host in (one.host.lower(), self._behind.get(one)) and (secure or one.transport != "TLS")
            for one in self.account.registrars
        )

    @property
    def registered(self) -> bool:
        """Somebody can call us there, as far as we know."""
        return self.until is not None

    @property
    def moved(self) -> bool:
        """We are registered, and by now are somewhere else than we said."""
        return self.registered and not self.asking and not self.stopping and self._here != self._bound

    def start(self, now: int) -> list[Ask | Event]:
        """Register."""
        self.deadline, self._tried, self._raised = None, (), False
        return [self._ask()]

    def stop(self, now: int) -> list[Ask | Event]:
        """Unregister (section 10.2.2): at once, or when what was asked is answered; nothing to do where we are not
        registered.
        """
        self.deadline, self.stopping, self._tried = None, True, ()
        return [self._ask()] if self.registered and not self.asking else []

    def disconnected(self, now: int) -> None:
        """The connection to the registrar broke: it is registered anew soon, not all at once with everybody else. One
        that was not to be had has failed, and is not tried again before its pause is over.
        """
        if self.registered and self.flow == self._holder and not self.stopping and not self.asking:
            self.deadline = now + round(self._random.uniform(0.2, 2.0) * SECOND)

    @property
    def over(self) -> bool:
        """It was stopped, and nothing more comes of it."""
        return self.stopping and not self.asking and not self.registered

    def tick(self, now: int) -> list[Ask | Event]:
        """Renew, or try again."""
        if self.deadline is None or now < self.deadline:
            return []
        return self._run_out(now) or self.start(now)

    def responded(self, response: Response, now: int) -> list[Ask | Event]:
        """The registrar's answer."""
        if response.code < 200:
            return []
        self.asking = False
        if self.stopping:
            return self._stopped(response, now)
        if response.code < 300:
            return [self._succeeded(response, now)]
        if response.code in (401, 407):
            ask = self._proven(response)
            return [ask] if ask else self._refused(response, "the password is wrong", now)
        if response.code == 423 and self._raise(response):
            return [self._ask()]
        if response.code in (408, 480) or response.code >= 500:
            return self.failed(now, response)
        return self._refused(response, response.phrase, now)

    def failed(self, now: int, response: Response | None = None, why: str = UNANSWERED) -> list[Ask | Event]:
        """No answer, or one that says that this registrar cannot: the next one is asked, and after the last we wait."""
        self.asking = False
        if self.stopping:
            self.until = None
            return []
        if self.flow == self._holder and (response is None or response.code == 408):
            self._holder = None
        self._silent += 1
        self._place = (self._place + 1) % len(self.account.registrars)
        self._tried, self._raised = (), False
        if self._silent < len(self.account.registrars):
            return [self._ask()]
        self._silent = 0
        wait = _retry_after(response)
        said = f"{response.code} {response.phrase}" if response else why
        return self._later(response.code if response else 408, said, now, wait)

    def _succeeded(self, response: Response, now: int) -> Event:
        granted = max(self._granted(response), 1)
        self.until = now + granted * SECOND
        self.deadline = now + max(granted * 4 // 5, 1) * SECOND
        self._pause, self._silent, self._tried, self._raised, self._taken = FIRST_PAUSE, 0, (), False, True
        self._holder, self._unrenewed, self._bound, self._plain = self.flow, None, self._said, False
        if self._here != self._bound:  # behind its name the registrar was found by another way than most are
            self.deadline = now + SECOND
        return Registered(self.account.name, granted, self.flow.host)

    def _stopped(self, response: Response, now: int) -> list[Ask | Event]:
        before = response.cseq.sequence != self._last  # it was asked before we were told to stop
        if before and (response.code < 300 or self.registered):  # a renewal that is challenged leaves what it renews
            return [self._ask()]
        ask = self._proven(response) if response.code in (401, 407) and self._last else None
        if ask is not None:
            return [ask]
        self.until = None
        return [NotRegistered(self.account.name, response.code, "unregistered", None)]

    def _refused(self, response: Response, why: str, now: int) -> list[Ask | Event]:
        """It would refuse us again: no other registrar is asked. Where it never took us the next attempt has time; one
        that did may have lost its accounts while it is started anew, and is asked again as soon as one that is silent.
        """
        self.until = None
        hopeless = response.code in (401, 403, 404, 407) and not self._taken
        return self._later(response.code, why, now, _retry_after(response) or (LONGEST_PAUSE if hopeless else None))

    def _later(self, status: int, why: str, now: int, wait: int | None) -> list[Ask | Event]:
        if wait is None:
            wait = round(self._pause * self._random.uniform(0.5, 1.0))
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self.deadline, self._unrenewed, self._plain = now + wait * SECOND, None, True
        if self.until is not None and self.until <= now:
            self.until = None
        if self.until is None or self._holder is None:
            return [NotRegistered(self.account.name, status, why, self.deadline)]
        left, retry_at = (self.until - now) // SECOND, self.deadline
        self._unrenewed = NotRenewed(self.account.name, left, self._holder.host, status, why, retry_at)
        self.deadline = min(self.until, retry_at)
        return [self._unrenewed]

    def _run_out(self, now: int) -> list[Ask | Event]:
        """Whether the registration has, and what is told of that."""
        if self.until is None or now < self.until:
            return []
        self.until, unrenewed, self._unrenewed = None, self._unrenewed, None
        if unrenewed is None:
            return []
        self.deadline = unrenewed.retry_at
        return [NotRegistered(unrenewed.account, unrenewed.status, unrenewed.why, unrenewed.retry_at)]

    def _raise(self, response: Response) -> bool:
        """Section 10.2.8: whether we ask for longer now."""
        try:
            least = number(response.headers.get("Min-Expires") or "")
        except InputError:
            return False
        if self._raised or not self._seconds < least <= LONGEST:
            return False
        self._seconds, self._raised, self._tried = least, True, ()
        return True

    def _granted(self, response: Response) -> int:
        """Section 10.2.4: of our own contact among all that are there. One alone is ours, however the registrar wrote
        it (with the address before a NAT); of several where none is, whichever runs out first.
        """
        try:
            found = [
                (_place(each.target), each.parameters.get("expires")) for each in sip.addresses(response, "Contact")
            ]
            ours = [said for place, said in found if place == _place(uri_of(self._said))]
            others = [said for _, said in found if len(found) == 1 or said != "0"]  # what is just removed is nobody's
            said = min((number(each) for each in ours or others if each), default=None)
            return number(response.headers.get("Expires") or str(self._seconds)) if said is None else said
        except InputError:
            return self._seconds

    def _proven(self, response: Response) -> Ask | None:
        name = "WWW-Authenticate" if response.code == 401 else "Proxy-Authenticate"
        challenges = response.headers.getlist(name)
        uri = f"sip:{self.account.domain}"
        answer = self.answers.answer(challenges, "REGISTER", uri, again=response.code in self._tried)
        if answer is None or len(self._tried) >= MOST_PROOFS:
            return None
        if not self._tried:
            self._proofs.clear()
            self.realms = frozenset()
        self.realms |= {fields(answer)[1]["realm"]}
        self._tried = (*self._tried, response.code)
        self._proofs = {header: self.answers.again(proof, "REGISTER", uri) for header, proof in self._proofs.items()}
        self._proofs["Authorization" if response.code == 401 else "Proxy-Authorization"] = answer
        return self._ask(*self._proofs.items())  # who asked first wants its own once more (section 22.3)

    @property
    def _here(self) -> str:
        return self._contact(self.account.user, self.flow)

    def _ask(self, *more: tuple[str, str]) -> Ask:
        self._number += 1  # section 10.2: one Call-ID, growing numbers
        self.asking, self._last = True, self._number if self.stopping else 0
        address = self.account.address
        if self.stopping and self._bound:
            contact = f"<{self._bound}>"
        else:
            self._said = self._here
            contact = f"<{self._said}>"
            moved = self._bound not in ("", self._said) and self.flow == self._holder
            if moved and not self._plain:  # nobody is there any more
                contact += f", <{self._bound}>;expires=0"
        headers = [
            ("Via", ""), ("Max-Forwards", "70"), ("From", f"<{address}>;tag={self._tag}"), ("To", f"<{address}>"),
            ("Call-ID", self._call_id), ("CSeq", f"{self._number} REGISTER"), ("Contact", contact),
            ("Expires", "0" if self.stopping else str(self._seconds)), *more,
        ]  # fmt: skip
        return Ask(sip.request("REGISTER", uri_of(f"sip:{self.account.domain}"), headers), self.flow)


def _place(uri: URI) -> tuple[str | None, str, int]:
    """By what a contact is known again: a port that is not said is the transport's (section 19.1.2)."""
    return uri.user, uri.host.lower(), uri.port or default_port(flow_to(uri).transport)


def _retry_after(response: Response | None) -> int | None:
    """Section 20.33; None where it says nothing sensible."""
    if response is None:
        return None
    text = (response.headers.get("Retry-After") or "").partition(";")[0].partition("(")[0].strip()
    try:
        return min(max(number(text), 1), LONGEST_PAUSE)
    except InputError:
        return None
