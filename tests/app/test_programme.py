"""The programme on virtual time: what one conversation suffers ends no show."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID

from structlog.testing import capture_logs

from dialogue.doubles import CHAD, VIRGIN, FloorDouble, VoiceDouble
from duologue.app.models import ConversationRequest, ConversationState, ConversationView, TurnView
from duologue.app.show.programme import Company, Programme, ProgrammeListener
from duologue.app.turn_book import REMEMBERED, TurnBook
from duologue.clock import SECOND
from duologue.dialogue.on_air.director import Player
from duologue.language.fake import FakeLanguage
from duologue.language.moderation import Moderator
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.utterance import Utterance
from duologue.telemetry.ledger import TurnRecord


class House:
    """A programme among doubles; ``told`` are the states of conversations, in order."""

    def __init__(self, floor: FloorDouble | None = None, *, forever: bool = True) -> None:
        self.clock = clock = LoopClock()
        self.floor = floor or FloorDouble(clock)
        self.told: list[ConversationView] = []
        self.book = TurnBook(lambda monotonic: monotonic)
        model = FakeLanguage((), clock)
        players = [Player(persona, model) for persona in (CHAD, VIRGIN)]
        company = Company(players, VoiceDouble(clock), self.floor, Moderator(), ("lighthouses",))
        listener = ProgrammeListener(self.told.append, self._turn)
        self.programme = Programme(company, self.book, listener, clock, seed=7, turns=2, forever=forever)
        self.floor.notify = self.programme.notify

    def _turn(self, view: TurnView, record: TurnRecord) -> None: ...

    async def until(self, happened: Callable[[], bool]) -> None:
        while not happened():
            await self.clock.wait_until(self.clock.now() + SECOND // 10)

    async def reach(self, conversation: str, state: ConversationState) -> ConversationView:
        await self.until(lambda: (found := self.book.conversation(conversation)) is not None and found.state is state)
        found = self.book.conversation(conversation)
        assert found is not None
        return found


def test_more_starts_at_once_than_the_book_holds_end_no_show() -> None:
    async def story() -> None:
        house = House()
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(house.floor.run()), group.create_task(house.programme.run())]
            first = await house.programme.start(ConversationRequest(turns=30))
            await house.reach(first.id, ConversationState.RUNNING)
            async with asyncio.TaskGroup() as crowd:
                for _ in range(REMEMBERED + 10):
                    crowd.create_task(house.programme.start(ConversationRequest(turns=1)))
            last = house.book.conversations()[0]
            await house.reach(last.id, ConversationState.ENDED)
            for task in running:
                task.cancel()
        assert [one.state for one in house.told if one.id == first.id][-1] is ConversationState.STOPPED
        assert len(house.book.conversations()) <= REMEMBERED

    simulate(story())


def test_who_stops_what_has_not_begun_is_left_in_peace_until_somebody_starts_again() -> None:
    """The stage is still being set up."""

    async def story() -> None:
        house = House()
        first = await house.programme.start(ConversationRequest(turns=30))
        assert (await house.programme.stop(first.id)).state is ConversationState.STOPPED
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(house.floor.run()), group.create_task(house.programme.run())]
            await house.clock.wait_until(house.clock.now() + 60 * SECOND)
            assert [one.id for one in house.book.conversations()] == [first.id]
            second = await house.programme.start(ConversationRequest(turns=1))
            await house.reach(second.id, ConversationState.ENDED)
            for task in running:
                task.cancel()

    simulate(story())


def test_a_show_of_one_conversation_is_over_when_that_is_stopped_before_it_began() -> None:
    async def story() -> None:
        house = House(forever=False)
        only = await house.programme.start(ConversationRequest(turns=30))
        await house.programme.stop(only.id)
        await house.programme.run()
        assert [one.id for one in house.book.conversations()] == [only.id]

    simulate(story())


class Hostile(FloorDouble):
    """Breaks in a way that nobody foresaw, once."""

    broken = False

    async def play(self, utterance: Utterance, gap_ms: int) -> None:
        if not self.broken:
            self.broken = True
            raise ValueError("the floor is lava")
        await super().play(utterance, gap_ms)


def test_what_nobody_foresaw_ends_one_conversation_and_is_logged() -> None:
    async def story() -> None:
        house = House(Hostile(LoopClock()))
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(house.floor.run()), group.create_task(house.programme.run())]
            first = await house.programme.start(ConversationRequest(turns=2))
            failed = await house.reach(first.id, ConversationState.FAILED)
            assert failed.failure
            await house.until(lambda: house.book.conversations()[0].id != first.id)
            await house.reach(house.book.conversations()[0].id, ConversationState.ENDED)
            for task in running:
                task.cancel()

    with capture_logs() as logged:
        simulate(story())
    [line] = [line for line in logged if line["event"] == "conversation.failed"]
    assert isinstance(line["exc_info"], Exception)


def test_a_conversation_is_as_long_as_the_shows_settings_say_unless_its_request_does() -> None:
    async def story() -> list[int]:
        requests = ConversationRequest(), ConversationRequest(turns=5)
        return [(await House().programme.start(request)).turns_planned for request in requests]

    assert simulate(story()) == [2, 5]


def test_a_conversations_id_is_nobody_elses() -> None:
    async def story() -> set[str]:
        return {(await House().programme.start(ConversationRequest())).id for _ in range(3)}

    ids = simulate(story())  # three programmes at the same moment, as after a restart
    assert len(ids) == 3 and all(UUID(each).version == 7 for each in ids)
