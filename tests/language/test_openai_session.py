"""A person's conversation with the engine for OpenAI-compatible servers: tools and structured replies, on a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

import numpy as np
from openai_server import Behaviour, OpenAIServer

from duologue.audio.pcm import RATE, Samples
from duologue.clock import SYSTEM_CLOCK
from duologue.dialogue.ports import PlayEnded, PlayStarted, Voiced
from duologue.dialogue.session.mouth import SessionMouth
from duologue.dialogue.session.session import Session, SessionEngines, SessionOptions
from duologue.dialogue.turns.vocabulary import (
    Annotate,
    Commit,
    Effect,
    Event,
    Play,
    ReplyBegun,
    ReplyFinished,
    SentenceReady,
    ToolRan,
)
from duologue.language.engine import Prompt
from duologue.language.moderation import Moderator
from duologue.language.openai import OpenAILanguage, OpenAISettings
from duologue.language.persona import Persona
from duologue.language.structured import ReplyForm, reply_schema
from duologue.language.tools import Tool, Toolbox, ToolUse
from duologue.speech.hearing_fake import FakeHearing
from duologue.speech.utterance import Utterance
from scripted_server import serving

ADA = Persona("ada", "Ada", "You are Ada.")


class Quick:
    """A voice that takes no time, and 10 ms of sound for anything."""

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        return Voiced(Utterance(utterance_id, speaker, text, np.full(480, 0.1, np.float32), RATE), SYSTEM_CLOCK.now())


class Quiet:
    """Nobody speaks."""

    def open(self) -> int:
        return 0

    def step(self, frames: Mapping[int, Samples]) -> Mapping[int, float]:
        return dict.fromkeys(frames, 0.0)

    def forget(self, stream: int) -> None: ...


class AtOnce:
    """A far end that has heard everything as soon as it gets it."""

    session: Session

    async def play(self, utterance: Utterance, gap_ms: int) -> None:
        now = SYSTEM_CLOCK.now()
        self.session.notify(PlayStarted(utterance.id, now))
        self.session.notify(PlayEnded(utterance.id, now, len(utterance.samples)))

    async def extend(self, utterance: Utterance) -> None: ...

    async def withdraw(self, utterance_id: str) -> bool:
        return False

    async def clear(self) -> None: ...

    async def pause(self) -> None: ...

    async def resume(self) -> None: ...


@asynccontextmanager
async def engine(server: OpenAIServer) -> AsyncGenerator[OpenAILanguage, None]:
    model = OpenAILanguage(OpenAISettings(base_url=server.base_url, model="tiny", first_token_seconds=5.0))
    await model.warm_up()
    try:
        yield model
    finally:
        await model.close()


async def converse(server: OpenAIServer, said: str, options: SessionOptions) -> list[Event | Effect]:
    """Type one line, hang up when it is answered; returns all that happened."""
    log: list[Event | Effect] = []
    sink = AtOnce()

    def observe(item: Event | Effect, now: int) -> None:
        log.append(item)
        if isinstance(item, Commit):
            sink.session.hang_up()

    ears = FakeHearing([])
    await ears.warm_up()
    async with engine(server) as model:
        engines = SessionEngines(Quiet(), ears, model, Quick(), Moderator())
        sink.session = Session(ADA, engines, sink, options, observe=observe)
        sink.session.say(said)
        async with asyncio.timeout(10):
            await sink.session.run()
    return log


async def test_a_tool_is_called_in_a_conversation_and_its_result_is_said() -> None:
    async def weather(city: str) -> str:
        """Say how warm it is now."""
        return f"{city}: 20 degrees"

    script = (Behaviour("", calls=(("weather", '{"city":"Kyiv"}'),)), Behaviour("It is warm in Kyiv."))
    async with serving(OpenAIServer(*script)) as server:
        log = await converse(server, "Is it warm?", SessionOptions(toolbox=Toolbox([Tool(weather)])))
    assert [item.outcome.shown for item in log if isinstance(item, ToolRan)] == ['"Kyiv: 20 degrees"']
    assert [(item.person, item.heard) for item in log if isinstance(item, Commit)] == [
        ("Is it warm?", "It is warm in Kyiv.")
    ]
    assert server.requests[1]["messages"][-1]["content"] == '"Kyiv: 20 degrees"'


async def test_a_structured_reply_is_asked_for_said_and_shown() -> None:
    reply = '{"chunks":[{"text":"It is warm.","expression":"smile","hint":"warm"},{"text":"Come."}]}'
    options = SessionOptions(schema=reply_schema(notes=("hint",)))
    async with serving(OpenAIServer(Behaviour(reply))) as server:
        log = await converse(server, "Is it warm?", options)
    assert "response_format" in server.requests[0]
    assert [item.utterance.expression for item in log if isinstance(item, Play)] == ["smile", ""]
    assert [item.chunk.hint for item in log if isinstance(item, Annotate)] == ["warm", ""]
    assert [item.form for item in log if isinstance(item, ReplyFinished)] == [ReplyForm.STRUCTURED]


class Posted:
    """What a mouth posts, to be waited for."""

    def __init__(self) -> None:
        self.all: list[Event] = []
        self._queue: asyncio.Queue[Event] = asyncio.Queue()

    async def until(self, wanted: Event) -> None:
        async with asyncio.timeout(5):
            while wanted not in self.all:
                self.all.append(await self._queue.get())

    def __call__(self, event: Event) -> None:
        self._queue.put_nowait(event)


async def test_the_calls_of_a_speculation_wait_until_it_is_adopted_and_are_gone_without_it() -> None:
    booked: list[str] = []

    async def book(name: str) -> str:
        """Book a table."""
        booked.append(name)
        return "done"

    asks, toolbox = Behaviour("Sure.", calls=(("book", '{"name":"Ada"}'),)), Toolbox([Tool(book)])
    posted = Posted()
    async with serving(OpenAIServer(asks, asks, Behaviour("It is booked."))) as server, engine(server) as model:
        mouth = SessionMouth(ADA, model, Quick(), Moderator(), posted)
        async with asyncio.TaskGroup() as group:
            for reply in ("r1", "r2"):
                mouth.think(reply, Prompt(ADA, (), "", tools=ToolUse(toolbox, committed=False)), group)
                await posted.until(ReplyBegun(reply))
            await asyncio.sleep(0.05)
            assert booked == [] and len(server.requests) == 2
            mouth.abandon("r1")
            mouth.adopt("r2")
            await posted.until(ReplyFinished("r2"))
    assert booked == ["Ada"] and SentenceReady("r2", "It is booked.") in posted.all
    assert [item.reply for item in posted.all if isinstance(item, ToolRan)] == ["r2"]
