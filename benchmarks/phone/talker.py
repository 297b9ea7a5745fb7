"""Callers who converse, a process of its own: ``python -m benchmarks.phone.talker PLAN``.

``PLAN`` is a pickled :class:`Plan`. Each caller says a turn, waits for the answer to begin and to be over, and says the
next; what is timed is judged from the packets that came, by the kernel's stamps. One line of JSON (:class:`Talked`) on
standard output.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.phone.board import Board, Call, board
from benchmarks.phone.packets import Arrived, Spoken, reply
from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK
from duologue.dialogue.turns.policy import Policy
from duologue.phone.line.process import PreciseSelector

GAP_MS = 1_000
"""Of silence after which an answer is over, and the next turn comes."""
SLOW_GAP_MS = Policy().filler_every_ms + 1_000
"""The same, of engines that are so slow that fillers sound before an answer: between two of them is less silence."""
PATIENCE_S = 12.0
"""Without an answer for so long a caller goes on."""
GREETED_S = 10.0


@dataclass(frozen=True)
class Plan:
    """``callers`` are the turns of each, a turn its sounds (8 kHz) and pauses (ms); a caller begins ``apart_s`` after
    the one before, and goes on after ``patience_s`` without an answer. ``together``: nobody leaves before each knows
    whether they are let in.
    """

    port: int
    callers: tuple[tuple[tuple[Samples | int, ...], ...], ...]
    apart_s: float = 0.0
    extension: str = "16"
    patience_s: float = PATIENCE_S
    gap_ms: int = GAP_MS
    together: bool = False


@dataclass(frozen=True)
class Turn:
    """``after_ms`` from the caller's last word to the first voiced packet of ours; None: nothing came. ``ended``,
    ``left`` (when the first packet of that talk-spurt came) and ``came`` (when each packet did, up to the next turn)
    are ns of the machine's clock.
    """

    after_ms: float | None
    cut: bool
    ended: int
    left: int
    came: tuple[int, ...] = ()


@dataclass(frozen=True)
class Talked:
    """One call: ``status`` is 200, or what it was refused with; ``taken_ms`` is INVITE to 200."""

    status: int
    taken_ms: float
    turns: tuple[Turn, ...]


async def converse(
    call: Call, turns: tuple[tuple[Samples | int, ...], ...], patience: float = PATIENCE_S, gap_ms: int = GAP_MS
) -> Talked:
    """Hold one call."""
    if not await call.answered():
        return Talked(call.status or 408, 0.0, ())
    clock = call.board.clock
    await call.heard_after(0, GREETED_S)
    await call.silent_for(GAP_MS)
    said: list[Spoken] = []
    for turn in turns:
        if call.ended is not None:
            break
        spoken = call.say(*turn)
        await clock.wait_until(spoken.end)
        await _answer(call, spoken, patience)
        await call.silent_for(gap_ms)
        said.append(Spoken(spoken.begin, spoken.end, clock.now()))
    call.hang_up()
    return Talked(
        200, (call.answered_at - call.placed) / MILLISECOND, tuple(_judged(call.packets, each) for each in said)
    )  # fmt: skip


def _judged(packets: Sequence[Arrived], turn: Spoken) -> Turn:
    found = reply(packets, turn)
    came = tuple(each.at for each in packets if turn.end <= each.at < turn.until)
    return Turn(found.after_ms, found.cut, turn.end, found.left, came)


async def _answer(call: Call, spoken: Spoken, patience: float) -> None:
    """Until one begins, or patience is over."""
    known = max(0, len(call.packets) - 10)
    open_ended = Spoken(spoken.begin, spoken.end, spoken.end + 3600 * SECOND)

    def there() -> bool:
        return call.ended is not None or reply(call.packets[known:], open_ended).after_ms is not None

    await call.until(there, patience)


async def _held(callers: Board, plan: Plan) -> list[Talked]:
    async def one(number: int, turns: tuple[tuple[Samples | int, ...], ...]) -> Talked:
        await asyncio.sleep(number * plan.apart_s)
        call = callers.call(plan.extension)
        placed.append(call)
        if len(placed) == len(plan.callers):
            all_called.set()
        if plan.together:
            await all_called.wait()
            for each in placed:
                await each.answered()
        return await converse(call, turns, plan.patience_s, plan.gap_ms)

    placed, all_called = list[Call](), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(number, turns)) for number, turns in enumerate(plan.callers)]
    return [task.result() for task in tasks]


async def _run(plan: Plan) -> list[Talked]:
    async with board(plan.port, SYSTEM_CLOCK) as callers:
        return await _held(callers, plan)


def main() -> None:
    """See the module."""
    plan = pickle.loads(Path(sys.argv[1]).read_bytes())
    assert isinstance(plan, Plan)
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(PreciseSelector())) as runner:
        found = runner.run(_run(plan))
    print(json.dumps([asdict(each) for each in found]))


def read(text: str) -> list[Talked]:
    """What :func:`main` printed."""
    found = json.loads(text)
    return [
        Talked(each["status"], each["taken_ms"], tuple(_turn(**turn) for turn in each["turns"])) for each in found
    ]  # fmt: skip


def _turn(after_ms: float | None, cut: bool, ended: int, left: int, came: Sequence[int]) -> Turn:
    return Turn(after_ms, cut, ended, left, tuple(came))


def longest(plan: Plan) -> float:
    """Seconds after which a talker that has not ended is given up."""
    turns = max((len(caller) for caller in plan.callers), default=0)
    sounds = max((sum(_length(turn) for turn in caller) for caller in plan.callers), default=0)
    return 60 + plan.apart_s * len(plan.callers) + turns * (plan.patience_s + plan.gap_ms / 1000 + 15) + sounds / SECOND


def _length(turn: tuple[Samples | int, ...]) -> float:
    return sum(part * MILLISECOND if isinstance(part, int) else len(part) * SECOND / 8000 for part in turn)


if __name__ == "__main__":
    # pickled by the name that others import it by
    from benchmarks.phone import talker

    talker.main()
