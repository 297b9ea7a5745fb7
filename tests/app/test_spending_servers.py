"""What real requests to servers that keep to their protocols amount to, and at a cap who is asked instead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from duologue.app.engines.engines import create_hearing, create_llm, create_voicing
from duologue.app.spending.spending import Spending
from duologue.audio.pcm import Samples
from duologue.chains import Handover
from duologue.clock import SYSTEM_CLOCK
from duologue.errors import PeerError
from duologue.language.engine import Line, Prompt
from duologue.language.persona import Persona
from duologue.settings import load_settings
from duologue.speech.hearing import EAR_RATE
from duologue.streams import closing
from duologue.telemetry.ledger import Entry, UsageRecord
from duologue.telemetry.stream import Ledger
from language.openai_server import Behaviour, OpenAIServer
from scripted_server import serving
from speech.hosted_server import Behaviour as Speaks
from speech.hosted_server import ElevenServer, SpeechServer
from speech.transcription_server import Reply, TranscriptionServer

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

PERSONA = Persona("ada", "Ada", "A calm woman.")
PROMPT = Prompt.by(PERSONA, lines=[Line("friend", "What is new?")])
USAGE = {"prompt_tokens": 57, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 40}}


Write = Callable[..., Coroutine[Any, Any, str]]


class Books:
    """Spending by settings, and what was entered."""

    def __init__(self, folder: Path, settings: str) -> None:
        file = folder / "duologue.toml"
        file.write_text(settings)
        self.settings = load_settings(config=file)
        self.ledger = Ledger(SYSTEM_CLOCK)
        self.entries: list[Entry] = []
        self.ledger.watch(self.entries.append)
        self.spending = Spending(self.settings, self.ledger)
        self.told: list[Handover] = []

    @property
    def records(self) -> list[UsageRecord]:
        return [entry.record for entry in self.entries if isinstance(entry.record, UsageRecord)]

    @asynccontextmanager
    async def mind(self) -> AsyncGenerator[Write]:
        """Writes a line: its words."""
        chain = create_llm(self.settings, listener=self.told.append, meter=self.spending)
        await chain.warm_up()

        async def write(prompt: Prompt = PROMPT) -> str:
            return "".join([piece async for piece in chain.write(prompt)])

        try:
            yield write
        finally:
            await chain.close()


def minds(server: OpenAIServer, extra: str = "", llm: str = '"openai"') -> str:
    return f"""
