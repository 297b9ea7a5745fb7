"""The torture messages of RFC 4475: read rightly, or refused with the status that the RFC wants. Bodies are shortened
where they are not the point; ``{length}`` stands for what they have."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sipmessage import Request, Response

from duologue.clock import SECOND
from duologue.errors import InputError
from duologue.phone.media.sdp import Description
from duologue.phone.sip import call_events as events
from duologue.phone.sip import message as sip
from duologue.phone.sip.header_fields import listed
from duologue.phone.sip.screening import LineOptions
from duologue.phone.sip.transactions import Flow
from duologue.phone.sip.user_agent import Transmit, UserAgent

BODY = (
    "v=0\r\no=mhandley 29739 7272939 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    "m=audio 49217 RTP/AVP 0 12\r\nm=video 3227 RTP/AVP 31\r\na=rtpmap:31 LPC\r\n"
)
COMMON = """To: sip:user@example.com
From: <sip:caller@example.org>;tag=33242
Max-Forwards: 70
Call-ID: torture.sdf0234n2nds0a099u23h3hnnw009
CSeq: 8 {method}
Via: SIP/2.0/UDP host4.example.com;branch=z9hG4bKkdju43234
"""

OPTIONS = "OPTIONS sip:user@example.com SIP/2.0"
INVITE = "INVITE sip:user@example.com SIP/2.0"
REGISTER = "REGISTER sip:example.com SIP/2.0"


def _wire(head: str, body: str = "") -> bytes:
    return (head.replace("{length}", str(len(body))).strip("\n").replace("\n", "\r\n") + "\r\n\r\n" + body).encode()


def _plain(start: str, method: str, more: str = "", leave: str = "") -> bytes:
    lines = [line for line in COMMON.format(method=method).splitlines() if not leave or not line.startswith(leave)]
    return _wire("\n".join([start, *lines, *filter(None, [more])]))


def _request(data: bytes) -> Request:
    message = sip.read(data)
    assert isinstance(message, Request)
    return message


def _refused(data: bytes) -> sip.MalformedError:
    with pytest.raises(sip.MalformedError) as caught:
        sip.read(data)
    return caught.value


WSINV = r"""
INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0
TO :
 sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n
from   : "J Rosenberg \\\""       <sip:jdrosen@example.com>
  ;
  tag = 98asjd8
MaX-fOrWaRdS: 0068
Call-ID: wsinv.ndaksdj@192.0.2.1
Content-Length   : {length}
cseq: 0009
  INVITE
Via  : SIP  /   2.0
 /UDP
    192.0.2.2;branch=390skdjuw
s :
NewFangledHeader:   newfangled value
 continued newfangled value
UnknownHeaderWithUnusualValue: ;;,,;;,;
Content-Type: application/sdp
Route:
 <sip:services.example.com;lr;unknownwith=value;unknown-no-value>
v:  SIP  / 2.0  / TCP     spindle.example.com   ;
  branch  =   z9hG4bK9ikj8  ,
 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30239
m:"Quoted string \"\"" <sip:jdrosen@example.com> ; newparam =
      newvalue ;
  secondparam ; q = 0.33
