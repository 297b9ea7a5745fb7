"""What OpenAI's own client finds at ``/v1``: the embedded engines, and a model that a test writes."""

# Requests are dictionaries here, as a program without types would send them.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportCallIssue=false, reportArgumentType=false, reportPrivateUsage=false, reportAttributeAccessIssue=false
# pyright: reportUnknownLambdaType=false, reportReturnType=false, reportOptionalMemberAccess=false
# pyright: reportDeprecated=false, reportOptionalSubscript=false

from __future__ import annotations

import io
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, get_args

import av
import httpx
import numpy as np
import openai
import pytest
from openai import AsyncOpenAI
from openai.types.audio.speech_model import SpeechModel
from openai.types.audio_model import AudioModel
from openai_site import openai_client
from studio_double import HouseDouble

from duologue.app import endpoints
from duologue.app.admission import PlaceKind
from duologue.app.engines.engines import EnginePool
from duologue.app.show import clips
from duologue.audio.encoding import encoder
from duologue.audio.pcm import RATE, Samples
from duologue.language.engine import LimitReached, Line, Prompt
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.language.persona import Persona
from duologue.language.tools import ToolCall
from duologue.speech.hearing import EAR_RATE, VAD_FRAME, HearingCapabilities
from duologue.speech.hearing_fake import FakeHearing, Hearing
from duologue.speech.stretches import cut
from duologue.tokens import Scope
from duologue.web.application import create_app
from duologue.web.options import Grant, Key
from duologue.web.v1 import transcriptions
from duologue.web.v1.chat import ChatCompletionRequest, prompt_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning"),  # their word for translations
]

EMBEDDED = {"engines.tts": "espeak", "engines.stt": "pocketsphinx", "engines.llm": "improv"}
Open = Callable[..., AbstractAsyncContextManager[AsyncOpenAI]]


class Caller(FakeLanguage):
    """Wants two tools called when it may, and says so; else it answers."""

    async def write(self, prompt: Prompt) -> AsyncGenerator[str]:
        self.prompts.append(prompt)
        yield "One moment."
        if prompt.tools is not None:
            calls = [ToolCall("c1", "weather", '{"city": "Oslo"}'), ToolCall("c2", "weather", '{"city": "Rome"}')]
            async for filler in prompt.tools.run(calls):
                yield filler
        yield " It is warm. Bring a hat."


class Limited(FakeLanguage):
    """Has no room for all that it would say."""

    async def write(self, prompt: Prompt) -> AsyncGenerator[str]:
        self.prompts.append(prompt)
        yield "Why hello"
        yield " there, STOP my"
        yield LimitReached()


class Translator(FakeHearing):
    """Hears everything in English."""

    @property
    def capabilities(self) -> HearingCapabilities:
        return HearingCapabilities(translates=True)


class OnlyEnglish(FakeHearing):
    """Knows no other language."""

    languages = frozenset({"en"})


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Open:
    """A client of a house whose engines are warm; ``llm`` thinks in it."""
    return partial(openai_client, monkeypatch)


def wav_bytes(sound: Samples) -> bytes:
    made = encoder("wav")
    return made.feed(sound) + made.finish()


def decoded(audio: bytes) -> Samples:
    with av.open(io.BytesIO(audio)) as file:
        return np.concatenate([frame.to_ndarray().astype(np.float32).ravel() for frame in file.decode(audio=0)])


async def test_models_are_the_characters_and_the_engines(opened: Open) -> None:
    async with opened(hears=True) as client:
        names = [model.id async for model in client.models.list()]
        assert {"chad", "virgin", "espeak", "pocketsphinx"} <= set(names)
        assert (await client.models.retrieve("chad")).id == "chad"
        with pytest.raises(openai.NotFoundError) as caught:
            await client.models.retrieve("nobody")
        assert caught.value.code == "model_not_found"


@pytest.mark.parametrize("form", ["mp3", "opus", "aac", "flac", "wav"])
async def test_speech_comes_in_the_format_that_was_asked_for(opened: Open, form: str) -> None:
    async with opened() as client:
        made = await client.audio.speech.create(
            input="Hello there, my friend.",
            model="tts-1",
            voice="alloy",
            response_format=form,
        )
    sound = decoded(made.content)
    assert len(sound) > 20_000
    assert float(np.abs(sound).max()) > 0.1


