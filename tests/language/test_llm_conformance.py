"""What every engine that thinks must do, whoever wrote it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import pytest
from openai_server import Behaviour, OpenAIServer

import tiny_gguf
from duologue.errors import ClosedError, PeerError
from duologue.language.engine import LanguageModel, Line, Moment, Prompt
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.language.improv import Improv
from duologue.language.llama import LlamaSettings
from duologue.language.llama import engine as llama_engine
from duologue.language.openai import OpenAILanguage, OpenAISettings
from duologue.language.persona import load_persona
from scripted_server import serving

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

PACKS = Path(__file__).parents[2] / "packs" / "characters"
CHAD, VIRGIN = load_persona(PACKS / "chad"), load_persona(PACKS / "virgin")

Make = Callable[[], AbstractAsyncContextManager[LanguageModel]]


@asynccontextmanager
async def improv() -> AsyncGenerator[LanguageModel]:
    yield Improv()


@asynccontextmanager
async def fake() -> AsyncGenerator[LanguageModel]:
    yield FakeLanguage()


@asynccontextmanager
async def openai() -> AsyncGenerator[LanguageModel]:
    async with serving(OpenAIServer(Behaviour("A first reply of several words."))) as server:
        model = OpenAILanguage(OpenAISettings(base_url=server.base_url, model="tiny"))
        try:
            yield model
        finally:
            await model.close()


@asynccontextmanager
async def llama() -> AsyncGenerator[LanguageModel]:
    pytest.importorskip("llama_cpp", reason=tiny_gguf.MISSING)
    with TemporaryDirectory() as folder:
        model = llama_engine(LlamaSettings(model=tiny_gguf.write(Path(folder) / "tiny.gguf"), context=2048, threads=1))
        try:
            yield model
        finally:
            await model.close()


engines = pytest.mark.parametrize("make", [improv, fake, openai, llama])


def prompt(moment: Moment = Moment.MIDDLE, lines: int = 2) -> Prompt:
    said = tuple(Line(("chad", "virgin")[number % 2], f"This is remark number {number}.") for number in range(lines))
    return Prompt(CHAD, (VIRGIN,), "lighthouses", said, moment, turn=lines, turns=12, seed=5, model="tiny")


@engines
async def test_it_writes_at_every_moment(make: Make):
    async with make() as model:
        await model.warm_up()
        for moment in Moment:
            wanted = prompt(moment, 0 if moment is Moment.OPENING else 3)
            text = "".join([piece async for piece in model.write(wanted)])
            assert text.strip()
        await model.close()


@engines
async def test_pieces_join_to_the_text_and_streaming_means_several(make: Make):
    async with make() as model:
        await model.warm_up()
        pieces = [piece async for piece in model.write(prompt())]
        assert len(pieces) > 1 or not model.capabilities.streaming
        assert "  " not in "".join(pieces)
        await model.close()


@engines
async def test_equal_prompts_give_equal_replies_if_it_says_so(make: Make):
    async with make() as model:
        await model.warm_up()
        first, second = [["".join([piece async for piece in model.write(prompt())])] for _ in range(2)]
        assert first == second or not model.capabilities.deterministic
        await model.close()


@engines
async def test_closing_a_stream_cancels_it(make: Make):
    async with make() as model:
        await model.warm_up()
        stream = cast("AsyncGenerator[str]", model.write(prompt()))
        assert await anext(stream)
        await stream.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        await model.close()


@engines
async def test_two_lines_can_be_written_at_once(make: Make):
    async with make() as model:
        await model.warm_up()

        async def write(speaker_first: bool) -> str:
            chosen = prompt() if speaker_first else replace(prompt(), speaker=VIRGIN, others=(CHAD,))
            return "".join([piece async for piece in model.write(chosen)])

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(write(first)) for first in (True, False)]
        assert all(task.result() for task in tasks)
        await model.close()


@engines
async def test_after_close_it_refuses_and_close_is_idempotent(make: Make):
    async with make() as model:
        await model.warm_up()
        await model.close()
        await model.close()
        with pytest.raises(ClosedError):
            _ = [piece async for piece in model.write(prompt())]


async def test_the_fake_plays_its_script():
    model = FakeLanguage([ScriptedReply("Just this."), ScriptedReply("Not all of this", failure="cut", pieces=2)])
    assert [piece async for piece in model.write(prompt())] == ["Just", " this."]
    heard: list[str] = []
    with pytest.raises(PeerError, match="cut"):
        async for piece in model.write(prompt()):
            heard.append(piece)
    assert heard == ["Not", " all"]
