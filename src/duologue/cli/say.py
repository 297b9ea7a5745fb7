"""``duologue say``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duologue.cli.options import ConfigOption

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from duologue.chains import Handover
    from duologue.settings import Settings
    from duologue.speech.utterance import Mark, Utterance


def say(
    text: Annotated[str, typer.Argument(help="What to say.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The WAV file to write.")],
    voice: Annotated[
        str | None, typer.Option(help="A voice of the engine (of several: the first), e.g. en-us+m3?rate=165.")
    ] = None,
    marks: Annotated[
        bool, typer.Option("--marks", help="Print each word and phoneme with its start and end (seconds), as JSON.")
    ] = False,
    character: Annotated[str, typer.Option("--as", help="Whose voice to use when none is named.")] = "chad",
    tts: Annotated[
        str | None, typer.Option(help="The engines that speak, the first that can; by default those that are set.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Speak a text into a WAV file (48 kHz, 16 bit, mono), as it would be heard on air.

    Examples: duologue say "Hello there" -o hello.wav · duologue say "Well…" -o well.wav --as virgin --marks > well.json
    """
    import asyncio

    from duologue.app.engines.languages import use_by
    from duologue.audio.wav import WavWriter
    from duologue.cli.output import require_wav
    from duologue.errors import InputError
    from duologue.models.automatic import Use
    from duologue.places import refuse_unwritable
    from duologue.plurals import counted
    from duologue.settings import load_settings
    from duologue.telemetry.log import configure

    if not text.strip():
        raise InputError("there is nothing to say", where="argument TEXT", remedy="Give at least one word.")
    require_wav({"--output": output})
    refuse_unwritable({"--output": output})  # before a voice is asked, which may cost something
    use = use_by([character], Use(shows=False, talks=True))  # somebody waits for the first sound
    settings = load_settings({"engines.tts": tts}, config=config, use=use)
    if voice is not None and tts is None:
        settings = _knowing(
            voice, settings, lambda engines: load_settings({"engines.tts": engines}, config=config, use=use)
        )
    configure(settings.telemetry.log_format, "error", secrets=settings.secrets())  # handovers are told in words
    utterance = asyncio.run(_voice(text, _voices(voice, character, settings), character, settings))
    with WavWriter(output) as file:
        file.write(utterance.samples)
    if marks and not utterance.marks:
        utterance = asyncio.run(_aligned(utterance))
    words = len(utterance.words())  # none of a voice that does not time them
    told = f", {counted(words, 'word')}" if words else ""
    typer.echo(_as_json(utterance) if marks else f"{output}: {utterance.duration:.2f} s{told}")


def _knowing(voice: str, settings: Settings, load: Callable[[Sequence[str]], Settings]) -> Settings:
    """The settings with the engine that knows ``voice`` before the others."""
    from duologue.app.engines.spare_voices import known_voices, owner

    engines = settings.engines.tts
    named = owner(voice, engines, known_voices(settings))
    if named in engines:
        return settings
    return load((named, *engines))


def _voices(voice: str | None, character: str, settings: Settings) -> Mapping[str, str]:
    """The voice in each engine: the one named is for the engine that knows it, the character's are for the others."""
    from duologue.app.engines.spare_voices import known_voices, owner
    from duologue.app.show.cast import load_member

    engines, known = settings.engines.tts, known_voices(settings)
    if voice is None:
        return load_member(character, engines, known).voices
    named = owner(voice, engines, known)
    others = [engine for engine in engines if engine != named]
    return {**(load_member(character, others, known).voices if others else {}), named: voice}


async def _voice(text: str, voices: Mapping[str, str], character: str, settings: Settings) -> Utterance:
    from duologue.app.engines.engines import create_voicing
    from duologue.app.spending.spending import open_spending

    async with open_spending(settings) as spending:
        voicing = create_voicing(settings, _tell, meter=spending)
        try:
            await voicing.warm_up()
            return (await voicing.voice(text, voices, speaker=character, utterance_id="say")).utterance
        finally:
            await voicing.close()


async def _aligned(utterance: Utterance) -> Utterance:
    """One of a voice that gives no times, with those that its sound gives; without any when they are not found."""
    from dataclasses import replace

    from duologue.errors import InputError
    from duologue.speech.alignment import ALPHABET, Aligner

    aligner = Aligner()
    try:
        marks = await aligner.align(utterance.samples, utterance.rate, utterance.text)
    except InputError as error:
        typer.echo(f"{utterance.engine} gives no times of words, nor does its sound: {error.what}", err=True)
        return utterance
    finally:
        await aligner.close()
    typer.echo(
        f"{utterance.engine} gives no times of words: they are sought in its sound, by an English dictionary", err=True
    )
    return replace(utterance, marks=marks, alphabet=ALPHABET)


def _tell(handover: Handover) -> None:
    """When nobody is left, the command's error says it all."""
    if handover.successor:
        what = "failed" if handover.moment != "cap" else "was not asked"
        typer.echo(f"{handover.engine} {what}: {handover.cause}; {handover.successor} takes over", err=True)


def _as_json(utterance: Utterance) -> str:
    import json

    made = {
        "text": utterance.text,
        "engine": utterance.engine,
        "seconds": round(utterance.duration, 3),
        "words": _listed("word", utterance.words(), utterance.rate),
        "alphabet": utterance.alphabet,
        "phonemes": _listed("phoneme", utterance.phonemes(), utterance.rate),
    }
    return json.dumps(made, ensure_ascii=False)


def _listed(name: str, marks: Iterable[Mark], rate: int) -> list[dict[str, object]]:
    return [{name: mark.text, "start": round(mark.start / rate, 3), "end": round(mark.end / rate, 3)} for mark in marks]
