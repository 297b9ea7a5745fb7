"""The very sound that the Talk page sent, heard again on virtual time, and an answer's way split in both.

What a browser makes of a microphone's sound is another sound than the file's, and a turn at the border of two waits may
fall on the other side of it. So what the page's way costs is only known beside the same sound: the blocks that the page
sent, which are what the server got, go through *natural*'s procedure (:mod:`benchmarks.natural.world`) at their own
places, with Esc at its times, the settings of the page's character and the sentence that was answered then. The way of
an answer is cut into :data:`PARTS`, which add up to what the person waited.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.natural.world import LONGEST_S, House
from benchmarks.page.browser import Captured
from benchmarks.page.sound import Sent, audible
from duologue.app.show.cast import CastMember
from duologue.app.talk.messages import CapturedSound
from duologue.app.talking.turn_policy import talk_policy
from duologue.audio.pcm import RATE, Samples, silence
from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.turns.vocabulary import Interrupt
from duologue.settings import load_settings
from duologue.simulation.recorded_talk import RecordedReply, RecordedTalk
from duologue.simulation.replay import clock_of, hear_again
from duologue.simulation.replay_engines import RecordedMind
from duologue.simulation.runner import START
from duologue.simulation.virtual_time import simulate
from duologue.speech.hearing import EAR_RATE
from duologue.telemetry.ledger import TurnRecord
from duologue.telemetry.turns import silence_ms

PARTS = {
    "microphone": "the last word → the house knows its end, on its own clock",
    "decision": "its turn is taken to be over",
    "ears": "its words are final",
    "thinking": "the first sentence is written",
    "voice": "its first sound is there",
    "network": "its first frame is in the page",
    "browser": "its first sample passes the device",
    "head": "its first sample that can be heard does",
}
_STAGES = {
    "decision": ("endpointing",),
    "ears": ("transcript",),
    "thinking": ("floor", "first_token", "first_sentence"),
    "voice": ("voice",),
}
EARLY_MS = 100
"""Of ours, so soon after a turn began: it was under way before."""
Stretches = Sequence[tuple[int, int] | None]
"""Where turns begin and end in a sound, in samples at the ears' rate; None: one was not found."""


@dataclass(frozen=True)
class Received:
    """The microphone's sound as it was sent, at the ears' rate from the first block on; silence for ``missing`` samples
    that were not. ``offset`` is when its first sample could have been sent (ms of the page) by the block that took
    least, ``late`` how much more each took (ms).
    """

    samples: Samples
    missing: int
    offset: float
    late: NDArray[np.float64]

    def at(self, place: int) -> float:
        """When a sample could be sent (ms of the page)."""
        return self.offset + 1000 * place / EAR_RATE

    def place(self, at: float) -> int:
        """The sample that could be sent at ``at`` (ms of the page)."""
        return round((at - self.offset) * EAR_RATE / 1000)


def received(blocks: Sequence[tuple[float, CapturedSound]]) -> Received:
    """What blocks make up, each with when it was sent (ms)."""
    first = blocks[0][1].at
    ends = np.array([block.at + len(block.samples) - first for _, block in blocks])
    whole, known = silence(int(ends.max())), np.zeros(int(ends.max()), bool)
    for _, block in blocks:
        here = slice(block.at - first, block.at - first + len(block.samples))
        whole[here], known[here] = block.samples, True
    slack = np.array([at for at, _ in blocks]) - ends * 1000 / EAR_RATE
    return Received(whole, int((~known).sum()), float(slack.min()), slack - slack.min())


@dataclass(frozen=True)
class Answer:
    """What came of a turn: the :data:`PARTS` (ms) of the wait for its answer (none: it was not answered), and whether
    one began before its end.
    """

    parts: Mapping[str, float] = field(default_factory=dict[str, float])
    cut: bool = False

    @property
    def waited(self) -> float | None:
        """From the last word to the first sound (ms)."""
        return sum(self.parts.values()) if self.parts else None


def _stages(told: Mapping[str, float]) -> dict[str, float]:
    """Of a strip of stages (ms), by the names here."""
    return {part: sum(told.get(name, 0.0) for name in names) for part, names in _STAGES.items()}


