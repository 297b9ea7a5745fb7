"""Secrets for pages, and the keys that sockets bring as sub-protocols: values in, values out."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from duologue.app.realtime.messages import SessionFields
from duologue.clock import SECOND, VirtualClock
from duologue.tokens import Scope
from duologue.web import client_secrets
from duologue.web.client_secrets import ClientSecrets
from duologue.web.gate import Admit, Refuse, judge, protocol_key
from duologue.web.options import Grant, Key, WebOptions

GUEST = Grant("guest", frozenset({Scope.TALK}))


async def test_a_secret_is_good_for_its_time() -> None:
    clock = VirtualClock()
    secrets = ClientSecrets(clock)
    value, made = secrets.make(SessionFields(model="chad"), 60, GUEST)
    assert value.startswith("ek_") and secrets.find(value) is made
    assert made.expires_at == clock.wall() // SECOND + 60
    await clock.wait_until(clock.now() + 59 * SECOND)
    assert secrets.find(value) is made
    await clock.wait_until(clock.now() + 2 * SECOND)
    assert secrets.find(value) is None and secrets.find("") is None


def test_no_more_are_kept_than_there_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_secrets, "MOST_SECRETS", 3)
    secrets = ClientSecrets(VirtualClock())
    values = [secrets.make(SessionFields(), 60, GUEST)[0] for _ in range(5)]
    assert [secrets.find(value) is not None for value in values] == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("offered", "key"),
    [
        ("", ""),
        ("realtime", ""),
        ("realtime, openai-insecure-api-key.ek_abc, openai-agents-sdk.0.1", "ek_abc"),
        ("openai-insecure-api-key.", ""),
        ("openai-insecure-api-key.one,openai-insecure-api-key.two", "one"),
    ],
)
def test_a_key_stands_among_the_sub_protocols(offered: str, key: str) -> None:
    assert protocol_key(offered) == key


def test_who_shows_a_key_is_let_in_from_any_page_but_by_no_foreign_name() -> None:
    options = WebOptions(keys=(Key("guest-token", GUEST),))
    evil = {"host": "127.0.0.1", "origin": "https://page.example"}
    assert judge(options, "SOCKET", "/v1/realtime", "", evil, GUEST) == Admit(grant=GUEST)
    assert isinstance(judge(options, "SOCKET", "/v1/realtime", "", evil), Refuse)
    rebound = judge(options, "SOCKET", "/v1/realtime", "", {**evil, "host": "page.example"}, GUEST)
    assert isinstance(rebound, Refuse) and rebound.status is HTTPStatus.MISDIRECTED_REQUEST
