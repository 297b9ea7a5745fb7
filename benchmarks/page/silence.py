"""Gaps between the sentences that the Talk page plays, and how soon it falls silent: by the sound that it gave to its
device.

A scripted model tells stories of five sentences at once, so that there is always something to interrupt; the voice is
the default one (and espeak, for the gaps).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.machine import load, say
from benchmarks.natural.callers import Half, Renderings, voices
from benchmarks.natural.interruptions import WORDS
from benchmarks.page.browser import Captured, Track, visiting
from benchmarks.page.house import talk_house
from benchmarks.page.servers import old_tutor
from benchmarks.page.sound import gaps, last_audible, sounding
from benchmarks.page.spoken import heard_at, scripted, spoken
from benchmarks.phone.packets import spread
from benchmarks.table import Row, row

WHO = "Chad"
STORIES = 5
ESCAPES, VOICES = 20, 20
PLAYS_S = (0.6, 2.6)
"""How long a story is heard before the key, from and to."""
EVERY_S = 5.5
"""Between two voices over stories: the answer to the one before is being told."""
STILL_MS = 1_000.0
"""After the key; nothing begins again so soon."""
HELD_MS = 150.0
"""Sound goes on for less after the page was told to hold it."""


def gap_rows(small: bool = False) -> list[Row]:
    """Both voices."""
    made: list[Row] = []
    for name, settings in (("the default voice", ""), ("espeak", "espeak")):
        with old_tutor("free") as servers:
            engines = servers.settings(voice=False)
            if settings:
                engines = engines.replace("[engines]", f'[engines]\ntts = "{settings}"', 1)
            with talk_house(engines) as house, visiting(house.address) as visit:
                visit.begin(WHO)
                for number in range(2 if small else STORIES):
                    say(f"{name}: story {number + 1}")
                    visit.say("Tell me a story.")
                    visit.wait(1.0)
                    visit.answered()
                captured = visit.take()
        made += _gaps(name, captured)
    return made


def _gaps(name: str, captured: Captured) -> list[Row]:
    assert captured.output is not None
    between, holes = gaps(captured.output, captured)
    beyond = [each.beyond for each in between]
    told = f"p50 {np.median(beyond):.2f}; written {np.median([each.written for each in between]):.0f}; wish ≤ 30"
    return [
        row(f"{name}: gaps between two sentences", len(between), ""),
        row(f"{name}: beyond the written pause, longest", max(beyond, default=0.0), "ms", f"{told}, {load()}"),
        row(f"{name}: hole inside a sentence, longest", max(holes, default=0.0), "ms", f"of {len(holes)} sentences"),
        *dry_rows(name, captured),
    ]


def dry_rows(name: str, captured: Captured) -> list[Row]:
    """How often the device had nothing to play, where the browser says so: the page's own sound knows nothing of it."""
    if captured.dry is None:
        return []
    times, long = captured.dry
    beside = f"{long:.0f} ms in all; the way to the device {captured.latency_ms:.0f} ms"
    return [row(f"{name}: times that the device ran dry", times, "", beside)]


def rows(small: bool = False) -> list[Row]:
    """By the key, and by voice."""
    return [*_by_key(5 if small else ESCAPES), *_by_voice(5 if small else VOICES)]


def _by_key(count: int) -> list[Row]:
    with (
        old_tutor("free") as servers,
        talk_house(servers.settings(voice=False)) as house,
        visiting(house.address) as visit,
    ):
        visit.begin(WHO)
        for number in range(count):
            visit.say("Tell me a story.")
            if not visit.until("() => document.querySelector('.talk-chunk[data-state=playing]') !== null", 20):
                raise SystemExit("a story was not told within 20 s")
            visit.wait(PLAYS_S[0] + (PLAYS_S[1] - PLAYS_S[0]) * number / count)
            visit.page.keyboard.press("Escape")
            visit.wait(1.6)
        captured = visit.take()
    keys = [at for at, key in captured.keys if key == "Escape"]
    assert captured.output is not None
    return _silences("Esc → silence", [silent_after(captured.output, at) for at in keys], 60)


def silent_after(output: Track, at: float) -> float | None:
    """How long after ``at`` (ms) until nothing was heard; None: nothing had been heard just before."""
    if not sounding(output, at - 300, at):
        return None
    last = last_audible(output, at, at + STILL_MS)
    return 0.0 if last is None else last - at


def _by_voice(count: int) -> list[Row]:
    known, renderings = voices(Half.ASIDE), Renderings()
    said = [(known[number % len(known)], WORDS[number % len(WORDS)]) for number in range(count)]
    renderings.make(said)
    script = scripted([renderings.sound(*each) for each in said], 7.0, EVERY_S)
    with (
        TemporaryDirectory() as folder,
        old_tutor("free") as servers,
        talk_house(servers.settings(voice=False)) as house,
    ):
        captured = spoken(script, house.address, Path(folder), WHO, first="Tell me a story.")
    output = captured.output
    assert output is not None
    holds = sorted(at for kind in ("pause", "clear") for at, _ in captured.of(kind))
    found: list[float | None] = []
    noticed: list[float] = []
    over = missed = 0
    for heard in heard_at(captured, script):
        if heard is None or not sounding(output, heard[0] - 300, heard[0]):
            continue
        over += 1
        told = next((at for at in holds if heard[0] < at < heard[0] + 3_000), None)
        if told is None:
            missed += 1
            continue
        noticed.append(told - heard[0])
        last = last_audible(output, heard[0], told + HELD_MS)
        found.append(0.0 if last is None else last - heard[0])
    return [
        row("voices over a story", over, f"of {count}"),
        row("of these not noticed", missed, "", "wish 0"),
        *_silences("voice → silence", found, 300),
        row("of it until the page was told to hold, p50", spread(noticed)[0], "ms"),
    ]


def _silences(what: str, found: Sequence[float | None], wish: int) -> list[Row]:
    known = [each for each in found if each is not None]
    middle, tail = spread(known)
    return [
        row(f"{what}, p50 of {len(known)}", middle, "ms", f"wish ≤ {wish}, {load()}"),
        row(f"{what}, p95", tail, "ms"),
        row(f"{what}, longest", max(known, default=float("nan")), "ms"),
    ]
