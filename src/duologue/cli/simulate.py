"""``duologue simulate``: scripted callers against the real core."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from duologue.cli.options import JsonOption

MOST_CHECKS, MOST_TROUBLES = 8, 4
"""So many lines are printed of each run that failed."""

if TYPE_CHECKING:
    from duologue.simulation.checks import Check
    from duologue.simulation.crowd import RunSummary, Summary
    from duologue.simulation.scenario import Scenario


def simulate(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="[SCENARIO]...", help="Files, or names of scenarios that ship.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every scenario that ships.")] = False,
    times: Annotated[int, typer.Option(min=1, max=1_000_000, help="Conversations of each, with rising seeds.")] = 1,
    seed: Annotated[int | None, typer.Option(min=0, help="The first seed instead of the scenario's.")] = None,
    ledger: Annotated[Path | None, typer.Option(help="Write every event, effect and turn as lines of JSON.")] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, max=64, help="At once; by default one for each core, with --audio one.")
    ] = None,
    audio: Annotated[
        bool, typer.Option("--audio", help="On real sound, in real time, with the engines as set.")
    ] = False,
    record: Annotated[Path | None, typer.Option(help="With --audio: a folder for recordings of both sides.")] = None,
    caller: Annotated[str | None, typer.Option(help="With --audio: the caller's voice, flite:rms for example.")] = None,
    noise: Annotated[float | None, typer.Option(help="With --audio: speech is so many dB above the noise.")] = None,
    telephone: Annotated[bool, typer.Option("--telephone", help="With --audio: the caller's line has 8 kHz.")] = False,
    config: Annotated[Path | None, typer.Option(help="With --audio: the settings file.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Hold scripted conversations on virtual time and check what is expected of them; exit with 1 if something fails.

    Without a scenario, list those that ship. For instance:

      duologue simulate barge-in

      duologue simulate --all --times 100

      duologue simulate my-scenario.yaml --seed 7 --ledger out.jsonl

      duologue simulate barge-in --audio --record recordings
    """
    from duologue.clock import SECOND, SYSTEM_CLOCK
    from duologue.errors import InputError
    from duologue.simulation.scenario_file import find_scenario, shipped

    if not audio and (record or caller or noise is not None or telephone or config):
        raise InputError("virtual time has no sound", where="simulate", remedy="Give --audio as well.")
    chosen = [*(shipped() if every else ()), *map(find_scenario, files or ())]
    if not chosen:
        _list(as_json)
        return
    changes = {"voice": caller, "noise_db": noise, "band": "telephone" if telephone else None}
    scenarios = _read(chosen, changes, ledger)
    order = Order(times, seed, jobs, ledger, as_json)
    began = SYSTEM_CLOCK.now()
    results = _hold(scenarios, order, WithSound(record, config) if audio else None)
    took = (SYSTEM_CLOCK.now() - began) / SECOND
    _print_json(results, took) if as_json else _print_total(results, took)
    if any(summary.failed for summary in results):
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class Order:
    """How many conversations, from which seed on, how many at once; where ledgers go, and how results are told."""

    times: int
    seed: int | None
    jobs: int | None
    ledger: Path | None
    as_json: bool


@dataclass(frozen=True, slots=True)
class WithSound:
    """With real sound: a folder for recordings, and the settings file."""

    record: Path | None
    config: Path | None


def _read(chosen: list[Path], changes: Mapping[str, str | float | None], ledger: Path | None) -> list[Scenario]:
    from duologue.errors import InputError
    from duologue.places import refuse_same
    from duologue.simulation.scenario_file import read_scenario

    distinct = list(dict.fromkeys(each.resolve() for each in chosen))
    for file in distinct:
        refuse_same({"the scenario": file, "--ledger": ledger})
    scenarios = [read_scenario(file).called(**changes) for file in distinct]
    if len({scenario.name for scenario in scenarios}) < len(scenarios):
        raise InputError("two scenarios have one name", where="name", remedy="Rename one, or run them one by one.")
    return scenarios


def _hold(scenarios: list[Scenario], order: Order, aloud: WithSound | None) -> list[Summary]:
    """Hold all conversations; each scenario is told of when its last one is over."""
    from duologue.simulation.crowd import Summary

    by_name = {scenario.name: Summary(scenario, aloud is not None) for scenario in scenarios}
    with _opened(order.ledger) as write:

        def take(run: RunSummary) -> None:
            write(run.ledger)
            summary = by_name[run.scenario]
            summary.runs.append(run)
            if len(summary.runs) == order.times and not order.as_json:
                _print_summary(summary)

        if aloud is None:
            _run_virtually(scenarios, order, take)
        else:
            _run_aloud(scenarios, order, aloud, take)
    return list(by_name.values())


def _run_virtually(scenarios: list[Scenario], order: Order, take: Callable[[RunSummary], None]) -> None:
    from duologue.simulation.crowd import run_all

    jobs = order.jobs or _cores()
    for run in run_all(scenarios, order.times, seed=order.seed, jobs=jobs, ledger=order.ledger is not None):
        take(run)


