"""A log of an earlier system, line by line, made into counts and series: no line is kept, figures are."""

from __future__ import annotations

import json
import operator
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, groupby

from duologue.evidence import old_lines as lines
from duologue.evidence.budgets import PRESETS
from duologue.evidence.series import Series
from duologue.strict_json import members

FRAME_MS, VOICE_MS = PRESETS["show"].frame_ms, PRESETS["phone"].t1_t2_ms
"""What the earlier systems allowed themselves: a frame; text to voice -> first chunk."""
BUDGETS = {
    "compositor miss": FRAME_MS, "t1→t2": VOICE_MS, "t2→t3": PRESETS["phone"].t2_t3_ms,
    "reply first text": PRESETS["tutor"].first_text_ms, "reply first audio": PRESETS["tutor"].first_audio_ms,
    "reply all done": PRESETS["tutor"].all_done_ms,
}  # fmt: skip
TOTALS = ("total", "compose", "frame")
"""Parts of a frame's line that are all of it, so that the frame's budget holds for them."""
MOST_CALLS = 10_000
"""Calls that are followed at once; beyond them the one that was silent longest is given up."""
MOST_NAMES = 500
"""Different names of series, tags and programs that are told apart; what is beyond is counted as `other`."""
MOST_NOTED = 20_000
"""Figures of one name that wait to be summed up."""
DAY = 86_400.0
_SHARES = {b"us": "programs", b"id": "idle", b"st": "stolen"}
_HEAD = 40
"""Bytes of a line in which its time stands."""
_SECOND = 19
"""Of those, the ones that hold a date and a time to the second; a shorter time has more behind it, which only costs."""
_BEGINNING = operator.itemgetter(slice(_SECOND))
_PARTS = lines.OFTEN.groups + 1


@dataclass(slots=True)
class FrameRun:
    """Frames with rising numbers; a smaller number begins another. ``steps`` counts by how much the numbers rose."""

    first: int
    last: int
    seen: int = 1
    with_miss: int = 0
    steps: Counter[int] = field(default_factory=Counter[int])

    @property
    def every(self) -> int:
        """How many frames there are to a line (the usual step; of two the smaller)."""
        return max(self.steps, key=lambda step: (self.steps[step], -step), default=1)


@dataclass(slots=True)
class ClockSpan:
    """What the times in the lines tell, in seconds of the first day. A date tells the day; without one a time that is
    hours earlier than the one before is the next day's.
    """

    count: int = 0
    """Lines with a time."""
    first: float = -1.0
    last: float = -1.0
    furthest: float = -1.0
    longest: float = 0.0
    """Between two lines with a time."""
    back: int = 0
    """How often the time went back."""
    _day: int | None = None
    """The first of them, as a date has it."""

    def take(self, at: float, day: int | None = None) -> None:
        """The next line's time of day (s), and which ``day`` its date has (counted from any; None: it has none)."""
        if self.first < 0:
            self.first = self.last = at
        if day is None:
            at += DAY * round((self.last - at) / DAY)  # midnight
        else:
            self._day = day - round((self.last - at) / DAY) if self._day is None else self._day
            at += DAY * (day - self._day)
        if at < self.last - 1.0:
            self.back += 1
        self.longest = max(self.longest, at - self.last)
        self.last, self.furthest = at, max(self.furthest, at)


