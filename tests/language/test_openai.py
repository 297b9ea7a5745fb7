"""The engine for OpenAI-compatible servers against a real, scripted one; the official client checks that server."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from openai import AsyncOpenAI, InternalServerError, RateLimitError
from openai_server import Behaviour, OpenAIServer

from duologue.clock import SECOND
from duologue.errors import ClosedError, InputError, PeerError
from duologue.hosted import RefusedError, retry_after
from duologue.language.chat import messages
from duologue.language.engine import LimitReached, Line, Moment, Prompt
from duologue.language.openai import OpenAILanguage, OpenAISettings, engine
from duologue.language.persona import Persona
from scripted_server import serving

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

CHAD = Persona("chad", "Chad", "You are Chad.", style=("Be brief.",), temperature=0.9)
VIRGIN = Persona("virgin", "Virgin", "You are Virgin.")


def prompt(**changes: Any) -> Prompt:
    base: dict[str, Any] = {"speaker": CHAD, "others": (VIRGIN,), "topic": "lamps", "moment": Moment.OPENING}
    return Prompt(**(base | changes))


def engine_for(server: OpenAIServer, **changes: object) -> OpenAILanguage:
    limits: dict[str, object] = {"model": "tiny", "first_token_seconds": 2.0, "stall_seconds": 0.3}
    return OpenAILanguage(OpenAISettings.model_validate({"base_url": server.base_url} | limits | changes))


async def read(model: OpenAILanguage, wanted: Prompt | None = None) -> str:
    return "".join([piece async for piece in model.write(wanted or prompt())])


async def failure(server: OpenAIServer, **changes: object) -> PeerError:
    model = engine_for(server, **changes)
    try:
        with pytest.raises(PeerError) as caught:
            await read(model)
    finally:
        await model.close()
    return caught.value


async def test_the_official_client_takes_the_server_for_real():
    script = (Behaviour("One two three."), Behaviour(status=503), Behaviour(status=429, headers={"retry-after": "7"}))
    async with (
        serving(OpenAIServer(*script, key="secret")) as server,
        AsyncOpenAI(api_key="secret", base_url=server.base_url, max_retries=0) as client,
    ):
        assert [model.id async for model in client.models.list()] == ["tiny"]
        stream = await client.chat.completions.create(
            model="tiny", messages=[{"role": "user", "content": "Hi"}], stream=True
        )
        chunks = [chunk async for chunk in stream]
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "One two three."
        assert chunks[-1].choices[0].finish_reason == "stop"
        with pytest.raises(InternalServerError):
            await client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "Hi"}])
        with pytest.raises(RateLimitError) as busy:
            await client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "Hi"}])
        assert busy.value.response.headers["retry-after"] == "7"


async def test_a_reply_streams_piece_by_piece():
    async with serving(OpenAIServer(Behaviour("Lamps are the sun of the indoors."))) as server:
        model = engine_for(server)
        await model.warm_up()
        pieces = [piece async for piece in model.write(prompt())]
        await model.close()
    assert "".join(pieces) == "Lamps are the sun of the indoors." and len(pieces) == 7
    sent = server.requests[0]
    assert (sent["model"], sent["stream"], sent["temperature"]) == ("tiny", True, 0.9)


@pytest.mark.parametrize(("finish", "limited"), [("stop", False), ("length", True)])
async def test_a_reply_that_the_server_cut_is_marked(finish: str, limited: bool):
    async with serving(OpenAIServer(Behaviour("Lamps are the", finish=finish))) as server:
        model = engine_for(server)
        pieces = [piece async for piece in model.write(prompt())]
        await model.close()
    assert "".join(pieces) == "Lamps are the" and isinstance(pieces[-1], LimitReached) == limited


async def test_persona_and_prompt_override_model_and_temperature():
    async with serving(OpenAIServer(models=("tiny", "big"))) as server:
        model = engine_for(server, temperature=0.1)
        await read(model, prompt(model="big", temperature=1.5))
        await read(model, prompt(speaker=VIRGIN))
        await model.close()
    assert [(sent["model"], sent["temperature"]) for sent in server.requests] == [("big", 1.5), ("tiny", 0.1)]


async def test_without_any_temperature_none_is_sent():
    async with serving(OpenAIServer()) as server:
        model = engine_for(server)
        await read(model, prompt(speaker=VIRGIN))
        await model.close()
    assert "temperature" not in server.requests[0]


async def test_a_refused_key_names_the_variable_and_never_the_key(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LAMP_KEY", "sk-very-secret-key")
    async with serving(OpenAIServer(key="another")) as server:
        error = await failure(server, key_variable="LAMP_KEY")
        model = engine_for(server, key_variable="LAMP_KEY")
        with pytest.raises(PeerError, match="LAMP_KEY"):
            await model.warm_up()
        await model.close()
    assert "refused the key" in error.what and "LAMP_KEY" in error.remedy
    assert "secret" not in str(error)


async def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LAMP_KEY", "sk-right")
    async with serving(OpenAIServer(key="sk-right")) as server:
        model = engine_for(server, key_variable="LAMP_KEY")
        await model.warm_up()
        assert await read(model)
        await model.close()


@pytest.mark.parametrize(
    ("behaviour", "what"),
    [
        (Behaviour(status=400, message="temperature is not supported"), "temperature is not supported"),
        (Behaviour(status=500, message="out of memory"), "the server failed (status 500)"),
        (Behaviour(status=429, headers={"retry-after": "60"}), "busy or the quota is spent"),
        (Behaviour(cut=4), "was cut after 4 words (“… Hello there, this is”)"),
        (Behaviour(cut=0), "cut the connection"),
        (Behaviour(quiet_end=True), "was cut after 6 words"),
        (Behaviour(stall_after=3), "stalled after 3 words"),
        (Behaviour(stall_after=3, pings=True), "stalled after 3 words"),
        (Behaviour("", refusal="I will not talk about lamps."), "refused: I will not talk about lamps."),
        (Behaviour(finish="content_filter"), "filter stopped the reply"),
        (Behaviour(""), "answered nothing"),
        (Behaviour("", error_event="the GPU is on fire"), "the GPU is on fire"),
        (Behaviour(garbage="data: <html>\n\n"), "no event"),
        (Behaviour(garbage='data: {"object": "error", "message": "out of memory", "code": 500}\n\n'), "out of memory"),
        (Behaviour(garbage="<html>It works!</html>"), "no stream of events: <html>It works!"),
        (Behaviour(garbage='{"choices": [{"message": {"content": "Hi."}}]}'), "no stream of events: {"),
        (
            Behaviour(status=308, headers={"Location": "https://a.example/v1?key=1"}),
            "on to https://a.example/v1 (status",
        ),
    ],
)
async def test_each_misbehaviour_is_named(behaviour: Behaviour, what: str):
    async with serving(OpenAIServer(behaviour, behaviour)) as server:
        error = await failure(server)
    assert what in error.what
    assert error.where == server.base_url


async def test_a_reply_is_whole_when_the_server_says_so_however_long_the_answer_stays_open_behind_that():
    async with serving(OpenAIServer(Behaviour("All of it.", behind=3600.0))) as server:
        model = engine_for(server)
        assert await read(model) == "All of it."
        assert await read(model) == "Hello there, this is the server."
        await model.close()


async def test_an_unknown_model_is_named():
    async with serving(OpenAIServer()) as server:
        error = await failure(server, model="huge")
    assert "'huge'" in error.what and "engines.openai.model" in error.remedy


async def test_no_word_in_time_is_a_failure_and_the_request_is_dropped():
    async with serving(OpenAIServer(Behaviour(first=3600.0))) as server:
        error = await failure(server, first_token_seconds=0.2)
        assert "no word in time" in error.what
        assert len(server.requests) == 1


async def test_a_server_that_reads_the_prompt_for_long_after_its_first_event_has_the_time_of_a_first_word():
    """Some servers send the role at once, and read the prompt then."""
    async with serving(OpenAIServer(Behaviour(stall_after=0))) as server:
        error = await failure(server, first_token_seconds=0.6, stall_seconds=0.1)
    assert "no word in time" in error.what


async def test_a_model_that_goes_on_as_another_speaker_is_stopped_there():
    async with serving(OpenAIServer(Behaviour("Fine. Virgin: No it is not."), Behaviour("Virgin: No."))) as server:
        model = engine_for(server)
        assert await read(model) == "Fine. "
        with pytest.raises(PeerError, match="somebody else's line"):
            await read(model)
        await model.close()


async def test_a_server_that_is_not_there():
    async with serving(OpenAIServer()) as server:
        pass
    error = await failure(server)
    assert "cannot be reached" in error.what and "base_url" in error.remedy


async def test_a_busy_server_is_asked_again_when_it_says():
    async with serving(
        OpenAIServer(Behaviour(status=429, headers={"retry-after": "0.05"}), Behaviour("Now."))
    ) as server:
        model = engine_for(server)
        assert await read(model) == "Now."
        await model.close()
    assert len(server.requests) == 2


async def test_closing_the_stream_hangs_up():
    async with serving(OpenAIServer(Behaviour(stall_after=2))) as server:
        model = engine_for(server)
        stream = model.write(prompt())
        assert await anext(stream) == "Hello"
        await stream.aclose()
        await model.close()
        with pytest.raises(ClosedError):
            await read(model)


def test_without_settings_there_is_no_engine():
    with pytest.raises(InputError, match="model"):
        engine(None)
    assert engine(OpenAISettings(model="tiny")).name == "openai"


def test_an_error_that_is_nested_beyond_reading_is_told_as_it_came():
    error = RefusedError(500, {}, b"[" * 5000)
    assert error.words and set(error.words) == {"["}


def busy(status: int, **headers: str) -> RefusedError:
    return RefusedError(status, {name.replace("_", "-"): value for name, value in headers.items()}, b"")


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (busy(429, retry_after="3"), 3.0),
        (busy(503, retry_after="2"), 2.0),
        (busy(429, retry_after_ms="250"), 0.25),
        (busy(429, retry_after="Thu, 01 Jan 1970 00:02:00 GMT"), 20.0),
        (busy(429, retry_after="soon"), 1.0),
        (busy(429), 1.0),
        (busy(503), None),
        (busy(500, retry_after="3"), None),
    ],
)
def test_when_to_come_back(error: RefusedError, seconds: float | None):
    assert retry_after(error, 100 * SECOND) == seconds


def test_the_request_tells_own_lines_from_others():
    lines = (Line("chad", "I open."), Line("virgin", "I answer."), Line("Ada", "Hello?"))
    sent = messages(prompt(lines=lines, moment=Moment.ANSWER))
    assert [message["role"] for message in sent] == ["system", "user", "assistant", "user"]
    assert sent[2]["content"] == "I open."
    assert sent[3]["content"].startswith("Virgin: I answer.\nAda: Hello?\n(Ada from the audience")
    assert "You are Chad." in sent[0]["content"] and "lamps" in sent[0]["content"] and "Be brief." in sent[0]["content"]


@pytest.mark.parametrize("moment", list(Moment))
def test_roles_alternate_and_the_user_is_last(moment: Moment):
    lines = tuple(Line(("chad", "chad", "virgin", "Ada")[number % 4], f"Line {number}.") for number in range(60))
    roles = [message["role"] for message in messages(prompt(lines=lines, moment=moment))]
    assert roles[0] == "system" and roles[-1] == "user"
    assert all(a != b for a, b in itertools.pairwise(roles))
