"""Random people with random engines, whole conversations on virtual time: what must hold whatever the speed of ears,
mind and voice. ``tests/fuzz/fuzz_conversation.py`` goes on with it for as long as somebody likes.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field, replace

import numpy as np
from fault_doubles import BLOCK, Play, Scene, Speaker, Thinker, Trouble, answer_number
from session_doubles import ADA, Says, loud_utterance
from slow_ears import GappedScene, SlowEar, said
from test_faults_schedules import exactly_what_was_played, never_a_stale_reply, never_two_voices
from test_streamed_voice import beginning

from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND, SECOND, milliseconds
from duologue.dialogue.heard import heard_text
from duologue.dialogue.ports import Captured, PlayEnded, PlayEvent, PlayProgress, Voiced
from duologue.dialogue.session.record import SessionRecorder
from duologue.dialogue.session.session import Session, SessionOptions
from duologue.dialogue.session.sink import PacedSink
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.reply import REST
from duologue.dialogue.turns.vocabulary import (
    CallTool,
    Effect,
    EngineFailed,
    Event,
    PutOnHold,
    State,
    TakenOffHold,
    When,
)
from duologue.errors import PeerError
from duologue.language.engine import Prompt
from duologue.language.languages import load_language
from duologue.language.tools import RemoteTool, Toolbox, ToolCall
from duologue.simulation.virtual_time import simulate
from duologue.speech.hearing import EAR_RATE
from duologue.speech.utterance import Utterance
from duologue.telemetry.ledger import EndingRecord, TurnRecord
from duologue.telemetry.turns import FINAL_STATES, silence_ms, stages_ms

WORDS = "one two three four five six seven eight".split()  # noqa: SIM905
QUIET_SECONDS = 150.0
"""After the last that anybody did every turn must have ended: ears are given up after 120 s."""
LIMIT_SECONDS = 3.0
"""Of a tool at the far end."""
JUMPS_MS = [300, 700]
"""By which the process does not run. That it stood still is noticed at deadlines alone: what is left of one is used
up. So longer ones give up ears that show a sign each second and are given up after two, which is told.
"""
ACTS: dict[str, Callable[[Session], None]] = {
    "interrupt": lambda session: session.control.interrupt(),
    "speak": lambda session: session.control.speak("One moment please, somebody asks."),
    "speak later": lambda session: session.control.speak("That was all of it.", When.SENTENCE),
    "digit": lambda session: session.control.press("5"),
    "commit": lambda session: session.control.commit_turn(),
    "finish": lambda session: session.control.finish(),
    "german": lambda session: session.control.change(language=load_language("de")),
    "english": lambda session: session.control.change(language=load_language("en")),
}
ANSWERS: dict[str, tuple[float, ...]] = {
    "at once": (0.0,),
    "soon": (0.4,),
    "late": (2.0,),
    "too late": (LIMIT_SECONDS + 1,),
    "never": (),
    "twice": (0.2, 0.3),
}
"""When the far end says what came of a call, in seconds after it was asked."""
REPLIES: dict[str, Callable[[str], list[tuple[float, str]]]] = {
    "plain": lambda text: [(0.02, piece) for piece in text],
    "slow": lambda text: [(0.05, piece) for piece in text],
    "stalls": lambda text: [(9.0 if place == len(text) // 2 else 0.01, piece) for place, piece in enumerate(text)],
    "waits": lambda text: [(4.0 if place == len(text) // 2 else 0.01, piece) for place, piece in enumerate(text)],
    "empty pieces": lambda text: [pair for piece in text for pair in ((0.01, ""), (0.0, piece), (0.0, ""))],
    "emoji": lambda text: [(0.1, "\N{SMILING FACE WITH SMILING EYES}"), (0.1, " \N{PARTY POPPER}")],
    "white space": lambda text: [(0.1, " "), (0.1, "\n\n"), (0.1, "\t")],
    "nothing": lambda text: [],
    "no full stop": lambda text: [(0.0, text.replace(".", "")), *((0.0, f" and more of it {n}") for n in range(500))],
}
"""How a reply is written: pieces, each after so many seconds."""


@dataclass
class Life:
    """What one seed says: seconds, words and who misbehaves how."""

    seed: int
    script: list[Says] = field(default_factory=list[Says])
    coughs: list[Says] = field(default_factory=list[Says])
    typed: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    acts: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    holds: list[tuple[float, bool]] = field(default_factory=list[tuple[float, bool]])

    def __post_init__(self) -> None:
        self.chance = chance = random.Random(self.seed)
        at, word = 0.4, 0
        for _ in range(chance.randint(1, 6)):
            match chance.choice(["says", "says", "says", "coughs", "types", "act", "act", "holds"]):
                case "says":
                    count = chance.choice([1, 1, 2, 3, 5, 14])
                    text = " ".join(f"{WORDS[(word + step) % 8]}{word + step}" for step in range(count))
                    self.script.append(Says(at, text))
                    word += count
                    if chance.random() < 0.25:
                        self.acts.append((at + chance.random() * 0.3 * count, chance.choice(list(ACTS))))
                    at = self.script[-1].end
                case "coughs":
                    self.coughs.append(Says(at, seconds=chance.choice([0.1, 0.2, 0.35, 0.6])))
                    at = self.coughs[-1].end
                case "types":
                    self.typed.append((at, f"typed t{len(self.typed)}"))
                case "holds":
                    begins = at - chance.choice([0.0, 0.12])  # no sooner than 30 ms after a last word
                    at = begins + chance.choice([0.05, 0.4, 2.0, 12.0, 40.0])
                    self.holds += [(begins, True), (at, False)]
                case _:
                    self.acts.append((at, chance.choice(list(ACTS))))
            at += chance.choice([0.15, 0.3, 0.6, 1.0, 1.7, 2.4, 3.5])
        self._add_orders(at)
        self.last = max([at, *(at for at, _ in (*self.acts, *self.typed))])
        self.passes = [chance.choice([0.05, 0.1, 0.3, 0.6, 0.9, 1.5, 2.5]) for _ in range(chance.randint(1, 5))]
        self.replies = [chance.choice(["plain", "plain", *REPLIES]) for _ in range(3)]
        self.thinking = [chance.choice([0.0, 0.05, 0.3, 0.9, 2.0]) for _ in range(3)]
        self.voicing = [chance.choice([0.0, 0.05, 0.3, 0.9, 2.0]) for _ in range(3)]
        self.failing = chance.choice([0.0, 0.0, 0.2])
        self.stretch_ms = chance.choice([3_000, 30_000])
        self.speculates = chance.random() < 0.7
        self.takes_back = chance.random() < 0.3
        commits = any(name == "commit" for _, name in self.acts)  # before sound that a late process has not heard yet
        self.jumps = [at for at, name in self.acts if name == "digit" and not commits and chance.random() < 0.5]
        self.tools = chance.random() < 0.4
        self.answers = [chance.choice(list(ANSWERS)) for _ in range(3)]
        self.pushes = self._pushes() if chance.random() < 0.2 else []
        self._add_breaks(at)

    def _add_orders(self, last: float) -> None:
        """Up to three of the owner's at one moment, and somebody who types in the middle of their own words."""
        chance = self.chance
        for _ in range(chance.choice([0, 0, 1, 2])):
            at = chance.random() * last
            self.acts += [(at, chance.choice(list(ACTS))) for _ in range(chance.randint(1, 3))]
        if self.script and chance.random() < 0.3:
            says = chance.choice(self.script)
            self.typed.append((says.at + chance.random() * (says.end - says.at), f"typed t{len(self.typed)}"))
        self.acts.sort()
        self.typed.sort()

    def _add_breaks(self, last: float) -> None:
        """Sinks, voices and ears that are replaced or break in the middle; more than one call in the middle of a reply;
        a voice that streams; a line with echo.
        """
        chance = self.chance
        self.sinks = sorted(chance.random() * (last + 3) for _ in range(chance.choice([0, 0, 1, 2])))
        if self.sinks and self.holds and chance.random() < 0.5:  # while it is on hold
            (begins, _), (ends, _) = self.holds[:2]
            self.sinks = sorted([*self.sinks, begins + chance.random() * (ends - begins)])
        self.voices = sorted(chance.random() * (last + 3) for _ in range(chance.choice([0, 0, 0, 1, 2])))
        self.word = chance.choice([0.0, 0.1, 0.25, 0.5, 1.0]) if chance.random() < 0.4 else None
        self.voice_breaks = chance.choice([0, 0, 1, 2, 3, 5])
        self.mind_breaks = chance.random() < 0.25
        self.ear_breaks = chance.choice([0, 0, 0, 0, 1, 2])
        self.several = chance.random() < 0.5
        self.half_duplex = chance.random() < 0.15
        if self.sinks or self.half_duplex:
            self.takes_back = False  # words that it took back are not told from those of the sink before

    def _pushes(self) -> list[tuple[float, bool]]:
        """When a button to talk goes down and up: around all that is said, and nothing else ends a turn."""
        self.acts = [(at, name) for at, name in self.acts if name != "commit"]
        self.jumps = []  # the button is held by the same clock
        pushes: list[tuple[float, bool]] = []
        for says in self.script:
            if pushes and says.at - 0.1 <= pushes[-1][0] + 0.1:
                pushes.pop()
            else:
                pushes.append((says.at - 0.1, True))
            pushes.append((says.end + 0.25, False))
        return pushes


