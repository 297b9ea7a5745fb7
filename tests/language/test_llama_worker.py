"""The engine `llama` on a scripted worker: what it makes of answers, and of workers that die."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from duologue.clock import VirtualClock
from duologue.errors import PeerError
from duologue.language.engine import LimitReached, Line, Moment, Prompt
from duologue.language.llama import LlamaLanguage, LlamaSettings
from duologue.language.persona import load_persona
from loading_worker import closed_while_loading

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

CHAD = load_persona(Path(__file__).parents[2] / "packs" / "characters" / "chad")
WORKER = """
import os, sys, time
from duologue.language.llama_messages import *
from duologue.child import Channel
channel = Channel.inherited()
model = channel.receive().model
print("llama_context: n_ctx_per_seq (4096) < n_ctx_train", file=sys.stderr, flush=True)
if "slow" in model:
    time.sleep(60)
if "illegal" in model:
    os.kill(os.getpid(), 4)
channel.send(GgufLoaded())
begun = {}
for message in channel:
    for number in message.over:
        if begun.pop(number, None) is not None:
            open(model, "a").write("cancelled")
    if isinstance(message, Write):
        said = message.messages[-1]["content"].split("say ")[-1].splitlines()[0]
        said = said.replace("so many", str(message.max_tokens))
        begun[message.number] = iter([*said.split("|"), *[""] * 9999 * said.endswith("|")])
        if said == "nothing more":
            os.kill(os.getpid(), 4)
    word = next(begun[message.number], None)
    done = Done(message.number, limited="at length" in said)
    channel.send(done if word is None else AnswerPiece(message.number, word))
"""


@pytest.fixture(autouse=True)
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scripted_llama.py").write_text(WORKER)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    monkeypatch.setattr("duologue.language.llama.WORKER_MODULE", "scripted_llama")


def engine(path: Path, **changes: object) -> LlamaLanguage:
    return LlamaLanguage(LlamaSettings.model_validate({"model": path} | changes), VirtualClock())


@pytest.fixture
async def llama(tmp_path: Path) -> AsyncIterator[LlamaLanguage]:
    made = engine(tmp_path / "model.gguf")
    yield made
    await made.close()


def saying(words: str) -> Prompt:
    return Prompt(CHAD, (), "", (Line("friend", f"say {words}"),), Moment.ANSWER)


async def heard(llama: LlamaLanguage, words: str) -> str:
    return "".join([piece async for piece in llama.write(saying(words))])


async def test_a_model_that_goes_on_as_another_speaker_is_stopped_there(llama: LlamaLanguage, tmp_path: Path):
    assert await heard(llama, "It is |a cat.| friend: |What is |a cat?|") == "It is a cat. "
    assert await heard(llama, "Next.") == "Next."  # what was written before it was told to stop is nobody's
    assert (tmp_path / "model.gguf").read_text() == "cancelled"


async def test_what_it_repeats_of_its_instructions_is_not_said(llama: LlamaLanguage):
    assert await heard(llama, "(Answer the |last line.)| Of course.") == " Of course."
    with pytest.raises(PeerError, match="answered nothing"):
        await heard(llama, "(Answer the last line.)")
    with pytest.raises(PeerError, match="somebody else's line"):
        await heard(llama, "friend: What is that?|")


async def test_a_reply_that_a_limit_ended_is_marked_and_the_request_sets_it(llama: LlamaLanguage):
    for words, most, said in (("at length: so many", 7, "at length: 7"), ("so many", None, "400")):
        prompt = Prompt(CHAD, (), "", (Line("friend", f"say {words}"),), max_tokens=most)
        pieces = [piece async for piece in llama.write(prompt)]
        assert "".join(pieces) == said and isinstance(pieces[-1], LimitReached) == (most is not None)


async def test_a_schema_leaves_what_it_writes_alone(llama: LlamaLanguage):
    prompt = Prompt(CHAD, (), "", (Line("friend", 'say {"text": "friend: yes"}'),), schema={"type": "object"})
    assert "".join([piece async for piece in llama.write(prompt)]) == '{"text": "friend: yes"}'


async def test_a_processor_that_forbids_its_instructions_is_named_with_the_remedy(
    llama: LlamaLanguage, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    illegal = engine(tmp_path / "illegal.gguf")
    for llm, ask in ((illegal, illegal.warm_up()), (llama, heard(llama, "nothing more"))):
        with pytest.raises(PeerError, match=r"signal 4 \(SIGILL\), at last saying 'llama_context") as caught:
            await ask
        assert "CMAKE_ARGS=-DGGML_NATIVE=OFF" in caught.value.remedy
        await llm.close()
    assert "llama_context" not in capfd.readouterr().err, "its own lines reach no console"


async def test_a_worker_that_died_while_nobody_asked_costs_nobody_a_line(llama: LlamaLanguage):
    await llama.warm_up()
    worker = llama.worker.worker
    assert worker is not None
    worker.kill()
    while not worker.gone:  # noqa: ASYNC110 (a process's own time)
        await asyncio.sleep(0.005)
    assert await heard(llama, "Here I am.") == "Here I am."
    assert llama.worker.restarts == 1


async def test_a_death_ends_all_lines_that_it_had(llama: LlamaLanguage):
    async with (
        aclosing(llama.write(saying("One|"))) as first,
        aclosing(llama.write(saying("Two|"))) as second,
    ):
        assert [await anext(first), await anext(second)] == ["One", "Two"]
        assert llama.worker.worker is not None
        llama.worker.worker.kill()
        for stream in (first, second):
            with pytest.raises(PeerError, match="signal 9"):
                await anext(stream)
    assert await heard(llama, "Three.") == "Three."


async def test_closing_while_the_model_loads_leaves_no_worker_behind(tmp_path: Path):
    await closed_while_loading(engine(tmp_path / "slow.gguf"), "scripted_llama")
