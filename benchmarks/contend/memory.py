"""Memory of the stage: a cast of two, each further character, each further show of the same packs.

The living room has seats for two. For three and four it is given more seats, and the cast is joined by doubles, packs
of their own with the same drawings. Each cast is looked at twice: cold, where the stage itself bakes all of it, on a
cache of its own, and warm, where the next one maps what that left.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.live import HERE, House, Live, baseline, live
from benchmarks.machine import megabytes
from benchmarks.table import Row, row
from duologue.places import packs_folder

SETTLED = 120.0
"""Seconds on air after which a stage has all that it keeps: the captions' pages are full after some 80."""
_SEAT = "[[seats]]\nat = [{x}, 1050]\nscale = 1.0\nmirror = {mirror}\n\n"


def _packs(folder: Path) -> tuple[Path, list[str]]:
    """A room with four seats, and a cast of four."""
    shipped = packs_folder()
    room = folder / "living-room"
    shutil.copytree(shipped / "rooms" / "living-room", room)
    text = (room / "room.toml").read_text()
    more = _SEAT.format(x=230, mirror="false") + _SEAT.format(x=1690, mirror="true")
    (room / "room.toml").write_text(text.replace("[layers]", more + "[layers]", 1))
    cast = ["chad", "virgin"]
    for name in tuple(cast):
        double = folder / f"{name}-double"
        shutil.copytree(shipped / "characters" / name, double)
        manifest = double / "character.toml"
        named = re.sub(r"^name = .*$", f'name = "{name}-double"', manifest.read_text(), count=1, flags=re.M)
        manifest.write_text(named)
        cast.append(str(double))
    return room, cast


def _stage(on_air: Live) -> tuple[float, float]:
    """PSS and RSS of the stage, MB."""
    return megabytes([on_air.processes()["stage"]])


def _arguments(cast: list[str], room: Path | None) -> list[str]:
    return ["--turns", "1000", "--seed", "7", "--cast", ",".join(cast), *(["--room", str(room)] if room else [])]


def _measure(house: House, seconds: float, cast: list[str], room: Path | None) -> tuple[float, float]:
    with live(*_arguments(cast, room), house=house) as on_air:
        time.sleep(seconds)
        return _stage(on_air)


def _further(house: House, seconds: float) -> tuple[float, float]:
    """What a second show of the same packs adds, MB of PSS: to the stages, to all processes."""
    arguments = _arguments(["chad", "virgin"], None)
    with live(*arguments, house=house) as first:
        time.sleep(seconds)
        stage, whole = _stage(first)[0], megabytes(first.every())[0]
        with live(*arguments, house=house) as second:
            time.sleep(seconds)
            stages = _stage(first)[0] + _stage(second)[0]
            return stages - stage, megabytes([*first.every(), *second.every()])[0] - whole


def rows(seconds: float) -> list[Row]:
    """All of it; a stage is looked at after ``seconds`` on air, or after :data:`SETTLED` if that is less."""
    seconds = min(seconds, SETTLED)
    old = baseline()
    older = f"; older: {_measure(old, seconds, ['chad', 'virgin'], None)[0]:.0f} MB" if old else ""
    older_further = f"; older: {_further(old, seconds)[0]:.0f} MB" if old else ""
    with tempfile.TemporaryDirectory() as name:
        room, cast = _packs(Path(name))
        two = _measure(HERE, seconds, cast[:2], None)
        caches = {count: replace(HERE, cache=Path(name) / f"cache-{count}") for count in (2, 3, 4)}
        cold, warm = (
            {count: _measure(house, seconds, cast[:count], room)[0] for count, house in caches.items()}
            for _ in range(2)
        )
    stages, whole = _further(HERE, seconds)
    after = f"after {seconds:.0f} s"
    return [
        row("the stage, a cast of two, PSS", two[0], "MB", f"target ≤ 350; RSS {two[1]:.0f} MB, {after}{older}"),
        *(
            row(
                f"a {which} character, PSS, {how}",
                pss[count] - pss[count - 1],
                "MB",
                f"target ≤ 60; all: {pss[count]:.0f} MB",
            )
            for count, which in ((3, "third"), (4, "fourth"))
            for how, pss in (("mapped", warm), ("baked in that very process", cold))
        ),
        row("a further show of the same packs, its stage, PSS", stages, "MB", f"target ≤ 200{older_further}"),
        row("a further show, all its processes, PSS", whole, "MB", ""),
    ]
