"""``duologue render``: the same show to a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duologue.cli.options import (
    CastOption,
    ConfigOption,
    EncoderOption,
    FpsOption,
    RoomOption,
    SizeOption,
    TestCardOption,
    TvOption,
)

if TYPE_CHECKING:
    from duologue.settings import Settings


def render(
    topic: Annotated[str, typer.Argument(help="What they talk about.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The MP4 file to write.")],
    turns: Annotated[int | None, typer.Option(help="Turns, both speakers counted.")] = None,
    cast: CastOption = None,
    room: RoomOption = None,
    size: SizeOption = None,
    fps: FpsOption = None,
    seed: Annotated[int | None, typer.Option(help="The same seed and options give the same frames; default 1.")] = None,
    tv: TvOption = None,
    encoder: EncoderOption = None,
    test_card: TestCardOption = None,
    config: ConfigOption = None,
) -> None:
    """Render a conversation about TOPIC to a file, as fast as the machine can.

    For example:

        duologue render "Is cereal a soup?" -o soup.mp4 --turns 4
    """
    from duologue.app.engines.languages import use_of
    from duologue.cli.output import require_mp4, tell_of
    from duologue.places import refuse_same, refuse_unwritable
    from duologue.settings import load_settings

    settings = load_settings(
        {
            "show.topic": topic,
            "show.turns": turns,
            "show.cast": cast,
            "show.room": room,
            "show.size": size,
            "show.fps": fps,
            "show.seed": seed,
            "show.tv.film": tv,
            "show.encoder": encoder,
            "show.test_card": test_card,
        },
        config=config,
        use=use_of,
    )
    playing = settings.show.tv.film
    refuse_same({"the TV's film": Path(playing) if playing else None, "--output": output, "--config": config})
    refuse_unwritable({"--output": output})
    require_mp4({"--output": output})
    tell_of(pick for kind, pick in settings.picks.items() if kind == "tts")
    _film(settings, output)


def _film(settings: Settings, output: Path) -> None:
    """Make it, with a bar on the way and a line at the end."""
    import asyncio

    import cv2
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from duologue.app.show import render as rendering
    from duologue.broadcast.mp4file import part_of
    from duologue.cli.output import console as console_of
    from duologue.plurals import counted
    from duologue.telemetry.log import configure

    configure(settings.telemetry.log_format, "warning", secrets=settings.secrets())
    cv2.setNumThreads(1)  # its pool would fight the encoder for the cores
    console = console_of(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} turns")
    so_far = 0.0

    def show(progress: rendering.RenderProgress) -> None:
        nonlocal so_far
        so_far = progress.seconds
        bar.update(task, completed=progress.turns, film=f"{so_far:.1f} s of film")

    bar = Progress(*columns, TextColumn("{task.fields[film]}"), TimeElapsedColumn(), console=console)
    task = bar.add_task(output.name, total=settings.show.turns, film="")
    try:
        with bar:
            film = asyncio.run(rendering.render(settings, output, on_progress=show))
    except BaseException:
        part = part_of(output)
        if so_far and part.exists():  # Ctrl-C, or an error, which is told in its turn
            console.print(f"What there is of the film is in {part}, and plays.", markup=False)
        raise
    for note in film.notes:
        console.print(f"[yellow]{note}[/]")
    speed = film.seconds / film.took
    turns, frames = counted(film.turns, "turn"), counted(film.frames, "frame")
    console.print(
        f"{film.path}: {turns} about “{film.topic}”, {film.seconds:.1f} s, {frames}, "
        f"in {film.took:.1f} s ({speed:.1f} × real time)"
    )
