"""``duologue settings``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from duologue.cli.options import ConfigOption
from duologue.errors import InputError

if TYPE_CHECKING:
    from duologue.settings import SettingRow

WIDE = 240
"""Characters of a line where no terminal shows it: what is searched in it is not broken."""


def settings(
    key: Annotated[
        str, typer.Argument(help="Only those under it (web, show.tv), each with what it sets.", metavar="[KEY]")
    ] = "",
    config: ConfigOption = None,
    assign: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Try a value, as a flag would set it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: key, value and source of each.")] = False,
) -> None:
    """Show every setting, its value and where it came from.

    The order is: defaults, then duologue.toml, then the environment (DUOLOGUE_SHOW__TURNS=6), then flags. Secrets are
    masked. What auto came to here, and why, stands at the end.

    Examples: duologue settings · duologue settings web · duologue settings --json · duologue settings --set show.fps=25
    """
    from duologue.app.engines.languages import use_of
    from duologue.settings import load_settings

    rows = _under(key, load_settings(assigned=assigned(assign or []), config=config, use=use_of).rows())
    if as_json:
        table = [
            {"key": row.key, "value": row.value, "source": row.source} | ({"why": row.why} if row.why else {})
            for row in rows
        ]
        typer.echo(json.dumps(table, indent=2, ensure_ascii=False))
        return
    from rich.markup import escape
    from rich.table import Column, Table

    from duologue.cli.output import console

    columns = Column("key", overflow="fold"), Column("value", overflow="fold"), Column("source", no_wrap=True)
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    if key:
        table.add_column("what", overflow="fold")
    for row in rows:
        said = (row.key, row.value, row.source, *((row.what,) if key else ()))
        table.add_row(*map(escape, said), style="dim" if row.source == "default" else None)
    page = console()
    if not page.is_terminal:
        page.width = WIDE
    page.print(table)
    for row in rows:
        if row.why:
            console().print(f"{row.key} = {row.value} came to {row.why}", markup=False)


def _under(key: str, rows: Sequence[SettingRow]) -> list[SettingRow]:
    """Those of a table, or the one that is called so. Raises :class:`InputError` when there is none."""
    from duologue.validation import did_you_mean

    wanted = key.strip().lower()
    found = [row for row in rows if not wanted or row.key == wanted or row.key.startswith((f"{wanted}.", f"{wanted}["))]
    if not found:
        elsewhere = (row.key for row in rows if row.key.rpartition(".")[2] == wanted)
        sections = {row.key.partition(".")[0] for row in rows}
        raise InputError(
            f"there is no setting {key!r}", where="KEY", remedy=did_you_mean(wanted, sections, elsewhere)
        )  # fmt: skip
    return found


def assigned(pairs: list[str]) -> dict[str, object]:
    """What ``--set`` gives, by its keys. Raises :class:`InputError` for what is no pair."""
    flags: dict[str, object] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise InputError(f"{pair!r} sets nothing", where="--set", remedy="Write --set key=value.")
        flags[key.strip()] = value
    return flags
