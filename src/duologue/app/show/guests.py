"""Clips of speech that clients put on the stage, beside the conversation: the queue, and what became of each.

The rule: **a clip goes to the floor after what is queued there, and the next one when it has begun.** So there is never
more than one voice; while a conversation is on, a clip and a turn take turns; without one the clips follow one another.
The director's own turns go on after them, and while a clip is heard nobody counts the silence (:class:`Interlude`).

A clip is decoded before it is accepted, in a thread and one at a time, so what cannot be said is refused at once. One
with a text and no marks is aligned before it goes to the floor, so that lips and captions follow its words; one that
cannot be is said all the same, and its view has a note.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import numpy as np

from duologue.app.idempotency import IdempotentAnswers
from duologue.app.models import UtteranceRequest, UtteranceState, UtteranceView
from duologue.app.show.clips import clip_utterance, words_of
from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND, SECOND, Clock, milliseconds
from duologue.dialogue.on_air.director import Interlude
from duologue.errors import ClosedError, DuologueError, InputError, in_words
from duologue.ids import unique_id
from duologue.language.moderation import Moderator, Subject
from duologue.speech.alignment import ALPHABET
from duologue.speech.utterance import Mark, Utterance
from duologue.telemetry.ledger import ClipRecord
from duologue.telemetry.log import get_logger

GAP_MS = 300
"""Silence before a clip."""
MAX_CLIPS, MAX_SECONDS = 16, 300.0
"""What may wait: clips, and seconds of sound in all of them (58 MB)."""
REMEMBERED = 100
"""Clips that are over and still known."""
SETTLE_SECONDS = 1.0
"""How long a skip waits for the stage to say that it is silent."""
ALIGN_SECONDS = 20.0
"""How long a clip waits for its marks; 120 s of sound take about 3."""
SAFE_TEXT = 100_000
"""Characters beyond which a text is not even looked at."""

log = get_logger(__name__)


class QueueFull(InputError):
    """Too much waits already; try again when a clip has ended."""


class AlignSpeech(Protocol):
    """Finds a text's words and phonemes in its sound: :meth:`duologue.speech.alignment.Aligner.align`."""

    async def __call__(self, samples: Samples, rate: int, text: str) -> tuple[Mark, ...]:
        """The marks, in samples; raises :class:`InputError` or :class:`PeerError`."""
        ...


class GuestFloor(Protocol):
    """The stage, as guests need it: :class:`duologue.app.show.stage_link.StageLink`."""

    @property
    def ready(self) -> asyncio.Event:
        """Set while there is a stage."""
        ...

    def wall_of(self, monotonic: int) -> int:
        """The Unix time (ns) of a monotonic time on the show's clock."""
        ...

    async def play(self, utterance: Utterance, gap_ms: int, *, guest: bool) -> None:
        """Say it after what is queued."""
        ...

    async def withdraw(self, utterance_id: str) -> bool:
        """Take it back; False if it has begun."""
        ...

    async def cut(self, utterance_ids: tuple[str, ...]) -> None:
        """Fade out what is being said of them."""
        ...


@dataclass(slots=True, eq=False)
class _Clip:
    utterance: Utterance
    received: int
    decoded: int
    state: UtteranceState = UtteranceState.WAITING
    queued: int = 0
    on_air: int = 0
    ended: int = 0
    played_ms: float = 0.0
    note: str = ""
    announced: bool = False
    leaving: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)
    length: int = field(init=False)
    lips: Literal["phonemes", "words", "sound"] = field(init=False)

    def __post_init__(self) -> None:
        self.length = round(self.utterance.duration * SECOND)
        self.voice(self.utterance)

    def voice(self, utterance: Utterance) -> None:
        """Take the utterance, marked as well as can be."""
        self.utterance = utterance
        self.lips = "phonemes" if utterance.alphabet else "words" if utterance.words() else "sound"


