"""A world for natural callers: the session, voice activity and playout as they are, on virtual time.

What a model computes happens at once, in this process; the time that it took, as CPU time of one thread, passes on the
virtual clock before anybody gets it. So neither a busy machine nor a second core is in a figure, and an hour of talk
costs what its models cost. Ears are the engine `whisper` with its passes made here (:class:`ChargedPasses`); the voice
is the engine `piper`, recorded before with the CPU time of each piece and given out at that pace
(:class:`RecordedSpeech`). Both are kept beside the callers, by model and by the source of what makes them. Not in a
figure: contention between ears and voice, and what voice activity and the session take (under 1 ms a block).
"""

from __future__ import annotations

import asyncio
import hashlib
import pickle
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from time import process_time
from typing import Any

from benchmarks.machine import say
from benchmarks.natural.callers import FOLDER
from duologue.app.engines.voices import CastVoices
from duologue.app.show.cast import CastMember
from duologue.app.talking.partners import HOUSE_VOICE, find_partner
from duologue.audio.pcm import RATE, Samples
from duologue.clock import SECOND, Clock
from duologue.dialogue.fillers import Stock
from duologue.dialogue.session.session import Session, SessionEngines
from duologue.errors import InputError
from duologue.language.engine import LanguageModel
from duologue.language.moderation import Moderator
from duologue.language.persona import Persona
from duologue.models.entries import PIPER_JOE
from duologue.models.shelf import ModelShelf
from duologue.settings import load_models_folder, load_settings
from duologue.simulation.caller import Utter
from duologue.simulation.chance import constant
from duologue.simulation.log import Log
from duologue.simulation.room import RoomSound
from duologue.simulation.runner import PLAIN, START, SimulationOutcome, World, hold, scripted_model
from duologue.simulation.scenario import Caller, EngineSet, Scenario, ScenarioStep, Thinking
from duologue.simulation.spoken_room import RecordingSink, SpokenRoom
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.chain import VoicingChain
from duologue.speech.engine import SpeechCapabilities
from duologue.speech.hearing import EAR_RATE
from duologue.speech.piper import engine as piper
from duologue.speech.piper.engine import PiperSettings, PiperSpeech
from duologue.speech.silero import Silero
from duologue.speech.utterance import SpeechChunk
from duologue.speech.whisper.engine import Whisper, WhisperSettings
from duologue.speech.whisper.messages import Found, LoadWhisper, Pass, WhisperLoaded
from duologue.speech.whisper.model import WhisperModel
from duologue.speech.whisper.process import WhisperProcess

_GRID = 2_560
LONGEST_S = 4 * 3600.0
"""Of a conversation."""
AT_ONCE = Thinking(first_ms=constant(0), tokens_per_second=constant(100_000))
"""A reply takes no time to write: what a language model adds is its own."""
_EARS_SOURCE = ("whisper.model", "whisper.words", "whisper.features")
_VOICE_SOURCE = (
    "piper.vits",
    "piper.engine",
    "piper.model",
    "piper.line",
    "reading",
    "espeak.phonemes",
    "espeak.clauses",
)


class Kept:
    """What was computed once, in a file; ``key`` says of what, so that another source or model begins anew."""

    def __init__(self, name: str, key: str, folder: Path = FOLDER) -> None:
        self._file = folder / f"{name}-{hashlib.sha1(key.encode()).hexdigest()[:12]}.pickle"
        self.found: dict[str, Any] = pickle.loads(self._file.read_bytes()) if self._file.exists() else {}
        self._known = len(self.found)

    def save(self) -> None:
        """Write down what is new."""
        if len(self.found) == self._known:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        part = self._file.with_suffix(".part")
        part.write_bytes(pickle.dumps(self.found))
        part.rename(self._file)
        self._known = len(self.found)


