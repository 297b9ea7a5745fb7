"""``duologue bench``: what this installation reaches, held against budgets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duologue.cli.options import ConfigOption, JsonOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duologue.evidence.bench import BenchResult
    from duologue.evidence.budgets import Budgets
    from duologue.evidence.changes import MeasuredChange
    from duologue.models.automatic import Use

BUDGETS = Path("budgets.toml")
"""Where budgets are looked for."""


def bench(
    questions: Annotated[int, typer.Option(min=0, max=500, help="Questions of the talk; 0: no talk.")] = 8,
    turns: Annotated[int, typer.Option(min=0, max=200, help="Turns of the film; 0: no film.")] = 2,
    character: Annotated[str, typer.Option("--as", help="Who is asked: a character or a persona.")] = "phone",
    gate: Annotated[
        bool, typer.Option("--gate", help="Hold it against budgets; exit with 1 when one is broken.")
    ] = False,
    budgets: Annotated[
        Path | None, typer.Option(help="The budgets; by default telemetry.budgets, then ./budgets.toml.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="An earlier result: say what changed; exit with 1 when something got worse.")
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the result (JSON), for --against.")] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Measure this installation within a minute or two: a talk of some questions on the engines as set, in real time,
    and a short film of a show.

    The questions are spoken by the character's own engine. Do it on a quiet machine: whatever else runs is in the
    figures. A budget is kept when 95 of 100 values keep within it.

    Examples: duologue bench · duologue bench --gate -o today.json · duologue bench --gate --against yesterday.json
    """
    import asyncio

    from duologue.cli.output import write_out
    from duologue.evidence.bench import as_json as as_text
    from duologue.evidence.bench import as_table, broken, changes, held
    from duologue.evidence.budgets import PRESETS, read_budgets
    from duologue.places import refuse_unwritable
    from duologue.settings import load_settings
    from duologue.simulation import bench as benching
    from duologue.telemetry.log import configure

    refuse_unwritable({"--out": out})
    settings = load_settings(
        {"show.turns": turns or None, "show.seed": benching.FILM_SEED}, config=config, use=_use_of(questions, turns)
    )
    configure(settings.telemetry.log_format, "warning", secrets=settings.secrets())
    limits = read_budgets(_budgets_file(budgets, settings.telemetry.budgets)) if gate else PRESETS["usual"]
    older = _older(against) if against is not None else None  # what is wrong with it is said before anything runs
    order = benching.BenchOrder(questions, turns, character)
    result = asyncio.run(benching.run_bench(settings, order, lambda what: typer.echo(f"{what} …", err=True)))
    if out is not None:
        write_out(out, f"{as_text(result)}\n", "the result")
    lines = held(result, limits)
    compared = changes(result, older) if older is not None else []
    if as_json:
        _print_json(result, limits, compared, gate=gate)
    else:
        for line in as_table(lines, result):
            typer.echo(line)
        _print_changes(compared)
    if (gate and broken(lines, result)) or _worse(compared):
        raise typer.Exit(1)


def _use_of(questions: int, turns: int) -> Use:
    from duologue.models.automatic import Use

    return Use(frozenset({"en"}), shows=turns > 0, talks=questions > 0)


def _budgets_file(given: Path | None, as_set: Path | None) -> Path:
    from duologue.errors import InputError

    found = given or as_set or (BUDGETS if BUDGETS.is_file() else None)
    if found is None:
        raise InputError(
            "there are no budgets to hold it against", where="--gate",
            remedy='Write budgets.toml (preset = "talk" is enough; docs/evidence.md), or name a file with --budgets.',
        )  # fmt: skip
    return found


def _older(path: Path) -> BenchResult:
    from duologue.evidence.bench import read_result
    from duologue.text_files import read_text

    return read_result(read_text(path, "the earlier result"), str(path))


def _print_changes(compared: Sequence[MeasuredChange]) -> None:
    from duologue.evidence.changes import as_lines

    if compared:
        for line in as_lines(compared):
            typer.echo(line)


def _worse(compared: Sequence[MeasuredChange]) -> bool:
    from duologue.evidence.changes import ChangeOutcome

    return any(each.outcome is ChangeOutcome.WORSE for each in compared)


def _print_json(result: BenchResult, limits: Budgets, compared: Sequence[MeasuredChange], *, gate: bool) -> None:
    import json
    from dataclasses import asdict

    from duologue.evidence.bench import as_json, broken, held

    lines = held(result, limits)
    made = {
        **json.loads(as_json(result)), "budgets": [asdict(line) for line in lines],
        "broken": broken(lines, result) if gate else None, "changes": [asdict(each) for each in compared],
    }  # fmt: skip
    typer.echo(json.dumps(made, indent=2, ensure_ascii=False))
