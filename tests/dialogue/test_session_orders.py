"""Orders to a sink that is slow, stuck or broken: nobody waits for them, and none is believed that was not taken."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from fault_doubles import Scene
from session_doubles import Says, loud_utterance

from duologue.clock import SECOND
from duologue.dialogue.ports import PlayEnded
from duologue.dialogue.session.orders import MAX_ORDERS, SINK_SECONDS, SinkOrders
from duologue.dialogue.turns.vocabulary import EngineFailed, Event, Note, Stage
from duologue.errors import PeerError
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.utterance import Utterance

LATE = EngineFailed(Stage.PLAYING, "the sink took no order in 1 s")


@dataclass
class SlowSink:
    """Takes each order after so many seconds."""

    seconds: dict[str, float] = field(default_factory=dict[str, float])
    taken: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])

    async def order(self, name: str) -> None:
        await asyncio.sleep(self.seconds.get(name, 0.0))
        if name == "broken":
            raise PeerError("the line is down")
        self.taken.append((name, asyncio.get_running_loop().time()))

    async def play(self, utterance: Utterance, gap_ms: int) -> None:
        await self.order(utterance.id)

    async def extend(self, utterance: Utterance) -> None:
        await self.order(f"{utterance.id}+")

    async def withdraw(self, utterance_id: str) -> bool:
        return False

    async def clear(self) -> None:
        await self.order("clear")

    async def pause(self) -> None:
        await self.order("pause")

    async def resume(self) -> None:
        await self.order("resume")


class Desk:
    """Gives orders to ``sink``, and keeps what came of them."""

    def __init__(self, **seconds: float) -> None:
        self.sink = SlowSink(seconds)
        self.events: list[Event] = []
        self.believed: list[str] = []
        self.orders = SinkOrders(self.sink, LoopClock(), self.events.append)

    def play(self, name: str) -> None:
        self.orders.play(loud_utterance("one two", "ada", name), 0)

    def run(self, *orders: str) -> Desk:
        async def main() -> None:
            async with asyncio.TaskGroup() as group:
                task = group.create_task(self.orders.run())
                for name in orders:
                    match name:
                        case "pause":
                            self.orders.pause(lambda: self.believed.append("pause"))
                        case "resume":
                            self.orders.resume(lambda: self.believed.append("resume"))
                        case "clear":
                            self.orders.clear(lambda: self.believed.append("clear"))
                        case "then":
                            await asyncio.sleep(0.01)
                        case _:
                            self.play(name)
                await self.orders.drain()
                task.cancel()

        simulate(main())
        return self

    def names(self) -> list[str]:
        return [name for name, _ in self.sink.taken]


def test_orders_are_given_in_order_one_at_a_time() -> None:
    desk = Desk(a=0.3, pause=0.2).run("a", "pause", "b", "resume")
    assert desk.sink.taken == [("a", 0.3), ("pause", 0.5), ("b", 0.5), ("resume", 0.5)]
    assert desk.believed == ["pause", "resume"] and desk.events == []


def test_an_order_that_was_not_taken_is_named_and_not_believed() -> None:
    desk = Desk(pause=60.0).run("a", "pause", "b")
    assert desk.names() == ["a", "b"] and desk.believed == [] and desk.events == [LATE]
    assert desk.sink.taken[-1][1] == SINK_SECONDS


def test_what_was_not_given_yet_is_dropped_by_a_clear_and_accounted_for() -> None:
    desk = Desk(a=0.5).run("a", "then", "b", "pause", "c", "clear")
    assert desk.names() == ["a", "clear"]
    ended = [event for event in desk.events if isinstance(event, PlayEnded)]
    assert [(event.utterance_id, event.played_samples) for event in ended] == [("b", 0), ("c", 0)]


def test_a_sink_that_is_far_behind_is_given_no_more() -> None:
    desk = Desk(a=0.9).run("a", "then", *(f"u{number}" for number in range(MAX_ORDERS + 2)))
    assert len(desk.names()) == 1 + MAX_ORDERS and len(desk.events) == 2


def test_what_the_sink_raises_ends_the_orders() -> None:
    with pytest.raises(ExceptionGroup) as raised:
        Desk().run("broken")
    assert isinstance(raised.value.exceptions[0], PeerError)


class StuckPause(Scene):
    """A far end that takes no pause."""

    async def pause(self) -> None:
        await asyncio.Event().wait()


@pytest.mark.parametrize("kind", [Scene, StuckPause])
def test_who_interrupts_is_heard_at_once_however_long_the_sink_takes(kind: type[Scene]) -> None:
    script = [Says(1.0, "what time is it please Ada"), Says(5.5, "wait a moment please")]
    scene = kind(script, seconds=20.0)
    simulate(scene.run())
    interrupted = [at / SECOND for at, item in scene.log if getattr(item, "note", None) is Note.INTERRUPTED]
    assert interrupted and interrupted[0] < 5.5 + 0.8
    assert [text for who, text in scene.context() if who == "person"] == [says.text for says in script]
