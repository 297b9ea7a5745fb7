"""Child processes: how each is, and a handle to start it again."""

from __future__ import annotations

from duologue.app.models import Problem, WorkerView
from duologue.tokens import Scope
from duologue.web import paths
from duologue.web.access import PROBLEMS, TheHouse
from duologue.web.bodies import Router
from duologue.web.problems import NotFound
from duologue.web.scopes import needs, reading

router = Router(prefix=paths.API, tags=["workers"], responses=PROBLEMS)
_MISSING = {404: {"model": Problem, "description": "There is no such worker."}}


@router.get("/workers", operation_id="list_workers", dependencies=[reading()])
async def every(house: TheHouse) -> tuple[WorkerView, ...]:
    """Every child process of the house. Changes come as events of the topic `engines`."""
    return house.workers()


@router.post(
    "/workers/{name}/restart",
    operation_id="restart_worker",
    dependencies=[needs(Scope.ADMIN)],
    responses={**_MISSING},
)
async def restart(name: str, house: TheHouse) -> WorkerView:
    """Put another in its place when it is done with what it is at, after ten seconds at the latest; what was being said
    goes on. The answer tells how it is then.
    """
    there = [worker.name for worker in house.workers()]
    if name not in there:
        raise NotFound(f"there is no worker {name!r}", where="name", remedy=f"There are: {', '.join(there) or 'none'}.")
    return await house.restart_worker(name)
