"""Our program: as many sessions as asked for in one process, with engines that answer at once.

Only the engines are doubles (and Silero only where listening is not what is measured). Turn-taking, the chunker,
moderation, voicing to 48 kHz with its loudness, and the paced sink are the house's own, on the loop it is served on.
The variant ``pocketsphinx`` hears with the embedded ears; in the variant ``nobody`` the callers speak to nobody: what
is left is their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace

import uvloop

from benchmarks.voice import probe
from benchmarks.voice.zero import Loudness, ZeroSpeech
from duologue.audio.pcm import Samples, from_int16
from duologue.dialogue.ports import PlayEvent, PlayProgress, Voiced
from duologue.dialogue.session.session import Session, SessionEngines
from duologue.dialogue.session.sink import PacedSink
from duologue.dialogue.turns.vocabulary import Clear, Effect, Event, Note, Pause, Report, SpeechStarted
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.language.moderation import Moderator
from duologue.language.persona import Persona
from duologue.memory import freeze
from duologue.speech.hearing import EAR_RATE, Expected, HearingCapabilities, Transcript, VoicePresence
from duologue.speech.pocketsphinx.engine import PocketSphinx
from duologue.speech.shared_activity import SharedActivity
from duologue.speech.silero import Silero
from duologue.speech.utterance import Utterance
from duologue.speech.voicing.voicing import Voicing
from duologue.version import __version__

PERSONA = Persona("ada", "Ada", "A calm woman.", fillers=("Hm.",))


class ScriptedEars:
    """Understands the caller's own words, at once."""

    name = "script"

    def __init__(self, caller: probe.Caller) -> None:
        self._caller = caller

    @property
    def capabilities(self) -> HearingCapabilities:
        return HearingCapabilities(partials=True, punctuation=True)

    async def warm_up(self) -> None:
        pass

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        begin, text = -1.0, ""
        async for block in sound:
            if begin < 0:
                begin = max(0.0, self._caller.position - len(block) / EAR_RATE)
            heard = " ".join(word.text for word in self._caller.over(begin))
            if heard != text:
                text = heard
                yield Transcript(text, stable=len(text))
        yield Transcript(text, final=True, stable=len(text))

    async def close(self) -> None:
        pass


class HouseVoice:
    """The house's way from an engine's sound to what goes on air. ``idle`` while nothing is voiced."""

    def __init__(self, mode: str) -> None:
        self._voicing = Voicing(ZeroSpeech(mode=mode))
        self._busy = 0
        self.idle = asyncio.Event()

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        self._busy += 1
        self.idle.clear()
        try:
            spoken = await self._voicing.voice(text, "zero", speaker=speaker, utterance_id=utterance_id)
        finally:
            self._busy -= 1
            if not self._busy:
                self.idle.set()
        return Voiced(spoken.utterance, spoken.first_audio)


class WatchedSink(PacedSink):
    """Notes when it is given the first sound of a reply."""

    log: probe.Log

    async def play(self, utterance: Utterance, gap_ms: int) -> None:
        self.log.handed.append(probe.now())
        await super().play(utterance, gap_ms)


class Conversation:
    """One session with its caller, its sink and its log."""

    def __init__(self, caller: probe.Caller, shared: SessionEngines, seconds: float) -> None:
        self.log = probe.Log()
        self.begun = asyncio.Event()
        self._caller = caller
        self._seconds = seconds
        self._in_doubt = False
        self._sink = WatchedSink(self._write, self._notify, silence=False)
        self._sink.log = self.log
        engines = replace(shared, ears=ScriptedEars(caller)) if isinstance(shared.ears, ScriptedEars) else shared
        self._session = Session(PERSONA, engines, self._sink, observe=self._observe)

    async def run(self, *, with_nobody: bool = False) -> None:
        if with_nobody:
            async for _ in self._source():
                pass
            return
        async with asyncio.TaskGroup() as group:
            floor = group.create_task(self._sink.run())
            await self._session.run(self._source())
            floor.cancel()

    async def _source(self) -> AsyncGenerator[Samples, None]:
        await self.begun.wait()
        async for frame in self._caller.frames(self._seconds):
            yield from_int16(frame)

    def _notify(self, report: PlayEvent | PlayProgress) -> None:
        self._session.notify(report)

    def _write(self, block: Samples) -> None:
        if block[::61].any():  # sixteen samples: numpy gives the interpreter away over more than 500
            self.log.sent.append(probe.now())

    def _observe(self, item: Event | Effect, at: int) -> None:
        match item:
            case Report(Note.TURN_ENDED):
                self.log.decided.append(at)
            case SpeechStarted():
                self._in_doubt = True
            case Pause() | Clear() if self._in_doubt:
                self._in_doubt = False
                self.log.interrupted.append(at)
            case _:
                pass


async def run(asked: probe.Arguments) -> dict[str, object]:
    """All sessions at once."""
    people = probe.callers(asked)
    activity = SharedActivity(Silero() if asked.mode in ("listen", "endpoint") else Loudness())
    ears = PocketSphinx() if asked.variant == "pocketsphinx" else None
    if ears is not None:
        await ears.warm_up()
    voice = HouseVoice(asked.mode)
    shared = SessionEngines(
        activity, ears or ScriptedEars(people[0]), FakeLanguage(usual=ScriptedReply(probe.ANSWER)), voice,
        Moderator(),
    )  # fmt: skip
    meter = probe.Meter()
    seconds, alone = probe.SETTLE_SECONDS + asked.seconds, asked.variant == "nobody"
    conversations = [Conversation(caller, shared, seconds) for caller in people]
    freeze()  # as the program that serves does
    async with asyncio.TaskGroup() as group:
        for conversation in conversations:
            group.create_task(conversation.run(with_nobody=alone))
        await asyncio.sleep(0.2)
        if not alone:
            await voice.idle.wait()  # apologies and fillers are there: each of the three is ready before anybody speaks
        group.create_task(meter.watch(asked.seconds))
        for caller, conversation in zip(people, conversations, strict=True):
            caller.begin()
            conversation.begun.set()
    if ears is not None:
        await ears.close()
    return probe.report(f"duologue {__version__}", asked, people, [each.log for each in conversations], meter)


if __name__ == "__main__":
    probe.main(run, uvloop.run)
