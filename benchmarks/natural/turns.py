"""When a turn of a natural caller is taken to be over, and when it is answered: ``python -m benchmarks.natural turns``.

Callers are Kokoro's voices (:mod:`benchmarks.natural.callers`), each in a conversation of its own of some twenty turns;
the world is :mod:`benchmarks.natural.world`'s, on virtual time. The reply takes no time to write. ``HALF=tuning`` and
``SHOW=1`` are for who tunes: the other voices and sentences, and each turn that was cut in or slow on standard error.
"""

from __future__ import annotations

import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.machine import say
from benchmarks.natural.callers import Half, Renderings, Turn, callers, needed
from benchmarks.natural.world import Ears, House, uttered
from benchmarks.table import Row, row
from duologue.clock import SECOND
from duologue.dialogue.ports import PlayStarted
from duologue.dialogue.turns.vocabulary import Note, Report, Understood
from duologue.models.entries import WHISPER_TINY_EN
from duologue.models.shelf import ModelShelf
from duologue.settings import load_models_folder
from duologue.simulation.log import LogEntry
from duologue.simulation.runner import SimulationOutcome
from duologue.simulation.scenario import ScenarioStep

TIMES = 3
"""How many voices say each sentence: 300 turns of each half."""
SMALL_VOICES = 2
GAP_MS = 1_000
"""Between the end of a reply and the next turn."""
REPLIES = (
    "That is good to know.", "Let me think about that for a moment.", "Yes, I believe so.",
    "I am not sure, but I can find out.", "Of course.", "The second one is usually better.",
    "Give me one second, please.", "It was all written down years ago.",
)  # fmt: skip


@dataclass(frozen=True)
class Answered:
    """A turn as it went, in seconds after its last word: the decision, the final text and the first sound (None: there
    was none); ``cut`` is the pause (ms) in which an answer began, 0 for none; ``why`` is the decision's.
    """

    voice: str
    turn: Turn
    decided: float | None
    understood: float | None
    sounded: float | None
    cut: bool
    why: str
    heard: str


def conversation(house: House, voice: str, turns: Sequence[Turn], sounds: Renderings) -> list[Answered]:
    """All that a voice says, turn by turn, each after the answer to the one before."""
    script = [ScenarioStep(pause=GAP_MS)]
    phrases: dict[str, list[tuple[np.ndarray, int]]] = {}
    for turn in turns:
        phrases[turn.words] = sounds.phrases(voice, turn)
        script += [ScenarioStep(say=turn.words), ScenarioStep(wait="reply"), ScenarioStep(pause=GAP_MS)]
    replies = [REPLIES[number % len(REPLIES)] for number in range(2 * len(turns))]
    outcome = house.hold(f"natural-{voice.replace('_', '-')}", script, replies, uttered(phrases))
    return list(_answers(voice, turns, outcome))


def _answers(voice: str, turns: Sequence[Turn], outcome: SimulationOutcome) -> Iterator[Answered]:
    log = outcome.log
    acts = [act for act in log.acts if act.is_turn]
    ends = [*(act.begin for act in acts[1:]), log.entries[-1].at + 1]
    for turn, act, until in zip(turns, acts, ends, strict=True):
        entries = [entry for entry in log.entries if act.begin <= entry.at < until]
        yield _answer(voice, turn, act.begin, act.end, entries)


def _answer(voice: str, turn: Turn, begin: int, end: int, entries: Sequence[LogEntry]) -> Answered:
    sounds = [
        each.item.at_ns for each in entries if isinstance(each.item, PlayStarted) and "/" in each.item.utterance_id
    ]
    first = next((at for at in sounds if at >= end), None)
    before = [each for each in entries if first is None or each.at <= first]
    decided = [each for each in before if isinstance(each.item, Report) and each.item.note is Note.TURN_ENDED]
    finals = [each for each in before if isinstance(each.item, Understood) and each.item.final]

    def after(at: int | None) -> float | None:
        return None if at is None else (at - end) / SECOND

    last = decided[-1] if decided else None
    texts = [each.item.text for each in finals if isinstance(each.item, Understood)]
    return Answered(
        voice, turn, after(last.at if last else None), after(finals[-1].at if finals else None), after(first),
        any(begin < at < end for at in sounds),
        "; ".join(each.item.why for each in decided if isinstance(each.item, Report)), " / ".join(texts),
    )  # fmt: skip


