"""One call, from INVITE to BYE, in every order that the network allows (RFC 3261, sections 13 to 15).

A :class:`Call` is either being asked (``INVITED``), asks (``INVITING``), stands, or is over. It keeps its timers by
name and does what it does through its :class:`Agent`. What it repeats until it is acknowledged is
:mod:`duologue.phone.sip.acceptance`, what it hands over :mod:`duologue.phone.sip.call_transfers`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import ClassVar

from sipmessage import Request, Response

from duologue.clock import MILLISECOND, SECOND
from duologue.errors import InputError
from duologue.phone.leg_limits import Allowance
from duologue.phone.media.sdp import Description
from duologue.phone.media.telephone_events import INFO_TYPES
from duologue.phone.sip import call_events as events
from duologue.phone.sip import message as sip
from duologue.phone.sip import refusals, session_timers
from duologue.phone.sip.acceptance import Acceptance, ReliableRinging, is_required
from duologue.phone.sip.agent import SDP, Agent, Headers, Purpose, described
from duologue.phone.sip.call_transfers import CallTransfers
from duologue.phone.sip.dialogs import MOST_FORKS, Dialog, EarlyDialogs
from duologue.phone.sip.session_timers import SessionTimer
from duologue.phone.sip.transactions import Flow, Key

REQUESTS = 5, 50
"""Of the other end in one call: a second on the average, and at once. A key that is pressed is one (INFO)."""

GONE = 408, 481
"""Answers to a request in a call that end it (section 12.2.1.2)."""


class Phase(Enum):
    """Of a call."""

    INVITED = auto()
    INVITING = auto()
    STANDING = auto()
    OVER = auto()


class Call:
    """One call. Methods take ``now`` (ns); :attr:`deadline` is when :meth:`tick` is wanted."""

    def __init__(self, agent: Agent, name: str, tag: str, phase: Phase) -> None:
        self.name, self.tag, self.phase = name, tag, phase
        self.dialog: Dialog | None = None
        self.account = ""
        self.key: tuple[str, str] = ("", tag)
        """Its Call-ID and our tag."""
        self.source: Flow | None = None
        """Where their INVITE came from; None: it was ours."""
        self.peer = ""
        """The address that the newest answer to a request of ours came from."""
        self.allowance = Allowance(*REQUESTS)
        """Of their requests in it: each is remembered for half a minute, in a table that all calls share."""
        self._agent = agent
        self._due: dict[str, int] = {}
        self._invite: Request | None = None
        self._asked: Key | None = None  # their INVITE that waits for our answer
        self._update: tuple[Request, Key] | None = None  # the same of their UPDATE
        self._ours: Key | None = None  # our INVITE that waits for theirs
        self._flow: Flow | None = None  # where our INVITE went
        self._early = EarlyDialogs()
        self._answers: dict[str, Description] = {}  # to our offer, before the call was accepted
        self._settled: set[str] = set()  # who said so reliably: an offer of theirs may follow
        self._acks: dict[str, tuple[Request, Flow]] = {}
        self._ringing = ReliableRinging(agent)
        self._acceptance = Acceptance(agent)
        self._accepted_key: Key = ()
        self._leaving: tuple[str, int] | None = None  # why, when the ACK has come
        self._transfers = CallTransfers(agent, name, self._ask)
        self._description: Description | None = None
        self._pending: tuple[Description | None, Purpose] | None = None
        self._session: SessionTimer | None = None

    @property
    def deadline(self) -> int | None:
        """When it wants to be woken."""
        parts = (self._ringing.deadline, self._acceptance.deadline, self._transfers.deadline)
        return min((at for at in (*self._due.values(), *parts) if at is not None), default=None)

    def tick(self, now: int) -> None:
        """What is due."""
        if not self._ringing.tick(self._asked, now):
            self.refuse(504, now, why="our ringing was never acknowledged")
        if not self._acceptance.tick(self._accepted_key, now):  # section 13.3.1.4
            self.hang_up(now, "our acceptance was never acknowledged", 408)
        self._transfers.tick(now)
        for name in [name for name, at in self._due.items() if at <= now]:
            if self._due.pop(name, None) is not None:
                self._ON_TIME[name](self, now)

    # A call that comes in

    def invited(self, invite: Request, key: Key, source: Flow, now: int) -> None:
        """It begins. Raises :class:`InputError` for an INVITE without a usable Contact."""
        self.dialog = Dialog.called(invite, self.tag, source)
        self._invite, self._asked, self.source = invite, key, source
        self._due["ringing"] = now + self._agent.ring_limit
        if (seconds := invite.headers.get("Expires")) is not None:  # section 13.3.1
            self._due["expires"] = now + int(seconds) * SECOND

    def ring(self, now: int, early: Description | None = None) -> None:
        """180, or 183 with sound before the answer; reliably where the caller requires it (RFC 3262, section 3), which
        a call without an offer rings without.
        """
        if self.phase is not Phase.INVITED or self._invite is None:
            return
        required = is_required(self._invite)
        if not self._invite.body:
            early = None
            if required:  # RFC 3262, section 5: it would have to have our offer, which comes with our acceptance
                return
        if self._ringing.response is not None:
            self._ringing.then(lambda at: self.ring(at, early))
            return
        response = self._response(183 if early else 180, early)
        if required:
            self._ringing.begin(response, now)
        self._answer(response, now)

    def accept(self, description: Description, now: int) -> None:
        """200 with our answer (or our offer, where there was none); it is repeated until the ACK (section 13.3.1.4)."""
        if self.phase is not Phase.INVITED or self._invite is None:
            return
        if self._ringing.response is not None and self._ringing.response.body:  # RFC 3262, section 3
            self._ringing.then(lambda at: self.accept(description, at))
            return
        self._ringing.end()
        self.phase = Phase.STANDING
        self._due.pop("ringing", None)
        self._due.pop("expires", None)
        self._accept(self._invite, description, now)

    def refuse(self, status: int, now: int, headers: Headers = (), why: str = "refused") -> None:
        """Answer with ``status`` (300…699)."""
        if self.phase is Phase.INVITED:
            self._answer(self._response(status, None, headers), now)
            self._over(status, why)

    def cancelled(self, now: int) -> None:
        """The caller does not want any more (section 9.2)."""
        if self.phase is Phase.INVITED:
            self.refuse(487, now, why="cancelled")
        elif self._asked is not None:  # a re-INVITE: the call stands
            self.disagree(487, now)

    # A call that goes out

    def start(self, invite: Request, flow: Flow, description: Description, now: int) -> None:
        """It begins: ``invite`` has everything but its Via."""
        self._flow, self._description = flow, description
        self._due["ringing"] = now + self._agent.ring_limit
        self._invite = invite
        self._ours = self._agent.send(self, Purpose.CALL, invite, flow, now)

    # While it stands

    def offer(self, description: Description, now: int) -> bool:
        """Change the call: hold, resume, another address (section 14.1). False, and told as 491, while another change
        is under way.
        """
        done = self._reinvite(description, Purpose.OFFER, now)
        if not done and self.phase is Phase.STANDING:
            self._agent.tell(events.NotChanged(self.name, 491))
        return done

    def agree(self, description: Description, now: int) -> None:
        """Take the other end's offer, with our answer."""
        if self._update is not None:
            self._answer_update(200, description, now)
        elif self.phase is Phase.STANDING and self._asked is not None and self._invite is not None:
            self._accept(self._invite, description, now)

    def disagree(self, status: int, now: int) -> None:
        """Refuse the other end's offer (488, mostly): all stays as it was."""
        if self._update is not None:
            self._answer_update(status, None, now)
        elif self.phase is Phase.STANDING and self._asked is not None:
            self._answer(self._response(status, None), now)
            self._asked = None
            self._due.pop("unanswered", None)

    def inform(self, kind: str, body: bytes, now: int) -> None:
        """INFO (RFC 6086)."""
        if self.phase is Phase.STANDING:
            self._request("INFO", Purpose.OTHER, now, [("Content-Type", kind)], body)

    def probe(self, now: int) -> None:
        """Ask whether the other end still knows the call, which ends if it does not, or if nobody answers (section
        12.2.1.2); ``Present`` tells that somebody did.
        """
        if self.phase is Phase.STANDING:
            self._request("OPTIONS", Purpose.PROBE, now, [("Accept", SDP)])

    def transfer(self, target: str, said: Mapping[str, str], now: int) -> None:
        """Ask the other end to call ``target`` (RFC 3515, a blind transfer); ``Transferred`` tells of it."""
        if self.phase is Phase.STANDING and self.dialog:
            self._transfers.begin(target, self.dialog.local.uri, said, now)

    def report(self, status: int, now: int) -> None:
        """Tell the other end how it goes where it sent us; a final status is the last."""
        self._transfers.report(status, now)

    def hang_up(self, now: int, why: str = "we hung up", status: int = 200) -> None:
        """End it, wherever it is (section 15)."""
        if self.phase is Phase.INVITED:
            self.refuse(480, now, why=why)
        elif self.phase is Phase.INVITING:
            if self._ours is not None:
                self._agent.cancel(self._ours, now)  # else when it rings (section 9.1)
            self._over(487, why)
        elif self.phase is Phase.STANDING:
            if self._acceptance.response is not None:  # section 15: not before the ACK, or its time is over
                self._leaving = why, status
                return
            self._end_changes(now)
            self._request("BYE", Purpose.BYE, now)
            self._over(status, why)

    def retried(self, purpose: Purpose, request: Request, key: Key) -> None:
        """A request of ours went out again with what was found missing: a password, a longer interval."""
        if purpose is Purpose.CALL:
            self._invite, self._early = request, EarlyDialogs()
        if purpose in (Purpose.CALL, Purpose.OFFER, Purpose.REFRESH):
            self._ours = key
        if self.dialog is not None:
            self.dialog.local_number = max(self.dialog.local_number, request.cseq.sequence)
        else:
            self._early.retried(request)

    # What comes from the other end

    def acknowledged(self, ack: Request, now: int) -> None:
        """An ACK to our 2xx."""
        if not self._acceptance.acknowledged(ack):
            return
        offered = self._acceptance.offered
        self._acceptance.end()
        if self._leaving:
            self.hang_up(now, *self._leaving)
            return
        try:
            answer = described(ack) if offered else None
        except InputError:
            answer = None
        if offered and answer is None:
            self.hang_up(now, "the ACK has no answer to our offer", 488)
            return
        self._agent.tell(events.Acknowledged(self.name, answer))

    def asked(self, request: Request, key: Key, now: int) -> None:
        """A request in the dialog, but no ACK and no CANCEL."""
        dialog = self.dialog_of(request)
        assert dialog is not None
        if not dialog.counts(request):  # section 12.2.2
            self._agent.answer(key, sip.respond(request, 500), now)
            return
        handler = self._ON_REQUEST.get(request.method)
        if handler is None:
            self._agent.answer(key, sip.respond(request, 405, self._introduction()), now)
        else:
            handler(self, request, key, now)

    def responded(self, purpose: Purpose, request: Request, response: Response, now: int) -> None:
        """A response to a request of ours. What wants a password was tried again before."""
        if purpose is Purpose.CALL:
            self._call_responded(request, response, now)
        elif purpose in (Purpose.OFFER, Purpose.REFRESH):
            self._offer_responded(purpose, request, response, now)
        elif purpose is Purpose.REPORT and response.code >= 300:  # RFC 6665: it wants no more of them
            self._transfers.unwatched()
        elif response.code >= 200 and purpose not in (Purpose.BYE, Purpose.REPORT):
            if purpose is Purpose.TRANSFER and response.code >= 300:
                self._transfers.goes(response.code, True, now)
            if purpose is Purpose.PROBE and response.code not in GONE:
                self._agent.tell(events.Present(self.name))
            self._check_alive(request, response.code, now)

    def failed(self, purpose: Purpose, request: Request, why: str, now: int) -> None:
        """Nobody answered: as if 408 had come (section 8.1.3.1), which says ``why``."""
        response = sip.respond(request, 408)
        response.phrase = why
        self.responded(purpose, request, response, now)

    def _reinvited(self, request: Request, key: Key, now: int) -> None:
        """Section 14.2."""
        if (refusal := self._against(request)) is not None:
            self._agent.answer(key, refusal, now)
            return
        if self._acceptance.response is not None:  # it knows our 2xx, with the answer: the ACK was lost, or overtaken
            self._acceptance.end()
            if self._leaving:
                self._agent.answer(key, sip.respond(request, 487), now)
                self.hang_up(now, *self._leaving)
                return
            self._agent.tell(events.Acknowledged(self.name))
        self._invite, self._asked = request, key
        self._due["unanswered"] = now + self._agent.timers.whole
        self._agent.tell(events.Offered(self.name, described(request)))

    def _updated(self, request: Request, key: Key, now: int) -> None:
        """UPDATE (RFC 3311, section 5.2): a change that is answered at once, or a sign of life (RFC 4028)."""
        if (refusal := self._against(request)) is not None:
            self._agent.answer(key, refusal, now)
            return
        self._update = request, key
        offer = described(request)
        if offer is None:
            self._answer_update(200, None, now)
        else:
            self._due["unanswered"] = now + self._agent.timers.whole
            self._agent.tell(events.Offered(self.name, offer))

    def _answer_update(self, status: int, description: Description | None, now: int) -> None:
        assert self._update is not None
        (request, key), self._update = self._update, None
        self._due.pop("unanswered", None)
        headers = [*self._introduction()]
        if status < 300 and self.phase is Phase.STANDING and request.headers.get("Session-Expires"):
            session, more = session_timers.answered(request, self._agent.session_seconds)
            headers += more
            self._refreshed(session, now)
        body = b""
        if description is not None:
            headers.append(("Content-Type", SDP))
            self._description, body = description, description.encode().encode()
        self._agent.answer(key, sip.respond(request, status, headers, body, tag=self.tag), now)

    def _against(self, request: Request) -> Response | None:
        """What a change is refused with, if it is: one of theirs has no answer yet (500), or one of ours (glare, 491),
        or it cannot be read, or comes before our call was accepted: the sound before it stays as it was answered (488).
        Else the other end is where it says from here on.
        """
        if request.method == "INVITE" or request.body:  # another UPDATE changes nothing that could be in the way
            open_of_theirs = self._asked is not None or self._update is not None
            early = self.phase is Phase.INVITING
            if open_of_theirs or not (early or self.phase is Phase.STANDING):
                wait = str(self._agent.random.randrange(0, 11))
                return sip.respond(request, 500, [("Retry-After", wait)])
            if early and request.method == "UPDATE" and sip.sender(request).tag in self._settled:
                return sip.respond(request, 488)
            if self._ours is not None or (self._acceptance.response is not None and self._acceptance.offered):
                return sip.respond(request, 491)
        try:
            described(request)
            short = session_timers.too_short(request)
        except InputError:
            return sip.respond(request, 488)
        if short:
            return sip.respond(request, 422, [("Min-SE", str(session_timers.LEAST))])
        dialog = self.dialog_of(request)
        assert dialog is not None
        dialog.refresh(request)
        return None

    def disconnected(self, flow: Flow) -> None:
        """The connection that ``flow`` was, opened by them, is no more."""
        if self.dialog is not None and self.dialog.behind == flow:
            self.dialog.behind = None

    def dialog_of(self, request: Request) -> Dialog | None:
        """The dialog of this call that a request of the other end belongs to, be it an early one."""
        if self.dialog is not None and self.dialog.matches(request):
            return self.dialog
        return self._early.of(request) if self.phase is Phase.INVITING else None

    def _bye(self, request: Request, key: Key, now: int) -> None:
        """Section 15.1.2."""
        self._agent.answer(key, sip.respond(request, 200), now)
        self._end_changes(now)
        self._over(200, "they hung up")

    def _info(self, request: Request, key: Key, now: int) -> None:
        """Of packages none is taken (RFC 6086, section 4.2.2); what names none is an INFO of old: a key, or nothing
        that is understood (RFC 2976, section 2.2).
        """
        kind = sip.media_type(request)
        if request.headers.get("Info-Package") is not None:
            self._agent.answer(key, sip.respond(request, 469, [("Recv-Info", "")]), now)
        elif request.body and kind not in INFO_TYPES:
            self._agent.answer(key, sip.respond(request, 415, [("Accept", ", ".join(INFO_TYPES))]), now)
        else:
            self._agent.answer(key, sip.respond(request, 200), now)
            if request.body:
                self._agent.tell(events.Informed(self.name, kind, request.body))

    def _options(self, request: Request, key: Key, now: int) -> None:
        self._agent.answer(key, sip.respond(request, 200, [*self._introduction(), ("Accept", SDP)]), now)

    def _prack(self, request: Request, key: Key, now: int) -> None:
        """RFC 3262, section 3."""
        if not self._ringing.acknowledged(request):
            self._agent.answer(key, sip.respond(request, 481), now)
            return
        # An offer in it is none that we would answer (section 5); the ringing is acknowledged all the same.
        self._agent.answer(key, sip.respond(request, 488 if request.body else 200), now)
        self._ringing.go_on(now)

    def _refer(self, request: Request, key: Key, now: int) -> None:
        if self.phase is Phase.STANDING:
            self._transfers.referred(request, key, now, self._introduction())
        else:
            self._agent.answer(key, sip.respond(request, 603), now)

    def _notify(self, request: Request, key: Key, now: int) -> None:
        self._transfers.notified(request, key, now)

    # Responses to our INVITEs

    def _call_responded(self, request: Request, response: Response, now: int) -> None:
        if response.code < 200:
            self._progressed(request, response, now)
        elif response.code < 300:
            self._accepted_by(request, response, now)
        elif self.phase is Phase.INVITING:
            self._ours = None
            self._over(response.code, refusals.in_words(response))

    def _progressed(self, request: Request, response: Response, now: int) -> None:
        if self.phase is Phase.OVER and self._ours is not None:
            self._agent.cancel(self._ours, now)
        tag = sip.recipient(response).tag
        if response.code == 100 or self.phase is not Phase.INVITING or not tag:
            return
        pracks = self._early.note(request, response, tag, self._behind())
        if pracks is None:
            return
        for prack, flow in pracks:
            self._agent.send(self, Purpose.OTHER, prack, flow, now)
        try:
            answer = described(response)
        except InputError:
            answer = None
        if answer is not None:
            self._answers.setdefault(tag, answer)  # section 13.2.1: the first one is the answer
            if pracks:
                self._settled.add(tag)
        self._agent.tell(events.Progress(self.name, response.code, answer))

    def _accepted_by(self, request: Request, response: Response, now: int) -> None:
        """A 2xx (section 13.2.2.4): each is acknowledged; of several only the first is a call."""
        tag = sip.recipient(response).tag
        if tag in self._acks:
            self._agent.again(*self._acks[tag])
            return
        if len(self._acks) >= MOST_FORKS:
            return
        dialog, reachable = Dialog.accepted(request, response, self._behind())
        dialog.local_number = max(dialog.local_number, self._early.number)
        self._acknowledge(dialog, request, tag)
        if self.phase is not Phase.INVITING or not reachable:  # a fork, or we had left: goodbye
            bye, flow = dialog.request("BYE")
            self._agent.send(self, Purpose.BYE, bye, flow, now)
            if self.phase is Phase.INVITING:
                self._over(502, "it was accepted by somebody without an address")
            return
        self.dialog, self._ours, self.phase = dialog, None, Phase.STANDING
        self._due.pop("ringing", None)
        self._refreshed(session_timers.agreed(response), now)
        try:
            answer = described(response)
        except InputError:
            answer = None
        if answer is None and not response.body:
            answer = self._answers.get(tag)
        if answer is None:
            self.hang_up(now, "no answer to our offer", 488)
            return
        self._agent.tell(events.Answered(self.name, answer))

    def _offer_responded(self, purpose: Purpose, request: Request, response: Response, now: int) -> None:
        """To a re-INVITE (section 14.1)."""
        if response.code < 200 or self.dialog is None:
            if self.phase is Phase.OVER and self._ours is not None:
                self._agent.cancel(self._ours, now)
            return
        self._ours, number = None, f"re {request.cseq.sequence}"
        if response.code < 300:
            if number in self._acks:
                self._agent.again(*self._acks[number])
                return
            self.dialog.refresh(response)
            self._acks = {tag: ack for tag, ack in self._acks.items() if not tag.startswith("re ")}
            self._acknowledge(self.dialog, request, number)
            if self.phase is Phase.STANDING:
                self._offer_taken(response, now)
        elif self.phase is not Phase.STANDING:
            return
        elif response.code == 491:  # section 14.1: who made the call waits longer
            least, most = (2100, 4000) if self._flow else (0, 2000)
            self._pending = (self._description, purpose)
            wait = self._agent.random.randrange(least, most, 10)
            self._due["retry"] = now + wait * MILLISECOND
        else:
            if purpose is Purpose.OFFER:
                self._agent.tell(events.NotChanged(self.name, response.code))
            else:
                self._refresh_later(now)
            self._check_alive(request, response.code, now)

    def _offer_taken(self, response: Response, now: int) -> None:
        self._refreshed(session_timers.agreed(response), now)
        try:
            answer = described(response)
        except InputError:
            answer = None
        self._agent.tell(events.Changed(self.name, answer))

    # What they share

    def _accept(self, invite: Request, description: Description, now: int) -> None:
        """200 to an INVITE or re-INVITE, which begins to be repeated."""
        session, headers = session_timers.answered(invite, self._agent.session_seconds)
        response = self._response(200, description, headers)
        self._description, self._acceptance.offered = description, not invite.body
        self._acceptance.begin(response, now)
        self._answer(response, now)
        self._accepted_key, self._asked = self._asked or (), None
        self._due.pop("unanswered", None)
        self._refreshed(session, now)

    def _reinvite(self, description: Description | None, purpose: Purpose, now: int) -> bool:
        busy = self._ours or self._asked or self._update or self._acceptance.response or self._pending
        if self.phase is not Phase.STANDING or busy or description is None or self._leaving:
            return False
        self._description = description
        refresher = "" if self._session is None else "uac" if self._session.ours else "uas"
        interval = self._session.interval if self._session else self._agent.session_seconds
        headers = [*self._introduction(), *session_timers.wish(interval, refresher), ("Content-Type", SDP)]
        self._ours = self._request("INVITE", purpose, now, headers, description.encode().encode())
        return True

    def _request(self, method: str, purpose: Purpose, now: int, headers: Headers = (), body: bytes = b"") -> Key:
        assert self.dialog is not None
        if method == "REFER":  # RFC 3515, section 2.2: with a Contact
            headers = [*self._introduction(), *headers]
        made, flow = self.dialog.request(method, headers, body)
        return self._agent.send(self, purpose, made, flow, now)

    def _ask(self, method: str, purpose: Purpose, now: int, headers: Headers, body: bytes) -> None:
        self._request(method, purpose, now, headers, body)

    def _acknowledge(self, dialog: Dialog, invite: Request, name: str) -> None:
        ack, flow = dialog.request("ACK", self._proof(invite), number=invite.cseq.sequence)
        self._acks[name] = self._agent.acknowledge(ack, flow), flow

    def _proof(self, invite: Request) -> Headers:
        """An ACK has the credentials of its INVITE (section 22.1)."""
        names = ("Authorization", "Proxy-Authorization")
        return [(name, value) for name in names for value in invite.headers.getlist(name)]

    def _response(self, status: int, description: Description | None, headers: Headers = ()) -> Response:
        assert self._invite is not None
        more = [*self._introduction(), *headers] if 101 <= status < 300 else [*headers]
        if description is None:
            return sip.respond(self._invite, status, more, tag=self.tag)
        body = description.encode().encode()
        return sip.respond(self._invite, status, [*more, ("Content-Type", SDP)], body, tag=self.tag)

    def _answer(self, response: Response, now: int) -> None:
        if self._asked is not None:
            self._agent.answer(self._asked, response, now)

    def _introduction(self) -> Headers:
        return self._agent.introduction(self._flow or self.source)

    def _behind(self) -> Flow | None:
        return self._flow if self._flow is not None and self._flow.reliable else None

    def _refreshed(self, session: SessionTimer | None, now: int) -> None:
        self._session = session
        for name in ("refresh", "expire"):
            self._due.pop(name, None)
        if session is not None:
            self._due["expire"] = session.ends_at(now)
            if session.ours:
                self._due["refresh"] = session.refresh_at(now)

    def _check_alive(self, request: Request, status: int, now: int) -> None:
        """The other end does not know the call, or is not there (section 12.2.1.2); a telephone that did not get the
        call need not know it.
        """
        if status not in GONE or self.phase is not Phase.STANDING:
            return
        if self.dialog is not None and self.dialog.remote.tag == sip.recipient(request).tag:
            self._acceptance.end()
            self.hang_up(now, "the other end is gone", status)

    def _end_changes(self, now: int) -> None:
        """Whatever is asked by either end and not answered yet ends with the call."""
        if self._ours is not None:  # else nobody would be waited for without an end
            self._agent.cancel(self._ours, now)
        if self._update is not None:
            self._answer_update(487, None, now)
        if self._asked is not None:
            self._answer(self._response(487, None), now)

    def _over(self, status: int, why: str) -> None:
        if self.phase is Phase.OVER:
            return
        self.phase, self._asked, self._update = Phase.OVER, None, None
        self._acceptance.end()
        self._ringing.forget()
        self._transfers.end()
        self._due.clear()
        self._agent.tell(events.Ended(self.name, status, why))

    # Timers

    def _rang_out(self, now: int) -> None:
        self.hang_up(now, "nobody answered", 408)

    def _expired(self, now: int) -> None:
        self.refuse(487, now, why="the invitation expired")

    def _retry(self, now: int) -> None:
        if self._pending is not None:
            (description, purpose), self._pending = self._pending, None
            if purpose is Purpose.REFRESH:  # of the session as it is by now
                self._refresh(now)
            elif not self._reinvite(description, purpose, now):
                self._agent.tell(events.NotChanged(self.name, 491))

    def _unanswered(self, now: int) -> None:
        """Our owner said nothing to an offer."""
        self.disagree(500, now)

    def _refresh(self, now: int) -> None:
        if not self._reinvite(self._description, Purpose.REFRESH, now):
            self._due["refresh"] = now + self._agent.timers.t2

    def _refresh_later(self, now: int) -> None:
        """It was refused for the moment (RFC 4028, section 10: only 408 and 481 end the call): once more at half of
        what is left, for as long as anything is.
        """
        left = self._due.get("expire", now) - now
        if left > 0:
            self._due["refresh"] = now + max(self._agent.timers.t2, left // 2)

    def _expire(self, now: int) -> None:
        self._acceptance.end()
        self.hang_up(now, "the session was not refreshed", 408)

    _ON_TIME: ClassVar[dict[str, Callable[[Call, int], None]]] = {
        "ringing": _rang_out,
        "expires": _expired,
        "retry": _retry,
        "refresh": _refresh,
        "unanswered": _unanswered,
        "expire": _expire,
    }
    _ON_REQUEST: ClassVar[dict[str, Callable[[Call, Request, Key, int], None]]] = {
        "INVITE": _reinvited,
        "UPDATE": _updated,
        "BYE": _bye,
        "INFO": _info,
        "OPTIONS": _options,
        "PRACK": _prack,
        "REFER": _refer,
        "NOTIFY": _notify,
    }
