"""Plots as inline SVG: no script, no network, colours of the page's own style. Each has a title, and a table beside it
is the caller's to give: a picture is nobody's only way to a figure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise
from statistics import median

from duologue.evidence.chapters import Bars, PlotLine, WaterfallRow
from duologue.evidence.words import clock, short

WIDTH, HEIGHT = 720.0, 220.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 12.0, 22.0, 34.0
TONES = 8
"""Colours of the style sheet: ``t0`` … ``t7``."""
PAUSE = 4.0
"""Steps of the usual length in which nothing was measured: several runs lie apart."""
ROW = 22.0
LABEL = 190.0


def nice(top: float, steps: int = 5) -> list[float]:
    """Round numbers from 0 to ``top`` or a little beyond."""
    if not (math.isfinite(top) and top > 0):
        return [0.0, 1.0]
    raw = top / steps
    power = 10 ** math.floor(math.log10(raw))
    step = next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= raw)
    return [round(step * place, 10) for place in range(math.ceil(top / step - 1e-9) + 1)]


def _svg(title: str, body: str, width: float = WIDTH, height: float = HEIGHT) -> str:
    words = escape(title)
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{words}" preserveAspectRatio="xMinYMin meet">'
        f"<title>{words}</title>{body}</svg>"
    )


def _text(x: float, y: float, words: str, anchor: str = "middle", extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{escape(words)}</text>'


def _grid(ticks: Sequence[float], top: float, unit: str) -> str:
    """Horizontal lines with their values."""
    found: list[str] = []
    for tick in ticks:
        y = _y(tick, top)
        found.append(f'<line class="g" x1="{LEFT:g}" x2="{WIDTH - RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}"/>')
        found.append(_text(LEFT - 6, y + 4, f"{tick:g}", "end"))
    found.append(_text(4, 11, unit, "start", ' class="u"'))
    return "".join(found)


def _y(value: float, top: float) -> float:
    room = HEIGHT - TOP - BOTTOM
    return TOP + room - room * min(max(value, 0.0), top) / top


def _time_axis(first: float, last: float) -> str:
    found: list[str] = []
    span = max(last - first, 1e-9)
    step = next((each for each in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200)
                 if span / each <= 8), 86400)  # fmt: skip
    tick = math.ceil(first / step) * step
    while tick <= last:
        x = LEFT + (WIDTH - LEFT - RIGHT) * (tick - first) / span
        found.append(
            f'<line class="k" x1="{x:.1f}" x2="{x:.1f}" y1="{HEIGHT - BOTTOM:g}" y2="{HEIGHT - BOTTOM + 4:g}"/>'
        )
        edge = x > WIDTH - RIGHT - 24
        found.append(_text(WIDTH - 2 if edge else x, HEIGHT - BOTTOM + 17, clock(tick), "end" if edge else "middle"))
        tick += step
    return "".join(found)


def _stretches(points: Sequence[tuple[float, float]]) -> Iterator[Sequence[tuple[float, float]]]:
    """Those that follow each other at the usual pace."""
    steps = [after[0] - before[0] for before, after in pairwise(points)]
    breaks = [place for place, step in enumerate(steps, 1) if step > PAUSE * median(steps)]
    for begin, end in pairwise((0, *breaks, len(points))):
        yield points[begin:end]


def lines(
    title: str, plotted: Sequence[PlotLine], *, limit: float | None = None, marks: Sequence[float] = (),
    backdrop: bool = False, measured: bool = False,
) -> str:  # fmt: skip
    """Figures over time; ``limit`` is a budget (dashed), ``marks`` are times at which something went wrong, the first
    line is a broad ``backdrop`` where the others may cover it. Of what was ``measured`` at a steady pace no line goes
    over a time in which it was not.
    """
    points = [point for line in plotted for point in line.points]
    if not points:
        return ""
    first, last = min(at for at, _ in points), max(at for at, _ in points)
    ticks = nice(max(max(value for _, value in points), limit or 0.0))
    top, span = ticks[-1], max(last - first, 1e-9)
    room = WIDTH - LEFT - RIGHT

    def x(at: float) -> float:
        return LEFT + room * (at - first) / span

    body = [_grid(ticks, top, plotted[0].unit), _time_axis(first, last)]
    for mark in marks[:400]:
        body.append(f'<line class="m" x1="{x(mark):.1f}" x2="{x(mark):.1f}" y1="{TOP:g}" y2="{HEIGHT - BOTTOM:g}"/>')
    for number, line in enumerate(plotted):
        for stretch in _stretches(line.points) if measured else (line.points,):
            path = " ".join(f"{x(at):.1f},{_y(value, top):.1f}" for at, value in stretch)
            body.append(
                f'<polyline class="l t{number % TONES}{" broad" if backdrop and not number else ""}" points="{path}"/>'
            )
    if limit is not None:
        y = _y(limit, top)
        body.append(f'<line class="b" x1="{LEFT:g}" x2="{WIDTH - RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}"/>')
        body.append(_text(WIDTH - RIGHT, y - 4, f"budget {limit:.1f}", "end", ' class="bt"'))
    return _svg(title, "".join(body))


def histogram(title: str, bars: Bars, *, limit: float, unit: str = "ms") -> str:
    """How often: the height is logarithmic, or a handful of late ones would not be seen beside thousands."""
    most = max(bars.counts)
    decades = max(1, math.ceil(math.log10(max(most, 2))))
    room = WIDTH - LEFT - RIGHT
    high = HEIGHT - TOP - BOTTOM
    end = bars.edges[-1]
    body: list[str] = []
    for power in range(decades + 1):
        y = TOP + high - high * power / decades
        body.append(f'<line class="g" x1="{LEFT:g}" x2="{WIDTH - RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}"/>')
        body.append(_text(LEFT - 6, y + 4, f"{10**power:,}", "end"))
    for place, count in enumerate(bars.counts):
        if not count:
            continue
        x, width = LEFT + room * bars.edges[place] / end, room * (bars.edges[place + 1] - bars.edges[place]) / end
        tall = high * (0.06 + 0.94 * math.log10(count) / decades) if count > 1 else high * 0.06
        kind = "over" if bars.edges[place] >= limit else "fine"
        last = place == len(bars.counts) - 1
        words = f"{bars.edges[place]:.1f} {unit} and more" if last else (
            f"{bars.edges[place]:.1f} to {bars.edges[place + 1]:.1f} {unit}"
        )  # fmt: skip
        body.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{TOP + high - tall:.1f}" width="{max(1.0, width - 1):.1f}"'
            f' height="{tall:.1f}"><title>{words}: {count:,}</title></rect>'
        )
    for tick in nice(end, 8):
        if tick <= end:
            body.append(_text(LEFT + room * tick / end, HEIGHT - BOTTOM + 17, f"{tick:g}"))
    x = LEFT + room * limit / end
    body.append(f'<line class="b" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP:g}" y2="{HEIGHT - BOTTOM:g}"/>')
    body.append(_text(x + 4, TOP + 10, f"budget {limit:.1f} {unit}", "start", ' class="bt"'))
    return _svg(title, "".join(body))


def waterfall(title: str, rows: Sequence[WaterfallRow], stages: Sequence[str]) -> str:
    """A row for each turn, its stages one after the other, all on one scale."""
    if not rows:
        return ""
    ticks = nice(max(row.total_ms for row in rows))
    top, room = ticks[-1], WIDTH - LABEL - 70
    height = TOP + ROW * len(rows) + 26
    body: list[str] = []
    for tick in ticks:
        x = LABEL + room * tick / top
        body.append(f'<line class="g" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP:g}" y2="{height - 24:.1f}"/>')
        body.append(_text(x, height - 8, f"{tick:g} ms" if tick == ticks[-1] else f"{tick:g}"))
    for number, row in enumerate(rows):
        y = TOP + ROW * number
        body.append(_text(LABEL - 8, y + 14, short(row.label, 28), "end"))
        x = LABEL
        for tone, stage in enumerate(stages):
            ms = row.stages.get(stage, 0.0)
            width = room * ms / top
            if ms > 0:
                body.append(
                    f'<rect class="f{tone % TONES}" x="{x:.1f}" y="{y + 3:.1f}" width="{max(0.6, width):.1f}"'
                    f' height="{ROW - 7:g}"><title>{escape(stage.replace("_", " "))} {ms:.0f} ms</title></rect>'
                )
            x += width
        body.append(_text(x + 5, y + 14, f"{row.total_ms:,.0f}", "start"))
    return _svg(title, "".join(body), WIDTH, height)