async def test_speech_as_events_and_as_bare_samples_is_as_long(opened: Open) -> None:
    import base64

    async with opened() as client:
        asked = {"input": "Hello there.", "model": "espeak", "voice": "chad", "response_format": "pcm"}
        plain = await client.audio.speech.create(**asked)
        told = await client.audio.speech.create(**asked, stream_format="sse")
    events = [json.loads(line[6:]) for line in told.content.decode().splitlines() if line]
    assert events[-1]["type"] == "speech.audio.done"
    sound = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    # Bare samples come as the line is made: its silence at the beginning is judged by what is there, a window at most.
    assert abs(len(sound) - len(plain.content)) <= 2 * 24 * 5 and len(plain.content) > 24_000


async def test_all_models_that_the_client_names_speak_and_hear(opened: Open) -> None:
    async with opened(hears=True) as client:
        file = ("hi.wav", b"")
        for model in get_args(SpeechModel):
            made = await client.audio.speech.create(input="Hi.", model=model, voice="chad", response_format="wav")
            file = ("hi.wav", made.content)
        for model in get_args(AudioModel):
            assert await client.audio.transcriptions.create(file=file, model=model)
        with pytest.raises(openai.NotFoundError):
            await client.audio.transcriptions.create(file=file, model="whisper-10")


async def test_a_voice_may_be_named_by_its_id_alone(opened: Open) -> None:
    async with opened() as client:
        asked: dict[str, Any] = {"input": "Hello.", "model": "tts-1", "response_format": "pcm"}
        plain = await client.audio.speech.create(**asked, voice="chad")
        named = await client.audio.speech.create(**asked, voice={"id": "chad"})
        assert abs(len(named.content) - len(plain.content)) <= 2 * 24 * 5 and len(plain.content) > 12_000
        with pytest.raises(openai.BadRequestError) as caught:
            await client.audio.speech.create(**asked, voice={"id": "nobody"})
    assert caught.value.param == "voice"


async def test_characters_have_voices_of_their_own(opened: Open) -> None:
    async with opened() as client:
        voices = ("chad", "virgin")
        spoken = [
            (
                await client.audio.speech.create(input="Hello.", model="tts-1", voice=voice, response_format="pcm")
            ).content
            for voice in voices
        ]
    assert spoken[0] != spoken[1]


@pytest.mark.parametrize(
    ("changed", "param", "error"),
    [
        ({"voice": "nobody"}, "voice", openai.BadRequestError),
        ({"model": "gpt-9"}, "model", openai.NotFoundError),
        ({"speed": 1.5}, "speed", openai.BadRequestError),
        ({"instructions": "Whisper."}, "instructions", openai.BadRequestError),
        ({"input": "   "}, "input", openai.BadRequestError),
        ({"input": "… – !"}, "input", openai.BadRequestError),
        ({"input": ""}, "input", openai.BadRequestError),
        ({"response_format": "midi"}, "response_format", openai.BadRequestError),
        ({"extra_body": {"sped": 1}}, "sped", openai.BadRequestError),
    ],
)
async def test_what_speech_cannot_be_is_said_by_name(
    opened: Open, changed: dict[str, object], param: str, error: type[openai.APIStatusError]
) -> None:
    asked: dict[str, object] = {"input": "Hello.", "model": "tts-1", "voice": "alloy", **changed}
    async with opened() as client:
        with pytest.raises(error) as caught:
            await client.audio.speech.create(**asked)
    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"


async def test_a_speed_of_one_is_no_wish(opened: Open) -> None:
    async with opened() as client:
        made = await client.audio.speech.create(input="Hi.", model="tts-1", voice="alloy", speed=1.0)
    assert made.content


async def spoken(client: AsyncOpenAI, *texts: str) -> bytes:
    """Texts with a second of silence between them, as a WAV."""
    pieces = [np.zeros(RATE, np.float32)]
    for text in texts:
        made = await client.audio.speech.create(input=text, model="tts-1", voice="chad", response_format="flac")
        pieces += [decoded(made.content) / np.float32(32768), np.zeros(RATE, np.float32)]
    return wav_bytes(np.concatenate(pieces))


