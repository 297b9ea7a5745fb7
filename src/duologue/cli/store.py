"""``duologue store``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from duologue.cli.options import JsonOption, of_command

app = typer.Typer()

Config = Annotated[Path | None, typer.Option(help="The settings file instead of ./duologue.toml.")]


@app.callback(invoke_without_command=True)
def store(
    context: typer.Context,
    config: Config = None,
    as_json: JsonOption = False,
) -> None:
    """Say where the store is, what is in it, and who.

    Examples: duologue store · duologue store --json · duologue store migrate
    """
    if of_command(context, config=config, json=as_json):
        return
    import json
    from dataclasses import asdict

    from duologue.cli.output import console
    from duologue.store.database import HEAD, Database, database_url
    from duologue.store.people import counts, people
    from duologue.store.store import opened
    from duologue.store.tables import Base

    url, file = where(config)
    database = Database(database_url(url, file))
    there = database.file is None or database.file.exists()
    if not there:
        typer.echo(json.dumps({"where": database.where, "revision": None}) if as_json else _nothing(database.where))
        return
    try:
        before = database.revision()
    finally:
        database.close()
    with opened(url, file, writes=False) as session:
        kept = counts(session, [mapper.class_ for mapper in Base.registry.mappers])
        known = people(session)
    if as_json:
        told = {
            "where": database.where, "revision": HEAD, "was": before, "rows": kept,
            "people": [asdict(each) for each in known],
        }  # fmt: skip
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    out = console()
    out.print(f"The store is {database.where}", markup=False)
    came = "" if before == HEAD else f", brought up from {before}" if before else ", made just now"
    out.print(f"  revision {HEAD}{came}", style="dim")
    for name, count in sorted(kept.items()):
        out.print(f"  {count:>8} {name}", markup=False)
    for each in known:
        called = each.name or "not named yet"
        out.print(f"{each.id}  {each.key}{f' ({each.realm})' if each.realm else ''}: {called}", markup=False)


@app.command()
def migrate(config: Config = None) -> None:
    """Bring the store up to this version's tables, as a house does when it opens it.

    Example: duologue store migrate
    """
    from duologue.store.database import HEAD, Database, database_url

    database = Database(database_url(*where(config)))
    try:
        before = database.open()
    finally:
        database.close()
    done = "is up to date" if before == HEAD else f"was brought from {before or 'nothing'} to {HEAD}"
    typer.echo(f"{database.where}: {done}")


def where(config: Path | None) -> tuple[str, Path]:
    """The store that is set: its address (empty: the file), and the file."""
    from duologue.places import store_file
    from duologue.settings import load_settings

    return load_settings(config=config).store.url, store_file()


def _nothing(place: str) -> str:
    return f"There is no store yet; it will be {place}"