def figures(answers: Sequence[Answered]) -> list[Row]:
    """The rows of a half."""
    talk = [each for each in answers if not each.turn.dictated]
    dictated = [each for each in answers if each.turn.dictated]
    paused = [each for each in answers if each.turn.paused]
    made = [
        row("turns; with a pause of 0.3–1.2 s inside, dictated", len(answers), "", f"{len(paused)}, {len(dictated)}"),
        row("turns that were not answered", sum(each.sounded is None for each in answers), ""),
    ]
    made += _times("statements and questions: last word → first sound", talk, 0.60, 0.95)
    made += _times("statements and questions: last word → decision", talk, decision=True)
    late = [
        1000 * max(0.0, each.understood - each.decided)
        for each in answers
        if each.understood is not None and each.decided is not None
    ]
    made += [
        row("decision → final text, p50", float(np.median(late)), "ms", "target 5"),
        row("decision → final text, p95", float(np.quantile(late, 0.95)), "ms", "target 150"),
    ]
    made += _times("dictated: last word → first sound", dictated, None, 1.4)
    made += [
        _share("cut in, of all", answers, "target 2"),
        _share("cut in, of those with a pause", paused, "target 4"),
        _share("cut in, of those dictated", dictated, ""),
    ]
    return made


def _times(
    what: str, answers: Sequence[Answered], middle: float | None = None, tail: float | None = None, *,
    decision: bool = False,
) -> list[Row]:  # fmt: skip
    found = [each.decided if decision else each.sounded for each in answers]
    times = [each for each in found if each is not None]
    if not times:
        return []
    beside = [f"target {middle:g}" if middle else "", f"target {tail:g}" if tail else ""]
    return [
        row(f"{what}, p50", float(np.median(times)), "s", beside[0]),
        row(f"{what}, p95", float(np.quantile(times, 0.95)), "s", beside[1]),
    ]


def _share(what: str, answers: Sequence[Answered], beside: str) -> Row:
    cut = [each for each in answers if each.cut]
    kinds, whole = Counter(each.turn.kind for each in cut), Counter(each.turn.kind for each in answers)
    told = ", ".join(f"{kind} {count} of {whole[kind]}" for kind, count in kinds.items())
    share = 100 * len(cut) / len(answers) if answers else 0.0
    return row(what, share, "%", "; ".join(filter(None, (beside, told))))


def _show(answers: Iterable[Answered]) -> None:
    by_why: dict[str, list[float]] = defaultdict(list)
    for each in answers:
        if each.sounded is not None and not each.turn.dictated:
            by_why[each.why.split("; ")[-1].split(",")[0]].append(each.sounded)
        if each.cut or each.sounded is None or each.sounded > (1.4 if each.turn.dictated else 0.8):
            mark = "CUT" if each.cut else "   "
            sounded = "none" if each.sounded is None else f"{each.sounded:.2f}"
            print(f"{mark} {sounded} {each.voice} {each.turn.words}\n      {each.heard} <{each.why}>", file=sys.stderr)
    for why, times in sorted(by_why.items()):
        print(f"{why:24} {len(times):4} {np.median(times):.2f}", file=sys.stderr)


def house() -> House:
    """The default ears and voice."""
    return House(Ears(ModelShelf(load_models_folder(None)).path(WHISPER_TINY_EN)))


def rows(small: bool = False) -> list[Row]:
    """All figures of the half that is kept aside."""
    half = Half.TUNING if os.environ.get("HALF") == "tuning" else Half.ASIDE
    said = callers(half, 1 if small else TIMES)
    if small:
        said = dict(list(said.items())[:SMALL_VOICES])
    sounds, world = Renderings(), house()
    sounds.make(needed(said))
    world.prepare(REPLIES)
    answers: list[Answered] = []
    for number, (voice, turns) in enumerate(said.items(), 1):
        answers += conversation(world, voice, turns, sounds)
        say(f"{voice}: {len(turns)} turns ({number} of {len(said)})")
        world.save()
    if os.environ.get("SHOW"):
        _show(answers)
    made = figures(answers)
    passes, seconds = world.ears.passes, world.ears.seconds
    return [*made, row("a pass of the ears, mean, CPU time of one thread", 1000 * seconds / max(1, passes), "ms")]
