"""For machines that watch: liveness, readiness, metrics."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from duologue.app.models import Model
from duologue.web import paths
from duologue.web.access import TheStudio

router = APIRouter(tags=["health"])


class Health(Model):
    """A verdict and, when it is bad, the reasons."""

    ok: bool
    reasons: tuple[str, ...] = ()


def _verdict(found: tuple[bool, Sequence[str]], response: Response) -> Health:
    ok, reasons = found
    response.headers["Cache-Control"] = "no-store"
    if not ok:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return Health(ok=ok, reasons=tuple(reasons))


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", operation_id="healthz", responses={503: {"model": Health}})
async def healthz(studio: TheStudio, response: Response) -> Health:
    """Whether the process works at all; if not, restart it."""
    return _verdict(studio.healthy(), response)


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", operation_id="readyz", responses={503: {"model": Health}})
async def readyz(studio: TheStudio, response: Response) -> Health:
    """Whether a viewer would see a show now."""
    return _verdict(studio.ready(), response)


@router.get(paths.METRICS, operation_id="metrics", response_class=Response)
async def metrics(studio: TheStudio) -> Response:
    """Prometheus' text exposition."""
    return Response(studio.metrics(), headers={"Content-Type": CONTENT_TYPE_LATEST})