class LifeThinker(Thinker):
    """Writes as the life says."""

    def __init__(self, life: Life) -> None:
        super().__init__(Trouble())
        self.life = life

    async def _write(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        self.open += 1
        self.prompts.append(prompt)
        number = len(self.prompts)
        try:
            await asyncio.sleep(self.life.thinking[number % 3])
            pieces = REPLIES[self.life.replies[number % 3]](answer_number(number))
            several = self.life.several
            calls = [ToolCall("", "look", f'{{"number": {number}, "call": {call}}}') for call in range(1 + 2 * several)]
            at = self.life.chance.choice([0, len(pieces) // 3, len(pieces) // 2, len(pieces)]) if several else 0
            breaks = self.life.mind_breaks and self.life.chance.random() < 0.5
            end = self.life.chance.randrange(len(pieces) + 1) if breaks else -1
            for place, (seconds, piece) in enumerate([*pieces, (0.0, "")]):
                if place == at and prompt.tools is not None and number % 2:
                    async for filler in prompt.tools.run(calls):
                        yield filler
                if place == end:
                    raise PeerError("the mind broke", where="double")
                await asyncio.sleep(seconds)
                yield piece
        finally:
            self.open -= 1


class LifeSpeaker(Speaker):
    """Takes as long as the life says, and fails at one sentence of five; maybe it streams, and breaks off in the middle
    of some.
    """

    def __init__(self, life: Life) -> None:
        super().__init__(Trouble())
        self.life = life
        self.number = 0

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        self.number += 1
        await asyncio.sleep(self.life.voicing[self.number % 3])
        if self.life.chance.random() < self.life.failing:
            raise PeerError("the voice broke", where="double")
        if self.life.word is None or "/" not in utterance_id or len(text.split()) == 1:
            return await super().voice(text, speaker, utterance_id)
        whole = loud_utterance(text, speaker, utterance_id)
        return Voiced(beginning(whole, 1), more=self._more(whole, self.life.word))

    async def _more(self, whole: Utterance, word: float) -> AsyncGenerator[Utterance, None]:
        self.running += 1
        breaks = self.life.voice_breaks if self.life.chance.random() < 0.4 else 0
        try:
            for count in range(2, len(whole.words()) + 1):
                if count > breaks > 0:
                    raise PeerError("the voice broke in the middle", where="double")
                await asyncio.sleep(word)
                yield beginning(whole, count)
        finally:
            self.running -= 1


class LifeSink(PacedSink):
    """A far end that took the place of another one."""

    def __init__(self, scene: LifeScene) -> None:
        super().__init__(scene.written.append, self._heard, scene.clock)
        self._scene = scene

    def _heard(self, report: PlayEvent | PlayProgress) -> None:
        if self._scene.newest is self:
            self._scene.heard(report)

    async def play(self, utterance: Utterance, gap_ms: int) -> None:
        self._scene.note_play(utterance)
        await super().play(utterance, gap_ms)

    async def extend(self, utterance: Utterance) -> None:
        self._scene.plays[utterance.id].utterance = utterance
        await super().extend(utterance)


class LifeScene(GappedScene):
    """Its far end may take back what it told; its source says where each block lies."""

    def __init__(self, life: Life) -> None:
        self.life = life
        left, jumps, pushes, holds = list(life.acts), list(life.jumps), list(life.pushes), list(life.holds)
        sinks, voices = list(life.sinks), list(life.voices)
        self.down = not life.pushes

        def done(scene: Scene) -> bool:
            while left and scene.clock.now() >= left[0][0] * 1e9:
                ACTS[left.pop(0)[1]](scene.session)
            if jumps and scene.clock.now() >= jumps[0] * 1e9:
                jumps.pop()
                scene.clock.ahead += life.chance.choice(JUMPS_MS) * MILLISECOND
            while pushes and scene.clock.now() >= pushes[0][0] * 1e9:
                self.push(pushes.pop(0)[1])
            while holds and scene.clock.now() >= holds[0][0] * 1e9:
                scene.session.control.hold() if holds.pop(0)[1] else scene.session.control.unhold()
            while sinks and scene.clock.now() >= sinks[0] * 1e9:
                sinks.pop(0)
                self.replace_sink()
            while voices and scene.clock.now() >= voices[0] * 1e9:
                voices.pop(0)
                self.speakers.append(LifeSpeaker(life))
                scene.session.control.change(persona=replace(ADA, fillers=("Well, well.",)), voice=self.speakers[-1])
            left_over = self.waiting or pushes or holds or sinks or voices
            quiet = scene.session.state is State.QUIET and not left_over
            return quiet and scene.clock.now() > (life.last + 4.0) * 1e9

        super().__init__(
            life.script, typed=life.typed, seconds=life.last + QUIET_SECONDS, done=done,
            policy=Policy(stretch_ms=life.stretch_ms, speculate=life.speculates, half_duplex=life.half_duplex),
        )  # fmt: skip
        passes = iter(range(10**6))
        self.ears = SlowEar(self.words, lambda: life.passes[next(passes) % len(life.passes)], breaks=life.ear_breaks)
        self.model, self.voice = LifeThinker(life), LifeSpeaker(life)
        self.speakers: list[Speaker] = [self.voice]
        self.newest: LifeSink | None = None
        self.going: asyncio.Task[None] | None = None
        self.cuts: dict[str, int] = {}
        """Of an utterance whose rest was given to a sink again: how much of its text that is not."""
        self.pace = self.pace_newest
        self.records: dict[str, TurnRecord] = {}
        self.endings: list[EndingRecord] = []
        self.recorder = SessionRecorder("c", "ada", "person", self.record, self.endings.append)

    def options(self) -> SessionOptions:
        tool = RemoteTool("look", "Looks.", {"type": "object"}, limit_seconds=LIMIT_SECONDS, filler="Let me look.")
        return SessionOptions(policy=self.policy, toolbox=Toolbox([tool]) if self.life.tools else None)

    async def run(self, source: Callable[[], AsyncIterator[Samples | Captured]] | None = None) -> Scene:
        await super().run(source)
        self.tasks_left -= 1  # the sink
        return self

    async def pace_newest(self) -> None:
        """The sink that there is, and then each that takes its place."""
        async with asyncio.TaskGroup() as group:
            self.group = group
            self.going = group.create_task(self.sink.run())
            await asyncio.Event().wait()

    def replace_sink(self) -> None:
        """The one before falls silent, and is not heard of again."""
        assert self.going is not None
        self.going.cancel()
        for play in self.plays.values():
            play.ended = True
        self.newest = LifeSink(self)
        self.going = self.group.create_task(self.newest.run())
        self.session.control.attach(self.newest)

    def note_play(self, utterance: Utterance) -> None:
        """A sink was given it."""
        if utterance.id in self.plays:
            self.twice.append(utterance.id)
        self.plays[utterance.id] = Play(utterance)
        if utterance.id.endswith(REST) and (before := self.plays.get(utterance.id.removesuffix(REST))):
            self.cuts[before.utterance.id] = len(before.utterance.text) - len(utterance.text)

    async def play(self, utterance: Utterance, gap_ms: int) -> None:
        self.note_play(utterance)
        await self.sink.play(utterance, gap_ms)

    def truth(self, reply: str) -> str:
        """See :meth:`Scene.truth`; one that streams may have broken off since."""
        heard: list[str] = []
        for name, play in self.plays.items():
            if name.startswith(f"{reply}/"):
                text = heard_text(play.utterance, play.played)
                heard.append(text[: self.cuts.get(name, len(text))].strip())
        return " ".join(filter(None, heard))

    def push(self, down: bool) -> None:
        """As a talk's session takes it."""
        self.down = down
        if not down:
            self.session.control.commit_turn()
        self.session.control.change(policy=replace(self.policy, manual=down))

    def answer(self, call: CallTool) -> None:
        """Or not, as the life says."""
        for seconds in ANSWERS[self.life.answers[len(self.log) % 3]]:
            asyncio.get_running_loop().call_later(seconds, self.session.control.answer, call.call.id, "found")

    def record(self, record: TurnRecord) -> None:
        before = self.records.get(record.id)
        assert before is None or before.state not in FINAL_STATES, "a record that has ended changes"
        self.records[record.id] = replace(record)

    @property
    def waiting(self) -> bool:
        """Somebody is still being understood, or played."""
        return self.ears.open > 0 or any(not play.ended for play in self.plays.values())

    def sound(self) -> Samples:
        sound = super().sound()
        for cough in self.life.coughs:
            sound[round(cough.at * EAR_RATE) : round(cough.end * EAR_RATE)] = 0.9
        return sound

    async def placed(self) -> AsyncIterator[Captured]:
        number = 0
        async for block in self.source():
            if self.down:
                yield Captured(block, number * BLOCK)
            number += 1

    def hear_sink(self, report: PlayEvent | PlayProgress) -> None:
        if self.newest is None:
            self.heard(report)

    def heard(self, report: PlayEvent | PlayProgress) -> None:
        """Of the sink that there is."""
        back = self.life.takes_back and isinstance(report, PlayProgress) and self.life.chance.random() < 0.3
        if not back or not isinstance(report, PlayProgress):
            super().hear_sink(report)
            return
        if play := self.plays.get(report.utterance_id):
            play.played = max(play.played, report.played_samples)
        less = max(0, report.played_samples - self.life.chance.choice([480, 4_800, 14_400]))
        self.session.notify(replace(report, played_samples=less))

    def watch(self, item: Event | Effect, now: int) -> None:
        super().watch(item, now)
        self.recorder.take(item, now)
        if isinstance(item, CallTool):
            self.answer(item)
        if isinstance(item, PlayEnded) and (play := self.plays.get(item.utterance_id)):
            play.ended = True


def hold(seed: int) -> LifeScene:
    """The conversation of that seed, to its end."""
    scene = LifeScene(Life(seed))
    simulate(scene.run(scene.placed))
    return scene


def check(scene: LifeScene) -> None:
    """Raises :class:`AssertionError` for whatever does not hold."""
    scene.check()
    if not scene.life.sinks:  # what one that is gone had played since its last report nobody knows
        exactly_what_was_played(scene)
        never_two_voices(scene)
    never_a_stale_reply(scene)
    every_word_is_kept_once(scene)
    every_turn_ends(scene)
    every_record_can_be(scene)
    nothing_is_left_over(scene)


def every_word_is_kept_once(scene: LifeScene) -> None:
    """What somebody said and typed is in the context once, and in its order where nobody broke in."""
    words = [word for word in said(scene) if word != "typed"]
    typed = [text.split()[-1] for _, text in scene.life.typed]
    twice = [word for word in set(words) if words.count(word) > 1]
    lost = sorted({*scene.words, *typed} - set(words))
    assert not twice and set(typed) <= set(words), f"lost {lost}, twice {twice}"
    if scene.life.ear_breaks and not (scene.life.half_duplex or scene.life.pushes):  # else it may end before it is told
        failed = [item.what for _, item in scene.log if isinstance(item, EngineFailed)]
        told = sum(float(what.split()[0]) for what in failed if "never understood" in what)
        assert told + 0.35 >= 0.3 * len(lost), f"lost {lost}, and told of {told} s"
    assert not lost or scene.life.ear_breaks or scene.life.half_duplex, f"lost {lost}"
    if not (scene.life.acts or typed or lost):
        assert words == scene.words, "in another order"


def every_turn_ends(scene: LifeScene) -> None:
    """And so does each record of one."""
    assert scene.states[-1] in (State.QUIET, State.CLOSED), f"it ends in {scene.states[-1]}"
    assert all(record.state in FINAL_STATES for record in scene.records.values())
    asked = [record.text for record in scene.records.values() if record.kind == "person" and record.state == "ended"]
    assert sorted(asked) == sorted(text for who, text in scene.context() if who == "person"), "the records differ"


def every_record_can_be(scene: LifeScene) -> None:
    """Stages are the silence, in which nobody was on hold; what comes later has a later time."""
    puts = [at for at, item in scene.log if isinstance(item, PutOnHold)]
    backs = [at for at, item in scene.log if isinstance(item, TakenOffHold)]
    for record in scene.records.values():
        took = record.waited_ms, record.gap_ms, record.wasted_ms, record.saved_ms, *stages_ms(record).values()
        assert min(took) >= 0, str(record)
        assert not record.on_air or record.ended >= record.on_air, f"{record} ends before it begins"
        if not (record.spoken_to and record.on_air):
            continue
        silence = milliseconds(record.on_air - record.spoken_to)
        assert abs(sum(silence_ms(record).values()) - silence) < 0.01, f"{record}: {silence} ms"
        assert not record.given or record.spoken_to <= record.given <= record.on_air + SECOND // 50
        held = [put for put, back in zip(puts, backs, strict=True) if record.spoken_to < back <= record.on_air]
        assert not held, f"{record}: on hold from {held}"
    for ending in scene.endings:
        assert ending.silence_ms >= 0 and all(pause >= 0 for pause in ending.pauses), str(ending)


def nothing_is_left_over(scene: LifeScene) -> None:
    """What grows with each word, sentence and reply is gone with them."""
    floor = scene.session._turns._floor  # pyright: ignore[reportPrivateUsage]
    assert not (floor.calls or floor.muttered or floor.to_say or floor.person.parts)
    ears = scene.session._ears  # pyright: ignore[reportPrivateUsage]
    left = (ears._tasks, ears._sounds, ears._open)  # pyright: ignore[reportPrivateUsage]
    assert not any(left), "stretches are left"
    assert not scene.session._mouth._replies  # pyright: ignore[reportPrivateUsage]
    assert not any(speaker.running for speaker in scene.speakers), "a voice goes on"
    assert float(max((np.abs(block).max() for block in scene.written), default=0.0)) <= 0.51
