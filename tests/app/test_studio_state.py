"""What a page is told when it connects: one event of bounded size, however long the show has been on."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from duologue.app.models import Conversation, ConversationState, StateEvent
from duologue.app.studio import STATE_TURNS, Studio, open_studio
from duologue.clock import MILLISECOND
from duologue.settings import load_settings
from duologue.speech.utterance import Mark, MarkKind, Utterance
from duologue.telemetry.ledger import TurnRecord
from duologue.web.events import encode
from loop_guard import LOOP_LIMIT_MS, LoopGuard

LINE = " ".join(f"word{number}" for number in range(35))


def talk(studio: Studio, name: str, turns: int) -> None:
    """Enter a conversation with so many turns as it would be on air, every word with its times."""
    cast = ("chad", "virgin")
    studio.book.open(
        Conversation(
            id=name, topic="tea", cast=cast, turns_planned=turns, seed=1, state=ConversationState.RUNNING, started=0
        )
    )
    marks = tuple(Mark(MarkKind.WORD, word, place * 100, place * 100 + 90) for place, word in enumerate(LINE.split()))
    for number in range(turns):
        turn, speaker = f"{name}-{number}", cast[number % 2]
        studio.book.voiced(Utterance(turn, speaker, LINE, np.zeros(3500, np.float32), marks=marks))
        at = (number + 1) * 1000 * MILLISECOND
        studio.book.record(
            TurnRecord(turn, name, number, speaker, text=LINE, asked=at, on_air=at, ended=at + 1, state="ended")
        )


@pytest.mark.parametrize("conversations", [1, 50])
async def test_a_page_that_connects_to_a_thousand_turns_gets_the_newest_in_one_event(
    loop_guard: LoopGuard, conversations: int
) -> None:
    async with open_studio(load_settings({"show.size": "320x180", "web.port": 0})) as studio:
        for number in range(conversations):
            talk(studio, f"c{number}", 1000 // conversations)
        await asyncio.sleep(0)  # what went before is another callback
        loop_guard.rearm(LOOP_LIMIT_MS)
        reader = studio.bus.subscribe()
        [published] = await reader.take()
        wire = encode(published)
    event = published.event
    assert isinstance(event, StateEvent)
    assert len(event.state.turns) == STATE_TURNS
    assert event.state.turns[-1].id == f"c{conversations - 1}-{1000 // conversations - 1}"
    assert len(event.state.conversations) == conversations
    assert all(conversation.turns == () for conversation in event.state.conversations)
    assert len(wire) < 500_000
