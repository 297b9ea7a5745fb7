"""``duologue show``: :mod:`duologue.cli.serve` with the show switched on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from duologue.cli.options import (
    CastOption,
    ConfigOption,
    EncoderOption,
    FpsOption,
    HostOption,
    LedgerOption,
    PortOption,
    RoomOption,
    SizeOption,
    TestCardOption,
    TvOption,
)


def show(
    topic: Annotated[str | None, typer.Argument(help="What they talk about; without one, topics are picked.")] = None,
    turns: Annotated[int | None, typer.Option(help="Turns of a conversation, both speakers counted.")] = None,
    cast: CastOption = None,
    room: RoomOption = None,
    size: SizeOption = None,
    fps: FpsOption = None,
    seed: Annotated[int | None, typer.Option(help="The same seed and options give the same show.")] = None,
    record: Annotated[
        Path | None,
        typer.Option(help="Record to this MP4 file, a new one each hour; it plays even after a power cut."),
    ] = None,
    forever: Annotated[
        bool | None, typer.Option("--forever/--once", help="Show after show (the default), or leave after one.")
    ] = None,
    host: HostOption = None,
    port: PortOption = None,
    tv: TvOption = None,
    encoder: EncoderOption = None,
    ledger: LedgerOption = None,
    test_card: TestCardOption = None,
    headless: Annotated[bool | None, typer.Option("--headless", help="Stream and API, but no page.")] = None,
    config: ConfigOption = None,
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
                "serve.show": True,
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
                "ledger.folder": ledger,
            },
            config,
        )
    )


async def _put_on_air(flags: Mapping[str, object], config: Path | None) -> None:
    """The order is that of a quick start: the stage's process first, then its plan, then all else that we need."""
    from duologue.app.show.early_stage import early_stage
    from duologue.cli.serve import leave_at_ctrl_c, open_house
    from duologue.memory import hold

    hold()
    async with early_stage() as stage:
        leave_at_ctrl_c()
        from duologue.app.engines.languages import use_of
        from duologue.settings import load_settings

        await open_house(load_settings(flags, config=config, use=use_of), stage)
