"""The engine `llama` through the real library and worker, on tiny models that say what the test wrote into them."""

from __future__ import annotations

import asyncio
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
from duologue.child import Worker
from duologue.clock import SECOND, VirtualClock
from duologue.errors import ClosedError, InputError, PeerError
from duologue.language.chat import ChatMessage
from duologue.language.engine import Line, Prompt
from duologue.language.llama import WORKER_MODULE, LlamaLanguage, LlamaSettings, engine
from duologue.language.llama_messages import AnswerFailed, AnswerPiece, Done, GgufLoaded, GoOn, LoadGguf, Write
from duologue.language.llama_model import LEAST, PORTION, LlamaModel, load
from duologue.language.persona import load_persona
from duologue.language.structured import ReplyForm, StructuredReader, reply_schema
from duologue.precedence import Errand, Urgency, errand_of

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

_CHAD = load_persona(Path(__file__).parents[2] / "packs" / "characters" / "chad")
CHAD = replace(_CHAD, description="Loud.", style=(), opinions=(), avoid=())  # the tiny model spells each letter
SAID = "Well, this is all that I know."
HELLO: tuple[ChatMessage, ...] = ({"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello."})


@pytest.fixture(scope="module")
def library() -> None:
    pytest.importorskip("llama_cpp", reason=tiny_gguf.MISSING)


needs_library = pytest.mark.usefixtures("library")


def order(model: Path, *, context: int = 2048, template: str = "", prompts: int = 1) -> LoadGguf:
    return LoadGguf(str(model), context, threads=1, gpu_layers=0, template=template, prompts=prompts)


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
    writing = model.write(request())
    assert [piece for piece in writing if piece] == ["Well,", *(" " + word for word in SAID.split()[1:])]
    assert not writing.limited


@needs_library
def test_bytes_are_joined_to_characters_and_stray_ones_hold_nothing(tmp_path: Path):
    script = ("▁A", "▁caf", *map(tiny_gguf.byte, (0xC3, 0xA9, 0xFF)), "▁and", tiny_gguf.byte(0xE2), "▁more.")
    model = load(order(tiny_gguf.write(tmp_path / "bytes.gguf", script)))
    pieces = [piece for piece in model.write(request()) if piece]
    assert pieces == ["A", " caf", "é", " and", " more."]


@needs_library
def test_an_endless_model_is_ended_by_the_limit(tmp_path: Path):
    model = load(order(tiny_gguf.write(tmp_path / "endless.gguf", endless=True), context=256))
    writing = model.write(request(max_tokens=10))
    assert "".join(writing) == SAID + " Well, this is" and writing.limited
    assert 100 < len(said(model, request(max_tokens=100_000)).split()) < 256, "as far as the context goes"


@needs_library
def test_a_schema_binds_it(tmp_path: Path):
    model = load(order(tiny_gguf.write(tmp_path / "tiny.gguf")))
    schema = json.dumps(reply_schema(["smile", "laugh"], notes=["hint"]))
    writing = model.write(request(schema=schema, max_tokens=400))
    text = "".join(writing)
    assert not writing.unbound
    assert [set(chunk) for chunk in json.loads(text)["chunks"]] == [{"text", "expression", "hint"}]
    reader = StructuredReader()
    reader.feed(text)
    reader.finish()
    assert reader.form is ReplyForm.STRUCTURED, text


@needs_library
def test_a_schema_that_is_none_is_told_and_asked_for_in_words_only(tmp_path: Path):
    model = load(order(tiny_gguf.write(tmp_path / "tiny.gguf")))
    for schema, bound in (('{"$ref": "#/nowhere"}', False), ("", True)):
        writing = model.write(request(schema=schema))
        assert "".join(writing) == SAID
        assert bool(writing.unbound) is not bound


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


def reads(model: LlamaModel, wanted: Write) -> tuple[int, int]:
    """Tokens of a prompt, and how many of them had been read before."""
    writing = model.write(wanted)
    assert "".join(writing) == ("" if wanted.variant else SAID)
    return writing.prompt, writing.kept


def asking(system: str, *said: str) -> tuple[ChatMessage, ...]:
    lines: list[ChatMessage] = [{"role": "system", "content": system}]
    for number, text in enumerate(said):
        lines.append({"role": "assistant" if number % 2 else "user", "content": text})
    return tuple(lines)


LONG = "Be kind to everybody who comes along, however long it takes them to say what they want. " * 2
OTHER = "Never say more than you have to, and what you have to say as plainly as you can say it. " * 2


@needs_library
def test_of_a_conversation_that_goes_on_only_what_is_new_is_read(tmp_path: Path):
    """Portions that were read already would forget what follows them, and read it all again."""
    model = load(order(tiny_gguf.write(tmp_path / "tiny.gguf")))
    first, kept = reads(model, request(asking(LONG, "Hello.")))
    assert kept < 64 < 150 < first
    longer, kept = reads(model, request(asking(LONG, "Hello.", SAID, "And?")))
    assert longer > first and kept > first - 10


