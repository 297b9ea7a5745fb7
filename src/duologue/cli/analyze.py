"""``duologue analyze``: what the logs of earlier systems tell, and what they cannot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duologue.cli.options import JsonOption

if TYPE_CHECKING:
    from duologue.evidence.old_logs import OldLog


def analyze(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Logs of an earlier system, or of this one.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Write a page (.html), Markdown (.md) or JSON (.json) to a file.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Read logs that were never meant to be measured: counts, percentiles, broken budgets, and what they cannot tell.

    The lines that are understood are in docs/old-logs.md. Our own ledgers are for duologue report.

    For instance: duologue analyze show.log phone.log · duologue analyze show.log -o show.html
    """
    from duologue.cli.report import write_report
    from duologue.errors import InputError
    from duologue.evidence.forms import check_kind, shaped_logs
    from duologue.evidence.old_report import verdict

    if as_json and out is not None:
        raise InputError(
            "it is written or printed", where="-o, --json", remedy="Call the file report.json, or leave -o away."
        )
    kind = out.suffix.lower() if out is not None else ".json" if as_json else ".md"
    check_kind(kind)
    found = [_read(file) for file in files]
    if out is not None:
        write_report(out, shaped_logs(found, kind), " ".join(each for log in found for each in verdict(log)))
        return
    for piece in shaped_logs(found, kind):
        typer.echo(piece, nl=False)


def _read(file: Path) -> OldLog:
    from duologue.errors import InputError
    from duologue.evidence.old_logs import OldLog
    from duologue.evidence.reading import lines_of

    log = OldLog(str(file))
    for some in lines_of(file):
        if not log.lines and b'"kind":"header"' in some[0]:
            raise InputError(
                "this is a ledger of Duologue, and no log.", where=str(file), remedy=f"duologue report {file}"
            )
        log.feed(some)
    log.settle()
    return log
