"""Many people who talk with a house over its sockets, a process of its own:
``python -m benchmarks.page.talkers PLAN``.

``PLAN`` is a pickled :class:`Plan`. Each holds a conversation by :class:`duologue.client.TalkClient`, which plays what
it gets at its pace and says so; what is judged are the frames of sound and when they came. It writes ``up`` when
everybody was let in or sent away, ``over`` when the time is up, then a line of JSON: :class:`Talked` for each.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from duologue.app.talk.messages import PlayedSound, unpack_played
from duologue.audio.pcm import RATE, Samples
from duologue.client import Link, TalkClient, TalkWish, dialling
from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK
from duologue.errors import DuologueError
from duologue.speech.hearing import EAR_RATE

BLOCK = EAR_RATE // 50
UP_WITHIN_S = 60.0
PATIENCE_S = 15.0
"""Without an answer for so long a person goes on."""
LEAVING_S = 15.0
REST_S = 0.5
"""Between an answer and the next turn."""


@dataclass(frozen=True)
class Plan:
    """``people`` are what each says, turn by turn and again from the beginning: words that are written, or sounds of
    the ears' rate. It lasts ``seconds``, or with 0 until everybody has said all; they begin ``apart_s`` after each
    other.
    """

    socket: str
    people: tuple[tuple[str | Samples, ...], ...]
    seconds: float
    character: str = ""
    apart_s: float = 0.1


@dataclass(frozen=True)
class Talked:
    """One conversation. ``hears``: there was a place of a listener; ``refused``: why there was no conversation.
    ``waits`` are from the last word to the first sound of the answer (ms), ``silent`` how often none came; ``stalls``
    by how much longer than written each silence between or inside sentences was (ms), ``spoke`` when sound played (ns,
    from and to).
    """

    hears: bool
    refused: str
    waits: list[float]
    silent: int
    stalls: list[float]
    spoke: list[tuple[int, int]]


def stalls(frames: Sequence[tuple[int, PlayedSound]]) -> tuple[list[float], list[tuple[int, int]]]:
    """Of frames and when they came (ns), for who plays each at once or when its turn is: by how much each sentence
    began later than its written silence after the one before (of the same reply), and each piece later than the one
    before it ended (ms); and when sound played.
    """
    late: list[float] = []
    spoke: list[tuple[int, int]] = []
    end, name = 0, ""
    for at, frame in frames:
        length = len(frame.samples) * SECOND // RATE
        reply = frame.id.rpartition("/")[0]
        due = end + (frame.gap * SECOND // RATE if frame.first else 0)
        begin = max(at, due)
        if name and ((not frame.first and frame.id == name) or (reply and reply == name.rpartition("/")[0])):
            late.append((begin - due) / MILLISECOND)
        if length:
            spoke.append((begin, begin + length))
        end, name = begin + length, frame.id
    return late, spoke


def most_at_once(spans: Sequence[tuple[int, int]]) -> int:
    """How many of spans overlap at most."""
    steps = sorted([(begin, 1) for begin, _ in spans] + [(end, -1) for _, end in spans])
    return int(np.max(np.cumsum([step for _, step in steps]), initial=0)) if steps else 0


class _Noted:
    """A link that remembers the frames of sound."""

    def __init__(self, link: Link, frames: list[tuple[int, PlayedSound]], news: asyncio.Event) -> None:
        self._link = link
        self._frames = frames
        self._news = news

    async def send(self, data: str | bytes) -> None:
        await self._link.send(data)

    async def receive(self) -> str | bytes:
        data = await self._link.receive()
        if isinstance(data, bytes):
            self._frames.append((SYSTEM_CLOCK.now(), unpack_played(data)))
            self._news.set()
        return data

    async def close(self) -> None:
        await self._link.close()


@dataclass(eq=False)
class Person:
    """One of them."""

    plan: Plan
    turns: Sequence[str | Samples]
    frames: list[tuple[int, PlayedSound]] = field(default_factory=list[tuple[int, PlayedSound]])
    waits: list[float] = field(default_factory=list[float])
    silent: int = 0
    refused: str = ""
    hears: bool = False

    def __post_init__(self) -> None:
        self._news = asyncio.Event()
        self.up = asyncio.Event()
        self._said: Samples = np.zeros(0, np.float32)
        self._spoken = asyncio.Event()
        self._last_word = 0
        self._leaving = False
        speaks = not isinstance(self.turns[0], str)
        wish = TalkWish(self.plan.character, microphone=speaks)
        self._client = TalkClient(self._dialled(dialling(self.plan.socket)), wish)

    def _dialled(self, dial: Callable[[], Awaitable[Link]]) -> Callable[[], Awaitable[Link]]:
        async def noted() -> Link:
            return _Noted(await dial(), self.frames, self._news)

        return noted

    async def talk(self) -> None:
        """Until all was said once, if the plan has no end."""
        client = self._client
        async with asyncio.TaskGroup() as group:
            running = group.create_task(self._run())
            try:
                await client.until(lambda: client.welcome is not None)
                assert client.welcome is not None
                self.hears = client.welcome.microphone
                self.up.set()
                hearing = group.create_task(self._microphone()) if self.hears else None
                while True:
                    for turn in self.turns:
                        await self._turn(turn)
                    if not self.plan.seconds:
                        break
                if hearing is not None:
                    hearing.cancel()
                client.leave()
            except DuologueError as error:
                self._refuse(str(error))
            finally:
                self.up.set()
                running.cancel()

    def leave(self) -> None:
        """Give the place back: a conversation waits for who is just gone."""
        self._leaving = True
        self._client.leave()

    def _refuse(self, why: str) -> None:
        if not self._leaving:
            self.refused = self.refused or why

    async def _run(self) -> None:
        try:
            bye = await self._client.run()
            self._refuse(bye.text if bye.code != "ended" else "")
        except DuologueError as error:
            self._refuse(str(error))

    async def _turn(self, turn: str | Samples) -> None:
        before, turns = len(self.frames), len(self._client.turns)
        if isinstance(turn, str):
            self._client.say(turn)
            last = SYSTEM_CLOCK.now()
        else:
            self._spoken.clear()
            self._said = turn
            await self._spoken.wait()
            last = self._last_word
        try:
            async with asyncio.timeout(PATIENCE_S):
                first = await self._first(before, last)
            self.waits.append((first - last) / MILLISECOND)
            async with asyncio.timeout(60.0):
                await self._client.until(lambda: self._over(turns))
        except TimeoutError:
            self.silent += 1
        await asyncio.sleep(REST_S)

    async def _first(self, before: int, last: int) -> int:
        """When the first sound of an answer came that came after the last word."""
        while True:
            for at, frame in self.frames[before:]:
                if frame.first and "/" in frame.id and at >= last:
                    return at
            self._news.clear()
            await self._news.wait()

    def _over(self, before: int) -> bool:
        """An answer that came since is over, and nothing else is being said."""
        newer = [turn for turn in self._client.turns[before:] if not turn.person]
        return self._client.standing == "quiet" and any(turn.state in ("ended", "failed") for turn in newer)

    async def _microphone(self) -> None:
        """20 ms after 20 ms, of silence where nothing is said."""
        began, number = SYSTEM_CLOCK.now(), 0
        while True:
            number += 1
            due = began + number * 20 * MILLISECOND
            await SYSTEM_CLOCK.wait_until(due)
            block, self._said = self._said[:BLOCK], self._said[BLOCK:]
            if len(block) and not len(self._said):
                self._last_word = due - (BLOCK - len(block)) * SECOND // EAR_RATE
                self._spoken.set()
            self._client.hear((number - 1) * BLOCK, np.concatenate([block, np.zeros(BLOCK - len(block), np.float32)]))

    def told(self) -> Talked:
        """What it was."""
        late, spoke = stalls(self.frames)
        return Talked(self.hears, self.refused, self.waits, self.silent, late, spoke)


async def run(plan: Plan) -> list[Talked]:
    """All of them."""
    people = [Person(plan, turns) for turns in plan.people]

    async def one(number: int, person: Person) -> None:
        await asyncio.sleep(number * plan.apart_s)
        await person.talk()

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(number, person)) for number, person in enumerate(people)]
        async with asyncio.timeout(UP_WITHIN_S + len(people) * plan.apart_s):
            await asyncio.gather(*(person.up.wait() for person in people))
        print("up", flush=True)
        await asyncio.wait(tasks, timeout=plan.seconds or None)
        print("over", flush=True)
        for person in people:
            person.leave()
        await asyncio.wait(tasks, timeout=LEAVING_S)
        for task in tasks:
            task.cancel()
    return [person.told() for person in people]


def read(text: str) -> list[Talked]:
    """What :func:`main` printed last."""
    return [
        Talked(
            each["hears"], each["refused"], each["waits"], each["silent"], each["stalls"],
            [(begin, end) for begin, end in each["spoke"]],
        )
        for each in json.loads(text)
    ]  # fmt: skip


def main() -> None:
    """See the module."""
    plan = pickle.loads(Path(sys.argv[1]).read_bytes())
    assert isinstance(plan, Plan)
    print(json.dumps([asdict(each) for each in asyncio.run(run(plan))]), flush=True)


if __name__ == "__main__":
    # pickled by the name that others import it by
    from benchmarks.page import talkers

    talkers.main()
