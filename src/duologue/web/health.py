"""For machines that watch: liveness, readiness, metrics."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST

from duologue.app.models import Model, ShowState
from duologue.web import paths
from duologue.web.access import Place, TheShow, TheShows, TheStudio
from duologue.web.scopes import open_to_all, reading
from duologue.web.studio import Show

router = APIRouter(tags=["health"])
_DONE = (ShowState.OVER, ShowState.FAILED)


class Health(Model):
    """A verdict and, when it is bad, the reasons."""

    ok: bool
    reasons: tuple[str, ...] = ()


def _verdict(ok: bool, reasons: Sequence[str], response: Response) -> Health:
    response.headers["Cache-Control"] = "no-store"
    if not ok:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return Health(ok=ok, reasons=tuple(reasons))


def _asked(shows: TheShows, here: TheShow, place: Place) -> Sequence[Show]:
    """The shows that a question is about: the one in whose place it was put, else all."""
    return (here,) if place else shows


Asked = Annotated[Sequence[Show], Depends(_asked)]


@router.head("/healthz", include_in_schema=False, dependencies=[open_to_all()])
@router.get("/healthz", operation_id="healthz", dependencies=[open_to_all()], responses={503: {"model": Health}})
async def healthz(asked: Asked, response: Response) -> Health:
    """Whether the process works at all; if not, restart it."""
    studios = [show.studio for show in asked if show.studio is not None and show.state not in _DONE]
    found = [studio.healthy() for studio in studios]
    return _verdict(all(ok for ok, _ in found), [reason for _, reasons in found for reason in reasons], response)


@router.head("/readyz", include_in_schema=False, dependencies=[open_to_all()])
@router.get("/readyz", operation_id="readyz", dependencies=[open_to_all()], responses={503: {"model": Health}})
async def readyz(asked: Asked, response: Response) -> Health:
    """Whether a viewer would see a show now; of several one is enough, and the reasons tell of the others."""
    found = {show.name: _readiness(show) for show in asked}
    told = [f"{name}: {reason}" if len(asked) > 1 else reason for name, (_, all_) in found.items() for reason in all_]
    return _verdict(any(ok for ok, _ in found.values()), told, response)


def _readiness(show: Show) -> tuple[bool, Sequence[str]]:
    if show.state in _DONE:
        return False, ("it has failed, see the log" if show.state is ShowState.FAILED else "it is over",)
    return show.studio.ready() if show.studio is not None else (False, ("it is being opened",))


@router.get(paths.METRICS, operation_id="metrics", dependencies=[reading()], response_class=Response)
async def metrics(studio: TheStudio) -> Response:
    """Prometheus' text exposition of one show."""
    return Response(studio.metrics(), headers={"Content-Type": CONTENT_TYPE_LATEST})
