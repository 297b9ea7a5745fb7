"""``duologue serve``: run the house as it is set."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duologue.cli.options import ConfigOption, HostOption, LedgerOption, PortOption

DEFAULTS = {"serve.talk": True}
"""What this command does unless it is told otherwise, beside the defaults of all."""
HUNG = 70
"""The exit status when a part of the house did not end (``EX_SOFTWARE``)."""

if TYPE_CHECKING:
    from rich.console import Console

    from duologue.app.show.cast import CastMember
    from duologue.app.show.early_stage import EarlyStage
    from duologue.settings import Settings


def serve(
    show: Annotated[bool | None, typer.Option("--show/--no-show", help="The show, or each of several.")] = None,
    talk: Annotated[
        bool | None, typer.Option("--talk/--no-talk", help="Conversations with people, on the Talk page.")
    ] = None,
    line: Annotated[bool | None, typer.Option("--line/--no-line", help="The phone line.")] = None,
    api: Annotated[bool | None, typer.Option("--api/--no-api", help="What OpenAI's clients find at /v1.")] = None,
    host: HostOption = None,
    port: PortOption = None,
    ledger: LedgerOption = None,
    tls: Annotated[
        tuple[Path, Path] | None, typer.Option("--tls", metavar="CERT KEY", help="HTTPS by these PEM files.")
    ] = None,
    tls_self_made: Annotated[
        bool | None, typer.Option("--tls-self-made", help="HTTPS by a certificate of our own, for a first try.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    r"""Run what \[serve] in the settings switches on, in one process, and serve the page and the API.

    For example:

        duologue serve

        duologue serve --no-show --port 8090

        duologue serve --line
    """
    import uvloop

    from duologue.app.engines.languages import use_of
    from duologue.settings import load_settings

    flags = {
        "serve.show": show, "serve.talk": talk, "serve.line": line, "serve.api": api, "web.host": host,
        "web.port": port, "web.tls_self_made": tls_self_made,
        **({"web.tls_cert": tls[0], "web.tls_key": tls[1]} if tls is not None else {}),
        "ledger.folder": ledger,
    }  # fmt: skip
    uvloop.run(run_house(load_settings(flags, defaults=DEFAULTS, config=config, use=use_of)))


async def run_house(settings: Settings) -> None:
    """Serve the house that is set."""
    from duologue.app.show.early_stage import early_stage
    from duologue.memory import hold

    hold()
    if not settings.serve.show:
        leave_at_ctrl_c()
        await open_house(settings)
        return
    async with early_stage() as stage:
        leave_at_ctrl_c()
        await open_house(settings, stage)


def leave_at_ctrl_c() -> None:
    """Until the server has its own way to leave, Ctrl-C ends the command at once, in the middle of an import, too:
    asyncio's way is to wait until the loop runs again, which is ten seconds on a busy machine. Call it when no child is
    being started: an interrupt in the middle of a fork is lost.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


async def open_house(settings: Settings, stage: EarlyStage | None = None) -> None:
    """Serve the house until all its parts are over; ``stage`` is the first show's process, already started."""
    from duologue.app.engines.spare_voices import known_voices
    from duologue.app.show.cast import load_cast
    from duologue.cli.output import require_mp4
    from duologue.places import refuse_same, refuse_unwritable
    from duologue.telemetry.stream import FILE
    from duologue.web.server import address, bind, serve

    shows = settings.each_show().values() if settings.serve.show else ()
    for each in shows:
        film = each.show.tv.film
        refuse_same({"the TV's film": Path(film) if film else None, "--record": each.show.record})
        refuse_unwritable({"the recording": each.show.record})
        require_mp4({"the recording": each.show.record})
    if settings.ledger.folder is not None:
        refuse_unwritable({"the ledger": settings.ledger.folder / FILE}, makes_folders=True)
    # One show that cannot be is told of before the address is promised; of several each speaks for itself.
    alone = settings.serve.show and not settings.shows
    if alone:
        await _refuse_show(settings)
    if settings.serve.line:
        from duologue.app.talking.partners import find_persona

        find_persona(settings.phone.persona)
    members = load_cast(settings.show.cast, settings.engines.tts, known_voices(settings)) if alone else ()
    with bind(settings.web.host, settings.web.port) as sock:  # before the address is promised
        if alone and stage is not None:
            from duologue.app.show.stage_set import show_seed, stage_plan

            await stage.open(stage_plan(settings, members, show_seed(settings)))
        if settings.web.https:
            from duologue.web.certificate import certificate_of

            certificate_of(settings.web)  # one that cannot be is told of before the address is
        announce(settings, members, address(sock, https=settings.web.https))
        await serve(settings, sock, members, stage, _leave_at_once)


