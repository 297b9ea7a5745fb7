"""One stream as a core: what comes is ordered and bounded, what is said is in the order in which it is to be heard."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_twilio_messages import MEDIA, START

from duologue.audio import g711
from duologue.audio.far_playout import FarEndMessage, MessageKind
from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND, SECOND
from duologue.errors import PeerError
from duologue.phone.leg import Digit, LegEnded, LegEvent, Marked, Quality, Sound
from duologue.phone.twilio.stream import MOST_GARBAGE, TwilioStream

MS = MILLISECOND


def started() -> TwilioStream:
    stream = TwilioStream("CA1")
    assert stream.receive(json.dumps(START), 0) == []
    return stream


def media(number: int, timestamp: int | None = None, payload: bytes = b"\x80" * 160, **rest: object) -> str:
    """The packet of that number; the start was message 1."""
    sound: dict[str, Any] = {"track": "inbound", "payload": base64.b64encode(payload).decode()}
    sound["timestamp"] = str(20 * number if timestamp is None else timestamp)
    return json.dumps(MEDIA | {"sequenceNumber": str(number + 2), "media": sound} | rest)


def feed(stream: TwilioStream, *texts: str, now: int = 60 * SECOND) -> list[LegEvent]:
    return [event for text in texts for event in stream.receive(text, now)]


def spans(events: list[LegEvent]) -> list[tuple[int, int]]:
    """From where to where sound came, joined (16 kHz)."""
    found: list[tuple[int, int]] = []
    for event in events:
        assert isinstance(event, Sound)
        begin, end = event.at, event.at + len(event.samples)
        if found and found[-1][1] == begin:
            begin = found.pop()[0]
        found.append((begin, end))
    return found


def test_sound_has_its_place_by_the_stamps_and_a_hole_is_one() -> None:
    stream = started()
    events = feed(stream, *(media(n) for n in (0, 1, 2)), *(media(n) for n in (10, 11)))
    (first, until), (second, end) = spans(events)
    assert (first, second) == (0, 3200)
    assert 0 <= 960 - until <= 48 and 0 <= 3840 - end <= 48  # the resampler keeps a millisecond or two
    assert all(abs(np.abs(event.samples[-20:]).max() - 0.98) < 0.1 for event in events if isinstance(event, Sound))


def test_what_comes_twice_or_out_of_order_is_counted_and_goes_no_further() -> None:
    stream = started()
    events = feed(stream, *(media(n) for n in (0, 1, 1, 0, 2)))
    assert [begin for begin, _ in spans(events)] == [0] and len(events) == 3
    assert stream.counts["twice"] == 2
    back = feed(stream, media(3, timestamp=0))  # its clock went back: the sound goes on where it was
    assert isinstance(back[0], Sound) and back[0].at >= 900


def test_sound_of_the_future_is_placed_where_it_can_be_and_a_flood_is_dropped() -> None:
    stream = started()
    events = feed(stream, media(0), media(1, timestamp=10**12), now=SECOND)
    assert len(spans(events)) == 1 and stream.counts["future"] == 1
    flood = [media(n, payload=b"\x80" * 4000) for n in range(2, 60)]
    taken = feed(stream, *flood, now=SECOND)
    assert sum(len(event.samples) for event in taken if isinstance(event, Sound)) <= 6 * 16_000
    assert stream.counts["fast"] > 40


def test_messages_of_others_before_the_start_and_of_unknown_kinds_say_nothing() -> None:
    stream = TwilioStream("CA1")
    assert feed(stream, media(0), '{"event": "weather"}') == []
    assert feed(stream, json.dumps(START)) == []
    assert feed(stream, media(0, streamSid="MZ2"), json.dumps(START)) == []
    assert stream.counts == {"early": 1, "unknown": 1, "stranger": 1, "twice": 1}


def test_keys_marks_and_the_end_are_told() -> None:
    stream = started()
    key = {"event": "dtmf", "streamSid": "MZ1", "dtmf": {"digit": "5"}}
    mark = {"event": "mark", "streamSid": "MZ1", "mark": {"name": "1:2:u"}}
    told = feed(stream, json.dumps(key), json.dumps(mark), '{"event": "stop", "streamSid": "MZ1"}')
    assert told == [Digit("5"), Marked("1:2:u"), LegEnded("the caller hung up")]
    assert feed(stream, json.dumps(key | {"dtmf": {"digit": "xy"}})) == [] and stream.counts["keys"] == 1


@pytest.mark.parametrize(
    ("texts", "word"),
    [
        ([json.dumps(START | {"start": START["start"] | {"callSid": "CA9"}})], "another call"),
        (["no json"], "never says"),
        ([json.dumps(START), json.dumps(START | {"start": START["start"] | {"streamSid": "MZ9"}})], "second stream"),
        ([json.dumps(START), *["garbage"] * (MOST_GARBAGE + 1)], "never says"),
        ([json.dumps(START), *[media(n) for n in range(1100)]], "more messages"),
    ],
)
def test_what_breaks_a_stream_off(texts: list[str], word: str) -> None:
    stream = TwilioStream("CA1")
    with pytest.raises(PeerError, match=word):
        feed(stream, *texts, now=SECOND)


def said(texts: list[str]) -> list[tuple[str, str]]:
    """Marks by name, and how long sound and silence are (ms)."""
    found: list[tuple[str, str]] = []
    for text in texts:
        message = json.loads(text)
        match message["event"]:
            case "media":
                sound = g711.decode(base64.b64decode(message["media"]["payload"]), "mu")
                loud = int((np.abs(sound) > 0.05).sum())
                found.append(("media", f"{round(loud / 8, -1):.0f}+{round((len(sound) - loud) / 8, -1):.0f}"))
            case "mark":
                found.append(("mark", message["mark"]["name"]))
            case other:
                found.append((other, ""))
    return found


def tone(milliseconds: int) -> Samples:
    return np.full(milliseconds * 48, 0.5, np.float32)


def play(
    number: int,
    utterance: str,
    milliseconds: int,
    *,
    more: bool = False,
    gap: int = 0,
    kind: MessageKind = MessageKind.PLAY,
) -> FarEndMessage:
    return FarEndMessage(number, kind, utterance, 0, tone(milliseconds), gap * 48, more, f"m{number}")


def test_an_utterance_waits_for_the_one_before_to_be_whole() -> None:
    stream = started()
    assert said(stream.send(play(1, "a", 100, more=True), 0))[-1] == ("mark", "m1")
    assert stream.send(play(2, "b", 100), 0) == []
    texts = stream.send(play(3, "a", 100, kind=MessageKind.EXTEND), 0)
    assert [name for kind, name in said(texts) if kind == "mark"] == ["m3", "m2"]


def test_of_a_gap_only_what_has_not_passed_is_sent_as_silence() -> None:
    stream = started()
    stream.send(play(1, "a", 100), 0)
    assert said(stream.send(play(2, "b", 100, gap=200), 50 * MS))[0] == ("media", "100+200")
    assert said(stream.send(play(3, "c", 100, gap=200), 520 * MS))[0] == ("media", "100+80")  # all was over at 400
    assert said(stream.send(play(4, "d", 100, gap=200), 5 * SECOND))[0] == ("media", "100+0")


def test_the_quickest_mark_tells_the_round_trip() -> None:
    stream = started()
    for number in range(4):
        stream.send(play(number, f"u{number}", 100), 0)

    def back(name: str, at: int) -> list[LegEvent]:
        return feed(stream, json.dumps({"event": "mark", "streamSid": "MZ1", "mark": {"name": name}}), now=at * MS)

    assert back("m0", 190) == [Quality(0.0, 0.0, 90.0), Marked("m0")]
    assert back("m1", 320) == [Marked("m1")]  # it took longer
    assert back("m3", 200) == [Marked("m3")]  # no sound is played before its time
    assert back("m2", 340) == [Marked("m2")]


def test_the_marks_of_what_was_cleared_leave_the_others_alone() -> None:
    """Twilio says them back when it throws away what lay before them."""
    stream = started()
    stream.send(play(1, "a", 100), 0)
    stream.send(FarEndMessage(2, MessageKind.CLEAR), 0)
    stream.send(play(3, "b", 100), 0)

    def back(name: str, at: int) -> list[LegEvent]:
        return feed(stream, json.dumps({"event": "mark", "streamSid": "MZ1", "mark": {"name": name}}), now=at * MS)

    assert back("m1", 60) == [Marked("m1")]
    assert back("m3", 160) == [Quality(0.0, 0.0, 60.0), Marked("m3")]


def test_a_clear_forgets_what_waits() -> None:
    stream = started()
    stream.send(play(1, "a", 100, more=True), 0)
    stream.send(play(2, "b", 100), 0)
    assert said(stream.send(FarEndMessage(3, MessageKind.CLEAR), 0)) == [("clear", "")]
    assert stream.send(play(4, "a", 100, kind=MessageKind.EXTEND), 0)  # comes late: who gives it knows better
    assert [kind for kind, _ in said(stream.send(play(5, "c", 100), 0))] == ["media", "mark"]


@given(st.lists(st.just(0) | st.integers(200, 4000), max_size=12))
def test_every_sample_is_said_once_however_it_is_cut(pieces: list[int]) -> None:
    """As many at 8 kHz as the whole has, to two; marks in the order of the pieces."""
    stream = started()
    texts: list[str] = []
    for number, length in enumerate(pieces):
        kind = MessageKind.EXTEND if number else MessageKind.PLAY
        more = number < len(pieces) - 1
        texts += stream.send(FarEndMessage(number, kind, "a", 0, tone(length)[:length], 0, more, f"m{number}"), 0)
    sound = b"".join(base64.b64decode(json.loads(text)["media"]["payload"]) for text in texts if '"media"' in text[:20])
    assert abs(len(sound) - sum(pieces) / 6) <= 2
    assert [name for kind, name in said(texts) if kind == "mark"] == [f"m{n}" for n in range(len(pieces))]


@given(st.lists(st.sampled_from(["connected", "media", "start", "dtmf", "mark", "stop", "?", "{"]), max_size=8))
def test_any_order_of_messages_is_an_error_in_words_or_silence(events: list[str]) -> None:
    stream = TwilioStream("CA1")
    for number, event in enumerate(events):
        document: dict[str, Any] = {"start": START, "media": MEDIA}.get(event, {"streamSid": "MZ1"})
        text = event if event == "{" else json.dumps(document | {"event": event, "sequenceNumber": str(number)})
        try:
            stream.receive(text, number * MS)
        except PeerError:
            return
