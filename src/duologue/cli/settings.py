"""``duologue settings``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from duologue.cli.options import ConfigOption
from duologue.errors import InputError

WIDE = 240
"""Characters of a line where no terminal shows it: what is searched in it is not broken."""


def settings(
    config: ConfigOption = None,
    assign: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Try a value, as a flag would set it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: key, value and source of each.")] = False,
) -> None:
    """Show every setting, its value and where it came from.

    The order is: defaults, then duologue.toml, then the environment (DUOLOGUE_SHOW__TURNS=6), then flags. Secrets are
    masked. What auto came to here, and why, stands at the end.

    Examples: duologue settings · duologue settings --json · duologue settings --set show.fps=25
    """
    from duologue.app.engines.languages import use_of
    from duologue.settings import load_settings

    rows = load_settings(assigned=assigned(assign or []), config=config, use=use_of).rows()
    if as_json:
        table = [
            {"key": row.key, "value": row.value, "source": row.source} | ({"why": row.why} if row.why else {})
            for row in rows
        ]
        typer.echo(json.dumps(table, indent=2, ensure_ascii=False))
        return
    from rich.table import Column, Table

    from duologue.cli.output import console

    columns = Column("key", overflow="fold"), Column("value", overflow="fold"), Column("source", no_wrap=True)
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(row.key, row.value, row.source, style="dim" if row.source == "default" else None)
    page = console()
    if not page.is_terminal:
        page.width = WIDE
    page.print(table)
    for row in rows:
        if row.why:
            console().print(f"{row.key} = {row.value} came to {row.why}", markup=False)


def assigned(pairs: list[str]) -> dict[str, object]:
    """What ``--set`` gives, by its keys. Raises :class:`InputError` for what is no pair."""
    flags: dict[str, object] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise InputError(f"{pair!r} sets nothing", where="--set", remedy="Write --set key=value.")
        flags[key.strip()] = value
    return flags
