"""What of a caller's words reaches the ears when packets are lost: ``python -m benchmarks.phone loss``.

Callers with natural voices talk on a line on virtual time (:mod:`benchmarks.phone.virtual`), with Silero for voice
activity; the ears write down what they are given. Where a stretch lies in what was said is found by correlation.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.natural.callers import Half, Renderings, callers, needed
from benchmarks.phone.board import Call, board, on_the_line
from benchmarks.phone.packets import covered, place_of
from benchmarks.phone.virtual import virtual_line
from benchmarks.phone.zero import SAID, zero_voice
from benchmarks.table import Row, row
from duologue.audio.pcm import Samples, silence
from duologue.audio.resample import resample
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.hearing import EAR_RATE, Expected, HearingCapabilities, Transcript, VoicePresence
from duologue.speech.silero import Silero

UTTERANCES = 100
CALLS = 5
LOSS = 0.05
EDGE = EAR_RATE // 10
"""Of each utterance, at both ends."""
FITS = 0.5
"""Correlation from which a stretch is believed to be a part of an utterance."""


class RecordingEars:
    """Understand the same sentence, and keep what they were given."""

    name = "pocketsphinx"

    def __init__(self) -> None:
        self.given: list[Samples] = []

    @property
    def capabilities(self) -> HearingCapabilities:
        return HearingCapabilities(punctuation=True)

    async def warm_up(self) -> None:
        pass

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        blocks: list[Samples] = []
        try:
            async for block in sound:
                blocks.append(block)
        finally:
            self.given.append(np.concatenate(blocks) if blocks else silence(0))
        yield Transcript(SAID, final=True, stable=len(SAID))

    async def close(self) -> None:
        pass


@dataclass(frozen=True)
class Given:
    """Of one utterance: whether its first and its last 100 ms were in what the ears got."""

    first: bool
    last: bool


def judge(said: Samples, stretches: Sequence[Samples]) -> Given:
    """``said`` and what the ears got, all at their rate."""
    found: list[tuple[int, int]] = []
    for stretch in stretches:
        place, fit = place_of(stretch, said) if len(stretch) else (0, 0.0)
        if fit >= FITS:
            found.append((place, place + len(stretch)))
    return Given(covered(found, 0, EDGE), covered(found, len(said) - EDGE, len(said)))


async def _talk(call: Call, turns: Sequence[Sequence[Samples | int]], ears: RecordingEars) -> list[Given]:
    assert await call.answered()
    await call.heard_after(0, 5.0)
    await call.silent_for(1_000)
    found: list[Given] = []
    clock = call.board.clock
    for parts in turns:
        begun = len(ears.given)
        spoken = call.say(*parts)
        await clock.wait_until(spoken.end)
        await call.heard_after(spoken.end, 6.0)
        await call.silent_for(1_000)
        sound = np.concatenate([silence(each * 8) if isinstance(each, int) else each for each in parts])
        found.append(judge(resample(sound, 8000, EAR_RATE), ears.given[begun:]))
    call.hang_up()
    return found


async def _held(turns: Sequence[Sequence[Samples | int]], loss: float) -> tuple[list[Given], int, int]:
    clock, ears = LoopClock(), RecordingEars()
    makes = {
        "tts": zero_voice(), "stt": ears, "vad": Silero(), "llm": FakeLanguage(usual=ScriptedReply("Very well.")),
    }  # fmt: skip
    found: list[Given] = []
    lost = sent = 0
    async with virtual_line(makes, clock) as line, board(line.port, clock, stamps=False) as people:
        for number in range(CALLS):
            call = people.call(loss=loss)
            found += await _talk(call, turns[number::CALLS], ears)
            lost, sent = lost + len(call.lost), sent + call.number
    return found, lost, sent


def rows(small: bool = False) -> list[Row]:
    """At 5 % of loss, and without any."""
    utterances = 10 if small else UTTERANCES
    sounds = Renderings()
    everybody = callers(Half.ASIDE, 1)
    said = [(voice, turn) for voice, turns in everybody.items() for turn in turns if not turn.dictated][:utterances]
    sounds.make(needed({voice: [t for v, t in said if v == voice] for voice, _ in said}))
    turns: list[list[Samples | int]] = []
    for voice, turn in said:
        parts: list[Samples | int] = []
        for sound, pause in sounds.phrases(voice, turn):
            parts += [on_the_line(sound), pause] if pause else [on_the_line(sound)]
        turns.append(parts)
    rows: list[Row] = []
    for loss in (LOSS, 0.0):
        given, lost, sent = simulate(_held(turns, loss))
        if not given or bool(lost) != bool(loss):
            raise SystemExit(f"{len(given)} utterances, {lost} of {sent} packets lost: that is no loss of {loss:g}")
        told = f"{lost} of {sent} packets lost; wish: all"
        where = f"of {len(given)}, {100 * loss:g} % loss"
        rows.append(row("first 100 ms of an utterance in what the ears got", sum(g.first for g in given), where, told))
        rows.append(row("last 100 ms of it", sum(g.last for g in given), where, "wish: all"))
    return rows
