"""``duologue token``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from duologue.cli.options import JsonOption

app = typer.Typer(
    no_args_is_help=True,
    help="Make, list and revoke tokens for others.\n\nExamples: duologue token create ada · duologue token list",
)

Config = Annotated[Path | None, typer.Option(help="The settings file instead of ./duologue.toml.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="What you call it: small letters, digits and hyphens.")]
DAY = 24 * 3600 * 1_000_000_000


@app.command()
def create(
    name: Name,
    scopes: Annotated[str, typer.Option(help="What it allows besides looking on: talk, stage, line, admin.")] = "talk",
    per_minute: Annotated[int | None, typer.Option(min=1, help="Requests a minute at most.")] = None,
    sessions: Annotated[int | None, typer.Option(min=1, help="Conversations at once at most.")] = None,
    minutes: Annotated[int | None, typer.Option(min=1, help="Minutes of conversation a day at most.")] = None,
    days: Annotated[
        int | None, typer.Option(min=1, help="It holds for so many days; unset: until it is revoked.")
    ] = None,
    config: Config = None,
) -> None:
    r"""Make a token and print it, once: the store keeps its hash. Tokens are asked for with accounts = true under
    \[web].

    Examples: duologue token create ada · duologue token create studio --scopes talk,stage --minutes 60 --days 30
    """
    from duologue.cli.store import where
    from duologue.clock import SYSTEM_CLOCK
    from duologue.errors import InputError
    from duologue.settings import load_settings
    from duologue.store.store import opened
    from duologue.store.tokens import TokenLimits
    from duologue.store.tokens import create as make
    from duologue.tokens import Scope

    asked = [each.strip() for each in scopes.split(",") if each.strip()]
    known = {scope.value: scope for scope in Scope}
    if strange := [each for each in asked if each not in known]:
        raise InputError(
            f"there is no scope {strange[0]!r}", where="--scopes", remedy=f"Name some of {', '.join(known)}."
        )
    now = SYSTEM_CLOCK.wall()
    limits = TokenLimits(per_minute, sessions, minutes)
    with opened(*where(config)) as session:
        token = make(
            session, name, frozenset(known[each] for each in asked), limits, now, now + days * DAY if days else None
        )
    typer.echo(token)
    if not load_settings(config=config).web.accounts:
        typer.echo("Nobody is asked for it yet: set accounts = true under [web].", err=True)


@app.command("list")
def every(config: Config = None, as_json: JsonOption = False) -> None:
    """List the tokens: what each allows, its limits, when it was used last.

    Example: duologue token list
    """
    import json
    from datetime import UTC, datetime

    from duologue.cli.output import console
    from duologue.cli.store import where
    from duologue.clock import SECOND, SYSTEM_CLOCK
    from duologue.store.store import opened
    from duologue.store.tokens import tokens

    now = SYSTEM_CLOCK.wall()
    with opened(*where(config), writes=False) as session:
        found = tokens(session, now // DAY)
    told = [
        {
            "name": each.name, "scopes": sorted(scope.value for scope in each.scopes), "holds": each.holds(now),
            "per_minute": each.limits.per_minute, "sessions": each.limits.sessions, "minutes": each.limits.minutes,
            "minutes_used": round(each.seconds / 60, 1), "made": each.made, "expires": each.expires,
            "revoked": each.revoked, "used": each.used,
        }
        for each in found
    ]  # fmt: skip
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    out = console()
    for each in found:
        state = "" if each.holds(now) else " (revoked)" if each.revoked else " (expired)"
        asked = {"per_minute": each.limits.per_minute, "sessions": each.limits.sessions, "minutes": each.limits.minutes}
        limits = ", ".join(f"{name} {most}" for name, most in asked.items() if most) or "no limits"
        last = f"{datetime.fromtimestamp(each.used / SECOND, UTC):%Y-%m-%d %H:%M}" if each.used else "never"
        allows = ", ".join(sorted(scope.value for scope in each.scopes)) or "looking on"
        out.print(f"{each.name}{state}: {allows}; {limits}; used {last}", markup=False)
    if not told:
        out.print("There are no tokens: duologue token create NAME")


@app.command()
def revoke(
    name: Name,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take it out of the list, too; its name is free again.")
    ] = False,
    config: Config = None,
) -> None:
    """Revoke a token. A house that runs ends what goes on with it, within two seconds.

    Example: duologue token revoke ada
    """
    from duologue.cli.store import where
    from duologue.clock import SYSTEM_CLOCK
    from duologue.store.store import opened
    from duologue.store.tokens import revoke as end

    with opened(*where(config)) as session:
        new = end(session, name, SYSTEM_CLOCK.wall(), remove=remove)
    typer.echo(f"{name}: {'revoked' if new else 'it was revoked before'}{', and removed' if remove else ''}")
