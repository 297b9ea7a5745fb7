"""``duologue transcribe``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duologue.cli.options import ConfigOption

if TYPE_CHECKING:
    from duologue.audio.pcm import Samples
    from duologue.settings import Settings
    from duologue.speech.hearing import Expected, Transcript


def transcribe(
    file: Annotated[Path, typer.Argument(help="The file: any sound that FFmpeg reads, two minutes at most.")],
    words: Annotated[bool, typer.Option("--words", help="Each word with its start and end in seconds.")] = False,
    engine: Annotated[
        str | None, typer.Option("--stt", "--engine", help="The engine that hears, or several, instead of those set.")
    ] = None,
    phrases: Annotated[Path | None, typer.Option(help="A text file: only the words of its lines are expected.")] = None,
    language: Annotated[str, typer.Option(help="What is spoken, as ISO 639-1 has it: en, fr, de-AT.")] = "en",
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    config: ConfigOption = None,
) -> None:
    """Write down what is said in a file; exit with 1 when nothing was understood.

    Examples: duologue transcribe hello.wav --words · duologue transcribe call.mp3 --language fr --json
    """
    import asyncio

    from duologue.language.languages import load_language
    from duologue.models.automatic import Use
    from duologue.settings import load_settings
    from duologue.speech.hearing import Expected
    from duologue.telemetry.log import configure
    from duologue.text_files import read_text

    tag = load_language(language).name
    sound, lines = _read(file), read_text(phrases, "the list of phrases") if phrases else ""
    use = Use(frozenset({tag}), shows=False, talks=True)
    settings = load_settings({"engines.stt": engine}, config=config, use=use)
    configure(settings.telemetry.log_format, "warning", secrets=settings.secrets())
    heard = asyncio.run(_hear(sound, Expected(tuple(lines.splitlines()), language=tag), settings))
    names = ", ".join(settings.engines.stt)
    if words and not heard.words and heard.text:
        typer.echo(f"The engine {names} does not say where words are.", err=True)
    if heard.text or json:
        typer.echo(_as_json(heard, names, words) if json else _as_text(heard, words))
    if not heard.text:
        typer.echo(f"{file}: nothing was understood", err=True)
        raise typer.Exit(1)


def _read(file: Path) -> Samples:
    from duologue.app.show.clips import read_clip
    from duologue.speech.hearing import EAR_RATE

    return read_clip(file, EAR_RATE)


async def _hear(sound: Samples, expected: Expected, settings: Settings) -> Transcript:
    from duologue.app.engines.engines import create_hearing
    from duologue.app.engines.languages import refuse_deaf
    from duologue.app.spending.spending import open_spending
    from duologue.errors import PeerError
    from duologue.speech.hearing import Transcript

    heard = Transcript("")
    async with open_spending(settings) as spending:
        engine = create_hearing(settings, meter=spending)
        try:
            refuse_deaf(expected.language, engine)
            await engine.warm_up()
            async for transcript in engine.listen(_told(sound), expected):
                heard = transcript
        finally:
            await engine.close()
    if not heard.final:
        raise PeerError(f"{engine.name} gave no final transcript", remedy="This is a bug of the engine; report it.")
    return heard


async def _told(sound: Samples) -> AsyncIterator[Samples]:
    from duologue.speech.hearing import EAR_RATE

    for at in range(0, len(sound), EAR_RATE):
        yield sound[at : at + EAR_RATE]


def _as_text(heard: Transcript, words: bool) -> str:
    from duologue.speech.hearing import EAR_RATE

    if not words:
        return heard.text
    return "\n".join(f"{mark.start / EAR_RATE:8.2f} {mark.end / EAR_RATE:8.2f}  {mark.text}" for mark in heard.words)


def _as_json(heard: Transcript, engine: str, words: bool) -> str:
    import json

    from duologue.speech.hearing import EAR_RATE

    made: dict[str, object] = {"text": heard.text, "engine": engine, "confidence": round(heard.confidence, 3)}
    if heard.language:
        made["language"] = heard.language
    if words:
        made["words"] = [
            {"word": mark.text, "start": round(mark.start / EAR_RATE, 3), "end": round(mark.end / EAR_RATE, 3)}
            for mark in heard.words
        ]
    return json.dumps(made, ensure_ascii=False)
