"""``/v1/models``: the characters that answer, and the engines that speak and hear."""

from __future__ import annotations

from typing import Literal

from duologue.app.api_model import ApiModel
from duologue.errors import InputError
from duologue.web import paths
from duologue.web.bodies import Router
from duologue.web.scopes import reading
from duologue.web.studio import EndpointsPort
from duologue.web.v1.common import ERRORS, TheEndpoints

router = Router(prefix=f"{paths.COMPATIBLE}/models", tags=["compatible"], responses=ERRORS)
OWNER = "duologue"


class ModelView(ApiModel):
    """A model. ``created`` is told of none: it is 0."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = OWNER


class ModelsView(ApiModel):
    """All models."""

    object: Literal["list"] = "list"
    data: tuple[ModelView, ...]


def _names(endpoints: EndpointsPort) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*endpoints.characters, *endpoints.speakers, *endpoints.listeners)))


@router.get("", operation_id="v1_list_models", dependencies=[reading()])
async def every(endpoints: TheEndpoints) -> ModelsView:
    """Who can be asked: a character for a chat, an engine for speech and transcriptions."""
    return ModelsView(data=tuple(ModelView(id=name) for name in _names(endpoints)))


@router.get("/{model}", operation_id="v1_get_model", dependencies=[reading()])
async def one(model: str, endpoints: TheEndpoints) -> ModelView:
    """One of them."""
    if model not in _names(endpoints):
        raise InputError(f"there is no model {model!r}", where="model", remedy=f"GET {router.prefix} lists them.")
    return ModelView(id=model)
