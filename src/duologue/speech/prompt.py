"""How long an engine that speaks is waited for, and how it is asked for what is long.

A slow engine that is at work has not failed, and one that hangs is not waited for in vain: how long the first sound may
take follows what is asked for and how the engine's lines went so far (:class:`~duologue.paces.EnginePace`). An engine
that gives a line when all of it is made is asked for a long one clause by clause, so that something of it is soon to be
heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from duologue.clock import SECOND
from duologue.errors import PeerError
from duologue.speech.clauses import SpokenPiece, in_clauses
from duologue.speech.engine import SpeechOutlook, TextToSpeech
from duologue.speech.layer import SpeechLayer
from duologue.speech.timed import pace_of
from duologue.speech.utterance import Mark, SpeechChunk
from duologue.streams import limited, renewal

UNSEEN_PACE = 12.0
"""Characters a second of an engine that has said nothing yet: below that of speech."""
UNSEEN_MOST = 96
"""Characters that an engine is asked for at once until it has said two lines: also one of 8 a second then has its first
sound in time.
"""
PIECE_SECONDS = 5.0
"""What a voice needs longer for is said in clauses."""
LONGEST_QUEUE = 60.0
"""Seconds after which who waits for others is late all the same: its request may be lost."""
LEAST_PIECE = 32
"""Characters of a clause for the slowest voice."""


def expected(engine: TextToSpeech, characters: int) -> float:
    """Seconds until the first sound of so many characters; 0 where nobody keeps the engine's pace."""
    pace = pace_of(engine)
    if pace is None:
        return 0.0
    known = pace.until_first(characters)
    return characters / UNSEEN_PACE if known is None else known


def pieces(engine: TextToSpeech, text: str) -> list[SpokenPiece]:
    """What ``engine`` is asked for to say ``text``, as far as is known of it now."""
    pace, whole = pace_of(engine), [SpokenPiece(text, 0, len(text))]
    if pace is None:
        return whole
    known = pace.within(PIECE_SECONDS)
    most = UNSEEN_MOST if known is None else max(known, LEAST_PIECE)
    return whole if len(text) <= most else in_clauses(text, int(most)) or whole


def outlook(engine: TextToSpeech, text: str) -> SpeechOutlook:
    """What is to be expected of ``engine``, of a line that is heard while it is made."""
    asked = pieces(engine, text)
    return SpeechOutlook(max(expected(engine, len(each.text)) for each in asked), len(asked))


class PromptSpeech(SpeechLayer):
    """An engine that must give its first sound ``patience`` ns after what is to be expected, and then each next piece
    within ``stall``. While it gives sound of one line it is not late with another: many make one after the other.
    """

    def __init__(self, engine: TextToSpeech, patience: int, stall: int) -> None:
        super().__init__(engine)
        self._patience = patience
        self._stall = stall
        self._waiting = set[Callable[[], None]]()

    async def speak(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk, None]:
        """See :class:`duologue.speech.engine.TextToSpeech`. Also :class:`PeerError` for one that is late."""
        sounding, limit = False, self._patience / SECOND + expected(self.engine, len(text))
        async with aclosing(self.engine.speak(text, voice)) as stream:
            while True:
                try:
                    async with limited(limit):
                        chunk = await self._next(stream)
                except StopAsyncIteration:
                    return
                except TimeoutError as error:
                    what = "no more sound" if sounding else "no sound"
                    raise PeerError(
                        f"{self.name} gave {what} within {round(limit, 2):g} s", where=f"voice {voice}"
                    ) from error
                if len(chunk.samples):
                    sounding, limit = True, self._stall / SECOND
                    for renew in self._waiting:
                        renew()
                yield chunk

    async def _next(self, stream: AsyncGenerator[SpeechChunk, None]) -> SpeechChunk:
        loop, all_anew = asyncio.get_running_loop(), renewal()
        until = loop.time() + LONGEST_QUEUE

        def renew() -> None:
            if loop.time() < until:
                all_anew()

        self._waiting.add(renew)
        try:
            return await anext(stream)
        finally:
            self._waiting.discard(renew)


class ClauseSpeech(SpeechLayer):
    """An engine that is ``asked`` for what takes long in pieces; ``known`` is whose pace that goes by, as each piece is
    begun. Between two pieces there is an empty chunk: what is there should be heard meanwhile.
    """

    def __init__(self, asked: TextToSpeech, known: TextToSpeech) -> None:
        super().__init__(asked)
        self._known = known

    async def speak(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk, None]:
        """See :class:`duologue.speech.engine.TextToSpeech`: one piece after another."""
        made = at = 0
        while at < len(text):
            piece, *rest = pieces(self._known, text[at:])
            begin, offset = made, at + piece.begin
            async with aclosing(self.engine.speak(piece.text, voice)) as stream:
                async for chunk in stream:
                    made += len(chunk.samples)
                    yield replace(chunk, marks=tuple(_moved(mark, begin, offset) for mark in chunk.marks))
            at += piece.end if rest else len(text)
            if rest:
                yield SpeechChunk()


def _moved(mark: Mark, samples: int, offset: int) -> Mark:
    place = mark.offset + offset if mark.offset >= 0 else -1
    return replace(mark, start=mark.start + samples, end=mark.end + samples, offset=place)
