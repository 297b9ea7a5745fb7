"""By what a caller is known again, and who is nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_world import line, on_loopback, options, sdp, telephone

from duologue.clock import VirtualClock
from duologue.phone.caller_address import LONGEST, known_address
from duologue.phone.line.line import LineProcess
from duologue.phone.line.messages import LineSetup
from duologue.phone.sip.call_events import Incoming
from duologue.phone.sip.header_fields import NameAddress
from duologue.phone.sip.transactions import Flow


@pytest.mark.parametrize(
    ("uri", "known"),
    [
        ("sip:+4930123456@pbx.example;user=phone", "+4930123456"),
        ("sip:+49-30-123.456@10.0.0.5:5060;transport=tcp", "+4930123456"),
        ("SIPS:%2B4930123456;npdi@Pbx.Example", "+4930123456"),
        ("tel:+1-201-555-0123;ext=3", "+12015550123"),
        ("sip:16@PBX.example:5070;x=y?a=b", "sip:16@pbx.example"),
        ("sips:ada:secret@pbx.example.", "sip:ada@pbx.example"),
        ("sip:Ada.Byron@[2001:DB8::1]:5060", "sip:Ada.Byron@[2001:db8::1]"),
        ("sip:030123456@pbx.example", "sip:030123456@pbx.example"),  # a PBX's own number
    ],
)
def test_one_who_says_so_is_known(uri: str, known: str) -> None:
    assert known_address(uri) == known


@pytest.mark.parametrize(
    "uri",
    [
        "sip:anonymous@anonymous.invalid", "sip:Anonymous@pbx.example", "sip:16@anonymous.invalid", "sip:pbx.example",
        "sip:@pbx.example", "sip:unknown@10.0.0.5", "sip:16@", "tel:16", "tel:030123;phone-context=+49", "tel:", "",
        "tel:+266696687", "sip:+266696687@sip.twilio.com", "sip:a b@pbx.example", "sip:a%00b@pbx.example", "client:ada",
        f"sip:{'a' * LONGEST}@pbx.example", "16", "tel:+12", "tel:+" + "1" * 16, "sip:%20@pbx.example", "sip:a@b c",
    ],
)  # fmt: skip
def test_one_who_does_not_is_nobody(uri: str) -> None:
    assert known_address(uri) == ""


@given(st.one_of(st.text(max_size=200), st.text(max_size=60).map("sip:{}@a".format), st.text().map("tel:{}".format)))
def test_whatever_is_said_is_an_address_or_nobody(uri: str) -> None:
    found = known_address(uri)
    assert len(found) <= LONGEST and found.isprintable()
    assert not found or known_address(found if found.startswith("sip:") else f"tel:{found}") == found


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        ((), "sip:me@127.0.0.1"), (("Privacy: none",), "sip:me@127.0.0.1"),
        (("Privacy: session;critical",), "sip:me@127.0.0.1"),
        (("Privacy: id",), ""), (("Privacy: critical; User",), ""), (("Privacy: session", "Privacy: header"), ""),
    ],
)  # fmt: skip
def test_a_line_tells_who_calls_unless_they_would_not_be_known(headers: tuple[str, ...], known: str) -> None:
    async def story() -> str:
        async with line() as world, telephone(world.port) as one:
            one.request("INVITE", sdp(one.sound_port, "0 PCMU/8000"), *headers)
            await world.until(lambda: world.offered)
            return world.offered[0].address

    assert on_loopback(story()) == known


async def test_who_proved_a_password_is_known_by_that_whatever_they_call_themselves() -> None:
    plan = LineSetup(options=options(realm="pbx.example", passwords={"ada": "secret"}))
    process = LineProcess(plan, VirtualClock(), lambda report: None)
    event = Incoming("c", NameAddress("sip:+4930123456@there"), "16", None, Flow("UDP", "127.0.0.1", 5060))

    def address(**more: Any) -> str:
        return process._address(replace(event, **more))  # pyright: ignore[reportPrivateUsage]

    assert address() == "+4930123456"
    assert address(user="ada") == "sip:ada@pbx.example"
    assert address(user="ada", private=True) == ""
