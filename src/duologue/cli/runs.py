"""``duologue runs``: what the flight recorder kept."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duologue.cli.options import JsonOption, of_command

if TYPE_CHECKING:
    from duologue.telemetry.run_shelf import Run, RunShelf

app = typer.Typer()

TEXTS = 3
"""Columns that begin at the left."""
MOST_TITLE = 40
"""Characters."""

Config = Annotated[Path | None, typer.Option(help="The settings file instead of ./duologue.toml.")]
Names = Annotated[list[str], typer.Argument(metavar="RUN...", help="Ids, or parts of them that only one has; last.")]


def shelf_of(config: Path | None) -> RunShelf:
    """Where runs are kept, as it is set."""
    from duologue.places import runs_folder
    from duologue.settings import load_settings
    from duologue.telemetry.run_shelf import RunShelf

    return RunShelf(load_settings({}, config=config).runs.folder or runs_folder())


@app.callback(invoke_without_command=True)
def runs(
    context: typer.Context,
    config: Config = None,
    as_json: JsonOption = False,
) -> None:
    r"""List the runs that were kept: one of each show, talk and call, the newest last.

    A run has its part of the ledger: turns, frames, packets, decisions, the governor's steps, the machine. Old ones are
    removed by themselves, as \[runs] says.

    Examples: duologue runs · duologue report last -o report.html · duologue runs remove last
    """
    if of_command(context, config=config, json=as_json):
        return
    shelf = shelf_of(config)
    there = shelf.runs()
    if as_json:
        import json

        typer.echo(json.dumps([as_table(run) for run in there], indent=2, ensure_ascii=False))
        return
    if not there:
        typer.echo(f"No run is kept in {shelf.folder}.")
        return
    _print(there)


@app.command()
def remove(names: Names, config: Config = None) -> None:
    """Remove runs. One that still goes on is refused.

    Example: duologue runs remove 20261123-020705-show-main
    """
    shelf = shelf_of(config)
    for run in {run.id: run for run in map(shelf.find, names)}.values():
        shelf.remove(run)
        typer.echo(f"{run.id}: removed, {_mb(run.size)}")


@app.command()
def export(
    name: Annotated[str, typer.Argument(metavar="RUN", help="Its id, a part of it that only it has, or last.")],
    parquet: Annotated[Path, typer.Option(help="A folder for a file of each kind of record (needs pyarrow).")],
    config: Config = None,
) -> None:
    """Write a run as Parquet, a file for each kind of record, for DuckDB, pandas and the like.

    They read a run's own lines as well: docs/evidence.md says how.

    Example: duologue runs export last --parquet tables
    """
    from duologue.evidence.tables import write_parquet
    from duologue.plurals import counted

    run = shelf_of(config).find(name)
    for file, rows in write_parquet(run.folder, parquet):
        typer.echo(f"{file}: {counted(rows, 'row')}")


def as_table(run: Run) -> dict[str, object]:
    """What is known of it, for JSON."""
    digest = run.digest
    return {
        "id": run.id, "what": digest.what, "of": digest.of, "title": digest.about, "state": run.state.value,
        "began": _iso(digest.began), "ended": _iso(digest.newest), "seconds": round(digest.seconds, 3),
        "turns": digest.turns, "frames": digest.frames, "late": digest.late, "left_out": digest.left_out,
        "lost_lines": digest.lost, "bytes": run.size, "folder": str(run.folder),
        "recording": digest.recording,
    }  # fmt: skip


def _iso(wall: int) -> str:
    return f"{datetime.fromtimestamp(wall / 1e9, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _print(there: list[Run]) -> None:
    """Columns, as wide as they must be."""
    rows = [("run", "what it is about", "state", "long", "turns", "frames", "late", "size", "sound"), *map(_row, there)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        cells = (
            cell.ljust(width) if place < TEXTS else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        typer.echo("  ".join(cells).rstrip())


def _row(run: Run) -> tuple[str, ...]:
    from duologue.evidence.words import duration
    from duologue.plurals import counted

    digest = run.digest
    title = digest.about if len(digest.about) <= MOST_TITLE else f"{digest.about[: MOST_TITLE - 1]}…"
    state = run.state.value if not digest.lost else f"{run.state}, {counted(digest.lost, 'line')} lost"
    sound = bool(digest.recording) and Path(digest.recording).is_file()
    frames = (f"{digest.frames:,}", f"{digest.late + digest.left_out:,}") if digest.what == "show" else ("", "")
    return (run.id, title, state, duration(digest.seconds), f"{digest.turns:,}", *frames, _mb(run.size), "kept" * sound)


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
