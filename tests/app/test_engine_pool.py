"""Engines that all share: made for the first who needs them, closed after the last, warmed up once. Virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from engine_doubles import ADA, SlowLanguage, install
from part_doubles import raising
from structlog.testing import capture_logs

from duologue.app.admission import PlaceKind
from duologue.app.engines.engines import DrillEngines, EnginePool
from duologue.app.house.house import House
from duologue.app.house.shared import Shared
from duologue.app.models import PartState
from duologue.app.talking.chat import open_chat
from duologue.app.talking.talking import Talk
from duologue.clock import SECOND
from duologue.errors import ClosedError, PeerError
from duologue.language.engine import Prompt
from duologue.settings import Settings, load_settings
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.fake import FakeSpeech
from duologue.speech.hearing_fake import FakeHearing, Loudness
from duologue.speech.pronunciation import goodness
from duologue.speech.pronunciation.scorer import PronunciationScorer


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[SlowLanguage]:
    """The models that were made; ``slow`` takes a minute to come up."""
    models: list[SlowLanguage] = []

    def model(name: str) -> SlowLanguage:
        models.append(SlowLanguage(name, 60.0 if name == "openai" else 0.1))
        return models[-1]

    install(
        monkeypatch, llm=model, tts=lambda name: FakeSpeech(clock=LoopClock()), vad=lambda name: Loudness(),
        stt=lambda name: FakeHearing(clock=LoopClock()),
    )  # fmt: skip
    return models


def test_one_engine_serves_all_who_borrowed_it_until_the_last_gives_it_back(made: list[SlowLanguage]) -> None:
    async def story() -> None:
        pool = EnginePool(load_settings())
        async with pool.open():
            assert made == [] and pool.chains == (None, None, None)
            async with pool.lend() as one:
                async with pool.lend(speaks=False) as two:
                    assert one.llm is two.llm and two.voicing is None
                    async with asyncio.TaskGroup() as group:
                        group.create_task(one.warm_up())
                        group.create_task(two.warm_up())
                assert made[0].warmed == 1 and made[0].closed == 0
                assert [piece async for piece in one.llm.write(_prompt())]  # the other has closed; this one goes on
            assert made[0].closed == 1
            with pytest.raises(ClosedError):
                await anext(aiter(one.llm.write(_prompt())))
            async with pool.lend() as again:
                await again.warm_up()
                assert again.llm is not one.llm and len(made) == 2

    simulate(story())


def _prompt() -> Prompt:
    return Prompt(ADA.persona, (), "tea")


def test_limits_are_known_of_what_is_up(made: list[SlowLanguage]) -> None:
    async def story() -> None:
        pool = EnginePool(load_settings())
        async with pool.open(), pool.lend(hears=True) as engines:
            assert [pool.at_once(kind) for kind in PlaceKind] == [
                None,
                None,
                None,
            ]  # cold: asked, they would be at a loss
            await engines.warm_up()
            assert [pool.at_once(kind) for kind in PlaceKind] == [None, None, None]

    simulate(story())


def constant(factor: float | None) -> Callable[[Settings, str], float | None]:
    return lambda self, name: factor


def test_a_voice_that_was_measured_carries_as_many_as_can_speak_at_once(
    made: list[SlowLanguage], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        for factor, most in ((0.07, 11), (2.0, 1), (None, None)):
            monkeypatch.setattr(Settings, "factor", constant(factor))
            pool = EnginePool(load_settings())
            async with pool.open(), pool.lend() as engines:
                assert pool.at_once(PlaceKind.VOICE) is None
                await engines.warm_up()
                assert pool.at_once(PlaceKind.VOICE) == most

    simulate(story())


def test_an_engine_that_is_cold_for_a_minute_keeps_nobody_waiting(made: list[SlowLanguage]) -> None:
    async def story() -> None:
        clock = LoopClock()
        settings = load_settings(
            {"serve.show": False, "serve.talk": True, "engines.llm": "openai,improv", "engines.openai.model": "m"}
        )
        house = House(settings, clock=clock)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(house.run())
            await asyncio.sleep(settings.chains.llm_seconds + 1)
            [talk] = house.keepers
            assert talk.state is PartState.UP
            assert {view.name: view.state for view in house.view().engines if view.kind == "llm"} == {
                "openai": "cold", "improv": "ready",
            }  # fmt: skip
            assert house.talk is not None
            async with (
                house.talk.open(ADA, hears=False, speaks=False) as partner,
                open_chat(partner, clock=clock) as chat,
            ):
                began = clock.now()
                assert await chat.ask("Hello?")
                assert clock.now() - began < SECOND and len(made[1].prompts) == 1
                await asyncio.sleep(60)
                await chat.ask("And now?")
                assert len(made[0].prompts) == 1  # it has come up: the first choice answers
            running.cancel()

    simulate(story())


class Borrower:
    """A part that borrows engines, fails, and is started again."""

    name = topic = "line"

    def __init__(self, pool: EnginePool) -> None:
        self._pool = pool
        self.runs = 0

    def ready(self) -> Sequence[str]:
        return ()

    async def run(self) -> None:
        self.runs += 1
        async with self._pool.lend() as engines:
            await engines.warm_up()
            await raising(PeerError("the line is down"), 0.5)()


def test_a_part_that_fails_takes_no_engine_from_a_conversation_that_goes_on(made: list[SlowLanguage]) -> None:
    async def story() -> None:
        clock = LoopClock()
        settings = load_settings({"serve.show": False})
        pool = EnginePool(settings)
        borrower = Borrower(pool)
        house = House(settings, clock=clock, parts=[borrower])
        talk = Talk(settings, Shared(pool, house.admission, house.ledger, clock))
        async with pool.open(), asyncio.TaskGroup() as group:
            running = group.create_task(house.run())
            async with talk.open(ADA, hears=False, speaks=False) as partner, open_chat(partner, clock=clock) as chat:
                for _ in range(5):
                    await asyncio.sleep(3)
                    assert await chat.ask("Still there?")
            assert borrower.runs >= 3 and len(made) == 1
            running.cancel()
        assert made[0].closed == 1

    with capture_logs():
        simulate(story())


async def test_where_the_ears_of_a_lesson_do_not_come_up_their_scorer_is_not_left_coming_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_up = asyncio.Event()

    class Deaf(FakeHearing):
        async def warm_up(self) -> None:
            raise PeerError("no model")

    async def long(scorer: PronunciationScorer) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    install(monkeypatch, stt=lambda name: Deaf())
    monkeypatch.setattr(PronunciationScorer, "warm_up", long)
    monkeypatch.setattr(goodness, "TRUSTED", True)
    engines = DrillEngines(load_settings())
    with pytest.raises(PeerError, match="no model"):
        await engines.warm_up()
    assert given_up.is_set()
    await engines.close()
