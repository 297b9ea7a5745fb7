"""One Twilio media stream, without its socket: text in, what a leg tells out; messages for the caller in, text out.

What Twilio plays it plays in the order in which it came, and it can only forget all of it. So an utterance waits here
until the one before it is whole, a gap is sent as silence (as much of it as has not passed yet), and marks tell how far
it is. Of what comes, sequence numbers must grow and times never go back: what was there already, or lies in the future,
is counted and goes no further.
"""

from __future__ import annotations

from collections import Counter, deque

from duologue.audio import g711
from duologue.audio.far_playout import FarEndMessage, Manners, MessageKind
from duologue.audio.pcm import RATE, Samples
from duologue.audio.resample import StreamResampler
from duologue.clock import MILLISECOND, SECOND
from duologue.errors import InputError, PeerError
from duologue.phone.leg import HEARD_RATE, KEYS, Digit, LegEnded, LegEvent, Marked, Quality, Sound
from duologue.phone.leg_limits import Allowance, ahead
from duologue.phone.media.doubling import to_ears
from duologue.phone.twilio import messages as say
from duologue.phone.twilio.messages import Connected, Pressed, Start, Stop, TwilioMark, TwilioMedia

MANNERS = Manners(tells_stop=False, holds=False, piece_ms=100)
CODEC = "PCMU/8000"
WIRE_RATE = 8000
AHEAD_MS = 5_000
"""Sound may come so much faster than time passes, after a way that stalled; more is dropped."""
MOST_MARKS = 6000
"""Under way: ten minutes of speech."""
MOST_GARBAGE = 20
"""Messages that are none, before the stream is broken off."""
_STRETCH = HEARD_RATE // WIRE_RATE
_SILENCE = bytes([g711.SILENCE["mu"]])


