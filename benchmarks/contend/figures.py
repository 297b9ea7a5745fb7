"""What a viewer got while the show was short of CPU: the prover's report and the show's own counters, as rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from benchmarks.table import Row, row

STEPS = ("tv", "analysis", "rate", "size")


@dataclass(frozen=True, slots=True)
class Seen:
    """Figures of a stretch of the stream, by the prover. ``late`` and ``behind`` are seconds, at most: the newest frame
    after its due time when it was fetched, a viewer behind live. ``sync_ms`` is the sound after the picture, median.
    """

    seconds: float
    missing: int
    out_of_turn: int
    left_out: int
    skips: int
    least: int
    median: int
    stood_ms: float
    sound_faults: int
    late: float
    behind: float
    sync_ms: float
    sizes: tuple[str, ...]
    wrong: tuple[str, ...]


def seen(report: dict[str, Any]) -> Seen:
    """From the prover's JSON."""
    picture: dict[str, Any] = report["picture"]
    live: dict[str, float] = report["live"] or {}
    sync: dict[str, float] = report["sync"] or {}
    rate: dict[str, Any] = picture["rate"] or {"least": 0, "median": 0, "largest_step_ms": 0.0}
    return Seen(
        seconds=report["seconds"],
        missing=picture["missing"],
        out_of_turn=picture["repeated"] + picture["out_of_order"],
        left_out=picture["left_out"],
        skips=picture["skips"],
        least=rate["least"],
        median=rate["median"],
        stood_ms=rate["largest_step_ms"],
        sound_faults=sum(len(report["sound"][kind]) for kind in ("gaps", "holes", "slips", "seams")),
        late=live.get("edge_most", 0.0),
        behind=live.get("viewer_most", 0.0),
        sync_ms=sync.get("median_ms", 0.0),
        sizes=tuple(f"{size['width']}x{size['height']}" for size in report["sizes"]),
        wrong=tuple(report["wrong"]),
    )


@dataclass(frozen=True, slots=True)
class Contention:
    """What was seen, how far the show's counters moved meanwhile, and how the machine was.

    ``start`` is from the start of the process to the first segment (s), beside nothing. ``steps`` are the governor's,
    the newest first; ``back`` is how many seconds after the end all quality was there again (None: not asked, or not
    within the time given); ``notes`` are the contenders' own figures.
    """

    seen: Seen
    start: float
    moved: dict[str, float]
    steps: tuple[str, ...]
    cores_used: float
    woke_late_ms: float
    back: float | None = None
    notes: dict[str, float] = field(default_factory=dict[str, float])

    def taken(self) -> str:
        """The steps that were taken, in words."""
        counts = {name: self.moved.get(f"{name}.down", 0) for name in STEPS}
        each = [f"{name} {count:g} times" for name, count in counts.items() if count]
        return ", ".join(each) or "none"


FIGURES: tuple[tuple[str, str, str], ...] = (
    ("least", "different pictures in the poorest second", ""),
    ("median", "different pictures a second, median", ""),
    ("stood_ms", "the longest that one picture stood", "ms"),
    ("missing", "missing", "frames"),
    ("out_of_turn", "repeated or out of order", "frames"),
    ("skips", "skips to the grid", ""),
    ("sound_faults", "gaps, holes, slips and seams in the sound", ""),
    ("sync_ms", "the sound after the picture, median", "ms"),
    ("late", "the newest frame after its due time, at most", "s"),
    ("behind", "a viewer behind live, at most", "s"),
)
"""Fields of :class:`Seen`, as rows of a table."""


def rows_of(what: str, targets: dict[str, str], ours: Contention, old: Contention | None) -> list[Row]:
    """The figures of a scene beside their targets and those of an older clone."""
    table: list[Row] = []
    for name, label, unit in FIGURES:
        beside = [f"target {targets[name]}"] if name in targets else []
        beside += [f"older: {getattr(old.seen, name):g}"] if old else []
        table.append(row(f"{what}: {label}", getattr(ours.seen, name), unit, "; ".join(beside)))
    before = f"before there was contention; target ≤ 3{f'; older: {old.start:.1f}' if old else ''}"
    table.append(row(f"{what}: start of the process → first segment", ours.start, "s", before))
    table += [row(f"{what}: {name}", value, "") for name, value in ours.notes.items()]
    faults = " ".join(ours.seen.wrong[:3]) or "none"
    table.append(row(f"{what}: what the prover calls wrong", len(ours.seen.wrong), "", faults))
    down = sum(ours.moved.get(f"{name}.down", 0) for name in STEPS)
    table.append(row(f"{what}: steps down", down, "", f"{ours.taken()}; sizes {', '.join(ours.seen.sizes)}"))
    table.append(row(f"{what}: CPU the show had", ours.cores_used, "cores", _machine(ours)))
    return table


def _machine(found: Contention) -> str:
    return f"over {found.seen.seconds:.0f} s; a bare sleeper woke {found.woke_late_ms:.0f} ms late at worst"
