"""Ears with a stand-in: a stretch of speech understood by the first engine of a chain that can.

The sound of a stretch is kept while it is heard (:data:`KEPT_SECONDS` at most). When an engine fails, also in the
middle, the next is told the stretch again from its start and goes on with what comes: a delay, and no word lost. What
the failed engine had understood is replaced, so nothing is ``stable`` before the final transcript.

An engine owes an answer from the moment it has the sound it asked for until it asks for more or says something. One
that lets the policy's patience pass in that state has failed; silence of the person's costs nobody anything.

One engine alone is a chain too: nobody can stand in for it, so it keeps its own limits and nothing that it said is
replaced; but it is known how it is. So is one beside others that do not know the language, or cannot hear what is asked
(:class:`~duologue.speech.hearing.Selective`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from duologue.audio.pcm import Samples
from duologue.chains import EngineChain
from duologue.clock import SECOND
from duologue.errors import ClosedError, InternalError, PeerError
from duologue.language.languages import knows
from duologue.metering import Amount, Meter, RequestOutcome, Service, metered
from duologue.speech.hearing import (
    EAR_RATE,
    Expected,
    HearingCapabilities,
    Selective,
    SpeechToText,
    Transcript,
    VoicePresence,
)

STRETCH_SECONDS = 5.0
"""Of sound that a stretch is taken to have before it is heard."""
KEPT_SECONDS = 150
"""Sound of a stretch that is kept for the next engine (9.6 MB); an engine that fails after more ends its stretch."""


class HearingChain(EngineChain[SpeechToText]):
    """See :mod:`duologue.chains`. It is an engine itself."""

    _closed = False

    @property
    def capabilities(self) -> HearingCapabilities:
        """What all that came up can do: nothing is promised that one of them might not keep."""
        found = [engine.capabilities for engine in self._chain.ready]
        if not found:
            raise InternalError(f"{self.name} and its stand-ins were asked what they can do before warm_up()")
        return HearingCapabilities(
            partials=all(each.partials for each in found),
            punctuation=all(each.punctuation for each in found),
            words=all(each.words for each in found),
            at_once=self.at_once,
            guesses_ends=any(each.guesses_ends for each in found),
            translates=any(each.translates for each in found),
        )

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        """See :class:`duologue.speech.hearing.SpeechToText`."""
        if self._closed:
            raise ClosedError(f"{self.name} and its stand-ins are closed")
        record = _Record(sound)
        asked = expected or Expected()
        fits = partial(_fits, ready=self._chain.ready, expected=asked)
        alone = sum(map(fits, self.engines)) == 1
        patience = None if alone else self._chain.policy.patience
        try:
            told = self._chain.stream(
                lambda engine: _heard(engine, record, expected, voice, patience, self._meter),
                revisable=True,
                fit=fits,
            )
            async with aclosing(told) as transcripts:
                async for _, transcript in transcripts:
                    yield transcript if transcript.final or alone else replace(transcript, stable=0)
        except _SourceFailed as failure:
            raise failure.cause from None

    async def close(self) -> None:
        """Close all. Idempotent."""
        self._closed = True
        await super().close()


def _fits(engine: SpeechToText, *, ready: Sequence[SpeechToText], expected: Expected) -> bool:
    """Whether it may stand in for this; one that is not up yet is not known to translate."""
    if expected.translated and not (engine in ready and engine.capabilities.translates):
        return False
    return knows(engine, expected.language) and (not isinstance(engine, Selective) or engine.hears(expected))


class _SourceFailed(Exception):
    """The sound itself ended in an error: no engine's failure, whatever its kind."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class _Record:
    """A stretch's sound, to be read again from its start by each engine."""

    def __init__(self, sound: AsyncIterator[Samples]) -> None:
        self._sound = sound
        self._kept: list[Samples] = []
        self._first = 0  # the number of the first block that is kept
        self._count = 0
        self._ended = self._torn = False

    def check(self) -> None:
        """Raises :class:`PeerError` when the stretch can no longer be told from its start."""
        if self._torn:
            raise PeerError("an engine let go of the sound in the middle of a block")
        if self._first:
            raise PeerError(f"a stretch of more than {KEPT_SECONDS} s is not told again", remedy="End it earlier.")

    async def read(self, debt: _Debt) -> AsyncGenerator[Samples, None]:
        """From the start on; ``debt`` is told when the reader waits for the person, and when it has sound again."""
        at = 0
        while True:
            if at == self._first + len(self._kept):
                if self._ended:
                    return
                debt.pause()
                await self._take()
            debt.owe()
            if at < self._first + len(self._kept):
                at += 1
                yield self._kept[at - 1 - self._first]

    async def _take(self) -> None:
        try:
            block = await anext(self._sound)
        except StopAsyncIteration:
            self._ended = True
        except Exception as error:
            raise _SourceFailed(error) from error
        except BaseException:
            self._torn = True
            raise
        else:
            if self._count > KEPT_SECONDS * EAR_RATE:
                self._first += len(self._kept)
                self._kept.clear()
            self._kept.append(block)
            self._count += len(block)


