"""A log of an earlier system, line by line, made into counts and series: no line is kept, figures are."""

from __future__ import annotations

import json
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from duologue.evidence import old_lines as lines
from duologue.evidence.series import Series

FRAME_MS, VOICE_MS, PACKET_MS = 33.0, 300.0, 5.0
"""What the earlier systems allowed themselves: a frame; text to voice -> first chunk; that -> first packet."""
BUDGETS = {"compositor miss": FRAME_MS, "t1→t2": VOICE_MS, "t2→t3": PACKET_MS}
TOTALS = ("total", "compose", "frame")
"""Parts of a frame's line that are all of it, so that the frame's budget holds for them."""
MOST_CALLS = 10_000
"""Calls that are followed at once; beyond them the one that was silent longest is given up."""
MOST_NAMES = 500
"""Different names of series, tags and programs that are told apart; what is beyond is counted as `other`."""
MOST_NOTED = 20_000
"""Figures of one name that wait to be summed up."""
DAY = 86_400.0
_HEAD = 40
"""Bytes of a line in which its time stands."""
_SECOND = 19
"""Of those, the ones that hold a date and a time to the second; a shorter time has more behind it, which only costs."""


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
        """How many frames there are to a line (the usual step)."""
        return self.steps.most_common(1)[0][0] if self.steps else 1


