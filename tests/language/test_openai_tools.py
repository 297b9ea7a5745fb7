"""Tools and structured replies with the engine for OpenAI-compatible servers, against the scripted server."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from openai import AsyncOpenAI
from openai_server import Behaviour, OpenAIServer

from duologue.errors import PeerError
from duologue.language import tools
from duologue.language.chat import messages
from duologue.language.engine import Line, Prompt
from duologue.language.openai import OpenAILanguage, OpenAISettings
from duologue.language.persona import Persona
from duologue.language.structured import StructuredReader, TextReady, reply_schema
from duologue.language.tools import Tool, Toolbox, ToolCall, ToolFiller, ToolOutcome, ToolUse
from duologue.language.tools_chat import told_back
from scripted_server import serving

ASK_BOTH = (("weather", '{"city":"Kyiv"}'), ("weather", '{"city":"Lima","unit":"F"}'))


async def weather(city: str, unit: str = "C") -> str:
    """Say how warm it is now."""
    await asyncio.sleep(0)
    return f"{city}: 20 {unit}"


def prompt(use: ToolUse | None = None, schema: dict[str, object] | None = None) -> Prompt:
    return Prompt(Persona("ada", "Ada", "You are Ada."), (), "weather", schema=schema, tools=use)


def engine_for(server: OpenAIServer) -> OpenAILanguage:
    return OpenAILanguage(OpenAISettings(base_url=server.base_url, model="tiny", first_token_seconds=5.0))


async def read(server: OpenAIServer, wanted: Prompt) -> list[str]:
    model = engine_for(server)
    try:
        return [piece async for piece in model.write(wanted)]
    finally:
        await model.close()


@pytest.mark.parametrize("one_index", [False, True])
async def test_calls_are_put_together_run_and_told_back(one_index: bool):
    script = (Behaviour("Let me see.", calls=ASK_BOTH, one_index=one_index), Behaviour("Both are warm."))
    use = ToolUse(Toolbox([Tool(weather)]))
    async with serving(OpenAIServer(*script)) as server:
        pieces = await read(server, prompt(use))
    assert "".join(pieces) == "Let me see. Both are warm."
    first, second = server.requests
    assert first["tools"][0]["function"]["name"] == "weather" and "tool_choice" not in first
    answer, *results = second["messages"][-3:]
    assert answer["content"] == "Let me see."
    assert [call["function"]["arguments"] for call in answer["tool_calls"]] == [arguments for _, arguments in ASK_BOTH]
    assert [result["content"] for result in results] == ['"Kyiv: 20 C"', '"Lima: 20 F"']
    assert [result["tool_call_id"] for result in results] == [call["id"] for call in answer["tool_calls"]]
    assert [outcome.failure for outcome in use.outcomes] == ["", ""]


async def test_the_official_client_reads_the_servers_calls():
    async with (
        serving(OpenAIServer(Behaviour("", calls=ASK_BOTH))) as server,
        AsyncOpenAI(api_key="x", base_url=server.base_url, max_retries=0) as client,
        client.chat.completions.stream(model="tiny", messages=[{"role": "user", "content": "Hi"}]) as stream,
    ):
        final = await stream.get_final_completion()
    assert final.choices[0].finish_reason == "tool_calls"
    calls = final.choices[0].message.tool_calls or []
    assert [(call.function.name, call.function.arguments) for call in calls] == list(ASK_BOTH)


async def test_a_model_may_correct_a_wrong_call():
    script = (
        Behaviour("", calls=(("weather", '{"town":"Kyiv"}'),)),
        Behaviour("", calls=(("weather", '{"city":"Kyiv"'),)),
        Behaviour("", calls=(("weather", '{"city":"Kyiv"}'),)),
        Behaviour("It is warm."),
    )
    use = ToolUse(Toolbox([Tool(weather)]))
    async with serving(OpenAIServer(*script)) as server:
        assert "".join(await read(server, prompt(use))) == "It is warm."
    assert "city: Field required" in server.requests[1]["messages"][-1]["content"]
    assert server.requests[2]["messages"][-2]["tool_calls"][0]["function"]["arguments"] == "{}"
    assert [bool(outcome.failure) for outcome in use.outcomes] == [True, True, False]


@pytest.mark.parametrize("arguments", ["[" * 5000, '{"city":' * 2000, '{"city": NaN}', '{"city": "\\ud800"}'])
def test_arguments_that_are_no_json_are_told_back_as_none(arguments: str):
    outcome = ToolOutcome(ToolCall("c", "weather", arguments), "It is no JSON.")
    told = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    assert told_back("", [outcome])[0]["tool_calls"] == [told]


async def test_a_model_that_only_calls_is_made_to_answer_and_then_given_up():
    again = Behaviour("", calls=ASK_BOTH[:1])
    use = ToolUse(Toolbox([Tool(weather)]), max_rounds=2)
    async with serving(OpenAIServer(again, again, again, again)) as server:
        with pytest.raises(PeerError, match="never answered"):
            await read(server, prompt(use))
    assert [request.get("tool_choice") for request in server.requests] == [None, None, "none"]


async def test_a_slow_tool_is_covered_by_a_filler(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tools, "FILLER_AFTER", 0.0)
    go = asyncio.Event()

    async def slow() -> str:
        await go.wait()
        return "done"

    use = ToolUse(Toolbox([Tool(slow, filler="One moment.")]))
    async with serving(OpenAIServer(Behaviour("", calls=(("slow", "{}"),)), Behaviour("It is done."))) as server:
        model = engine_for(server)
        pieces: list[str] = []
        async for piece in model.write(prompt(use)):
            pieces.append(piece)
            if isinstance(piece, ToolFiller):
                go.set()
        await model.close()
    assert pieces[0] == "One moment." and "".join(pieces[1:]) == "It is done."


async def test_a_speculative_reply_that_is_dropped_has_called_nothing():
    called: list[str] = []

    def book(name: str) -> None:
        called.append(name)

    use = ToolUse(Toolbox([Tool(book)]), committed=False)
    async with serving(OpenAIServer(Behaviour("Sure.", calls=(("book", '{"name":"Ada"}'),)))) as server:
        model = engine_for(server)
        stream = model.write(prompt(use))
        assert await anext(stream) == "Sure."
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await anext(stream)
        await stream.aclose()
        await model.close()
    assert called == [] and use.outcomes == [] and len(server.requests) == 1


async def test_too_many_calls_and_endless_arguments_are_failures():
    for calls in ((("weather", "{}"),) * 33, (("weather", '{"city":"' + "x" * 20_100),)):
        async with serving(OpenAIServer(Behaviour("", calls=calls, one_index=True))) as server:
            with pytest.raises(PeerError, match=r"more than 32|endless"):
                await read(server, prompt(ToolUse(Toolbox([Tool(weather)]))))


async def test_a_structured_reply_is_asked_for_by_schema():
    schema = reply_schema()
    reply = '{"chunks":[{"text":"It is warm.","expression":"smile"}]}'
    async with serving(OpenAIServer(Behaviour(reply))) as server:
        pieces = await read(server, prompt(schema=schema))
    assert server.requests[0]["response_format"]["json_schema"]["schema"] == schema
    assert '"chunks"' in server.requests[0]["messages"][0]["content"]
    reader = StructuredReader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    assert events[0] == TextReady(0, "It is warm.")


async def test_a_server_that_knows_no_schema_is_asked_without_from_then_on():
    refusing = Behaviour("Plain words.", refuses="response_format")
    async with serving(OpenAIServer(refusing, refusing, refusing)) as server:
        model = engine_for(server)
        for _ in range(2):
            assert "".join([piece async for piece in model.write(prompt(schema=reply_schema()))]) == "Plain words."
        await model.close()
    assert ["response_format" in request for request in server.requests] == [True, False, False]


async def test_another_bad_request_stays_one():
    async with serving(OpenAIServer(*[Behaviour(status=400, message="too long")] * 2)) as server:
        with pytest.raises(PeerError, match="too long"):
            await read(server, prompt(schema=reply_schema()))
    assert len(server.requests) == 2


LATER = (
    Line("friend", "Is it warm?", (ToolOutcome(ToolCall("c1", "weather", '{"city":"Kyiv"}'), '"20 C"'),)),
    Line("ada", "It is twenty."),
    Line("friend", "And tomorrow?"),
)


async def test_what_was_called_before_is_told_with_its_result():
    asked = replace(prompt(ToolUse(Toolbox([Tool(weather)]))), lines=LATER, topic="")
    async with serving(OpenAIServer(Behaviour("Warm too."))) as server:
        await read(server, asked)
    (request,) = server.requests
    roles = [message["role"] for message in request["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "assistant", "user"]
    call, result = request["messages"][2:4]
    assert call["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city":"Kyiv"}'}
    assert result == {"role": "tool", "tool_call_id": "c1", "content": '"20 C"'}


def test_a_model_without_tools_is_told_in_words():
    found = messages(replace(prompt(), lines=LATER, topic=""))
    assert [message["role"] for message in found] == ["system", "user", "assistant", "user"]
    assert found[1]["content"] == 'friend: Is it warm?\n(weather({"city":"Kyiv"}) was called and gave "20 C")'
