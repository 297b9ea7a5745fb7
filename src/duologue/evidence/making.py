"""A report in a process of its own, behind everybody else: ``python -m duologue.evidence.making``.

What is wanted comes as a line of JSON (:class:`ReportWish`), the report goes out as it is; an error as JSON on the
other pipe, with status 1.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

from duologue.errors import DuologueError
from duologue.evidence.budgets import read_budgets
from duologue.evidence.forms import shaped
from duologue.evidence.report import ReportSource, read_report
from duologue.priority import lower_this_process
from duologue.telemetry.ledger_span import RunSpan

FAILED = 1


@dataclass(frozen=True, slots=True)
class ReportWish:
    """A report of the run in ``folder``, called ``name``, in a form (``html``, ``md``, ``json``); of a span (Unix ns)
    where one is given. ``budgets`` is a file's path, empty for the usual; ``offset`` is that of its times of day from
    UTC (minutes).
    """

    folder: str
    name: str
    form: str = "html"
    span: tuple[int, int] | None = None
    budgets: str = ""
    offset: int = 0

    def as_line(self) -> bytes:
        """For the pipe."""
        return json.dumps(asdict(self)).encode()


def read_wish(line: bytes) -> ReportWish:
    """What :meth:`ReportWish.as_line` wrote."""
    values: dict[str, Any] = json.loads(line)
    span = values.pop("span")
    return ReportWish(**values, span=(span[0], span[1]) if span is not None else None)


def main() -> int:
    """Make the report that is wished for."""
    lower_this_process()
    wish = read_wish(sys.stdin.buffer.read())
    source = ReportSource(wish.name, Path(wish.folder), RunSpan(*wish.span) if wish.span is not None else None)
    try:
        budgets, zone = Path(wish.budgets) if wish.budgets else None, timezone(timedelta(minutes=wish.offset))
        found = read_report([source], read_budgets(budgets), zone)
        for piece in shaped(found, f".{wish.form}"):
            sys.stdout.buffer.write(piece.encode("utf-8", "backslashreplace"))
    except DuologueError as error:
        json.dump({"what": error.what, "where": error.where, "remedy": error.remedy}, sys.stderr)
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
