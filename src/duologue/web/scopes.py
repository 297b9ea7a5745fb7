"""What a route wants of whoever asks: each says so beside its address, and the schema repeats it.

The gate has let the request in by then (:mod:`duologue.web.gate`), so :func:`reading` asks for nothing more: any token
is enough to look on.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, cast

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer, SecurityScopes

from duologue.tokens import MEANINGS, Scope
from duologue.web.options import Grant
from duologue.web.problems import Refusal

_token = HTTPBearer(auto_error=False, scheme_name="token", description="One of the tokens that are set, if any is.")


def grant_of(request: Request) -> Grant:
    """What whoever asks may do."""
    return cast(Grant, request.scope["grant"])


TheGrant = Annotated[Grant, Depends(grant_of)]


def permitted(wanted: SecurityScopes, grant: TheGrant, _: Annotated[object, Depends(_token)]) -> None:
    """Raise :class:`Refusal` (403) unless the request's token has the scopes that its route wants."""
    for scope in map(Scope, wanted.scopes):
        if scope not in grant.scopes:
            whose = f"The token {grant.name!r}" if grant.name else "This token"
            raise Refusal(
                HTTPStatus.FORBIDDEN,
                f"{whose} may not {MEANINGS[scope]}: it lacks the scope {scope.value!r}",
                where=f"web.tokens.{grant.name}" if grant.token is None else f"token {grant.name}",
                remedy=f"Use a token that has it, or add {scope.value!r} to its scopes in the settings."
                if grant.token is None
                else f"Use a token that has it: duologue token create NAME --scopes {scope.value}",
            )


def to_everyone() -> None:
    """Stands where a route is open: see :data:`open_to_all`."""


def needs(*scopes: Scope) -> Any:
    """Declares what a route wants: ``dependencies=[needs(Scope.STAGE)]``."""
    return Security(permitted, scopes=[scope.value for scope in scopes])


def reading() -> Any:
    """Declares that any token is enough."""
    return needs()


def open_to_all() -> Any:
    """Declares that no token is asked for: the gate lets it pass (:data:`duologue.web.paths.HEALTH`)."""
    return Depends(to_everyone)
