"""``duologue show``: put a show on air."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from duologue.app.cast import CastMember
    from duologue.settings import Settings

CAST = "Two characters that ship, or folders of packs, separated by commas."


def show(
    topic: Annotated[str | None, typer.Argument(help="What they talk about; without one, topics are picked.")] = None,
    turns: Annotated[int | None, typer.Option(help="Turns of a conversation, both speakers counted.")] = None,
    cast: Annotated[str | None, typer.Option(help=CAST)] = None,
    room: Annotated[str | None, typer.Option(help="A room that ships, or the folder of a pack.")] = None,
    size: Annotated[str | None, typer.Option(help="Of the picture, as 1920x1080.")] = None,
    fps: Annotated[int | None, typer.Option(help="Frames per second.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed and options give the same show.")] = None,
    record: Annotated[
        Path | None,
        typer.Option(help="Record to this MP4 file, a new one each hour; it plays even after a power cut."),
    ] = None,
    forever: Annotated[
        bool | None, typer.Option("--forever/--once", help="Show after show (the default), or leave after one.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on; 0 takes a free one.")] = None,
    tv: Annotated[str | None, typer.Option(help="A film for the TV, by name or as a file.")] = None,
    encoder: Annotated[str | None, typer.Option(help="libx264, h264_nvenc, h264_vaapi or h264_qsv.")] = None,
    ledger: Annotated[Path | None, typer.Option(help="A folder for the ledgers of frames and turns.")] = None,
    test_card: Annotated[bool | None, typer.Option("--test-card", help="Draw what `duologue verify` reads.")] = None,
    headless: Annotated[bool | None, typer.Option("--headless", help="Stream and API, but no page.")] = None,
    config: Annotated[Path | None, typer.Option(help="The settings file; default: duologue.toml here.")] = None,
) -> None:
    """Put two characters on air, talking about TOPIC, and serve the page to watch and steer them.

    For example:

        duologue show

        duologue show "Is a hot dog a sandwich?" --turns 6 --forever

        duologue show --cast chad,./my-pack --size 1280x720 --record show.mp4
    """
    import uvloop

    uvloop.run(
        _put_on_air(
            {
                "show.topic": topic,
                "show.turns": turns,
                "show.cast": cast,
                "show.room": room,
                "show.size": size,
                "show.fps": fps,
                "show.seed": seed,
                "show.record": record,
                "show.forever": forever,
                "show.tv.film": tv,
                "show.encoder": encoder,
                "show.test_card": test_card,
                "show.headless": headless,
                "web.host": host,
                "web.port": port,
                "telemetry.ledger": ledger,
            },
            config,
        )
    )


async def _put_on_air(flags: Mapping[str, object], config: Path | None) -> None:
    """The order is that of a quick start: the stage's process first, then its plan, then all else that we need."""
    from duologue.app.early_stage import early_stage
    from duologue.memory import hold

    hold()
    async with early_stage() as stage:
        from duologue.app.cast import load_cast
        from duologue.app.spare_voices import known_voices
        from duologue.places import refuse_same
        from duologue.settings import load_settings
        from duologue.web.server import address, bind, serve

        settings = load_settings(flags, config=config)
        for each in settings.each_show().values():
            film = each.show.tv.film
            refuse_same({"the TV's film": Path(film) if film else None, "--record": each.show.record})
        # One show that cannot be is told of before the address is promised; of several each speaks for itself.
        show, voices = settings.show, known_voices(settings)
        members = () if settings.shows else load_cast(show.cast, settings.engines.tts, voices)
        with bind(settings.web.host, settings.web.port) as sock:  # before the address is promised
            if not settings.shows:
                from duologue.app.stage_set import show_seed, stage_plan

                await stage.open(stage_plan(settings, members, show_seed(settings)))
            announce(settings, members, address(sock))
            await serve(settings, sock, members, stage)


def announce(settings: Settings, cast: Sequence[CastMember], here: str) -> None:
    """Say where the show will be (or the shows), and of a single one what was chosen, and why."""
    from rich.console import Console

    from duologue.app.doctor_memory import recall
    from duologue.app.show_choices import choices, fields, lines
    from duologue.app.stage_set import cached_mb
    from duologue.telemetry.log import configure, get_logger, is_text

    show, telemetry = settings.show, settings.telemetry
    configure(telemetry.log_format, telemetry.log_level, secrets=settings.secrets())
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    if show.headless:
        console.print(f"The show will be at [bold]{here}/stream/index.m3u8[/], its API at {here}/docs")
    else:
        console.print(f"The show is at [bold]{here}[/]  (stream: {here}/stream/index.m3u8, API: {here}/docs)")
    for name in settings.shows:
        console.print(f"  {name}: {here}/shows/{name}/")
    if settings.shows:
        return
    cost = recall(show.size.width, show.size.height, show.fps)
    chosen = choices(settings, cast, cached_mb=cached_mb(), cost=cost)
    if is_text(telemetry.log_format):
        console.print("\n".join(lines(chosen)), markup=False, style="dim")
    else:
        get_logger(__name__).info("show.chosen", **fields(chosen))
