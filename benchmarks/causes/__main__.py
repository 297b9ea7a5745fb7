"""Whether reports name the right cause: faults are done to houses that run, and what they made late is looked up.

``python -m benchmarks.causes [show] [talks] [--only FAULT] [--small] [--keep FOLDER]`` (a quarter of an hour). A
hundred faults and a few (:mod:`benchmarks.causes.faults`), whose times are kept here alone: in a show on air, in a
conversation with a character, and in a call. Afterwards their runs are read as ``duologue report`` reads them. Of all
that was late, slow or missing in the time of a fault, what its chapter blames for most of it is held against the fault:
*right*, *unknown*, or *wrong*. Where nothing was late there was nothing to name: such faults are told apart. Between
the faults lie times in which nothing is done: in those nothing may be blamed on a part of ours. ``--judge FOLDER``
reads again what was kept.

Expected before measuring: all but the busy cores are named from one record; those depend on how long each thread was
kept waiting, which the kernel counts.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from benchmarks.causes import on_air, talks
from benchmarks.causes.figures import Fault, Injected, Suffered, table
from benchmarks.table import Row, show


class Section(NamedTuple):
    """``inject`` does what of it is wanted, and leaves the runs in a folder; ``suffered`` reads their reports."""

    inject: Callable[[Path, bool, Collection[Fault]], list[Injected]]
    suffered: Callable[[Path], list[Suffered]]


SECTIONS = {
    "show": Section(on_air.inject, on_air.suffered),
    "talks": Section(talks.inject, talks.suffered),
}


def inject(folder: Path, sections: Sequence[str], small: bool, only: Collection[Fault]) -> None:
    """Do it; the runs and what was done when are kept in ``folder``, which is empty."""
    for name, (done, _) in SECTIONS.items():
        if not sections or name in sections:
            times = done(folder / name, small, only)
            (folder / f"{name}.json").write_text(json.dumps([asdict(each) for each in times], indent=1))


def judged(folder: Path) -> list[Row]:
    """Of what :func:`inject` kept there."""
    injected, suffered = list[Injected](), list[Suffered]()
    for name, (_, told) in SECTIONS.items():
        if (times := folder / f"{name}.json").exists():
            for each in json.loads(times.read_text()):
                injected.append(Injected(**each | {"fault": Fault(each["fault"]) if each["fault"] else None}))
            suffered += told(folder / name)
    if not injected:
        raise SystemExit(f"nothing was done: {folder} has none of {', '.join(f'{name}.json' for name in SECTIONS)}")
    return table(injected, suffered)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.causes")
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], help="by default both")
    parser.add_argument(
        "--only", action="append", default=[], choices=[each.name.lower() for each in Fault], help="by default all"
    )
    parser.add_argument("--small", action="store_true", help="a few of each kind, to try it out")
    parser.add_argument("--keep", type=Path, help="keep what was recorded in this folder, which is new")
    parser.add_argument("--judge", type=Path, help="do nothing: read again what was kept in this folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="causes-") as name:
        folder = given.judge or given.keep or Path(name)
        if given.judge is None:
            folder.mkdir(parents=True, exist_ok=given.keep is None)
            only = [Fault[each.upper()] for each in given.only]
            inject(folder, given.sections, given.small, frozenset(only or Fault))
        show("causes", judged(folder))


if __name__ == "__main__":
    main()
