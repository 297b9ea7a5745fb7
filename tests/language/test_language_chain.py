from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from duologue.chains import ChainPolicy, FailureMoment, Handover
from duologue.clock import MILLISECOND, VirtualClock
from duologue.errors import ClosedError, PeerError
from duologue.language.chain import LanguageChain
from duologue.language.engine import Moment, Prompt
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.language.persona import Persona
from duologue.language.tools import Tool, Toolbox, ToolCall, ToolUse

PROMPT = Prompt(Persona("chad", "Chad", "You are Chad."), (), "lamps", moment=Moment.OPENING)


class Named(FakeLanguage):
    def __init__(self, name: str, *script: ScriptedReply) -> None:
        super().__init__(script, VirtualClock())
        self.name = name


def chain_of(*engines: FakeLanguage) -> tuple[LanguageChain, list[Handover]]:
    told: list[Handover] = []
    policy = ChainPolicy(patience=50 * MILLISECOND)
    return LanguageChain(engines, policy=policy, clock=VirtualClock(), listener=told.append), told


async def read(chain: LanguageChain, prompt: Prompt = PROMPT) -> str:
    return "".join([piece async for piece in chain.write(prompt)])


@pytest.mark.parametrize("reply", [ScriptedReply(hang=True), ScriptedReply("never", failure="down", pieces=0)])
async def test_the_next_writes_when_the_first_does_not_begin(reply: ScriptedReply) -> None:
    chain, told = chain_of(Named("a", reply), Named("b", ScriptedReply("Two words."), ScriptedReply("And on.")))
    await chain.warm_up()
    assert await read(chain) == "Two words."
    assert [(each.engine, each.successor, each.moment) for each in told] == [("a", "b", FailureMoment.BEGINNING)]
    assert await read(chain) == "And on."


async def test_words_that_were_given_are_not_said_twice() -> None:
    chain, told = chain_of(
        Named("a", ScriptedReply("One two three four.", failure="cut", pieces=2)), Named("b", ScriptedReply("Next."))
    )
    await chain.warm_up()
    pieces: list[str] = []
    with pytest.raises(PeerError, match="cut"):
        async for piece in chain.write(PROMPT):
            pieces.append(piece)
    assert len(pieces) == 2
    assert told[0].moment is FailureMoment.MIDDLE
    assert await read(chain) == "Next."


async def test_it_closes_all_its_engines() -> None:
    chain, _ = chain_of(Named("a"), Named("b"))
    await chain.warm_up()
    await chain.close()
    with pytest.raises(ClosedError):
        await read(chain)


class Calls(Named):
    """Calls a tool before its first word, as models do."""

    async def write(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        assert prompt.tools is not None
        async for _ in prompt.tools.run([ToolCall("1", "look_up", "{}")]):
            pass
        yield f"It is {prompt.tools.outcomes[0].shown}."


@pytest.mark.parametrize("committed", [True, False], ids=["a slow tool", "a turn that is not over yet"])
async def test_who_waits_for_a_tool_is_not_late(committed: bool) -> None:
    async def look_up() -> str:
        """Look."""
        await asyncio.sleep(0.15)
        return "noon"

    chain, told = chain_of(Calls("a"), Named("b", ScriptedReply("Never.")))
    await chain.warm_up()
    use = ToolUse(Toolbox([Tool(look_up)]), committed=committed)
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(read(chain, replace(PROMPT, tools=use)))
        await asyncio.sleep(0.1)
        use.commit()
    assert reading.result() == 'It is "noon".'
    assert told == []
