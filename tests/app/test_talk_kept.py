"""What a house keeps of conversations that are over, in virtual time: nothing that grows with how many there were."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from talk_doubles import Door

from duologue import paces
from duologue.app.spending import spending
from duologue.client import TalkClient, TalkWish
from duologue.simulation.virtual_time import simulate
from duologue.speech.hearing_fake import Hearing, evenly
from heap import kinds

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

AT_ONCE, ROUNDS = 5, 4
BLOCK = 320
"""20 ms of a microphone."""


async def write(client: TalkClient) -> None:
    """Two questions."""
    for question in ("What is new?", "And what else?"):
        assert await client.ask(question) == "Not very much. And you?"


async def speak(client: TalkClient) -> None:
    """A question, and silence until it was answered."""
    for number in range(400):
        loud = 0.5 if 25 <= number < 70 else 0.0
        client.hear(number * BLOCK, np.full(BLOCK, loud, np.float32))
        await asyncio.sleep(0.02)
    assert [turn.text for turn in client.turns] == ["how are you", "Not very much. And you?"]


async def converse(door: Door, *, spoken: bool) -> None:
    client, _ = door.client(TalkWish(microphone=spoken))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(client.run())
        await client.until(lambda: client.welcome is not None)
        await (speak if spoken else write)(client)
        client.leave()
        assert (await running).code == "ended"


@pytest.mark.parametrize("remembers", [False, True], ids=["strangers", "people who are remembered"])
@pytest.mark.parametrize("spoken", [False, True], ids=["typed", "spoken"])
def test_round_after_round_of_talks_objects_of_no_kind_become_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, spoken: bool, remembers: bool
) -> None:
    monkeypatch.setattr(spending, "MOST_KEYS", 5)  # what is kept of engines' use and pace has its bounds
    monkeypatch.setattr(paces, "KEPT", 5)
    count = AT_ONCE * ROUNDS
    replies = ["Not very much. And you?"] * (2 * count)
    hearings = [Hearing(evenly("how are you", 0.3))] * count
    door = Door(monkeypatch, tmp_path, replies, heard=hearings, remembers=remembers)
    found: list[Counter[str]] = []
    held: list[int] = []

    async def main() -> None:
        async with door:
            for _ in range(ROUNDS):
                async with asyncio.TaskGroup() as group:
                    for _ in range(AT_ONCE):
                        group.create_task(converse(door, spoken=spoken))
                await asyncio.sleep(120)
                for doubles in (door.entries, door.wires, door.model.prompts, door.voice.calls, door.ears.calls):
                    doubles.clear()
                found.append(kinds())
                held.append(tracemalloc.get_traced_memory()[0])

    tracemalloc.start()
    try:
        simulate(main(), limit=3600)
    finally:
        tracemalloc.stop()
    grown = found[-1] - found[1]
    assert max(grown.values()) < AT_ONCE, grown  # one of a kind for each talk would be twice as many
    each = (held[-1] - held[1]) / (2 * AT_ONCE)
    assert each < 16_000, "bytes: ids of turns, until a thousand are known; a second of sound has 192,000"