class _Debt:
    """The time (ns; None: no limit) within which an engine has to give a sign of life, while it has all that it asked
    for.
    """

    def __init__(self, patience: int | None) -> None:
        self._seconds = None if patience is None else patience / SECOND
        self._scope: asyncio.Timeout | None = None
        self._waiting = False

    async def within(self, stream: AsyncIterator[Transcript]) -> Transcript:
        """The next transcript. Raises :class:`TimeoutError`."""
        try:
            async with asyncio.timeout(None) as self._scope:
                self._apply()
                return await anext(stream)
        finally:
            self._scope = None

    def pause(self) -> None:
        """The engine waits for sound: it owes nothing."""
        self._waiting = True
        self._apply()

    def owe(self) -> None:
        """It has sound, or knows that no more will come."""
        self._waiting = False
        self._apply()

    def _apply(self) -> None:
        if self._scope is not None and not self._scope.expired():
            unbound = self._waiting or self._seconds is None
            self._scope.reschedule(None if unbound else asyncio.get_running_loop().time() + (self._seconds or 0.0))


async def _heard(
    engine: SpeechToText, record: _Record, expected: Expected | None, voice: VoicePresence | None,
    patience: int | None, meter: Meter,
) -> AsyncGenerator[Transcript, None]:  # fmt: skip
    """What one engine understands of the stretch, in time and with a final transcript, or :class:`PeerError`. It is
    counted: :class:`~duologue.metering.SpentError`.
    """
    record.check()
    call = meter.begin(Service.HEARS, engine.name, Amount(seconds=STRETCH_SECONDS))
    debt, final, taken = _Debt(patience), False, 0

    async def counted(blocks: AsyncIterator[Samples]) -> AsyncGenerator[Samples, None]:
        nonlocal taken
        async for block in blocks:
            taken += len(block)
            call.expect(Amount(seconds=max(STRETCH_SECONDS, taken / EAR_RATE)))
            yield block

    def settle(outcome: RequestOutcome) -> tuple[Amount, bool]:
        return Amount(seconds=taken / EAR_RATE), False

    async with (
        aclosing(record.read(debt)) as read,
        aclosing(counted(read)) as sound,
        aclosing(metered(call, engine.listen(sound, expected, voice), settle)) as stream,
    ):
        while True:
            try:
                transcript = await debt.within(stream)
            except StopAsyncIteration:
                break
            except TimeoutError as error:
                if patience is None:
                    raise
                limit = f"{patience / SECOND:g} s"
                raise PeerError(f"{engine.name} gave no sign within {limit}", where="a stretch of speech") from error
            final = transcript.final
            yield transcript
    if not final:
        raise PeerError(f"{engine.name} gave no final transcript")