class TwilioStream:
    """See the module. ``call`` is the call that it must be of; methods take ``now`` (ns)."""

    def __init__(self, call: str) -> None:
        self.start: Start | None = None
        """What it said of itself; None before."""
        self.counts: Counter[str] = Counter()
        """Of what came: ``garbage``, ``unknown`` events, ``early`` (before the start), ``stranger`` (another stream's),
        ``twice`` or out of order, ``future``, ``fast``, ``keys`` that are none.
        """
        self._call = call
        self._messages = Allowance(200, 1000)
        self._began = 0
        self._sequence = -1
        self._place: int | None = None
        self._ear = to_ears(WIRE_RATE)
        self._told = 0
        # What was sent
        self._free = 0
        """When Twilio will have played all of it (ns)."""
        self._current: str | None = None
        """The utterance that is not whole yet."""
        self._waiting: deque[FarEndMessage] = deque()
        self._mouth = StreamResampler(RATE, WIRE_RATE)
        self._marks: deque[tuple[str, int]] = deque(maxlen=MOST_MARKS)
        """Those that are under way, and when they would come back if nothing took any time (ns)."""
        self._round_trip: int | None = None

    # From the caller

    def receive(self, text: str, now: int) -> list[LegEvent]:
        """What a message tells. Raises :class:`PeerError` when the stream is to be broken off: it is another call's, or
        there is too much of it.
        """
        if not self._messages.take(1, now):
            raise PeerError("more messages than a stream has", where="twilio stream")
        try:
            message = say.parse(text)
        except InputError as error:
            self.counts["garbage"] += 1
            if self.start is None or self.counts["garbage"] > MOST_GARBAGE:
                raise PeerError(f"what Twilio never says: {error.what}", where="twilio stream") from error
            return []
        match message:
            case None | Connected():
                self.counts["unknown"] += message is None
                return []
            case Start():
                self._begin(message, now)
                return []
            case _:
                return self._heard(message, now) if self._ours(message.stream) else []

    def _begin(self, start: Start, now: int) -> None:
        if self.start is not None:
            if start.stream != self.start.stream:
                raise PeerError("a second stream in one connection", where="twilio stream")
            self.counts["twice"] += 1
            return
        if start.call != self._call:
            raise PeerError("the stream of another call", where="twilio stream")
        self.start, self._began, self._free = start, now, now

    def _ours(self, stream: str) -> bool:
        if self.start is None:
            self.counts["early"] += 1
            return False
        self.counts["stranger"] += stream != self.start.stream
        return stream == self.start.stream

    def _heard(self, message: TwilioMedia | Pressed | TwilioMark | Stop, now: int) -> list[LegEvent]:
        match message:
            case TwilioMedia():
                return self._sound(message, now) if message.inbound else []
            case Pressed():
                if not self._next(message.sequence):
                    return []
                if message.key not in KEYS:
                    self.counts["keys"] += 1
                    return []
                return [Digit(message.key)]
            case TwilioMark():
                return [*self._measured(message.name, now), Marked(message.name)]
            case Stop():
                return [LegEnded("the caller hung up")]

    def _measured(self, name: str, now: int) -> list[LegEvent]:
        """The round trip is what the quickest mark took beyond what lay before it; it is told when it was less. Those
        of what a clear threw away come back too, and say nothing of the others.
        """
        if not any(name == each for each, _ in self._marks):
            return []
        while self._marks:
            passed, due = self._marks.popleft()
            if passed == name:
                took = now - due
                if took < 0 or (self._round_trip is not None and took >= self._round_trip):
                    return []
                self._round_trip = took
                return [Quality(0.0, 0.0, took / MILLISECOND)]
        return []

    def _next(self, sequence: int | None) -> bool:
        """Whether it comes after all that came."""
        if sequence is None:
            return True
        if sequence <= self._sequence:
            self.counts["twice"] += 1
            return False
        self._sequence = sequence
        return True

    def _sound(self, sound: TwilioMedia, now: int) -> list[LegEvent]:
        if not sound.payload or not self._next(sound.sequence):
            return []
        count = len(sound.payload)
        passed = now - self._began
        reach = (passed + ahead(passed) + AHEAD_MS * MILLISECOND) * WIRE_RATE // SECOND
        place = self._place or 0
        if sound.timestamp is not None:
            told = sound.timestamp * WIRE_RATE // 1000
            if told + count <= reach:
                place = max(place, told)
            else:
                self.counts["future"] += 1
        if place + count > reach:
            self.counts["fast"] += 1
            return []
        samples = self._resampled(g711.decode(sound.payload, "mu"), place)
        at, self._told = self._told, self._told + len(samples)
        return [Sound(at, samples)] if len(samples) else []

    def _resampled(self, samples: Samples, place: int) -> Samples:
        """A hole in the sound is one in the place of what comes: the resampler begins anew there."""
        if place != self._place:
            self._ear = to_ears(WIRE_RATE)
            self._told = place * _STRETCH
        self._place = place + len(samples)
        return self._ear.push(samples)

    # To the caller

    def send(self, message: FarEndMessage, now: int) -> list[str]:
        """What is to be said to Twilio, in order; its :attr:`start` must have come."""
        assert self.start is not None
        match message.kind:
            case MessageKind.PLAY | MessageKind.EXTEND:
                self._waiting.append(message)
                return self._due(now)
            case MessageKind.CLEAR:
                self._waiting.clear()
                self._current, self._free = None, now
                self._marks.clear()
                return [say.clear(self.start.stream)]
            case MessageKind.WITHDRAW:
                self._waiting = deque(each for each in self._waiting if each.id != message.id)
                return []
            case MessageKind.PAUSE | MessageKind.RESUME:  # its manners: nobody says so
                return []

    def _due(self, now: int) -> list[str]:
        """What may be said of what waits: the utterance that is not whole yet, and those after it when it is."""
        texts: list[str] = []
        while (message := self._following()) is not None:
            self._waiting.remove(message)
            texts += self._spoken(message, now)
            self._current = message.id if message.more else None
        return texts

    def _following(self) -> FarEndMessage | None:
        wanted = (each for each in self._waiting if self._current in (None, each.id))
        return next(wanted, None)

    def _spoken(self, message: FarEndMessage, now: int) -> list[str]:
        assert self.start is not None and message.samples is not None
        stream, payload = self.start.stream, b""
        if message.kind is MessageKind.PLAY:
            self._mouth = StreamResampler(RATE, WIRE_RATE)
            rest = message.gap * SECOND // RATE - max(0, now - self._free)
            payload = _SILENCE * max(0, rest * WIRE_RATE // SECOND)
        pieces = [self._mouth.push(message.samples)] if len(message.samples) else []
        if not message.more:
            pieces.append(self._mouth.finish())
        payload += b"".join(g711.encode(piece, "mu") for piece in pieces if len(piece))
        self._free = max(self._free, now) + len(payload) * SECOND // WIRE_RATE
        texts = [say.media(stream, payload[at : at + WIRE_RATE]) for at in range(0, len(payload), WIRE_RATE)]
        if not message.mark:
            return texts
        self._marks.append((message.mark, self._free))
        return [*texts, say.mark(stream, message.mark)]