"""


def test_3_1_1_1_a_short_tortuous_invite() -> None:
    request = _request(_wire(WSINV, BODY))
    assert request.method == "INVITE" and request.uri.user == "vivekg"
    assert sip.recipient(request).tag == "1918181833n"
    assert sip.sender(request).name == 'J Rosenberg \\"' and sip.sender(request).tag == "98asjd8"
    assert request.cseq.sequence == 9
    vias = listed(request.headers.getlist("Via"))
    assert len(vias) == 3 and sip.top_via(request).branch == "390skdjuw"
    assert request.headers["NewFangledHeader"] == "newfangled value continued newfangled value"
    assert request.headers["UnknownHeaderWithUnusualValue"] == ";;,,;;,;"
    (contact,) = sip.addresses(request, "Contact")
    assert contact.name == 'Quoted string ""' and contact.target.user == "jdrosen"
    assert contact.parameters == {"newparam": "newvalue", "secondparam": None, "q": "0.33"}
    assert Description.parse(request.body.decode()).media[0].port == 49217
    again = _request(sip.write(request))
    assert (again.body, sip.sender(again)) == (request.body, sip.sender(request))


METHOD = "!interesting-Method0123456789_*+`.%indeed'~"


INTMETH = _wire(
    f"{METHOD} sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    "@example.com SIP/2.0\n"
    "Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~\n"
    'To: "BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" '
    "<sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com>\n"
    "From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%=\"работающий\""
    ";tag=_token~1'+`*%!-.\n"
    "Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{\n"
    f"CSeq: 139122385 {METHOD}\nMax-Forwards: 255\n"
    "extensionHeader-!.%*+_`'~:\ufeff大停電\nContent-Length: 0"
)


def test_3_1_1_2_a_wide_range_of_valid_characters() -> None:
    request = _request(INTMETH)
    assert request.method == METHOD and sip.recipient(request).name == "BEL:\x07 NUL:\x00 DEL:\x7f"
    assert (
        sip.sender(request).tag == "_token~1'+`*%!-." and sip.sender(request).name == "token1~` token2'+_ token3*%!.-"
    )
    assert sip.top_via(request).branch == "z9hG4bK-.!%66*_+`'~"
    answer = sip.read(sip.write(sip.respond(request, 501, tag="a")))
    assert sip.top_via(answer) == sip.top_via(request), "what is matched by the other end goes back as it came"


ESC01 = _wire(
    "INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0\nTo: sip:%75se%72@example.com\n"
    "From: <sip:I%20have%20spaces@example.net>;tag=938\nMax-Forwards: 87\ni: esc01.239409asdfakjkn23onasd0\n"
    "CSeq: 234234 INVITE\nVia: SIP/2.0/UDP host5.example.net;branch=z9hG4bKkdjuw\nC: application/sdp\n"
    "Contact:\n  <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>\nContent-Length: {length}",
    BODY,
)


def test_3_1_1_3_escapes_are_undone_once() -> None:
    request = _request(ESC01)
    assert request.uri.user == "sips:user@example.com" and sip.recipient(request).target.user == "user"
    (contact,) = sip.addresses(request, "Contact")
    assert contact.target.user == "caller" and dict(contact.target.parameters) == {"lr": None, "name": "value%41"}


ESCNULL = _plain(REGISTER, "REGISTER", "Contact: <sip:%00@h.example.com>\nL:0")


def test_3_1_1_4_escaped_nulls() -> None:
    request = _request(ESCNULL)
    assert sip.addresses(request, "Contact")[0].target.user == "\0"


def test_3_1_1_5_a_percent_that_is_no_escape() -> None:
    more = "Contact: <sip:alias1@host1.example.com>\nC%6Fntact: <sip:alias2@host2.example.com>\nl: 0"
    request = _request(_plain("RE%47IST%45R sip:registrar.example.com SIP/2.0", "RE%47IST%45R", more))
    assert request.method == "RE%47IST%45R" and len(sip.addresses(request, "Contact")) == 1


LWSDISP = _plain(OPTIONS, "OPTIONS", "From: caller<sip:caller@example.com>;tag=323", "From")


def test_3_1_1_6_no_space_before_the_bracket() -> None:
    request = _request(LWSDISP)
    assert sip.sender(request).name == "caller" and sip.sender(request).tag == "323"


VIAS = "\n".join(f"v  : SIP/2.0/TCP sip{number}.example.com" for number in range(33, 0, -1))
LONG_USER = "amazinglylongcallername" * 5
LONGREQ = _plain(
    INVITE, "INVITE",
    f"F: sip:{LONG_USER}@example.net;tag=12{'982' * 50}424;u{'name' * 20}=v{'value' * 15};p{'paramname' * 10}\n"
    f"{VIAS}\nVia: SIP/2.0/TCP host.example.com;received=192.0.2.5;branch=very{'long' * 50}value\n"
    f"Contact: <sip:{LONG_USER}@host5.example.net>", "From",
)  # fmt: skip


def test_3_1_1_7_long_values() -> None:
    request = _request(LONGREQ)
    assert len(listed(request.headers.getlist("Via"))) == 35 and len(sip.sender(request).tag) == 155


DBLREQ = _plain(REGISTER, "REGISTER", "Content-Length: 0") + _plain("INVITE sip:joe@example.com SIP/2.0", "INVITE")


def test_3_1_1_8_what_follows_a_datagrams_body_is_cut_off() -> None:
    assert _request(DBLREQ).body == b""


def test_3_1_1_9_semicolons_in_the_user_part() -> None:
    request = _request(_plain("OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0", "OPTIONS"))
    assert request.uri.user == "user;par=u@example.net" and request.uri.host == "example.com"
    assert str(request.uri) == "sip:user;par=u%40example.net@example.com"


STRANGE_VIAS = "".join(
    f"\nVia: SIP/2.0/{name} t.example.com;branch=z9hG4bKk{name}" for name in ("SCTP", "UNKNOWN", "TLS")
)
TRANSPORTS = _plain(OPTIONS, "OPTIONS", f"Accept: application/sdp{STRANGE_VIAS}")


def test_3_1_1_10_unknown_transports() -> None:
    request = _request(TRANSPORTS)
    assert len(listed(request.headers.getlist("Via"))) == 4


PARTS = "--7a9cbec02ceef655\r\nContent-Type: text/plain\r\n\r\nHello\0\r\n--7a9cbec02ceef655--\r\n"
MPART01 = _wire(
    "MESSAGE sip:kumiko@example.org SIP/2.0\n" + COMMON.format(method="MESSAGE")
    + "Content-Type: multipart/mixed;boundary=7a9cbec02ceef655\nl: {length}", PARTS,
)  # fmt: skip


def test_3_1_1_11_a_body_of_several_parts_is_kept_whole() -> None:
    request = _request(MPART01)
    assert request.body == PARTS.encode() and sip.media_type(request) == "multipart/mixed"


@pytest.mark.parametrize(
    ("start", "code", "phrase"),
    [
        ("SIP/2.0 200 = 2**3 * 5**2 но сто девять - простое", 200, "= 2**3 * 5**2 но сто девять - простое"),
        ("SIP/2.0 100 ", 100, ""),
        ("SIP/2.0 100", 100, ""),
    ],
)  # fmt: skip
def test_3_1_1_12_and_13_unusual_and_empty_reasons(start: str, code: int, phrase: str) -> None:
    response = sip.read(_plain(start, "INVITE"))
    assert isinstance(response, Response) and (response.code, response.phrase) == (code, phrase)


REFUSED = [
    ("3.1.2.1 badinv01", _plain(INVITE, "INVITE", "Via: SIP/2.0/UDP 192.0.2.15;;,;,,", "Via"), 400, False),
    ("3.1.2.1 badinv01", _plain(INVITE, "INVITE", 'Contact: "Joe" <sip:joe@example.org>;;;;'), 400, True),
    ("3.1.2.2 clerr", _plain(INVITE, "INVITE", "Content-Length: 9999"), 400, True),
    ("3.1.2.3 ncl", _plain(INVITE, "INVITE", "Content-Length: -999"), 400, True),
    ("3.1.2.4 scalar02", _plain(OPTIONS, "OPTIONS", "CSeq: 36893488147419103232 OPTIONS", "CSeq"), 400, False),
    ("3.1.2.4 scalar02", _plain(OPTIONS, "OPTIONS", "Max-Forwards: 300", "Max-Forwards"), 400, True),
    ("3.1.2.4 scalar02", _plain(OPTIONS, "OPTIONS", "Expires: 10000000000000000000"), 400, True),
    ("3.1.2.5 scalarlg",
     _plain("SIP/2.0 503 Busy", "INVITE", "CSeq: 9292394834772304023312 OPTIONS", "CSeq"), 400, False),
    ("3.1.2.6 quotbal", _plain(INVITE, "INVITE", 'To: "Mr. J. User <sip:j.user@example.com>', "To"), 400, False),
    ("3.1.2.7 ltgtruri", _plain("INVITE <sip:user@example.com> SIP/2.0", "INVITE"), 400, True),
    ("3.1.2.8 lwsruri", _plain("INVITE sip:user@example.com; lr SIP/2.0", "INVITE"), 400, True),
    ("3.1.2.9 lwsstart", _plain("INVITE  sip:user@example.com  SIP/2.0", "INVITE"), 400, True),
    ("3.1.2.10 trws", _plain(f"{OPTIONS}  ", "OPTIONS"), 400, True),
    ("3.1.2.11 escruri",
     _plain("INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0", "INVITE"), 400, True),
    ("3.1.2.13 regbadct",
     _plain(REGISTER, "REGISTER", "Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E"), 400, True),
    ("3.1.2.15 baddn",
     _plain(OPTIONS, "OPTIONS", "From: Bell, Alexander <sip:a@example.com>;tag=43", "From"), 400, False),
    ("3.1.2.16 badvers", _plain("OPTIONS sip:t.watson@example.org SIP/7.0", "OPTIONS"), 505, True),
    ("3.1.2.17 mismatch01", _plain(OPTIONS, "INVITE"), 400, True),
    ("3.1.2.18 mismatch02", _plain("NEWMETHOD sip:user@example.com SIP/2.0", "INVITE"), 400, True),
    ("3.1.2.19 bigcode", _plain("SIP/2.0 4294967301 better not break the receiver", "INVITE"), 400, False),
    ("3.3.1 insuf", _plain(INVITE, "INVITE", leave="From"), 400, False),
    ("3.3.2 unkscm", _plain("OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0", "OPTIONS"), 416, True),
    ("3.3.3 novelsc", _plain("OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0", "OPTIONS"), 416, True),
    ("3.3.8 multi01", _plain(INVITE, "INVITE", "Call-ID: multi01.98asdh@192.0.2.2"), 400, True),
    ("3.3.8 multi01", _plain(INVITE, "INVITE", "CSeq: 59 INVITE"), 400, True),
    ("3.3.9 mcl01", _plain(OPTIONS, "OPTIONS", "Content-Length: 13\nContent-Length: 5"), 400, True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "status", "answerable"), REFUSED)
def test_3_1_2_what_cannot_be_is_refused(name: str, data: bytes, status: int, answerable: bool) -> None:
    error = _refused(data)
    assert (error.status, error.request is not None) == (status, answerable), name
    if error.request is not None:
        assert b"Via: " in sip.write(sip.respond(error.request, error.status, tag="x"))


ODD = [
    ("3.1.2.12 baddate", _plain(INVITE, "INVITE", "Date: Fri, 01 Jan 2010 16:00:00 EST")),
    ("3.1.2.14 badaspec", _plain(OPTIONS, "OPTIONS", 'To: "Watson, T" < sip:t.watson@example.org >', "To")),
    ("3.2.1 badbranch", _plain(OPTIONS, "OPTIONS", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK", "Via")),
    ("3.3.4 unksm2", _plain(REGISTER, "REGISTER", "To: isbn:2983792873", "To")),
    ("3.3.5 bext01", _plain(OPTIONS, "OPTIONS", "Require: nothingSupportsThis, nothingSupportsThisEither")),
    ("3.3.6 invut", _plain(INVITE, "INVITE", "Content-Type: application/unknownformat\nContent-Length: 0")),
    ("3.3.7 regaut01", _plain(REGISTER, "REGISTER", "Authorization: NoOneKnowsThisScheme opaque-data=here")),
    ("3.3.10 bcast", _plain("SIP/2.0 200 OK", "INVITE", "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23")),
    ("3.3.11 zeromf", _plain(OPTIONS, "OPTIONS", "Max-Forwards: 0", "Max-Forwards")),
    ("3.3.12 cparam01", _plain(REGISTER, "REGISTER", "Contact: sip:+19725552222@gw1.example.net;unknownparam")),
    ("3.3.13 cparam02", _plain(REGISTER, "REGISTER", "Contact: <sip:+19725552222@gw1.example.net;unknownparam>")),
    ("3.3.14 regescrt",
     _plain(REGISTER, "REGISTER", "Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>")),
    ("3.3.15 sdp01", _plain(INVITE, "INVITE", "Accept: text/nobodyKnowsThis")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data"), ODD)
def test_what_is_odd_and_well_formed_is_read(name: str, data: bytes) -> None:
    message = sip.read(data)
    assert isinstance(message, Response) == (name == "3.3.10 bcast")
    assert sip.read(sip.write(message)).headers.get("Call-ID") == message.call_id


INV2543 = (
    "INVITE sip:UserB@example.com SIP/2.0\nVia: SIP/2.0/UDP iftgw.example.com\n"
    "From: <sip:+13035551111@ift.client.example.net;user=phone>\n"
    "To: sip:+16505552222@ss1.example.net;user=phone\n"
    "Call-ID: inv2543.1717@ift.client.example.com\nCSeq: 56 INVITE\nContent-Type: application/sdp"
)


def test_3_4_1_an_invite_of_rfc_2543() -> None:
    request = _request(_wire(INV2543, BODY))
    assert not sip.sender(request).tag and not sip.top_via(request).branch and request.body == BODY.encode()


# What a user agent does with them: section 3.1.2's are refused, 3.3's are answered by what they want.

ODD_ANSWERS = {
    "3.1.2.12 baddate": 0, "3.1.2.14 badaspec": 200, "3.2.1 badbranch": 200,
    "3.3.4 unksm2": 405, "3.3.5 bext01": 420, "3.3.6 invut": 0, "3.3.7 regaut01": 405, "3.3.10 bcast": None,
    "3.3.11 zeromf": 200, "3.3.12 cparam01": 405, "3.3.13 cparam02": 405, "3.3.14 regescrt": 405, "3.3.15 sdp01": 406,
}  # fmt: skip
"""Statuses; 0: it is a call, None: silence."""
INVUT = _wire(
    "\n".join([INVITE, *COMMON.format(method="INVITE").splitlines(), "Content-Type: application/unknownformat",
               "Contact: <sip:caller@192.0.2.1>", "Content-Length: {length}"]), "<audio>",
)  # fmt: skip
VALID = [
    ("3.1.1.1 wsinv", _wire(WSINV, BODY), 481),  # it belongs to a call that nobody knows
    ("3.1.1.2 intmeth", INTMETH, 501),
    ("3.1.1.3 esc01", ESC01, 0),
    ("3.1.1.4 escnull", ESCNULL, 405),
    ("3.1.1.5 esc02", _plain("RE%47IST%45R sip:registrar.example.com SIP/2.0", "RE%47IST%45R"), 501),
    ("3.1.1.6 lwsdisp", LWSDISP, 200),
    ("3.1.1.7 longreq", LONGREQ, 0),
    ("3.1.1.8 dblreq", DBLREQ, 405),
    ("3.1.1.9 semiuri", _plain("OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0", "OPTIONS"), 200),
    ("3.1.1.10 transports", TRANSPORTS, 200),
    ("3.1.1.11 mpart01", MPART01, 405),
    ("3.1.1.12 unreason", _plain("SIP/2.0 200 = 2**3 * 5**2", "INVITE"), None),
    ("3.1.1.13 noreason", _plain("SIP/2.0 100 ", "INVITE"), None),
    ("3.3.6 invut", INVUT, 415),
    ("3.4.1 inv2543", _wire(INV2543, BODY), 0),
]
ANSWERED = [
    *VALID,
    *((name, data, status if answerable else None) for name, data, status, answerable in REFUSED),
    *((name, data, ODD_ANSWERS[name]) for name, data in ODD),
]


SECTIONS = [
    *(f"3.1.1.{number}" for number in range(1, 14)),
    *(f"3.1.2.{number}" for number in range(1, 20)),
    "3.2.1",
    *(f"3.3.{number}" for number in range(1, 16)),
    "3.4.1",
]
"""Of the RFC, a message each."""


def test_all_49_messages_are_here() -> None:
    assert len(SECTIONS) == 49 and {name.split()[0] for name, _, _ in ANSWERED} == set(SECTIONS)


@pytest.mark.parametrize(("name", "data", "status"), ANSWERED)
def test_what_a_user_agent_says_to_it(name: str, data: bytes, status: int | None) -> None:
    agent = UserAgent(LineOptions(host="192.0.2.2"), random.Random(1))
    source = Flow("UDP", "192.0.2.99", 5060)
    outputs = agent.receive_datagram(data, source, 0)
    read = [sip.read(one.data) for one in outputs if isinstance(one, Transmit)]
    codes = [one.code for one in read if isinstance(one, Response)]
    told = [one for one in outputs if isinstance(one, events.Incoming)]
    if status == 0:
        assert not codes and len(told) == 1, name
        agent.hang_up(told[0].call, 0)
    else:
        assert codes == ([] if status is None else [status]) and not told, name
    if status == 420:
        assert isinstance(read[0], Response) and read[0].headers["Unsupported"].startswith("nothingSupportsThis")
    now = 0
    while (deadline := agent.deadline) is not None:
        now = deadline
        agent.tick(now)
    assert agent.state == (0, 0, 0, 0) and now <= 40 * SECOND, name


@given(st.binary(max_size=400))
def test_any_bytes_are_a_message_or_a_documented_error(data: bytes) -> None:
    try:
        sip.read(data)
    except InputError:
        pass


@given(st.data())
def test_a_damaged_message_is_a_message_or_a_documented_error(data: st.DataObject) -> None:
    whole = bytearray(_wire(WSINV, BODY))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    try:
        message = sip.read(bytes(whole))
    except InputError:
        return
    for name in ("Contact", "Route", "Record-Route"):
        if message.headers.get(name) != "*":
            sip.addresses(message, name)
    for part in (sip.sender, sip.recipient, sip.top_via):
        part(message)
    sip.read(sip.write(message))
