"""``duologue render``: the same show to a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duologue.cli.show import CAST

if TYPE_CHECKING:
    from duologue.settings import Settings


def render(
    topic: Annotated[str, typer.Argument(help="What they talk about.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The MP4 file to write.")],
    turns: Annotated[int | None, typer.Option(help="Turns, both speakers counted.")] = None,
    cast: Annotated[str | None, typer.Option(help=CAST)] = None,
    room: Annotated[str | None, typer.Option(help="A room that ships, or the folder of a pack.")] = None,
    size: Annotated[str | None, typer.Option(help="Of the picture, as 1920x1080.")] = None,
    fps: Annotated[int | None, typer.Option(help="Frames per second.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed and options give the same frames; default 1.")] = None,
    tv: Annotated[str | None, typer.Option(help="A film for the TV, by name or as a file.")] = None,
    encoder: Annotated[str | None, typer.Option(help="libx264, h264_nvenc, h264_vaapi or h264_qsv.")] = None,
    test_card: Annotated[bool | None, typer.Option("--test-card", help="Draw what `duologue verify` reads.")] = None,
    config: Annotated[Path | None, typer.Option(help="The settings file; default: duologue.toml here.")] = None,
) -> None:
    """Render a conversation about TOPIC to a file, as fast as the machine can.

    For example:

        duologue render "Is cereal a soup?" -o soup.mp4 --turns 4
    """
    from duologue.app.languages import use_of
    from duologue.places import refuse_same
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
    _film(settings, output)


def _film(settings: Settings, output: Path) -> None:
    """Make it, with a bar on the way and a line at the end."""
    import asyncio

    import cv2
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from duologue.app import render as rendering
    from duologue.telemetry.log import configure

    configure(settings.telemetry.log_format, "warning", secrets=settings.secrets())
    cv2.setNumThreads(1)  # its pool would fight the encoder for the cores
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} turns")
    with Progress(*columns, TextColumn("{task.fields[film]}"), TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task(output.name, total=settings.show.turns, film="")

        def show(progress: rendering.RenderProgress) -> None:
            bar.update(task, completed=progress.turns, film=f"{progress.seconds:.1f} s of film")

        film = asyncio.run(rendering.render(settings, output, on_progress=show))
    for note in film.notes:
        console.print(f"[yellow]{note}[/]")
    speed = film.seconds / film.took
    console.print(
        f"{film.path}: {film.turns} turns about “{film.topic}”, {film.seconds:.1f} s, {film.frames} frames, "
        f"in {film.took:.1f} s ({speed:.1f} × real time)"
    )
