"""Who comes from Twilio: its own library signs, and writes the instructions that ours are held against."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator  # pyright: ignore[reportMissingTypeStubs]
from twilio.twiml.voice_response import Connect, Dial, VoiceResponse  # pyright: ignore[reportMissingTypeStubs]

from duologue.clock import SECOND
from duologue.phone.turned_away import AwayReason
from duologue.phone.twilio.voice import (
    MAX_FIELDS,
    MOST_TICKETS,
    TICKET_NS,
    VOICE,
    ForgedError,
    TwilioDoor,
    connect,
    dial,
    is_signed,
    reject,
    signature,
    spellings,
)

TOKEN = "the auth token of 32 characters!"
URL = "https://talk.example.org"
FORM = {"AccountSid": "AC1", "CallSid": "CA1", "From": "+4930123", "To": "+4940456", "CallerName": "Jane & Co"}


def signed(url: str, form: dict[str, str] | None = None, token: str = TOKEN) -> str:
    validator: Any = RequestValidator(token)
    return validator.compute_signature(url, form or {})


def door(**kept: str) -> TwilioDoor:
    numbers = iter(range(10**6))
    return TwilioDoor(TOKEN, kept.pop("url", URL), kept.pop("account", ""), address=lambda: f"t{next(numbers)}")


def asked(door: TwilioDoor, form: dict[str, str] = FORM, query: str = "", given: str | None = None) -> str:
    url = f"{URL}/phone/twilio/voice" + (f"?{query}" if query else "")
    body = urlencode(form).encode()
    return door.admit(door.ask(query, body, signed(url, form) if given is None else given), 0)


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)


@given(
    st.dictionaries(NAMES, st.lists(NAMES, min_size=1, max_size=3), max_size=5),
    st.sampled_from([URL, f"{URL}:8443/a?b=c"]),
)
def test_signatures_are_those_of_their_library(fields: dict[str, list[str]], url: str) -> None:
    class Fields(dict[str, list[str]]):
        def getlist(self, name: str) -> list[str]:
            return self[name]

    validator: Any = RequestValidator(TOKEN)
    ours = signature(TOKEN, url, fields)
    assert ours == validator.compute_signature(url, Fields(fields))
    for spelling in spellings(url):
        assert validator.validate(url, Fields(fields), signature(TOKEN, spelling, fields))
    assert is_signed(TOKEN, spellings(url), fields, ours) and not is_signed("other", spellings(url), fields, ours)


def test_the_example_of_their_documents() -> None:
    """From their page on security; the fields are a form's."""
    form = {
        "Digits": "1234", "To": "+18005551212", "From": "+14158675309", "Caller": "+14158675309",
        "CallSid": "CA1234567890ABCDE",
    }  # fmt: skip
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signature("12345", url, {name: [value] for name, value in form.items()}) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def same(ours: str, theirs: VoiceResponse) -> bool:
    return ElementTree.canonicalize(ours) == ElementTree.canonicalize(str(theirs))


def test_instructions_are_those_of_their_library() -> None:
    stream: Any = VoiceResponse()
    verb: Any = Connect()
    verb.stream(url='wss://talk.example.org/a?b=1&c="<2>"')
    stream.append(verb)
    assert same(connect('wss://talk.example.org/a?b=1&c="<2>"'), stream)
    busy: Any = VoiceResponse()
    busy.reject(reason="busy")
    assert same(reject(), busy)
    number: Any = VoiceResponse()
    number.dial("+4930123")
    assert same(dial("+4930123"), number)
    to_sip: Any = VoiceResponse()
    sip: Any = Dial()
    sip.sip("sip:200@pbx.example?x-a=1&x-b=2")
    to_sip.append(sip)
    assert same(dial("sip:200@pbx.example?x-a=1&x-b=2"), to_sip)


def test_a_call_is_led_to_a_stream_of_its_own_that_holds_once() -> None:
    it = door()
    assert 'url="wss://talk.example.org/phone/twilio/stream/t0"' in asked(it)
    stream = f"wss://talk.example.org{'/phone/twilio/stream/t0'}"
    for wrong in ("", "x", signed(stream, token="another"), signed("wss://evil.example/phone/twilio/stream/t0")):
        with pytest.raises(ForgedError, match="not signed"):
            it.enter("t0", wrong, SECOND)
    found = it.enter("t0", signed(stream), SECOND)
    assert (found.call, found.caller, found.called, found.display) == ("CA1", "+4930123", "+4940456", "Jane & Co")
    with pytest.raises(ForgedError, match="no call leads"):
        it.enter("t0", signed(stream), SECOND)  # replayed
    assert it.refused == {AwayReason.PASSWORD: 4, AwayReason.REQUEST: 1}


