"""The engine `llama` through the real library and worker, on tiny models that say what the test wrote into them."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import tiny_gguf

from duologue.errors import ClosedError, InputError, PeerError
from duologue.language.chat import ChatMessage
from duologue.language.engine import Line, Prompt
from duologue.language.llama import WORKER_MODULE, LlamaLanguage, LlamaSettings, engine
from duologue.language.llama_messages import AnswerFailed, AnswerPiece, Cancel, Done, GgufLoaded, LoadGguf, Write
from duologue.language.llama_model import LlamaModel, load
from duologue.language.persona import load_persona
from duologue.language.structured import ReplyForm, StructuredReader, reply_schema
from duologue.workers import Worker

_CHAD = load_persona(Path(__file__).parents[2] / "packs" / "characters" / "chad")
CHAD = replace(_CHAD, description="Loud.", style=(), opinions=(), avoid=())  # the tiny model spells each letter
SAID = "Well, this is all that I know."
HELLO: tuple[ChatMessage, ...] = ({"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello."})


@pytest.fixture(scope="module")
def library() -> None:
    pytest.importorskip("llama_cpp", reason=tiny_gguf.MISSING)


needs_library = pytest.mark.usefixtures("library")


def order(model: Path, *, context: int = 2048, template: str = "") -> LoadGguf:
    return LoadGguf(str(model), context, threads=1, gpu_layers=0, template=template)


def request(messages: Sequence[ChatMessage] = HELLO, schema: str = "", max_tokens: int = 100, number: int = 0) -> Write:
    return Write(number, tuple(messages), temperature=0.0, seed=1, max_tokens=max_tokens, schema=schema)


def said(model: LlamaModel, wanted: Write | None = None) -> str:
    return "".join(model.write(wanted or request()))


def prompt(lines: int = 1, text: str = "Hello.") -> Prompt:
    return Prompt(CHAD, (), "", tuple(Line(("person", "chad")[number % 2], text) for number in range(lines)))


@asynccontextmanager
async def speaking(path: Path, **changes: object) -> AsyncGenerator[LlamaLanguage]:
    model = LlamaLanguage(LlamaSettings.model_validate({"model": path, "context": 2048, "threads": 1} | changes))
    try:
        yield model
    finally:
        await model.close()


async def heard(model: LlamaLanguage, wanted: Prompt | None = None) -> str:
    return "".join([piece async for piece in model.write(wanted or prompt())])


# The model


@needs_library
def test_it_says_word_by_word_what_it_knows_and_ends(tmp_path: Path):
    model = load(order(tiny_gguf.write(tmp_path / "tiny.gguf")))
    assert [piece for piece in model.write(request()) if piece] == ["Well,", *(" " + word for word in SAID.split()[1:])]


@needs_library
def test_bytes_are_joined_to_characters_and_stray_ones_hold_nothing(tmp_path: Path):
    script = ("▁A", "▁caf", *map(tiny_gguf.byte, (0xC3, 0xA9, 0xFF)), "▁and", tiny_gguf.byte(0xE2), "▁more.")
    model = load(order(tiny_gguf.write(tmp_path / "bytes.gguf", script)))
    pieces = [piece for piece in model.write(request()) if piece]
    assert pieces == ["A", " caf", "é", " and", " more."]


@needs_library
def test_an_endless_model_is_ended_by_the_limit(tmp_path: Path):
    model = load(order(tiny_gguf.write(tmp_path / "endless.gguf", endless=True), context=256))
    assert said(model, request(max_tokens=10)) == SAID + " Well, this is"
    assert 100 < len(said(model, request(max_tokens=100_000)).split()) < 256, "as far as the context goes"


@needs_library
def test_a_schema_binds_it(tmp_path: Path):
    model = load(order(tiny_gguf.write(tmp_path / "tiny.gguf")))
    schema = json.dumps(reply_schema(["smile", "laugh"], notes=["hint"]))
    text = said(model, request(schema=schema, max_tokens=400))
    assert not model.unbound
    assert [set(chunk) for chunk in json.loads(text)["chunks"]] == [{"text", "expression", "hint"}]
    reader = StructuredReader()
    reader.feed(text)
    reader.finish()
    assert reader.form is ReplyForm.STRUCTURED, text


@needs_library
def test_a_schema_that_is_none_is_told_and_asked_for_in_words_only(tmp_path: Path):
    model = load(order(tiny_gguf.write(tmp_path / "tiny.gguf")))
    assert said(model, request(schema='{"$ref": "#/nowhere"}')) == SAID
    assert model.unbound
    assert said(model) == SAID
    assert not model.unbound


@needs_library
@pytest.mark.parametrize("template", ["", tiny_gguf.NO_SYSTEM])
def test_a_model_without_a_template_or_without_a_system_role_answers(tmp_path: Path, template: str):
    model = load(order(tiny_gguf.write(tmp_path / "other.gguf", template=template)))
    assert said(model) == SAID


@needs_library
def test_a_template_of_ones_own_is_used(tmp_path: Path):
    path = tiny_gguf.write(tmp_path / "tiny.gguf", template="{{ raise_exception('unused') }}")
    (tmp_path / "own.jinja").write_text("{{ messages[-1]['content'] }}<go>", "utf-8")
    assert said(load(order(path, template=str(tmp_path / "own.jinja")))) == SAID


@needs_library
def test_the_oldest_lines_go_when_the_context_is_full(tmp_path: Path):
    path = tiny_gguf.write(tmp_path / "tiny.gguf", template=tiny_gguf.TEMPLATE)
    model = load(order(path, context=512))
    long: list[ChatMessage] = [HELLO[0]]
    for _ in range(10):
        long.append({"role": "user", "content": "word " * 20})
        long.append({"role": "assistant", "content": "word " * 10})
    assert said(model, request([*long, HELLO[1]])) == SAID
    with pytest.raises(InputError, match=r"takes \d+ tokens of a context of 512"):
        said(model, request([{"role": "system", "content": "word " * 200}, HELLO[1]]))


@needs_library
def test_what_it_has_read_changes_no_answer(tmp_path: Path):
    model = load(order(tiny_gguf.write(tmp_path / "tiny.gguf")))
    longer: list[ChatMessage] = [
        *HELLO,
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": "And?" * 40},
    ]
    assert [said(model, request(wanted)) for wanted in (HELLO, longer, longer, HELLO)] == [SAID] * 4


# What is wrong with the user's files


def test_without_settings_it_says_what_it_needs():
    with pytest.raises(InputError, match="needs a model"):
        engine(None)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"there is no file .*absent\.gguf"):
        load(order(tmp_path / "absent.gguf"))


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    with pytest.raises(InputError, match="not installed") as caught:
        load(order(tiny_gguf.write(tmp_path / "tiny.gguf")))
    assert "duologue[llama]" in caught.value.remedy


@needs_library
def test_a_file_that_is_no_model_is_named(tmp_path: Path):
    (tmp_path / "bad.gguf").write_bytes(b"GGUF but no more")
    with pytest.raises(InputError, match=r"bad\.gguf cannot be loaded"):
        load(order(tmp_path / "bad.gguf"))


@needs_library
@pytest.mark.parametrize("template", ["{% for %}", "{{ raise_exception('never') }}", "{{ nothing.at.all }}"])
def test_a_template_that_fails_is_named(tmp_path: Path, template: str):
    with pytest.raises(InputError, match=r"template fails|cannot be loaded: Expected an expression"):
        load(order(tiny_gguf.write(tmp_path / "tiny.gguf", template=template)))


# The worker


@asynccontextmanager
async def working(path: Path, context: int = 2048) -> AsyncGenerator[Worker]:
    worker = await Worker.start(WORKER_MODULE)
    try:
        await worker.send(order(path, context=context))
        assert isinstance(await worker.receive(), GgufLoaded)
        yield worker
    finally:
        worker.kill()
        await worker.close()


@needs_library
async def test_a_cancelled_answer_ends_within_a_few_tokens(tmp_path: Path):
    async with working(tiny_gguf.write(tmp_path / "endless.gguf", endless=True), context=16_384) as worker:
        await worker.send(request(max_tokens=16_000))
        assert isinstance(await worker.receive(), AnswerPiece)
        await worker.send(Cancel(0))
        pieces = 0
        while isinstance(await worker.receive(), AnswerPiece):
            pieces += 1
        assert pieces < 8000  # it is some ten; a machine that is busy elsewhere lets the socket fill up, no more
        await worker.send(request(number=1))
        assert await worker.receive() == AnswerPiece(1, "Well,")


@needs_library
async def test_a_cancelled_prompt_is_read_no_further(tmp_path: Path):
    async with working(tiny_gguf.write(tmp_path / "tiny.gguf")) as worker:
        await worker.send(request([HELLO[0], {"role": "user", "content": "word " * 350}]))
        await worker.send(Cancel(0))
        answers = [await worker.receive()]
        while isinstance(answers[-1], AnswerPiece):
            answers.append(await worker.receive())
        assert isinstance(answers[-1], Done)
        assert not "".join(each.text for each in answers if isinstance(each, AnswerPiece))


@needs_library
async def test_what_a_request_does_wrong_fails_that_request_only(tmp_path: Path):
    async with working(tiny_gguf.write(tmp_path / "tiny.gguf")) as worker:
        await worker.send(request([HELLO[0], {"role": "user", "content": "word " * 2000}]))
        failure = await worker.receive()
        assert isinstance(failure, AnswerFailed) and isinstance(failure.error, InputError)
        await worker.send(request(number=1))
        assert await worker.receive() == AnswerPiece(1, "Well,")


# The engine


@needs_library
async def test_a_person_is_answered(tmp_path: Path):
    async with speaking(tiny_gguf.write(tmp_path / "tiny.gguf")) as model:
        assert await heard(model) == SAID
        assert model.restarts == 0


@needs_library
async def test_a_model_that_ends_at_once_has_answered_nothing(tmp_path: Path):
    async with speaking(tiny_gguf.write(tmp_path / "mute.gguf", ())) as model:
        with pytest.raises(PeerError, match="answered nothing"):
            await heard(model)


@needs_library
async def test_a_dead_worker_fails_the_line_it_had_and_is_replaced(tmp_path: Path):
    async with speaking(tiny_gguf.write(tmp_path / "endless.gguf", endless=True), max_tokens=1000) as model:
        stream = cast("AsyncGenerator[str]", model.write(prompt()))
        assert await anext(stream)
        assert model.pid is not None
        os.kill(model.pid, signal.SIGKILL)
        with pytest.raises(PeerError, match="killed by signal 9"):
            _ = [piece async for piece in stream]
        assert model.pid is None
        assert await anext(cast("AsyncGenerator[str]", model.write(prompt())))
        assert model.restarts == 1


@needs_library
async def test_a_worker_that_hangs_is_put_away(tmp_path: Path):
    async with speaking(tiny_gguf.write(tmp_path / "tiny.gguf"), patience_s=0.2) as model:
        await model.warm_up()
        assert model.pid is not None
        os.kill(model.pid, signal.SIGSTOP)
        with pytest.raises(PeerError, match="no sign of life"):
            await heard(model)
        assert model.pid is None  # the next line starts another, as after a death


@needs_library
async def test_closing_ends_who_waits(tmp_path: Path):
    async with speaking(tiny_gguf.write(tmp_path / "endless.gguf", endless=True), max_tokens=1000) as model:
        stream = cast("AsyncGenerator[str]", model.write(prompt()))
        assert await anext(stream)
        await model.close()
        with pytest.raises(ClosedError):
            _ = [piece async for piece in stream]
        with pytest.raises(ClosedError):
            await model.warm_up()


async def test_a_model_that_is_not_there_is_told_by_the_warm_up(tmp_path: Path):
    async with speaking(tmp_path / "absent.gguf") as model:
        with pytest.raises(InputError, match="there is no file"):
            await model.warm_up()
