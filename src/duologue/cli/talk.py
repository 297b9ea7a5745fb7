"""``duologue talk``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from duologue.audio.wav import WavWriter
    from duologue.cli.talk_shown import Transcript
    from duologue.dialogue.session import SessionOptions
    from duologue.settings import Settings
    from duologue.speech.utterance import Utterance

PAUSE_S = 0.3
"""Between two sentences of a chat that is voiced into a file."""


def talk(
    text: Annotated[bool, typer.Option("--text", help="In writing: type, and read the answers.")] = False,
    wav: Annotated[Path | None, typer.Option(help="Ask with a file: any sound that FFmpeg reads.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the character's voice to this WAV file.")] = None,
    record: Annotated[Path | None, typer.Option(help="Both voices to a WAV file: you left, it right.")] = None,
    character: Annotated[
        str, typer.Option("--as", help="Who answers: a character or persona by name, or its folder or file.")
    ] = "chad",
    topic: Annotated[str, typer.Option(help="What it is about.")] = "",
    greet: Annotated[bool, typer.Option("--greet", help="The character speaks first.")] = False,
    me: Annotated[str, typer.Option(help="What you are called.")] = "friend",
    seed: Annotated[int | None, typer.Option(help="The same seed and words give the same answers.")] = None,
    llm: Annotated[str | None, typer.Option(help="The engines that think, e.g. openai,improv.")] = None,
    tts: Annotated[str | None, typer.Option(help="The engines that speak.")] = None,
    stt: Annotated[str | None, typer.Option(help="The engines that hear.")] = None,
    config: Annotated[Path | None, typer.Option(help="The settings file instead of ./duologue.toml.")] = None,
) -> None:
    """Talk with a character.

    Examples: duologue talk --text · duologue talk --wav question.wav --out answer.wav
    """
    import asyncio
    import secrets

    from duologue.dialogue.session import SessionOptions
    from duologue.errors import InputError
    from duologue.settings import load_settings
    from duologue.telemetry.log import configure

    if text == (wav is not None):
        raise InputError("talk wants one way to talk", where="talk", remedy="Give either --text or --wav FILE.")
    if text and record:
        raise InputError("nobody speaks in writing", where="--record", remedy="Use --out for the answers' voice.")
    settings = load_settings({"engines.llm": llm, "engines.tts": tts, "engines.stt": stt}, config=config)
    configure(settings.telemetry.log_format, "warning", secrets=settings.secrets())
    options = SessionOptions(
        person=me, topic=topic, greet=greet, seed=secrets.randbelow(2**32) if seed is None else seed
    )
    if wav is None:
        asyncio.run(_chat(settings, character, options, out))
    else:
        asyncio.run(_answer(settings, character, options, wav, out, record))


async def _chat(settings: Settings, character: str, options: SessionOptions, out: Path | None) -> None:
    from contextlib import nullcontext

    from duologue.app.talking import open_partner
    from duologue.audio.wav import WavWriter
    from duologue.cli.talk_text import chat_on_terminal

    with WavWriter(out) if out else nullcontext() as file:

        def keep(utterance: Utterance) -> None:
            if file is not None:
                _append(file, utterance)

        async with open_partner(settings, character, hears=False, speaks=file is not None) as partner:
            await chat_on_terminal(partner, options, keep)


def _append(file: WavWriter, utterance: Utterance) -> None:
    from duologue.audio.pcm import RATE, silence

    if file.seconds:
        file.write(silence(round(PAUSE_S * RATE)))
    file.write(utterance.samples)


async def _answer(
    settings: Settings, character: str, options: SessionOptions, wav: Path, out: Path | None, record: Path | None
) -> None:
    from duologue.app.clips import read_clip
    from duologue.app.talking import open_partner
    from duologue.app.talking_sound import open_recording, talk_over
    from duologue.cli.talk_shown import Transcript
    from duologue.clock import SYSTEM_CLOCK

    question = read_clip(wav)
    with open_recording(out, record) as recording:
        async with open_partner(settings, character) as partner:
            shown = Transcript(options.person, partner.persona, SYSTEM_CLOCK.now())
            heard_out = await talk_over(partner, question, recording, options, observe=shown.take)
    _conclude(shown, heard_out, wav)


def _conclude(shown: Transcript, heard_out: bool, wav: Path) -> None:
    """Say what went wrong, if anything did."""
    problem = ""
    if not shown.voice_heard:
        problem = f"{wav}: no speech was found in it"
    elif not shown.understood:
        problem = f"{wav}: a voice was heard, but no words were understood"
    elif not heard_out:
        problem = "the answer took too long and was cut off"
    if problem:
        typer.echo(problem, err=True)
        raise typer.Exit(1)
