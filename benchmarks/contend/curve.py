"""The curve: how much processor time the show is left, and what it makes of it.

All of the show's processes are held to one core and, in slices of 10 ms, stopped for the rest of the time; the prover
and whoever stops them have the other cores.
"""

from __future__ import annotations

import time

from benchmarks.contend.figures import Seen, seen
from benchmarks.contend.scenes import BACK_WITHIN, HUMBLE, QUIET, SETTLE, SHOW, come_back_of
from benchmarks.live import HERE, House, baseline, live, proven
from benchmarks.machine import cores, cpu_seconds, held_to, say, throttled
from benchmarks.table import Row, row

SHARES = (1.0, 0.75, 0.5, 0.4, 1 / 3, 0.25)
"""Of one core."""


def _at(house: House, share: float, seconds: float) -> tuple[Seen, float]:
    """What was seen, and the cores that the show used."""
    first, *others = cores()
    with live(*SHOW, house=house, where=[first], humble=HUMBLE) as on_air:
        time.sleep(QUIET)
        with held_to(others), throttled(on_air.every, share):
            time.sleep(SETTLE)
            used, began = cpu_seconds(on_air.every()), time.perf_counter()
            found = seen(proven(on_air.stream, seconds))
            return found, (cpu_seconds(on_air.every()) - used) / (time.perf_counter() - began)


def _words(found: Seen) -> str:
    size = " → ".join(found.sizes)
    kept = f"{size}, {found.behind:.1f} s behind, {found.skips} skips, {found.sound_faults} faults of the sound"
    return f"{kept}, {found.missing + found.out_of_turn} frames missing or again"


def rows(seconds: float) -> list[Row]:
    """The whole curve, ``seconds`` of the stream at each place; printed as Markdown as well."""
    if len(cores()) < 2:
        say("the curve needs a second core, for who stops the show and who watches it: left out")
        return []
    old = baseline()
    table: list[Row] = []
    lines = ["| of one core | used | different pictures a second, median (poorest) | size | behind | skips | older |"]
    lines.append("|---" * 7 + "|")
    for share in SHARES:
        ours, used = _at(HERE, share, seconds)
        before = _at(old, share, seconds)[0] if old else None
        older = f"; older: {before.median}, {_words(before)}" if before else ""
        what = f"{share:.0%} of a core: different pictures a second, median"
        table.append(row(what, ours.median, "", f"poorest {ours.least}; {_words(ours)}; used {used:.0%}{older}"))
        was = f"{before.median} ({before.least}), {before.behind:.1f} s behind" if before else "–"
        lines.append(
            f"| {share:.0%} | {used:.0%} | {ours.median} ({ours.least}) | {' → '.join(ours.sizes)} "
            f"| {ours.behind:.1f} s | {ours.skips} | {was} |"
        )
    print("\n".join(lines))
    return [*table, _back(SHARES[-1] / 1.6)]


def _back(share: float) -> Row:
    """How long after a shortage that cost pictures all quality is there again."""
    first, *others = cores()
    with live(*SHOW, where=[first], humble=HUMBLE) as on_air:
        time.sleep(QUIET)
        with held_to(others), throttled(on_air.every, share):
            time.sleep(2 * SETTLE)
        steps = "; ".join(step["step"] for step in reversed(on_air.stage()["steps"])) or "none"
        back = come_back_of(on_air)
    what = f"{share:.0%} of a core for {2 * SETTLE:g} s, then all of it → all quality again"
    return row(what, BACK_WITHIN if back is None else back, "s", f"target ≤ 90; steps down: {steps}")