async def test_a_recording_becomes_text_subtitles_and_words(opened: Open) -> None:
    async with opened(hears=True) as client:
        file = ("two.wav", await spoken(client, "hello my friend", "good morning"))
        plain = await client.audio.transcriptions.create(file=file, model="whisper-1")
        assert plain.text
        full = await client.audio.transcriptions.create(
            file=file, model="whisper-1", response_format="verbose_json", timestamp_granularities=["word", "segment"]
        )
        assert full.segments is not None and full.words is not None
        assert len(full.segments) == 2
        assert full.segments[0].end < full.segments[1].start
        assert all(word.start <= word.end <= full.duration for word in full.words)
        assert full.words[-1].start > full.segments[0].end
        srt = await client.audio.transcriptions.create(file=file, model="whisper-1", response_format="srt")
        assert str(srt).startswith("1\n00:00:0")
        vtt = await client.audio.transcriptions.create(file=file, model="whisper-1", response_format="vtt")
        assert str(vtt).startswith("WEBVTT\n\n00:00:0")
        text = await client.audio.transcriptions.create(file=file, model="whisper-1", response_format="text")
        assert str(text).strip() == plain.text
        events = [
            event async for event in await client.audio.transcriptions.create(file=file, model="whisper-1", stream=True)
        ]
        assert [event.type for event in events] == ["transcript.text.delta"] * 2 + ["transcript.text.done"]
        assert events[-1].text == plain.text


async def test_silence_is_no_text_and_noise_no_file(opened: Open) -> None:
    async with opened(hears=True) as client:
        quiet = await client.audio.transcriptions.create(
            file=("quiet.wav", wav_bytes(np.zeros(RATE * 2, np.float32))), model="pocketsphinx"
        )
        assert quiet.text == ""
        with pytest.raises(openai.BadRequestError) as caught:
            await client.audio.transcriptions.create(file=("a.wav", b"RIFFnothing"), model="whisper-1")
        assert caught.value.param == "file"
        with pytest.raises(openai.BadRequestError, match="translates"):
            await client.audio.translations.create(file=("a.wav", b"RIFFnothing"), model="whisper-1")


async def test_a_body_that_is_no_form_and_one_without_a_model_are_told_apart(opened: Open) -> None:
    """Nothing is advised that would be refused, and a model that was left out is not one that there is not."""
    path = "http://127.0.0.1/v1/audio/transcriptions"
    async with opened() as client:
        bare = await client._client.post(path, content=b"RIFF", headers={"Content-Type": "audio/wav"})
        lacking = await client._client.post(path, files={"file": ("a.wav", b"RIFF")})
    assert bare.status_code == lacking.status_code == 400
    assert bare.json()["error"]["message"] == (
        "the body is no form: its content type is audio/wav. Send multipart/form-data as `curl -F` does."
    )
    assert (lacking.json()["error"]["param"], lacking.json()["error"]["code"]) == ("model", None)