def _run_aloud(scenarios: list[Scenario], order: Order, aloud: WithSound, take: Callable[[RunSummary], None]) -> None:
    import asyncio

    from duologue.app.engines.languages import languages_of
    from duologue.app.talking.partners import find_persona
    from duologue.models.automatic import Use
    from duologue.settings import load_settings
    from duologue.simulation.runner import PLAIN
    from duologue.simulation.spoken_crowd import run_aloud
    from duologue.telemetry.log import configure

    spoken = languages_of(find_persona(each.character) if each.character else PLAIN for each in scenarios)
    settings = load_settings({}, config=aloud.config, use=Use(spoken, shows=False, talks=True))
    configure(settings.telemetry.log_format, "warning", secrets=settings.secrets())

    async def run() -> None:
        runs = run_aloud(
            scenarios, settings, order.times, seed=order.seed, jobs=order.jobs or 1,
            ledger=order.ledger is not None, record=aloud.record,
        )  # fmt: skip
        async with aclosing(runs):
            async for each in runs:
                verdict = "failed" if each.failed else "ok"
                typer.echo(f"{each.scenario} (seed {each.seed}): {each.seconds:.0f} s, {verdict}", err=True)
                take(each)

    asyncio.run(run())


@contextmanager
def _opened(file: Path | None) -> Generator[Callable[[str], object]]:
    """Takes the lines of the ledger, whether or not there is a file for it."""
    from duologue.errors import PeerError

    if file is None:
        yield len
        return
    try:
        with file.open("w", encoding="utf-8") as out:
            yield out.write
    except OSError as error:
        what = f"the ledger cannot be written: {error.strerror}"
        raise PeerError(what, where=str(file), remedy="Check --ledger.") from error


def _cores() -> int:
    from duologue.priority import usable_cores

    return usable_cores()


def _list(as_json: bool) -> None:
    import json

    from duologue.cli.output import console
    from duologue.simulation.scenario_file import read_scenario, shipped

    known = [read_scenario(file) for file in shipped()]
    if as_json:
        typer.echo(json.dumps([{"name": each.name, "shows": each.shows.strip()} for each in known], indent=2))
        return
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for each in known:
        table.add_row(f"[bold]{each.name}[/]", " ".join(each.shows.split()))
    out = console()
    out.print(table)
    out.print("\nRun one with `duologue simulate NAME`, all with `duologue simulate --all`.", style="dim")


def _print_summary(summary: Summary) -> None:
    from duologue.cli.output import console

    console().print(_table(summary))
    for run in summary.runs:
        _explain(run)


def _print_total(results: list[Summary], took: float) -> None:
    from duologue.cli.output import console
    from duologue.plurals import counted

    count = sum(len(summary.runs) for summary in results)
    seconds = sum(run.seconds for summary in results for run in summary.runs)
    bad = sum(bool(run.failed) for summary in results for run in summary.runs)
    pace = count / max(took, 1e-9)
    console().print(
        f"{counted(count, 'conversation')}, {seconds / 60:.1f} minutes of talk, in {took:.1f} s "
        f"({pace:.{int(pace < 10)}f} a second); {bad or 'none'} failed."
    )


def _table(summary: Summary) -> Any:
    from rich.markup import escape
    from rich.table import Table

    times = f" × {len(summary.runs)}" if len(summary.runs) > 1 else ""
    table = Table(title=f"{summary.scenario.name}{times}", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for heading in ("", "expected", "", "was"):
        table.add_column(heading, overflow="fold")
    for mark, name, wanted, was in _rows(summary):
        table.add_row(mark, escape(name), escape(wanted), escape(was))
    return table


def _rows(summary: Summary) -> list[tuple[str, str, str, str]]:
    """One for each expectation: of many runs, how many kept it, and what the first that did not came to."""
    rows: list[tuple[str, str, str, str]] = []
    names = dict.fromkeys(check.name for run in summary.runs for check in run.checks)
    for name in names:
        checks = [check for run in summary.runs for check in run.checks if check.name == name]
        bad = [check for check in checks if not check.holds]
        was = (bad or checks)[0].was if len(checks) == 1 or bad else f"in all {len(checks)}"
        if bad and len(checks) > 1:
            was = f"{was} (and {len(bad) - 1} more of {len(checks)})" if len(bad) > 1 else f"{was} (1 of {len(checks)})"
        rows.append((_mark(not bad), name, checks[0].wanted, was))
    rows += [(_mark(check.holds), check.name, check.wanted, check.was) for check in summary.together]
    return rows


def _mark(holds: bool) -> str:
    return "[green]ok[/]" if holds else "[bold red]NO[/]"


def _explain(run: RunSummary) -> None:
    from duologue.cli.output import console

    for check in run.failed[:MOST_CHECKS]:
        line = run.shown.get(check.name, "")
        where = f"; ledger line {line}" if line else ""
        console().print(f"  seed {run.seed}: {check.name} was {check.was}{where}", style="red", markup=False)
    for trouble in run.troubles[:MOST_TROUBLES]:
        console().print(f"  seed {run.seed}: {trouble}", style="yellow", markup=False)


def _print_json(results: list[Summary], took: float) -> None:
    import json

    from duologue.simulation.checks import TIMED

    typer.echo(
        json.dumps(
            {
                "seconds": round(took, 3),
                "scenarios": [
                    {
                        "name": summary.scenario.name,
                        "ok": not summary.failed,
                        "together": [_as_dict(check) for check in summary.together],
                        "runs": [
                            {
                                "seed": run.seed,
                                "ok": not run.failed,
                                "seconds": round(run.seconds, 3),
                                "counts": dict(sorted(run.measures.counts.items())),
                                **{name: [round(ms, 3) for ms in getattr(run.measures, name)] for name in TIMED},
                                "failed": [
                                    {**_as_dict(check), "line": run.shown.get(check.name, "")} for check in run.failed
                                ],
                                "troubles": run.troubles,
                            }
                            for run in summary.runs
                        ],
                    }
                    for summary in results
                ],
            },
            indent=2,
            ensure_ascii=False,
        )
    )


def _as_dict(check: Check) -> dict[str, object]:
    return {"name": check.name, "wanted": check.wanted, "was": check.was, "ok": check.holds}
