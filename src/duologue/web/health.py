"""For machines that watch: liveness, readiness, metrics."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from fastapi import Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS_TYPE

from duologue.app.api_model import ApiModel
from duologue.web import paths
from duologue.web.access import Here, Place, TheHouse
from duologue.web.bodies import Router
from duologue.web.scopes import open_to_all, reading

router = Router(tags=["health"])
OPENMETRICS = "application/openmetrics-text"


class Health(ApiModel):
    """A verdict and, when it is bad, the reasons."""

    ok: bool
    reasons: tuple[str, ...] = ()


def _verdict(ok: bool, reasons: Sequence[str], response: Response) -> Health:
    response.headers["Cache-Control"] = "no-store"
    if not ok:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return Health(ok=ok, reasons=tuple(reasons))


@router.head("/healthz", include_in_schema=False, dependencies=[open_to_all()])
@router.get("/healthz", operation_id="healthz", dependencies=[open_to_all()], responses={503: {"model": Health}})
async def healthz(house: TheHouse, response: Response) -> Health:
    """Whether the process works at all; if not, restart it."""
    ok, reasons = house.healthy()
    return _verdict(ok, reasons, response)


@router.head("/readyz", include_in_schema=False, dependencies=[open_to_all()])
@router.get("/readyz", operation_id="readyz", dependencies=[open_to_all()], responses={503: {"model": Health}})
async def readyz(house: TheHouse, here: Here, place: Place, response: Response) -> Health:
    """Whether each part that is switched on would serve somebody now; of several shows one is enough. The reasons tell
    of all that would not. In a show's place: whether it would.
    """
    shows = {show.topic for show in house.shows}
    parts = [part for part in house.view().parts if not (place and here) or part.topic == here.topic]
    told = [f"{part.name}: {reason}" if len(parts) > 1 else reason for part in parts for reason in part.reasons]
    seen = [not part.reasons for part in parts if part.topic in shows]
    others = [not part.reasons for part in parts if part.topic not in shows]
    return _verdict(all(others) and (any(seen) or not seen), told, response)


@router.get(paths.METRICS, operation_id="metrics", dependencies=[reading()], response_class=Response)
async def metrics(request: Request, house: TheHouse, here: Here, place: Place) -> Response:
    """Prometheus' text exposition: of one show in its place, else of the house with all of its parts. Who accepts
    OpenMetrics is given that of the house, with exemplars: the trace of a turn that counted.
    """
    if OPENMETRICS in request.headers.get("accept", "") and not place:
        return Response(house.metrics(openmetrics=True), headers={"Content-Type": OPENMETRICS_TYPE})
    own = here.studio.metrics() if here is not None and here.studio is not None else b""
    return Response(own if place else house.metrics(), headers={"Content-Type": CONTENT_TYPE_LATEST})
