"""What the bearer of a token may do, and the table that says so: ``[web.tokens.NAME]``."""

from __future__ import annotations

import hmac
import os
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

SHORTEST = 8
"""Characters of a token."""


class Scope(StrEnum):
    """Something that a token may allow. To look on (the page, the stream, what is said) any token is enough."""

    TALK = "talk"
    STAGE = "stage"
    LINE = "line"
    ADMIN = "admin"


MEANINGS = {
    Scope.TALK: "speak with the characters",
    Scope.STAGE: "change the show",
    Scope.LINE: "use the phone line",
    Scope.ADMIN: "see the settings and restart workers",
}
"""Each scope as the end of a sentence: a token may …"""


def _split(value: object) -> object:
    """``"talk,stage"`` as the environment writes a list."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def cookie_value(token: str) -> str:
    """What the cookie of a browser that knows ``token`` holds: it opens what the token opens, and is not it."""
    return hmac.digest(token.encode(), b"duologue cookie", "sha256").hex()


def held(secret: SecretStr | None, variable: str) -> str:
    """A secret that was set, or that stands in an environment variable; empty: neither."""
    return secret.get_secret_value() if secret is not None else os.environ.get(variable, "").strip()


def long_enough(token: SecretStr | None) -> SecretStr | None:
    """``token``, if it can protect anything. Raises :class:`ValueError`."""
    if token is not None and len(token.get_secret_value()) < SHORTEST:
        raise ValueError(
            f"the token is too short to protect anything | At least {SHORTEST} characters, e.g. of a generator."
        )
    return token


class TokenSettings(BaseModel):
    """A token of somebody's own: where it is, and what it allows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: SecretStr | None = Field(default=None, description="The token itself.")
    env: str = Field(default="", description="Or the environment variable that holds it.")
    scopes: Annotated[tuple[Scope, ...], BeforeValidator(_split)] = Field(
        default=(), description="What it allows besides looking on: talk, stage, line, admin."
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.token is None) == (not self.env):
            raise ValueError('a token stands in one place | Give either token or env, e.g. env = "GUEST_TOKEN".')
        long_enough(self.token)
        return self

    @property
    def secret(self) -> str:
        """The token; empty when the environment variable is."""
        return held(self.token, self.env)
