"""How turns are taken with somebody: as the settings say, then their persona, then the line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from pydantic import ValidationError

from duologue.dialogue.turns.policy import Policy
from duologue.errors import InputError
from duologue.language.persona import Persona
from duologue.settings import Settings
from duologue.settings_parts import DialogueSettings
from duologue.validation import problems


def policy_changes(
    settings: Settings, persona: Persona | None = None, line: Mapping[str, object] | None = None
) -> dict[str, Any]:
    """How turns are taken, as fields of a :class:`Policy`: as the settings say, then as the ``persona`` does, then as
    the ``line`` (keys of ``[dialogue]``), then as the flags of this very start do. Raises :class:`InputError` for
    values that do not go together.
    """
    part = settings.dialogue
    values = {name: getattr(part, name) for name in DialogueSettings.model_fields}
    own = {**(persona.dialogue if persona else {}), **(line or {})}
    values |= {name: value for name, value in own.items() if not settings.given(f"dialogue.{name}")}
    try:
        DialogueSettings.model_validate(values)
    except ValidationError as error:
        problem = problems(error, DialogueSettings)[0]
        name = f"persona {persona.name if persona else ''}{' on the phone' if line else ''}"
        where = f"{name}: dialogue{f'.{problem.key}' if problem.key else ''}"
        raise InputError(problem.what, where=where, remedy=problem.remedy) from None
    known = {each.name for each in fields(Policy)}  # the others are of the sound
    found = ((_field(name), _value(name, value)) for name, value in values.items() if value is not None)
    return {name: value for name, value in found if name in known}


def _field(name: str) -> str:
    """The policy's name of a setting."""
    return {"silence_asks": "asks"}.get(name, name.replace("_seconds", "_ms"))


def _value(name: str, value: Any) -> Any:
    if name == "backchannels":
        return frozenset(word.casefold() for word in value)
    return round(value * 1000) if name.endswith("_seconds") else value


def talk_policy(
    settings: Settings, persona: Persona | None = None, line: Mapping[str, object] | None = None, **needed: Any
) -> Policy:
    """The same as a policy. ``needed`` is how this way to talk needs it, for what may be unset (``half_duplex``,
    ``tail_ms``).
    """
    return replace(Policy(), **{**needed, **policy_changes(settings, persona, line)})
