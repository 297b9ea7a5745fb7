"""Session descriptions, and what two ends agree upon."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.errors import InputError
from duologue.phone.media.codecs import FORMATS, G722, OPUS, PCMA, PCMU, Format
from duologue.phone.media.negotiation import Local, NotAcceptableError, accept, answer, offer
from duologue.phone.media.sdp import MAX_LENGTH, Crypto, Description, Direction, Media, PayloadFormat

LINPHONE = """v=0\r
o=alice 2890844526 2890844526 IN IP4 host.atlanta.example.com\r
s=Talk\r
c=IN IP4 192.0.2.10\r
b=AS:380\r
t=0 0\r
a=rtcp-xr:rcvr-rtt=all:10000\r
m=audio 49170 RTP/AVP 96 9 8 0 101 97\r
a=rtpmap:96 opus/48000/2\r
a=fmtp:96 useinbandfec=1\r
a=rtpmap:101 telephone-event/48000\r
a=rtpmap:97 telephone-event/8000\r
a=rtcp-fb:* trr-int 1000\r
m=video 51372 RTP/AVP 98\r
a=rtpmap:98 VP8/90000\r
"""
OLD = "v=0\no=- 1 1 IN IP4 10.0.0.1\ns=-\nc=IN IP4 10.0.0.1\nt=0 0\nm=audio 4000 RTP/AVP 0 8 13\na=sendonly\n"
KEY = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
US = Local("127.0.0.1", 5004)
HOSTS = st.sampled_from(["127.0.0.1", "192.0.2.7", "2001:db8::1", "phone.example.com"])


def test_a_description_of_a_real_phone() -> None:
    told = Description.parse(LINPHONE)
    audio, video = told.media
    assert (audio.host, audio.port, audio.rtcp, audio.direction) == ("192.0.2.10", 49170, 49171, Direction.SENDRECV)
    assert [one.name for one in audio.formats] == ["opus", "G722", "PCMA", "PCMU", "telephone-event", "telephone-event"]
    assert audio.formats[0] == PayloadFormat(96, "opus", 48000, 2, "useinbandfec=1")
    assert (video.kind, video.names, video.formats) == ("video", ("98",), ())


@given(HOSTS, st.integers(1, 65_534), st.sampled_from(Direction), st.booleans(), st.booleans(), st.integers(0, 2**63))
def test_what_is_written_is_read(
    host: str, port: int, direction: Direction, secure: bool, mux: bool, session: int
) -> None:
    ours = offer(Local(host, port, session=session, secure=secure, rtcp_mux=mux), direction)
    told = Description.parse(ours.encode())
    assert told == replace(ours, media=(replace(ours.media[0], names=told.media[0].names),))


@given(st.text(alphabet=st.characters(codec="latin-1"), max_size=400))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        Description.parse(text)
    except InputError:
        pass


@given(st.data())
def test_a_broken_description_does_no_more_than_be_refused(data: st.DataObject) -> None:
    text = list(LINPHONE)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(text) - 1))
        text[place] = data.draw(st.sampled_from(["", "x", "9", " ", "\n", "=", "m=", "a=crypto:", "999999"]))
    try:
        told = Description.parse("".join(text))
        answer(told, US)
    except InputError:
        pass


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no version"),
        ("v=0\no=- 1 1 IN IP4\n", "six parts"),
        (OLD.replace("4000", "70000"), "below 65536"),
        (OLD.replace("c=IN IP4 10.0.0.1\n", ""), "no address"),
        (OLD.replace("IN IP4 10.0.0.1\nt", "IN IP4 ;rm\nt"), "is no address"),
        (OLD.replace("0 8 13", "0 8 130"), "below 128"),
        (OLD.replace("RTP/AVP 0 8 13", ""), "four parts"),
        ("v=0\nhello\n", "line 2"),
        ("v=0\n" * MAX_LENGTH, "characters"),
    ],
)
def test_what_is_none_is_named(text: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        Description.parse(text)


def test_sound_goes_to_no_name() -> None:  # its look-up would keep all calls waiting, packet by packet
    named = Description.parse(OLD.replace("c=IN IP4 10.0.0.1", "c=IN IP4 media.example.com"))
    with pytest.raises(NotAcceptableError, match=r"at a name \(media\.example\.com\)"):
        answer(named, US)
    ours = offer(US)
    answered = answer(ours, US)[0]
    moved = replace(answered, media=(replace(answered.media[0], host="media.example.com"),))
    with pytest.raises(NotAcceptableError, match="at a name"):
        accept(ours, moved)


def test_sound_goes_to_no_address_that_ours_cannot_reach() -> None:
    offered = Description.parse(OLD.replace("c=IN IP4 10.0.0.1", "c=IN IP6 2001:db8::1"))
    with pytest.raises(NotAcceptableError, match=r"at 2001:db8::1, and we speak IPv4"):
        answer(offered, US)
    assert answer(offered, replace(US, host="2001:db8::2"))[1].host == "2001:db8::1"
    held = Description.parse(OLD.replace("10.0.0.1", "0.0.0.0"))
    assert answer(held, replace(US, host="2001:db8::2"))[0].media[0].port
    ours = offer(US)
    answered = answer(ours, US)[0]
    moved = replace(answered, media=(replace(answered.media[0], host="2001:db8::1"),))
    with pytest.raises(NotAcceptableError, match="we speak IPv4"):
        accept(ours, moved)


@pytest.mark.parametrize("written", ["2001:DB8::1", "2001:0db8:0:0:0:0:0:1", "2001:db8::0001"])
def test_an_address_is_known_however_it_is_written(written: str) -> None:  # else its packets would be a stranger's
    offered = Description.parse(OLD.replace("c=IN IP4 10.0.0.1", f"c=IN IP6 {written}"))
    assert answer(offered, replace(US, host="2001:db8::2"))[1].host == "2001:db8::1"


@pytest.mark.parametrize("wrong", ["opus", "opus/", "opus/48k", "opus/48000/two", "/48000", "opus/99999999", ""])
def test_a_format_that_nobody_can_read_leaves_the_others(wrong: str) -> None:
    told = Description.parse(LINPHONE.replace("opus/48000/2", wrong))
    assert "opus" not in [one.name for one in told.media[0].formats]
    assert answer(told, US)[1].format is G722


def test_a_format_with_a_number_of_its_own_needs_no_words() -> None:
    told = Description.parse(OLD.replace("a=sendonly", "a=sendonly\na=rtpmap:0 PCMU"))
    assert answer(told, US)[1].format is PCMU


def test_hold_is_told_by_direction_and_by_the_address_of_old() -> None:
    assert Description.parse(OLD).media[0].held
    assert Description.parse(OLD.replace("10.0.0.1", "0.0.0.0").replace("a=sendonly\n", "")).media[0].held
    assert not Description.parse(LINPHONE).media[0].held


def test_our_answer_to_a_real_phone() -> None:
    ours, agreed = answer(Description.parse(LINPHONE), US)
    audio, video = Description.parse(ours.encode()).media
    assert agreed.format is OPUS and (agreed.send_type, agreed.send_events) == (96, 101)
    assert (agreed.host, agreed.port, agreed.rtcp_port) == ("192.0.2.10", 49170, 49171)
    assert [(one.payload_type, one.name) for one in audio.formats] == [(96, "opus"), (101, "telephone-event")]
    assert (audio.port, audio.ptime, video.port, video.names) == (5004, 20, 0, ("98",))


def test_the_format_that_we_like_best_is_taken() -> None:
    told = Description.parse(LINPHONE)
    assert answer(told, replace(US, formats=(PCMU, PCMA)))[1].format is PCMU
    assert answer(told, replace(US, formats=(G722, PCMU)))[1].send_events == 97
    _, agreed = answer(Description.parse(OLD), US)
    assert agreed.format is PCMU and agreed.send_events is None


@pytest.mark.parametrize("offered", ["96 0 101", "0 96 101"])
def test_keys_are_taken_on_another_clock_than_the_sound_where_there_are_no_others(offered: str) -> None:
    """So offer baresip, and Asterisk before 2024; telephones that have both are answered by the book."""
    text = LINPHONE.replace("96 9 8 0 101 97", offered).replace("telephone-event/48000", "telephone-event/8000")
    ours, agreed = answer(Description.parse(text), US)
    assert agreed.format is OPUS and (agreed.send_events, agreed.receive_events, agreed.events_clock) == (
        101,
        101,
        8000,
    )
    assert "a=rtpmap:101 telephone-event/8000" in ours.encode()
    odd = Description.parse(text.replace("telephone-event/8000", "telephone-event/7"))
    assert answer(odd, US)[1].send_events is None, "no telephone counts so"
    told = Description.parse(LINPHONE)
    assert answer(told, US)[1].events_clock == 48_000
    assert answer(told, replace(US, formats=(PCMU,)))[1].events_clock == 8000


def test_of_an_answer_with_several_formats_the_first_is_spoken_and_each_is_heard() -> None:
    """RFC 3264, sections 6.1 and 7."""
    asked = offer(US)
    numbers = {one.name: one.payload_type for one in asked.media[0].formats if not one.is_event}
    text = LINPHONE.partition("m=video")[0].replace("96 9 8 0 101 97", "8 96 18 0 97 101")
    agreed = accept(asked, Description.parse(text))
    assert agreed.format is PCMA and (agreed.send_type, agreed.receive_type) == (8, 8)
    assert agreed.others == ((numbers["opus"], OPUS), (0, PCMU))
    events = next(one.payload_type for one in asked.media[0].formats if one.is_event and one.clock == 8000)
    assert (agreed.send_events, agreed.receive_events, agreed.events_clock) == (97, events, 8000)


def test_hold_is_answered_as_hold() -> None:
    ours, agreed = answer(Description.parse(OLD), US)
    assert agreed.direction is Direction.RECVONLY and "a=recvonly" in ours.encode()
    inactive = Description.parse(OLD.replace("sendonly", "inactive"))
    assert answer(inactive, US)[1].direction is Direction.INACTIVE


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (OLD.replace("0 8 13", "18 4"), "nothing is offered"),
        (OLD.replace("RTP/AVP", "UDP/TLS/RTP/SAVPF"), "UDP/TLS/RTP/SAVPF is offered"),
        (OLD.replace("audio", "video"), "no stream of sound"),
        (OLD.replace("4000", "0"), "no stream of sound"),
        (OLD.replace("RTP/AVP", "RTP/SAVP"), "no key"),
        (OLD.replace("RTP/AVP", "RTP/SAVP") + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2hvcnQ=\n", "no key"),
        (OLD.replace("RTP/AVP", "RTP/SAVP") + "a=crypto:x FROB inline:\n", "no key"),
    ],
)
def test_what_we_cannot_speak_is_refused_with_a_reason(text: str, why: str) -> None:
    with pytest.raises(NotAcceptableError, match=why):
        answer(Description.parse(text), US)


def test_an_encrypted_offer_is_answered_with_a_key_of_ours() -> None:
    text = OLD.replace("RTP/AVP", "RTP/SAVP") + f"a=crypto:3 AES_CM_128_HMAC_SHA1_80 {KEY}\n"
    ours, agreed = answer(Description.parse(text), US)
    assert agreed.theirs == Crypto(3, "AES_CM_128_HMAC_SHA1_80", KEY)
    assert agreed.ours is not None and agreed.ours.tag == 3 and agreed.ours.parameters != KEY
    assert ours.media[0].protocol == "RTP/SAVP" and ours.media[0].cryptos == (agreed.ours,)


def test_who_insists_on_encryption_takes_nothing_else() -> None:
    with pytest.raises(NotAcceptableError, match="not encrypted"):
        answer(Description.parse(OLD), replace(US, secure=True))


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("formats", [FORMATS, (PCMA,), (G722, PCMU)])
def test_both_ends_agree_upon_the_same(secure: bool, formats: tuple[Format, ...]) -> None:
    asked = offer(Local("192.0.2.1", 4000, secure=secure))
    told, theirs = answer(Description.parse(asked.encode()), replace(US, formats=formats, secure=secure))
    ours = accept(asked, Description.parse(told.encode()))
    assert ours.format is theirs.format
    assert (ours.send_type, ours.send_events) == (theirs.receive_type, theirs.receive_events)
    assert (ours.ours, ours.theirs) == (theirs.theirs, theirs.ours)
    assert (ours.port, theirs.port) == (5004, 4000) and ours.rtcp_mux and theirs.rtcp_mux


def test_an_answer_that_answers_nothing_is_named() -> None:
    asked = offer(US)
    audio = Media("audio", 4000, "RTP/AVP", "192.0.2.1", (PayloadFormat(0, "PCMU", 8000),))
    for media, why in (
        ((), "0 streams answer 1"),
        ((replace(audio, port=0),), "was refused"),
        ((replace(audio, protocol="RTP/SAVP"),), "answers RTP/AVP"),
        ((replace(audio, formats=(PayloadFormat(18, "G729", 8000),)),), "G729 is offered"),
    ):
        with pytest.raises(NotAcceptableError, match=why):
            accept(asked, Description(1, 1, "192.0.2.1", media))
    with pytest.raises(NotAcceptableError, match="no key"):
        accept(offer(replace(US, secure=True)), Description(1, 1, "x", (replace(audio, protocol="RTP/SAVP"),)))


@pytest.mark.parametrize(
    "parameters",
    [
        f"{KEY} UNENCRYPTED_SRTP",
        f"{KEY} UNAUTHENTICATED_SRTP",
        f"{KEY} KDR=1",
        f"{KEY}|2^20|1:4",
        "inline:%%%",
        "inline:",
        f"{KEY}AAAA",
    ],
)
def test_a_key_that_protects_nothing_or_that_we_cannot_use_is_none(parameters: str) -> None:
    text = OLD.replace("RTP/AVP", "RTP/SAVP") + f"a=crypto:3 AES_CM_128_HMAC_SHA1_80 {parameters}\n"
    with pytest.raises(NotAcceptableError, match="no key"):
        answer(Description.parse(text), US)
    asked = offer(replace(US, secure=True))
    told, _ = answer(asked, replace(US, secure=True))
    crypto = replace(told.media[0].cryptos[0], parameters=parameters)
    with pytest.raises(NotAcceptableError, match="no key"):
        accept(asked, replace(told, media=(replace(told.media[0], cryptos=(crypto,)),)))


def test_of_several_keys_the_first_that_we_can_use_is_taken() -> None:
    lines = (
        f"a=crypto:1 AES_256_CM_HMAC_SHA1_80 {KEY}\na=crypto:2 AES_CM_128_HMAC_SHA1_32 {KEY}|2^20 WSH=128\n"
        f"a=crypto:3 AES_CM_128_HMAC_SHA1_80 {KEY}\n"
    )
    _, agreed = answer(Description.parse(OLD.replace("RTP/AVP", "RTP/SAVP") + lines), US)
    assert agreed.theirs is not None and agreed.ours is not None
    assert (agreed.theirs.tag, agreed.ours.tag, agreed.ours.suite) == (2, 2, "AES_CM_128_HMAC_SHA1_32")
    assert len(agreed.theirs.key) == len(agreed.ours.key) == 30 and agreed.theirs.key != agreed.ours.key
    assert KEY not in repr(agreed), "a key stands in no log"


def test_sound_in_the_clear_is_answered_in_the_clear_though_keys_stand_beside_it() -> None:
    ours, agreed = answer(Description.parse(OLD + f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY}\n"), US)
    assert ours.media[0].protocol == "RTP/AVP" and not ours.media[0].cryptos
    assert agreed.ours is None and agreed.theirs is None


def test_of_an_encrypted_and_a_plain_stream_one_is_taken() -> None:
    plain = "m=audio 4000 RTP/AVP 0\n"
    secure = f"m=audio 4002 RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY}\n"
    head = OLD[: OLD.index("m=audio")]
    ours, agreed = answer(Description.parse(head + secure + plain), US)
    assert [one.port for one in ours.media] == [5004, 0] and agreed.ours is not None
    ours, agreed = answer(Description.parse(head + plain + secure), replace(US, secure=True))
    assert [one.port for one in ours.media] == [0, 5004] and agreed.ours is not None


@pytest.mark.parametrize("protocol", ["RTP/AVPF", "RTP/SAVPF"])
def test_who_offers_feedback_gets_an_answer_without(protocol: str) -> None:  # RFC 4585, 6.3.2.3
    text = OLD.replace("RTP/AVP", protocol) + f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY}\na=rtcp-fb:* nack\n"
    ours, agreed = answer(Description.parse(text), US)
    assert ours.media[0].protocol == protocol and (agreed.ours is not None) == (protocol == "RTP/SAVPF")


def test_reports_come_where_they_are_said_to() -> None:  # RFC 3605, RFC 5761
    text = OLD + "a=rtcp:4444 IN IP4 10.0.0.9\n"
    assert answer(Description.parse(text), US)[1].rtcp_port == 4444
    ours, agreed = answer(Description.parse(text + "a=rtcp-mux\n"), US)
    assert agreed.rtcp_mux and "a=rtcp-mux" in ours.encode()
    ours, agreed = answer(Description.parse(text + "a=rtcp-mux\n"), replace(US, rtcp_mux=False))
    assert not agreed.rtcp_mux and "rtcp-mux" not in ours.encode()
