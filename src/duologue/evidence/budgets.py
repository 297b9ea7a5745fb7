"""Budgets: what each part of a wait may take, as a file that people keep beside their settings.

``budgets.toml`` has one table, or a preset's name::

    preset = "phone"          # one of those that ship, which the table changes
    [budgets]
    answer_ms = 1500
    transcript_ms = 300       # a stage of it (docs/latency.md)

A budget that is left out is not looked at.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, cast

from duologue.clock import milliseconds
from duologue.errors import InputError
from duologue.telemetry.frames import frame_time_ms
from duologue.telemetry.ledger import FrameRecord, Record, TurnRecord
from duologue.telemetry.turns import STAGES, silence_ms, voicing_ms
from duologue.text_files import read_table


@dataclass(frozen=True, slots=True)
class Budgets:
    """All in ms; None: nobody set it. Those that are called as a stage of an answer is (docs/latency.md) are what that
    stage may take.
    """

    frame_ms: float | None = None
    """What a frame may take; None: the period of its show."""
    compose_ms: float | None = None
    """What drawing a frame may take of that."""
    encode_ms: float | None = None
    """What encoding it may take."""
    gap_wait_ms: float | None = 0.0
    """What an engine may add to the silence between two turns of a show."""
    answer_ms: float = 2000.0
    """From a person's last sound to the answer's first word."""
    endpointing_ms: float | None = None
    transcript_ms: float | None = None
    floor_ms: float | None = None
    first_token_ms: float | None = None
    first_sentence_ms: float | None = None
    voice_ms: float | None = None
    playout_ms: float | None = None
    t1_t2_ms: float | None = None
    """Of a call: from the text that goes to the voice until its first sound, also of what was made ahead."""
    t2_t3_ms: float | None = None
    """The stage ``sending``, as the old tables call it: from that sound, when it is wanted, until it leaves."""
    first_text_ms: float | None = None
    first_audio_ms: float | None = None
    all_done_ms: float | None = None
    """From a person's last sound until the reply has been said."""


STAGED = tuple(name for name in STAGES if name not in ("sending", "speaking"))
"""Stages of an answer that have a budget of their own name; ``sending`` is ``t2_t3``, ``speaking`` nobody waits for."""
BUDGET_WORDS: Mapping[str, str] = {
    "frame": "frame", "compose": "drawing", "encode": "encoding", "gap_wait": "wait between turns", "answer": "answer",
    **{name: name.replace("_", " ") for name in STAGED}, "t1_t2": "t1 → t2", "t2_t3": "t2 → t3",
    "first_text": "first text", "first_audio": "first audio", "all_done": "all done",
}  # fmt: skip
"""Budgets as people read them."""
PRESETS: Mapping[str, Budgets] = {
    "usual": Budgets(),
    "show": Budgets(frame_ms=33.0),
    "phone": Budgets(t1_t2_ms=300.0, t2_t3_ms=5.0, answer_ms=2000.0),
    "tutor": Budgets(first_text_ms=700.0, first_audio_ms=1500.0, all_done_ms=15_000.0),
    "talk": Budgets(answer_ms=800.0),
}
"""The target tables of the systems before this one, and our own aim for talks."""


def read_budgets(path: Path | None) -> Budgets:
    """Those of a file; without one the usual. Raises :class:`InputError`."""
    if path is None:
        return PRESETS["usual"]
    return _budgets(read_table(path, "the file of budgets"), str(path))


def _budgets(found: Mapping[str, Any], where: str) -> Budgets:
    known = {each.name for each in fields(Budgets)}
    preset, table = found.get("preset", "usual"), found.get("budgets", {})
    values = cast("dict[str, Any]", table) if isinstance(table, dict) else {}
    strange = sorted({*found} - {"preset", "budgets"} | {*values} - known | ({"budgets"} if table != values else set()))
    if strange or preset not in PRESETS:
        what = f"there is no budget {strange[0]!r}" if strange else f"there is no preset {preset!r}"
        allowed = f"Budgets: {', '.join(sorted(known))}; presets: {', '.join(PRESETS)}."
        raise InputError(what, where=where, remedy=allowed)
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise InputError(f"{name} is {value!r}", where=where, remedy="A number of milliseconds.")
    return replace(PRESETS[preset], **{name: float(value) for name, value in values.items()})


def measured(record: Record, budgets: Budgets, period_ms: float = 0.0) -> Iterator[tuple[str, float, float]]:
    """What a record says of each budget that applies to it: the budget's name, how long it took, what it may take (ms).
    ``period_ms`` is the show's, where a frame has no budget of its own (0: unknown).
    """
    match record:
        case FrameRecord(periods=periods):
            limit = budgets.frame_ms or period_ms * periods
            if limit:
                yield "frame", frame_time_ms(record), limit
            for name, limit, took in (
                ("compose", budgets.compose_ms, record.compose_ms), ("encode", budgets.encode_ms, record.encode_ms),
            ):  # fmt: skip
                if limit is not None:
                    yield name, took, limit
        case TurnRecord():
            for name, limit, took in _of_turn(record, budgets):
                if limit is not None and took is not None:
                    yield name, took, limit
        case _:
            pass


def _of_turn(turn: TurnRecord, budgets: Budgets) -> Iterator[tuple[str, float | None, float | None]]:
    """Name, limit and time of each; None: nobody set it, or it is not known of this turn."""
    if turn.kind == "turn" and turn.on_air:
        yield "gap_wait", budgets.gap_wait_ms, turn.waited_ms
    if not (turn.spoken_to and turn.on_air):
        return

    def since(at: int) -> float | None:
        return milliseconds(at - turn.spoken_to) if at else None

    yield "answer", budgets.answer_ms, since(turn.on_air)
    yield "first_text", budgets.first_text_ms, since(turn.first_token)
    yield "first_audio", budgets.first_audio_ms, since(turn.first_audio)
    yield "all_done", budgets.all_done_ms, since(turn.ended)
    stages = silence_ms(turn)
    for name in STAGED:
        yield name, getattr(budgets, f"{name}_ms"), stages.get(name)
    yield "t1_t2", budgets.t1_t2_ms, voicing_ms(turn) if turn.sent else None
    yield "t2_t3", budgets.t2_t3_ms, stages.get("sending")
