"""``duologue talk``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duologue.cli.options import (
    CharacterOption,
    ConfigOption,
    DeviceOption,
    FullDuplexOption,
    LlmOption,
    SttOption,
    TranslateOption,
    TtsOption,
    engine_flags,
)

if TYPE_CHECKING:
    from duologue.app.lessons.partner import LessonWish
    from duologue.audio.wav import WavWriter
    from duologue.cli.talk_aloud import Files
    from duologue.dialogue.session.session import SessionOptions
    from duologue.language.persona import Persona
    from duologue.settings import Settings
    from duologue.speech.utterance import Utterance

PAUSE_S = 0.3
"""Between two sentences of a chat that is voiced into a file."""


def talk(
    text: Annotated[bool, typer.Option("--text", help="In writing: type, and read the answers.")] = False,
    wav: Annotated[Path | None, typer.Option(help="Ask with a file: any sound that FFmpeg reads.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the character's voice to this WAV (or Opus) file.")] = None,
    record: Annotated[Path | None, typer.Option(help="Both voices to a WAV or Opus file: you left, it right.")] = None,
    ledger: Annotated[
        Path | None, typer.Option(help="Append all that happens, as JSON lines; for duologue report.")
    ] = None,
    full_duplex: FullDuplexOption = False,
    echo_cancel: Annotated[
        bool, typer.Option("--echo-cancel", help="Listen while it speaks also with a loudspeaker: duologue\\[echo].")
    ] = False,
    no_speculation: Annotated[
        bool, typer.Option("--no-speculation", help="Think only once it is sure that you have finished.")
    ] = False,
    device: DeviceOption = "",
    character: CharacterOption = "chad",
    topic: Annotated[str, typer.Option(help="What it is about.")] = "",
    greet: Annotated[bool, typer.Option("--greet", help="The character speaks first.")] = False,
    notes: Annotated[
        str, typer.Option(help="Notes beside the answers: correction, translation, hint, vocabulary (of a model).")
    ] = "",
    lesson: Annotated[str, typer.Option(help="Practise a lesson instead: by name, a file, or review.")] = "",
    translate: TranslateOption = "",
    person: Annotated[
        str, typer.Option(help="Who you are: what is said is remembered for the next time (docs/store.md).")
    ] = "",
    me: Annotated[str, typer.Option(help="What you are called.")] = "friend",
    seed: Annotated[int | None, typer.Option(help="The same seed and words give the same answers.")] = None,
    llm: LlmOption = None,
    tts: TtsOption = None,
    stt: SttOption = None,
    config: ConfigOption = None,
) -> None:
    """Talk with a character: with microphone and loudspeaker, in writing, or with a file.

    Examples: duologue talk · duologue talk --text --as phone · duologue talk --wav question.wav --out answer.wav
    """
    import asyncio

    from duologue.app.lessons.partner import LessonWish, for_lesson
    from duologue.cli.talk_aloud import Files, talk_aloud

    files = Files(wav, out, record, ledger, device)
    _refuse(files, config, text=text, echo_cancel=echo_cancel)
    flags = engine_flags(llm, tts, stt) | _turn_flags(full_duplex, echo_cancel, no_speculation)
    settings, persona = _settings(flags, config, character, quiet=text)
    taken = _options(settings, persona, seed, notes, from_file=wav is not None)
    options = replace(taken, person=me, topic=topic, greet=greet)
    wish = LessonWish(lesson, translate) if lesson else None
    if wish is not None:
        wish.found()  # before anything is loaded
        options = for_lesson(options)
    if text:
        asyncio.run(_chat(settings, character, options, out, ledger, person, wish))
    elif not asyncio.run(talk_aloud(settings, character, options, files, person, wish)):
        raise typer.Exit(1)


def _turn_flags(full_duplex: bool, echo_cancel: bool, no_speculation: bool) -> dict[str, object]:
    return {
        "dialogue.half_duplex": False if full_duplex or echo_cancel else None,
        "dialogue.echo_cancel": True if echo_cancel else None,
        "dialogue.speculate": False if no_speculation else None,
    }


def _refuse(files: Files, config: Path | None, *, text: bool, echo_cancel: bool) -> None:
    """Say what of the flags does not go together."""
    from duologue.audio.recording_file import OPUS
    from duologue.cli.output import require_wav
    from duologue.errors import InputError
    from duologue.places import refuse_same, refuse_unwritable

    if text and files.question:
        raise InputError("there are two ways to talk", where="talk", remedy="Give --text, or --wav FILE, or neither.")
    if echo_cancel and (text or files.question):
        raise InputError("there is no loudspeaker to be heard", where="--echo-cancel", remedy="Leave it away.")
    if text and files.both:
        raise InputError("a chat in writing has one voice only", where="--record", remedy="Use --out for it.")
    require_wav({"--out": files.answer, "--record": files.both}, also=() if text else OPUS)
    written = {"--out": files.answer, "--record": files.both, "--ledger": files.ledger}
    refuse_same({"--wav": files.question, **written, "--config": config})
    refuse_unwritable({"--out": files.answer, "--record": files.both})


def _settings(
    flags: dict[str, object], config: Path | None, character: str, *, quiet: bool
) -> tuple[Settings, Persona]:
    """The settings for a talk with ``character``, and how it speaks. What was chosen by itself is said, unless
    ``quiet``.
    """
    from duologue.app.engines.languages import languages_of
    from duologue.app.talking.partners import find_persona
    from duologue.cli.output import tell_of
    from duologue.models.automatic import Use
    from duologue.settings import load_settings
    from duologue.telemetry.log import configure

    persona = find_persona(character)
    settings = load_settings(flags, config=config, use=Use(languages_of([persona]), shows=False, talks=True))
    configure(settings.telemetry.log_format, "warning", secrets=settings.secrets())
    if not quiet:
        tell_of(settings.picks.values())
    return settings, persona


def _options(settings: Settings, persona: Persona, seed: int | None, notes: str, *, from_file: bool) -> SessionOptions:
    """How turns are taken, and what is asked of the model."""
    import secrets

    from duologue.app.talking.turn_policy import talk_policy
    from duologue.cli.talk_aloud import TAIL_MS
    from duologue.dialogue.session.session import SessionOptions
    from duologue.language.structured import notes_schema

    half_duplex = not from_file and not settings.dialogue.echo_cancel
    policy = talk_policy(settings, persona, half_duplex=half_duplex, tail_ms=TAIL_MS)
    schema = notes_schema([name.strip() for name in notes.split(",") if name.strip()])
    return SessionOptions(seed=secrets.randbelow(2**32) if seed is None else seed, policy=policy, schema=schema)


async def _chat(
    settings: Settings,
    character: str,
    options: SessionOptions,
    out: Path | None,
    ledger: Path | None,
    person: str,
    wish: LessonWish | None,
) -> None:
    from contextlib import nullcontext

    from duologue.app.lessons.partner import open_lesson
    from duologue.app.talking.talking import open_partner
    from duologue.audio.wav import WavWriter
    from duologue.cli.lesson_shown import LessonPrinter
    from duologue.cli.talk_shown import say_if_forgotten, who
    from duologue.cli.talk_text import chat_on_terminal
    from duologue.telemetry.runs import keeping_of

    with WavWriter(out) if out else nullcontext() as file:

        def keep(utterance: Utterance) -> None:
            if file is not None:
                _append(file, utterance)

        speaks = file is not None
        if wish is None:
            async with open_partner(
                settings, character, hears=False, speaks=speaks, person=who(person), measured=True
            ) as partner:
                say_if_forgotten(partner)
                await chat_on_terminal(partner, options, keep, ledger, keeping_of(settings.runs))
            return
        async with open_lesson(settings, character, wish, who(person), hears=False, speaks=speaks) as (partner, desk):
            say_if_forgotten(partner)
            desk.tell = LessonPrinter().tell
            await chat_on_terminal(partner, options, keep, ledger, keeping_of(settings.runs))


def _append(file: WavWriter, utterance: Utterance) -> None:
    from duologue.audio.pcm import RATE, silence

    if file.seconds:
        file.write(silence(round(PAUSE_S * RATE)))
    file.write(utterance.samples)
