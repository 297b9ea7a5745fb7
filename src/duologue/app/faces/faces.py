"""Faces for who draws them elsewhere: a character's pictures, what it does while nobody speaks, and its lines.

A line is written down when its sound is there, so that its face is known before it is heard; but only while somebody
watches that character. What waits to be written is bounded: a face that comes late is worth nothing.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from duologue.app.faces.models import FaceAtlas, FaceCutEvent, FaceEvent, FaceLineEvent, FaceStartEvent, FaceView
from duologue.app.show.cast import find_pack
from duologue.audio.pcm import RATE
from duologue.clock import MILLISECOND, Clock
from duologue.dialogue.ports import PlayEnded, PlayStarted
from duologue.dialogue.turns.vocabulary import AudioGrew, AudioReady, Effect, Event
from duologue.errors import InputError
from duologue.places import packs_folder
from duologue.speech.utterance import Utterance

if TYPE_CHECKING:  # what draws is loaded when a face is wanted
    from duologue.stage.motion.face import FaceTrack
    from duologue.stage.packs.atlas import Atlas

GROWTH = RATE * 2 // 5
"""A line that is still being voiced is written again when it has grown by so much (samples)."""
MOST_WAITING, MOST_QUEUED = 16, 64
_KEPT_IDLE = 64


def faces() -> tuple[str, ...]:
    """The characters that have a face: those that ship with a pack."""
    return tuple(sorted(folder.name for folder in (packs_folder() / "characters").iterdir() if folder.is_dir()))


class FaceWatch:
    """What one watcher is told, oldest first; one that does not read loses the oldest."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[FaceEvent] = asyncio.Queue(MOST_QUEUED)
        self.lost = 0

    def put(self, event: FaceEvent) -> None:
        """Without waiting."""
        if self._queue.full():
            self._queue.get_nowait()
            self.lost += 1
        self._queue.put_nowait(event)

    async def take(self) -> FaceEvent:
        """The next one."""
        return await self._queue.get()


class FaceBoard:
    """Who watches whom, and what they are told. Run :meth:`run` beside the conversations."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._watches: dict[str, list[FaceWatch]] = {}
        self._waiting: OrderedDict[tuple[str, str], Utterance] = OrderedDict()
        self._written: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._news = asyncio.Event()

    @contextmanager
    def watch(self, character: str) -> Generator[FaceWatch]:
        """Be told of a character's lines. Raises :class:`InputError` for one without a face."""
        known(character)
        watch = FaceWatch()
        self._watches.setdefault(character, []).append(watch)
        try:
            yield watch
        finally:
            self._watches[character].remove(watch)

    def watched(self, character: str) -> bool:
        """Whether anybody looks."""
        return bool(self._watches.get(character))

    def see(self, character: str, item: Event | Effect) -> None:
        """What an observer of a conversation sees: never waits, and does nothing where nobody looks."""
        if not self.watched(character):
            return
        match item:
            case AudioReady(reply=reply, index=index, utterance=utterance):
                self.voiced(character, f"{reply}/{index}", utterance)
            case AudioGrew(reply=reply, index=index, utterance=utterance):
                self.voiced(character, f"{reply}/{index}", utterance)
            case PlayStarted(utterance_id=line, at_ns=at):
                self._tell(character, FaceStartEvent(id=line, in_ms=(at - self._clock.now()) / MILLISECOND))
            case PlayEnded(utterance_id=line, at_ns=at, played_samples=played):
                ahead = (at - self._clock.now()) / MILLISECOND
                self._tell(character, FaceCutEvent(id=line, in_ms=ahead, played_ms=1000 * played / RATE))
            case _:
                pass

    def spoken(self, utterance: Utterance, at: int) -> None:
        """A whole line, by whoever speaks it, begins at ``at`` (monotonic ns): what a show tells."""
        if self.watched(utterance.speaker):
            self.voiced(utterance.speaker, utterance.id, utterance)
            self.see(utterance.speaker, PlayStarted(utterance.id, at))

    def silent(self, line: str, at: int, played: int) -> None:
        """A line of a show is over at ``at`` (monotonic ns), of which so many samples were played: it may be cut."""
        for character in [character for character, written in self._written if written == line]:
            self.see(character, PlayEnded(line, at, played))

    def voiced(self, character: str, line: str, utterance: Utterance) -> None:
        """A line's sound is there, as far as it has come."""
        grown = len(utterance.samples) - self._written.get((character, line), -GROWTH)
        if not self.watched(character) or (utterance.open and grown < GROWTH):
            return
        self._written[character, line] = len(utterance.samples)
        while len(self._written) > MOST_QUEUED:
            self._written.popitem(last=False)
        self._waiting[character, line] = utterance
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popitem(last=False)
        self._news.set()

    async def run(self) -> None:
        """Write lines down until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                (character, line), utterance = self._waiting.popitem(last=False)
                track = await asyncio.to_thread(_line, character, utterance)
                self._tell(character, FaceLineEvent(id=line, track=track))

    def _tell(self, character: str, event: FaceEvent) -> None:
        for watch in self._watches.get(character, ()):
            watch.put(event)


def known(character: str) -> Path:
    """The folder of a character's pack. Raises :class:`InputError` for one that has no face."""
    if character not in faces():
        raise InputError(f"{character!r} has no face", where="character", remedy=f"There are: {', '.join(faces())}.")
    return find_pack("characters", character)


@lru_cache(maxsize=16)
def atlas_of(character: str) -> Atlas:
    """A character's pictures; takes a fifth of a second the first time. Raises as :func:`known`."""
    from duologue.stage.baking.shelf import BakeShelf
    from duologue.stage.packs.atlas import open_atlas

    return open_atlas(known(character), BakeShelf(None))


def described(atlas: Atlas) -> FaceAtlas:
    """An atlas without its picture."""
    values = {**asdict(atlas)}
    del values["png"]
    return FaceAtlas.model_validate(values)


@lru_cache(maxsize=_KEPT_IDLE)
def idle_of(character: str, block: int) -> FaceView:
    """A block of what a character does while nobody speaks. Raises as :func:`known`."""
    from duologue.stage.motion.face import idle_track

    known(character)
    return _view(idle_track(character, block))


def _line(character: str, utterance: Utterance) -> FaceView:
    from duologue.stage.motion.face import line_track

    return _view(line_track(character, utterance))


def _view(track: FaceTrack) -> FaceView:
    return FaceView(
        first=track.first, mouths=track.mouths, lids=track.lids, brows=track.brows, values=track.values
    )  # fmt: skip
