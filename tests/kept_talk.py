"""A talk in tones that is held and kept by the real path, and engines for it that need no time but their own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from duologue.app.talking.sound import open_recording, talk_over
from duologue.app.talking.talking import Partner
from duologue.audio.pcm import RATE, Samples, silence
from duologue.clock import MILLISECOND, SECOND, Clock
from duologue.dialogue.ports import Voiced
from duologue.dialogue.session.ledger import open_session_ledger
from duologue.dialogue.session.session import SessionEngines, SessionOptions
from duologue.dialogue.turns.policy import Policy
from duologue.language.engine import LanguageCapabilities, Prompt
from duologue.language.moderation import Moderator
from duologue.simulation.engines import voiced
from duologue.simulation.runner import PLAIN
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.hearing import EAR_RATE, Expected, HearingCapabilities, Transcript, VoicePresence
from duologue.speech.hearing_fake import Loudness
from duologue.telemetry.run_shelf import Run, RunShelf
from duologue.telemetry.runs import RunKeeping

VOCABULARY = {-5: "where is", -4: "the station?", -3: "Thank you.", -2: "Goodbye."}
"""What a tone means, by the power of two of its amplitude."""
TALK: tuple[tuple[int, float], ...] = (
    (0, 0.5), (-5, 0.6), (0, 0.5), (-4, 0.6), (0, 5.0), (-3, 0.6), (0, 4.0),
)  # fmt: skip
"""Tones and silences (0), with their seconds: a question with a pause in it, and thanks."""


class ToneEars:
    """Understands tones as they end, and says so with the next block."""

    name = "tones"

    def __init__(self, clock: Clock, final_ms: float = 60.0, vocabulary: Mapping[int, str] = VOCABULARY) -> None:
        self._clock = clock
        self._final = round(final_ms * MILLISECOND)
        self._vocabulary = vocabulary

    @property
    def capabilities(self) -> HearingCapabilities:
        return HearingCapabilities(partials=True, punctuation=True)

    async def warm_up(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        given, shown = [np.zeros(0, np.float32)], ""
        async for block in sound:
            given.append(block)
            text = self._text(np.concatenate(given))
            if text != shown:
                shown = text
                yield Transcript(text)
        await self._clock.wait_until(self._clock.now() + self._final)
        yield Transcript(shown, final=True)

    def _text(self, sound: Samples) -> str:
        """A word for each tone of at least 300 ms."""
        hop = EAR_RATE // 50
        peaks = np.abs(sound[: len(sound) // hop * hop]).reshape(-1, hop).max(axis=1, initial=0.0)
        words: list[str] = []
        run: list[float] = []
        for peak in (*peaks, 0.0):
            if peak > 0.02:
                run.append(float(peak))
                continue
            if len(run) >= 15:
                words.append(self._vocabulary[round(float(np.log2(np.median(run))))])
            run = []
        return " ".join(words)


@dataclass
class PacedMind:
    """Answers by how much was said before, after a while."""

    clock: Clock
    replies: Sequence[str] = ("It is behind the church, on the left.", "You are welcome.")
    name: str = "paced"

    @property
    def capabilities(self) -> LanguageCapabilities:
        return LanguageCapabilities(deterministic=True)

    async def warm_up(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def write(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        ours = sum(line.speaker == prompt.speaker.name for line in prompt.lines)
        await self.clock.wait_until(self.clock.now() + 120 * MILLISECOND)
        yield self.replies[min(ours, len(self.replies) - 1)]


@dataclass
class PacedVoice:
    """Hums what it is given, after a while."""

    clock: Clock
    level: float = 0.1

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        await self.clock.wait_until(self.clock.now() + 80 * MILLISECOND)
        made = voiced(text, speaker, utterance_id, 170.0, "hum")
        hum = self.level * np.sin(np.arange(len(made.samples)) / 40, dtype=np.float32)
        return Voiced(type(made)(made.id, speaker, text, hum.astype(np.float32), RATE, made.marks, engine="hum"))


def engines(clock: Clock, vocabulary: Mapping[int, str] = VOCABULARY) -> SessionEngines:
    ears = ToneEars(clock, vocabulary=vocabulary)
    return SessionEngines(Loudness(0.01), ears, PacedMind(clock), PacedVoice(clock), Moderator())


def tones(parts: Sequence[tuple[int, float]] = TALK) -> Samples:
    """A talk at 48 kHz."""
    made: list[Samples] = []
    for level, seconds in parts:
        count = round(seconds * RATE)
        wave = np.sin(np.arange(count) * (2 * np.pi * 400 / RATE)).astype(np.float32)
        made.append(wave * np.float32(2.0**level) if level else silence(count))
    return np.concatenate(made)


def keep_talk(
    folder: Path, policy: Policy | None = None, *, words: bool = True, suffix: str = ".wav", sound: bool = True,
    greet: bool = False, said: Samples | None = None, fitted: Callable[[Clock], SessionEngines] = engines,
) -> Run:  # fmt: skip
    """Hold :data:`TALK` (or what is ``said``, at 48 kHz) with a character, as the commands do, and keep its run and its
    recording.
    """
    turns = policy or Policy()
    folder.mkdir(exist_ok=True)
    file = folder / f"talk{suffix}" if sound else None

    async def held() -> None:
        clock = LoopClock(100 * SECOND)
        partner = Partner(PLAIN, fitted(clock))
        keeping = RunKeeping(folder / "runs", words=words)
        async with open_session_ledger(None, PLAIN.name, "person", clock=clock, runs=keeping) as book:

            def begun(at: int) -> None:
                if file is not None:
                    book.recorded(file, at, turns)

            with open_recording(None, file, begun) as recording:
                options = SessionOptions(id=book.conversation, policy=turns, greet=greet)
                await talk_over(
                    partner, tones() if said is None else said, recording, options, observe=book.take, clock=clock
                )

    simulate(held())
    (run,) = RunShelf(folder / "runs").runs()
    return run