[engines]
llm = [{llm}]
[engines.openai]
base_url = "{server.base_url}"
model = "tiny"
[prices]
currency = "EUR"
[prices.engines.openai]
million_in = 1.0
million_cached = 0.5
million_out = 10.0
{extra}
"""


async def test_a_server_that_counts_is_believed_to_the_token(tmp_path: Path) -> None:
    async with serving(OpenAIServer(Behaviour("Not very much."), usage=USAGE)) as server:
        books = Books(tmp_path, minds(server))
        async with books.mind() as write:
            assert await write() == "Not very much."
    assert server.requests[0]["stream_options"] == {"include_usage": True}
    (record,) = books.records
    assert (record.prompt_tokens, record.cached_tokens, record.completion_tokens) == (57, 40, 9)
    assert not record.estimated and record.model == "tiny" and record.server == "127.0.0.1"
    assert record.cost_nanos == (17 * 2 + 40 + 9 * 20) * 500


@pytest.mark.parametrize(
    "usage",
    [
        None, {"prompt_tokens": -5, "completion_tokens": 3}, {"prompt_tokens": 10**15, "completion_tokens": 3},
        {"prompt_tokens": "many", "completion_tokens": []}, {"total_tokens": 3},
    ],
)  # fmt: skip
async def test_one_that_does_not_or_counts_what_cannot_be_is_reckoned(tmp_path: Path, usage: Any) -> None:
    async with serving(OpenAIServer(Behaviour("Not very much."), usage=usage)) as server:
        books = Books(tmp_path, minds(server, "[spending.engines.openai]\ntokens = 100000\n"))
        async with books.mind() as write:
            assert await write() == "Not very much."
    (record,) = books.records
    assert record.estimated and record.completion_tokens == 4 and 10 < record.prompt_tokens < 1_000
    assert 0 < books.spending.caps()[0].used < 1_000


async def test_a_server_that_does_not_know_the_wish_is_asked_without_it_from_then_on(tmp_path: Path) -> None:
    async with serving(
        OpenAIServer(Behaviour(refuses="stream_options"), Behaviour("One."), Behaviour("Two."))
    ) as server:
        books = Books(tmp_path, minds(server))
        async with books.mind() as write:
            assert [await write(), await write()] == ["One.", "Two."]
    assert ["stream_options" in each for each in server.requests] == [True, False, False]
    assert [(record.outcome, record.estimated, record.prompt_tokens > 0) for record in books.records] == [
        ("failed", False, False), ("done", True, True), ("done", True, True),
    ]  # fmt: skip


async def test_a_reply_that_is_cut_is_reckoned_as_far_as_it_came(tmp_path: Path) -> None:
    async with serving(OpenAIServer(Behaviour("one two three four five", stall_after=3), usage=USAGE)) as server:
        books = Books(tmp_path, minds(server))
        chain = create_llm(books.settings, meter=books.spending)
        await chain.warm_up()
        async with closing(chain.write(PROMPT)) as pieces:
            assert [await anext(pieces) for _ in range(3)] == ["one", " two", " three"]
        await chain.close()
    (record,) = books.records
    assert (record.outcome, record.estimated, record.completion_tokens) == ("cut", True, 3)


async def test_one_that_refuses_costs_nothing(tmp_path: Path) -> None:
    async with serving(OpenAIServer(Behaviour(status=500))) as server:
        books = Books(tmp_path, minds(server))
        async with books.mind() as write:
            with pytest.raises(PeerError):
                await write()
    (record,) = books.records
    assert (record.outcome, record.prompt_tokens, record.cost_nanos) == ("failed", 0, 0)


async def test_at_the_cap_the_next_mind_answers_and_the_server_is_asked_no_more(tmp_path: Path) -> None:
    cap = "[spending.engines.openai]\ntokens = 150\n"
    async with serving(OpenAIServer(usage=USAGE | {"prompt_tokens": 140})) as server:
        books = Books(tmp_path, minds(server, cap, llm='"openai", "improv"'))
        async with books.mind() as write:
            short = replace(PROMPT, max_words=10)
            assert await write(short) == "Hello there, this is the server."
            for _ in range(3):
                assert await write(short) != "Hello there, this is the server."
    assert len(server.requests) == 1
    assert [(each.engine, each.successor, each.moment.value) for each in books.told] == [("openai", "improv", "cap")]
    assert {record.engine: record.cost_nanos for record in books.records if record.engine == "improv"} == {"improv": 0}


async def test_of_two_requests_at_once_one_goes_to_the_next(tmp_path: Path) -> None:
    cap = "[spending.engines.openai]\ntokens = 100\n"
    slow = [Behaviour("Not very much.", first=0.2)] * 2
    async with serving(OpenAIServer(*slow, usage=USAGE)) as server:
        books = Books(tmp_path, minds(server, cap, llm='"openai", "improv"'))
        async with books.mind() as write, asyncio.TaskGroup() as group:
            short = replace(PROMPT, max_words=40)
            asked = [group.create_task(write(short)) for _ in range(2)]
    assert len(server.requests) == 1
    assert sum(task.result() == "Not very much." for task in asked) == 1


VOICES = """
[engines]
tts = ["{name}", "espeak"]
[engines.{name}]
base_url = "{url}"
[speech_cache]
folder = "{folder}"
[prices.engines.{name}]
thousand_characters = 0.3
minute = 0.6
[spending.engines.{name}]
characters = 40
"""
TEXT = "Twenty characters ok"
SECONDS = 20 * 0.05


def speaking(name: str, *script: Speaks) -> AbstractAsyncContextManager[Any]:
    return serving(SpeechServer(*script) if name == "openai_speech" else ElevenServer(*script))


@pytest.mark.parametrize(("name", "voice"), [("openai_speech", "alloy"), ("elevenlabs", "George")])
async def test_characters_are_those_that_were_sent_and_what_is_kept_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, voice: str
) -> None:
    monkeypatch.setenv("ELEVENLABS_API_KEY", "key")
    async with speaking(name) as server:
        books = Books(tmp_path, VOICES.format(name=name, url=server.base_url, folder=tmp_path / "cache"))
        chain = create_voicing(books.settings, books.told.append, meter=books.spending)
        await chain.warm_up()

        async def by(text: str) -> str:
            voices = {name: voice, "espeak": "en-us"}
            return (await chain.voice(text, voices, speaker="ada", utterance_id="u")).utterance.engine

        assert [await by(TEXT), await by(TEXT), await by(f"{TEXT}!"), await by("Hi.")] == [
            name,
            name,
            "espeak",
            "espeak",
        ]
        await chain.close()
    assert len(server.requests) == 1
    first = next(record for record in books.records if record.engine == name)
    assert (first.characters, first.sound_ms) == (20, 1000 * SECONDS)
    assert first.cost_nanos == round((20 * 0.3 / 1000 + SECONDS / 60 * 0.6) * 1e9)
    assert [(each.engine, each.successor, each.moment.value) for each in books.told] == [(name, "espeak", "cap")]


async def test_a_voice_that_fails_at_once_costs_nothing_and_one_that_breaks_off_does(tmp_path: Path) -> None:
    async with speaking("openai_speech", Speaks(status=500), Speaks(cut=5)) as server:
        text = VOICES.format(name="openai_speech", url=server.base_url, folder=tmp_path / "cache")
        books = Books(tmp_path, text.replace("characters = 40", "characters = 400"))
        for _ in range(2):
            chain = create_voicing(books.settings, meter=books.spending)
            await chain.warm_up()
            voices = {"openai_speech": "alloy", "espeak": "en-us"}
            spoken = await chain.voice(TEXT * 5, voices, speaker="ada", utterance_id="u")
            assert spoken.utterance.engine == "espeak"
            await chain.close()
    mine = [record for record in books.records if record.engine == "openai_speech"]
    assert [(record.outcome, record.characters) for record in mine] == [("failed", 0), ("failed", 100)]


EARS = """
[engines]
stt = ["openai_hearing"]
[engines.openai_hearing]
base_url = "{url}"
model = "whisper-1"
[prices.engines.openai_hearing]
minute = 0.006
[spending.engines.openai_hearing]
minutes = 0.1
"""


async def told(seconds: float) -> AsyncIterator[Samples]:
    for _ in range(round(seconds * 10)):
        yield np.full(EAR_RATE // 10, 0.1, np.float32)


@pytest.mark.parametrize("usage", [None, {"type": "tokens", "input_tokens": 31, "output_tokens": 8}])
async def test_minutes_are_those_that_were_sent_and_without_anybody_behind_the_cap_is_the_answer(
    tmp_path: Path, usage: Any
) -> None:
    async with serving(TranscriptionServer(Reply("Hello."), usage=usage)) as server:
        books = Books(tmp_path, EARS.format(url=server.base_url))
        chain = create_hearing(books.settings, books.told.append, meter=books.spending)
        await chain.warm_up()
        assert [each.text async for each in chain.listen(told(3.0))] == ["Hello."]
        with pytest.raises(PeerError, match="the cap of openai_hearing for this day"):
            _ = [each async for each in chain.listen(told(3.0))]
        await chain.close()
    assert len(server.forms) == 1
    (record,) = books.records
    assert (record.sound_ms, record.model, record.estimated) == (3_000.0, "whisper-1", False)
    assert (record.prompt_tokens, record.completion_tokens) == ((31, 8) if usage else (0, 0))
    assert record.cost_nanos == 300_000
    assert [(each.successor, each.moment.value) for each in books.told] == [("", "cap")]
