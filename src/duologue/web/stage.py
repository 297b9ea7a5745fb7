"""The stage's switches: TV, lights, caption."""

from __future__ import annotations

from duologue.app.models import CaptionRequest, LightsRequest, StageView, TvRequest
from duologue.tokens import Scope
from duologue.web import paths
from duologue.web.access import PROBLEMS, TheStudio
from duologue.web.bodies import Router
from duologue.web.scopes import needs, reading

router = Router(prefix=f"{paths.API}/stage", tags=["stage"], responses=PROBLEMS)


@router.get("", operation_id="get_stage", dependencies=[reading()])
async def stage(studio: TheStudio) -> StageView:
    """The stage now."""
    return studio.stage()


@router.post("/tv", operation_id="set_tv", dependencies=[needs(Scope.STAGE)])
async def tv(request: TvRequest, studio: TheStudio) -> StageView:
    """Play a film on the TV, looped, or switch it off."""
    return await studio.tv(request)


@router.post("/lights", operation_id="set_lights", dependencies=[needs(Scope.STAGE)])
async def lights(request: LightsRequest, studio: TheStudio) -> StageView:
    """Change the time of day, the lamp, or both."""
    return await studio.lights(request)


@router.post("/caption", operation_id="set_caption", dependencies=[needs(Scope.STAGE)])
async def caption(request: CaptionRequest, studio: TheStudio) -> StageView:
    """Show a text until it is replaced; an empty one takes it away."""
    return await studio.caption(request)