class OldLog:
    """Give it lines; then ask for what is in it. ``where`` names the file in what is told."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.lines = self.understood = self.broken = 0
        self.grammars: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        """Tags in brackets that no grammar knows."""
        self.counts: Counter[str] = Counter()
        self.series: dict[str, Series] = {}
        self.frames: list[FrameRun] = []
        self.clock = ClockSpan()
        self.replies: list[float] = []
        """The last moment of each of the tutor's replies (ms)."""
        self._noted: dict[str, Counter[tuple[bytes, bytes, bytes]]] = {}
        self._second = self._newest = b""
        self._timed = False
        self._missed: tuple[int, int] | None = None
        self._calls: OrderedDict[bytes, dict[bytes, float]] = OrderedDict()
        self._stage = -1.0
        self._tags: dict[bytes, Callable[[bytes, int], bool]] = {
            b"Compositor": self._composed, b"Render": self._render,
            b"SyncedPlayback": partial(self._tagged, lines.PLAYBACK),
            b"RealtimeLipSync": partial(self._tagged, lines.LIPS),
            b"Expr": partial(self._tagged, lines.EXPRESSION), b"Auto": partial(self._tagged, lines.AUTO),
        }  # fmt: skip
        """What takes a line with such a tag that came so often, unless it is none that it knows."""
        self._words: tuple[tuple[bytes, Callable[[bytes], bool]], ...] = (
            (b"Kokoro pipeline first audio", self._pipeline), (b"Half-duplex gate", self._gate),
            (b"Cpu(s):", self._cpu), (b"arm", self._warm_up), (b"ARM", self._warm_up),
        )  # fmt: skip

    def feed(self, some: list[bytes]) -> None:
        """The next lines."""
        whole = b"\n".join(some)
        if not whole.isascii():
            self.broken += sum(_broken(line) for line in some)
        if b"\x1b" in whole:
            whole = lines.COLOUR.sub(b"", whole)
            some = whole.split(b"\n")
        self.lines += len(some) - some.count(b"")
        clocked = lines.CLOCKED.findall(whole)
        if clocked and (whole.startswith(b"{") or b"\n{" in whole):  # the times of ours are in between
            for line in lines.WORDS.findall(whole):
                if lines.CLOCKED.match(line):
                    self._time(line[:_SECOND], [line])
                self.understood += self._take(line)
            return
        for second, alike in groupby(clocked, _BEGINNING):
            self._time(second, list(alike))
        for line in self._often(whole):
            self.understood += self._take(line)

    def _often(self, whole: bytes) -> list[bytes]:
        """Take the lines that come most often, without a look at each: a gigabyte has twenty million of them. The
        others are given back; all of them, where the order of those that count by it would be lost.
        """
        parts = lines.OFTEN.split(whole)
        pieces, heads, numbers, behind, composed, tagged = (parts[place::_PARTS] for place in range(_PARTS))
        left = b"".join(pieces)
        if b"[Frame " in left or b"[Compositor]" in left or not self._frames_of(numbers, composed):
            return lines.WORDS.findall(whole)
        for text, times in Counter(behind).items():
            if text:
                self._times("frame", text, times)
        strange: set[bytes] = set()
        for text, times in (*Counter(composed).items(), *Counter(tagged).items()):
            if text is not None and not self._tags[text[1 : text.index(b"]")]](text, times):
                strange.add(text)
            elif text is not None:
                self.understood += times
        if strange:
            texts = (one or other or b"" for one, other in zip(composed, tagged, strict=True))
            put_back = [head + text if text in strange else b"" for head, text in zip(heads, texts, strict=True)]
            left = b"".join(chain.from_iterable(zip(pieces, [*put_back, b""], strict=True)))
        return lines.WORDS.findall(left)

    def _frames_of(self, numbers: list[bytes | None], composed: list[bytes | None]) -> bool:
        """Take frames, and which of them the compositor's lines (that are in between) call a miss. False, and nothing
        is taken, where numbers do not rise: another run begins, or a frame is told of twice.
        """
        found = [int(number) for number in numbers if number is not None]
        run = self.frames[-1] if self.frames else None
        steps = Counter(map(operator.sub, found if run else found[1:], [run.last, *found] if run else found))
        if min(steps, default=1) < 1:
            return False
        missed = {text for text in {*composed} if text and lines.MISS.pattern.search(text)}
        order = b"".join([
            b"f" if number is not None else b"m" if text in missed else b""
            for number, text in zip(numbers, composed, strict=True)
        ])  # fmt: skip
        if run and (len(self.frames), run.last) != self._missed:
            order = b"f" + order
        if found and run is None:
            run = FrameRun(found[0], found[0], seen=0)
            self.frames.append(run)
        if run:
            run.steps.update(steps)
            run.last, run.seen = [run.last, *found][-1], run.seen + len(found)
            run.with_miss += order.count(b"fm")
            if order.endswith(b"m") and b"f" in order:
                self._missed = (len(self.frames), run.last)
        if found:
            self.understood += len(found)
            self.grammars["frame"] += len(found)
        return True

    def settle(self) -> None:
        """Sum up what was only noted so far; to be called before anything is read."""
        for name, noted in self._noted.items():
            for (part, value, unit), times in noted.items():
                word = part.strip().decode("utf-8", "replace")
                whole = word.lower() in TOTALS and (name == "frame" or name.startswith("render"))
                self._add(
                    f"{name} {word}", lines.milliseconds(value, unit), budget=FRAME_MS if whole else None, times=times
                )
            noted.clear()
        self._look_at_clock(self._second, self._newest)
        self._second = b""

    def _take(self, line: bytes) -> bool:
        begin = line.find(b"[")
        strange = b""
        while begin >= 0:
            end = line.find(b"]", begin + 1)
            if end < 0:
                break
            tag = line[begin + 1 : end]
            if (often := self._tags.get(tag)) is not None:
                if often(line, 1):
                    self._note_miss(tag, line)
                    return True
            elif tag.startswith(b"Frame "):
                if self._frame(line):
                    return True
            elif tag.startswith(b"call ") and self._point(line):
                return True
            strange = strange or (tag if tag[:1].isalpha() else b"")
            begin = line.find(b"[", end + 1)
        for word, handler in self._words:
            if word in line and handler(line):
                return True
        if line[:1] == b"{":
            return self._ours(line)
        if self._moment(line) or self._process(line):
            return True
        if strange:
            self._count(self.unknown, strange.decode("utf-8", "replace"))
        return False

    # The show

    def _frame(self, line: bytes) -> bool:
        found = lines.FRAME.pattern.search(line)
        if found is None:
            return False
        number = int(found[1])
        run = self.frames[-1] if self.frames else None
        if run is None or number < run.last:
            self.frames.append(FrameRun(number, number))
        elif number > run.last:
            run.steps[number - run.last] += 1
            run.last, run.seen = number, run.seen + 1
        if found.end() < len(line):
            self._times("frame", line[found.end() :], 1)
        self.grammars["frame"] += 1
        return True

    def _composed(self, line: bytes, times: int) -> bool:
        found = lines.MISS.pattern.search(line)
        if found is None:
            if b" hit" not in line:
                return False
            self.counts["compositor hits"] += times
        else:
            self.counts["compositor misses"] += times
            if found[2]:
                self._add("compositor miss", lines.milliseconds(found[2], found[3]), times=times)
        self.grammars["compositor miss"] += times
        return True

    def _note_miss(self, tag: bytes, line: bytes) -> None:
        """Of a compositor's line: the newest frame had a miss, if it tells of one."""
        if tag != b"Compositor" or not self.frames or not lines.MISS.pattern.search(line):
            return
        if (here := (len(self.frames), self.frames[-1].last)) != self._missed:
            self._missed = here
            self.frames[-1].with_miss += 1

    def _render(self, line: bytes, times: int) -> bool:
        found = lines.RENDER.pattern.search(line)
        if found is None:
            return False
        who = found[1].decode("utf-8", "replace")
        self._times(f"render {who}", found[2], times)
        if found[3]:
            self._add(f"render {who} sound of the line", float(found[3]), "s", times=times)
        self.grammars["render"] += times
        return True

    def _tagged(self, grammar: lines.Grammar, line: bytes, times: int) -> bool:
        found = grammar.pattern.search(line)
        if found is None:
            return False
        self.counts[grammar.name] += times
        self._times(grammar.name, found[1], times)
        self.grammars[grammar.name] += times
        return True

    def _times(self, name: str, text: bytes, times: int) -> None:
        """``name: 58ms`` each, of a line that came so often; a time without a name is the line's own."""
        if named := lines.TIMES.findall(text):
            noted = self._noted.setdefault(name, Counter())
            for each in named:
                noted[each] += times
            if len(noted) > MOST_NOTED:
                self.settle()
        elif alone := lines.ANY_TIME.search(text):
            budget = FRAME_MS if name == "frame" else None
            self._add(name, lines.milliseconds(alone[1], alone[2]), budget=budget, times=times)

    # The call

    def _point(self, line: bytes) -> bool:
        found = lines.POINT.pattern.search(line)
        if found is None:
            return False
        point, call, at = found[1], found[3], float(found[4])
        at = at if at > 1e11 else at * 1000
        moments = self._calls.setdefault(call, {})
        self._calls.move_to_end(call)
        if len(self._calls) > MOST_CALLS:
            self._calls.popitem(last=False)
            self.counts["calls given up: too many at once"] += 1
        if point == b"t1":
            moments.clear()
            self.counts["answers"] += 1
        moments[point] = at
        for before, after in ((b"t1", b"t2"), (b"t2", b"t3"), (b"t1", b"t3")):
            if point == after:
                self._between(moments, before, after)
        self.grammars["timing point"] += 1
        return True

    def _between(self, moments: dict[bytes, float], before: bytes, after: bytes) -> None:
        name = f"{before.decode()}→{after.decode()}"
        if before not in moments:
            self.counts[f"{after.decode()} without {before.decode()}"] += 1
        elif moments[after] < moments[before]:
            self.counts[f"{after.decode()} earlier than {before.decode()}"] += 1
        else:
            self._add(name, moments[after] - moments[before])

    def _pipeline(self, line: bytes) -> bool:
        found = lines.PIPELINE.pattern.search(line)
        if found is None:
            return False
        self._add("kokoro first audio", lines.milliseconds(found[1], found[2]), budget=VOICE_MS)
        self.grammars["kokoro first audio"] += 1
        return True

    def _gate(self, line: bytes) -> bool:
        found = lines.GATE.pattern.search(line)
        if found is None:
            return False
        self.counts[f"half-duplex gate {found[1].decode()}"] += 1
        if found[1] == b"active" and (time := lines.ANY_TIME.search(line, found.end())):
            self._add("half-duplex gate", lines.milliseconds(time[1], time[2]))
        self.grammars["half-duplex gate"] += 1
        return True

    def _warm_up(self, line: bytes) -> bool:
        found = lines.WARM.pattern.search(line)
        if found is None:
            return False
        self.counts["warm-ups"] += 1
        if time := lines.ANY_TIME.search(found[1]):
            self._add("warm-up", lines.milliseconds(time[1], time[2]))
        self.grammars["warm-up"] += 1
        return True

    # The tutor

    def _moment(self, line: bytes) -> bool:
        head = line[:12].lstrip(b" \t[(")
        if head[:1] not in (b"+", b"T", b"@"):
            return False
        found = lines.STAGE.pattern.search(line)
        if found is None:
            return False
        at = lines.milliseconds(found[1], found[2])
        name = "".join("#" if each.isdigit() else each for each in found[3].decode("utf-8", "replace"))
        if at < self._stage or not self.replies:
            self.replies.append(at)
            self._stage = 0.0
        self._add(f"stage {name}, from what was before", at - self._stage)
        if (whole := f"reply {name.lower()}") in BUDGETS:
            self._add(whole, at)
        self.replies[-1] = self._stage = at
        self.grammars["stage"] += 1
        return True

    # The machine

    def _cpu(self, line: bytes) -> bool:
        found = lines.CPU.pattern.search(line)
        if found is None:
            return False
        for value, what in lines.SHARE.findall(found[1]):
            self._add(f"machine {_SHARES[what]}", lines.decimal(value), "%")
        self.grammars["machine"] += 1
        return True

    def _process(self, line: bytes) -> bool:
        found = lines.PROCESS.pattern.match(line)
        if found is None:
            return False
        of_top = found[1] is not None
        name = (found[4] if of_top else found[8]).decode("utf-8", "replace").split("/")[-1].split(" ")[0]
        self._add(f"process {name} CPU", lines.decimal(found[3] if of_top else found[6]), "%")
        memory = lines.megabytes(found[2]) if of_top else float(found[7]) / 1024
        self._add(f"process {name} memory", memory, "MB")
        self.grammars["process"] += 1
        return True

    # Our own

    def _ours(self, line: bytes) -> bool:
        """A line of our log: JSON with an ``event``."""
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            return False
        entry = members(found)
        event = entry.get("event")
        if not isinstance(event, str):
            return False
        self._count(self.counts, f"event {event}")
        if entry.get("level") in ("warning", "error", "critical"):
            self.counts[f"lines of level {entry['level']}"] += 1
        for key, value in entry.items():
            if key.endswith("_ms") and isinstance(value, int | float) and not isinstance(value, bool):
                self._add(f"{event} {key.removesuffix('_ms')}", float(value))
        stamp = str(entry.get("time", "")).encode()
        if stamp[:1].isdigit():
            self._time(stamp[:_SECOND], [stamp])
        self.grammars["ours"] += 1
        return True

    # All

    def _time(self, second: bytes, some: list[bytes]) -> None:
        """Of lines that begin alike: times are read where the second changes, of the last line before, and of the first
        one after.
        """
        if second != self._second:
            self._look_at_clock(self._second, self._newest)
            self._look_at_clock(second, some[0])
            self._second = second
            self._timed = lines.CLOCK.search(some[0], 0, _HEAD) is not None
        self._newest = some[-1]
        self.clock.count += self._timed * len(some)

    def _look_at_clock(self, second: bytes, line: bytes) -> None:
        found = lines.CLOCK.search(line, 0, _HEAD) if second else None
        if found and int(found[2]) < 24:
            self.clock.take(lines.seconds_of_day(found), lines.day_of(found))

    def _add(self, name: str, value: float, unit: str = "ms", budget: float | None = None, times: int = 1) -> None:
        known = self.series.get(name)
        if known is None:
            if len(self.series) >= MOST_NAMES:
                self.counts["figures under too many names"] += 1
                return
            known = self.series[name] = Series(unit, BUDGETS.get(name, budget))
        known.add(value, times)

    def _count(self, counter: Counter[str], name: str) -> None:
        counter[name if name in counter or len(counter) < MOST_NAMES else "other"] += 1


def _broken(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return True
    return False