@dataclass(slots=True)
class ClockSpan:
    """What the times in the lines tell, in seconds of the first day."""

    count: int = 0
    """Lines with a time."""
    first: float = -1.0
    last: float = -1.0
    furthest: float = -1.0
    longest: float = 0.0
    """Between two lines with a time."""
    back: int = 0
    """How often the time went back."""

    def take(self, at: float) -> None:
        """The next line's time of day (s)."""
        if self.first < 0:
            self.first = self.last = at
        at += DAY * round((self.last - at) / DAY)  # midnight
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
        self._noted: dict[str, list[tuple[bytes, bytes, bytes]]] = {}
        self._second = self._newest = b""
        self._timed = False
        self._missed: tuple[int, int] | None = None
        self._calls: OrderedDict[bytes, dict[bytes, float]] = OrderedDict()
        self._stage = -1.0
        self._tags: dict[bytes, Callable[[bytes], bool]] = {
            b"Compositor": self._compositor, b"Render": self._render,
            b"SyncedPlayback": lambda line: self._tagged(lines.PLAYBACK, line),
            b"RealtimeLipSync": lambda line: self._tagged(lines.LIPS, line),
            b"Expr": lambda line: self._tagged(lines.EXPRESSION, line),
            b"Auto": lambda line: self._tagged(lines.AUTO, line),
        }  # fmt: skip
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
            some = [lines.COLOUR.sub(b"", line) for line in some]
        for line in some:
            if not line:
                continue
            self.lines += 1
            if line[:1].isdigit() or line[1:2].isdigit():
                self._time(line)
            if self._take(line):
                self.understood += 1

    def settle(self) -> None:
        """Sum up what was only noted so far; to be called before anything is read."""
        for name, noted in self._noted.items():
            for (part, value, unit), times in Counter(noted).items():
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
            handler = self._tags.get(tag)
            if handler is None and tag.startswith(b"Frame "):
                handler = self._frame
            elif handler is None and tag.startswith(b"call "):
                handler = self._point
            if handler is not None and handler(line):
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
            self._times("frame", line[found.end() :])
        self.grammars["frame"] += 1
        return True

    def _compositor(self, line: bytes) -> bool:
        found = lines.MISS.pattern.search(line)
        if found is None:
            if b" hit" not in line:
                return False
            self.counts["compositor hits"] += 1
        else:
            self.counts["compositor misses"] += 1
            if found[2]:
                self._add("compositor miss", lines.milliseconds(found[2], found[3]))
            if self.frames and (here := (len(self.frames), self.frames[-1].last)) != self._missed:
                self._missed = here
                self.frames[-1].with_miss += 1
        self.grammars["compositor miss"] += 1
        return True

    def _render(self, line: bytes) -> bool:
        found = lines.RENDER.pattern.search(line)
        if found is None:
            return False
        who = found[1].decode("utf-8", "replace")
        self._times(f"render {who}", found[2])
        if found[3]:
            self._add(f"render {who} sound of the line", float(found[3]), "s")
        self.grammars["render"] += 1
        return True

    def _tagged(self, grammar: lines.Grammar, line: bytes) -> bool:
        found = grammar.pattern.search(line)
        if found is None:
            return False
        self.counts[grammar.name] += 1
        self._times(grammar.name, found[1])
        self.grammars[grammar.name] += 1
        return True

    def _times(self, name: str, text: bytes) -> None:
        """``name: 58ms`` each; a time without a name is the line's own."""
        if named := lines.TIMES.findall(text):
            noted = self._noted.setdefault(name, [])
            noted += named
            if len(noted) > MOST_NOTED:
                self.settle()
        elif alone := lines.ANY_TIME.search(text):
            budget = FRAME_MS if name == "frame" else None
            self._add(name, lines.milliseconds(alone[1], alone[2]), budget=budget)

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
        self.replies[-1] = self._stage = at
        self.grammars["stage"] += 1
        return True

    # The machine

    def _cpu(self, line: bytes) -> bool:
        found = lines.CPU.pattern.search(line)
        if found is None:
            return False
        for part in found[1].split(b","):
            value, _, what = part.strip().partition(b" ")
            name = {b"us": "programs", b"id": "idle", b"st": "stolen"}.get(what.strip())
            if name and value.replace(b".", b"", 1).isdigit():
                self._add(f"machine {name}", float(value), "%")
        self.grammars["machine"] += 1
        return True

    def _process(self, line: bytes) -> bool:
        found = lines.PROCESS.pattern.match(line)
        if found is None:
            return False
        of_top = found[1] is not None
        name = (found[4] if of_top else found[8]).decode("utf-8", "replace").split("/")[-1].split(" ")[0]
        self._add(f"process {name} CPU", float(found[3] if of_top else found[6]), "%")
        memory = lines.megabytes(found[2]) if of_top else float(found[7]) / 1024
        self._add(f"process {name} memory", memory, "MB")
        self.grammars["process"] += 1
        return True

    # Our own

    def _ours(self, line: bytes) -> bool:
        """A line of our log: JSON with an ``event``."""
        try:
            found = json.loads(line)
        except ValueError:
            return False
        if not isinstance(found, dict) or not isinstance(cast("dict[str, Any]", found).get("event"), str):
            return False
        entry = cast("dict[str, Any]", found)
        event = str(entry["event"])
        self._count(self.counts, f"event {event}")
        if entry.get("level") in ("warning", "error", "critical"):
            self.counts[f"lines of level {entry['level']}"] += 1
        for key, value in entry.items():
            if key.endswith("_ms") and isinstance(value, int | float) and not isinstance(value, bool):
                self._add(f"{event} {key.removesuffix('_ms')}", float(value))
        stamp = str(entry.get("time", "")).encode()
        if stamp[:1].isdigit():
            self._time(stamp)
        self.grammars["ours"] += 1
        return True

    # All

    def _time(self, line: bytes) -> None:
        """Times are read where the second changes: of the last line before, and of the first one after."""
        second = line[:_SECOND]
        if second != self._second:
            self._look_at_clock(self._second, self._newest)
            self._look_at_clock(second, line)
            self._second = second
            self._timed = lines.CLOCK.search(line, 0, _HEAD) is not None
        self._newest = line
        self.clock.count += self._timed

    def _look_at_clock(self, second: bytes, line: bytes) -> None:
        found = lines.CLOCK.search(line, 0, _HEAD) if second else None
        if found and int(found[2]) < 24:
            self.clock.take(lines.seconds_of_day(found))

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