async def _refuse_show(settings: Settings) -> None:
    """Raises :class:`InputError` for a film that is not there, and a topic that may not go on air."""
    from duologue.app.show.stage_set import find_film, house_moderator

    if settings.show.tv.film is not None:
        find_film(settings.show.tv.film)
    if settings.show.topic is not None:
        from duologue.language.moderation import Subject

        await house_moderator(settings).admit(settings.show.topic, Subject.TOPIC)


def _leave_at_once(parts: Sequence[str]) -> None:
    """A part hangs, and a process waits for all that runs in it: only this ends it. The others have ended well."""
    os._exit(HUNG)


def announce_talk(settings: Settings, console: Console, here: str) -> None:
    """Say where people may talk, and what their browsers will want."""
    web = settings.web
    if not settings.serve.talk:
        return
    console.print(f"Talk with a character at [bold]{here}/talk[/]")
    if web.tls_self_made:
        from duologue.web.certificate import certificate_of, fingerprint

        made = certificate_of(web)
        if made is not None:
            console.print(
                "  the certificate is of our own making: a browser warns once; what it shows must be", style="dim"
            )
            console.print(f"  {fingerprint(made.chain)}", style="dim")
    elif not web.https and not web.loopback:
        console.print(
            "  by plain HTTP browsers of other machines give no microphone: --tls CERT KEY, --tls-self-made,"
            " or a proxy (docs/network.md)", style="dim",
        )  # fmt: skip


def announce_line(settings: Settings, console: Console) -> None:
    """Say whom the phone line will answer as, and where; and what it lacks."""
    if not settings.serve.line:
        return
    phone = settings.phone
    accounts = "".join(f", {each.user} at {each.registrar[0]}" for each in phone.accounts)
    console.print(f"The phone line will be at [bold]{phone.listen}[/] ({', '.join(phone.transport)}{accounts})")
    console.print("  it takes calls when every engine has spoken and heard once (/readyz)", style="dim")


def announce_chosen(settings: Settings) -> None:
    """Of a single show its own lines tell of the voice; and nobody is heard in a house of shows alone."""
    from duologue.cli.output import tell_of

    used = {"tts": not settings.serve.show or bool(settings.shows), "stt": settings.use().talks}
    tell_of(pick for kind, pick in settings.picks.items() if used[kind])


def announce(settings: Settings, cast: Sequence[CastMember], here: str) -> None:
    """Say where the house will be, and of a single show what was chosen, and why."""
    from duologue.cli import output
    from duologue.telemetry.log import configure, get_logger, is_text

    telemetry = settings.telemetry
    configure(telemetry.log_format, telemetry.log_level, secrets=settings.secrets())
    console = output.console(stderr=True)
    if not settings.serve.show:
        console.print(f"The house will be at [bold]{here}[/]  (API: {here}/docs)")
        announce_talk(settings, console, here)
        announce_line(settings, console)
        announce_chosen(settings)
        return
    if settings.show.headless:
        console.print(f"The show will be at [bold]{here}/stream/index.m3u8[/], its API at {here}/docs")
    else:
        console.print(f"The show is at [bold]{here}[/]  (stream: {here}/stream/index.m3u8, API: {here}/docs)")
    for name in settings.shows:
        console.print(f"  {name}: {here}/shows/{name}/")
    announce_talk(settings, console, here)
    announce_line(settings, console)
    announce_chosen(settings)
    if settings.shows:
        return
    from duologue.app.doctor.memory import recall
    from duologue.app.show.choices import choices, fields, lines
    from duologue.app.show.stage_set import cached_mb

    show = settings.show
    cost = recall(show.size.width, show.size.height, show.fps)
    chosen = choices(settings, cast, cached_mb=cached_mb(), cost=cost)
    if is_text(telemetry.log_format):
        console.print("\n".join(lines(chosen)), markup=False, style="dim")
    else:
        get_logger(__name__).info("show.chosen", **fields(chosen))
