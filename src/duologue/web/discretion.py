"""What was said in talks is told to those who may read it (:data:`READS_TALKS`); to others, that talks go on."""

from __future__ import annotations

from duologue.app.models import Event, HouseView, StateEvent, TalkEvent, TalkTurnEvent, TalkView
from duologue.tokens import Scope
from duologue.web.options import Grant

READS_TALKS = Scope.ADMIN
"""Who has it may read what people said to characters, now and in runs that are kept."""


def house_for(grant: Grant, house: HouseView) -> HouseView:
    """As whoever asks may know it."""
    if READS_TALKS in grant.scopes:
        return house
    return house.model_copy(update={"talks": tuple(map(_without_words, house.talks))})


def event_for(grant: Grant, event: Event) -> Event | None:
    """The same of an event; None: it is nothing but words."""
    if READS_TALKS in grant.scopes:
        return event
    match event:
        case TalkTurnEvent():
            return None
        case TalkEvent(talk=talk):
            return event.model_copy(update={"talk": _without_words(talk)})
        case StateEvent(state=state):
            house = house_for(grant, state.house)
            return event.model_copy(update={"state": state.model_copy(update={"house": house})})
        case _:
            return event


def _without_words(talk: TalkView) -> TalkView:
    return talk.model_copy(update={"turns": ()})