def _source(modules: Sequence[str]) -> str:
    """The text of modules of ours, by which what they made is known to be of now."""
    paths = [import_module(f"duologue.speech.{name}").__file__ for name in modules]
    return hashlib.sha1(b"".join(Path(path).read_bytes() for path in paths if path)).hexdigest()


class Ears:
    """Whisper's passes as its settings have them by default, made in this process on one thread, once each."""

    def __init__(self, folder: Path) -> None:
        usual = WhisperSettings(model=str(folder))
        self.load = LoadWhisper(usual.model, 1, usual.compute_type, usual.beam)
        self._model: WhisperModel | None = None
        self.kept = Kept("passes", f"{folder.name} {self.load.compute_type} {usual.beam} {_source(_EARS_SOURCE)}")
        self.passes = 0
        self.seconds = 0.0
        """CPU time of all passes so far."""

    def make(self, wanted: Pass) -> tuple[Found, float]:
        """What a pass finds, and the CPU time (s) that it took when it was made."""
        told = hashlib.sha1(wanted.features.tobytes())
        told.update(repr((wanted.seconds, wanted.language, wanted.phrases, wanted.voiced)).encode())
        key = told.hexdigest()
        if key not in self.kept.found:
            if self._model is None:
                self._model = WhisperModel(self.load)
                self._model.run(wanted)  # libraries plan with the first
            began = process_time()
            found = self._model.run(wanted)
            self.kept.found[key] = found, process_time() - began
        found, taken = self.kept.found[key]
        self.passes += 1
        self.seconds += taken
        return replace(found, number=wanted.number), taken


class ChargedPasses(WhisperProcess):
    """Passes made here, whose time passes on ``clock``."""

    def __init__(self, ears: Ears, clock: Clock) -> None:
        super().__init__(ears.load, 15.0, 0, clock)
        self._ears = ears
        self._clock = clock
        self.loaded = WhisperLoaded(multilingual=False, pass_s=0.06)

    async def find(self, wanted: Pass) -> AsyncGenerator[Found | None, None]:
        """See the worker's."""
        found, taken = self._ears.make(wanted)
        await self._clock.wait_until(self._clock.now() + round(taken * SECOND))
        yield found


Line = tuple[tuple[SpeechChunk, float], ...]
"""A line as an engine gave it: its pieces, each with the CPU time (s) since the one before."""


class Lines:
    """Lines of Piper's, spoken by its own workers beforehand, one at a time."""

    def __init__(self) -> None:
        folder = ModelShelf(load_models_folder(None)).path(PIPER_JOE)
        self._settings = PiperSettings(folder=folder)
        self.voice = piper.known_voices(self._settings)[0]
        self.kept = Kept("lines", f"{self.voice} {_source(_VOICE_SOURCE)}")

    def make(self, texts: Iterable[str]) -> None:
        """Speak what is missing."""
        missing = [text for text in dict.fromkeys(texts) if text not in self.kept.found]
        if missing:
            say(f"recording {len(missing)} lines of {self.voice}")
            asyncio.run(self._record(missing))
            self.kept.save()

    async def _record(self, texts: Sequence[str]) -> None:
        engine = piper.engine(self._settings)
        await engine.warm_up()
        try:
            for text in (texts[0], *texts):  # the first one twice: libraries plan with it
                pieces: list[tuple[SpeechChunk, float]] = []
                before = _cpu(engine)
                async with aclosing(engine.speak(text, self.voice)) as chunks:
                    async for chunk in chunks:
                        pieces.append((chunk, max(0.0, (now := _cpu(engine)) - before)))
                        before = now
                self.kept.found[text] = tuple(pieces)
        finally:
            await engine.close()


def _cpu(engine: PiperSpeech) -> float:
    """Seconds that the workers have run, to the scheduler's own precision."""
    used = 0
    for pid in (engine.worker.pid, engine.phonemizer.worker.pid):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            used += int((thread / "schedstat").read_text().split()[0])
    return used / SECOND


