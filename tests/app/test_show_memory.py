"""What a show remembers of itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from duologue.app.models import ConversationState, ConversationView, TurnView
from duologue.app.people.remembering import Remembering
from duologue.app.show.memory import MOST_EARLY, ShowMemory
from duologue.clock import VirtualClock
from duologue.language.persona import Persona
from duologue.settings import Settings
from duologue.store.tables import ConversationRow, ShowNote, Turn
from duologue.telemetry.ledger import TurnRecord
from store_doubles import InstantStore

TOPICS = ("tea", "rain", "cats", "trams")
ADA = Persona("ada", "Ada", "A calm woman.")


@pytest.fixture
def store(tmp_path: Path) -> InstantStore:
    return InstantStore(tmp_path / "store.sqlite3", VirtualClock())


async def memory(store: InstantStore, *, shapes: bool = True) -> ShowMemory:
    made = ShowMemory("show:main", shapes=shapes)
    await made.begin(Remembering(store, Settings(), store.clock))
    return made


def held(memory: ShowMemory, name: str, topic: str, *lines: str, started: float = 1000.0) -> None:
    """A conversation from its beginning to its end."""
    view = ConversationView(
        id=name, topic=topic, cast=("ada", "ben"), turns_planned=2, seed=1, state=ConversationState.WAITING,
        started=started,
    )  # fmt: skip
    memory.conversation(view)
    memory.conversation(view.model_copy(update={"state": ConversationState.RUNNING}))
    for number, text in enumerate(lines):
        for state in ("on_air", "ended"):
            record = TurnRecord(f"{name}/{number}", name, number, "ada", text=text, state=state)
            turn = TurnView(
                id=record.id, conversation=name, number=number, speaker="ada", kind="turn", text=text, state=state,  # pyright: ignore[reportArgumentType]
                on_air=started + number,
            )  # fmt: skip
            memory.turn(turn, record)
    memory.conversation(view.model_copy(update={"state": ConversationState.ENDED, "ended": started + 500}))


async def test_conversations_are_kept_as_they_were_heard(store: InstantStore) -> None:
    held(await memory(store), "c1", "tea", "Tea is soup.", "It is not.")
    assert store.rows(
        select(ConversationRow.part, ConversationRow.character, ConversationRow.topic, ConversationRow.ended)
    ) == [("show:main", "ada, ben", "tea", 1500 * 10**6)]
    assert store.rows(select(Turn.heard, Turn.state).order_by(Turn.number)) == [
        ("Tea is soup.", "ended"), ("It is not.", "ended"),
    ]  # fmt: skip


async def test_topics_of_late_are_left_out(store: InstantStore) -> None:
    first = await memory(store)
    assert first.fresh(TOPICS) == list(TOPICS)
    for number, topic in enumerate(("tea", "rain", "cats")):
        held(first, f"c{number}", topic, started=1000.0 + number)
    assert first.fresh(TOPICS) == ["tea", "trams"]  # the older half may come again
    again = await memory(store)  # after a restart
    assert again.fresh(TOPICS) == ["tea", "trams"]
    assert again.fresh(("cats",)) == ["cats"]
    seeded = await memory(store, shapes=False)
    assert seeded.fresh(TOPICS) == TOPICS and seeded.knowing(ADA) is ADA


async def test_a_line_that_comes_back_is_a_running_joke(store: InstantStore) -> None:
    first = await memory(store)
    held(first, "c1", "tea", "Tea is soup.", "Tea is soup.", "Yes.")
    assert store.rows(select(ShowNote.text).where(ShowNote.kind == "joke")) == []  # within one it is only said twice
    held(
        first,
        "c2",
        "rain",
        "Tea is soup.",
        "Yes.",
        "A line that is far too long to be told again by anybody at all, ever.",
    )
    held(first, "c3", "cats", "Tea is soup.")
    jokes = store.rows(select(ShowNote.text, ShowNote.times).where(ShowNote.kind == "joke"))
    assert jokes == [("Tea is soup.", 2)]
    assert first.knowing(ADA) is ADA
    told = (await memory(store)).knowing(ADA).style
    assert told == ("Said before on this show, and known to its audience: Tea is soup.",)


async def test_a_show_begins_without_its_store_and_loses_nothing(store: InstantStore) -> None:
    early = ShowMemory("show:main", shapes=True)
    held(early, "c1", "tea", "Tea is soup.")
    assert early.fresh(TOPICS) == list(TOPICS) and early.knowing(ADA) is ADA
    await early.begin(Remembering(store, Settings(), store.clock))
    assert store.rows(select(Turn.heard)) == [("Tea is soup.",)]
    assert store.rows(select(ConversationRow.ended)) == [(1500 * 10**6,)]


async def test_without_a_store_what_waits_is_bounded() -> None:
    alone = ShowMemory("show:main", shapes=True)
    for number in range(200):
        held(alone, f"c{number}", "tea", "Tea is soup.")
    assert len(alone._early) == MOST_EARLY  # pyright: ignore[reportPrivateUsage]
