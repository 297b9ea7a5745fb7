"""Engines by hand: which voices there are, to hear one, and to bring an engine up before it is needed."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Body, Response
from pydantic import Field

from duologue.app.api_model import ApiModel
from duologue.app.models import EngineView, SetupView, VoicesView
from duologue.tokens import Scope
from duologue.web import paths
from duologue.web.access import PROBLEMS, TheHouse
from duologue.web.bodies import Router
from duologue.web.problems import NotFound
from duologue.web.scopes import needs, reading

router = Router(prefix=paths.API, tags=["engines"], responses=PROBLEMS)


class TrialRequest(ApiModel):
    """A voice and what it says."""

    engine: str = Field(max_length=64)
    voice: str = Field(max_length=200)
    text: str = Field(min_length=1, max_length=200, pattern=r"\S")


@router.get("/voices", operation_id="list_voices", dependencies=[reading()])
async def voices(house: TheHouse) -> tuple[VoicesView, ...]:
    """The voices of each engine that speaks now, in order of preference."""
    return house.room.voices


@router.get("/setup", operation_id="get_setup", dependencies=[needs(Scope.ADMIN)])
async def setup(house: TheHouse) -> SetupView:
    """Which keys are there, never their value; and what a better voice or mind would take, checked now."""
    return await house.setup()


@router.post(
    "/voices/try",
    operation_id="try_voice",
    dependencies=[needs(Scope.TALK)],
    response_class=Response,
    responses={200: {"content": {"audio/wav": {}}}},
)
async def try_voice(asked: Annotated[TrialRequest, Body()], house: TheHouse) -> Response:
    """What the voice says, as a WAV file. One is tried at a time, and it gives way to conversations."""
    sound = await house.room.say(asked.engine, asked.voice, asked.text)
    return Response(sound, media_type="audio/wav", headers={"Cache-Control": "no-store"})


@router.post("/engines/{kind}/{name}/warm", operation_id="warm_engine", dependencies=[needs(Scope.ADMIN)])
async def warm(kind: Literal["llm", "tts", "stt"], name: str, house: TheHouse) -> EngineView:
    """Bring an engine up; one that speaks says a line, unheard. How it is then."""
    await house.room.warm_up(kind, name)
    found = next((each for each in house.view().engines if (each.kind, each.name) == (kind, name)), None)
    if found is None:
        raise NotFound(f"there is no engine {name!r} any more", where="name", remedy="See the Services page.")
    return found