async def test_a_recording_that_waits_for_a_place_is_not_read(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sound is up to 38 MB, and a file of it may be small: many that wait would take all memory."""
    read: list[int] = []
    places = {PlaceKind.LISTENER: 0}

    def decode(audio: bytes, longest: int, rate: int) -> Samples:
        read.append(len(audio))
        return clips.decode(audio, longest, rate)

    monkeypatch.setattr(transcriptions, "decode", decode)
    monkeypatch.setattr(endpoints, "PATIENCE", 0.1)
    monkeypatch.setattr(EnginePool, "at_once", lambda pool, kind: places.get(kind))
    sound = wav_bytes(np.zeros(RATE * 3, np.float32))
    async with opened(hears=True) as client:
        for stream in (False, True):
            with pytest.raises(openai.InternalServerError) as caught:
                await client.audio.transcriptions.create(file=("a.wav", sound), model="whisper-1", stream=stream)
            assert caught.value.code == "no_place" and read == []
        places.clear()
        full = await client.audio.transcriptions.create(
            file=("a.wav", sound), model="whisper-1", response_format="verbose_json"
        )
        assert read == [len(sound)] and full.duration == 3.0 and full.usage.seconds == 3


async def test_a_character_answers_whole_and_in_pieces(opened: Open) -> None:
    llm = FakeLanguage(usual=ScriptedReply("Why hello there, STOP my friend."))
    async with opened(llm) as client:
        whole = await client.chat.completions.create(
            model="chad", temperature=0.3, max_tokens=80, seed=4, stop="STOP",
            messages=[
                {"role": "system", "content": "You love rain."},
                {"role": "user", "content": "Hello!"},
                {"role": "assistant", "content": "Yes?"},
                {"role": "user", "content": [{"type": "text", "text": "It"}, {"type": "text", "text": "rains."}]},
            ],
        )  # fmt: skip
        assert whole.choices[0].message.content == "Why hello there, "
        assert whole.choices[0].finish_reason == "stop"
        prompt = llm.prompts[-1]
        assert prompt.speaker.name == "chad"
        assert prompt.speaker.description.endswith("You love rain.")
        assert [(line.speaker, line.text) for line in prompt.lines] == [
            ("user", "Hello!"), ("chad", "Yes?"), ("user", "It\nrains."),
        ]  # fmt: skip
        assert (prompt.temperature, prompt.max_words, prompt.seed) == (0.3, 60, 4)
        stream = await client.chat.completions.create(
            model="chad", messages=[{"role": "user", "content": "Hi"}], stream=True
        )
        chunks = [chunk async for chunk in stream]
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Why hello there, STOP my friend."
        assert chunks[0].choices[0].delta.role == "assistant"
        assert chunks[-1].choices[0].finish_reason == "stop"


async def test_the_embedded_mind_answers_too(opened: Open) -> None:
    async with opened() as client:
        said = await client.chat.completions.create(model="virgin", messages=[{"role": "user", "content": "Hi! Rain?"}])
    assert said.choices[0].message.content


async def test_tools_are_the_clients_to_run(opened: Open) -> None:
    llm = Caller()
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
    said: list[object] = [{"role": "user", "content": "Is it warm?"}]
    async with opened(llm) as client:
        asked = await client.chat.completions.create(model="chad", messages=said, tools=tools)
        message = asked.choices[0].message
        assert asked.choices[0].finish_reason == "tool_calls"
        assert [call.id for call in message.tool_calls or ()] == ["c1", "c2"]
        said += [
            message.model_dump(),
            *({"role": "tool", "tool_call_id": each, "content": "20"} for each in ("c1", "c2")),
        ]
        told = await client.chat.completions.create(model="chad", messages=said)
        assert told.choices[0].message.content == "One moment. It is warm. Bring a hat."
        assert [(each.call.name, each.shown) for each in llm.prompts[-1].lines[-1].calls] == [("weather", "20")] * 2
        stream = await client.chat.completions.create(model="chad", messages=said[:1], tools=tools, stream=True)
        chunks = [chunk async for chunk in stream]
        called = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
        assert [(call.index, call.function.arguments if call.function else "") for call in called] == [
            (0, '{"city": "Oslo"}'), (1, '{"city": "Rome"}'),
        ]  # fmt: skip
        assert chunks[-1].choices[0].finish_reason == "tool_calls"


async def test_a_chat_ends_where_it_was_to_and_says_what_was_counted(opened: Open) -> None:
    llm = FakeLanguage(usual=ScriptedReply("Why hello there, my dear friend."))
    asked = {"model": "chad", "messages": [{"role": "user", "content": "Hi"}]}
    async with opened(llm) as client:
        for most, text, reason in (
            (3, "Why hello there", "length"),
            (4, "Why hello there,", "length"),
            (9, None, "stop"),
        ):
            said = await client.chat.completions.create(**asked, max_tokens=most)
            assert said.choices[0].message.content == (text or "Why hello there, my dear friend.")
            assert said.choices[0].finish_reason == reason
            assert said.usage.completion_tokens == min(most, 8) and said.usage.prompt_tokens > 10
            stream = await client.chat.completions.create(
                **asked, max_tokens=most, stream=True, stream_options={"include_usage": True}
            )
            *chunks, last = [chunk async for chunk in stream]
            told = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
            assert told == said.choices[0].message.content and chunks[-1].choices[0].finish_reason == reason
            assert last.choices == [] and last.usage == said.usage


async def test_a_field_that_is_null_is_one_that_was_left_out(opened: Open) -> None:
    llm = FakeLanguage(usual=ScriptedReply("Why hello there."))
    nulls = dict.fromkeys((
        "seed", "stream", "stream_options", "temperature", "max_tokens", "max_completion_tokens", "stop", "tools",
        "tool_choice", "response_format", "n", "logprobs", "user", "audio", "function_call",
    ))  # fmt: skip
    function = {"name": "weather", "description": None, "parameters": None, "strict": None}
    parts = [{"type": "text", "text": "Hi", "cache": None}]
    said = [
        {"role": "user", "content": parts, "name": None, "tool_calls": None, "tool_call_id": None},
        {"role": "assistant", "content": None, "tool_calls": None, "refusal": None},
        {"role": "user", "content": "Well?"},
    ]
    async with opened(llm) as client:
        made = await client.chat.completions.create(model="chad", messages=said, **nulls)
        assert made.choices[0].message.content == "Why hello there."
        assert [line.text for line in llm.prompts[-1].lines] == ["Hi", "", "Well?"]
        asked = {"tools": [{"type": "function", "function": function}], "response_format": {"type": "text"}}
        stream = await client.chat.completions.create(
            model="chad", messages=said, stream=True, stream_options={"include_usage": None}, **asked
        )
        assert all(chunk.usage is None for chunk in [chunk async for chunk in stream])
        assert llm.prompts[-1].tools.toolbox.tools["weather"].schema == {}
        made = await client.audio.speech.create(
            input="Hi.", model="tts-1", voice="alloy", speed=None, response_format=None, stream_format=None
        )
        assert made.content
        for missing in ("messages", "model"):
            with pytest.raises(openai.BadRequestError, match="Field required") as caught:
                await client.chat.completions.create(**{"model": "chad", "messages": said, missing: None})
            assert caught.value.param == f"{missing}"


async def test_an_answer_that_the_engine_cut_is_told_as_such(opened: Open) -> None:
    llm = Limited()
    asked = {"model": "chad", "messages": [{"role": "user", "content": "Hi"}]}
    async with opened(llm) as client:
        for most, stop, reason in ((None, None, "length"), (500, None, "length"), (None, "STOP", "stop")):
            given = {"max_tokens": most, "stop": stop} if most else {"stop": stop}
            said = await client.chat.completions.create(**asked, **given)
            assert said.choices[0].message.content == "Why hello there, " + "STOP my" * (stop is None)
            assert said.choices[0].finish_reason == reason and llm.prompts[-1].max_tokens == most
            stream = await client.chat.completions.create(**asked, **given, stream=True)
            assert [chunk async for chunk in stream][-1].choices[0].finish_reason == reason


async def test_a_language_that_is_not_told_is_found_out_where_it_can_be(opened: Open) -> None:
    ears = FakeHearing(usual=Hearing(final="Guten Morgen.", language="de"))
    async with opened(ears=ears) as client:
        file = ("one.wav", await spoken(client, "hello my friend"))
        full = await client.audio.transcriptions.create(file=file, model="whisper-1", response_format="verbose_json")
        for given in ("fr", "pt-BR"):
            await client.audio.transcriptions.create(file=file, model="whisper-1", language=given)
        with pytest.raises(openai.BadRequestError, match="'english' is no language"):
            await client.audio.transcriptions.create(file=file, model="whisper-1", language="english")
    assert [call.language for call in ears.calls] == ["", "fr", "pt"] and full.language == "de"
    ears = OnlyEnglish(usual=Hearing(final="Good morning."))
    async with opened(ears=ears) as client:
        for told in ({}, {"language": "en"}):
            full = await client.audio.transcriptions.create(
                file=file, model="whisper-1", response_format="verbose_json", **told
            )
            assert full.language == "en"
        with pytest.raises(openai.BadRequestError, match="'de', in which no engine that is set") as caught:
            await client.audio.transcriptions.create(file=file, model="whisper-1", language="de")
    assert caught.value.param == "language"
    assert [call.language for call in ears.calls] == ["en", "en"]


async def test_what_is_said_in_another_language_is_told_in_english(opened: Open) -> None:
    ears = Translator(usual=Hearing(final="Good morning."))
    async with opened(ears=ears) as client:
        file = ("two.wav", await spoken(client, "hello my friend"))
        told = await client.audio.translations.create(file=file, model="whisper-1")
        assert told.text == "Good morning."
        assert (ears.calls[-1].translated, ears.calls[-1].language) == (True, "")
        full = await client.audio.translations.create(file=file, model="whisper-1", response_format="verbose_json")
        assert (full.language, full.segments[0].text) == ("english", "Good morning.")
        with pytest.raises(openai.BadRequestError) as caught:
            await client.audio.translations.create(file=file, model="whisper-1", extra_body={"language": "de"})
        assert caught.value.param == "language"


async def test_a_schema_is_handed_on(opened: Open) -> None:
    llm = FakeLanguage(usual=ScriptedReply('{"warm": true}'))
    schema = {"type": "object", "properties": {"warm": {"type": "boolean"}}}
    wanted = {"type": "json_schema", "json_schema": {"name": "weather", "schema": schema}}
    async with opened(llm) as client:
        said = await client.chat.completions.create(
            model="chad",
            messages=[{"role": "user", "content": "?"}],
            response_format=wanted,
        )
    assert json.loads(said.choices[0].message.content or "") == {"warm": True}
    assert llm.prompts[-1].schema == schema


@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"tools": [{"type": "function", "function": {"name": "weather"}}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "w", "schema": {}}}}, "response_format"),
    ],
)
async def test_what_the_mind_that_is_set_cannot_do_is_said_by_name(
    opened: Open, changed: dict[str, object], param: str
) -> None:
    asked: dict[str, object] = {"model": "chad", "messages": [{"role": "user", "content": "Hi"}]}
    async with opened() as client:  # the improviser has its lines, and no more
        with pytest.raises(openai.BadRequestError, match="improv") as caught:
            await client.chat.completions.create(**asked, **changed)
        assert caught.value.param == param
        none = {"tool_choice": "none"} if param == "tools" else {"response_format": {"type": "text"}}
        assert (await client.chat.completions.create(**{**asked, **changed, **none})).choices[0].message.content


@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, "messages"),
        ({"extra_body": {"top_k": 3}}, "top_k"),
    ],
)
async def test_what_a_chat_cannot_be_is_said_by_name(opened: Open, changed: dict[str, object], param: str) -> None:
    asked: dict[str, object] = {"model": "chad", "messages": [{"role": "user", "content": "Hi"}], **changed}
    async with opened(FakeLanguage()) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(**asked)
    assert caught.value.param == param


async def test_a_model_that_fails_is_an_error_of_the_clients_shape_and_no_broken_stream(opened: Open) -> None:
    async with opened(FakeLanguage(usual=ScriptedReply("x", failure="the model is gone", pieces=0))) as client:
        for stream in (False, True):
            with pytest.raises(openai.InternalServerError, match="the model is gone"):
                await client.chat.completions.create(
                    model="chad", messages=[{"role": "user", "content": "Hi"}], stream=stream
                )


async def test_a_key_is_a_token_and_wants_its_scope(opened: Open) -> None:
    keys = (
        Key("talking-key", Grant("talker", frozenset({Scope.TALK}))),
        Key("looking-key", Grant("looker", frozenset())),
    )
    for key, error in (("wrong", openai.AuthenticationError), ("looking-key", openai.PermissionDeniedError)):
        async with opened(key=key, keys=keys) as client:
            with pytest.raises(error) as caught:
                await client.audio.speech.create(input="Hi.", model="tts-1", voice="alloy")
            assert caught.value.type in ("authentication_error", "permission_error")
    async with opened(key="talking-key", keys=keys) as client:
        assert (await client.audio.speech.create(input="Hi.", model="tts-1", voice="alloy")).content


async def test_a_house_without_it_says_so() -> None:
    transport = httpx.ASGITransport(create_app(HouseDouble()), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.get("/v1/models")
    assert answer.status_code == 404
    assert "api = true" in answer.json()["error"]["message"]


def test_stretches_are_cut_where_nobody_speaks() -> None:
    second = EAR_RATE // VAD_FRAME
    sure = [0.0] * second + [0.9] * second + [0.0] * (second // 4) + [0.9] * second + [0.0] * second + [0.9] * second
    count = len(sure) * VAD_FRAME
    found = cut(sure, count)
    assert len(found) == 2
    assert found[0][0] > 0 and found[1][1] == count
    long = [0.9] * (second * 65)
    long[second * 20] = 0.5
    pieces = cut(long, len(long) * VAD_FRAME)
    assert pieces[0][1] == second * 20 * VAD_FRAME
    assert all(end - start <= 28 * EAR_RATE for start, end in pieces)
    assert [start for start, _ in pieces[1:]] == [end for _, end in pieces[:-1]]


def test_a_user_who_bears_the_characters_name_is_not_the_character() -> None:
    """Else the model is told the question as what it has said itself."""
    asked = {"model": "ada", "messages": [{"role": "user", "name": "ada", "content": "What is new?"}]}
    base = Prompt(Persona("ada", "Ada", "You are Ada."), (), "")
    prompt = prompt_of(ChatCompletionRequest.model_validate(asked), base)
    assert (prompt.lines, prompt.turn) == ((Line("user", "What is new?"),), 0)
