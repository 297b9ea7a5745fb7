"""The runs that are kept of shows, talks and calls: which there are, a report of each or of a minute of it, its sound.

What a show did any token may read: it was on air. What callers said is told to those who may use the line, what was
said in talks to those who may see the settings.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import Path, Query, Response
from fastapi.responses import FileResponse

from duologue.app.evidence.models import RunView
from duologue.app.evidence.report_room import SOUNDS
from duologue.app.models import Problem
from duologue.clock import MILLISECOND
from duologue.errors import InputError
from duologue.telemetry.ledger_span import RunSpan
from duologue.tokens import Scope
from duologue.web import paths
from duologue.web.access import PROBLEMS, TheHouse
from duologue.web.bodies import Router
from duologue.web.discretion import READS_TALKS
from duologue.web.options import Grant
from duologue.web.problems import NotFound, Refusal
from duologue.web.scopes import TheGrant, reading
from duologue.web.security import FRAMED, FRAMES, POLICY, REPORT

router = Router(prefix=f"{paths.API}/runs", tags=["runs"], responses=PROBLEMS)
RunId = Annotated[str, Path(max_length=120, description="As the list has it.")]
Moment = Annotated[float | None, Query(ge=0, description="Unix ms.")]
Offset = Annotated[int, Query(ge=-1080, le=1080, description="Minutes ahead of UTC of the times of day in it.")]
_MISSING = {404: {"model": Problem, "description": "There is no such run, or it has no sound."}}
_PRIVATE = {"talk": READS_TALKS, "call": Scope.LINE}
"""Who may know what was said in a run; whatever is none of these was on air."""
_TYPES = {"html": "text/html; charset=utf-8", "md": "text/markdown; charset=utf-8", "json": "application/json"}


@router.get("", operation_id="list_runs", dependencies=[reading()])
async def every(house: TheHouse, grant: TheGrant) -> tuple[RunView, ...]:
    """The runs that are kept, the newest first: of shows; of calls with the scope `line`, of talks with `admin`."""
    return tuple(run for run in await house.reports.runs() if _may(grant, run))


@router.get(
    "/{run}/report",
    operation_id="get_report",
    dependencies=[reading()],
    response_class=Response,
    responses={200: {"content": {kind: {} for kind in ("text/html", "text/markdown", "application/json")}}, **_MISSING},
)
async def report(
    run: RunId,
    house: TheHouse,
    grant: TheGrant,
    since: Moment = None,
    until: Moment = None,
    form: Literal["html", "md", "json"] = "html",
    offset: Offset = 0,
) -> Response:
    """The report of a run, or of what was between two moments: a page, Markdown or JSON. It is made anew, which takes
    some seconds for an hour of a show; one is made at a time. Its times of day are UTC, or so many minutes ahead.
    """
    await _known(run, house, grant)
    made = await house.reports.report(run, form, _span(since, until), offset)
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'inline; filename="{run}.{form}"'}
    if form == "html":
        headers |= {POLICY: REPORT, FRAMES: FRAMED}
    return Response(made, media_type=_TYPES[form], headers=headers)


@router.get(
    "/{run}/sound",
    operation_id="get_run_sound",
    dependencies=[reading()],
    response_class=Response,
    responses={200: {"content": {kind: {} for kind in sorted(set(SOUNDS.values()))}}, **_MISSING},
)
async def sound(run: RunId, house: TheHouse, grant: TheGrant) -> Response:
    """What was heard in a run, where recording was asked for (`dialogue.record_folder`, `phone.record`)."""
    await _known(run, house, grant)
    file = await house.reports.sound(run)
    if file is None:
        raise NotFound("No sound was kept of this run", where="run", remedy="Set dialogue.record_folder to keep it.")
    return FileResponse(file, media_type=SOUNDS[file.suffix], headers={"Cache-Control": "no-store"})


def _may(grant: Grant, run: RunView) -> bool:
    wanted = _PRIVATE.get(run.what)
    return wanted is None or wanted in grant.scopes


async def _known(run_id: str, house: TheHouse, grant: Grant) -> RunView:
    """A run that whoever asks may know. Raises :class:`NotFound` and :class:`Refusal`."""
    found = await house.reports.run(run_id)
    if found is None:
        raise NotFound(f"There is no run {run_id!r}", where="run", remedy="GET /api/runs lists them; old ones go.")
    if not _may(grant, found):
        wanted = _PRIVATE[found.what]
        what = f"This token may not read what was said in a {found.what}: it lacks the scope {wanted.value!r}"
        raise Refusal(HTTPStatus.FORBIDDEN, what, where="run", remedy="Use a token that has it.")
    return found


def _span(since: float | None, until: float | None) -> RunSpan | None:
    if since is None and until is None:
        return None
    if since is None or until is None or since >= until:
        raise InputError(
            "a span has a beginning and a later end", where="since, until", remedy="Give both, in Unix ms, or neither."
        )
    return RunSpan(round(since * MILLISECOND), round(until * MILLISECOND))
