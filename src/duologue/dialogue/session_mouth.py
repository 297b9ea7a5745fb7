"""What a session says: replies written, moderated and voiced, sentence by sentence, as the table asks for them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

from duologue.dialogue.fillers import Fillers
from duologue.dialogue.ports import Voice
from duologue.dialogue.replies_text import Brevity, ReplyReader
from duologue.dialogue.turns_vocabulary import (
    AudioReady,
    EngineFailed,
    Event,
    ReplyBegun,
    ReplyFinished,
    SentenceReady,
    Stage,
)
from duologue.errors import DuologueError
from duologue.language.engine import LanguageModel, Prompt
from duologue.language.moderation import Moderator, Subject
from duologue.language.persona import Persona
from duologue.speech.utterance import Utterance

APOLOGIES = {
    Stage.HEARING: "Sorry, I did not catch that. Could you say it again?",
    Stage.THINKING: "Sorry, I lost my thread. Could you say that again?",
    Stage.VOICING: "Sorry, I lost my voice for a moment. Could you say that again?",
}
"""Honest sentences, by what failed."""


class SessionMouth:
    """Writes with ``model`` and speaks with ``voice`` for one persona; posts what is ready. ``parallel`` sentences are
    voiced at once.
    """

    def __init__(
        self,
        persona: Persona,
        model: LanguageModel,
        voice: Voice,
        moderator: Moderator,
        post: Callable[[Event], None],
        *,
        parallel: int = 2,
    ) -> None:
        self._persona = persona
        self._model = model
        self._voice = voice
        self._moderator = moderator
        self._post = post
        self._slots = asyncio.Semaphore(parallel)
        self._fillers = Fillers(voice, (persona,))
        self._apologies: dict[Stage, Utterance] = {}
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}

    async def prepare(self) -> None:
        """Voice beforehand what must not wait for a voice: apologies and fillers. What fails is left out."""
        for stage, text in APOLOGIES.items():
            try:
                voiced = await self._voice.voice(text, self._persona.name, f"apology-{stage}")
            except DuologueError as error:
                self._post(EngineFailed(Stage.VOICING, str(error), reply="apology"))
            else:
                self._apologies[stage] = voiced.utterance
        async for unvoiced in self._fillers.prepare():
            self._post(EngineFailed(Stage.VOICING, unvoiced.failure, reply="filler"))

    def think(self, reply: str, prompt: Prompt, group: asyncio.TaskGroup) -> None:
        """Write ``reply``."""
        self._start(reply, self._write(reply, prompt), group)

    def voice(self, reply: str, index: int, text: str, group: asyncio.TaskGroup) -> None:
        """Voice a sentence of it."""
        self._start(reply, self._speak(reply, index, text), group)

    def apologise(self, reply: str, index: int, stage: Stage, group: asyncio.TaskGroup) -> None:
        """Say that ``stage`` failed, from what is prepared if it is."""
        if utterance := self._apologies.get(stage):
            self._post(AudioReady(reply, index, replace(utterance, id=f"{reply}/{index}")))
        else:
            self.voice(reply, index, APOLOGIES[stage], group)

    def filler(self, utterance_id: str) -> Utterance | None:
        """The next filler."""
        return self._fillers.take(self._persona.name, utterance_id)

    def abandon(self, reply: str) -> None:
        """Stop all that is done for ``reply``."""
        for task in self._tasks.pop(reply, ()):
            task.cancel()

    def close(self) -> None:
        """Stop everything."""
        for reply in list(self._tasks):
            self.abandon(reply)

    def _start(self, reply: str, work: AsyncGenerator[Event, None], group: asyncio.TaskGroup) -> None:
        tasks = self._tasks.setdefault(reply, [])
        tasks[:] = [task for task in tasks if not task.done()]
        tasks.append(group.create_task(self._post_all(work)))

    async def _post_all(self, work: AsyncGenerator[Event, None]) -> None:
        try:
            async for event in work:
                self._post(event)
                await asyncio.sleep(0)  # an engine that never waits must not flood the inbox
        finally:
            await work.aclose()

    async def _write(self, reply: str, prompt: Prompt) -> AsyncGenerator[Event, None]:
        reader = ReplyReader(Brevity.of(self._persona), names=(self._persona.name, self._persona.title))
        stream = self._model.write(prompt)
        begun = False
        try:
            async for piece in stream:
                if not begun:
                    begun = True
                    yield ReplyBegun(reply)
                for part in reader.feed(piece):
                    yield await self._judged(reply, part.text)
                if reader.cut:
                    break
            for part in reader.finish():
                yield await self._judged(reply, part.text)
        except _RefusedError as refused:
            yield SentenceReady(reply, refused.instead)
        except Exception as error:  # an engine may come from a stranger's package: it must not end the conversation
            yield EngineFailed(Stage.THINKING, _words(error), reply=reply)
            return
        finally:
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()
        yield ReplyFinished(reply)

    async def _judged(self, reply: str, text: str) -> SentenceReady:
        """A sentence that may be said. Raises :class:`_RefusedError` with what is said instead, as the last."""
        verdict = await self._moderator.judge(text, Subject.LINE)
        if not verdict.allowed:
            raise _RefusedError(random.Random(f"deflection {reply}").choice(self._persona.deflections))
        return SentenceReady(reply, text)

    async def _speak(self, reply: str, index: int, text: str) -> AsyncGenerator[Event, None]:
        try:
            async with self._slots:
                voiced = await self._voice.voice(text, self._persona.name, f"{reply}/{index}")
        except Exception as error:  # as above
            yield EngineFailed(Stage.VOICING, _words(error), reply=reply, index=index)
        else:
            yield AudioReady(reply, index, voiced.utterance)


class _RefusedError(Exception):
    def __init__(self, instead: str) -> None:
        super().__init__(instead)
        self.instead = instead


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, DuologueError) else f"{type(error).__name__}: {error}"
