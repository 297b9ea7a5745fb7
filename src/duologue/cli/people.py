"""``duologue export`` and ``duologue forget``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[Path | None, typer.Option(help="The settings file instead of ./duologue.toml.")]
Person = Annotated[str, typer.Argument(metavar="PERSON", help="By id, by what their client calls them, or by name.")]


def export(
    person: Person,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A file instead of standard output.")] = None,
    config: Config = None,
) -> None:
    """Print all that is kept of a person, as JSON: what was heard, what is remembered, what they learn.

    Example: duologue export ada > ada.json
    """
    import json

    from duologue.cli.output import write_out
    from duologue.cli.store import where
    from duologue.store.people import export as all_of
    from duologue.store.people import named
    from duologue.store.store import opened

    with opened(*where(config), writes=False) as session:
        told = json.dumps(all_of(session, named(session, person)), indent=2, ensure_ascii=False)
    if out is None:
        typer.echo(told)
        return
    write_out(out, f"{told}\n", "what is kept")


def forget(
    person: Person,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: Config = None,
) -> None:
    """Delete all that is kept of a person: conversations, memory, vocabulary, recordings, runs.

    Example: duologue forget ada --yes
    """
    from duologue.app.people.remembering import remove_files
    from duologue.cli.runs import shelf_of
    from duologue.cli.store import where
    from duologue.errors import PeerError
    from duologue.plurals import counted
    from duologue.settings import load_settings
    from duologue.store.database import Database, database_url
    from duologue.store.people import forget as delete
    from duologue.store.people import known, named, parts_of
    from duologue.store.store import opened

    url, file = where(config)
    with opened(url, file, writes=False) as session:
        who = known(named(session, person))
    called = f"{who.key}{f' ({who.name})' if who.name else ''}"
    if not yes and sys.stdin.isatty():
        typer.confirm(f"Forget all of {called}?", abort=True)
    with opened(url, file) as session:
        person_row = named(session, who.id)
        parts = parts_of(session, person_row)
        recordings = delete(session, person_row)
    left = remove_files(recordings)
    gone, going_on = shelf_of(config).remove_of(parts)
    heard = counted(len(recordings) - len(left), "recording")
    typer.echo(f"{called} is forgotten, with {heard} and {counted(len(gone), 'run')}.")
    if (folder := load_settings(config=config).ledger.folder) is not None:
        typer.echo(f"The ledger in {folder} may still hold words of theirs; so may backups of yours.")
    database = Database(database_url(url, file))
    try:
        database.forget_traces()
    finally:
        database.close()
    if going_on:
        names = " ".join(run.id for run in going_on)
        raise PeerError(
            "some of their runs could not be removed", where=names, remedy="duologue runs remove, when they are over."
        )
    if left:
        raise PeerError("some recordings could not be removed", where=", ".join(left), remedy="Remove them by hand.")
