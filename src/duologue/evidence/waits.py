"""Where a turn lost its time: the stage that took longest beyond what is usual in it, and whose doing that was. Pure.

A stage that is nobody's fault (the silence that was chosen to be sure that a turn is over) is named as such. An engine
is blamed for its stage only where nothing else that is known of that time explains half of what was lost: a garbage
collection of the main process, a signal that stopped an engine, cores that other programs had, a process that died.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from duologue.clock import milliseconds
from duologue.evidence.causes import HALF, Attribution, Culprit, cause_of_stall
from duologue.evidence.surroundings import Surroundings
from duologue.telemetry.ledger import TurnRecord
from duologue.telemetry.turns import stage_spans, stages_ms

LATE_MS = 100.0
"""What a stage may take longer than usual before its turn is called late."""

STAGE_WORDS: Mapping[str, str] = {
    "endpointing": "waiting to be sure that the turn was over",
    "transcript": "the ears",
    "floor": "the far end's position of an interrupted reply",
    "first_token": "the mind's first token",
    "first_sentence": "the mind's first sentence",
    "voice": "the voice's first sound",
    "sending": "the first packet",
    "playout": "the way to the ear",
    "speaking": "speaking",
}
_BY = {
    "transcript": Culprit.ENGINE, "first_token": Culprit.ENGINE, "first_sentence": Culprit.ENGINE,
    "voice": Culprit.ENGINE, "playout": Culprit.NETWORK, "floor": Culprit.NETWORK,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TurnWait:
    """What an answer, or the silence between two turns of a show, lost its time with. ``ms`` is the whole wait,
    ``stage_ms`` that of ``stage``, ``beyond_ms`` what it took longer than is usual. ``cause`` is None where the wait
    was chosen. ``at`` and ``label``, where a chapter tells
    them, are seconds since its beginning, and who said what to whom.
    """

    turn: TurnRecord
    ms: float
    stage: str
    stage_ms: float
    beyond_ms: float
    cause: Culprit | None
    why: str
    at: float = 0.0
    label: str = ""

    @property
    def late(self) -> bool:
        """It was noticeably slower than others of its run, and not by choice."""
        return self.cause is not None and self.beyond_ms >= LATE_MS

    @property
    def whose(self) -> str:
        """As people read it. An answer that took as long as others of its run is nobody's doing."""
        if self.cause is None:
            return "chosen"
        return self.cause.value if self.late or answer_ms(self.turn) is None else "as usual"


def usual_stages(turns: Sequence[TurnRecord]) -> dict[str, float]:
    """The median of each stage (ms)."""
    taken: dict[str, list[float]] = {}
    for turn in turns:
        for name, value in stages_ms(turn).items():
            taken.setdefault(name, []).append(value)
    return {name: median(values) for name, values in taken.items()}


def answer_ms(turn: TurnRecord) -> float | None:
    """From the person's last sound to the answer's first word (ms); None: it answers no speech, or never sounded."""
    return milliseconds(turn.on_air - turn.spoken_to) if turn.spoken_to and turn.on_air else None


def wait_of(turn: TurnRecord, usual: Mapping[str, float], around: Surroundings | None = None) -> TurnWait | None:
    """Of an answer the silence before it, of a show's turn what engines added to the silence that was chosen; None
    where nobody waited. ``around`` is what its house tells of that time.
    """
    answered = answer_ms(turn)
    total = answered if answered is not None else turn.waited_ms if turn.on_air and turn.kind == "turn" else 0.0
    if total <= 0:
        return None
    stages = {name: ms for name, ms in stages_ms(turn).items() if name != "speaking"}
    if answered is None:
        stages.pop("playout", None)  # of a show: its place in the queue, which is chosen
    if not stages:
        return TurnWait(turn, total, "", 0.0, 0.0, Culprit.UNKNOWN, "none of its stages is known")
    stage = max(stages, key=lambda name: (max(0.0, stages[name] - usual.get(name, 0.0)), stages[name]))
    least = 0.0 if answered is None else LATE_MS  # who waits for an answer waits for all of its stages
    more = stages[stage] - usual.get(stage, 0.0)
    explains = answered is not None or more >= HALF * total  # a silence of seconds is not the doing of a tenth of one
    if more < least or more <= 0 or not explains:
        stage = max(stages, key=lambda name: stages[name])
    beyond = max(0.0, stages[stage] - usual.get(stage, 0.0))
    cause, why = _whose(turn, stage, beyond, around if around and beyond >= least else Surroundings(None))
    return TurnWait(turn, total, stage, stages[stage], beyond, cause, why)


def _whose(turn: TurnRecord, stage: str, beyond: float, around: Surroundings) -> tuple[Culprit | None, str]:
    if stage == "endpointing":
        return None, f"the silence was chosen: {turn.why or 'by its rule'}"
    words = STAGE_WORDS[stage]
    if turn.handovers:
        return Culprit.ENGINE, f"{words}: {'; '.join(turn.handovers)}"
    if turn.failure:
        return Culprit.ENGINE, f"{words}: {turn.failure}"
    if (found := _beside(turn, stage, beyond, around)) is not None:
        return found.cause, f"{words}: {found.why}"
    if turn.queued_ms >= 0.5 * stages_ms(turn)[stage]:
        return Culprit.ENGINE, f"{words} waited {turn.queued_ms:.0f} ms for other work of our engines"
    if stage == "first_token" and turn.prompt_tokens and turn.kept_tokens < turn.prompt_tokens // 2:
        read = turn.prompt_tokens - turn.kept_tokens
        return Culprit.ENGINE, f"{words}: {read} of {turn.prompt_tokens} tokens had to be read then"
    return _BY.get(stage, Culprit.UNKNOWN), words + _at_rest(turn, stage, beyond, around)


def _beside(turn: TurnRecord, stage: str, beyond: float, around: Surroundings) -> Attribution | None:
    """What else held it: a cause that no engine has a part in, and that explains half of what was lost."""
    if beyond <= 0:
        return None
    since, until = stage_spans(turn)[stage]
    others = [name for name in around.engines if name != turn.engine]  # the voice has its own stage, and no other one
    voices = stage == "voice" and turn.engine in around.engines
    processes = ("main", turn.engine) if voices else ("main", "line") if stage == "sending" else ("main", *others)
    evidence = around.evidence(processes, since, until)
    evidence = replace(
        evidence,
        pauses=[each for each in evidence.pauses if each.what != "disk"],  # no turn waits for the recorder
        cpu_wait_ms=around.waited_for_others_ms(processes, since, until),  # what our own processes had is an engine's
        engines={},
        disk_wait_ms=0.0,
    )
    found = cause_of_stall(beyond, since, until, evidence, "the house")
    return found if found.cause is not Culprit.UNKNOWN else None


def _at_rest(turn: TurnRecord, stage: str, beyond: float, around: Surroundings) -> str:
    """An engine that was asked, and neither computed nor waited for a core."""
    if stage != "voice" or beyond < LATE_MS:
        return ""
    used = around.cpu_ms(turn.engine, *stage_spans(turn)[stage])
    return f"; {turn.engine} stood still" if used is not None and used < HALF * beyond else ""
