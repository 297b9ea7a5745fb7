"""Runs a scenario on real sound, in real time: voice activity, ears and voice as set, the replies of the script."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from duologue.app.talking.talking import Partner
from duologue.audio.pcm import RATE, Samples, to_int16
from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK, Clock
from duologue.dialogue.session.session import Session
from duologue.simulation.caller import Utter
from duologue.simulation.checks import Check, check_run
from duologue.simulation.log import Log
from duologue.simulation.runner import PERSON, SimulationOutcome, World, hold, scripted_model
from duologue.simulation.scenario import Scenario
from duologue.simulation.spoken_room import RecordingSink, SpokenRoom, WatchedEars, aloud
from duologue.speech.hearing import Expected, SpeechToText

UNDERSTOOD = 0.6
"""Share of a person's words that the ears must understand, in order."""
SILENCE_MS = 10.0
"""The silence before an answer in the recording and in the ledger may differ by so much."""
_AUDIBLE = 8
"""Of 32,767: what is softer is the silence of a 16-bit recording."""


@dataclass(frozen=True, slots=True)
class SpokenOutcome:
    """An outcome and its recording, ``(n, 2)`` at 48 kHz: the caller's line left, the character right."""

    outcome: SimulationOutcome
    recording: Samples
    differences_ms: tuple[float, ...]
    """For each answer: its silence in the recording minus the one in the ledger."""


def _expected(scenario: Scenario, ears: SpeechToText) -> Expected:
    """Ears that write no marks know few words, and are told the script's as a character's own domain would be; to
    others it would be the answer.
    """
    if ears.capabilities.punctuation:
        return Expected()
    said = (step.words.split() for step in scenario.script if step.words)
    return Expected(tuple(" ".join(word for word in words if word[0] != "[") for words in said))


async def run_spoken(
    scenario: Scenario,
    partner: Partner,
    seed: int | None = None,
    *,
    utter: Utter | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> SpokenOutcome:
    """Hold the conversation with the engines of ``partner``, but for the one that thinks: the replies are the
    scenario's. It takes as long as the talk does. ``utter`` is the caller's voice where it is made already. Raises what
    a caller's voice raises that is not installed.
    """
    chosen = scenario.seed if seed is None else seed
    utter = utter or await asyncio.to_thread(aloud, scenario.caller, scenario.script)
    sessions: list[Session] = []
    sink = RecordingSink(sessions, clock)
    start = clock.now()
    room = SpokenRoom(clock, start, scenario.caller, sink, chosen)
    ears = WatchedEars(partner.engines.ears, room)
    engines = replace(partner.engines, ears=ears, model=scripted_model(scenario, chosen, clock))
    world = World(
        clock, room, sink, engines, partner.persona, utter, Log(start, wall=clock.wall()),
        expected=_expected(scenario, engines.ears), sessions=sessions,
    )  # fmt: skip
    outcome = await hold(scenario, chosen, world)
    recording = room.recording()
    differences = tuple(_differences(outcome, recording, start))
    checks = [*check_run(scenario.expected_of_sound(), outcome.measures, outcome.context, PERSON, share=UNDERSTOOD)]
    if differences:
        worst = max(differences, key=abs)
        checks.append(Check("recording", f"within {SILENCE_MS:g} ms", f"{worst:+.1f} ms", abs(worst) <= SILENCE_MS))
    return SpokenOutcome(replace(outcome, checks=tuple(checks)), recording, differences)


def _differences(outcome: SimulationOutcome, recording: Samples, start: int) -> Iterator[float]:
    """The silence before each answer, from the end of the person's last word to our first sound (a filler is one): as
    it is in the recording, minus as the record of the turn has it.
    """
    ours = np.abs(to_int16(recording[:, 1])) > _AUDIBLE
    ends = [act.end for act in outcome.log.acts if act.is_turn]
    answers = [record for record in outcome.turns if record.kind == "answer" and record.on_air]
    for record in answers:
        sounded = record.filled or record.on_air
        said = [end for end in ends if end <= sounded]
        if not record.spoken_to or not said:
            continue
        if any(said[-1] < other.on_air < sounded for other in answers):
            continue  # something of ours has sounded since: this answers a sound that the script has no words for
        first = (said[-1] - start) * RATE // SECOND
        heard = np.flatnonzero(ours[first:])
        if len(heard):
            yield int(heard[0]) * 1000 / RATE - (sounded - said[-1]) / MILLISECOND
