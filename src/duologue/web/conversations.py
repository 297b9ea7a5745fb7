"""Start, watch and stop a conversation."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Response

from duologue.app.models import ChatReceipt, ChatRequest, ConversationRequest, ConversationView, Problem
from duologue.tokens import Scope
from duologue.web import paths
from duologue.web.access import PROBLEMS, Place, TheStudio
from duologue.web.bodies import Router
from duologue.web.problems import NotFound
from duologue.web.scopes import needs, reading

router = Router(prefix=paths.API, tags=["conversations"], responses=PROBLEMS)
_MISSING = {404: {"model": Problem, "description": "There is no such conversation."}}


@router.post(
    "/conversations",
    status_code=HTTPStatus.CREATED,
    operation_id="start_conversation",
    dependencies=[needs(Scope.STAGE)],
)
async def start(request: ConversationRequest, studio: TheStudio, place: Place, response: Response) -> ConversationView:
    """Start a conversation. Its address is in the ``Location`` header."""
    conversation = await studio.start(request)
    response.headers["Location"] = f"{place}{paths.API}/conversations/{conversation.id}"
    return conversation


@router.get("/conversations", operation_id="list_conversations", dependencies=[reading()])
async def every(studio: TheStudio) -> tuple[ConversationView, ...]:
    """The remembered conversations, newest first, without their turns."""
    return tuple(studio.conversations())


@router.get(
    "/conversations/{conversation_id}",
    operation_id="get_conversation",
    dependencies=[reading()],
    responses={**_MISSING},
)
async def one(conversation_id: str, studio: TheStudio) -> ConversationView:
    """A conversation with its turns and their timings."""
    return _found(conversation_id, studio)


@router.delete(
    "/conversations/{conversation_id}",
    operation_id="stop_conversation",
    dependencies=[needs(Scope.STAGE)],
    responses={**_MISSING},
)
async def stop(conversation_id: str, studio: TheStudio) -> ConversationView:
    """Stop a conversation at once. Stopping one that is over changes nothing."""
    _found(conversation_id, studio)
    return await studio.stop(conversation_id)


@router.post(
    "/chat", status_code=HTTPStatus.ACCEPTED, operation_id="chat", tags=["chat"], dependencies=[needs(Scope.TALK)]
)
async def chat(request: ChatRequest, studio: TheStudio) -> ChatReceipt:
    """Say something to a character; it answers on stage in its next turn."""
    return await studio.chat(request)


def _found(conversation_id: str, studio: TheStudio) -> ConversationView:
    conversation = studio.conversation(conversation_id)
    if conversation is None:
        raise NotFound(
            f"There is no conversation {conversation_id!r}",
            where="conversation_id", remedy="GET /api/conversations lists them; old ones are forgotten.",
        )  # fmt: skip
    return conversation
