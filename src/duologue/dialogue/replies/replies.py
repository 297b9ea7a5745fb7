"""The two halves of a reply that the person's session and the director of the show share: reading it while it is
written, and voicing its sentences.

**Reading** (:func:`read_reply`): the engine's stream goes through the :class:`ReplyReader` (sentences or structured
chunks, and brevity), and each sentence past the moderator before anybody voices it, together with the one before it, so
that nothing passes in two halves. A refused one becomes one of the persona's deflections, and nothing more of that
reply is said. When the engine breaks off, the whole sentences that came before are given all the same, and the failure
is told at the end. However it ends, the engine's stream is closed.

**Voicing** (:class:`SentenceVoicing`): a sentence with a time limit that follows its length and how quick the voice is,
and a second try, at most so many at once.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from duologue.dialogue import nonsense
from duologue.dialogue.heard import heard_text
from duologue.dialogue.ports import Voice, Voiced, outlook_of
from duologue.dialogue.replies.text import Brevity, ReplyCap, ReplyReader, SpokenPart
from duologue.errors import PeerError, in_words
from duologue.language.engine import LanguageModel, Prompt, WholeText
from duologue.language.moderation import Moderator, Subject
from duologue.language.structured import NOTES, ReplyChunk, ReplyForm
from duologue.language.tools import ToolFiller
from duologue.speech.utterance import Utterance
from duologue.streams import cancelled, closing, limited

MAX_EMPTY = 1_000
"""Empty pieces in a row (servers send some to keep a line open); more are no reply."""
PORTION = 192
"""Characters of a piece that are read at once."""
PIECE_SECONDS = 8.0
"""Between two pieces of a reply that has begun, beside what a tool may take (until it has begun, the listener decides
how long is too long).
"""
MODERATION_SECONDS = 6.0
"""For one verdict; each plugged-in check has a shorter limit of its own."""
MOST_ALIKE = 2
"""Times that a structured reply says the same sentence; a model that would say it again goes round in circles."""
_END = object()


@dataclass(frozen=True, slots=True)
class StreamBegun:
    """The first piece of the stream is there."""


@dataclass(frozen=True, slots=True)
class Expressed:
    """What the sentences of structured chunk ``chunk`` are said with."""

    chunk: int
    expression: str


@dataclass(frozen=True, slots=True)
class ReplyEnding:
    """How a reply ended; the last item of each. ``form`` is None where no structured reply was asked for.

    ``failure`` is the engine's, in words; empty when it wrote to its end or was stopped at a cap.
    """

    form: ReplyForm | None = None
    problem: str = ""
    cut: ReplyCap = ReplyCap.NONE
    refused: bool = False
    failure: str = ""


ReplyItem: TypeAlias = StreamBegun | SpokenPart | Expressed | ReplyChunk | ReplyEnding
"""What reading gives: sentences that may be said, what they are said with, structured chunks as they become whole."""


async def read_reply(model: LanguageModel, prompt: Prompt, moderator: Moderator) -> AsyncGenerator[ReplyItem, None]:
    """Write the reply to ``prompt`` and give what may be said of it. Close the iterator to stop the engine.

    The caps are the speaker's; ``prompt.schema`` says whether the reply is structured. Raises nothing for what an
    engine does.
    """
    reading = _Reading(prompt, moderator)
    patience = PIECE_SECONDS + (prompt.tools.toolbox.longest_seconds if prompt.tools else 0.0)
    failure = ""
    try:
        async with closing(model.write(prompt)) as stream:
            while (given := await _next(stream, patience if reading.begun else None)) is not _END:
                for piece in _portions(nonsense.piece(given, model.name)):
                    if reading.begins(piece):
                        yield StreamBegun()
                    parts = reading.feed(piece)
                    if parts or reading.news:
                        async for item in reading.judged(parts):
                            yield item
                    if reading.over:
                        break
                    if len(piece) in (0, PORTION):
                        await asyncio.sleep(0)  # what never waits, or comes all at once, must not hold the loop
                if reading.over:
                    break
    except asyncio.CancelledError as error:
        if cancelled():
            raise
        failure = in_words(error)  # the engine cancelled itself
    except Exception as error:  # an engine may come from a stranger's package: what it said so far is still said
        failure = in_words(error)
    async for item in reading.judged(reading.finish(broken=bool(failure))):
        yield item
    yield replace(reading.ending(), failure=failure or reading.failure)


def _portions(piece: str) -> Iterable[str]:
    """A huge piece in parts that are quickly read. What a tool mutters, and what a person wrote, stays whole."""
    if len(piece) <= PORTION or isinstance(piece, ToolFiller | WholeText):
        return (piece,)
    return (piece[at : at + PORTION] for at in range(0, len(piece), PORTION))


async def _next(stream: AsyncIterator[str], patience: float | None) -> object:
    """The next piece. Raises :class:`PeerError` for a reply that stands still: what is held of it can then be said."""
    timer = limited(patience)
    try:
        async with timer:
            return await anext(stream, _END)
    except TimeoutError as error:
        if not timer.expired():
            raise
        raise PeerError(f"it stood still for {patience:g} s in the middle") from error


class _Reading:
    """One reply under way."""

    def __init__(self, prompt: Prompt, moderator: Moderator) -> None:
        cast = (prompt.speaker, *prompt.others)
        names = [name for persona in cast for name in (persona.name, persona.title)]
        brevity = Brevity.of(prompt.speaker)
        self._reader = ReplyReader(
            brevity, structured=prompt.schema is not None, names=names, language=prompt.speaker.language
        )
        self._prompt = prompt
        self._moderator = moderator
        self.begun = False
        """Its first piece is there."""
        self._refused = self._circling = False
        self._said = Counter[str]()
        self._empty = 0
        self.failure = ""
        """The moderator's."""
        self._before = ""
        self._chunks = 0
        self._expressed = set[int]()

    @property
    def over(self) -> bool:
        """Nothing more will be said: the engine can be stopped."""
        return self._refused or self._circling or bool(self._reader.cut)

    @property
    def news(self) -> bool:
        """There is more to know of a structured chunk than was given."""
        return len(self._reader.expressions) > len(self._expressed) or self._chunks in self._reader.chunks

    def begins(self, piece: str) -> bool:
        """Whether ``piece`` is the first of the reply. Raises :class:`PeerError` for endless nothing."""
        self._empty = 0 if piece else self._empty + 1
        if self._empty > MAX_EMPTY:
            raise PeerError(f"it gave {self._empty} empty pieces in a row")
        begins, self.begun = bool(piece) and not self.begun, self.begun or bool(piece)
        return begins

    def feed(self, piece: str) -> list[SpokenPart]:
        return self._reader.feed(piece)

    def finish(self, *, broken: bool) -> list[SpokenPart]:
        return [] if self._refused or self._circling else self._reader.finish(broken=broken)

    def ending(self) -> ReplyEnding:
        reader = self._reader
        problem = reader.problem or ("it repeats itself" if self._circling else "")
        return ReplyEnding(reader.form if reader.structured else None, problem, reader.cut, self._refused)

    async def judged(self, parts: list[SpokenPart]) -> AsyncGenerator[ReplyItem, None]:
        """``parts`` that may be said, or what is said instead of the first that may not; then chunks that are whole."""
        for part in parts:
            self._said[part.text] += part.chunk >= 0
            if self._said[part.text] > MOST_ALIKE:
                self._circling = True
                return
            if not await self._allowed(f"{self._before} {part.text}".strip()):
                self._refused = True
                yield replace(part, text=deflection(self._prompt), chunk=-1)
            if self._refused:
                return
            self._before = part.text
            yield part
        for number in sorted(self._reader.expressions.keys() - self._expressed):
            self._expressed.add(number)
            yield Expressed(number, self._reader.expressions[number])
        while not self._refused and (chunk := self._reader.chunks.get(self._chunks)) is not None:
            self._chunks += 1
            yield await self._shown(chunk)

    async def _shown(self, chunk: ReplyChunk) -> ReplyChunk:
        """``chunk`` with the notes that may be shown: all of them or none."""
        notes = " ".join(filter(None, (getattr(chunk, kind) for kind in NOTES)))
        if not notes or await self._allowed(notes):
            return chunk
        return replace(chunk, **dict.fromkeys(NOTES, ""))

    async def _allowed(self, text: str) -> bool:
        """What cannot be judged is not said."""
        timer = asyncio.timeout(MODERATION_SECONDS)
        try:
            async with timer:
                return (await self._moderator.judge(text, Subject.LINE)).allowed
        except Exception as error:  # as above
            what = f"no verdict in {MODERATION_SECONDS:g} s" if timer.expired() else in_words(error)
            self.failure = f"moderator: {what}"
            return False


