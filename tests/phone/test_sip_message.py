"""Framing and values: what sipmessage leaves to us, and what it misreads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sipmessage import Address, Request

from duologue.errors import InputError
from duologue.phone.sip import message as sip
from duologue.phone.sip.dialogs import flow_to
from duologue.phone.sip.header_fields import NameAddress, Via, listed, uri_of


def _message(number: int, body: bytes = b"") -> bytes:
    made = sip.request(
        "INFO",
        uri_of("sip:a@example.com"),
        [
            ("Via", f"SIP/2.0/TCP h.example.com;branch=z9hG4bK{number}"),
            ("From", "<sip:b@example.com>;tag=1"),
            ("To", "<sip:a@example.com>"),
            ("Call-ID", f"call{number}"),
            ("CSeq", f"{number} INFO"),
        ],
        body,
    )
    return sip.write(made)


@given(st.lists(st.integers(1, 60)), st.binary(max_size=60))
def test_a_stream_says_the_same_however_it_is_chopped(sizes: list[int], body: bytes) -> None:
    data = _message(1, body) + sip.KEEP_ALIVE + _message(2) + b"\r\n" + _message(3, body)
    reader, found, place = sip.StreamReader(), list[sip.Message | sip.KeepAlive](), 0
    for size in [*sizes, len(data)]:
        found += reader.feed(data[place : place + size])
        place += size
    kinds = [one.call_id if isinstance(one, Request) else one for one in found]
    assert kinds == ["call1", sip.KeepAlive(), "call2", "call3"]
    assert [one.body for one in found if isinstance(one, Request)] == [body, b"", body]


@pytest.mark.parametrize(
    "data",
    [
        b"x" * (sip.MAX_HEAD + 1),
        _message(1).replace(b"Content-Length: 0\r\n", b""),
        _message(1).replace(b"Content-Length: 0", b"Content-Length: 999999"),
    ],
)
def test_a_stream_that_cannot_be_framed_is_given_up(data: bytes) -> None:
    with pytest.raises(sip.MalformedError):
        sip.StreamReader().feed(data)


def test_an_address_is_not_what_a_parameter_of_it_says() -> None:
    value = '"Alice" <sip:alice@example.com>;x="<sip:mallory@example.net>;y=";z=""'
    assert Address.parse(value).uri.user == "mallory", "sipmessage was mended: this reader may go"
    assert NameAddress.parse(value).target.user == "alice"


def test_two_quoted_names_are_two_addresses() -> None:
    values = listed(['"A, \\"B\\"" <sip:a@example.com>;q=0.1, "C" <sip:c@example.com>'])
    assert [NameAddress.parse(value).name for value in values] == ['A, "B"', "C"]


def test_an_ipv6_source_may_be_noted_in_a_via() -> None:
    via = Via.parse("SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3-111")
    assert via.parameters["received"] == "2001:db8::9:255" and via.host == "[2001:db8::9:1]"
    assert Via.parse(str(via)) == via


@pytest.mark.parametrize("text", ["sip:a@b;self=1", "sip:", "SIP:a b@c", "mailto:a@b", "sip:a@b\n"])
def test_what_is_no_address_of_ours_is_a_documented_error(text: str) -> None:
    with pytest.raises(InputError):
        uri_of(text)


def test_the_scheme_is_read_in_any_case() -> None:
    assert uri_of("SIP:a@example.com").scheme == "sip"


@pytest.mark.parametrize(
    "text",
    [
        "sip:bob@example.com;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",  # RFC 5627, section 5.1
        "sip:bob@192.0.2.1;fs_path=sip%3A192.0.2.9%3Btransport%3Dtcp", "tel:911;phone-context=+1", "sip:%31%36@h",
    ],
)  # fmt: skip
def test_an_address_goes_on_the_wire_as_it_was_given(text: str) -> None:
    """Whoever gave it looks it up by its text; a colon that is escaped is another character (RFC 3261, 19.1.4)."""
    assert sip.write(sip.request("BYE", uri_of(text), ())).startswith(f"BYE {text} SIP/2.0\r\n".encode())


def test_names_of_parameters_are_read_in_any_case() -> None:  # RFC 3261, section 19.1.4
    uri = uri_of("sip:p1.example.com;Transport=TCP;LR")
    assert flow_to(uri).transport == "TCP" and "lr" in uri.parameters
