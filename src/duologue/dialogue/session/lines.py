"""What a session's observer sees as records of the ledger. Pure."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, get_args

from duologue.dialogue.turns.vocabulary import Effect, Event
from duologue.language.languages import Language
from duologue.language.persona import Persona
from duologue.language.tools import Toolbox
from duologue.speech.utterance import Utterance
from duologue.telemetry.ledger import EffectRecord, EventRecord

_EVENTS: tuple[type[Event], ...] = get_args(Event)


def record_of(item: Event | Effect) -> EventRecord | EffectRecord:
    """An event or an effect, with its fields in plain values; times are called ``at`` and ``since``. What is false by
    default is told where it is true.
    """
    told = {
        each.name.removesuffix("_ns"): _plain(value)
        for each in fields(item)
        if (value := getattr(item, each.name)) is not False or each.default is not False
    }
    return (EventRecord if isinstance(item, _EVENTS) else EffectRecord)(type(item).__name__, told)


def _plain(value: Any) -> Any:
    if isinstance(value, Utterance):
        return {"id": value.id, "text": value.text, "seconds": round(value.duration, 3), "engine": value.engine}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Persona):  # what is written in it is no part of what happened
        return value.name
    if isinstance(value, Language):
        return value.tag
    if isinstance(value, Toolbox):
        return sorted(value.tools)
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    return value
