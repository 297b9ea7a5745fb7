"""A conversation whose engines go wrong on command, in any state, and are well again later; all on virtual time.

The person's sound carries its words: each word has an amplitude of its own, and the ear reads them from what it is
given. So whatever is cut, retried or dropped, the ear understands what it really heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
from session_doubles import ADA, Says, loud_utterance

from duologue.audio.pcm import RATE, Samples
from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.heard import heard_text
from duologue.dialogue.nonsense import readable
from duologue.dialogue.ports import Captured, PlayEnded, PlayEvent, PlayProgress, PlayStarted, Voiced
from duologue.dialogue.session.session import Session, SessionEngines, SessionOptions
from duologue.dialogue.session.sink import PacedSink
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import Commit, Effect, Event, Report, State
from duologue.language.engine import LanguageCapabilities, Prompt
from duologue.language.moderation import Moderator, Subject, Verdict
from duologue.simulation.virtual_time import LoopClock
from duologue.speech.hearing import EAR_RATE, Expected, HearingCapabilities, Transcript, VoicePresence
from duologue.speech.hearing_fake import Loudness
from duologue.speech.utterance import Utterance

BLOCK = 1024
"""Samples of a block of the source: 64 ms."""
WORD = round(0.3 * EAR_RATE)
SLICE = 0.02


class JumpingClock(LoopClock):
    """The virtual loop's time, and on top of it what somebody makes of it: monotonic time may jump forwards, wall time
    anywhere.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ahead = 0
        self.wall_ahead = 0

    def now(self) -> int:
        return super().now() + self.ahead

    def wall(self) -> int:
        return super().wall() + self.wall_ahead


@dataclass
class Trouble:
    """``engine`` goes wrong as ``kind`` says, while :attr:`armed`; ``hits`` counts the calls that did."""

    engine: str = ""
    kind: str = ""
    armed: bool = False
    hits: int = 0

    def of(self, engine: str) -> str:
        """How ``engine`` has to misbehave now; empty: not at all."""
        if not self.armed or engine != self.engine:
            return ""
        self.hits += 1
        return self.kind

    async def wait(self, engine: str, seconds: float) -> str:
        """Let time pass, or until ``engine`` has to misbehave."""
        left = seconds
        while left > 0:
            if kind := self.of(engine):
                return kind
            await asyncio.sleep(min(left, SLICE))
            left -= SLICE
        return self.of(engine)

    async def pause(self, kind: str) -> bool:
        """What many kinds have in common: True when the call goes on as if nothing had been."""
        match kind:
            case "crash":
                raise RuntimeError("broken")
            case "cancel":
                raise asyncio.CancelledError
            case "hang":
                await asyncio.Event().wait()
            case "stubborn":
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    await asyncio.sleep(3.0)
                    raise
            case "spiteful":
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError as error:
                    raise RuntimeError("you cannot cancel me") from error
            case "slow":
                await asyncio.sleep(30.0)
                return True
            case _:
                pass
        return False


