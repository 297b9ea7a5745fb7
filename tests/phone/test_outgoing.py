"""What leaves for a caller: the grid, its stamps, barge-in, holds, digits, and what was heard of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.audio import g711
from duologue.audio.far_playout import MessageKind
from duologue.audio.pcm import RATE, Samples
from duologue.audio.resample import resample
from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.far_end.state import FarEnd
from duologue.dialogue.ports import PlayEnded, PlayEvent, PlayProgress, PlayStarted
from duologue.phone.leg import LegEvent, Played, Sent, Stopped
from duologue.phone.line.client import MANNERS
from duologue.phone.media.codecs import FORMATS, G722, OPUS, PCMU, Format
from duologue.phone.media.outgoing import KEEP_ALIVE, MOST_KEYS, Outgoing
from duologue.phone.media.rtp import RtpPacket
from duologue.phone.media.telephone_events import EventReader, KeyPress
from duologue.speech.utterance import Utterance

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

E = TypeVar("E")
BEGIN = 5 * SECOND
TICK = 20 * MILLISECOND


@dataclass
class Call:
    """Drives the core from deadline to deadline: what left at which time, and what was told."""

    form: Format = PCMU
    now: int = BEGIN
    sent: list[tuple[int, int, RtpPacket]] = field(default_factory=list[tuple[int, int, RtpPacket]])
    told: list[tuple[int, LegEvent]] = field(default_factory=list[tuple[int, LegEvent]])

    def __post_init__(self) -> None:
        self.core = Outgoing(
            self.form, 0, 101, 7, 65_530, 4_294_967_000,
            lambda packet, due: self.sent.append((self.now, due, packet)),
            lambda event: self.told.append((self.now, event)),
        )  # fmt: skip
        self.now -= TICK
        self.core.start(self.now)
        self.until(BEGIN)
        self.sent.clear()  # what opened the way

    def until(self, when: int) -> None:
        while (due := self.core.deadline) is not None and due <= when:
            assert due >= self.now - TICK, "a deadline that is never met"
            self.now = max(self.now, due)
            self.core.tick(self.now)
        self.now = when

    def say(self, kind: MessageKind, name: str = "u", sound: Samples | None = None, start: int = 0, gap: int = 0,
            *, more: bool = False) -> None:  # fmt: skip
        samples = np.zeros(0, np.float32) if sound is None else sound
        self.core.say(kind, name, start, samples, gap, self.now, more=more)

    def events(self, kind: type[E]) -> list[E]:
        return [event for _, event in self.told if isinstance(event, kind)]

    @property
    def voice(self) -> list[tuple[int, RtpPacket]]:
        return [(at, packet) for at, _, packet in self.sent if packet.payload_type == 0]


def tone(ms: int, level: float = 0.5) -> Samples:
    return (level * np.sin(np.arange(RATE * ms // 1000) * 2 * np.pi * 440 / RATE)).astype(np.float32)


def test_a_spurt_leaves_at_once_and_on_its_own_grid() -> None:
    call = Call()
    call.until(BEGIN + 1_003 * MILLISECOND)
    call.say(MessageKind.PLAY, sound=tone(200))
    assert len(call.voice) == 1 and call.voice[0][0] == call.now, "the first packet leaves in the order's own moment"
    call.until(BEGIN + 3 * SECOND)
    times = [at for at, _ in call.voice]
    assert len(times) == 10 and {b - a for a, b in pairwise(times)} == {TICK}
    packets = [packet for _, packet in call.voice]
    assert [packet.marker for packet in packets] == [True] + [False] * 9
    stamps = [packet.timestamp for packet in packets]
    assert all((b - a) % (1 << 32) == 160 for a, b in pairwise(stamps))
    call.say(MessageKind.PLAY, "v", tone(40))
    second = call.voice[10]
    assert second[1].marker and (second[1].timestamp - stamps[0]) % (1 << 32) == (second[0] - times[0]) * 8 // 1_000_000
    numbers = [packet.sequence for _, _, packet in call.sent]
    assert all((b - a) % (1 << 16) == 1 for a, b in pairwise(numbers))
    assert [event.id for event in call.events(Sent)] == ["u", "v"]


def test_after_a_standstill_it_goes_on_where_it_stopped_and_none_of_it_is_sent_at_once() -> None:
    """The process was stopped, or the machine: 250 packets in one moment were thrown away by whoever got them, and
    counted as heard.
    """
    call = Call()
    call.say(MessageKind.PLAY, sound=tone(1000))
    call.until(BEGIN + 310 * MILLISECOND)
    before = len(call.voice)
    call.now += 5 * SECOND
    call.core.tick(call.now)
    assert len(call.voice) == before + 1
    assert call.sent[-1][:2] == (BEGIN + 5_310 * MILLISECOND, BEGIN + 320 * MILLISECOND), "it is told how late that was"
    call.until(BEGIN + 10 * SECOND)
    times = [at for at, _ in call.voice]
    assert len(times) == 50 and {b - a for a, b in pairwise(times[before:])} == {TICK}
    old, new = call.voice[before - 1][1], call.voice[before][1]
    assert new.marker and (new.timestamp - old.timestamp) % (1 << 32) == 160 + 4_990 * 8
    assert call.events(Played)[-1] == Played("u", RATE, BEGIN + 5_990 * MILLISECOND)


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_each_format_brings_the_sound_whole(form: Format) -> None:
    call = Call(form)
    call.say(MessageKind.PLAY, sound=tone(100), more=True)
    call.say(MessageKind.EXTEND, sound=tone(100), start=4800)
    call.until(BEGIN + SECOND)
    decoder = form.decoder()
    heard = np.concatenate([decoder.decode(packet.payload) for _, packet in call.voice])
    assert len(call.voice) == 10
    level = np.sqrt(np.mean(heard[len(heard) // 4 : len(heard) * 3 // 4] ** 2))
    assert 0.25 < level < 0.45, "a sine of 0.5"
    assert call.events(Played)[-1] == Played("u", 9600, BEGIN + 200 * MILLISECOND)


@pytest.mark.parametrize("way", [0, 150])
def test_a_barge_in_stops_within_one_packet(way: int) -> None:
    call = Call()
    call.core.way = way * MILLISECOND
    call.say(MessageKind.PLAY, sound=tone(2000))
    call.until(BEGIN + 503 * MILLISECOND)
    before = len(call.voice)
    call.say(MessageKind.CLEAR)
    call.until(BEGIN + 5 * SECOND)
    assert len(call.voice) == before + 1, "one more, in which it fades"
    faded = g711.decode(call.voice[-1][1].payload, "mu")
    assert np.abs(faded[-8:]).max() < 0.02 < np.abs(faded[:40]).max()
    (stopped,) = call.events(Stopped)
    assert stopped == Stopped("u", 540 * 48, BEGIN + (540 + way) * MILLISECOND), "when the end of it is heard"
    assert not [event for at, event in call.told if isinstance(event, Played) and at > BEGIN + 520 * MILLISECOND]


def test_a_clear_in_silence_is_answered() -> None:
    call = Call()
    call.say(MessageKind.CLEAR)
    assert call.events(Stopped) == [Stopped("", 0, BEGIN)]


def test_what_is_heard_is_what_left_less_the_way() -> None:
    call = Call()
    call.core.way = 70 * MILLISECOND
    call.say(MessageKind.PLAY, sound=tone(300))
    call.until(BEGIN + 2 * SECOND)
    for at, event in call.told:
        if isinstance(event, Played):
            assert event.samples <= (at - BEGIN - 70 * MILLISECOND) * 48 // MILLISECOND, "nobody has heard that yet"
    assert call.told[-1] == (BEGIN + 370 * MILLISECOND, Played("u", 300 * 48, BEGIN + 370 * MILLISECOND))
    times = [at for at, event in call.told if isinstance(event, Played)]
    assert 90 * MILLISECOND <= times[0] - BEGIN <= 110 * MILLISECOND and max(np.diff(times)) <= 100 * MILLISECOND


def test_what_is_on_its_way_to_the_ear_when_all_is_cleared_is_heard() -> None:
    """The last packet had left: nothing recalls it, and who is interrupted then has said all of it."""
    call = Call()
    call.core.way = 150 * MILLISECOND
    call.say(MessageKind.PLAY, sound=tone(100))
    call.until(BEGIN + 130 * MILLISECOND)
    call.say(MessageKind.PLAY, "next", tone(100), gap=RATE)
    call.say(MessageKind.CLEAR)
    assert call.events(Stopped) == [Stopped("u", 4800, BEGIN + 250 * MILLISECOND)]
    call.until(BEGIN + SECOND)
    assert all(event.at is not None and event.at <= BEGIN + 130 * MILLISECOND for event in call.events(Played))


def test_what_the_line_was_given_in_a_silence_is_not_taken_back() -> None:
    """It leaves at once: nothing is held back against jitter, as a browser does."""
    for after in (0, 5, 59):
        far = FarEnd(MANNERS)
        far.attach(BEGIN)
        far.round_trip(80)
        far.play(Utterance("u", "", "words", tone(1000)), 0, BEGIN)
        message = far.next_message(BEGIN)
        assert message is not None
        far.left("u", message.end, BEGIN)
        assert not far.withdraw("u", BEGIN + after * MILLISECOND)


@pytest.mark.parametrize("later", [50, 3000])
def test_what_is_cleared_in_a_pause_had_been_heard_a_way_after_the_last_of_it_left(later: int) -> None:
    call = Call()
    call.core.way = 150 * MILLISECOND
    call.say(MessageKind.PLAY, sound=tone(400))
    call.until(BEGIN + 101 * MILLISECOND)
    call.say(MessageKind.PAUSE)
    call.until(call.now + later * MILLISECOND)
    call.say(MessageKind.CLEAR)
    (stopped,) = call.events(Stopped)
    positions = [(event.samples, event.at) for event in call.events(Played)]
    end = (120 * 48, BEGIN + (120 + 150) * MILLISECOND)
    assert ((stopped.samples, stopped.at) == end) if later == 50 else (positions[-1] == end)


def test_pause_and_resume_lose_nothing() -> None:
    call = Call()
    call.say(MessageKind.PLAY, sound=tone(400))
    call.until(BEGIN + 101 * MILLISECOND)
    call.say(MessageKind.PAUSE)
    call.until(BEGIN + SECOND)
    paused = len(call.voice)
    assert paused == 7, "six packets, and one in which it fades"
    call.say(MessageKind.RESUME)
    assert len(call.voice) == paused + 1 and call.voice[-1][1].marker
    call.until(BEGIN + 3 * SECOND)
    assert len(call.voice) == 7 + 14
    assert isinstance(call.told[-1][1], Played) and call.told[-1][1].samples == 400 * 48


def test_what_was_withdrawn_is_never_heard() -> None:
    call = Call()
    call.say(MessageKind.PLAY, "u", tone(100))
    call.say(MessageKind.PLAY, "v", tone(100))
    call.say(MessageKind.PLAY, "w", tone(100), gap=4800)
    call.say(MessageKind.WITHDRAW, "v")
    call.say(MessageKind.EXTEND, "v", tone(100), start=4800)
    call.until(BEGIN + 2 * SECOND)
    assert [event.id for event in call.events(Sent)] == ["u", "w"]
    assert len(call.voice) == 15, "u, the gap, w"


def test_a_message_that_begins_in_the_middle_keeps_its_places() -> None:
    call = Call()
    call.say(MessageKind.PLAY, "u", tone(200), start=RATE)
    call.until(BEGIN + SECOND)
    assert isinstance(call.told[-1][1], Played) and call.told[-1][1].samples == RATE + 200 * 48


def test_digits_are_paced_and_what_is_said_holds_meanwhile() -> None:
    call = Call()
    call.say(MessageKind.PLAY, sound=tone(1000))
    call.until(BEGIN + 200 * MILLISECOND)
    call.core.press("1#", call.now)
    call.until(BEGIN + 4 * SECOND)
    keys = [(at, packet) for at, _, packet in call.sent if packet.payload_type == 101]
    reader, read = EventReader(), list[KeyPress]()
    for at, packet in keys:
        stamp = packet.timestamp + (1 << 32) * (packet.timestamp < 1 << 31)
        read += reader.read(stamp, packet.payload, at, marker=packet.marker)
    assert read == [KeyPress("1", 800), KeyPress("#", 800)] and sum(packet.marker for _, packet in keys) == 2
    first, second = (at for at, packet in keys if packet.marker)
    assert second - first == 200 * MILLISECOND, "100 ms down, 100 ms up"
    during = [at for at, _ in call.voice if first <= at < first + 400 * MILLISECOND]
    assert not during, "an event stands for the sound of its time"
    assert isinstance(call.told[-1][1], Played) and call.told[-1][1].samples == RATE, "nothing of it is lost"


@pytest.mark.parametrize("after", [0, 700], ids=["before its first word", "in its middle"])
@pytest.mark.parametrize("why", ["keys", "answer"])
def test_what_waits_for_keys_or_for_a_listener_is_not_taken_for_heard(why: str, after: int) -> None:
    """Its owner hears where it stands: without a word it would be over there, and who interrupts it then unheard."""
    call, far = Call(), FarEnd(MANNERS)
    far.attach(call.now)

    def until(when: int) -> list[PlayEvent | PlayProgress]:
        told = len(call.told)
        while call.now < when:
            while (message := far.next_message(call.now)) is not None:
                assert message.samples is not None
                call.say(message.kind, message.id, message.samples, message.start, message.gap, more=message.more)
                far.left(message.id, message.end, call.now)
            call.until(call.now + 5 * MILLISECOND)
            for _, event in call.told[told:]:
                if isinstance(event, Played):
                    far.acknowledge(event.id, event.samples, event.at, call.now)
            told = len(call.told)
            far.tick(call.now)
        return far.take_reports()

    far.play(Utterance("u", "", "words", tone(1500)), 0, call.now)
    until(call.now + after * MILLISECOND)
    if why == "keys":
        call.core.press("0123456789", call.now)
    else:
        call.core.hold("answer", call.now)
    waits = until(call.now + 1900 * MILLISECOND)
    assert not any(isinstance(each, PlayStarted | PlayEnded) for each in waits), "nothing of it leaves"
    assert sum(isinstance(each, PlayProgress) for each in waits) > 10, "and somebody is there"
    call.core.release("answer", call.now)
    assert [each.estimated for each in until(call.now + 3 * SECOND) if isinstance(each, PlayEnded)] == [False]


def test_keys_that_nobody_could_press_are_left_out() -> None:
    call = Call()
    call.core.press("1" * (MOST_KEYS + 9), call.now)
    assert call.core.refused == 1
    call.until(BEGIN + 60 * SECOND)
    assert sum(packet.marker for _, _, packet in call.sent if packet.payload_type == 101) == MOST_KEYS


def test_while_the_peer_holds_nothing_leaves_and_nothing_is_lost() -> None:
    call = Call()
    call.core.hold("peer", call.now)
    call.say(MessageKind.PLAY, sound=tone(200))
    call.core.press("5", call.now)
    call.until(BEGIN + 60 * SECOND)
    assert not call.sent
    call.core.release("peer", call.now)
    call.until(BEGIN + 63 * SECOND)
    assert [packet for _, _, packet in call.sent if packet.payload_type == 101]
    assert isinstance(call.told[-1][1], Played) and call.told[-1][1].samples == 200 * 48


def test_in_silence_a_packet_now_and_then_keeps_the_way_open() -> None:
    call = Call()
    call.until(BEGIN + 61 * SECOND)
    assert [at - BEGIN for at, _, _ in call.sent] == [number * KEEP_ALIVE - TICK for number in (1, 2, 3, 4)]
    assert all(set(packet.payload) == {g711.SILENCE["mu"]} for _, _, packet in call.sent)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["play", "extend", "pause", "resume", "clear", "withdraw", "keys", "hold", "free"]),
                  st.integers(0, 300), st.integers(1, 260)),
        max_size=25,
    )
)  # fmt: skip
def test_whatever_is_ordered_the_grid_holds(orders: list[tuple[str, int, int]]) -> None:
    call = Call()
    call.core.say(MessageKind.PLAY, "u0", 0, tone(50), 0, call.now, more=True)
    names, ends = ["u0"], {"u0": 2400}
    for what, wait, ms in orders:
        call.until(call.now + wait * MILLISECOND + wait % 7 * 131_071)
        match what:
            case "play":
                names.append(f"u{len(names)}")
                call.say(MessageKind.PLAY, names[-1], tone(ms), more=bool(ms % 2))
                ends[names[-1]] = ms * 48
            case "extend":
                call.say(MessageKind.EXTEND, names[-1], tone(ms), start=ends[names[-1]], more=bool(ms % 2))
                ends[names[-1]] += ms * 48
            case "pause" | "resume" | "clear":
                call.say(MessageKind(what))
            case "withdraw":
                call.say(MessageKind.WITHDRAW, names[-1])
            case "keys":
                call.core.press("7", call.now)
            case "hold":
                call.core.hold("peer", call.now)
            case _:
                call.core.release("peer", call.now)
    call.core.release("peer", call.now)
    call.say(MessageKind.RESUME)
    call.say(MessageKind.CLEAR)
    call.until(call.now + 10 * SECOND)
    before = None
    for at, packet in call.voice:
        place = (packet.timestamp - 4_294_967_000) % (1 << 32)
        if before is not None:
            assert place - before[1] >= 160, "no two packets stand for one time"
            if not packet.marker:
                assert place - before[1] == 160 and abs(at - before[0] - TICK) < SECOND // 8000
        before = (at, place)
    heard: dict[str, int] = {}
    for _, event in call.told:
        if isinstance(event, Played | Stopped) and event.id:
            assert heard.get(event.id, 0) <= event.samples <= ends[event.id]
            heard[event.id] = event.samples


def heard(packets: list[RtpPacket], forms: dict[int, Format]) -> Samples:
    """All of it at 48 kHz, whatever format each packet is in."""
    made_once = {form.name: form.decoder() for form in forms.values()}
    decoders = {kind: made_once[form.name] for kind, form in forms.items()}
    made: list[Samples] = []
    for packet in packets:
        form = forms[packet.payload_type]
        made.append(resample(decoders[packet.payload_type].decode(packet.payload), form.rate))
    return np.concatenate(made)


@pytest.mark.parametrize("before", FORMATS, ids=lambda form: form.name)
@pytest.mark.parametrize("after", FORMATS, ids=lambda form: form.name)
@pytest.mark.parametrize("ahead", [True, False], ids=["whole", "in pieces"])
def test_another_format_in_the_middle_of_a_word_cuts_nothing(before: Format, after: Format, ahead: bool) -> None:
    call, sound = Call(before), tone(1000)
    if ahead:
        call.say(MessageKind.PLAY, sound=sound)
    else:
        call.say(MessageKind.PLAY, sound=sound[: RATE // 2], more=True)
    call.until(BEGIN + 311 * MILLISECOND)
    call.core.change(after, 5, 102, 8, 20, call.now)
    if not ahead:
        call.say(MessageKind.EXTEND, sound=sound[RATE // 2 :], start=RATE // 2)
    call.until(BEGIN + 3 * SECOND)
    packets = [packet for _, _, packet in call.sent if packet.payload_type in (0, 5)]
    assert [packet.payload_type for packet in packets] == [0] * 16 + [5] * 34, "at the very next packet"
    assert {b.sequence - a.sequence & 0xFFFF for a, b in pairwise(packets)} == {1}
    times = [at for at, _, packet in call.sent if packet.payload_type in (0, 5)]
    assert {b - a for a, b in pairwise(times)} == {TICK}, "on its grid"
    assert len({packet.ssrc for packet in packets}) == 1 + (before.clock != after.clock)
    assert call.told[-1] == (BEGIN + SECOND, Played("u", RATE, BEGIN + SECOND)), "heard to the sample"
    assert not call.events(Stopped) and not call.core.refused
    whole = heard(packets, {0: before, 5: after})
    switched = range(16 * 960, 17 * 960) if after is OPUS else range(0)  # Opus begins with some ms of its own
    places = [at for at in range(4800, RATE - 9600, 480) if at not in switched]
    level = [float(np.sqrt(np.mean(whole[at : at + 480] ** 2))) for at in places]
    assert min(level) > 0.28, f"a hole or a fade of 10 ms in a sine of 0.5: {min(level):.2f}"


@pytest.mark.parametrize("before", FORMATS, ids=lambda form: form.name)
@pytest.mark.parametrize("then", [[PCMU], [PCMU, G722], [PCMU, G722, OPUS]], ids=len)
@pytest.mark.parametrize("rest", [0, 1])
def test_an_open_utterance_of_any_length_ends_after_formats_have_changed(
    before: Format, then: list[Format], rest: int
) -> None:
    """All of it was there, and it was not known that it was all: what closes it is no shorter than what plays."""
    for count in range(4800, 4812):
        call, samples = Call(before), tone(200)
        call.say(MessageKind.PLAY, sound=samples[:count], more=True)
        call.until(BEGIN + 31 * MILLISECOND)
        for form in then:
            call.core.change(form, 5, 101, 8, 20, call.now)
        call.say(MessageKind.EXTEND, sound=samples[count : count + rest], start=count)
        call.say(MessageKind.PLAY, "next", tone(20))
        call.until(BEGIN + SECOND)
        ends = [(event.id, event.samples) for event in call.events(Played)]
        assert ("u", count + rest) in ends and ends[-1] == ("next", 960) and not call.core.refused


def test_a_format_that_comes_while_it_is_held_goes_on_where_it_was() -> None:
    call = Call(G722)
    call.say(MessageKind.PLAY, sound=tone(400))
    call.until(BEGIN + 101 * MILLISECOND)
    call.core.hold("peer", call.now)
    call.until(BEGIN + 151 * MILLISECOND)
    call.core.change(PCMU, 0, 101, 8, 20, call.now)
    call.until(BEGIN + SECOND)
    call.core.release("peer", call.now)
    call.until(BEGIN + 3 * SECOND)
    last = call.told[-1][1]
    assert len(call.voice) == 7 + 14 and isinstance(last, Played) and last.samples == 400 * 48


@pytest.mark.parametrize(("form", "ptime", "sent"), [(PCMU, 10, 10), (PCMU, 30, 30), (PCMU, 37, 30), (PCMU, 0, 20),
    (PCMU, 200, 60), (G722, 40, 40), (G722, 30, 20), (OPUS, 60, 60), (OPUS, 10, 20)])  # fmt: skip
def test_packets_are_as_long_as_the_other_end_wishes(form: Format, ptime: int, sent: int) -> None:
    call = Call(form)
    call.say(MessageKind.PLAY, sound=tone(1200))
    call.until(BEGIN + 601 * MILLISECOND)
    call.core.change(form, 5, 101, 8, ptime, call.now)
    call.until(BEGIN + 3 * SECOND)
    packets = [(at, packet) for at, _, packet in call.sent if packet.payload_type == 5]
    assert {b - a for (a, _), (b, _) in pairwise(packets)} == {sent * MILLISECOND}
    assert {form.duration(packet.payload) for _, packet in packets} == {form.clock * sent // 1000}
    stamps = [packet.timestamp for _, packet in packets]
    assert {b - a & 0xFFFFFFFF for a, b in pairwise(stamps)} == {form.clock * sent // 1000}
    assert isinstance(call.told[-1][1], Played) and call.told[-1][1].samples == 1200 * 48


def test_a_key_goes_on_under_another_number() -> None:
    call = Call()
    call.core.press("5", call.now)
    call.until(BEGIN + 50 * MILLISECOND)
    call.core.change(PCMU, 0, 120, 8, 20, call.now)
    call.until(BEGIN + SECOND)
    reader, read = EventReader(), list[KeyPress]()
    for at, _, packet in call.sent:
        if packet.payload_type in (101, 120):
            read += reader.read(packet.timestamp, packet.payload, at, marker=packet.marker)
    assert read == [KeyPress("5", 800)]
