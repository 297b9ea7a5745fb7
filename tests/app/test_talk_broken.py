"""What a person does while the socket of their conversation is broken: they speak, hold the button, interrupt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from talk_doubles import HELLO, Door
from test_talk_session import LONG, begun, play, speak

from duologue.app.talk import messages as say
from duologue.audio.pcm import Samples
from duologue.client import Link, TalkClient, TalkWish
from duologue.clock import SECOND
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.hearing import Transcript
from duologue.speech.hearing_fake import Hearing, evenly

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


def keeping(door: Door) -> set[int]:
    """The numbers of the blocks that :func:`numbered` brought and the ears were given, of a voice alone."""
    found, listen = set[int](), door.ears.listen

    def kept(sound: AsyncIterator[Samples], *rest: Any) -> AsyncGenerator[Transcript]:
        async def each() -> AsyncGenerator[Samples]:
            async for block in sound:
                found.update(round(float(value) * 1000) - 300 for value in np.unique(block) if value > 0.29)
                yield block

        return listen(each(), *rest)

    door.ears.listen = kept  # type: ignore[method-assign]
    return found


async def numbered(client: TalkClient, blocks: int, first: int = 50, clock: int = 2_000_000) -> None:
    """A voice from the block ``first`` on, each as loud as its number; the microphone's clock stands at ``clock``."""
    for number in range(blocks):
        loud = 0.3 + number / 1000 if number >= first else 0.0
        client.hear(clock + number * 320, np.full(320, loud, np.float32))
        await asyncio.sleep(0.02)


BEFORE_74_HOURS = (1 << 32) - 320 * 60 - 100
"""The number of a microphone's sample that has 33 bits comes 1.2 s later."""


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize(
    ("away", "clock"), [(0.1, 2_000_000), (1.5, 2_000_000), (4.5, 2_000_000), (1.5, BEFORE_74_HOURS)]
)
def test_what_is_said_while_the_socket_is_broken_is_heard(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, away: float, clock: int, lost: bool
) -> None:
    async def story(door: Door) -> None:
        heard = keeping(door)
        client, _ = door.client(TalkWish(microphone=True))
        async with asyncio.TaskGroup() as group:
            await begun(group, client)
            talking = group.create_task(numbered(client, 400, clock=clock))
            await asyncio.sleep(2.0)
            door.reached = False
            door.wires[-1].break_off(lost=lost)
            await asyncio.sleep(away)
            door.reached = True
            await client.until(lambda: client.connected)
            await talking
            await asyncio.sleep(1.0)
            assert heard >= set(range(50, 390)), sorted(set(range(50, 390)) - heard)
            client.leave()

    play(monkeypatch, tmp_path, story, *["Fine."] * 9)


def test_a_page_that_is_loaded_anew_has_a_microphone_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def story(door: Door) -> None:
        wire = door.wire()
        wire.put({**HELLO, "microphone": True})
        welcome = await wire.take_until("welcome")
        assert welcome["captured"] is None
        for number in range(50):
            wire.put(say.pack_captured(say.CapturedSound(900_000 + number * 320, np.zeros(320, np.float32))))
            await asyncio.sleep(0.02)
        wire.break_off()
        again = {**HELLO, "resume": welcome["resume"]}
        other = door.wire()
        other.put({**again, "captured": True})
        assert (await other.take_until("welcome"))["captured"] == 900_000 + 50 * 320
        other.break_off()
        anew = door.wire()
        anew.put(again)
        assert (await anew.take_until("welcome"))["captured"] is None
        heard = keeping(door)
        for number in range(150):
            loud = 0.3 + number / 1000 if number >= 50 else 0.0
            anew.put(say.pack_captured(say.CapturedSound(number * 320, np.full(320, loud, np.float32))))
            await asyncio.sleep(0.02)
        assert heard >= set(range(50, 140))
        anew.put({"type": "leave"})
        await anew.take_until("bye")

    play(monkeypatch, tmp_path, story, *["Fine."] * 9)


@pytest.mark.parametrize("away", [0.3, 6.0])
def test_a_button_that_is_held_while_the_socket_breaks_is_held(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, away: float
) -> None:
    async def story(door: Door) -> None:
        client, _ = door.client(TalkWish(microphone=True))
        async with asyncio.TaskGroup() as group:
            await begun(group, client)
            client.push(True)
            talking = group.create_task(speak(client, 0.2, 0.9, away + 4.0))
            await asyncio.sleep(0.7)
            door.reached = False
            door.wires[-1].break_off()
            await asyncio.sleep(away)
            door.reached = True
            await client.until(lambda: client.connected)
            await talking
            assert all(turn.person for turn in client.turns)  # nobody has let it go
            door.reached = False
            door.wires[-1].break_off()
            client.push(False)  # nobody is told yet
            door.reached = True
            await client.until(lambda: any(not turn.person and turn.state == "ended" for turn in client.turns))
            assert client.turns[-1].heard == "Fine."
            client.leave()

    play(monkeypatch, tmp_path, story, *["Fine."] * 4, heard=[Hearing(evenly("how are you", 0.3))] * 4)


def test_who_interrupts_while_the_socket_is_broken_is_not_spoken_to_further(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def story(door: Door) -> None:
        client, _ = door.client()
        async with asyncio.TaskGroup() as group:
            await begun(group, client)
            client.say("Count!")
            await client.until(lambda: any(chunk.state == "playing" for chunk in client.chunks.values()))
            await asyncio.sleep(0.5)
            door.wires[-1].break_off()
            while client.connected:  # noqa: ASYNC110 (virtual time)
                await asyncio.sleep(0.01)
            client.interrupt()
            await client.until(lambda: client.connected and bool(client.turns) and client.turns[-1].state == "ended")
            assert client.turns[-1].interrupted and len(client.turns[-1].heard) < len(LONG)
            client.leave()

    play(monkeypatch, tmp_path, story, LONG)


def test_a_house_that_says_on_and_takes_nothing_is_left_for_another_socket() -> None:
    """It pings, so it is there; what was written waited for it without end, and the two-thousandth word was lost."""
    taken: list[str | bytes] = []
    welcome = say.TalkWelcome(
        version=say.VERSION, conversation="c", resume="r", resumed=False, character="chad", title="Chad",
        microphone=False, rate=48_000, resume_seconds=10.0,
    )  # fmt: skip

    class House:
        def __init__(self, takes: bool) -> None:
            self._takes, self._pings = takes, 0

        async def send(self, data: str | bytes) -> None:
            if not self._takes and '"hello"' not in str(data):
                await asyncio.Event().wait()
            taken.append(data)
            self._pings = 100 if "What?" in str(data) else self._pings

        async def receive(self) -> str | bytes:
            self._pings += 1
            if self._pings == 1:
                return welcome.model_dump_json()
            if self._pings > 100:
                return say.TalkBye(code="ended", text="Over.").model_dump_json()
            await asyncio.sleep(2)
            return say.TalkPing(number=self._pings).model_dump_json()

        async def close(self) -> None:
            pass

    async def main() -> None:
        async def dial() -> Link:
            return House(takes=client.sockets > 0)

        client = TalkClient(dial, clock=LoopClock(SECOND))
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            running = await begun(group, client)
            client.say("What?")
            assert (await running).code == "ended"
        assert client.sockets == 2 and any("What?" in str(data) for data in taken)

    simulate(main())
