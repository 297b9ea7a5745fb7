"""What natural voices do over a reply: words that want the floor, and sounds that do not. Virtual time, as
:mod:`benchmarks.natural.turns`.

200 interruptions, and 200 coughs, backchannels and echoes of our own reply. An interruption counts as missed when the
reply went on; a sound of the others as wrong when the reply was given up over it, and as answered when something else
was said to it. ``HALF`` and ``SHOW`` are as in :mod:`benchmarks.natural.turns`.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np

from benchmarks.machine import say
from benchmarks.natural.callers import Half, Renderings, callers, voices
from benchmarks.natural.turns import GAP_MS, house
from benchmarks.natural.world import House, uttered
from benchmarks.table import Row, row
from duologue.audio.pcm import Samples
from duologue.dialogue.ports import PlayStarted
from duologue.dialogue.turns.vocabulary import Note, Report
from duologue.simulation.caller import Act
from duologue.simulation.runner import SimulationOutcome
from duologue.simulation.scenario import Caller, Echo, ScenarioStep
from duologue.simulation.spoken import cough
from duologue.speech.hearing import EAR_RATE

EVENTS = 200
WORDS = (
    "Wait, stop.", "No, that is not what I meant.", "Stop!", "Hold on a second.", "Sorry, can I say something?", "No.",
    "Actually, I meant Tuesday.", "That is enough, thank you.", "Excuse me, what did you say?",
    "But I already tried that.", "What?", "Could you say that again?", "Never mind.", "One moment, please.",
    "I have another question.", "Not that one, the other one.",
)  # fmt: skip
BACKCHANNELS = ("Uh-huh.", "Yeah.", "Right.", "Okay.", "Oh.", "Yes.", "Sure.", "Ah.")
"""No "mm-hm" and no "hm": Kokoro spells them out ("em, em, aitch, em"), which is no backchannel."""
ECHO_DELAYS_MS = (60.0, 120.0, 200.0)
AFTER_S = (0.7, 4.0)
"""Into the reply, from and to."""
REPLIES = (
    "The house was built by a sailor who had lost a bet. He painted every room in a different shade of green. "
    "On clear evenings you can see the lighthouse from the kitchen.",
    "Most people take the path along the river first. It is a little longer, but there is shade all the way. "
    "At the old mill they sell bread and lemonade to anybody who walks by.",
    "My grandmother used to keep bees behind the school. She knew every one of them by name, or so she said. "
    "In the autumn we carried the honey to the market in two wooden buckets.",
)  # fmt: skip


@dataclass
class Plan:
    """What one voice does in its conversation: a question, and over the answer a step, again and again."""

    name: str
    voice: str
    caller: Caller = field(default_factory=Caller)
    steps: list[ScenarioStep] = field(default_factory=list[ScenarioStep])
    waves: dict[str, list[tuple[Samples, int]]] = field(default_factory=dict[str, list[tuple[Samples, int]]])


@dataclass(frozen=True)
class Event:
    """What came of one: ``stop_ms`` from its onset to our last sample (None: the reply went on), and whether something
    else was answered to it.
    """

    what: str
    voice: str
    stop_ms: float | None
    answered: bool
    noted: str


def _plans(half: Half, events: int) -> Iterator[tuple[str, Plan, list[tuple[str, str]]]]:
    """Each conversation, its kind, and what must have been rendered for it."""
    drawn = Random(20 + half.value)
    known = voices(half)
    questions = {
        voice: next(turn.phrases[0] for turn in turns if turn.kind == "question")
        for voice, turns in callers(half, 1).items()
    }
    for kind, share in (("words", 1.0), ("backchannels", 0.35), ("coughs", 0.35), ("echoes", 0.3)):
        count = round(events * share)
        for place, voice in enumerate(known):
            mine = len(range(place, count, len(known)))
            if not mine:
                continue
            caller = Caller(echo=Echo(delay_ms=ECHO_DELAYS_MS[place % 3])) if kind == "echoes" else Caller()
            plan = Plan(f"{kind}-{voice.replace('_', '-')}", voice, caller)
            needed = [(voice, questions[voice])]
            for number in range(mine):
                step = _over(kind, place * 5 + number, drawn)
                if step is not None and step.words:
                    needed.append((voice, step.words))
                plan.steps += [
                    ScenarioStep(say=questions[voice]),
                    *([step] if step else []),
                    ScenarioStep(wait="reply"),
                ]
                plan.steps.append(ScenarioStep(pause=GAP_MS))
            yield kind, plan, needed


def _over(kind: str, number: int, drawn: Random) -> ScenarioStep | None:
    after = round(drawn.uniform(*AFTER_S), 2)
    match kind:
        case "words":
            return ScenarioStep(interrupt=WORDS[number % len(WORDS)], after_s=after)
        case "backchannels":
            return ScenarioStep(backchannel=BACKCHANNELS[number % len(BACKCHANNELS)], after_s=after)
        case "coughs":
            return ScenarioStep(cough=250 + 7 * number % 200, after_s=after)
        case _:
            return None


def _held(world: House, kind: str, plan: Plan, sounds: Renderings) -> list[Event]:
    for step in plan.steps:
        if step.words:
            plan.waves[step.words] = [(sounds.sound(plan.voice, step.words), 0)]
        elif step.cough is not None:
            plan.waves[f"cough {step.cough:g}"] = [(_cough(step.cough), 0)]
    replies = [REPLIES[number % len(REPLIES)] for number in range(3 * len(plan.steps))]
    script = [ScenarioStep(pause=GAP_MS), *plan.steps]
    outcome = world.hold(plan.name, script, replies, uttered(plan.waves), plan.caller)
    return list(_events(kind, plan.voice, outcome))


def _cough(milliseconds: float) -> Samples:
    """One burst, or two."""
    whole = cough(round(milliseconds), milliseconds / 1000)
    return whole if round(milliseconds) % 2 else whole[: round(milliseconds) * EAR_RATE // 1000]


def _events(kind: str, voice: str, outcome: SimulationOutcome) -> Iterator[Event]:
    log = outcome.log
    stops = iter(outcome.measures.stop_ms)
    stopped = [
        (entry.at, next(stops))
        for entry in log.entries
        if isinstance(entry.item, Report) and entry.item.note is Note.INTERRUPTED
    ]
    asked = [act for act in log.acts if act.step.verb == "say"]
    for act, following in zip(asked, [*asked[1:], None], strict=True):
        until = following.begin if following else log.entries[-1].at + 1
        over = next((each for each in log.acts if act.end <= each.begin < until and _is_over(each)), None)
        if kind != "echoes" and (over is None or over.missed):
            continue
        inside = [entry for entry in log.entries if act.end <= entry.at < until]
        named: dict[str, None] = {}
        for entry in inside:
            if isinstance(entry.item, PlayStarted) and "/" in entry.item.utterance_id:
                named[entry.item.utterance_id.partition("/")[0]] = None
        stop = next((ms for at, ms in stopped if act.end <= at < until), None)
        notes = [f"{entry.item.note} {entry.item.why}" for entry in inside if isinstance(entry.item, Report)]
        what = over.step.line if over else "an echo"
        yield Event(what, voice, stop, len(named) > 1, "; ".join(notes))


def _is_over(act: Act) -> bool:
    return act.step.verb in ("interrupt", "backchannel", "cough")


def rows(small: bool = False) -> list[Row]:
    """All figures."""
    half = Half.TUNING if os.environ.get("HALF") == "tuning" else Half.ASIDE
    plans = list(_plans(half, EVENTS // 10 if small else EVENTS))
    sounds, world = Renderings(), house()
    sounds.make(each for _, _, needed in plans for each in needed)
    world.prepare(sentence for reply in REPLIES for sentence in _sentences(reply))
    found: dict[str, list[Event]] = {}
    for kind, plan, _ in plans:
        found.setdefault(kind, []).extend(_held(world, kind, plan, sounds))
        world.save()
    for kind, events in found.items():
        say(f"{kind}: {len(events)}")
        for each in events if os.environ.get("SHOW") else ():
            if (each.stop_ms is None or each.stop_ms > 500) if kind == "words" else each.stop_ms is not None:
                print(f"{kind} {each.voice} {each.what}: {each.stop_ms} <{each.noted}>", file=sys.stderr)
    words = found.pop("words", [])
    return [*_of_words(words), *_of_others(found)]


def _sentences(reply: str) -> list[str]:
    return [f"{part.rstrip('.')}." for part in reply.split(". ")]


def _of_words(words: Sequence[Event]) -> list[Row]:
    stops = [each.stop_ms if each.stop_ms is not None else 10_000.0 for each in words]
    missed = Counter(each.what for each in words if each.stop_ms is None)
    told = ", ".join(f"{what} {count}" for what, count in missed.most_common())
    return [
        row("interruptions", len(words), ""),
        row("interruptions that were not taken for one", missed.total(), "", told),
        row("onset of real words → our last sound, p50", float(np.median(stops)) / 1000, "s"),
        row("onset of real words → our last sound, p95", float(np.quantile(stops, 0.95)) / 1000, "s", "target 0.5"),
    ]


def _of_others(found: dict[str, list[Event]]) -> list[Row]:
    everything = [each for events in found.values() for each in events]
    made = [row("coughs, backchannels, echoes over a reply", len(everything), "")]
    for name, events in (("all", everything), *found.items()):
        if not events:
            continue
        went_on = 100 * sum(each.stop_ms is None for each in events) / len(events)
        answered = 100 * sum(each.answered for each in events) / len(events)
        beside = ("target 95", "target 2") if name == "all" else ("", "")
        made.append(row(f"{name} ({len(events)}): the reply goes on", went_on, "%", beside[0]))
        made.append(row(f"{name}: answered", answered, "%", beside[1]))
    return made
