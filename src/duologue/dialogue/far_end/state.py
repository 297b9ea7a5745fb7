"""What a far end has been sent, and what it has played of it: the core of ``RemoteSink`` (``far_end/remote_sink.py``).

Pure: time is an argument, messages are pulled (:meth:`FarEnd.next_message`), reports are collected
(:meth:`FarEnd.take_reports`). There is no queue of messages that could grow: an order changes what is to be so, and the
next message is what the far end lacks of that. So what was not sent yet and is cleared is never sent, a pause that is
over again is never spoken of, and a far end that is attached anew is simply one that lacks more.

Two accounts run beside each other. What is **acknowledged** is told as it comes. What is **estimated** walks along what
has left: from the first packet, less half the round trip and :attr:`Manners.buffer_ms`, at the pace of the far end's
clock, never beyond what has left. It is told only while nobody acknowledges, and whatever the far end says later is
where it walks on from.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from duologue.audio.far_playout import FarEndMessage, Manners, MessageKind
from duologue.audio.pcm import RATE, Samples
from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.far_end.clock import FarClock
from duologue.dialogue.ports import PlayEnded, PlayEvent, PlayProgress, PlayStarted
from duologue.errors import InputError, PeerError
from duologue.speech.utterance import Utterance

MAX_ITEMS = 64
"""Utterances that a far end may have before it."""
PROGRESS_NS = 100 * MILLISECOND
"""Between two reports of progress that is estimated."""
SIGN_NS = SECOND
"""Between two signs that a far end which is away is waited for."""
_KNOWN_ENDS = 64
_NEVER = -(1 << 62)


@dataclass(slots=True, eq=False)
class _Item:
    """``given`` samples were pulled as messages, ``left`` have left, of which those in ``arrivals`` are under way (when
    they can be heard, up to which sample). ``acknowledged`` is the far end's word, ``played`` the estimate.
    """

    utterance: Utterance
    gap_ns: int
    given: int = 0
    begun_giving: bool = False
    closed: bool = False
    left: int = 0
    arrivals: deque[tuple[int, int]] = field(default_factory=deque[tuple[int, int]])
    arrived: int = 0
    played: float = 0.0
    walking: bool = False
    began: int = 0
    over: int = 0
    acknowledged: int = 0
    told: bool = False

    @property
    def length(self) -> int:
        return len(self.utterance.samples)

    @property
    def whole(self) -> int | None:
        """How long it is; None while it grows."""
        return None if self.utterance.open else self.length


class FarEnd:
    """See the module. Times are ns of our clock, but for ``at`` in what the far end says: of its own, if it has one."""

    def __init__(self, manners: Manners) -> None:
        self.manners = manners
        self.clock = FarClock()
        self.counts: Counter[str] = Counter()
        """Of what it said that could not be: ``future``, ``past``, ``unknown``, ``late`` (of what is over), ``twice``;
        ``silent`` and ``no_stop`` when it owed a word; ``attached``.
        """
        self._live: list[_Item] = []
        self._stopping: list[_Item] = []
        self._stop_by = 0
        self._over: deque[str] = deque(maxlen=_KNOWN_ENDS)
        self._controls: deque[tuple[MessageKind, str]] = deque()
        self._unclosed: deque[_Item] = deque()
        """Over, and not known to be over there: what comes after them would wait for more of them."""
        self._reports: list[PlayEvent | PlayProgress] = []
        self._sequence = 0
        self._epoch = 0
        self._way = 0
        self._attached = False
        self._away_since = _NEVER
        self._paused = False
        self._holds_there = False  # the newest that left of what the far end was told
        self._silent = not manners.acknowledges
        self._word_by: int | None = None
        # The walk: it stands at ``_walked`` in item ``_place``; the one before that was over at ``_free``.
        self._place = 0
        self._walked = self._free = _NEVER
        self._frozen: int | None = None
        self._told_at = _NEVER

    # Orders

    def play(self, utterance: Utterance, gap_ms: int, now: int) -> None:
        """See :class:`~duologue.dialogue.ports.Floor`."""
        if utterance.rate != RATE:
            raise InputError(
                f"the utterance {utterance.id!r} is at {utterance.rate} Hz", where="far end", remedy=f"Give {RATE} Hz."
            )
        if any(item.utterance.id == utterance.id for item in (*self._live, *self._stopping)):
            raise InputError(f"the far end has the utterance {utterance.id!r} already", where="far end")
        if len(self._live) >= MAX_ITEMS:
            raise PeerError(f"{MAX_ITEMS} utterances wait for the far end", where="far end", remedy="Wait for an end.")
        self.tick(now)
        self._live.append(_Item(utterance, gap_ms * MILLISECOND))

    def extend(self, utterance: Utterance, now: int) -> None:
        """See :class:`~duologue.dialogue.ports.Sink`."""
        self.tick(now)
        for item in self._live:
            if item.utterance.id == utterance.id and item.utterance.open:
                if len(utterance.samples) < item.length:
                    raise InputError(
                        f"{utterance.id!r} cannot become shorter", where="far end", remedy="Give all of it."
                    )
                item.utterance = utterance
                self._end_acknowledged(now)
                return

    def withdraw(self, utterance_id: str, now: int) -> bool:
        """True: it has not begun and will not. What could begin before the far end learns of it plays on."""
        self.tick(now)
        item = self._find(utterance_id, self._live)
        if item is None:
            return False
        if item.begun_giving:
            self._walk(now + self._way)
            if item.walking or item.acknowledged or self._live.index(item) < self._place:
                return False
        self._live.remove(item)
        self._over.append(utterance_id)
        if item.begun_giving and self.manners.holds:
            self._controls.append((MessageKind.WITHDRAW, utterance_id))
        elif item.begun_giving:  # it forgets all or nothing
            self._take_back(now, clears=False)
            self._controls.append((MessageKind.CLEAR, ""))
        return True

    def pause(self, now: int) -> None:
        """See :class:`~duologue.dialogue.ports.Sink`."""
        if self._paused:
            return
        self.tick(now)
        self._paused = True
        self._walk(now + self._way)
        self._frozen = now + self._way
        if not self.manners.holds:
            self._take_back(now)
        elif (MessageKind.RESUME, "") in self._controls:
            self._controls.remove((MessageKind.RESUME, ""))
        else:
            self._controls.append((MessageKind.PAUSE, ""))
        self._expect_word(None)
        self._tell_progress(now)

    def resume(self, now: int) -> None:
        """See :class:`~duologue.dialogue.ports.Sink`."""
        if not self._paused:
            return
        self._paused = False
        self._thaw(now + self._way)
        if self.manners.holds:
            if (MessageKind.PAUSE, "") in self._controls:
                self._controls.remove((MessageKind.PAUSE, ""))
            else:
                self._controls.append((MessageKind.RESUME, ""))
        self._expect_word(now)

    def clear(self, now: int) -> None:
        """See :class:`~duologue.dialogue.ports.Floor`. What has left ends when the far end says where it stopped."""
        self.tick(now)
        held, self._paused = self._paused, False
        if not held:
            self._walk(now + self._way)
        items, self._live = self._live, []
        self._place, self._frozen = 0, None
        self._controls.clear()
        self._expect_word(None)
        self._epoch += 1
        sent = [item for item in items if item.begun_giving]
        for item in items:
            if not item.begun_giving:  # what was put back by a pause had been heard so far
                self._end(item, item.given, now, estimated=self._silent and item.given > item.acknowledged)
        if not sent:
            if self._holds_there:  # it was told to, when it had nothing yet
                self._controls.append((MessageKind.RESUME, ""))
            return
        self._controls.append((MessageKind.CLEAR, ""))
        self._unclosed.clear()
        self._stopping += sent
        self._stop_by = now + 2 * self._way + self.manners.stop_ms * MILLISECOND
        if not self._attached or not self.manners.tells_stop:
            self._give_up_stops(now + self._way)

    # What is to be sent

    def next_message(self, now: int) -> FarEndMessage | None:
        """What the far end lacks most; None: nothing. Say :meth:`left` when it has left."""
        if not self._attached:
            return None
        if self._controls:
            kind, utterance_id = self._controls.popleft()
            if kind is not MessageKind.WITHDRAW:
                self._holds_there = kind is MessageKind.PAUSE
            return self._message(kind, utterance_id)
        if self._paused and not self.manners.holds:
            return None
        if self._unclosed:
            return self._give(self._unclosed.popleft())
        for item in self._live:
            if item.given < item.length or not item.begun_giving or (not item.utterance.open and not item.closed):
                return self._give(item)
        return None

    def _give(self, item: _Item) -> FarEndMessage:
        most = self.manners.piece_ms * RATE // 1000 or item.length
        start, end = item.given, min(item.length, item.given + most)
        more = item.utterance.open or end < item.length
        kind = MessageKind.EXTEND if item.begun_giving else MessageKind.PLAY
        gap = item.gap_ns * RATE // SECOND if kind is MessageKind.PLAY and not start else 0
        if kind is MessageKind.PLAY:
            item.left = item.arrived = start
        item.given, item.begun_giving, item.closed = end, True, not more
        mark = f"{self._epoch}:{end}:{item.utterance.id}"
        return self._message(kind, item.utterance.id, start, item.utterance.samples[start:end], gap, more, mark)

    def _message(
        self, kind: MessageKind, utterance_id: str, start: int = 0, samples: Samples | None = None, gap: int = 0,
        more: bool = False, mark: str = "",
    ) -> FarEndMessage:  # fmt: skip
        self._sequence += 1
        return FarEndMessage(self._sequence, kind, utterance_id, start, samples, gap, more, mark)

    def left(self, utterance_id: str, samples: int, now: int) -> None:
        """Sound up to sample ``samples`` of an utterance has left ``now``."""
        item = self._find(utterance_id, (*self._live, *self._stopping))
        if item is None or samples <= item.left:
            return
        starving = not self._outstanding()
        item.left = samples
        item.arrivals.append((now + self._way + self.manners.buffer_ms * MILLISECOND, samples))
        if starving and not self._paused:
            self._expect_word(now)

    # What the far end says

    def round_trip(self, milliseconds: float) -> None:
        """As it was measured; 0 until then."""
        self._way = round(max(0.0, milliseconds) * MILLISECOND / 2)

    def acknowledge(self, utterance_id: str, samples: int, at: int | None, now: int) -> None:
        """It had played ``samples`` of an utterance ``at`` some moment of its clock."""
        when = self._said(at, now)
        if (item := self._find(utterance_id, self._stopping)) is not None:
            item.acknowledged = max(item.acknowledged, self._possible(item, samples))
            return
        item = self._find(utterance_id, self._live)
        if item is None:
            self.counts["late" if utterance_id in self._over else "unknown"] += 1
            return
        samples = self._possible(item, samples)
        self._silent = not self.manners.acknowledges  # one word of somebody who does not is no habit
        if samples < item.acknowledged:
            self.counts["past"] += 1
            return
        if samples == item.acknowledged > 0:
            self.counts["twice"] += 1
        if samples or self._live.index(item) <= self._place:  # nothing of it: that what lies before is over is not said
            self._set(item, samples, when, now)
            if samples:
                self._start(item, when - round(samples * SECOND / RATE), estimated=False)
            self._reports.append(PlayProgress(utterance_id, when, samples))
        self._expect_word(now if self._outstanding() and not self._paused else None)
        self._end_acknowledged(when)

    def marked(self, mark: str, now: int) -> None:
        """The name of a message came back: all up to its end has been played. By a clear they come back unplayed: those
        say nothing.
        """
        epoch, _, rest = mark.partition(":")
        samples, _, utterance_id = rest.partition(":")
        if not (epoch.isdecimal() and samples.isdecimal()):
            self.counts["unknown"] += 1
        elif int(epoch) == self._epoch:
            self.acknowledge(utterance_id, int(samples), None, now)

    def stopped(self, utterance_id: str, samples: int, at: int | None, now: int) -> None:
        """It plays no more of ``utterance_id`` than this, by our clear or by itself; empty: it was playing nothing.

        Before it all was played, after it (of what was cleared) nothing.
        """
        items = self._stopping if not utterance_id or self._find(utterance_id, self._stopping) else self._live
        item = self._find(utterance_id, items)
        if item is None and utterance_id:
            self.counts["late" if utterance_id in self._over else "unknown"] += 1
        elif items is self._live and item is not None and not item.begun_giving:
            item.acknowledged = self._possible(item, samples)  # a pause that was a clear
            self._put_back(item, item.acknowledged)
        else:
            self._stop(items, item, samples, self._said(at, now))

    def _stop(self, items: list[_Item], last: _Item | None, samples: int, when: int) -> None:
        """``last`` of them stopped after ``samples``; None: nothing was playing."""
        while last is not None and items[0] is not last:
            first = items.pop(0)
            self._end(first, first.left, when)
        if last is not None:
            items.pop(0)
            self._end(last, self._possible(last, samples), when)
        if items is self._live:
            self._place, self._walked, self._free = 0, max(self._walked, when), when
            return
        for rest in items:
            self._end(rest, rest.acknowledged if last is None else 0, when)
        items.clear()

    def _said(self, at: int | None, now: int) -> int:
        """The moment of which a word speaks that came ``now``, by our clock."""
        if at is None:
            return now - self._way
        return at if self.manners.same_clock else self.clock.ours(at, now) - self._way

    def _possible(self, item: _Item, samples: int) -> int:
        """Nobody has played what has not left."""
        if samples > item.left:
            self.counts["future"] += 1
        return max(0, min(samples, item.left))

    # Transports

    def attach(self, now: int) -> None:
        """Somebody takes messages from now on. What was not heard is sent again, from where it was."""
        self.tick(now)
        if self._attached:
            self.detach(now)
        self._attached, self._holds_there = True, False
        self.counts["attached"] += 1
        if not self._paused:
            self._thaw(now)
        self._take_back(now, clears=False)
        if self._paused and self.manners.holds:
            self._controls.append((MessageKind.PAUSE, ""))

    def detach(self, now: int) -> None:
        """Nobody does. What is acknowledged before the next :meth:`attach` still counts."""
        if not self._attached:
            return
        self.tick(now)
        self._attached, self._away_since = False, now
        if self._frozen is None:
            self._walk(now)
            self._frozen = now
        self._controls.clear()
        self._expect_word(None)
        self._give_up_stops(now)

    def _take_back(self, now: int, *, clears: bool = True) -> None:
        """The far end is to forget all that it has; it gets what was not heard again."""
        self._epoch += 1
        self._controls.clear()
        forgets = not clears or any(item.begun_giving for item in self._live)
        if clears and forgets:
            self._controls.append((MessageKind.CLEAR, ""))
        if forgets:
            self._unclosed.clear()
        for item in self._live:
            self._put_back(item, int(item.played) if self._silent or not self.manners.tells_stop else item.acknowledged)
        self._place = 0
        self._walked = max(self._walked, now)

    def _put_back(self, item: _Item, heard: int) -> None:
        """It is to be sent again from there."""
        item.given = item.arrived = heard
        item.played = heard
        item.arrivals.clear()
        item.begun_giving = item.closed = item.walking = False

    # Time

    def deadline(self) -> int | None:
        """When :meth:`tick` wants to be called (ns)."""
        found = [self._stop_by] if self._stopping else []
        if not self._live:
            return min(found, default=None)
        if not self._attached:
            due = max(self._told_at, self._away_since) + SIGN_NS
            if due <= self._away_since + self.manners.away_ms * MILLISECOND:
                found.append(due)
        elif self._silent and not self._idle():
            found.append(self._next_step())
        elif self._word_by is not None:
            found.append(self._word_by)
        return min(found, default=None)

    def tick(self, now: int) -> None:
        """It is ``now``."""
        if self._stopping and now >= self._stop_by:
            self.counts["no_stop"] += 1
            self._give_up_stops(now)
        if self._word_by is not None and now >= self._word_by:
            self.counts["silent"] += 1
            self._silent, self._word_by = True, None
        if not self._attached:
            if self._live and now >= max(self._told_at, self._away_since) + SIGN_NS:
                self._tell_progress(now)
            return
        if self._silent:
            self._walk(now)
            self._tell_walk(now)

    def take_reports(self) -> list[PlayEvent | PlayProgress]:
        """What is to be told, in order."""
        found, self._reports = self._reports, []
        return found

    def _expect_word(self, since: int | None) -> None:
        """One that acknowledges owes a word from now on; None: it owes none."""
        owes = since is not None and self.manners.acknowledges and not self._silent
        patience = 2 * self._way + (self.manners.patience_ms + self.manners.buffer_ms) * MILLISECOND
        self._word_by = since + patience if owes and since is not None else None

    def _outstanding(self) -> bool:
        """Something has left that was not heard."""
        return any(item.left > (item.played if self._silent else item.acknowledged) for item in self._live)

    # The walk

    def _idle(self) -> bool:
        """The estimate stands still until something leaves."""
        if self._frozen is not None:
            return True
        item = self._live[self._place] if self._place < len(self._live) else None
        if item is None or not item.begun_giving:
            return True
        return not item.arrivals and item.played >= item.arrived and item.played != item.whole

    def _next_step(self) -> int:
        """When the estimate has something to tell (ns)."""
        item = self._live[self._place]
        if not item.walking:
            return self._begin(item) if item.arrivals else self._walked
        whole = item.arrivals[-1][1] if item.arrivals else item.arrived
        end = max(self._walked, item.arrivals[-1][0] if item.arrivals else 0)
        end = max(end, self._walked + self._length_ns(whole - item.played))
        return min(end, max(self._told_at, self._walked) + PROGRESS_NS)

    def _begin(self, item: _Item) -> int:
        """When the estimate begins in it, or goes on (ns)."""
        return max(item.arrivals[0][0], self._walked, self._free + (0 if item.played else item.gap_ns))

    def _length_ns(self, samples: float) -> int:
        """How long the far end takes for them."""
        return -int(-samples * SECOND // (RATE * self.clock.pace))

    def _walk(self, until: int) -> None:
        """The estimate goes on to ``until`` (ns)."""
        if self._frozen is not None:
            until = min(until, self._frozen)
        while self._place < len(self._live) and self._walk_in(self._live[self._place], until):
            self._free = self._live[self._place].over = self._walked
            self._place += 1

    def _walk_in(self, item: _Item, until: int) -> bool:
        """The same in one utterance; True when its end was reached."""
        if not item.walking:
            if not item.arrivals:
                return item.whole is not None and item.whole <= item.played and item.begun_giving
            begin = self._begin(item)
            if begin > until:
                return False
            item.walking, self._walked = True, begin
            item.began = begin - self._length_ns(item.played)
        while True:
            while item.arrivals and item.arrivals[0][0] <= self._walked:
                item.arrived = max(item.arrived, item.arrivals.popleft()[1])
            if item.played >= item.arrived:
                if item.arrived == item.whole:
                    return True
                if not item.arrivals or item.arrivals[0][0] > until:
                    self._walked = max(self._walked, until)
                    return False
                self._walked = item.arrivals[0][0]
                continue
            reach = self._walked + self._length_ns(item.arrived - item.played)
            stop = min(reach, until, item.arrivals[0][0] if item.arrivals else reach)
            if stop >= reach:
                item.played = item.arrived
            else:
                item.played += max(0, stop - self._walked) * RATE * self.clock.pace / SECOND
            self._walked = max(self._walked, stop)
            if stop >= until:
                return item.played == item.arrived == item.whole

    def _set(self, item: _Item, samples: int, when: int, now: int) -> None:
        """The far end had played so much of it then: the estimate goes on from there."""
        place = self._live.index(item)
        for other in self._live[place + 1 :]:
            if other.walking and not other.told:
                other.walking, other.played = False, other.acknowledged
        item.acknowledged, item.played, item.walking = samples, samples, True
        item.arrived = max(item.arrived, samples)
        while item.arrivals and item.arrivals[0][1] <= samples:
            item.arrivals.popleft()
        self._place, self._walked = place, when
        if self._frozen is not None:
            self._frozen = max(self._frozen, when) if not self._paused else when
        else:
            self._walk(now)

    def _thaw(self, at: int) -> None:
        self._frozen = None
        self._walked = max(self._walked, at)

    # Reports

    def _tell_walk(self, now: int) -> None:
        while self._place:
            item = self._popped()
            self._place -= 1
            self._start(item, item.began, estimated=True)
            self._end(item, item.length, item.over, estimated=True)
        if self._live and self._live[0].walking:
            self._start(self._live[0], self._live[0].began, estimated=True)
        if now >= self._told_at + PROGRESS_NS:
            self._tell_progress(now)

    def _tell_progress(self, now: int) -> None:
        self._told_at = now
        item = self._live[0] if self._live else None
        if item is None or not (item.told or not self._attached):
            return
        if self._silent:
            played, at = int(item.played), min(now, max(self._walked, now - PROGRESS_NS))
            self._reports.append(PlayProgress(item.utterance.id, at, played, estimated=True))
        else:
            self._reports.append(PlayProgress(item.utterance.id, now, item.acknowledged))

    def _start(self, item: _Item, at: int, *, estimated: bool) -> None:
        if not item.told:
            item.told = True
            self._reports.append(PlayStarted(item.utterance.id, at, estimated))

    def _end(self, item: _Item, samples: int, at: int, *, estimated: bool = False) -> None:
        if samples and not item.told:
            self._start(item, at - round(samples * SECOND / RATE), estimated=estimated)
        self._over.append(item.utterance.id)
        self._reports.append(PlayEnded(item.utterance.id, at, samples, estimated))

    def _end_acknowledged(self, when: int) -> None:
        """What lies before something that plays is over, and so is what was played whole."""
        started = [number for number, item in enumerate(self._live) if item.acknowledged]
        last = max(started, default=0)
        while self._live and (last > 0 or self._live[0].acknowledged == self._live[0].whole):
            item = self._popped()
            whole = item.whole
            self._end(item, item.left if whole is None else whole, when)
            self._place = max(0, self._place - 1)
            self._free = max(self._free, when)
            last -= 1

    def _popped(self) -> _Item:
        """The first one is over."""
        item = self._live.pop(0)
        if item.given == item.whole and not item.closed:
            self._unclosed.append(item)
        return item

    def _give_up_stops(self, at: int) -> None:
        """Nobody says where it stopped: it is estimated."""
        items, self._stopping = self._stopping, []
        for item in items:
            trusted = self.manners.tells_stop and not self._silent and not self._attached
            played = item.acknowledged if trusted else max(item.acknowledged, int(item.played))
            self._end(item, min(played, item.left), at, estimated=True)

    def _find(self, utterance_id: str, items: Iterable[_Item]) -> _Item | None:
        return next((item for item in items if item.utterance.id == utterance_id), None)
