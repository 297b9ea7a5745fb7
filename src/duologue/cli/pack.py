"""``duologue pack``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duologue.cli.options import JsonOption

if TYPE_CHECKING:
    from duologue.stage.packs.check import Finding

app = typer.Typer(help="Check a character or room, or make one from pictures.", no_args_is_help=True)


@app.command()
def check(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Folders of packs.")],
    as_json: JsonOption = False,
) -> None:
    """Find all that is wrong with a pack: each finding names the file, the key and the remedy. Exits 1 on errors.

    Example: duologue pack check packs/characters/chad
    """
    import json
    from dataclasses import asdict

    from duologue.stage.packs.check import Severity

    findings = {str(path): _findings(path) for path in paths}
    if as_json:
        typer.echo(json.dumps({path: [asdict(one) for one in found] for path, found in findings.items()}, indent=2))
    else:
        for path, found in findings.items():
            print_findings(path, found)
    if any(one.severity is Severity.ERROR for found in findings.values() for one in found):
        raise typer.Exit(1)


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(help="A folder with the PNGs; its name becomes the character's.")],
    idle: Annotated[Path | None, typer.Option(help="Mouth closed, eyes open.")] = None,
    talking: Annotated[Path | None, typer.Option(help="Mouth open, eyes open.")] = None,
    blink: Annotated[Path | None, typer.Option(help="Mouth closed, eyes closed.")] = None,
    talking_blink: Annotated[Path | None, typer.Option(help="Mouth open, eyes closed.")] = None,
    title: Annotated[str, typer.Option(help="The name that is shown; default: the folder's.")] = "",
    voice: Annotated[str | None, typer.Option(help="A voice of espeak, e.g. en-gb+f4?rate=170&pitch=60.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite the pack that is there.")] = False,
) -> None:
    """Make a character of your own pictures (PNGtuber style), in one command.

    Two to four PNGs from one canvas, with a transparent background: idle.png and talking.png, and blink.png and
    talking-blink.png if you have them. Other usual names are understood ("Mouth Open Eyes Closed"), or say which is
    which. The mouth and the eyes are found where the pictures differ; the shapes between are made from them.

    Example: duologue pack new ./my-fox --voice "en-us+f5?rate=170"
    """
    from rich.markup import escape

    from duologue.cli.output import console
    from duologue.stage.packs.check import Severity
    from duologue.stage.packs.new import DEFAULT_VOICE, PictureRole, new_character

    given = {
        PictureRole.IDLE: idle,
        PictureRole.TALKING: talking,
        PictureRole.BLINK: blink,
        PictureRole.TALKING_BLINK: talking_blink,
    }
    made = new_character(
        folder, {role: path for role, path in given.items() if path}, title=title, voice=voice or DEFAULT_VOICE,
        replace=replace,
    )  # fmt: skip
    out = console()
    for role, path in made.pictures.items():
        out.print(f"[bold]{role}[/]: {escape(path.name)}")
    for note in made.notes:
        out.print(escape(note))
    findings = _findings(made.folder)
    print_findings(str(folder), findings)
    if any(one.severity is Severity.ERROR for one in findings):
        raise typer.Exit(1)
    out.print(f"See it: [cyan]duologue show --cast {escape(str(folder))},virgin[/]", soft_wrap=True)


def _findings(folder: Path) -> list[Finding]:
    """All that is wrong with a pack: its pictures, its persona and its voices."""
    from duologue.stage.packs.check import check_pack

    return [*check_pack(folder), *_persona(folder), *_voice(folder)]


def _persona(folder: Path) -> list[Finding]:
    """What is wrong with how a character speaks; a room has no persona."""
    from duologue.errors import InputError
    from duologue.language.persona import load_persona
    from duologue.stage.packs.check import Finding, Severity

    if not (folder / "character.toml").exists():
        return []
    try:
        load_persona(folder / "persona.toml")
    except InputError as error:
        file, _, key = error.where.partition(": ")
        return [Finding(Severity.ERROR, file, key, error.what, error.remedy)]
    return []


def _voice(folder: Path) -> list[Finding]:
    """Voices that are not written as their engine's are; for which of the engines in use a character names no voice,
    and which one it is given.
    """
    from duologue.app.engines.spare_voices import check_voices, known_voices, named_voice, spare_voice
    from duologue.errors import InputError
    from duologue.settings import load_settings
    from duologue.stage.packs.check import Finding, Severity
    from duologue.stage.packs.manifest import read_character

    file = folder / "character.toml"
    try:
        manifest = read_character(folder) if file.exists() else None
    except InputError:
        return []  # told of already
    if manifest is None or not manifest.voice:
        return []
    settings = load_settings()
    known = known_voices(settings)
    found = [
        Finding(Severity.ERROR, str(file), f"voice.{engine}", wrong.what, wrong.remedy)
        for engine, wrong in check_voices(manifest.voice, settings).items()
    ]
    for engine in settings.engines.tts:
        if named_voice(manifest.voice, engine, known):
            continue
        spare = spare_voice(manifest.name, known.get(engine, ()), ())
        given = f"it is given {spare!r}" if spare else "it cannot speak"
        what = f"no voice for the engine {engine}, which is in use: {given}"
        severity = Severity.WARNING if spare else Severity.ERROR
        found.append(Finding(severity, str(file), f"voice.{engine}", what, f'Add {engine} = "…" under [voice].'))
    return found


def print_findings(path: str, findings: list[Finding]) -> None:
    """One finding after the other, and a last line that sums up."""
    from rich.markup import escape

    from duologue.cli.output import console
    from duologue.plurals import counted
    from duologue.stage.packs.check import Severity

    out = console()
    for one in findings:
        colour = "red" if one.severity is Severity.ERROR else "yellow"
        place = f"{one.file}: {one.key}" if one.key else one.file
        out.print(
            f"[bold {colour}]{one.severity}:[/] {escape(place)}: {escape(one.what)}. [dim]{escape(one.remedy)}[/]"
        )
    errors = sum(one.severity is Severity.ERROR for one in findings)
    told = f"{counted(errors, 'error')}, {counted(len(findings) - errors, 'warning')}"
    verdict = "[bold red]not usable" if errors else "[bold green]good"
    out.print(f"{escape(path)}: {verdict}[/] ({told})")
