"""Who asks, and what is set: for the page, which shows what its token allows."""

from __future__ import annotations

from duologue.app.api_model import ApiModel
from duologue.tokens import Scope
from duologue.web import paths
from duologue.web.access import TheOptions
from duologue.web.bodies import Router
from duologue.web.scopes import TheGrant, needs, reading

router = Router(prefix=paths.API, tags=["session"])


class SessionView(ApiModel):
    """What whoever asks may do besides looking on."""

    name: str
    """The token's; empty for the one that may do everything, and where none is asked for."""
    guarded: bool
    """A token is asked for."""
    scopes: tuple[Scope, ...]


class SettingView(ApiModel):
    """A setting in force; what is secret is masked. ``source`` is ``default``, a file, a variable or a flag."""

    key: str
    value: str
    source: str
    what: str
    """What it sets, in a sentence."""
    why: str
    """What ``auto`` came to when the settings were loaded, and why; empty for all else."""


@router.get("/session", operation_id="get_session", dependencies=[reading()])
async def session(grant: TheGrant, options: TheOptions) -> SessionView:
    """Which token this request brought, and its scopes."""
    scopes = tuple(scope for scope in Scope if scope in grant.scopes)
    return SessionView(name=grant.name, guarded=options.guarded, scopes=scopes)


@router.get("/settings", operation_id="list_settings", dependencies=[needs(Scope.ADMIN)])
async def settings(options: TheOptions) -> tuple[SettingView, ...]:
    """Every setting, its value and where it came from, as ``duologue settings`` prints them."""
    return tuple(
        SettingView(key=row.key, value=row.value, source=row.source, what=row.what, why=row.why)
        for row in options.settings
    )
