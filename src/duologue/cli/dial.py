"""``duologue dial``."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duologue.cli.options import ConfigOption, LlmOption, SttOption, TtsOption, engine_flags

if TYPE_CHECKING:
    from duologue.app.models import Event


def dial(
    to: Annotated[str, typer.Argument(help="Whom: sip:17@pbx.example, or an extension of the account's PBX.")],
    character: Annotated[
        str | None, typer.Option("--as", help="Who speaks: a character or persona by name, or its folder or file.")
    ] = None,
    account: Annotated[str, typer.Option(help="As which of \\[\\[phone.accounts]] to call.")] = "",
    listen: Annotated[
        str | None, typer.Option(help="Where our side listens; by default a free port that they can answer to.")
    ] = None,
    ring: Annotated[float | None, typer.Option(help="Seconds to let it ring; by default a minute.")] = None,
    greeting: Annotated[str | None, typer.Option(help="What the character says first.")] = None,
    record: Annotated[Path | None, typer.Option(help="A folder for a recording of the call.")] = None,
    llm: LlmOption = None,
    tts: TtsOption = None,
    stt: SttOption = None,
    ledger: Annotated[Path | None, typer.Option(help="A folder for the ledger, for duologue report.")] = None,
    config: ConfigOption = None,
) -> None:
    """Call somebody, for a character to talk with, and write down what is said. Ctrl-C (or SIGTERM) ends the call with
    a goodbye.

    Nobody can call this side. For example: duologue dial sip:17@192.0.2.10 --as phone
    """
    import uvloop

    from duologue.app.calls.dialling import dial as place
    from duologue.app.calls.dialling import listen_for
    from duologue.app.engines.languages import use_of
    from duologue.cli.output import tell_of
    from duologue.errors import PeerError
    from duologue.settings import load_settings
    from duologue.telemetry.log import configure

    flags = engine_flags(llm, tts, stt) | {
        "serve.line": True, "serve.show": False, "serve.talk": False, "phone.persona": character,
        "phone.listen": listen or listen_for(to), "phone.answers": False, "phone.audiosocket.listen": "",
        "phone.ring_seconds": ring, "phone.greeting": greeting, "phone.record": record, "ledger.folder": ledger,
    }  # fmt: skip
    settings = load_settings(flags, config=config, use=use_of)
    configure(settings.telemetry.log_format, "warning", secrets=settings.secrets())
    tell_of(settings.picks.values())

    async def call() -> None:
        main = asyncio.current_task()
        assert main is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, main.cancel)
        view = await place(settings, to, account, _Told().take)
        if view.answered is None or view.failed:
            raise PeerError(f"the call came to nothing: {view.reason}", where=to)
        length = ((view.ended or view.answered) - view.answered) / 1000
        typer.echo(f"{view.reason}, after {length:.0f} s")

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(call())
        except asyncio.CancelledError:
            raise typer.Exit(128 + signal.SIGTERM) from None


class _Told:
    """Prints how the call goes, and each turn when it is over."""

    def __init__(self) -> None:
        self._state = ""
        self._said: set[str] = set()

    def take(self, event: Event) -> None:
        """What a page would be shown."""
        from duologue.app.models import CallEvent, CallTurnEvent

        match event:
            case CallEvent(call=call) if call.state != self._state and call.ended is None:
                self._state = call.state
                typer.echo(f"{call.state}: {call.called}", err=True)
            case CallTurnEvent(turn=turn) if turn.state == "ended" and turn.id not in self._said:
                self._said.add(turn.id)
                typer.echo(f"{'they' if turn.person else 'we'}: {turn.text}")
            case _:
                pass
