"""What a far end says, from its RTP: packets in, blocks of 16 kHz on the source's own clock out. No I/O, no clock.

Packets pass the jitter buffer, which holds back nothing that comes in its turn; what is lost is made up (faded within
60 ms); a pause of the source's is silence, or the noise that it described (RFC 3389). Nothing here is played at a pace
of ours, so a source whose clock runs fast or slow loses and gains nothing: its blocks are numbered as it counts, and
who hears them places them on our clock (:mod:`duologue.dialogue.listening.source_clock`), where a drift shows in pauses
alone.

Packets say by their types what they hold: who may speak in several formats does so as they like, and what is under way
in the format of before, when something else is agreed upon in mid-call, is heard as well. The numbers run on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from duologue.audio.pcm import Samples
from duologue.clock import SECOND
from duologue.errors import InputError
from duologue.phone.leg import HEARD_RATE, Digit
from duologue.phone.leg_limits import Allowance
from duologue.phone.media.codecs import Decoder, Format
from duologue.phone.media.concealment import Concealment
from duologue.phone.media.doubling import to_ears
from duologue.phone.media.jitter_buffer import Arrived, JitterBuffer, Lost, Paused, Piece
from duologue.phone.media.reception import Reception, ReceptionReport
from duologue.phone.media.rtp import RtpPacket, Unwrapped
from duologue.phone.media.telephone_events import EventReader, KeyPress

COMFORT_NOISE = 13
KEYS = 20, 64
"""Of a telephone: a second on the average, and at once. Each is shown on pages, and kept in the ledger."""
MOST_FILLED_MS = 1000
"""Of a pause so much is filled; of a longer one only the end, and who hears it sees the hole."""


class IncomingCall:
    """Of one call. ``heard`` gets the number of a block's first sample and the block, ``pressed`` each key once.

    ``events`` is the payload type of digits, which count how long they last by ``events_clock`` (Hz; 0: the format's);
    ``others`` may come as well. Methods take ``now`` (ns); :attr:`deadline` is when :meth:`tick` is wanted.
    """

    def __init__(
        self, form: Format, payload_type: int, events: int | None,
        heard: Callable[[int, Samples], None], pressed: Callable[[Digit], None], seed: int = 1,
        *, events_clock: int = 0, others: Iterable[tuple[int, Format]] = (),
    ) -> None:  # fmt: skip
        self.strange = 0
        """Packets that hold nothing that was agreed upon, and keys that are too many."""
        self.ssrc: int | None = None
        self.last = 0
        """When the newest packet came (ns)."""
        self._form = form
        self._formats: dict[int, Format] = {}
        self._events: dict[int, int] = {}
        """The payload types of digits, and their clocks."""
        self._wanted: frozenset[int] = frozenset()
        """The clocks of what was agreed upon last."""
        self._heard, self._pressed = heard, pressed
        self._noise = np.random.default_rng(seed)
        self._clock = form.clock
        """Of the timestamps (Hz)."""
        self.buffer = JitterBuffer(form.clock)
        self._keys = EventReader()
        self._allowance = Allowance(*KEYS)
        self._pressed_by = form.clock
        """The clock of the key that is down."""
        self._other: int | None = None
        self._anew = False
        """Another source is counted already, and not yet heard."""
        self._count_anew()
        self._level = 0.0
        self._begin()
        self._next = 0
        """The number of the next sample that is told (16 kHz)."""
        self._origin: int | None = None
        """What the source's clock showed when ours, in its units, was 0."""
        self._told_at = 0
        self.change(form, payload_type, events, events_clock=events_clock, others=others)

    def change(
        self, form: Format, payload_type: int, events: int | None, *, events_clock: int = 0,
        others: Iterable[tuple[int, Format]] = (),
    ) -> None:  # fmt: skip
        """This is agreed upon from now on; what was agreed before may still be under way."""
        agreed = {**dict(others), payload_type: form}
        for number in agreed:
            self._events.pop(number, None)
        self._formats |= agreed
        if events is not None:
            self._formats.pop(events, None)
            self._events[events] = events_clock or form.clock
        self._wanted = frozenset(each.clock for each in agreed.values())

    def end(self) -> None:
        """The last word, once. See :meth:`~duologue.phone.media.outgoing.Outgoing.end`."""
        del self._heard, self._pressed

    @property
    def deadline(self) -> int | None:
        """When :meth:`tick` is wanted."""
        hole, key = self.buffer.deadline, self._keys.deadline
        if hole is None or key is None:
            return key if hole is None else hole
        return min(hole, key)

    @property
    def jitter_ms(self) -> float:
        """Of RFC 3550."""
        return self._reception.jitter_ms

    @property
    def report(self) -> ReceptionReport | None:
        """The next report block; None while nothing has come."""
        return None if self.ssrc is None else self._reception.report(self.ssrc)

    def receive(self, packet: RtpPacket, now: int) -> None:
        """A packet of the negotiated peer's."""
        kind = packet.payload_type
        form = self._formats.get(kind)
        clock = form.clock if form is not None else self._stamped(kind)
        if clock != self._clock and clock not in self._wanted:  # also what is overtaken by the clock after it
            self.strange += 1
            return
        passed, self.last = (now - self.last) * clock // SECOND if self.last else 0, now
        if clock != self._clock:
            self._change_clock(clock, now)
        if self._counted(packet, now, passed) and kind in self._events:
            self._press(packet, now)
        self._settle(self.buffer.put(packet, form.duration(packet.payload) if form else 0, now), now)

    def tick(self, now: int) -> None:
        """What is missing is waited for no longer."""
        self._settle(self.buffer.tick(now), now)
        self._tell_keys(self._keys.tick(now))

    def _stamped(self, kind: int) -> int:
        """The clock by which a packet is stamped that is no sound; 0: it is nothing that was agreed upon. Digits on one
        that is no sound's stand among the sound's, as they are not meant to, and only their lengths are by their own.
        """
        if kind in self._events:
            own = self._events[kind]
            return own if own in self._wanted else self._clock
        return self._clock if kind == COMFORT_NOISE else 0

    def _counted(self, packet: RtpPacket, now: int, passed: int) -> bool:
        """Whether it is of the source that is heard, so many units of its clock after the packet before; another one is
        believed with its second packet.
        """
        if packet.ssrc != self.ssrc:
            if self.ssrc is not None and packet.ssrc != self._other:
                self._other = packet.ssrc
                return False
            self._anew = self.ssrc is not None
            self.ssrc, self._other = packet.ssrc, None
            self._count_anew()
        stamp = self._stamps(packet.timestamp, passed)
        self._reception.arrived(self._sequences(packet.sequence), stamp, now)
        return True

    def _count_anew(self) -> None:
        self._tell_keys(self._keys.release())
        self._sequences, self._stamps = Unwrapped(16), Unwrapped(32)
        self._reception, self._keys = Reception(self._clock), EventReader()

    def _press(self, packet: RtpPacket, now: int) -> None:
        stamp = self._stamps.peek(packet.timestamp)
        try:
            self._pressed_by = self._events[packet.payload_type]
            self._tell_keys(self._keys.read(stamp, packet.payload, now, marker=packet.marker))
        except InputError:
            self.strange += 1

    def _tell_keys(self, keys: tuple[KeyPress, ...]) -> None:
        for each in keys:
            if not self._allowance.take(1, self.last):
                self.strange += 1
                continue
            self._pressed(Digit(each.key, each.ticks * 1000 // self._pressed_by))

    # Sound

    def _begin(self) -> None:
        self._decoder: Decoder = self._form.decoder()
        self._concealment = Concealment(self._form.rate)
        self._renew()

    def _change_clock(self, clock: int, now: int) -> None:
        """The source goes on by another clock (RFC 7160): what it counts begins anew, ours goes on."""
        self._settle(self.buffer.finish(), now)
        self._flush()
        self._tell_keys(self._keys.release())  # in ticks of the clock before
        self._clock, self.buffer, self._origin, self.ssrc = clock, JitterBuffer(clock), None, None
        self._count_anew()

    def _speak(self, form: Format) -> None:
        """What follows is in this format."""
        if form is not self._form:
            self._flush()
            self._form = form
            self._begin()

    def _renew(self) -> None:
        same = self._form.rate == HEARD_RATE
        self._resampler = None if same else to_ears(self._form.rate)

    def _settle(self, pieces: tuple[Piece, ...], now: int) -> None:
        for piece in pieces:
            match piece:
                case Arrived(at, packet):
                    if (form := self._formats.get(packet.payload_type)) is not None and form.clock == self._clock:
                        self._speak(form)
                        self._give(at, self._decoded(packet.payload), now)
                    elif packet.payload_type == COMFORT_NOISE and packet.payload:
                        self._level = 10 ** (-(packet.payload[0] & 0x7F) / 20)
                case Lost(at, count):
                    self._give(at, self._concealment.conceal(self._samples(count)), now)
                case Paused(at, count):
                    self._pause(at, count, now)
                case _:
                    self._origin = None
                    if not self._anew:  # the same source, whose clock has leapt
                        self._count_anew()
                    self._anew = False
                    self._begin()

    def _decoded(self, payload: bytes) -> Samples:
        try:
            samples = self._decoder.decode(payload)
        except InputError:
            self.strange += 1
            ticks = self._form.duration(payload)
            return self._concealment.conceal(self._samples(ticks))
        return self._concealment.heard(samples)

    def _pause(self, at: int, count: int, now: int) -> None:
        most = MOST_FILLED_MS * self._clock // 1000
        if count > most:
            if self._origin is not None:
                self._flush()
                self._next = self._place(at + count - most)
            at, count = at + count - most, most
        noise = self._noise.standard_normal(self._samples(count)).astype(np.float32) * np.float32(self._level)
        self._give(at, self._concealment.heard(noise), now)

    def _samples(self, ticks: int) -> int:
        """Of the format that was heard last, in so many ticks of the clock."""
        return ticks * self._form.rate // self._clock

    def _place(self, at: int) -> int:
        assert self._origin is not None
        return (at - self._origin) * HEARD_RATE // self._clock

    def _give(self, at: int, samples: Samples, now: int) -> None:
        """Sound from the source's sample ``at`` on."""
        if not len(samples):
            return
        if self._origin is None:  # a new source goes on where ours would be by now: this ends now
            passed = (now - self._told_at) * HEARD_RATE // SECOND - len(samples) * HEARD_RATE // self._form.rate
            self._next += max(0, passed) if self._told_at else 0
            self._origin = at - self._next * self._clock // HEARD_RATE
            self._renew()
        made = samples if self._resampler is None else self._resampler.push(samples)
        self._told_at = now
        self._tell(made)

    def _flush(self) -> None:
        if self._resampler is not None:
            self._tell(self._resampler.finish())
            self._renew()

    def _tell(self, samples: Samples) -> None:
        if len(samples):
            self._heard(self._next, samples)
            self._next += len(samples)