class Guests:
    """The queue of clips. Run :meth:`run` in a task group; :meth:`started`, :meth:`ended` and :meth:`stage_died` are
    told what the stage reports; ``on_over`` gets each clip that is over, for the ledger.
    """

    def __init__(
        self,
        characters: Collection[str],
        floor: GuestFloor,
        moderator: Moderator,
        clock: Clock,
        on_interlude: Callable[[Interlude], None],
        align: AlignSpeech,
        on_over: Callable[[ClipRecord], None] = lambda record: None,
    ) -> None:
        self._characters = characters
        self._floor = floor
        self._moderator = moderator
        self._clock = clock
        self._on_interlude = on_interlude
        self._align = align
        self._on_over = on_over
        self._answers = IdempotentAnswers[UtteranceView]()
        self._clips: OrderedDict[str, _Clip] = OrderedDict()
        self._decoding = asyncio.Lock()
        self._arriving = 0
        self._wake = asyncio.Event()
        self._closed = False

    # What a client asks

    async def accept(self, request: UtteranceRequest, audio: bytes, key: str = "") -> UtteranceView:
        """Put a clip on the stage; returns when it is decoded and has a place in the queue.

        ``key``: a second call with the same one changes nothing and gives the same answer. Raises :class:`InputError`
        for what cannot be said (:class:`QueueFull`, :class:`duologue.app.idempotency.KeyReused` among them) and
        :class:`ClosedError` while there is no stage.
        """
        fingerprint = await asyncio.to_thread(_fingerprint, request, audio) if key else b""
        return await self._answers.once(key, fingerprint, lambda: self._accept(request, audio))

    def queue(self) -> tuple[UtteranceView, ...]:
        """The clips that are not over, in order."""
        return tuple(self._view(clip) for clip in self._active())

    def find(self, utterance_id: str) -> UtteranceView | None:
        """One clip, also for a while after it is over; None for one that is not known."""
        clip = self._clips.get(utterance_id)
        return self._view(clip) if clip is not None else None

    async def skip(self, utterance_id: str) -> UtteranceView:
        """Take a clip out of the queue, or fade it out; one that is over is returned as it is."""
        clip = self._clips.get(utterance_id)
        if clip is None:
            raise InputError(f"there is no clip {utterance_id!r}", where="id", remedy="List the queue first.")
        if not clip.over.is_set() and not clip.leaving:
            await self._dismiss(clip)
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                await clip.over.wait()
        except TimeoutError:
            log.warning("utterance.lingers", id=utterance_id)  # the view says that it is still on air
        return self._view(clip)

    async def clear(self) -> tuple[UtteranceView, ...]:
        """Skip all that is not over, what waits first; returns them in order."""
        clips = self._active()
        for clip in reversed(clips):
            await self.skip(clip.utterance.id)
        return tuple(self._view(clip) for clip in clips)

    # What the studio tells

    async def run(self) -> None:
        """Hand clips to the stage until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            active = self._active()
            if not active or any(clip.state is UtteranceState.QUEUED for clip in active):
                continue
            clip = next((clip for clip in active if clip.state is UtteranceState.WAITING), None)
            if clip is not None:
                await self._hand(clip)

    async def _hand(self, clip: _Clip) -> None:
        if clip.utterance.text and not clip.utterance.marks:
            await self._mark(clip)
        if not clip.over.is_set():  # it may have been skipped meanwhile
            clip.state, clip.queued = UtteranceState.QUEUED, self._clock.now()
            await self._floor.play(clip.utterance, GAP_MS, guest=True)

    async def _mark(self, clip: _Clip) -> None:
        utterance = clip.utterance
        try:
            async with asyncio.timeout(ALIGN_SECONDS):
                marks = await self._align(utterance.samples, utterance.rate, utterance.text)
        except Exception as error:  # whatever alignment stumbles over, the clip is said and the show goes on
            told = isinstance(error, DuologueError | TimeoutError)
            what = f"no answer in {ALIGN_SECONDS:g} s" if isinstance(error, TimeoutError) else _words(error)
            clip.note = f"The lips follow the sound alone: {what}."
            log.warning("utterance.not_aligned", id=utterance.id, error=what, exc_info=None if told else error)
            return
        if marks and not clip.over.is_set():
            clip.voice(replace(utterance, marks=marks, alphabet=ALPHABET))

    def started(self, utterance_id: str, at: int) -> bool:
        """The stage began an utterance, heard at ``at`` (monotonic ns); False if it is none of ours."""
        clip = self._clips.get(utterance_id)
        if clip is None:
            return False
        if not clip.over.is_set():
            clip.state, clip.on_air, clip.announced = UtteranceState.ON_AIR, at, True
            self._on_interlude(Interlude(at, clip.length))
            self._wake.set()
        return True

    def ended(self, utterance_id: str, at: int, played: int, failure: str = "") -> bool:
        """The stage ended an utterance after ``played`` samples, or could not say it (``failure``: why); False if it is
        none of ours.
        """
        clip = self._clips.get(utterance_id)
        if clip is None:
            return False
        if not clip.over.is_set():
            clip.played_ms = played * 1000 / clip.utterance.rate
            clip.note = f"It could not be said: {failure}." if failure else clip.note
            whole = played >= len(clip.utterance.samples)
            self._finish(clip, UtteranceState.ENDED if whole else UtteranceState.SKIPPED, at)
        return True

    def stage_died(self) -> None:
        """What was on air will be said again by the next stage."""
        for clip in self._active():
            if clip.state is UtteranceState.ON_AIR:
                clip.state, clip.on_air = UtteranceState.QUEUED, 0

    async def finish(self) -> None:
        """Take nothing more, and wait until all that was accepted is over."""
        self._closed = True
        while active := self._active():
            await active[0].over.wait()

    # How it is done

    async def _accept(self, request: UtteranceRequest, audio: bytes) -> UtteranceView:
        received = self._clock.now()
        request = await self._admit(request)
        if len(self._active()) + self._arriving >= MAX_CLIPS:
            raise QueueFull(f"{MAX_CLIPS} clips wait already", where="queue", remedy="Try again when one has ended.")
        self._arriving += 1
        try:
            async with self._decoding:
                utterance = await asyncio.to_thread(clip_utterance, request, audio, unique_id(self._clock.wall()))
                return self._enter(_Clip(utterance, received, self._clock.now()))
        finally:
            self._arriving -= 1

    async def _admit(self, request: UtteranceRequest) -> UtteranceRequest:
        """Judge all but the sound; the text comes back as it may be shown."""
        self._check_open()
        if not self._floor.ready.is_set():
            raise ClosedError("the stage is being set up", where="stage", remedy="Try again in a moment.")
        if request.character not in self._characters:
            raise InputError(
                f"there is no {request.character!r} on stage",
                where="character",
                remedy=f"Name one of: {', '.join(self._characters)}.",
            )
        if len(request.text) > SAFE_TEXT:
            raise InputError(
                f"the text has {len(request.text)} characters", where="text", remedy="Send what is said, no more."
            )
        words = words_of(request.marks)
        if words:  # they are shown too
            words = await self._moderator.admit(words, Subject.LINE)
        text = await self._moderator.admit(request.text, Subject.LINE) if request.text.strip() else words
        return request.model_copy(update={"text": text})

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("the show is ending", where="stage", remedy="Start another show.")

    def _enter(self, clip: _Clip) -> UtteranceView:
        self._check_open()
        waiting = sum(other.length for other in self._active()) + clip.length
        if waiting > MAX_SECONDS * SECOND:
            raise QueueFull(
                f"with this clip {waiting / SECOND:.0f} s would wait, and at most {MAX_SECONDS:g} s may",
                where="queue",
                remedy="Try again when some has been said.",
            )
        self._clips[clip.utterance.id] = clip
        self._wake.set()
        return self._view(clip)

    async def _dismiss(self, clip: _Clip) -> None:
        clip.leaving = True
        name = clip.utterance.id
        if clip.state is UtteranceState.WAITING or await self._floor.withdraw(name):
            self._finish(clip, UtteranceState.SKIPPED, self._clock.now())
        else:
            await self._floor.cut((name,))

    def _finish(self, clip: _Clip, state: UtteranceState, at: int) -> None:
        clip.state, clip.ended = state, at
        clip.over.set()
        clip.utterance = replace(clip.utterance, samples=np.zeros(0, np.float32), marks=())
        if clip.announced:
            self._on_interlude(Interlude(at, 0))
        over = [name for name, other in self._clips.items() if other.over.is_set()]
        for name in over[:-REMEMBERED]:
            del self._clips[name]
        utterance = clip.utterance
        self._on_over(
            ClipRecord(
                utterance.id, utterance.speaker, utterance.text, state.value, clip.received, clip.decoded, clip.queued,
                clip.on_air, at, clip.played_ms, clip.lips, clip.note,
            )
        )  # fmt: skip
        log.info(
            "utterance", id=clip.utterance.id, character=clip.utterance.speaker, state=state,
            waited_ms=round(milliseconds((clip.on_air or at) - clip.received), 1), played_ms=round(clip.played_ms, 1),
        )  # fmt: skip
        self._wake.set()

    def _active(self) -> list[_Clip]:
        return [clip for clip in self._clips.values() if not clip.over.is_set()]

    def _view(self, clip: _Clip) -> UtteranceView:
        place = None if clip.over.is_set() else self._active().index(clip)
        return UtteranceView(
            id=clip.utterance.id,
            character=clip.utterance.speaker,
            text=clip.utterance.text,
            state=clip.state,
            duration_ms=milliseconds(clip.length),
            lips=clip.lips,
            place=place,
            received=self._wall(clip.received),
            decoded=self._wall(clip.decoded),
            queued=self._wall(clip.queued) if clip.queued else None,
            on_air=self._wall(clip.on_air) if clip.on_air else None,
            ended=self._wall(clip.ended) if clip.ended else None,
            played_ms=clip.played_ms,
            note=clip.note,
        )

    def _wall(self, monotonic: int) -> float:
        return self._floor.wall_of(monotonic) / MILLISECOND


def _words(error: Exception) -> str:
    return error.what if isinstance(error, DuologueError) else in_words(error)


def _fingerprint(request: UtteranceRequest, audio: bytes) -> bytes:
    return hashlib.sha256(request.model_dump_json().encode() + b"\0" + audio).digest()
