"""``duologue report``: why an answer was slow, and whether a show stuttered."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from duologue.telemetry.ledger import CallRecord, TurnRecord
    from duologue.telemetry.ledger_reader import LedgerReader
    from duologue.telemetry.report import Part

_SHORT = 40
"""Characters of a question that are shown."""
_MOST_STEPS = 10
"""Steps and skips of a show that are shown one by one."""


def report(
    ledgers: Annotated[
        list[Path], typer.Argument(metavar="LEDGER...", help="Files or folders that show, talk or simulate wrote.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
) -> None:
    """Say of each answer how long it took, which stage took longest, and what went wrong; of a show also its frames.

    The stages add up to the silence between the person's last word and the answer's first; see docs/latency.md.

    For instance: duologue talk --wav question.wav --out answer.wav --ledger talk.jsonl && duologue report talk.jsonl
    """
    from duologue.telemetry.ledger_reader import LedgerReader
    from duologue.telemetry.report import gather

    reader = LedgerReader(*ledgers)
    parts = gather(reader)
    if as_json:
        import json

        found = {"parts": [each.as_dict() for each in parts], "torn": reader.torn, "unknown": dict(reader.unknown)}
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for part in parts:
        for line in _told(part):
            typer.echo(line)
    for line in _summary(parts):
        typer.echo(line)
    for line in _missing(parts, reader):
        typer.echo(line)


def _told(part: Part) -> Iterator[str]:
    people = [each for each in part.conversations if each.person]
    about = f" ({people[0].scenario})" if people and people[0].scenario else ""
    yield f"{part.of}{about}"
    if part.show or part.costs:
        yield from _frames(part)
    if part.call is not None:
        yield _call(part.call)
    for worker, times in part.restarts.items():
        yield f"  {worker} was started again {times} times" if times > 1 else f"  {worker} was started again"
    yield from _turns(part)


def _call(call: CallRecord) -> str:
    """A line for what a call was, and how it ended."""
    ways = f"{call.called} called" if call.outgoing else f"{call.caller} → {call.called}"
    if not call.answered:
        return f"  {ways}: {f'refused with {call.status}, ' if call.status else 'not answered, '}{call.reason}"
    quality = f"loss {call.loss_percent:.1f} % at most, jitter {call.jitter_ms:.0f} ms at most"
    length = (call.ended - call.answered) / 1e9
    return f"  {ways} ({call.carrier} {call.codec}): {length:.1f} s with {call.character}; {quality}; {call.reason}"


def _frames(part: Part) -> Iterator[str]:
    frames = part.frames
    yield (
        f"  frames {frames.frames}, late {frames.late}, over budget {frames.over_budget}, left out {frames.skipped};"
        f" each {part.frame_ms(0.5):.1f} ms p50, {part.frame_ms(0.99):.1f} p99, {frames.largest_ms:.1f} at most"
    )
    if frames.causes:
        yield "  causes " + ", ".join(f"{cause.value} {count}" for cause, count in frames.causes.most_common())
    for step in part.steps[:_MOST_STEPS]:
        yield f"  step {step.before.name.lower()} → {step.step.name.lower()} at frame {step.frame}: {step.why}"
    for skip in part.skips[:_MOST_STEPS]:
        yield f"  skip from frame {skip.first} to {skip.following}, being {skip.late_ms:.0f} ms late"
    more = sum(max(0, len(each) - _MOST_STEPS) for each in (part.steps, part.skips))
    if more:
        yield f"  and {more} more"


def _turns(part: Part) -> Iterator[str]:
    """A line for each answer to a person, and one for each thing that went wrong with a turn."""
    questions = {record.id: record.text for record in part.turns if record.kind == "person"}
    for record in part.turns:
        if record.kind == "answer" and (record.question or not part.show):
            yield f"  {_waited(record)}  {_short(questions.get(record.question, ''))}"
        for trouble in filter(None, (record.failure, *record.handovers)):
            yield f"             {_name(record)}: {trouble}"
    for ending in part.endings:
        if ending.outcome == "went_on":
            yield f"             too early: {ending.wait_ms:.0f} ms ({ending.why}) after “{_short(ending.said)}”"


def _summary(parts: list[Part]) -> Iterator[str]:
    """The stages of all talks together, and of each show."""
    from duologue.telemetry.report import Part

    shows = [part for part in parts if part.show or part.costs]
    talks = Part("talks", turns=[turn for part in parts if part not in shows for turn in part.turns])
    if "silence" in talks.stages:
        yield from _table("ms", "answers", talks, leave=("speaking", "waits"))
    elif not shows:
        yield "No answer to speech is in it."
    for show in shows:
        yield from _table(show.of, "turns", show)


def _table(title: str, what: str, part: Part, leave: Sequence[str] = ()) -> Iterator[str]:
    stages = {name: spread for name, spread in part.stages.items() if name not in leave}
    if stages:
        yield f"{title:<16}{'p50':>8}{'p95':>8}{'most':>8}   {what}"
    for name, spread in stages.items():
        yield f"{name.replace('_', ' '):<16}{spread.p50:8.0f}{spread.p95:8.0f}{spread.largest:8.0f}   {spread.count}"


def _missing(parts: list[Part], reader: LedgerReader) -> Iterator[str]:
    if dropped := sum(part.dropped for part in parts):
        yield f"{dropped} lines are missing: more waited than may, or the disk did not take them."
    if reader.torn:
        yield f"{reader.torn} lines were torn (the machine stopped, or its disk was full)."
    for kind, count in reader.unknown.items():
        yield f"{count} lines of a kind that is not known here were passed over: {kind}."


def _waited(record: TurnRecord) -> str:
    from duologue.telemetry.turns import silence_ms

    stages = silence_ms(record)
    if not stages:
        return f"{'–':>8} {record.state if record.question else 'spoke first':<28}"
    slowest = max(stages, key=lambda name: stages[name])
    why = f" ({record.why})" if slowest == "endpointing" and record.why else ""
    most = f"{slowest.replace('_', ' ')} {stages[slowest]:.0f}{why}"
    return f"{sum(stages.values()):5.0f} ms {most:<28}"


def _name(record: TurnRecord) -> str:
    """Its name in its conversation, whose id is long and stands above."""
    return record.id.removeprefix(record.conversation).lstrip("/-") or record.id


def _short(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"