class SlowClock(VirtualClock):
    """A second passes between any two looks at it."""

    def now(self) -> int:
        self.advance(SECOND)
        return super().now()


@needs_library
def test_a_model_that_reads_slowly_reads_less_at_once(tmp_path: Path):
    path = tiny_gguf.write(tmp_path / "tiny.gguf")
    for clock, portion in ((SlowClock(), LEAST), (VirtualClock(), PORTION)):
        model = load(order(path), clock)
        pieces = list(model.write(request(asking(LONG * 2, "Hello."))))
        assert model.portion == portion
        assert (pieces.count("") > 15) is (portion == LEAST)
        assert "".join(pieces) == SAID


@needs_library
def test_the_prompts_of_several_who_think_stay_read(tmp_path: Path):
    path = tiny_gguf.write(tmp_path / "tiny.gguf")
    for prompts, stays in ((1, False), (2, True)):
        model = load(order(path, prompts=prompts))
        for system in (LONG, OTHER):
            reads(model, request(asking(system, "Hello.")))
        for system in (LONG, OTHER):
            prompt, kept = reads(model, request(asking(system, "Well?")))
            assert (kept > 150) is stays, f"{kept} of {prompt} with {prompts}"
        assert len(model.seats) == prompts


@needs_library
def test_answers_under_way_at_once_do_not_mix(tmp_path: Path):
    model = load(order(tiny_gguf.write(tmp_path / "tiny.gguf"), prompts=2))
    writings = [model.write(request(asking(system, "Hello."))) for system in (LONG, OTHER, LONG)]
    told = ["", "", ""]
    under_way = set(range(3))
    while under_way:
        for number in sorted(under_way):
            piece = next(writings[number], None)
            told[number] += piece or ""
            under_way -= {number} if piece is None else set()
    assert told == [SAID] * 3
    assert len(model.seats) == 2, "one more than stays, for as long as it was needed"


@needs_library
def test_an_answer_that_is_left_gives_back_what_it_holds(tmp_path: Path):
    model = load(order(tiny_gguf.write(tmp_path / "tiny.gguf")))
    for _ in range(4):
        writing = model.write(request(asking(LONG, "Hello.")))
        assert next(writing) == ""
        writing.close()
    assert len(model.seats) == 1
    assert said(model) == SAID


@needs_library
def test_what_two_conversations_begin_with_is_read_ahead_of_either(tmp_path: Path):
    model = load(order(tiny_gguf.write(tmp_path / "tiny.gguf")))
    ahead, kept = reads(model, replace(request(asking(LONG, "A")), variant=asking(LONG, "1")))
    assert kept < 64 < 150 < ahead
    prompt, kept = reads(model, request(asking(LONG, "What is the time?")))
    assert kept == ahead < prompt, "all but the question"


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


async def answers_of(worker: Worker, wanted: Write) -> list[object]:
    """Its pieces to the end, each asked for."""
    await worker.send(wanted)
    found = [await worker.receive()]
    while isinstance(found[-1], AnswerPiece):
        await worker.send(GoOn(wanted.number))
        found.append(await worker.receive())
    return found


@needs_library
async def test_a_piece_is_written_when_it_is_asked_for_and_the_first_word_at_once(tmp_path: Path):
    async with working(tiny_gguf.write(tmp_path / "endless.gguf", endless=True), context=16_384) as worker:
        wanted = request(max_tokens=16_000)
        await worker.send(wanted)
        assert cast("AnswerPiece", await worker.receive()).text == ""
        await worker.send(GoOn(0))
        assert cast("AnswerPiece", await worker.receive()).text == "Well,"
        await worker.send(GoOn(0))
        piece = cast("AnswerPiece", await worker.receive())
        assert 2 <= len(piece.text.split()) < 8000, "what was drawn in 40 ms"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await worker.receive()  # nobody asked


@needs_library
async def test_an_answer_that_is_over_is_gone_on_with_no_more(tmp_path: Path):
    async with working(tiny_gguf.write(tmp_path / "endless.gguf", endless=True), context=16_384) as worker:
        await worker.send(request(max_tokens=16_000))
        assert isinstance(await worker.receive(), AnswerPiece)
        await worker.send(replace(request(number=1, max_tokens=2), over=(0,)))
        assert isinstance(await worker.receive(), AnswerPiece)
        await worker.send(GoOn(0))
        failed = await worker.receive()
        assert isinstance(failed, AnswerFailed) and failed.number == 0


@needs_library
async def test_a_prompt_is_read_portion_by_portion(tmp_path: Path):
    async with working(tiny_gguf.write(tmp_path / "tiny.gguf")) as worker:
        found = await answers_of(worker, request([HELLO[0], {"role": "user", "content": "word " * 250}]))
        pieces = [each for each in found if isinstance(each, AnswerPiece)]
        assert isinstance(found[-1], Done)
        assert "".join(piece.text for piece in pieces) == SAID
        assert pieces[0].prompt > 1200
        assert sum(not piece.text for piece in pieces) >= pieces[0].prompt // 64


