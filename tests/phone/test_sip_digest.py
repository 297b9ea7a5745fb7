"""Digest, both sides; httpx is the second opinion on the proof."""

from __future__ import annotations

import random

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.errors import InputError
from duologue.phone.sip.digest import NONCE_LIFE, Answers, Authority, Credentials, fields, response

URI = "sip:pbx.example.com"
KNOWN = Credentials("16", 'se"cret\\', "pbx")


def _answers(credentials: Credentials = KNOWN) -> Answers:
    return Answers([credentials], random.Random(1))


def _authority() -> Authority:
    return Authority("pbx", {"16": KNOWN.password}, random.Random(2))


def test_the_example_of_rfc_7616() -> None:  # section 3.9.1
    said = {
        "username": "Mufasa", "realm": "http-auth@example.org", "uri": "/dir/index.html", "nc": "00000001",
        "qop": "auth",
        "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    }  # fmt: skip
    assert response("MD5", "Circle of Life", "GET", said) == "8ca523f5e9506fed4657c9700eebdbec"
    expected = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
    assert response("SHA-256", "Circle of Life", "GET", said) == expected


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize("qop", [', qop="auth,auth-int"', ""])
def test_httpx_proves_the_same(algorithm: str, qop: str) -> None:
    challenge = f'Digest realm="pbx", nonce="n1", algorithm={algorithm}{qop}'
    auth = httpx.DigestAuth("16", "secret")
    request = httpx.Request("GET", "http://pbx.example.com/x")
    flow = auth.auth_flow(request)
    next(flow)
    flow.send(httpx.Response(401, headers={"www-authenticate": challenge}, request=request))
    _, theirs = fields(request.headers["authorization"])
    assert response(algorithm, "secret", "GET", theirs) == theirs["response"]
    answer = _answers(Credentials("16", "secret")).answer([challenge], "GET", "/x")
    assert answer is not None
    _, ours = fields(answer)
    assert ours["response"] == response(algorithm, "secret", "GET", ours) and ("qop" in ours) == ("qop" in theirs)


@given(st.text(min_size=1, max_size=20), st.text(max_size=20))
def test_who_knows_the_password_is_let_in_and_nobody_else(name: str, password: str) -> None:
    name, password = name.encode(errors="replace").decode(), password.encode(errors="replace").decode()
    authority = Authority("pbx", {name: password}, random.Random(2))
    for said, right in ((password, True), (password + "x", False)):
        answer = _answers(Credentials(name, said)).answer(authority.challenges(0), "INVITE", URI)
        assert answer is not None and authority.check([answer], "INVITE", URI, 1) == (name if right else "", False)


def test_the_strongest_challenge_is_answered() -> None:
    answer = _answers().answer(_authority().challenges(0)[::-1], "REGISTER", URI)
    assert answer is not None and fields(answer)[1]["algorithm"] == "SHA-256"


def test_a_challenge_that_cannot_be_answered_is_passed_over() -> None:  # RFC 7616, section 3.7
    challenges = [
        'Digest realm="pbx", nonce="a", qop="auth-int", algorithm=SHA-256',
        'Digest realm="pbx", nonce="b", qop="auth-int,auth", algorithm=MD5',
    ]
    answer = Answers([Credentials("16", "secret")], random.Random(1)).answer(challenges, "REGISTER", "sip:pbx")
    assert answer is not None and fields(answer)[1]["algorithm"] == "MD5"


def test_who_offers_one_algorithm_takes_no_other() -> None:
    only = Authority("pbx", {"16": KNOWN.password}, random.Random(2), ("MD5",))
    (challenge,) = only.challenges(0)
    assert fields(challenge)[1]["algorithm"] == "MD5"
    answer = _answers().answer([challenge], "INVITE", URI)
    assert answer is not None and only.check([answer], "INVITE", URI, 1) == ("16", False)
    forged = _answers().answer([challenge.replace("MD5", "SHA-256")], "INVITE", URI)
    assert forged is not None and only.check([forged], "INVITE", URI, 1) == ("", False)


def test_counts_of_a_nonce_grow_and_a_replay_is_stale() -> None:
    authority, answers = _authority(), _answers()
    challenges = authority.challenges(0)
    first, second = (answers.answer(challenges, "INVITE", URI) or "" for _ in range(2))
    assert fields(second)[1]["nc"] == "00000002"
    assert authority.check([first], "INVITE", URI, 1) == ("16", False)
    assert authority.check([first], "INVITE", URI, 1) == ("", True)
    assert authority.check([second], "INVITE", URI, 1) == ("16", False)


def test_an_old_nonce_is_stale_and_answered_again() -> None:
    authority, answers = _authority(), _answers()
    answer = answers.answer(authority.challenges(0), "INVITE", URI) or ""
    late = NONCE_LIFE + 2
    assert authority.check([answer], "INVITE", URI, late) == ("", True)
    again = answers.answer(authority.challenges(late, stale=True), "INVITE", URI, again=True) or ""
    assert authority.check([again], "INVITE", URI, late) == ("16", False)
    assert answers.answer(authority.challenges(late), "INVITE", URI, again=True) is None, "the password is wrong"


@pytest.mark.parametrize(("method", "uri"), [("BYE", URI), ("INVITE", "sip:other")])
def test_a_proof_is_for_one_method_and_address(method: str, uri: str) -> None:
    authority = _authority()
    answer = _answers().answer(authority.challenges(0), "INVITE", URI) or ""
    assert authority.check([answer], method, uri, 0) == ("", False)


def test_a_nonce_that_is_not_ours_proves_nothing() -> None:
    answer = _answers().answer(['Digest realm="pbx", nonce="0.0.0", qop="auth"'], "INVITE", URI) or ""
    assert _authority().check([answer], "INVITE", URI, 0) == ("", False)


@pytest.mark.parametrize(
    "challenge",
    ["Basic realm=x", "Digest", 'Digest realm="pbx"', 'Digest realm="pbx", nonce="1", algorithm=MD5-sess',
     'Digest realm="other", nonce="1"', 'Digest nonce="1", qop="auth-int", realm="pbx"', 'Digest realm="pbx'],
)  # fmt: skip
def test_what_cannot_be_answered_is_not(challenge: str) -> None:
    assert _answers().answer([challenge], "INVITE", URI) is None


@given(st.text(max_size=80))
def test_any_text_is_credentials_or_a_documented_error(text: str) -> None:
    try:
        fields(text)
    except InputError:
        pass
    assert _authority().check([f"Digest {text}", text], "INVITE", URI, 0) == ("", False)
