"""The real session under random people and random engines: what must hold at the sink, whatever the schedule."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field

import numpy as np
from fault_doubles import Scene, Speaker, Thinker, Trouble
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from session_doubles import Says

from duologue.audio.pcm import RATE, Samples
from duologue.dialogue.ports import Voiced
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import Abandon, Clear, Play, State, TakenOffHold
from duologue.language.engine import Prompt
from duologue.simulation.virtual_time import simulate
from few_examples import examples

WORDS = "one two three four five six seven eight".split()  # noqa: SIM905
BLOCK = RATE // 50


@dataclass(frozen=True)
class Schedule:
    """Who speaks when, and how long engines take: all in seconds. ``delays`` are used in turn."""

    script: tuple[Says, ...]
    coughs: tuple[Says, ...]
    typed: tuple[tuple[float, str], ...]
    thinking: tuple[float, ...]
    voicing: tuple[float, ...]
    failing: tuple[bool, ...] = field(default=(False,))
    half_duplex: bool = False


class RandomThinker(Thinker):
    """Takes as long as the schedule says for its first word."""

    def __init__(self, schedule: Schedule) -> None:
        super().__init__(Trouble())
        self.schedule = schedule

    def write(self, prompt: Prompt) -> AsyncIterator[str]:
        return self._late(super().write(prompt), len(self.prompts))

    async def _late(self, stream: AsyncIterator[str], number: int) -> AsyncGenerator[str, None]:
        await asyncio.sleep(self.schedule.thinking[number % len(self.schedule.thinking)])
        try:
            async for piece in stream:
                yield piece
                if "is" in piece and self.schedule.failing[number % len(self.schedule.failing)]:
                    raise RuntimeError("broken in the middle")
        finally:
            assert isinstance(stream, AsyncGenerator)
            await stream.aclose()


class RandomSpeaker(Speaker):
    """Takes as long as the schedule says for each sentence."""

    def __init__(self, schedule: Schedule) -> None:
        super().__init__(Trouble())
        self.schedule = schedule
        self.number = 0

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        self.number += 1
        await asyncio.sleep(self.schedule.voicing[self.number % len(self.schedule.voicing)])
        return await super().voice(text, speaker, utterance_id)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Up to five things that somebody does, each a while after the one before."""
    at, word = 0.4, 0
    script: list[Says] = []
    coughs: list[Says] = []
    typed: list[tuple[float, str]] = []
    for _ in range(draw(st.integers(1, 5))):
        match draw(st.sampled_from(["says", "says", "says", "coughs", "types"])):
            case "says":
                count = draw(st.integers(1, 5))
                script.append(Says(at, " ".join(f"{WORDS[(word + step) % 8]}{word + step}" for step in range(count))))
                word += count
                at = script[-1].end
            case "coughs":
                coughs.append(Says(at, seconds=draw(st.sampled_from([0.1, 0.2, 0.35, 0.6]))))
                at = coughs[-1].end
            case _:
                typed.append((at, f"typed t{len(typed)}"))
        at += draw(st.sampled_from([0.15, 0.3, 0.6, 1.0, 1.7, 2.4, 3.5]))
    delays = st.lists(st.sampled_from([0.0, 0.05, 0.3, 0.9, 2.0]), min_size=1, max_size=3).map(tuple)
    return Schedule(
        tuple(script), tuple(coughs), tuple(typed), draw(delays), draw(delays),
        tuple(draw(st.lists(st.sampled_from([False, False, False, True]), min_size=1, max_size=3))),
        draw(st.sampled_from([False, False, False, True])),
    )  # fmt: skip


class Played(Scene):
    """Keeps when each thing was played and when the floor was lost, and has more than one cough."""

    coughs: tuple[Says, ...] = ()

    def sound(self) -> Samples:
        sound = super().sound()
        for cough in self.coughs:
            sound[round(cough.at * 16_000) : round(cough.end * 16_000)] = 0.9
        return sound


