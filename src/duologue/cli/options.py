"""Options that several commands have, each told of in the same words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

ConfigOption: TypeAlias = Annotated[Path | None, typer.Option(help="The settings file instead of ./duologue.toml.")]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")]

# Engines
LlmOption: TypeAlias = Annotated[str | None, typer.Option(help="The engines that think, e.g. openai,improv.")]
TtsOption: TypeAlias = Annotated[str | None, typer.Option(help="The engines that speak.")]
SttOption: TypeAlias = Annotated[str | None, typer.Option(help="The engines that hear.")]

# A show, on air or in a file
CastOption: TypeAlias = Annotated[
    str | None, typer.Option(help="Two characters that ship, or folders of packs, separated by commas.")
]
RoomOption: TypeAlias = Annotated[str | None, typer.Option(help="A room that ships, or the folder of a pack.")]
SizeOption: TypeAlias = Annotated[str | None, typer.Option(help="Of the picture, as 1920x1080.")]
FpsOption: TypeAlias = Annotated[int | None, typer.Option(help="Frames per second.")]
TvOption: TypeAlias = Annotated[str | None, typer.Option(help="A film for the TV, by name or as a file.")]
EncoderOption: TypeAlias = Annotated[str | None, typer.Option(help="libx264, h264_nvenc, h264_vaapi or h264_qsv.")]
TestCardOption: TypeAlias = Annotated[
    bool | None, typer.Option("--test-card", help="Draw what `duologue verify` reads.")
]

# A house
HostOption: TypeAlias = Annotated[str | None, typer.Option(help="The address to listen on.")]
PortOption: TypeAlias = Annotated[int | None, typer.Option(help="The port to listen on; 0 takes a free one.")]
LedgerOption: TypeAlias = Annotated[
    Path | None, typer.Option(help="A folder for the ledger: frames, turns, calls, and all else.")
]

# A talk
CharacterOption: TypeAlias = Annotated[
    str, typer.Option("--as", help="Who answers: a character or persona by name, or its folder or file.")
]
FullDuplexOption: TypeAlias = Annotated[
    bool, typer.Option("--full-duplex", help="Listen while it speaks, so that you can interrupt: with headphones.")
]
TranslateOption: TypeAlias = Annotated[str, typer.Option(help="Your language, for translations of a lesson: de, es …")]
DeviceOption: TypeAlias = Annotated[
    str, typer.Option(help="The sound system: pulseaudio or alsa; by default what is there.")
]


def of_command(context: typer.Context, **given: object) -> bool:
    """Whether a command of a group was asked for, and not the group itself. Raises :class:`InputError` for options of
    the group's own that were given beside it: they would go unheard.
    """
    command = context.invoked_subcommand
    if command is not None and (unheard := [f"--{name}" for name, value in given.items() if value]):
        from duologue.errors import InputError

        raise InputError(
            f"{' and '.join(unheard)} before {command} would not be heard", where=f"{context.info_name} {command}",
            remedy=f"Options of {command} stand behind it: duologue {context.info_name} {command} --help lists them.",
        )  # fmt: skip
    return command is not None


def engine_flags(llm: str | None, tts: str | None, stt: str | None) -> dict[str, object]:
    """The settings that the options of the engines stand for."""
    return {"engines.llm": llm, "engines.tts": tts, "engines.stt": stt}