def deflection(prompt: Prompt) -> str:
    """A line in character instead of one that may not be said; not one that was heard, while there are others."""
    said = {line.text for line in prompt.lines}
    fresh = [line for line in prompt.speaker.deflections if line not in said] or list(prompt.speaker.deflections)
    return random.Random(f"deflection {prompt.seed} {prompt.turn} {prompt.moment}").choice(fresh)


@dataclass(frozen=True, slots=True)
class VoiceLimits:
    """How long a voice may give no sound of what it was asked for, beyond what is to be expected of it (seconds), how
    often it is asked, and for how many sentences at once; ``rate`` (Hz) is the one that its sound must have, None: any.
    """

    seconds: float = 20.0
    tries: int = 2
    parallel: int = 2
    rate: int | None = None


@dataclass(slots=True)
class Attempt:
    """What came of voicing a sentence: its sound, None when no try gave one, and why tries failed, in words; and why it
    is not whole (empty: it is).
    """

    voiced: Voiced | None = None
    failures: list[str] = field(default_factory=list[str])
    broken_off: str = ""


Take: TypeAlias = Callable[[Utterance], Awaitable[None]]
"""Is given an utterance as it grows: open ones, and at last a closed one."""


class SentenceVoicing:
    """Voices sentences within limits. Cancel the caller to stop.

    While a voice gives sound of one sentence it is not late with another: many make one after the other. One that is
    made in several pieces is made to its end before the next is begun: between its pieces there would be silence.
    """

    def __init__(self, voice: Voice, limits: VoiceLimits | None = None) -> None:
        self._voice = voice
        self._limits = limits or VoiceLimits()
        self._waiting = set[limited]()
        self._slots = asyncio.Semaphore(self._limits.parallel)
        self._in_pieces = asyncio.Lock()

    async def voice(self, text: str, speaker: str, utterance_id: str, take: Take | None = None) -> Attempt:
        """The sound of ``text``; waits for a free place first. Raises nothing for what an engine does.

        ``take`` is given the utterance as soon as it begins, and each time that it has grown; from then on there is no
        other try: an engine that breaks off leaves what it gave. Without it only whole sound counts.
        """
        attempt = Attempt()
        async with self._slots:
            async with self._in_pieces:
                if outlook_of(self._voice, text).pieces > 1:
                    await self._tries(attempt, text, speaker, utterance_id, take)
                    return attempt
            await self._tries(attempt, text, speaker, utterance_id, take)
        return attempt

    async def _tries(self, attempt: Attempt, text: str, speaker: str, utterance_id: str, take: Take | None) -> None:
        while attempt.voiced is None and len(attempt.failures) < self._limits.tries:
            limit = self._limits.seconds + outlook_of(self._voice, text).seconds
            timer = limited(limit)
            try:
                async with timer:
                    self._waiting.add(timer)
                    try:
                        given = await self._voice.voice(text, speaker, utterance_id)
                    finally:
                        self._waiting.discard(timer)
                async with closing(_more(given)) as more:
                    voiced = nonsense.voiced(given, utterance_id, self._limits.rate)
                    attempt.voiced = await self._follow(voiced, more, take, attempt)
            except asyncio.CancelledError as error:
                if cancelled():
                    raise
                attempt.failures.append(in_words(error))
            except Exception as error:  # as above
                if cancelled():
                    raise asyncio.CancelledError from error  # it was asked to stop, and answered with an error
                attempt.failures.append(f"no sound in {round(limit, 2):g} s" if timer.expired() else in_words(error))

    async def _follow(
        self, voiced: Voiced, more: AsyncIterator[Utterance], take: Take | None, attempt: Attempt
    ) -> Voiced:
        """All of what has begun. Without ``take`` raises what the engine raises."""
        utterance = voiced.utterance
        self._sounds()
        if take is not None:
            await take(utterance)
        try:
            async with aclosing(self._growths(utterance, more)) as growths:
                async for utterance in growths:
                    if take is not None:
                        await take(utterance)
        except (Exception, asyncio.CancelledError) as error:  # as above
            if take is None or cancelled():
                raise
            attempt.broken_off = in_words(error)
            utterance = replace(utterance, text=heard_text(utterance, len(utterance.samples)), open=False)
            await take(utterance)
        return replace(voiced, utterance=utterance, more=None)

    async def _growths(self, utterance: Utterance, more: AsyncIterator[Utterance]) -> AsyncGenerator[Utterance, None]:
        """The utterance each time that it has grown, to its end. Raises :class:`PeerError` for one that stands still,
        shrinks, or ends open.
        """
        while utterance.open:
            limit = self._limits.seconds + outlook_of(self._voice, utterance.text).seconds
            timer = limited(limit)
            try:
                async with timer:
                    given = await anext(more, None)
            except TimeoutError as error:
                if not timer.expired():
                    raise
                raise PeerError(f"the voice stood still for {round(limit, 2):g} s in the middle") from error
            if given is None:
                raise PeerError("the voice broke off in the middle of a sentence")
            found = nonsense.voiced(Voiced(given), utterance.id, self._limits.rate).utterance
            if len(found.samples) < len(utterance.samples):
                raise PeerError("the voice took back what it had said")
            utterance = found
            self._sounds()
            yield utterance

    def _sounds(self) -> None:
        """The voice gave something: who waits for it has not waited in vain."""
        for timer in self._waiting:
            timer.anew()


def _more(given: object) -> AsyncIterator[Utterance]:
    """What is to come of whatever a voice gave."""
    return (given.more if isinstance(given, Voiced) else None) or _nothing()


async def _nothing() -> AsyncGenerator[Utterance, None]:
    return
    yield
