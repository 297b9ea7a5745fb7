"""A conversation in writing, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest

from duologue.app.talking.captions import Caption, CaptionKind, Captions
from duologue.app.talking.chat import Chat, open_chat
from duologue.app.talking.talking import Partner
from duologue.app.talking.text import Deaf, WrittenVoice
from duologue.dialogue.ports import Voice, Voiced
from duologue.dialogue.session.session import Observe, SessionEngines, SessionOptions
from duologue.dialogue.turns.vocabulary import Effect, Event
from duologue.errors import ClosedError, InputError, PeerError
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.language.moderation import Moderator
from duologue.language.persona import Persona
from duologue.language.structured import reply_schema
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.utterance import Utterance

ADA = Persona("ada", "Ada", "A calm woman.", fillers=("Hm.",))


def chat_with(
    *replies: ScriptedReply,
    take: Callable[[Utterance], None] = lambda each: None,
    options: SessionOptions | None = None,
    observe: Observe = lambda item, now: None,
    voice: Voice | None = None,
) -> AbstractAsyncContextManager[Chat]:
    """In virtual time."""
    clock, deaf = LoopClock(), Deaf()
    voice = voice or WrittenVoice()
    partner = Partner(ADA, SessionEngines(deaf, deaf, FakeLanguage(replies, clock), voice, Moderator()))
    return open_chat(partner, options, take=take, observe=observe, clock=clock)


def test_sentences_come_one_by_one_and_the_answer_is_all_of_them() -> None:
    said: list[str] = []

    async def main() -> None:
        async with chat_with(
            ScriptedReply("One. Two and more. Three."), take=lambda each: said.append(each.text)
        ) as chat:
            assert await chat.ask(" Go on ") == "One. Two and more. Three."
            with pytest.raises(InputError, match="empty"):
                await chat.ask("  ")
        assert [line.text for line in chat.lines] == ["Go on", "One. Two and more. Three."]

    simulate(main())
    assert said == ["One.", "Two and more.", "Three."]


class StreamingVoice(WrittenVoice):
    """As one is that ``--out`` asks for: a sentence begins at once and is whole after as long as it lasts."""

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        whole = (await super().voice(text, speaker, utterance_id)).utterance

        async def more() -> AsyncGenerator[Utterance, None]:
            await asyncio.sleep(0.3 * len(text.split()))
            yield whole

        return Voiced(replace(whole, samples=whole.samples[:1], open=True), more=more())


def test_sentences_that_are_voiced_side_by_side_are_said_in_their_order() -> None:
    said: list[str] = []

    async def main() -> str:
        replied = ScriptedReply("This one is long and takes a while. No.")
        async with chat_with(replied, take=lambda each: said.append(each.text), voice=StreamingVoice()) as chat:
            return await chat.ask("Go on")

    assert simulate(main()) == "This one is long and takes a while. No."
    assert said == ["This one is long and takes a while.", "No."]


def test_who_writes_while_a_sentence_is_being_voiced_is_answered_and_nobody_is_called_late() -> None:
    said: list[str] = []
    captions = Captions()
    shown: list[Caption] = []

    def see(item: Event | Effect, now: int) -> None:
        if (caption := captions.take(item)) is not None:
            shown.append(caption)

    async def main() -> str:
        replies = ScriptedReply("This one is long and takes a while."), ScriptedReply("Tea.")
        async with chat_with(
            *replies, take=lambda each: said.append(each.text), voice=StreamingVoice(), observe=see
        ) as chat:
            chat.say("Go on")
            await asyncio.sleep(1.0)
            return await chat.ask("About tea")

    assert simulate(main()) == "Tea."
    assert said == ["Tea."] and not [each for each in shown if each.kind is CaptionKind.TROUBLE]


def test_writing_takes_no_time_and_a_sample_a_word() -> None:
    """It goes through no sound: a sample for each word is only what positions are counted in."""
    said: list[Utterance] = []

    async def main() -> float:
        async with chat_with(ScriptedReply("One. Two and more."), take=said.append) as chat:
            began = asyncio.get_running_loop().time()
            await chat.ask("Go on")
            return asyncio.get_running_loop().time() - began

    assert simulate(main()) == 0
    assert [len(each.samples) for each in said] == [1, 3]


def test_questions_wait_for_one_another_and_each_gets_its_own_answer() -> None:
    async def main() -> list[str]:
        async with (
            chat_with(ScriptedReply("The first.", first=0.5), ScriptedReply("The second.", first=0.5)) as chat,
            asyncio.TaskGroup() as group,
        ):
            asked = [group.create_task(chat.ask(text)) for text in ("What is one?", "What is two?")]
        return [task.result() for task in asked]

    assert simulate(main()) == ["The first.", "The second."]


def test_who_writes_into_the_answer_interrupts_it_and_the_question_is_joined_to_the_new_one() -> None:
    async def main() -> None:
        async with (
            chat_with(ScriptedReply("Never said.", first=5), ScriptedReply("For both.")) as chat,
            asyncio.TaskGroup() as group,
        ):
            answer = group.create_task(chat.ask("What is one?"))
            await asyncio.sleep(1)
            chat.say("And two?")
            assert await answer == "For both."
        assert [line.text for line in chat.lines] == ["What is one? And two?", "For both."]

    simulate(main())


def test_an_engine_that_hangs_is_apologised_for_and_muttering_is_left_out() -> None:
    said: list[str] = []

    async def main() -> str:
        async with chat_with(ScriptedReply(hang=True), take=lambda each: said.append(each.text)) as chat:
            return await chat.ask("Are you there?")

    assert "lost my thread" in simulate(main())
    assert len(said) == 1


def test_leaving_in_the_middle_of_an_answer_is_told_to_who_waits() -> None:
    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            async with chat_with(ScriptedReply(hang=True)) as chat:
                waiting = group.create_task(_raised(chat.ask("Are you there?")))
                await asyncio.sleep(1)
            assert isinstance(await waiting, ClosedError)

    simulate(main())


def test_who_asks_when_the_character_has_hung_up_is_told_so() -> None:
    """Nobody was there to answer, and they waited for good."""

    async def main() -> None:
        async with chat_with(ScriptedReply("Yes.")) as chat:
            assert await chat.ask("Are you there?") == "Yes."
            chat.control.leave()
            await asyncio.sleep(1)
            async with asyncio.timeout(60):
                assert isinstance(await _raised(chat.ask("Are you still there?")), ClosedError)

    simulate(main())


def test_who_shows_the_answers_fails_and_that_is_the_one_error() -> None:
    def fail(utterance: Utterance) -> None:
        raise PeerError(f"the page is gone: {utterance.text}")

    async def main() -> None:
        async with chat_with(ScriptedReply("Here I am."), take=fail) as chat:
            await chat.ask("Are you there?")

    with pytest.raises(ExceptionGroup) as caught:
        simulate(main())
    assert [type(error) for error in caught.value.exceptions] == [PeerError]


def test_a_structured_reply_is_said_without_its_notes_which_are_shown() -> None:
    written = '{"chunks": [{"text": "You went there.", "expression": "smile", "correction": "I went, not I goed."}]}'
    captions, shown = Captions(), list[Caption | None]()

    async def main() -> str:
        options = SessionOptions(schema=reply_schema(notes=("correction",)))
        chat = chat_with(
            ScriptedReply(written), options=options, observe=lambda item, now: shown.append(captions.take(item))
        )
        async with chat as talk:
            return await talk.ask("I goed there.")

    assert simulate(main()) == "You went there."
    assert Caption(CaptionKind.NOTE, "correction: I went, not I goed.") in shown


async def _raised(work: Coroutine[Any, Any, str]) -> BaseException:
    with pytest.raises(BaseException) as caught:
        await work
    return caught.value
