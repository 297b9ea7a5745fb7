"""Three days of one call: no clock overflows, drifts away or wears out, and no word is lost for it."""

from __future__ import annotations

import json
from random import Random
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_twilio_messages import START
from test_twilio_stream import media

from duologue.audio.far_playout import MessageKind
from duologue.audio.pcm import RATE, Samples
from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.listening.source_clock import SourceClock
from duologue.phone.audiosocket.frames import AudioSocketStream, Kind, write_frame, write_sound
from duologue.phone.leg import Digit, LegEvent, Played, Sound
from duologue.phone.media.codecs import FORMATS, OPUS, PCMU, Format
from duologue.phone.media.incoming import IncomingCall
from duologue.phone.media.outgoing import Outgoing
from duologue.phone.media.reports import Reports
from duologue.phone.media.rtcp import Rtcp
from duologue.phone.media.rtp import RtpPacket
from duologue.phone.media.telephone_events import press
from duologue.phone.twilio.stream import TwilioStream

HOUR = 3600 * SECOND
DAYS = 72 * HOUR
MOST_PPM = 900
"""A thousandth is what is allowed for."""


@settings(deadline=None)
@given(ppm=st.integers(-MOST_PPM, MOST_PPM), pauses=st.lists(st.integers(1, 20_000), min_size=12, max_size=40))
def test_a_twilio_stream_is_heard_to_its_end_whatever_its_clock_does(ppm: int, pauses: list[int]) -> None:
    stream = TwilioStream("CA1")
    stream.receive(json.dumps(START), 0)
    number = 0
    for pause in pauses:  # seconds between two words
        number += pause * 50
        now = 20 * MILLISECOND * number + MILLISECOND
        stamp = number * 20 * (1_000_000 + ppm) // 1_000_000
        (told,) = stream.receive(media(number, stamp), now)
        assert isinstance(told, Sound) and abs(told.at - stamp * 16) <= 16
    assert not stream.counts.total()


@pytest.mark.parametrize("ppm", [-MOST_PPM, -100, 100, MOST_PPM])
def test_an_audiosocket_is_heard_without_a_hole_whatever_its_clock_does(ppm: int) -> None:
    """It counts by its frames alone: two hours of the worst clock are as far off as three days of a usual one."""
    stream = AudioSocketStream()
    stream.receive(write_frame(Kind.IDENTITY, UUID(int=5).bytes), 0)
    frame, place, now = write_sound(0x10, np.full(32_000, 0.25, np.float32)), 0, 0
    for number in range(1, 1801):
        now = number * 4 * SECOND * 1_000_000 // (1_000_000 + ppm)
        (told,) = stream.receive(frame, now)
        assert isinstance(told, Sound) and abs(told.at - place) <= 64, "a hole in the middle of a word"
        place = told.at + len(told.samples)
    assert not stream.counts["fast"] and not stream.counts["pauses"]
    (told,) = stream.receive(frame, now + 14 * SECOND)
    assert isinstance(told, Sound) and abs(told.at - place - 10 * 16_000) < 16_000 / 5, "a pause is one all the same"


class Heard:
    """What of a call's sound came, on our clock."""

    def __init__(self, form: Format, kind: int, events: int) -> None:
        self.keys: list[Digit] = []
        self.incoming = IncomingCall(form, kind, events, self._take, self.keys.append)
        self.source = SourceClock()
        self.now = 0
        self.worst = self.samples = 0

    def _take(self, at: int, samples: Samples) -> None:
        end = self.source.place(at, len(samples), self.now).end
        self.worst = max(self.worst, abs(self.now - end))
        self.samples += len(samples)


@settings(deadline=None, max_examples=20)
@given(
    form=st.sampled_from([each for each in FORMATS if each.name in ("opus", "PCMU")]), ppm=st.integers(-300, 300),
    seed=st.integers(0, 1000), runs_on=st.booleans(),
)  # fmt: skip
def test_a_telephone_is_heard_for_three_days_on_hold_now_and_then(
    form: Format, ppm: int, seed: int, runs_on: bool
) -> None:
    """Stamps wrap after 24.8 h of Opus and 149 h of G.711; ``runs_on``: also through a hold of hours."""
    chance = Random(seed)
    heard = Heard(form, 96, 101)
    sequence, stamp = chance.getrandbits(16), chance.getrandbits(32)
    encoder, now, words, keys = form.encoder(20), SECOND, 0, 0

    def give(kind: int, payload: bytes, *, marker: bool = False) -> None:
        nonlocal sequence
        sequence = sequence + 1 & 0xFFFF
        heard.now = now
        heard.incoming.receive(RtpPacket(kind, sequence, stamp & 0xFFFFFFFF, 7, payload, marker), now)

    while now < DAYS:
        for number in range(20):
            give(96, encoder.encode(np.zeros(form.packet, np.float32)), marker=not number)
            stamp, now = stamp + form.ticks, now + 20 * MILLISECOND * 1_000_000 // (1_000_000 + ppm)
            words += 320
        begun = stamp
        for each in press("5", form.clock):
            stamp = begun + each.timestamp
            give(101, each.payload, marker=each.marker)
            now += 20 * MILLISECOND
        keys += 1
        stamp = begun + form.ticks * 12
        hold = chance.choice((2, 600, 7200, 15 * 3600))
        now += hold * SECOND
        stamp += hold * form.clock * (1_000_000 + ppm) // 1_000_000 if runs_on else 0
        heard.incoming.tick(now)
    assert len(heard.keys) == keys and heard.samples >= words - 400 * keys
    assert heard.incoming.strange == 0


@pytest.mark.parametrize("form", [OPUS, PCMU])
def test_what_is_said_leaves_on_its_grid_for_three_days_and_is_told_to_the_sample(form: Format) -> None:
    sent: list[tuple[RtpPacket, int]] = []
    told: list[LegEvent] = []
    out = Outgoing(form, 96, None, 7, 65_530, 0xFFFFFF00, lambda packet, due: sent.append((packet, due)), told.append)
    out.start(SECOND)
    first = 0xFFFFFF00
    for hour in range(0, 73, 6):
        now = SECOND + hour * HOUR + 20 * MILLISECOND
        sent.clear()
        out.say(MessageKind.PLAY, f"u{hour}", 0, np.full(RATE // 10, 0.1, np.float32), 0, now, more=False)
        until = now + SECOND
        while (due := out.deadline) is not None and due <= until:
            out.tick(due)
        speech = [(packet, due) for packet, due in sent if due >= now]
        dues = [due for _, due in speech]
        assert len(dues) >= 5 and dues[0] - now < 20 * MILLISECOND
        assert np.ptp(np.diff(dues)) <= 2, "each 20 ms after the one before"
        for packet, due in speech:
            expected = first + (due - SECOND) * form.clock // SECOND
            assert abs((packet.timestamp - expected + 2) & 0xFFFFFFFF) <= 4
        assert Played(f"u{hour}", RATE // 10, told[-1].at if isinstance(told[-1], Played) else None) == told[-1]
    reports = Reports(7, "name", Random(1), SECOND)
    made = Rtcp.parse(reports.make(DAYS, DAYS, (1 << 33, 1 << 40, out.timestamp(DAYS)), None))
    assert made.sender is not None and (made.sender.packets, made.sender.octets) == (0, 0), "they wrap"
