"""``duologue warm``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duologue.cli.options import ConfigOption

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from duologue.settings import Settings
    from duologue.speech.speech_cache import CachedSpeech


def warm(
    lines: Annotated[Path, typer.Argument(metavar="LIST", help="A file with a line to say in each of its lines.")],
    character: Annotated[
        list[str] | None, typer.Option("--as", help="Whose voice (repeatable); by default the cast's.")
    ] = None,
    tts: Annotated[str | None, typer.Option(help="The engine that speaks; by default the first that is set.")] = None,
    config: ConfigOption = None,
) -> None:
    """Fill the speech cache: have every line of a list said, so that it is there at once when it is needed.

    Empty lines and those that begin with # are passed over. A line that fails does not hold up the others; the exit
    code is then 1.

    Examples: duologue warm greetings.txt · duologue warm greetings.txt --as chad --tts elevenlabs
    """
    import asyncio

    from duologue.app.engines.languages import use_by
    from duologue.plurals import counted
    from duologue.settings import load_settings
    from duologue.telemetry.log import configure

    settings = load_settings({"engines.tts": tts}, config=config, use=use_by(character or ()))
    configure(settings.telemetry.log_format, "warning", secrets=settings.secrets())
    wanted = read_list(lines)
    tally = asyncio.run(_fill(settings, wanted, character or settings.show.cast))
    for problem in tally.problems:
        typer.echo(f"failed: {problem}", err=True)
    typer.echo(
        f"{tally.made} made, {tally.there} there already, {len(tally.problems)} failed;"
        f" the cache holds {counted(tally.entries, 'line')}, {tally.megabytes:.1f} MB"
    )
    if tally.problems:
        raise typer.Exit(1)


@dataclass
class Tally:
    """What became of the lines, and what the cache holds then."""

    made: int = 0
    there: int = 0
    problems: list[str] = field(default_factory=list[str])
    entries: int = 0
    megabytes: float = 0.0


def read_list(path: Path) -> list[str]:
    """The lines to say, each once. Raises :class:`InputError` for a file that cannot be read or holds none."""
    from duologue.errors import InputError
    from duologue.text_files import read_text

    found = (line.strip() for line in read_text(path, "the list").splitlines())
    lines = list(dict.fromkeys(line for line in found if line and not line.startswith("#")))
    if not lines:
        raise InputError("the list holds no line to say", where=str(path), remedy="Write one in each of its lines.")
    return lines


async def _fill(settings: Settings, lines: Sequence[str], names: Iterable[str]) -> Tally:
    from duologue.app.engines.engines import create_tts
    from duologue.app.engines.spare_voices import known_voices
    from duologue.app.show.cast import load_member
    from duologue.app.spending.spending import open_spending
    from duologue.errors import InputError
    from duologue.speech.speech_cache import CachedSpeech
    from duologue.speech.timed import TimedSpeech

    async with open_spending(settings) as spending:
        engine = create_tts(settings, within=lambda each: TimedSpeech(each, meter=spending))
        try:
            if not isinstance(engine, CachedSpeech):
                raise InputError(
                    f"the speech of {engine.name} is not kept", where="speech_cache",
                    remedy="It is as fast as a disk; choose another engine with --tts, or change speech_cache.skip.",
                )  # fmt: skip
            known = known_voices(settings)
            voices = dict.fromkeys(load_member(name, (engine.name,), known).voices[engine.name] for name in names)
            await engine.warm_up()
            jobs = [(line, voice) for line in lines for voice in voices]
            return await fill(engine, jobs, lambda done: _progress(done, len(jobs)))
        finally:
            await engine.close()


async def fill(engine: CachedSpeech, jobs: Sequence[tuple[str, str]], progress: Callable[[int], None]) -> Tally:
    """Have each text said with its voice, unless it was; ``progress`` is told how many are done."""
    from duologue.errors import InputError, PeerError

    tally = Tally()
    for done, (text, voice) in enumerate(jobs, 1):
        before = engine.cache.counts
        try:
            made = await engine.fill(text, voice)
        except (InputError, PeerError) as error:
            tally.problems.append(f"{text[:60]!r}: {error}")
        else:
            tally.made += made
            tally.there += engine.cache.counts.hits > before.hits
            if not made and engine.cache.counts.hits == before.hits:
                tally.problems.append(f"{text[:60]!r}: nothing was kept of it")
        progress(done)
    counts = engine.cache.counts
    tally.entries, tally.megabytes = counts.entries, counts.bytes / 1e6
    return tally


def _progress(done: int, of: int) -> None:
    """One line that grows on a terminal, nothing in a file."""
    import sys

    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done} of {of}" + ("\n" if done == of else ""))
        sys.stderr.flush()
