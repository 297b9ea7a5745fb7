"""Staying registered: renewal, passwords, a second registrar, and giving up for a while (RFC 3665, section 2)."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from sipmessage import Request, Response

from duologue.clock import SECOND
from duologue.errors import InputError
from duologue.phone.sip import message as sip
from duologue.phone.sip.call_events import Event, NotRegistered, NotRenewed, Registered
from duologue.phone.sip.digest import Authority, Credentials
from duologue.phone.sip.registration import FIRST_PAUSE, LONGEST_PAUSE, Account, Ask, Registration
from duologue.phone.sip.transactions import Flow

ONE, TWO = Flow("UDP", "192.0.2.1", 5060), Flow("TLS", "192.0.2.2", 5061)
CONTACT = "sip:16@192.0.2.9:5060"


def _account(*registrars: Flow, password: str = "secret") -> Account:
    return Account("llama", "16", "pbx.example.com", registrars or (ONE,), Credentials("16", password))


def _registration(*registrars: Flow, password: str = "secret") -> Registration:
    return Registration(_account(*registrars, password=password), lambda user, flow: CONTACT, random.Random(1))


def _asked(outputs: Sequence[Ask | Event]) -> Request:
    (ask,) = outputs
    assert isinstance(ask, Ask)
    return ask.request


def _answer(request: Request, code: int, *headers: tuple[str, str]) -> Response:
    request.headers.set("Via", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1")
    return sip.respond(request, code, headers, tag="r")


def test_it_is_renewed_before_it_expires_by_one_call_id_and_growing_numbers() -> None:
    registration = _registration()
    first = _asked(registration.start(0))
    contacts = f"<sip:99@192.0.2.77>;expires=3600, <{CONTACT}>;expires=100"
    (event,) = registration.responded(_answer(first, 200, ("Contact", contacts), ("Expires", "7")), 0)
    assert event == Registered("llama", 100, "192.0.2.1") and registration.deadline == 80 * SECOND
    assert registration.tick(80 * SECOND - 1) == []
    second = _asked(registration.tick(80 * SECOND))
    assert (second.call_id, second.cseq.sequence) == (first.call_id, first.cseq.sequence + 1)


@pytest.mark.parametrize(
    ("contact", "contacts", "seconds"),
    [
        (CONTACT, "<sip:16@192.0.2.9>;expires=60", 60),
        (CONTACT, "<sip:99@192.0.2.77>;expires=30, <sip:16@192.0.2.9>;expires=60", 60),
        ("sip:16@192.0.2.9:5061;transport=tls", "<sip:16@192.0.2.9;transport=tls>;expires=60, <sip:9@h>;expires=9", 60),
        (CONTACT, "<sip:16@198.51.100.7:31234>;expires=60", 60),  # as it is reached before the NAT
        (CONTACT, "<sip:16@198.51.100.7:31234>;expires=90, <sip:16@198.51.100.8:5060>;expires=60", 60),
        (CONTACT, "<sip:16@198.51.100.7:31234>;expires=60, <sip:16@198.51.100.7:31233>;expires=0", 60),
        (CONTACT, "<sip:16@198.51.100.7:31234>", 250),
        (CONTACT, "<sip:16@198.51.100.7:31234>, <sip:99@192.0.2.77>", 250),
    ],
)
def test_a_shorter_grant_counts_however_our_contact_comes_back(contact: str, contacts: str, seconds: int) -> None:
    registration = Registration(_account(), lambda user, flow: contact, random.Random(1))
    granted = _answer(_asked(registration.start(0)), 200, ("Contact", contacts), ("Expires", "250"))
    assert registration.responded(granted, 0) == [Registered("llama", seconds, "192.0.2.1")]


def test_a_password_is_proved_once_and_a_wrong_one_is_not_tried_again() -> None:
    authority = Authority("pbx", {"16": "secret"}, random.Random(3))
    for password, right in (("secret", True), ("wrong", False)):
        registration = _registration(password=password)
        challenges = [("WWW-Authenticate", one) for one in authority.challenges(0)]
        second = _asked(registration.responded(_answer(_asked(registration.start(0)), 401, *challenges), 0))
        values = second.headers.getlist("Authorization")
        assert bool(authority.check(values, "REGISTER", "sip:pbx.example.com", 0)[0]) == right
        if not right:
            (event,) = registration.responded(_answer(second, 401, *challenges), 0)
            assert isinstance(event, NotRegistered) and event.retry_at == LONGEST_PAUSE * SECOND


def test_a_stale_nonce_is_no_wrong_password() -> None:
    authority = Authority("pbx", {"16": "secret"}, random.Random(3))
    registration = _registration()
    challenges = [("Proxy-Authenticate", one) for one in authority.challenges(0)]
    second = _asked(registration.responded(_answer(_asked(registration.start(0)), 407, *challenges), 0))
    stale = [("Proxy-Authenticate", one) for one in authority.challenges(0, stale=True)]
    third = _asked(registration.responded(_answer(second, 407, *stale), 0))
    assert third.headers.get("Proxy-Authorization") != second.headers.get("Proxy-Authorization")


def test_who_finds_it_too_brief_is_asked_for_longer_once() -> None:
    registration = _registration()
    second = _asked(registration.responded(_answer(_asked(registration.start(0)), 423, ("Min-Expires", "900")), 0))
    assert second.headers["Expires"] == "900"
    (event,) = registration.responded(_answer(second, 423, ("Min-Expires", "1800")), 0)
    assert isinstance(event, NotRegistered)


def test_who_finds_it_too_brief_may_want_the_password_once_more() -> None:
    """An Asterisk looks at the password first: the longer wish had none, and was taken for a wrong one for half an
    hour.
    """
    registration, authority = _registration(), Authority("pbx", {"16": "secret"}, random.Random(3))
    challenges = [("WWW-Authenticate", one) for one in authority.challenges(0)]
    proved = _asked(registration.responded(_answer(_asked(registration.start(0)), 401, *challenges), 0))
    longer = _asked(registration.responded(_answer(proved, 423, ("Min-Expires", "900")), 0))
    assert longer.headers["Expires"] == "900"
    again = _asked(registration.responded(_answer(longer, 401, *challenges), 0))
    assert again.headers["Authorization"] and again.headers["Expires"] == "900"
    assert registration.responded(_answer(again, 200), 0) == [Registered("llama", 900, "192.0.2.1")]


@pytest.mark.parametrize("pause", [20, 600])
def test_a_registration_that_is_not_renewed_holds_until_it_runs_out(pause: int) -> None:
    registration = _registration()
    registration.responded(_answer(_asked(registration.start(0)), 200), 0)
    refused = _answer(_asked(registration.tick(240 * SECOND)), 503, ("Retry-After", str(pause)))
    retry_at = (240 + pause) * SECOND
    told = registration.responded(refused, 240 * SECOND)
    assert told == [NotRenewed("llama", 60, "192.0.2.1", 503, "503 Service Unavailable", retry_at)]
    assert registration.registered and registration.deadline == min(retry_at, 300 * SECOND)
    told = registration.tick(registration.deadline or 0)
    if pause == 20:
        assert registration.responded(_answer(_asked(told), 200), retry_at) == [Registered("llama", 300, "192.0.2.1")]
    else:
        assert told == [NotRegistered("llama", 503, "503 Service Unavailable", retry_at)]
        assert not registration.registered and registration.deadline == retry_at
        assert _asked(registration.tick(retry_at)).method == "REGISTER"


@pytest.mark.parametrize("code", [None, 408])
def test_a_registrar_that_is_not_there_registers_nobody(code: int | None) -> None:
    """Whoever would be called by way of it is not."""
    registration = _registration()
    registration.responded(_answer(_asked(registration.start(0)), 200), 0)
    ask = _asked(registration.tick(240 * SECOND))
    (event,) = registration.responded(_answer(ask, code), 0) if code else registration.failed(240 * SECOND)
    assert isinstance(event, NotRegistered) and event.status == 408


@pytest.mark.parametrize("silent", [True, False])
def test_a_second_registrar_is_asked_when_the_first_is_gone(silent: bool) -> None:
    registration = _registration(ONE, TWO)
    ask = _asked(registration.start(0))
    (second,) = registration.failed(0) if silent else registration.responded(_answer(ask, 503), 0)
    assert isinstance(second, Ask) and second.flow == TWO
    (event,) = registration.responded(_answer(second.request, 200), 0)
    assert event == Registered("llama", 300, "192.0.2.2") and registration.flow == TWO


def test_attempts_grow_rare_and_never_stop() -> None:
    registration, now, waits = _registration(ONE, TWO), 0, list[float]()
    registration.start(0)
    for _ in range(12):
        assert isinstance(registration.failed(now)[0], Ask)
        (event,) = registration.failed(now)
        assert isinstance(event, NotRegistered) and event.retry_at is not None
        waits.append((event.retry_at - now) / SECOND)
        now = event.retry_at
        _asked(registration.tick(now))
    assert FIRST_PAUSE / 2 <= waits[0] <= FIRST_PAUSE and LONGEST_PAUSE / 2 <= waits[-1] <= LONGEST_PAUSE
    assert waits[6] > waits[0]


def test_a_busy_registrar_says_when() -> None:
    registration = _registration()
    (event,) = registration.responded(_answer(_asked(registration.start(0)), 503, ("Retry-After", "7 (soon)")), 0)
    assert isinstance(event, NotRegistered) and event.retry_at == 7 * SECOND


def test_it_unregisters_at_the_end_only_what_was_registered() -> None:
    registration = _registration()
    registration.responded(_answer(_asked(registration.start(0)), 200), 0)
    last = _asked(registration.stop(0))
    assert last.headers["Expires"] == "0"
    (event,) = registration.responded(_answer(last, 200), 0)
    assert isinstance(event, NotRegistered) and event.retry_at is None and registration.deadline is None
    assert _registration().stop(0) == []


@pytest.mark.parametrize("code", [401, 423, 503])
def test_what_a_renewal_would_renew_is_taken_back_whatever_becomes_of_it(code: int) -> None:
    """Each renewal is challenged anew: who was told to stop just then took that for the end of its registration."""
    registration = _registration()
    registration.responded(_answer(_asked(registration.start(0)), 200), 0)
    renewal = _asked(registration.tick(240 * SECOND))
    assert registration.stop(240 * SECOND) == []
    last = _asked(registration.responded(_answer(renewal, code), 240 * SECOND))
    assert last.headers["Expires"] == "0" and not registration.over
    registration.responded(_answer(last, 200), 240 * SECOND)
    assert registration.over


def test_an_account_that_cannot_be_is_named() -> None:
    with pytest.raises(InputError, match="no registrar"):
        Account("llama", "16", "pbx", ())


@pytest.mark.parametrize("code", [403, 404])
def test_a_pbx_that_forgot_its_accounts_for_a_moment_is_asked_again_soon(code: int) -> None:
    """One that is started anew may not have read them yet: nobody reached us for half an hour."""
    registration = _registration()
    registration.responded(_answer(_asked(registration.start(0)), 200), 0)
    now, waits = registration.deadline or 0, list[float]()
    for _ in range(12):
        (event,) = registration.responded(_answer(_asked(registration.tick(now)), code), now)
        assert isinstance(event, NotRegistered) and event.retry_at is not None and not registration.registered
        waits.append((event.retry_at - now) / SECOND)
        now = event.retry_at
    assert waits[0] <= FIRST_PAUSE and LONGEST_PAUSE / 2 <= waits[-1] <= LONGEST_PAUSE


@pytest.mark.parametrize("code", [403, 413, 486])
def test_a_registrar_that_says_when_to_come_again_is_believed(code: int) -> None:
    registration = _registration()
    answer = _answer(_asked(registration.start(0)), code, ("Retry-After", "45 (so much to do)"))
    (event,) = registration.responded(answer, 0)
    assert isinstance(event, NotRegistered) and event.retry_at == 45 * SECOND


def test_who_has_moved_says_so_and_that_nobody_is_there_any_more() -> None:
    here = ["sip:16@192.0.2.9"]
    registration = Registration(_account(), lambda user, flow: here[0], random.Random(1))
    registration.responded(_answer(_asked(registration.start(0)), 200), 0)
    assert not registration.moved
    here[0] = "sip:16@192.0.2.10"
    assert registration.moved
    ask = _asked(registration.start(SECOND))
    assert ask.headers["Contact"] == "<sip:16@192.0.2.10>, <sip:16@192.0.2.9>;expires=0" and not registration.moved
    both = "<sip:16@192.0.2.10>;expires=90"
    assert registration.responded(_answer(ask, 200, ("Contact", both)), 0) == [Registered("llama", 90, "192.0.2.1")]
    here[0] = "sip:16@192.0.2.11"
    assert _asked(registration.stop(2 * SECOND)).headers["Contact"] == "<sip:16@192.0.2.10>", "as the registrar has it"


def test_a_registrar_that_takes_no_two_contacts_is_given_one() -> None:
    here = ["sip:16@192.0.2.9"]
    registration = Registration(_account(), lambda user, flow: here[0], random.Random(1))
    registration.responded(_answer(_asked(registration.start(0)), 200), 0)
    here[0] = "sip:16@192.0.2.10"
    registration.responded(_answer(_asked(registration.start(SECOND)), 403, ("Retry-After", "1")), SECOND)
    assert _asked(registration.tick(2 * SECOND)).headers["Contact"] == "<sip:16@192.0.2.10>"


def test_who_finds_the_way_by_the_answer_is_registered_again_at_once() -> None:
    """Behind a name the registrar is found when it is asked, perhaps on another network than most are."""
    here = ["sip:16@192.0.2.9"]
    registration = Registration(_account(), lambda user, flow: here[0], random.Random(1))
    first = _asked(registration.start(0))
    here[0] = "sip:16@10.0.0.9"
    registration.responded(_answer(first, 200), 0)
    assert registration.deadline == SECOND
    assert _asked(registration.tick(SECOND)).headers["Contact"].startswith("<sip:16@10.0.0.9>, ")


def test_each_registrar_hears_how_it_reaches_us() -> None:
    registration = Registration(_account(ONE, TWO), lambda user, flow: f"sip:{user}@{flow.transport}", random.Random(1))
    first = _asked(registration.start(0))
    second = _asked(registration.failed(0))
    assert [each.headers["Contact"] for each in (first, second)] == ["<sip:16@UDP>", "<sip:16@TLS>"]