@pytest.mark.parametrize("spelt", ["wss://talk.example.org:443{}", "wss://talk.example.org{}/"])
def test_a_stream_may_be_signed_as_their_back_ends_spell_it(spelt: str) -> None:
    it = door()
    asked(it)
    assert it.enter("t0", signed(spelt.format("/phone/twilio/stream/t0")), 0).call == "CA1"


def test_an_address_of_a_stream_grows_old_and_is_replaced() -> None:
    it = door()
    asked(it)
    asked(it)  # Twilio asked again for the same call
    stream = "wss://talk.example.org/phone/twilio/stream/{}"
    with pytest.raises(ForgedError):
        it.enter("t0", signed(stream.format("t0")), 0)
    with pytest.raises(ForgedError):
        it.enter("t1", signed(stream.format("t1")), TICKET_NS + 1)
    for number in range(MOST_TICKETS + 1):
        asked(it, FORM | {"CallSid": f"CB{number}"})
    with pytest.raises(ForgedError):
        it.enter("t2", signed(stream.format("t2")), 0)
    assert it.enter("t3", signed(stream.format("t3")), 0).call == "CB1"


@pytest.mark.parametrize(
    ("body", "given", "reason"),
    [
        (urlencode(FORM), "", AwayReason.PASSWORD),
        (urlencode(FORM), "ünsigned", AwayReason.PASSWORD),
        (urlencode(FORM | {"From": "+1"}), None, AwayReason.PASSWORD),
        (urlencode({f"f{n}": "" for n in range(MAX_FIELDS + 1)}), "x", AwayReason.REQUEST),
        (b"\xff\xfe", "x", AwayReason.REQUEST),
        ("a=%ff", "x", AwayReason.REQUEST),
    ],
)
def test_forged_requests_are_named_and_counted(body: str | bytes, given: str | None, reason: AwayReason) -> None:
    it = door()
    good = signed(f"{URL}/phone/twilio/voice", FORM)
    with pytest.raises(ForgedError):
        it.ask("", body if isinstance(body, bytes) else body.encode(), good if given is None else given)
    assert it.refused == {reason: 1}


def test_the_account_is_held_to_and_a_call_must_be_named() -> None:
    other = door(account="AC2")
    with pytest.raises(ForgedError, match="another account"):
        asked(other)
    assert other.refused == {AwayReason.SOURCE: 1}
    with pytest.raises(ForgedError, match="names no call"):
        asked(door(), {"From": "+1"})
    assert asked(door(), query="line=1")


@given(st.binary(max_size=300), st.text(max_size=40), st.text(st.characters(codec="ascii"), max_size=20))
def test_garbage_is_refused_in_words(body: bytes, given: str, query: str) -> None:
    with pytest.raises(ForgedError):
        door().ask(query, body, given)


@given(st.text(max_size=20), st.text(max_size=40))
def test_guessed_streams_are_refused_in_words(ticket: str, given: str) -> None:
    it = door()
    asked(it)
    with pytest.raises(ForgedError):
        it.enter(ticket, given, 0)


@pytest.mark.parametrize(
    ("public", "signed"),
    [
        ("https://Example.ORG", "https://Example.ORG:443"),
        ("https://Example.ORG:8443", "https://Example.ORG"),
        ("http://user:pa%40ss@example.org", "http://user:pa%40ss@example.org:80"),
        ("https://[2001:DB8::1]", "https://[2001:DB8::1]:443"),
    ],
)
def test_with_or_without_its_port_the_rest_of_an_address_is_as_it_was_written(public: str, signed: str) -> None:
    form = {"CallSid": "CA1", "From": "+4930123456", "To": "ü & ="}
    validator: Any = RequestValidator("secret")
    given = validator.compute_signature(f"{signed}{VOICE}?a=%20b", form)
    assert TwilioDoor("secret", public).ask("a=%20b", urlencode(form).encode(), given).call == "CA1"
