"""Several shows at one address: whose a request is, and the list of them.

``/shows/NAME/…`` is the show NAME's, whatever else is the first one's, if the house has any. One application answers
for all: it finds its studio by the request, and writes addresses relative to the show's place.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from duologue.app.models import ConversationState, HouseView, ShowView
from duologue.web import paths
from duologue.web.access import Here, TheHouse
from duologue.web.bodies import Router
from duologue.web.discretion import house_for
from duologue.web.scopes import TheGrant, reading
from duologue.web.studio import ShowPort

router = Router(prefix=paths.API, tags=["shows"])


class ByShow:
    """The ASGI layer that notes in the scope whose request it is, and where that show's place begins."""

    def __init__(self, app: ASGIApp, shows: Sequence[ShowPort]) -> None:
        self._app = app
        self._shows = {show.name: show for show in shows}
        self._first = next(iter(shows), None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI call."""
        if scope["type"] in ("http", "websocket"):
            name = paths.show_of(scope["path"])
            found = self._shows.get(name)
            place = scope.get("root_path", "") + (paths.place_of(name) if found is not None else "")
            scope = {**scope, "root_path": place, "show": found or self._first}
        await self._app(scope, receive, send)


@router.get("/shows", operation_id="list_shows", dependencies=[reading()])
async def every(house: TheHouse, here: Here) -> tuple[ShowView, ...]:
    """The shows of this house; each has the same addresses below its own place."""
    return tuple(_view(show, here) for show in house.shows)


@router.get("/house", operation_id="get_house", dependencies=[reading()])
async def house(house: TheHouse, grant: TheGrant) -> HouseView:
    """The house now: its parts, the engines that they share, who talks, and how many more may. What was said in talks
    is told to those who may read it (the scope `admin`).
    """
    return house_for(grant, house.view())


def _view(show: ShowPort, here: ShowPort | None) -> ShowView:
    place = paths.place_of(show.name)
    conversations = show.studio.conversations() if show.studio is not None else ()
    on = next((one.topic for one in conversations if one.state is ConversationState.RUNNING), "")
    return ShowView(
        name=show.name,
        state=show.state,
        failure=show.failure,
        topic=on,
        here=show is here,
        page=f"{place}/",
        stream=f"{place}{paths.PLAYLIST}",
        events=f"{place}{paths.EVENTS}",
        metrics=f"{place}{paths.METRICS}",
    )
