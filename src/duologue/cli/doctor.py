"""``duologue doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from duologue.cli.options import ConfigOption, JsonOption

if TYPE_CHECKING:
    from rich.console import Console

    from duologue.app.doctor.doctor import Diagnosis
    from duologue.app.doctor.headroom import Headroom

_ROLES = {
    "tts": "speaks",
    "llm": "thinks",
    "stt": "hears",
    "vad": "notices speech",
    "turn": "notices the end of a turn",
}


def doctor(
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what this machine carries, and what is missing. Exits 1 when a show cannot run as it is set.

    Engines and encoders are tried, frames are composed and encoded at three sizes, and the CPU time that other programs
    and the host take meanwhile is measured. From what a frame costs follows the headroom: what a show would give up,
    and when, should other programs run beside it.

    Example: duologue doctor
    """
    import asyncio
    import json
    from dataclasses import asdict

    from duologue.app.doctor.doctor import examine
    from duologue.app.doctor.headroom import as_table
    from duologue.app.engines.languages import use_of
    from duologue.cli import output
    from duologue.settings import load_settings
    from duologue.telemetry.log import configure

    settings = load_settings(config=config, use=use_of)
    configure(settings.telemetry.log_format, "error", secrets=settings.secrets())  # what fails is in the table
    with output.console(stderr=True).status("Looking around …") as status:
        diagnosis = asyncio.run(examine(settings, lambda what: status.update(f"Trying {what} …")))
    if as_json:
        room = diagnosis.headroom
        table = asdict(diagnosis) | {"headroom": room and as_table(room)}
        typer.echo(json.dumps(table, indent=2, ensure_ascii=False))
    else:
        from duologue.cli.output import console

        print_diagnosis(console(), diagnosis, settings.show.encoder)
    if not diagnosis.well:
        raise typer.Exit(1)


def print_diagnosis(out: Console, found: Diagnosis, wanted: str) -> None:
    """All that was found, a line each. ``wanted`` is the encoder that is set: that another one does not work here is no
    fault.
    """
    from rich.markup import escape

    from duologue.plurals import counted

    machine = found.machine
    out.print(
        f"[bold]Machine[/]   {counted(machine.cores, 'core')}, {machine.available_mb} of {machine.memory_mb} MB free,"
        f" other programs took {machine.others_percent:.0f} % of the CPU, the host {machine.steal_percent:.1f} %"
    )
    for engine in found.engines:
        role = _ROLES[engine.kind]
        out.print(f"[bold]Engine[/]    {_mark(engine.works)} {engine.name} {role}. {escape(engine.note)}")
    for encoder in found.encoders:
        mark = _mark(encoder.works if encoder.works or encoder.name == wanted else None)
        out.print(f"[bold]Encoder[/]   {mark} {encoder.name} {escape(encoder.why_not)}")
    for size in found.sizes:
        carried = f"{size.rate} frames per second" if size.rate else "too slow"
        out.print(
            f"[bold]Frames[/]    {size.width}x{size.height}: compose {size.compose_ms:.1f} ms, encode"
            f" {size.encode_ms:.1f} ms (p95 {size.encode_p95_ms:.1f}) of CPU time, {size.wall_ms:.1f} ms by the clock:"
            f" {carried}"
        )
    if found.headroom is not None:
        print_headroom(out, found.headroom, machine.scheduler)
    for part in found.missing:
        command = f": [cyan]{part.command}[/]" if part.command else "."
        out.print(f"[bold yellow]Missing[/]   {escape(part.what)}. For {part.needed}{command}")
    for check in found.phone:
        out.print(f"[bold]Phone[/]     {_mark(check.works)} {check.what}: {escape(check.note)}")
    for sentence in found.verdict:
        out.print(f"[bold]Verdict[/]   {escape(sentence)}")


def print_headroom(out: Console, room: Headroom, scheduler: str) -> None:
    """The headroom in a few lines."""
    from duologue.app.doctor.headroom import words

    cost = room.cost
    out.print(
        f"[bold]Headroom[/]  {cost.width}x{cost.height} at {cost.fps}: a frame takes {cost.frame_ms:.1f} ms of"
        f" {cost.period_ms:.1f} (compose {cost.compose_ms:.1f}, encode {cost.encode_ms:.1f}):"
        f" {room.times:.1f} × what is needed on a free core; with the TV on it needs {room.needs[0].cores:.2f} cores"
    )
    out.print(
        f"[bold]Headroom[/]  as things are now (busy threads of others: {room.now.programs:.1f}; cores left:"
        f" {room.now.share:.1f}): {words(room, room.now)}"
    )
    for outlook in room.beside:
        programs = "1 busy program" if outlook.programs == 1 else f"{outlook.programs:g} busy programs"
        out.print(f"[bold]Headroom[/]  beside {programs} ({outlook.share:.1f} cores left): {words(room, outlook)}")
    out.print(f"[bold]Headroom[/]  the scheduler grants a stage: {scheduler} (counted on is an equal share)")


def _mark(works: bool | None) -> str:
    """Whether it works; None: nobody tried."""
    return "[dim]·[/]" if works is None else "[green]✓[/]" if works else "[red]✗[/]"
