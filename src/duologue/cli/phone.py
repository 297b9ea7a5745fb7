"""``duologue phone``: :mod:`duologue.cli.serve` with the phone line switched on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from duologue.cli.options import ConfigOption, LedgerOption, LlmOption, SttOption, TtsOption, engine_flags


def phone(
    character: Annotated[
        str | None, typer.Option("--as", help="Who answers: a character or persona by name, or its folder or file.")
    ] = None,
    listen: Annotated[str | None, typer.Option(help="Where it listens, e.g. 127.0.0.1:5060.")] = None,
    greeting: Annotated[str | None, typer.Option(help="What it says first, at once.")] = None,
    record: Annotated[
        Path | None, typer.Option(help="A folder for recordings of all calls: caller left, character right.")
    ] = None,
    show: Annotated[bool, typer.Option("--show/--no-show", help="A show beside it.")] = False,
    talk: Annotated[bool | None, typer.Option("--talk/--no-talk", help="Conversations with people beside it.")] = None,
    llm: LlmOption = None,
    tts: TtsOption = None,
    stt: SttOption = None,
    host: Annotated[str | None, typer.Option(help="The address of the page to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port of the page; 0 takes a free one.")] = None,
    ledger: LedgerOption = None,
    config: ConfigOption = None,
) -> None:
    r"""Answer the telephone as a character: by itself, and the extensions at a PBX that \[\[phone.accounts]] names. It
    wants ears that hear over a telephone: duologue models get natural.

    For example:

        duologue phone --as phone --listen 127.0.0.1:5060
    """
    import uvloop

    from duologue.app.engines.languages import use_of
    from duologue.cli.serve import run_house
    from duologue.settings import load_settings

    flags = engine_flags(llm, tts, stt) | {
        "serve.line": True, "serve.show": show, "serve.talk": talk, "phone.persona": character,
        "phone.listen": listen, "phone.greeting": greeting, "phone.record": record, "web.host": host,
        "web.port": port, "ledger.folder": ledger,
    }  # fmt: skip
    uvloop.run(run_house(load_settings(flags, config=config, use=use_of)))
