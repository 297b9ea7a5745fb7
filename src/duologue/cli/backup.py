"""``duologue backup`` and ``duologue restore``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[Path | None, typer.Option(help="The settings file instead of ./duologue.toml.")]


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes; nothing is overwritten.")],
    config: Config = None,
) -> None:
    """Copy the store into a file, whole as of one moment; also while a house runs.

    Recordings, models and settings are files of their own: copy them as you like.

    Example: duologue backup duologue-monday.backup
    """
    from duologue.cli.store import where
    from duologue.store.backup import backup as copy
    from duologue.store.database import database_url

    size = copy(database_url(*where(config)), file)
    typer.echo(f"{file}: {size / 1e6:.1f} MB")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A copy that duologue backup made.")],
    config: Config = None,
) -> None:
    """Put a copy in the place of the store, and bring it up to date. What was there before is kept beside it.

    Example: duologue restore duologue-monday.backup
    """
    from duologue.cli.store import where
    from duologue.store.backup import restore as put_back
    from duologue.store.database import database_url

    before = put_back(database_url(*where(config)), file)
    typer.echo(f"{file} is the store now.{f' What was there before is {before}.' if before else ''}")
