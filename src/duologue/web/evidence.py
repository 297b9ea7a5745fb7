"""What the house does while it does it, for the Evidence page: server-sent events, made only while somebody reads."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from pydantic import RootModel
from starlette.types import Send

from duologue.app.evidence.models import EvidenceEvent
from duologue.web import paths
from duologue.web.access import PROBLEMS, Here, Leaving, TheHouse, TheOptions
from duologue.web.bodies import Router
from duologue.web.events import KEEP_ALIVE, RETRY, ServerEvents, send_piece
from duologue.web.scopes import reading
from duologue.web.studio import EvidenceBoardPort

router = Router(prefix=f"{paths.API}/evidence", tags=["evidence"], responses=PROBLEMS)


class StreamedEvidence(RootModel[EvidenceEvent]):
    """The JSON of one event; the ``event:`` field repeats its ``type``."""


class EvidenceStream(ServerEvents):
    """Sends what a board tells of a show."""

    def __init__(self, board: EvidenceBoardPort, show: str, keep_alive: float, leaving: asyncio.Event) -> None:
        super().__init__(keep_alive, leaving)
        self._board = board
        self._show = show

    async def write(self, send: Send) -> None:
        """See :class:`ServerEvents`."""
        with self._board.watch(self._show) as watch:
            await send_piece(send, RETRY)
            while True:
                try:
                    async with asyncio.timeout(self.keep_alive):
                        if (event := await watch.take()) is None:
                            return
                    body = f"event: {event.type}\ndata: {event.model_dump_json()}\n\n".encode()
                except TimeoutError:
                    body = KEEP_ALIVE
                await send_piece(send, body)


@router.get(
    "/events", operation_id="evidence_events", dependencies=[reading()], status_code=HTTPStatus.OK,
    response_class=EvidenceStream,
    responses={200: {"model": StreamedEvidence, "description": "Server-sent events; the state comes first."}},
)  # fmt: skip
async def events(house: TheHouse, here: Here, options: TheOptions, leaving: Leaving) -> EvidenceStream:
    """The newest of the show of this place, frame by frame, of the machine and of the answers in talks and calls; then
    what each second adds: its frames, what went wrong with them and why, each process; and each step of an answer that
    is being made. No word that anybody said.
    """
    return EvidenceStream(house.evidence, here.topic if here is not None else "", options.keep_alive, leaving)
