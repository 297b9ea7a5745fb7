"""``duologue tutor``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from duologue.cli.options import ConfigOption, DeviceOption, FullDuplexOption, TranslateOption


def tutor(
    lesson: Annotated[str, typer.Argument(help="A lesson by name, a file of your own, or review.")] = "",
    text: Annotated[bool, typer.Option("--text", help="In writing: type, and read.")] = False,
    wav: Annotated[Path | None, typer.Option(help="Answer with a file: any sound that FFmpeg reads.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the tutor's voice to this WAV (or Opus) file.")] = None,
    person: Annotated[str, typer.Option(help="Who you are: what you learn is kept for the next time.")] = "",
    translate: TranslateOption = "",
    character: Annotated[str, typer.Option("--as", help="Who teaches: a character or persona.")] = "tutor",
    full_duplex: FullDuplexOption = False,
    device: DeviceOption = "",
    config: ConfigOption = None,
) -> None:
    """Practise a lesson: say it after the tutor, choose, answer, write. It needs no language model.

    Help, in writing: /hint /translate /again /skip /quit; by voice: "hint please", "say it again please".

    Examples: duologue tutor · duologue tutor greetings --text --translate de · duologue tutor review
    """
    from duologue.cli.talk import talk
    from duologue.tutor.lesson import shipped_lessons

    first = next((each.name for each in shipped_lessons()), "greetings")
    talk(
        text=text, wav=wav, out=out, full_duplex=full_duplex, device=device, character=character, config=config,
        lesson=lesson or first, translate=translate, person=person,
    )  # fmt: skip
