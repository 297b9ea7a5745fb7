"""What a far end is to hear, as RTP: messages of ``RemoteSink`` in, packets out in their time. No I/O, no clock.

Sound is brought to the format's rate as it comes, laid on the playout, and leaves in talk-spurts, each on a grid of its
own (:mod:`duologue.audio.spurts`): the first packet in the call that brought the sound, with the marker bit. A packet
is of 20 ms, or of what the far end asks for. The format may change in the middle of a word: the next packet goes on.
In silence nothing is sent but, now and then, one packet that keeps the way open (RFC 6263). Digits (RFC 4733) are paced
on the same clock; what is said holds meanwhile.

What has **left** is not yet heard: positions are told when they have reached the far end's ear, that is after the
packet's own length and the way there (half the round trip of its RTCP reports).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from duologue.audio.far_playout import MessageKind
from duologue.audio.pcm import RATE, Samples
from duologue.audio.playout import Block
from duologue.audio.resample import StreamResampler, resample, rescale
from duologue.audio.spurts import Spurts
from duologue.clock import MILLISECOND, SECOND
from duologue.errors import DuologueError
from duologue.phone.leg import LegEvent, Played, Sent, Stopped
from duologue.phone.media.codecs import PACKET_MS, Format
from duologue.phone.media.rtp import RtpPacket
from duologue.phone.media.telephone_events import EventPacket, duration, press

KEEP_ALIVE = 15 * SECOND
"""So long nothing is sent before a packet keeps the way open."""
TOLD_EVERY = 100 * MILLISECOND
"""Between two positions that are told."""
MOST_KEYS = 64
"""That wait to be pressed."""
MOST_UNHEARD = 512
"""Positions under way: some ten seconds of round trip."""
_OVERLAP = RATE // 100
"""Samples that a filter begins with which takes over from another: 10 ms."""


@dataclass(slots=True, eq=False)
class _Item:
    """``start`` is its first sample here, ``end`` the one after its last that came (of 48 kHz), ``newest`` the last few
    of those; ``place`` is the one after the last that left; ``samples`` are of the format's rate. ``skip``: so much of
    what the filter gives is there already.
    """

    start: int
    end: int
    place: int
    samples: Samples
    resampler: StreamResampler | None
    newest: Samples
    skip: int = 0
    more: bool = True
    sent: bool = False
    cut: bool = False

    def new(self, made: list[Samples]) -> list[Samples]:
        """Of what the filter gave, what is not there yet."""
        found: list[Samples] = []
        for each in made:
            found.append(each[self.skip :])
            self.skip = max(0, self.skip - len(each))
        return found


class Outgoing(Spurts):
    """Of one call. ``send`` gets each packet and when it was due; ``tell`` what happened."""

    def __init__(
        self, form: Format, payload_type: int, events: int | None, ssrc: int, sequence: int, timestamp: int,
        send: Callable[[RtpPacket, int], None], tell: Callable[[LegEvent], None], ptime: int = PACKET_MS,
        events_clock: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(self._pack, form.rate, form.packet_ms(ptime), silence=False)
        self.ssrc = ssrc
        self.packets = self.octets = 0
        """Sent so far as this source, and bytes of their payloads."""
        self.way = 0
        """How long a packet takes to the far end's ear (ns)."""
        self.refused = 0
        """Messages that could not be taken."""
        self._form, self._type, self._events = form, payload_type, events
        self._events_clock = events_clock or form.clock
        self._ptime = ptime
        self._encoder = form.encoder(form.packet_ms(ptime))
        self._sequence, self._timestamp = sequence, timestamp
        self._send, self._tell = send, tell
        self._items: dict[str, _Item] = {}
        self._unheard: deque[tuple[int, str, int, bool]] = deque(maxlen=MOST_UNHEARD)
        self._told = 0
        self._after: int | None = None  # the place after the newest packet
        self._stood = 0
        """So much later than it was due the next packet leaves, because nobody came to send it (ns)."""
        self._last = 0
        self._now = 0
        self._holders: set[str] = set()
        self._keys: deque[str] = deque()
        self._pressing: deque[EventPacket] = deque()
        self._press_at = self._press_ends = 0

    def end(self) -> None:
        """The last word, once. Whom it tells is let go of, who has this: what refers to each other, with all sound that
        was still to be said, is gone only when the collector comes.
        """
        del self._write, self._send, self._tell

    # Orders

    def start(self, now: int) -> None:
        """The way is open: the first packet, of silence, shows ours to the far end's network."""
        self._now = now
        self._start_at(now)
        self._last = now - KEEP_ALIVE if self._after is None else now
        self.tick(now)

    def change(
        self, form: Format, payload_type: int, events: int | None, ssrc: int, ptime: int, now: int,
        events_clock: int = 0, *, anew: bool = False,
    ) -> None:  # fmt: skip
        """This is agreed upon from now on. What is being said goes on with the next packet, to the sample; on another
        clock (RFC 7160, section 4.1), or ``anew``, as source ``ssrc``, with a key that is being pressed left as it is.
        """
        self._now = now
        before, self._type, self._events = self._form, payload_type, events
        if anew or form.clock != before.clock:
            self.ssrc, self.packets, self.octets = ssrc, 0, 0  # RFC 3550, section 6.4.1: they are a source's
            self._pressing.clear()
        if (clock := events_clock or form.clock) != self._events_clock:
            self._events_clock = clock
            self._pressing.clear()
        if (form, ptime) == (before, self._ptime):
            return
        self._form, self._ptime = form, ptime
        if form.rate != before.rate:
            for item in self._items.values():
                _retune(item, before.rate, form.rate)
        goes_on = self._after == self._written
        self._retune(form.rate, form.packet_ms(ptime))
        self._after = self._written if goes_on else None
        self._encoder = form.encoder(form.packet_ms(ptime))

    def say(
        self, kind: MessageKind, item_id: str, start: int, samples: Samples, gap: int, now: int, *, more: bool
    ) -> None:
        """A message (see docs/far-ends.md); ``samples`` and ``gap`` are of 48 kHz."""
        self._now = now
        match kind:
            case MessageKind.PLAY | MessageKind.EXTEND:
                self._grow(kind, item_id, start, samples, gap, now, more=more)
            case MessageKind.WITHDRAW:
                if self._playout.withdraw(item_id):
                    self._items.pop(item_id, None)
            case MessageKind.PAUSE:
                self.hold("order", now)
            case MessageKind.RESUME:
                self.release("order", now)
            case MessageKind.CLEAR:
                self._clear(now)

    def hold(self, why: str, now: int) -> None:
        """Nothing plays while anybody holds it."""
        self._now = now
        self._holders.add(why)
        self._hold()
        self._tell_heard(now)

    def release(self, why: str, now: int) -> None:
        """This one does no more."""
        self._now = now
        self._holders.discard(why)
        if not self._holders:
            self._go_on(now)

    @property
    def presses(self) -> bool:
        """Whether the far end takes digits."""
        return self._events is not None

    def press(self, keys: str, now: int) -> None:
        """Send digits, after those that wait already; more than :data:`MOST_KEYS` are left out."""
        self._now = now
        room = max(0, MOST_KEYS - len(self._keys))
        self._keys.extend(keys[:room])
        self.refused += len(keys) > room
        self.tick(now)

    # Time

    @property
    def deadline(self) -> int | None:
        """When :meth:`tick` is wanted."""
        if not self._running:
            return None
        due = super().deadline
        if self._pressing:
            due = self._earlier(due, self._press_at + self._ns(self._pressing[0].after))
        elif self._keying:
            due = self._earlier(due, max(self._press_ends, self.at if self._sounding or self._fresh else self._now))
        elif self._idle:
            due = self._earlier(due, self._last + KEEP_ALIVE)
        if self._unheard and not self._sounding:
            due = self._earlier(due, self._unheard[-1][0])
        elif self._held_back is not None:
            due = self._earlier(due, max(self._told + TOLD_EVERY, self._now))
        return due

    def tick(self, now: int) -> None:
        """Send what is due, tell what was heard."""
        self._now = now
        if not self._running:
            return
        self._stood += self._pass_standstill(now)
        while (due := super().deadline) is not None and due <= now:
            if self._sounding:
                self._step()
            else:
                self._fresh = False
        self._press_keys(now)
        if self._idle and now >= self._last + KEEP_ALIVE:
            self._keep_alive(now)
        self._tell_heard(now)

    @property
    def _keying(self) -> bool:
        """Keys are to be pressed, or what is said waits for the last one's end."""
        return (bool(self._keys) and "peer" not in self._holders) or "keys" in self._holders

    @property
    def _held_back(self) -> str | None:
        """What would play if nobody but us held it: keys are pressed, or who calls does not listen yet."""
        if self._sounding or self._unheard or not self._holders or "order" in self._holders:
            return None
        return self._playout.current or next(iter(self._playout.queued), None)

    @property
    def _idle(self) -> bool:
        """Nothing is sent, and something might be."""
        return not (self._sounding or self._keying or self._pressing or "peer" in self._holders)

    # Messages

    def _grow(
        self, kind: MessageKind, item_id: str, start: int, samples: Samples, gap: int, now: int, *, more: bool
    ) -> None:
        item = self._items.get(item_id)
        if kind is MessageKind.EXTEND and (item is None or item.cut or not item.more):
            return  # of what is over nothing more is played
        begins = item is None
        if item is not None and kind is MessageKind.PLAY:
            self.refused += 1
            return
        if item is None:
            empty = np.zeros(0, np.float32)
            resampler = StreamResampler(RATE, self._rate) if self._rate != RATE else None
            item = _Item(start, start, start, empty, resampler, empty)
        made: list[Samples] = []
        if len(samples):
            made.append(samples if item.resampler is None else item.resampler.push(samples))
            item.newest = np.concatenate([item.newest, samples])[-_OVERLAP:]
        if not more and item.resampler is not None:
            made.append(item.resampler.finish())
        grown = np.concatenate([item.samples, *item.new(made)])
        item.end, item.more = item.end + len(samples), more
        if not more:  # to the sample, whatever the filter gave; what the playout has stays
            grown = _exactly(grown, max(len(item.samples), -(-(item.end - item.start) * self._rate // RATE)))
        item.samples = grown
        try:
            if begins:
                self._items[item_id] = item
                self._enqueue(item_id, grown, gap * self._rate // RATE, now, more=more)
            else:
                self._playout.extend(item_id, grown, more=more)
        except DuologueError:
            self.refused += 1
            if begins:
                del self._items[item_id]
            self._tell(Stopped(item_id, start, now))

    def _clear(self, now: int) -> None:
        playing = self._playout.current
        for dropped in self._playout.queued:
            self._items.pop(dropped, None)
        if playing is not None and playing in self._items:
            self._items[playing].cut = True
        self._fall_silent(now)
        self._holders.discard("order")
        if self._holders:
            self._paused = True
        if playing is None:  # what has left is heard all the same
            when, name, place, _ = self._unheard[-1] if self._unheard else (now, "", 0, True)
            self._unheard.clear()
            self._tell(Stopped(name, place, when))

    # What leaves

    def _pack(self, samples: Samples) -> None:
        place, due = self._written, self.at - self._stood
        marker = place != self._after
        self._after, self._stood = place + self._count, 0
        self._packet(self._encoder.encode(samples), self._form.clock_ticks(place), self._type, due, marker=marker)

    def _packet(self, payload: bytes, timestamp: int, kind: int, due: int, *, marker: bool) -> None:
        stamp = self._timestamp + timestamp & 0xFFFFFFFF
        self._send(RtpPacket(kind, self._sequence, stamp, self.ssrc, payload, marker), due)
        self._sequence = self._sequence + 1 & 0xFFFF
        self.packets += 1
        self.octets += len(payload)
        self._last = self._now

    def timestamp(self, now: int) -> int:
        """Of the RTP clock at ``now``."""
        return self._timestamp + (now - self.began) * self._form.clock // SECOND & 0xFFFFFFFF

    def _keep_alive(self, now: int) -> None:
        """20 ms of silence, at their place."""
        self._pass_silence(now)
        self._pack(self._nothing)
        if not self._paused:
            self._playout.rest(self._count)
        self._written += self._count
        self._fresh = True

    # Digits

    def _press_keys(self, now: int) -> None:
        while True:
            if self._pressing:
                packet = self._pressing[0]
                due = self._press_at + self._ns(packet.after)
                if now < due:
                    return
                self._pressing.popleft()
                if self._events is not None:
                    begun = (self._press_at - self.began) * self._form.clock // SECOND
                    stamp = begun + packet.timestamp * self._form.clock // self._events_clock
                    self._packet(packet.payload, stamp, self._events, due, marker=packet.marker)
            elif self._keys and "peer" not in self._holders:
                self.hold("keys", now)
                if self._sounding or now < max(self._press_ends, self.at):
                    return  # its last packet fades out first
                self._press_at = now
                key = self._keys.popleft()
                self._pressing.extend(press(key, self._events_clock))
                self._press_ends = now + self._ns(duration(key, self._events_clock))
            elif "keys" in self._holders and now >= self._press_ends:
                self.release("keys", now)
                return
            else:
                return

    def _ns(self, ticks: int) -> int:
        """Of so many ticks of the digits' clock."""
        return ticks * SECOND // self._events_clock

    # What was heard

    def _report(self, block: Block, at: int) -> None:
        for piece in block.pieces:
            item = self._items[piece.id]
            if not item.sent:
                item.sent = True
                self._tell(Sent(piece.id, self._now))
            item.place = min(item.end, item.start + rescale(piece.start + len(piece.samples), self._rate))
            last = self._unheard[-1][0] if self._unheard else 0  # the way may have become shorter
            self._unheard.append((max(at + self._block + self.way, last), piece.id, item.place, False))
        super()._report(block, at)

    def _item_began(self, item_id: str, when: int) -> None:
        pass

    def _item_over(self, item_id: str, when: int, played: int) -> None:
        item = self._items.pop(item_id)
        position = min(item.end, item.start + rescale(played, self._rate))
        if item.cut:
            under_way = [at for at, name, *_ in self._unheard if name == item_id]  # none: all of it was told
            self._unheard = deque((one for one in self._unheard if one[1] != item_id), maxlen=MOST_UNHEARD)
            self._tell(Stopped(item_id, position, min([when + self.way, *under_way[-1:]])))
        else:
            last = self._unheard[-1][0] if self._unheard else 0
            self._unheard.append((max(when + self.way, last), item_id, item.end, True))

    def _tell_heard(self, now: int) -> None:
        newest: tuple[int, str, int, bool] | None = None
        while self._unheard and self._unheard[0][0] <= now:
            newest = self._unheard.popleft()
            if newest[3] or (self._unheard and self._unheard[0][1] != newest[1]):
                self._tell(Played(newest[1], newest[2], newest[0]))
                newest, self._told = None, now
        if newest is not None:
            if now - self._told >= TOLD_EVERY or not self._unheard:
                self._tell(Played(newest[1], newest[2], newest[0]))
                self._told = now
            else:
                self._unheard.appendleft(newest)
        held_back = self._held_back
        if held_back is not None and now >= self._told + TOLD_EVERY:  # else it is taken for heard, as time passes
            self._tell(Played(held_back, self._items[held_back].place, now))
            self._told = now

    @staticmethod
    def _earlier(one: int | None, other: int) -> int:
        return other if one is None else min(one, other)


def _retune(item: _Item, rate: int, to_rate: int) -> None:
    """What came of it is of ``to_rate`` from here on, no less than the playout makes of what it has. Of one that is
    open the filter that takes over has heard the last few samples: it goes on as if it had been there all the time.
    """
    least = -(-len(item.samples) * to_rate // rate)
    if item.more and item.resampler is not None:
        item.samples = np.concatenate([item.samples, *item.new([item.resampler.finish()])])
    whole = rescale(item.end - item.start, RATE, to_rate)
    item.samples = _exactly(resample(item.samples, rate, to_rate), max(least, whole))
    item.resampler, item.skip = None, 0
    if item.more and to_rate != RATE:
        item.resampler, item.skip = StreamResampler(RATE, to_rate), rescale(len(item.newest), RATE, to_rate)
        if item.skip:
            item.skip -= len(item.resampler.push(item.newest))


def _exactly(samples: Samples, count: int) -> Samples:
    if len(samples) >= count:
        return samples[:count]
    return np.concatenate([samples, np.zeros(count - len(samples), np.float32)])
