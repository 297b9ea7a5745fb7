"""``duologue analyze``: what the logs of earlier systems tell, and what they cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from duologue.cli.options import JsonOption


def analyze(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Logs of an earlier system, or of this one.")],
    as_json: JsonOption = False,
) -> None:
    """Read logs that were never meant to be measured: counts, percentiles, broken budgets, and what they cannot tell.

    The lines that are understood are in docs/old-logs.md. Our own ledgers are for duologue report.

    For instance: duologue analyze show.log phone.log
    """
    from duologue.errors import InputError
    from duologue.evidence.old_logs import OldLog
    from duologue.evidence.old_report import as_dict, as_markdown
    from duologue.evidence.reading import lines_of

    found: list[OldLog] = []
    for file in files:
        log = OldLog(str(file))
        for some in lines_of(file):
            if not log.lines and b'"kind":"header"' in some[0]:
                raise InputError(
                    "this is a ledger of Duologue, and no log.", where=str(file), remedy=f"duologue report {file}"
                )
            log.feed(some)
        found.append(log)
    if as_json:
        import json

        typer.echo(json.dumps({"logs": [as_dict(log) for log in found]}, indent=2, ensure_ascii=False))
        return
    for number, log in enumerate(found):
        if number:
            typer.echo("")
        for line in as_markdown(log):
            typer.echo(line)
