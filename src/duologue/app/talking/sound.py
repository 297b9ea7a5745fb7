"""A spoken conversation: sound in, paced sound out, and both on record.

:func:`talk_over` asks with a sound that is there already (a file) and stays until the answer was heard out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator
from contextlib import ExitStack, aclosing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from duologue.app.talking.talking import Partner
from duologue.audio.echo_cancel import EchoCanceller
from duologue.audio.pcm import RATE, Samples, silence
from duologue.audio.recording_file import RecordingFile
from duologue.audio.resample import resample
from duologue.audio.tracks import Tracks
from duologue.audio.wav import VoiceWriter
from duologue.clock import MILLISECOND, SYSTEM_CLOCK, Clock
from duologue.dialogue.ports import Captured, PlayEvent, PlayProgress
from duologue.dialogue.recording import ConversationRecorder
from duologue.dialogue.session.session import Observe, SessionOptions
from duologue.dialogue.session.sink import BLOCK_MS, PacedSink
from duologue.dialogue.turns.vocabulary import State
from duologue.speech.hearing import EAR_RATE
from duologue.threads import Apart

LONGEST_ANSWER_S = 90.0
"""A conversation goes on so long at most after the end of the person's sound."""
REST_MS = 800
"""So long must nobody have the floor before all is said: an onset at the very end of the sound is noticed by then."""
LONGEST_GREETING_S = 30.0
_CLOSERS = Apart("closing")
_BLOCK, _EAR_BLOCK = RATE * BLOCK_MS // 1000, EAR_RATE * BLOCK_MS // 1000


@contextmanager
def open_recording(
    answer: Path | None, both: Path | None, begun: Callable[[int], None] = lambda at: None, *, later: bool = False
) -> Generator[ConversationRecorder]:
    """A recording into files (WAV, or Opus by their names), whole at the end: the character alone, and both sides.
    ``begun`` is told when it begins (ns), also where nothing is to be kept.

    Raises :class:`~duologue.errors.PeerError` for a file that cannot be made; what goes wrong afterwards ends the
    recording only. ``later``, the files and their folders are made beside the loop, which waits for no disk, and that
    goes wrong afterwards, too.
    """
    with ExitStack() as files:
        voice = VoiceWriter(files.enter_context(RecordingFile(answer, 1, later=later))) if answer else None
        tracks = Tracks(files.enter_context(RecordingFile(both, 2, later=later)).write) if both else None
        recorder = ConversationRecorder(tracks, voice, begun)
        files.callback(recorder.close)
        yield recorder


async def close_recordings(files: ExitStack) -> None:
    """Close what was opened by :func:`open_recording`, which waits for the disk: 10 s or more, if that hangs."""
    await asyncio.get_running_loop().run_in_executor(_CLOSERS, files.close)


class SpokenTalk:
    """A session on a paced sink. ``recording``, and ``play`` if it is given, get 20 ms of the character's sound at each
    point of the grid (48 kHz). ``echo`` takes the character's voice out of the person's sound before the ears have it.
    """

    def __init__(
        self,
        partner: Partner,
        recording: ConversationRecorder,
        options: SessionOptions | None = None,
        *,
        play: Callable[[Samples], None] | None = None,
        echo: EchoCanceller | None = None,
        observe: Observe = lambda item, now: None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._recording = recording
        self._play = play
        self._echo = echo
        self._clock = clock
        self._sink = PacedSink(self._write, self._notify, clock)
        self.session = partner.session(self._sink, options, clock=clock, observe=observe)

    async def run(self, source: AsyncIterator[Samples | Captured]) -> None:
        """Hold the conversation until ``source`` ends (blocks of 16 kHz), or it is hung up."""
        self._recording.begin(self._clock.now())
        await beside(self._sink.run(), self.session.run(self._cleaned(source) if self._echo else source))

    async def _cleaned(self, source: AsyncIterator[Samples | Captured]) -> AsyncGenerator[Samples | Captured, None]:
        assert self._echo is not None
        async for block in source:
            if isinstance(block, Captured):
                yield replace(block, samples=self._echo.heard(block.samples))
            else:
                yield self._echo.heard(block)

    def _write(self, samples: Samples) -> None:
        self._recording.character(samples, self._sink.at)
        if self._echo is not None:
            self._echo.played(samples)
        if self._play is not None:
            self._play(samples)

    def _notify(self, report: PlayEvent | PlayProgress) -> None:
        self.session.notify(report)


async def beside(endless: Coroutine[Any, Any, None], work: Coroutine[Any, Any, None]) -> None:
    """Do ``work`` with something endless beside it, whose failure ends it."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(endless)
        try:
            await work
        finally:
            task.cancel()


async def talk_over(
    partner: Partner,
    question: Samples,
    recording: ConversationRecorder,
    options: SessionOptions | None = None,
    *,
    observe: Observe = lambda item, now: None,
    clock: Clock = SYSTEM_CLOCK,
) -> bool:
    """Let ``partner`` hear ``question`` (48 kHz) at the pace of its sound, and record what it answers until it is heard
    out. With a greeting the question comes after it. False: the last answer took too long, and was cut.
    """
    options = options or SessionOptions()
    source = _Question(question, options.greet, recording, clock)
    talk = SpokenTalk(partner, recording, options, observe=observe, clock=clock)
    async with aclosing(source.blocks(lambda: talk.session.state)) as blocks:
        await talk.run(blocks)
    return source.heard_out


class _Question:
    """A sound at its own pace, with silence before it while the greeting lasts, and after it until nobody has the
    floor.
    """

    def __init__(self, sound: Samples, greet: bool, recording: ConversationRecorder, clock: Clock) -> None:
        self._sound = np.concatenate([sound, silence(-len(sound) % _BLOCK)])
        self._greet = greet
        self._recording = recording
        self._clock = clock
        self._due = 0
        self.heard_out = False

    async def blocks(self, state: Callable[[], State]) -> AsyncGenerator[Captured, None]:
        """Blocks of :data:`BLOCK_MS`, each when it ends."""
        at = 0
        async for block in self._sounding(state):
            yield Captured(block, at)
            at += len(block)

    async def _sounding(self, state: Callable[[], State]) -> AsyncGenerator[Samples, None]:
        self._due = self._clock.now()
        ears = resample(self._sound, RATE, EAR_RATE)
        if self._greet:
            async for block in self._quiet(state, LONGEST_GREETING_S):
                yield block
        for number, at in enumerate(range(0, len(ears), _EAR_BLOCK)):
            await self._pass(self._sound[number * _BLOCK : (number + 1) * _BLOCK])
            yield ears[at : at + _EAR_BLOCK]
        async for block in self._quiet(state, LONGEST_ANSWER_S):
            yield block

    async def _quiet(self, state: Callable[[], State], seconds: float) -> AsyncGenerator[Samples, None]:
        """Silence until nobody has had the floor for a while, ``seconds`` at most."""
        rest = 0
        for _ in range(round(seconds * 1000) // BLOCK_MS):
            await self._pass(silence(_BLOCK))
            yield silence(_EAR_BLOCK)
            rest = rest + BLOCK_MS if state() is State.QUIET else 0
            self.heard_out = rest >= REST_MS
            if self.heard_out:
                return

    async def _pass(self, samples: Samples) -> None:
        """On the grid: what is yielded next ends now."""
        at, self._due = self._due, self._due + BLOCK_MS * MILLISECOND
        await self._clock.wait_until(self._due)
        self._recording.person(samples, at)
