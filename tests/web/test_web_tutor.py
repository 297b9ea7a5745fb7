"""The tutor on a real language model, where one was fetched: `duologue models get gemma3-270m`. It is a very small one,
and no teacher. What is asked of the house is that a lesson is held with it all the same: every answer is spoken within
its caps, nothing is shown that cannot be so, what is learnt is kept, and drills go on beside it.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_web_talk import site

from duologue.app.show.cast import CastMember
from duologue.app.talk import session as talk_session
from duologue.app.talking.partners import find_partner
from duologue.app.talking.turn_policy import talk_policy
from duologue.client import TalkClient, TalkWish, talk_with
from duologue.dialogue.turns.policy import Policy
from duologue.language.persona import Persona
from duologue.language.text import word_count
from duologue.models.entries import GEMMA_270M
from duologue.models.shelf import ModelShelf
from duologue.settings import Settings, load_models_folder, load_settings
from duologue.tutor.lesson import shipped_lessons
from duologue.tutor.words import same

pytestmark = [pytest.mark.realtime, pytest.mark.peer, pytest.mark.slow, pytest.mark.timeout(600)]
GGUF = ModelShelf(load_models_folder(None)).path(GEMMA_270M) / "gemma-3-270m-q4_k_m.gguf"  # before it is hidden
SAID = ("I have twenty years.", "I live in Berlin.", "What is a lighthouse?")
LEARNER = "learner"


@pytest.fixture(scope="module")
def gguf() -> Path:
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")
    if not GGUF.is_file():
        pytest.skip("the model is not here: duologue models get gemma3-270m")
    return GGUF


def shown(client: TalkClient) -> list[str]:
    return [f"{note.kind}: {note.text}" for note in client.notes.values()]


async def talked(client: TalkClient, tutor: CastMember) -> None:
    """What learners say, each answered."""
    for number, words in enumerate(SAID):
        heard = await client.ask(words)
        person, answer = client.turns[-2:]
        print(f"{words}\n  {heard}\n  {shown(client)[-8:]}")
        assert (person.person, person.text, answer.person) == (True, words, False)
        assert heard and word_count(heard) <= tutor.persona.max_words + 10, "in words, and within its caps"
        assert sum(turn.person for turn in client.turns) == number + 1, "nothing was lost"
    for note in client.notes.values():
        turn = next(turn for turn in client.turns if turn.id == note.turn)
        assert note.text.strip().casefold() not in ("null", "none", "")
        assert not same(note.text, turn.text) or note.kind == "hint"
        if note.kind == "correction":
            assert note.said in SAID and not same(note.text, note.said)


def patient(settings: Settings, persona: Persona) -> Policy:
    """As long as a machine with other work takes: what is written is asked here, not how quickly."""
    return replace(talk_policy(settings, persona), reply_ms=200_000, filler_ms=200_000)


async def test_a_very_small_model_teaches_and_shows_nothing_that_cannot_be_so(
    gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(talk_session, "talk_policy", patient)
    flags: dict[str, Any] = {
        "engines.llm": "llama", "engines.llama.model": str(gguf), "engines.llama.context": 4096,
        "store.url": f"sqlite:///{tmp_path}/store.db",
    }  # fmt: skip
    tutor = find_partner("tutor", load_settings({"engines.tts": "espeak"}))
    async with asyncio.timeout(500), site(**flags) as here:
        async with talk_with(here.url, TalkWish("tutor", translate="de", person=LEARNER)) as client:
            await talked(client, tutor)
            lesson = shipped_lessons()[0]
            client.learn(lesson.name)
            await client.until(lambda: any(card.state == "asked" for card in client.exercises.values()))
            await client.until(lambda: client.standing == "quiet")
            assert "eight o'clock" in await client.ask(lesson.exercises[0].answers[0])
            assert [judged.verdict for judged in client.judged.values()] == ["right"]
            assert client.vocabulary is not None
            learnt = {word.word for word in client.vocabulary.words}
        async with talk_with(here.url, TalkWish("tutor", person=LEARNER)) as client:
            await client.until(lambda: client.vocabulary is not None)
            assert client.vocabulary is not None and client.vocabulary.kept
            assert {word.word for word in client.vocabulary.words} == learnt  # another day