@needs_library
async def test_what_a_request_does_wrong_fails_that_request_only(tmp_path: Path):
    async with working(tiny_gguf.write(tmp_path / "tiny.gguf")) as worker:
        await worker.send(request([HELLO[0], {"role": "user", "content": "word " * 2000}]))
        failure = await worker.receive()
        assert isinstance(failure, AnswerFailed) and isinstance(failure.error, InputError)
        told = await answers_of(worker, request(number=1))
        assert "".join(each.text for each in told if isinstance(each, AnswerPiece)) == SAID


# The engine


@needs_library
async def test_a_person_is_answered(tmp_path: Path):
    async with speaking(tiny_gguf.write(tmp_path / "tiny.gguf")) as model:
        assert await heard(model) == SAID
        assert model.worker.restarts == 0


@needs_library
async def test_a_model_that_ends_at_once_has_answered_nothing(tmp_path: Path):
    async with speaking(tiny_gguf.write(tmp_path / "mute.gguf", ())) as model:
        with pytest.raises(PeerError, match="answered nothing"):
            await heard(model)


@needs_library
async def test_a_dead_worker_fails_the_line_it_had_and_is_replaced(tmp_path: Path):
    async with speaking(tiny_gguf.write(tmp_path / "endless.gguf", endless=True), max_tokens=1000) as model:
        stream = model.write(prompt())
        assert await anext(stream)
        assert model.worker.pid is not None
        os.kill(model.worker.pid, signal.SIGKILL)
        with pytest.raises(PeerError, match="killed by signal 9"):
            _ = [piece async for piece in stream]
        assert model.worker.pid is None
        assert await anext(model.write(prompt()))
        assert model.worker.restarts == 1


@needs_library
async def test_a_worker_that_hangs_is_put_away(tmp_path: Path):
    async with speaking(tiny_gguf.write(tmp_path / "tiny.gguf"), patience_s=0.2) as model:
        await model.warm_up()
        assert model.worker.pid is not None
        os.kill(model.worker.pid, signal.SIGSTOP)
        with pytest.raises(PeerError, match="no sign of life"):
            await heard(model)
        assert model.worker.pid is None  # the next line starts another, as after a death


@needs_library
async def test_closing_ends_who_waits(tmp_path: Path):
    async with speaking(tiny_gguf.write(tmp_path / "endless.gguf", endless=True), max_tokens=1000) as model:
        stream = model.write(prompt())
        assert await anext(stream)
        await model.close()
        with pytest.raises(ClosedError):
            _ = [piece async for piece in stream]
        with pytest.raises(ClosedError):
            await model.warm_up()


@needs_library
async def test_a_prompt_that_was_read_ahead_is_not_read_again(tmp_path: Path):
    async with speaking(tiny_gguf.write(tmp_path / "tiny.gguf")) as model:
        wordy = replace(
            CHAD, description="Loud, and never at a loss for a word about what is none of his business. " * 2
        )
        asked = replace(prompt(), speaker=wordy)
        await model.read_ahead(replace(asked, lines=(Line("person", "…"),)))
        with errand_of(Errand()) as errand:
            assert await heard(model, asked) == SAID
        assert errand.prompt > 250 and errand.kept > 150
        with errand_of(Errand()) as again:
            await heard(model, replace(asked, speaker=CHAD))
        assert again.kept < 64, "another's"


@needs_library
async def test_the_question_itself_ends_the_reading_ahead(tmp_path: Path):
    """Reading that waits for its turn, or is in the middle of it, makes place for the prompt that it was for."""
    async with speaking(tiny_gguf.write(tmp_path / "tiny.gguf")) as model:
        await model.warm_up()
        held = model.worker.gate.ask("somebody else", Urgency.SOUNDING, threads=99)
        with errand_of(Errand(Urgency.AHEAD)):
            async with asyncio.TaskGroup() as group:
                ahead = group.create_task(model.read_ahead(prompt(text="…")))
                await asyncio.sleep(0.01)
                with errand_of(Errand()):
                    assert await heard(model) == SAID
                assert not ahead.done()
                held.leave()
        assert ahead.done()
        assert model.worker.gate.counts["llama", Urgency.AWAITED].pieces > 3


@needs_library
async def test_lines_at_once_take_turns_and_one_place_is_left_for_who_waits(tmp_path: Path):
    endless = tiny_gguf.write(tmp_path / "endless.gguf", endless=True)
    async with speaking(endless, max_tokens=1500, prompts=2) as model:
        with errand_of(Errand(Urgency.NEXT)):
            show = model.write(prompt())
            assert await anext(show)

        async def guess() -> str:
            with errand_of(guessed):
                return await anext(model.write(prompt()))

        guessed = Errand(Urgency.SPECULATIVE)
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(guess())
            await asyncio.sleep(0.05)
            assert not waiting.done(), "two are written at once, and one of these places is for who is waited for"
            guessed.set(Urgency.AWAITED)
            assert await waiting
        await show.aclose()


async def test_a_model_that_is_not_there_is_told_by_the_warm_up(tmp_path: Path):
    async with speaking(tmp_path / "absent.gguf") as model:
        with pytest.raises(InputError, match="there is no file"):
            await model.warm_up()
