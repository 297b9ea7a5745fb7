"""``duologue verify``: is the delivered stream whole?"""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from duologue.cli.options import JsonOption
from duologue.prover.report import DeliveryReport
from duologue.prover.verify import verify as play


def verify(
    source: Annotated[str, typer.Argument(metavar="URL-or-FILE", help="An HLS playlist's address, or a film.")],
    seconds: Annotated[
        float | None, typer.Option(min=1.0, help="How much to play; by default 30 s of a live stream, all of a film.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Play a delivered stream as a viewer would and say what is wrong with it; exit with 1 if anything is.

    A show with --test-card carries what this reads: a number in every frame, a flash with a beep, a tone below the
    sound.

    For instance:

      duologue verify http://127.0.0.1:8081/stream/index.m3u8 --seconds 60

      duologue verify show.mp4 --json
    """
    report = play(source, seconds)
    if as_json:
        typer.echo(json.dumps(report.as_dict(), indent=2))
    else:
        from duologue.cli import output

        _print(report, output.console())
    if not report.ok:
        raise typer.Exit(1)


def _print(report: DeliveryReport, console: Console) -> None:
    table = Table(title=report.source, show_header=False, title_justify="left", box=None)
    for name, value in report.lines():
        table.add_row(name, value)
    console.print(table)
    for check in report.not_shown:
        console.print(f"Not shown: {check}", style="yellow", highlight=False)
    for less in report.plainer:
        console.print(f"Plainer: {less}", style="yellow", highlight=False)
    for fault in report.wrong:
        console.print(f"Wrong: {fault}", style="bold red", highlight=False)
    if report.ok:
        console.print("Nothing is wrong.", style="bold green")