def head_ms(samples: Samples) -> float:
    """How long a sound, at :data:`RATE`, cannot be heard at its beginning."""
    places = audible(samples)
    return 1000 * int(places[0]) / RATE if len(places) else 0.0


def on_page(captured: Captured, sent: Sent, end: float, heard: float) -> dict[str, float]:
    """The parts of an answer whose first sentence came as ``sent`` and was first ``heard`` then; the turn had its
    ``end`` (ms of the page both). Without a strip of its turn there are none.
    """
    turn = next((message["turn"] for _, message in captured.of("chunk") if message["id"] == sent.id), "")
    strips = [message for _, message in captured.of("turn") if message["id"] == turn and message["stages"]]
    if not strips:
        return {}
    spoken_to = strips[-1]["at"] - captured.wall
    stages, head = _stages(strips[-1]["stages"]), head_ms(sent.samples)
    voiced = spoken_to + sum(stages.values())
    ways = {"network": sent.came - voiced, "browser": heard - head - sent.came, "head": head}
    return {"microphone": spoken_to - end, **stages, **ways}


def said_then(captured: Captured, sent: Sent | None) -> str:
    """The words of a sentence that came; empty: there was none."""
    if sent is None:
        return ""
    return next((str(message["text"]) for _, message in captured.of("chunk") if message["id"] == sent.id), "")


@dataclass(frozen=True)
class Again:
    """What is heard again: a sound at the ears' rate, where its turns lie, at which samples Esc was pressed, and the
    sentence that answers each turn.
    """

    sound: Samples
    stretches: Stretches
    hushes: Sequence[int]
    replies: Sequence[str]

    def talk(self, who: str) -> RecordedTalk:
        """The same as a talk that was kept."""
        found = [
            RecordedReply(_time(stretch[0]), text, 0.0, 0.0)
            for stretch, text in zip(self.stretches, self.replies, strict=True)
            if stretch is not None
        ]
        acts = tuple((_time(place), Interrupt()) for place in self.hushes)
        return RecordedTalk(
            "talk:page", who, None, START, {}, True, self.sound, tuple(found), (), acts, (), ()
        )  # fmt: skip


def _time(place: int) -> int:
    return START + place * SECOND // EAR_RATE


def hear(world: House, member: CastMember, again: Again) -> list[Answer]:
    """What comes of each turn on virtual time; ``world`` must have been prepared for what is replied."""
    turns = simulate(_heard(world, member, again.talk(member.name)), LONGEST_S)
    answers = sorted((each for each in turns if each.kind == "answer" and each.on_air), key=lambda each: each.on_air)
    return [answer_of(again.stretches, number, answers) for number in range(len(again.stretches))]


async def _heard(world: House, member: CastMember, talk: RecordedTalk) -> Sequence[TurnRecord]:
    clock = clock_of(talk, asyncio.get_running_loop())
    engines = await world.engines(clock, RecordedMind(talk.replies, clock), member)
    policy = talk_policy(load_settings(), member.persona)
    return (await hear_again(talk, member.persona, engines, policy, clock)).turns


def answer_of(stretches: Stretches, number: int, answers: Sequence[TurnRecord]) -> Answer:
    """What came of a turn, of all ``answers`` in their order. *natural* counts to the first sample that is given, so it
    knows no ``browser`` and no ``head``.
    """
    stretch = stretches[number]
    if stretch is None:
        return Answer()
    begin, end = (_time(place) for place in stretch)
    following = next((_time(each[0]) for each in stretches[number + 1 :] if each is not None), None)
    cut = any(begin + EARLY_MS * MILLISECOND < each.on_air < end for each in answers)
    first = next((each for each in answers if end <= each.on_air and (not following or each.on_air < following)), None)
    strip = silence_ms(first) if first is not None else {}
    if first is None or not strip:
        return Answer(cut=cut)
    ways = {"network": strip.get("sending", 0.0) + strip["playout"], "browser": 0.0, "head": 0.0}
    return Answer({"microphone": (first.spoken_to - end) / MILLISECOND, **_stages(strip), **ways}, cut)