def hold(schedule: Schedule) -> Played:
    last = max((item.end for item in (*schedule.script, *schedule.coughs)), default=0.0)
    last = max([last, *(at for at, _ in schedule.typed)])
    scene = Played(
        schedule.script, typed=schedule.typed, seconds=last + 16.0, policy=Policy(half_duplex=schedule.half_duplex),
        done=lambda scene: scene.clock.now() > (last + 4) * 1e9 and scene.session.state is State.QUIET,
    )  # fmt: skip
    scene.coughs = schedule.coughs
    scene.model = RandomThinker(schedule)
    scene.voice = RandomSpeaker(schedule)
    simulate(scene.run())
    return scene


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.too_slow])
@given(schedules())
def test_what_must_hold_at_the_sink(schedule: Schedule) -> None:
    scene = hold(schedule)
    scene.check()
    assert scene.states[-1] in (State.QUIET, State.CLOSED), "a turn does not end"
    exactly_what_was_played(scene)
    never_a_stale_reply(scene)
    never_two_voices(scene)
    everything_said_is_kept_once(scene, schedule)


def exactly_what_was_played(scene: Scene) -> None:
    """The context and the sink agree, word for word, reply by reply."""
    replies = list(dict.fromkeys(name.partition("/")[0] for name in scene.plays if "/" in name))
    played = [words for reply in replies if (words := scene.truth(reply))]
    assert [text for who, text in scene.context() if who == "ada"] == played


def never_a_stale_reply(scene: Scene) -> None:
    """After the floor was lost nothing more of that reply is handed over. After a hold what was not heard is."""
    lost: set[str] = set()
    current: set[str] = set()
    back = False
    for _, item in scene.log:
        match item:
            case TakenOffHold():
                back = True
                continue
            case Abandon(reply=reply):
                lost.add(reply)
            case Play(utterance=utterance):
                reply = utterance.id.partition("/")[0]
                assert reply not in lost, f"{utterance.id} after the floor was lost"
                current.add(reply)
            case Clear() if not back:
                lost |= current
            case _:
                pass
        back = False


def never_two_voices(scene: Scene) -> None:
    """What sounded is what was played, one after the other: no block is louder than one voice."""
    loud = sum(int(np.count_nonzero(np.abs(block) > 0.4)) for block in scene.written)
    assert max((float(np.abs(block).max()) for block in scene.written), default=0.0) <= 0.51
    assert loud <= sum(play.played for play in scene.plays.values()) + BLOCK * len(scene.plays)


def everything_said_is_kept_once(scene: Scene, schedule: Schedule) -> None:
    """No word of the person's enters the context twice, and none is lost while our ears are open."""
    said = " ".join(text for who, text in scene.context() if who == "person").split()
    assert len(set(said) - {"typed"}) == len([word for word in said if word != "typed"]), f"kept twice: {said}"
    typed = [text.split()[-1] for _, text in schedule.typed]
    assert set(typed) <= set(said), "typed and lost"
    if not schedule.half_duplex:
        assert set(scene.words) <= set(said), "said and lost"


def test_who_types_while_they_speak_loses_no_word() -> None:
    """Over the silence, over a reply, and in the middle of their only word."""
    schedule = Schedule((Says(0.4, "one0"),), (), ((0.55, "typed t0"),), (0.0,), (0.0,))
    everything_said_is_kept_once(hold(schedule), schedule)
    text = "one1 two2 three3 four4 five5 six6 seven7 eight8 nine9"
    for at in (1.3, 1.42, 1.5, 1.69):
        for before in ((), ((0.1, "typed t0"),)):
            typed = (*before, (at + 2 * len(before), "typed t1"))
            schedule = Schedule((Says(0.5 + 2 * len(before), text),), (), typed, (0.3,), (0.3,))
            scene = hold(schedule)
            everything_said_is_kept_once(scene, schedule)