class RecordedSpeech:
    """A :class:`duologue.speech.engine.TextToSpeech` that gives out recorded lines as fast as they were made."""

    name = "piper"

    def __init__(self, lines: Mapping[str, Line], clock: Clock) -> None:
        self._lines = lines
        self._clock = clock

    @property
    def capabilities(self) -> SpeechCapabilities:
        """See the protocol."""
        return SpeechCapabilities(RATE, True, True, "ipa")

    async def warm_up(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to release."""

    async def speak(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk, None]:
        """See the protocol."""
        if text not in self._lines:
            raise InputError(f"the line {text!r} was not recorded", where=voice)
        for chunk, taken in self._lines[text]:
            await self._clock.wait_until(self._clock.now() + round(taken * SECOND))
            yield chunk


@dataclass
class House:
    """The models, for all conversations one after another."""

    ears: Ears
    lines: Lines = field(default_factory=Lines)
    activity: Silero = field(default_factory=Silero)

    def prepare(self, replies: Iterable[str], persona: Persona = PLAIN) -> None:
        """Record what is going to be said."""
        prepared = (*persona.language.apologies.model_dump().values(), *persona.fillers)
        self.lines.make((*prepared, *(reply for reply in replies)))

    def save(self) -> None:
        """Keep what was computed."""
        self.ears.kept.save()

    async def engines(self, clock: Clock, model: LanguageModel, member: CastMember) -> SessionEngines:
        """What a conversation with ``member`` is held on: these ears, this voice, and ``model``."""
        ears = Whisper(WhisperSettings(model=self.ears.load.folder), clock, ChargedPasses(self.ears, clock))
        chain = VoicingChain([RecordedSpeech(self.lines.kept.found, clock)], clock=clock)
        await chain.warm_up()
        voice = CastVoices(chain, (replace(member, voices={"piper": self.lines.voice}),), streams=True)
        return SessionEngines(self.activity, ears, model, voice, Moderator(), stock=Stock())

    def hold(
        self,
        name: str,
        script: Sequence[ScenarioStep],
        replies: Sequence[str],
        utter: Utter,
        caller: Caller | None = None,
    ) -> SimulationOutcome:
        """One conversation on virtual time."""
        scenario = Scenario(
            name=name, shows="natural callers", replies=tuple(replies), script=tuple(script),
            caller=caller or Caller(), engines=EngineSet(thinking=AT_ONCE),
        )  # fmt: skip
        return simulate(self._held(scenario, utter), LONGEST_S)

    async def _held(self, scenario: Scenario, utter: Utter) -> SimulationOutcome:
        clock = LoopClock(START)
        sessions: list[Session] = []
        sink = RecordingSink(sessions, clock)
        room = SpokenRoom(clock, START, scenario.caller, sink, scenario.seed)
        member = replace(find_partner(HOUSE_VOICE, load_settings()), name=PLAIN.name, persona=PLAIN)
        engines = await self.engines(clock, scripted_model(scenario, 1, clock), member)
        world = World(clock, room, sink, engines, PLAIN, utter, Log(START), sessions=sessions)
        return await hold(scenario, 1, world)


def uttered(phrases: Mapping[str, Sequence[tuple[Samples, int]]]) -> Utter:
    """The sounds of steps by their words, or by ``cough N``: waves, each with the pause behind it (ms).

    They begin at multiples of 160 ms, whole blocks and frames, so that the same words are the same passes whenever
    they are said.
    """

    def utter(step: ScenarioStep, begin: int, number: int) -> list[RoomSound]:
        at, found = -(-begin // _GRID) * _GRID, list[RoomSound]()
        for wave, pause in phrases[step.words or f"cough {step.cough:g}"]:
            found.append(RoomSound(at, at + len(wave), step.words and "words", number, wave=wave))
            at += len(wave) + pause * EAR_RATE // 1000
        return found

    return utter
