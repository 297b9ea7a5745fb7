"""``duologue usage``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duologue.cli.options import ConfigOption, JsonOption

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from duologue.app.spending.models import CapView, UsageRowView, UsageView
    from duologue.settings import Settings


_WIDEST = 400
"""Columns of a table that is read by a program, or by a wide terminal."""


class By(StrEnum):
    """What sums are of."""

    ENGINE = "engine"
    PERSON = "person"
    RUN = "run"
    DAY = "day"


def usage(
    by: Annotated[By, typer.Option(help="Sums of each engine and model, person, run (show, talk, call) or day.")] = (
        By.ENGINE
    ),
    since: Annotated[
        str, typer.Option(help="The first day: 2026-11-23, today, or 7d for the last seven; all for ever.")
    ] = "30d",
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Say what engines were asked for, what that cost by the prices that were set, and how much of today's caps is
    used.

    Examples: duologue usage · duologue usage --by person --since 7d · duologue usage --by run --json
    """
    from duologue.settings import load_settings

    settings = load_settings(config=config)
    told = _view(settings, by, "" if since == "all" else since)
    if as_json:
        typer.echo(told.model_dump_json(indent=2))
        return
    _print(told, _runs(config) if by is By.RUN else {})


def _view(settings: Settings, by: By, since: str) -> UsageView:
    from duologue.app.spending.caps import DayCaps, day_of
    from duologue.app.spending.spending import day_given, outside, usage_view
    from duologue.clock import SYSTEM_CLOCK
    from duologue.places import store_file
    from duologue.store.database import Database, database_url
    from duologue.store.store import opened
    from duologue.store.usage import grouped, of_day

    wall = SYSTEM_CLOCK.wall()
    today = day_of(wall, settings.spending.zone)
    first = day_given(since, today)
    caps = DayCaps(settings.prices, settings.spending, outside(settings))
    url, file = settings.store.url, store_file()
    database = Database(database_url(url, file))
    database.close()
    if database.file is not None and not database.file.exists():
        return usage_view(settings, wall, (), caps.states(), by=by.value, since=first)
    with opened(url, file, writes=False) as session:
        groups = grouped(session, by.value, first)
        for engine, used in of_day(session, today).items():
            caps.add(engine, used)
    return usage_view(settings, wall, groups, caps.states(), by=by.value, since=first)


def _runs(config: Path | None) -> Mapping[str, str]:
    """The run of each show, talk and call that is still kept; of a show the newest."""
    from duologue.cli.runs import shelf_of

    return {run.digest.of: run.id for run in shelf_of(config).runs()}


def _print(told: UsageView, runs: Mapping[str, str]) -> None:
    from rich.measure import Measurement
    from rich.table import Table

    from duologue.cli.output import console

    out = console()
    since = f" since {told.since}" if told.since else ""
    if not told.rows:
        what = "engines were asked for" if told.by != "person" else "known people asked engines for"
        out.print(f"Nothing is kept of what {what}{since} (days of {told.zone}).", markup=False)
    else:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column(told.by)
        for name in ("requests", "tokens in", "kept", "tokens out", "characters", "minutes", "cost"):
            table.add_column(name, justify="right")
        for row in told.rows:
            table.add_row(_name(row, runs), *_figures(row))
        whole = Measurement.get(out, out.options.update(max_width=_WIDEST), table).maximum
        out.width = max(out.width, whole)  # no figure is cut off
        out.print(table)
        for note in _notes(told):
            out.print(note, style="dim", markup=False)
    for cap in told.caps:
        out.print(_cap(cap, told.currency), style="red" if cap.reached else "", markup=False)


def _name(row: UsageRowView, runs: Mapping[str, str]) -> str:
    from rich.markup import escape

    name = runs.get(row.name) or row.called or row.name
    return escape(f"{name} {row.model}".strip())


def _figures(row: UsageRowView) -> Iterator[str]:
    about = "≈" if row.estimated else ""
    yield f"{row.requests:,}"
    yield f"{about}{row.prompt_tokens:,}"
    yield f"{row.cached_tokens:,}"
    yield f"{about}{row.completion_tokens:,}"
    yield f"{row.characters:,}"
    yield f"{row.minutes:,.1f}"
    yield "not known" if row.cost is None else f"{money(row.cost)} {row.currency}"


def money(value: float) -> str:
    """Two digits behind the point, more where it is little."""
    return f"{value:,.2f}" if value >= 0.1 or not value else f"{value:.5f}"


def _notes(told: UsageView) -> Iterator[str]:
    if any(row.estimated for row in told.rows):
        yield "≈ is estimated: an engine did not count its tokens."
    if any(row.unpriced for row in told.rows):
        yield "What has no price is counted, and what it costs is not known: set [prices] (docs/money.md)."


def _cap(cap: CapView, currency: str) -> str:
    whose = "all together" if cap.engine == "all" else cap.engine
    figure = money if cap.unit == "money" else "{:,.1f}".format if cap.unit == "minutes" else "{:,.0f}".format
    unit = currency if cap.unit == "money" else cap.unit
    reached = ": it is reached" if cap.reached else ""
    return f"today, {whose}: {figure(cap.used)} of {figure(cap.limit)} {unit}{reached}"