class ReadingEar:
    """Understands each word of which it has been given nearly all; the final transcript takes 0.1 s."""

    name = "reading ear"
    capabilities = HearingCapabilities(partials=True)

    def __init__(self, words: Sequence[str], trouble: Trouble) -> None:
        self.words = words
        self.trouble = trouble
        self.open = 0
        self.calls = 0

    async def warm_up(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to release."""

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        self.open += 1
        self.calls += 1
        heard: dict[int, int] = {}
        shown = ""
        try:
            async for block in sound:
                async for wrong in self._misbehave(self.trouble.of("hearing")):
                    yield wrong
                levels, counts = np.unique(np.round((block - 0.1) * 1000).astype(int), return_counts=True)
                for level, count in zip(levels.tolist(), counts.tolist(), strict=True):
                    if 0 <= level < len(self.words):
                        heard[level] = heard.get(level, 0) + count
                text = " ".join(self.words[level] for level, count in sorted(heard.items()) if count > 0.9 * WORD)
                if text != shown:
                    shown = text
                    yield Transcript(text)
            async for wrong in self._misbehave(await self.trouble.wait("hearing", 0.1)):
                yield wrong
            yield Transcript(shown, final=True)
        finally:
            self.open -= 1

    async def _misbehave(self, kind: str) -> AsyncGenerator[Any, None]:
        if not kind or await self.trouble.pause(kind):
            return
        match kind:
            case "nothing":
                yield None
            case "text":
                yield "these are words"
            case "unsure":
                yield Transcript("what", confidence=cast(float, None))
                yield Transcript("what", confidence=float("nan"))
            case "binary":
                yield Transcript("\x00\ud800\x1b[2J")
            case "huge":
                yield Transcript("blah " * 200_000, final=True)
                return
            case "endless":
                while True:
                    yield Transcript("again")
            case _:
                raise AssertionError(kind)


class Thinker:
    """Each answer is another one, of two sentences; the first word takes 1.2 s."""

    name = "thinker"
    capabilities = LanguageCapabilities()

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble
        self.open = 0
        self.prompts: list[Prompt] = []

    async def warm_up(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to release."""

    def write(self, prompt: Prompt) -> AsyncIterator[str]:
        if self.trouble.armed and self.trouble.engine == "thinking" and self.trouble.kind == "refuse":
            self.trouble.hits += 1
            raise RuntimeError("broken")
        return self._write(prompt)

    async def _write(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        self.open += 1
        self.prompts.append(prompt)
        answer = answer_number(len(self.prompts))
        try:
            kind = await self.trouble.wait("thinking", 1.2)
            for number, word in enumerate(answer.split()):
                async for piece in self._misbehave(kind):
                    yield piece
                yield word if number == 0 else f" {word}"
                kind = await self.trouble.wait("thinking", 0.02)
            if kind == "never ends":
                await asyncio.Event().wait()
        finally:
            self.open -= 1
            await self._close()

    async def _close(self) -> None:
        match self.trouble.kind if self.trouble.armed else "":
            case "close raises":
                raise OSError("cannot even close")
            case "close hangs":
                await asyncio.Event().wait()
            case _:
                pass

    async def _misbehave(self, kind: str) -> AsyncGenerator[Any, None]:
        if kind in ("", "close raises", "never ends") or await self.trouble.pause(kind):
            return
        match kind:
            case "nothing":
                yield None
            case "bytes":
                yield b"\x00\x01"
            case "binary":
                yield "\x00\ud800\x1b[2J"
            case "huge":
                yield "blah " * 200_000
            case "endless":
                while True:
                    yield ""
            case "babble" | "close hangs":
                while True:
                    yield "blah "
            case "trickle":
                while True:
                    await asyncio.sleep(3.0)
                    yield " and"
            case _:
                raise AssertionError(kind)


def answer_number(number: int) -> str:
    """No two are alike."""
    return f"Answer {number} is all I have. There is a part {number} of it too."


class Speaker:
    """Voices in 0.05 s, 0.3 s for each word."""

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble
        self.running = 0

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        self.running += 1
        try:
            kind = await self.trouble.wait("voicing", 0.05)
            good = Voiced(loud_utterance(text, speaker, utterance_id))
            if not kind or await self.trouble.pause(kind):
                return good
            return cast(Voiced, self._nonsense(kind, good.utterance))
        finally:
            self.running -= 1

    def _nonsense(self, kind: str, good: Utterance) -> object:
        wrong: dict[str, Callable[[], object]] = {
            "nothing": lambda: None,
            "bare": lambda: good,
            "hollow": lambda: Voiced(cast(Utterance, None)),
            "empty": lambda: Voiced(replace(good, samples=good.samples[:0], marks=())),
            "nan": lambda: Voiced(replace(good, samples=good.samples * np.float32("nan"))),
            "rate": lambda: Voiced(replace(good, rate=24_000)),
            "stereo": lambda: Voiced(replace(good, samples=np.zeros((2, 480), np.float32))),
            "integers": lambda: Voiced(replace(good, samples=cast(Samples, np.ones(480, np.int16)))),
            "hours": lambda: Voiced(replace(good, samples=np.zeros(RATE * 600, np.float32))),
            "marks": lambda: Voiced(replace(good, marks=cast(Any, ("one", None)))),
            "textless": lambda: Voiced(replace(good, text=cast(str, b"\x00"))),
            "misnamed": lambda: Voiced(replace(good, id="something else")),
        }
        return wrong[kind]()


class Noticing(Loudness):
    """Voice activity by loudness."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__()
        self.trouble = trouble

    def step(self, frames: Mapping[int, Samples]) -> Mapping[int, float]:
        good = super().step(frames)
        match self.trouble.of("noticing"):
            case "":
                return good
            case "crash":
                raise RuntimeError("broken")
            case "nothing":
                return cast(Any, None)
            case "empty":
                return {}
            case "nan":
                return dict.fromkeys(frames, float("nan"))
            case "text":
                return cast(Any, dict.fromkeys(frames, "loud"))
            case "shouting":
                return dict.fromkeys(frames, 1.0)
            case "deaf":
                return dict.fromkeys(frames, 0.0)
            case kind:
                raise AssertionError(kind)


class Judge:
    """Says of every pause that it may be an end."""

    name = "judge"

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble

    async def warm_up(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to release."""

    async def ended(self, sound: Samples) -> float:
        kind = await self.trouble.wait("turn", 0.03)
        if not kind or await self.trouble.pause(kind):
            return 0.5
        return cast(float, None if kind == "nothing" else float("nan"))


class Censor(Moderator):
    """A moderator of somebody's own."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(())
        self.trouble = trouble

    async def judge(self, text: str, subject: Subject) -> Verdict:
        kind = self.trouble.of("moderator")
        if kind:
            await self.trouble.pause(kind)
            return cast(Verdict, None)
        return await super().judge(text, subject)


@dataclass
class Play:
    """One utterance that the sink was given, and what it really played of it (samples)."""

    utterance: Utterance
    played: int = 0
    ended: bool = False


@dataclass
class Scene:
    """One conversation: the person's script (spoken, and typed at a time), the trouble, and what came of it.

    The trouble begins when ``state`` is reached first, and is over at ``cured`` (seconds).
    """

    script: Sequence[Says]
    trouble: Trouble = field(default_factory=Trouble)
    state: State | None = None
    typed: Sequence[tuple[float, str]] = ()
    holds: Sequence[tuple[float, float]] = ()
    """When the line is put on hold, and when it is taken off (s)."""
    cured: float = 1e9
    seconds: float = 50.0
    policy: Policy = field(default_factory=Policy)
    done: Callable[[Scene], bool] = lambda scene: False
    cough: Says | None = None
    mute: bool = False
    """Once the state is reached, the sink plays on and tells nothing."""

    def __post_init__(self) -> None:
        self.clock = JumpingClock()
        self.words = [word for says in self.script for word in says.text.split()]
        self.ears = ReadingEar(self.words, self.trouble)
        self.model = Thinker(self.trouble)
        self.voice = Speaker(self.trouble)
        self.activity = Noticing(self.trouble)
        self.plays: dict[str, Play] = {}
        self.twice: list[str] = []
        self.log: list[tuple[int, Event | Effect]] = []
        self.states: list[State] = []
        self.written: list[Samples] = []
        self.armed_at = -1
        self.tasks_left = 0
        self.sink = PacedSink(self.written.append, self.hear_sink, self.clock)
        self.pace: Callable[[], Coroutine[Any, Any, object]] = self.sink.run

    # The world

    def sound(self) -> Samples:
        """The person's sound, whole."""
        sound = np.zeros(round(self.seconds * EAR_RATE) + BLOCK, np.float32)
        number = 0
        for says in self.script:
            at = round(says.at * EAR_RATE)
            for _ in says.text.split():
                sound[at : at + WORD] = 0.1 + number / 1000
                at, number = at + WORD, number + 1
        if self.cough:
            sound[round(self.cough.at * EAR_RATE) : round(self.cough.end * EAR_RATE)] = 0.9
        return sound

    async def source(self) -> AsyncGenerator[Samples, None]:
        """64 ms blocks in virtual time, until all is done."""
        sound, typed, start = self.sound(), list(self.typed), self.clock.now()
        holds = [moment for both in self.holds for moment in both]
        for number in range(round(self.seconds * EAR_RATE) // BLOCK):
            at = number * BLOCK * SECOND // EAR_RATE
            await self.clock.wait_until(start + at)
            if at >= self.cured * SECOND:
                self.trouble.armed = False
            while typed and at >= typed[0][0] * SECOND:
                self.session.say(typed.pop(0)[1])
            while holds and at >= holds[0] * SECOND:
                (self.session.control.unhold if len(holds) % 2 else self.session.control.hold)()
                holds.pop(0)
            if self.done(self):
                return
            yield sound[number * BLOCK : (number + 1) * BLOCK]

    def hear_sink(self, report: PlayEvent | PlayProgress) -> None:
        if self.mute and self.armed_at >= 0:
            return
        play = self.plays.get(report.utterance_id)
        if play and not isinstance(report, PlayStarted):
            play.played = max(play.played, report.played_samples)
            play.ended = isinstance(report, PlayEnded)
        self.session.notify(report)

    async def play(self, utterance: Utterance, gap_ms: int) -> None:
        if utterance.id in self.plays:
            self.twice.append(utterance.id)
        self.plays[utterance.id] = Play(utterance)
        await self.sink.play(utterance, gap_ms)

    async def extend(self, utterance: Utterance) -> None:
        self.plays[utterance.id].utterance = utterance
        await self.sink.extend(utterance)

    async def withdraw(self, utterance_id: str) -> bool:
        return await self.sink.withdraw(utterance_id)

    async def clear(self) -> None:
        await self.sink.clear()

    async def pause(self) -> None:
        await self.sink.pause()

    async def resume(self) -> None:
        await self.sink.resume()

    def watch(self, item: Event | Effect, now: int) -> None:
        self.log.append((now, item))
        state = self.session.state
        if not self.states or self.states[-1] is not state:
            self.states.append(state)
        if state is self.state and self.armed_at < 0:
            self.armed_at, self.trouble.armed = now, True

    def engines(self) -> SessionEngines:
        judge = Judge(self.trouble) if self.trouble.engine == "turn" else None
        return SessionEngines(self.activity, self.ears, self.model, self.voice, Censor(self.trouble), judge)

    def options(self) -> SessionOptions:
        return SessionOptions(policy=self.policy)

    async def run(self, source: Callable[[], AsyncIterator[Samples | Captured]] | None = None) -> Scene:
        self.session = Session(
            ADA, self.engines(), self,
            self.options(), clock=self.clock, observe=self.watch,
        )  # fmt: skip
        if self.state is State.QUIET:
            self.armed_at, self.trouble.armed = 0, True
        before = asyncio.all_tasks()
        try:
            async with asyncio.TaskGroup() as group:
                floor = group.create_task(self.pace())
                try:
                    await self.session.run((source or self.source)())
                finally:
                    floor.cancel()
                    self.tasks_left = len(asyncio.all_tasks() - before - {floor})
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        return self

    # Looking

    def context(self) -> list[tuple[str, str]]:
        return [(line.speaker, line.text) for line in self.session.lines]

    def reports(self) -> list[Report]:
        return [item for _, item in self.log if isinstance(item, Report)]

    def commits(self) -> list[Commit]:
        return [item for _, item in self.log if isinstance(item, Commit)]

    def truth(self, reply: str) -> str:
        """What the sink played of ``reply``, in whole words; one that a hold broke off is played again."""
        mine = {name: play for name, play in self.plays.items() if name.startswith(f"{reply}/")}
        heard: list[str] = []
        for name, play in mine.items():
            text, rest = play.utterance.text, mine.get(f"{name}~")
            whole = text if rest is None else text.removesuffix(rest.utterance.text)
            heard.append(heard_text(play.utterance, play.played)[: len(whole)].strip())
        return " ".join(filter(None, heard))

    def check(self) -> None:
        """What holds at the end of every conversation, whatever went wrong."""
        assert not self.twice, f"played twice: {self.twice}"
        whole = [play for name, play in self.plays.items() if play.played and f"{name}~" not in self.plays]
        texts = [play.utterance.text for play in whole if "part" in play.utterance.text]
        assert len(set(texts)) == len(texts), "said twice"
        for commit in self.commits():
            if commit.reply:
                assert self.truth(commit.reply).startswith(commit.heard), "in the context, and not heard"
        for name, play in self.plays.items():
            reply = name.partition("/")[0]
            if "/" in name and play.played > RATE // 2 and heard_text(play.utterance, play.played):
                assert any(commit.reply == reply for commit in self.commits()), f"{name} was heard and forgotten"
        assert all(text == readable(text) for _, text in self.context()), "what no file can hold"
        assert self.session.state is State.CLOSED
        assert self.ears.open == 0, "an ear listens on"
        assert self.model.open == 0, "a thought goes on"
        assert self.voice.running == 0, "a voice goes on"
        assert self.activity.streams == set(), "voice activity goes on"
        assert self.tasks_left == 0, "tasks are left"


def milliseconds(now: int) -> float:
    return now / MILLISECOND
