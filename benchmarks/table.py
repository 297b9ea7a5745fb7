"""Rows of a benchmark: made by its ``rows()``, printed as a table, written as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from rich.console import Console
from rich.table import Table

OUT = Path(__file__).parent / "out"


class Row(TypedDict):
    """One figure. ``peer`` is what it is compared with (its own value in words), ``ratio`` how many times better ours
    is.

    ``ratio`` is None where there is nothing to compare with: then the figure is a count, or a wish.
    """

    what: str
    value: float
    unit: str
    peer: str
    ratio: float | None


def row(what: str, value: float, unit: str, peer: str = "", ratio: float | None = None) -> Row:
    """A row, rounded to what its noise allows."""
    return {"what": what, "value": round(value, 3), "unit": unit, "peer": peer, "ratio": ratio and round(ratio, 2)}


class LeftOutError(Exception):
    """A benchmark that this machine lacks something for, in words."""


def refuse_nothing(rows: Sequence[Row]) -> None:
    """Ends the program for a table without rows, or one with a figure that is none: nothing was measured there, and who
    reads it would take it for a good result.
    """
    if not rows:
        raise SystemExit("nothing was measured")
    if nothing := [each["what"] for each in rows if not math.isfinite(each["value"])]:
        raise SystemExit(f"nothing was measured of: {'; '.join(nothing)}")


def show(name: str, rows: Sequence[Row]) -> None:
    """Print a benchmark's rows and write them to ``benchmarks/out/NAME.json``."""
    table = Table(title=name, title_justify="left")
    for heading in ("what", "value", "unit", "beside", "ratio"):
        table.add_column(heading, justify="right" if heading in ("value", "ratio") else "left")
    for each in rows:
        ratio = "" if each["ratio"] is None else f"{each['ratio']:g} ×"
        table.add_row(each["what"], f"{each['value']:g}", each["unit"], each["peer"], ratio)
    Console(width=150).print(table)
    OUT.mkdir(exist_ok=True)
    (OUT / f"{name}.json").write_text(json.dumps({"rows": list(rows)}, indent=1) + "\n")
