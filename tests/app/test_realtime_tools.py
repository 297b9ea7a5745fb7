"""Sessions of the Realtime API whose client runs functions, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from realtime_doubles import WEATHER, RealtimeDoor, play

from duologue.language.engine import LanguageCapabilities, Prompt
from duologue.language.fake import FakeLanguage
from duologue.language.tools import ToolCall
from duologue.simulation.virtual_time import simulate

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


class Caller(FakeLanguage):
    """Wants the client to look the weather up, twice at once, and says what came of it."""

    def __init__(self, clock: Any, first: str = "One moment.") -> None:
        super().__init__(clock=clock)
        self.first = first

    async def write(self, prompt: Prompt) -> AsyncGenerator[str]:
        self.prompts.append(prompt)
        if prompt.tools is None or not prompt.tools.toolbox.tools or prompt.tools.memory.outcomes:
            yield "It is warm."
            return
        if self.first:
            yield f"{self.first} "
        calls = [ToolCall("c1", "weather", '{"city": "Oslo"}'), ToolCall("c2", "weather", '{"city": "Rome"}')]
        async for filler in prompt.tools.run(calls):
            yield filler
        yield " and ".join(each.shown for each in prompt.tools.outcomes) + ", they say."


def test_functions_that_nobody_would_call_are_refused_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open()
        await client.until("session.created")
        client.update(tools=[WEATHER], instructions="Be brief.")
        assert (await client.until("error"))["error"]["param"] == "session.tools"
        client.say("response.create", response={"tools": [WEATHER]})
        assert (await client.until("error"))["error"]["param"] == "session.tools"
        client.update(instructions="Be brief.")
        assert (await client.until("session.updated"))["session"]["tools"] == []
        client.write("How is it in Oslo?")
        assert (await client.until("response.done"))["response"]["status"] == "completed"

    monkeypatch.setattr(FakeLanguage, "capabilities", LanguageCapabilities(tools=False))
    play(monkeypatch, tmp_path, story, "Cold.")


@pytest.mark.parametrize("first", ["One moment.", ""])
def test_the_client_runs_functions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, first: str) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open(tools=[WEATHER], tool_choice="auto")
        client.write("How is it in Oslo and Rome?")
        done = await client.until("response.done")
        assert done["response"]["status"] == "completed"
        calls = [item for item in done["response"]["output"] if item["type"] == "function_call"]
        assert [call["arguments"] for call in calls] == ['{"city": "Oslo"}', '{"city": "Rome"}']
        assert client.text() == first
        told = client.of("response.function_call_arguments.done")
        assert [event["call_id"] for event in told] == [call["call_id"] for call in calls]
        await asyncio.sleep(5)  # a client may take its time
        for call, output in zip(calls, ('{"degrees": 3}', "it is hot"), strict=True):
            item = {"type": "function_call_output", "call_id": call["call_id"], "output": output}
            client.say("conversation.item.create", item=item)
        await asyncio.sleep(1)
        assert len(client.of("response.created")) == 1
        client.say("response.create")
        done = await client.until("response.done")
        assert done["response"]["status"] == "completed"
        assert done["response"]["output"][0]["content"][0]["transcript"].endswith(
            '{"degrees":3} and "it is hot", they say.'
        )
        await asyncio.sleep(5)
        client.update(tools=[])
        client.write("And now?")
        await client.until("response.done")
        asked = door.model.prompts[-1].lines[0]
        assert [call.shown for call in asked.calls] == ['{"degrees":3}', '"it is hot"']

    door = RealtimeDoor(monkeypatch, tmp_path)
    door.model = Caller(door.clock, first)

    async def main() -> None:
        async with door:
            await story(door)

    simulate(main(), limit=600)


def test_a_client_that_gives_no_result_is_told_of_nothing_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open(tools=[WEATHER])
        client.write("How is it in Oslo and Rome?")
        await client.until("response.done")
        client.say("response.create")
        await client.until("response.done")
        assert "the client gave no result" in client.text()
        stray = {"type": "function_call_output", "call_id": "nobody", "output": "x"}
        client.say("conversation.item.create", item=stray)
        assert (await client.until("error"))["error"]["param"] == "item.call_id"

    door = RealtimeDoor(monkeypatch, tmp_path)
    door.model = Caller(door.clock)

    async def main() -> None:
        async with door:
            await story(door)

    simulate(main(), limit=600)
