"""``duologue say``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from duologue.settings import Settings
    from duologue.speech.utterance import Utterance


def say(
    text: Annotated[str, typer.Argument(help="What to say.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The WAV file to write.")],
    voice: Annotated[str | None, typer.Option(help="A voice of the engine, e.g. en-us+m3?rate=165.")] = None,
    character: Annotated[str, typer.Option("--as", help="Whose voice to use when none is named.")] = "chad",
    tts: Annotated[str | None, typer.Option(help="The engine that speaks; by default the first that is set.")] = None,
    config: Annotated[Path | None, typer.Option(help="The settings file instead of ./duologue.toml.")] = None,
) -> None:
    """Speak a text into a WAV file (48 kHz, 16 bit, mono), as it would be heard on air.

    Examples: duologue say "Hello there" -o hello.wav · duologue say "Well…" -o well.wav --as virgin
    """
    import asyncio
    import io
    import wave

    from duologue.audio.pcm import RATE, to_int16
    from duologue.errors import PeerError
    from duologue.settings import load_settings

    utterance = asyncio.run(_voice(text, voice, character, load_settings({"engines.tts": tts}, config=config)))
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", "not compressed"))
        file.writeframes(to_int16(utterance.samples).tobytes())
    try:
        output.write_bytes(content.getvalue())
    except OSError as error:
        raise PeerError(
            f"the file cannot be written: {error.strerror}", where=str(output), remedy="Check -o."
        ) from error
    typer.echo(f"{output}: {utterance.duration:.2f} s, {len(utterance.words())} words")


async def _voice(text: str, voice: str | None, character: str, settings: Settings) -> Utterance:
    from duologue.app.cast import load_member
    from duologue.app.engines import create_tts
    from duologue.speech.voicing import Voicing

    engine = create_tts(settings)
    try:
        await engine.warm_up()
        chosen = voice or load_member(character, (engine.name,)).voices[engine.name]
        return (await Voicing(engine).voice(text, chosen, speaker=character, utterance_id="say")).utterance
    finally:
        await engine.close()
