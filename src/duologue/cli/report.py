"""``duologue report``: why an answer was slow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duologue.dialogue.session_report import ReadConversation
    from duologue.telemetry.ledger import TurnRecord

_SHORT = 40
"""Characters of a question that are shown."""


def report(
    ledger: Annotated[Path, typer.Argument(metavar="LEDGER", help="What talk or simulate wrote with --ledger.")],
) -> None:
    """Say of each answer how long it took, which stage took longest, and what went wrong.

    The stages add up to the silence between the person's last word and the answer's first; see docs/latency.md.

    For instance: duologue talk --wav question.wav --out answer.wav --ledger talk.jsonl && duologue report talk.jsonl
    """
    from duologue.dialogue.session_report import read_ledger
    from duologue.errors import InputError
    from duologue.telemetry.turns import TurnLedger

    try:
        with ledger.open(encoding="utf-8") as file:
            conversations = read_ledger(file, str(ledger))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InputError(f"the ledger cannot be read: {why}", where=str(ledger), remedy="Check the name.") from error
    kept = TurnLedger(capacity=sum(len(each.turns) for each in conversations) + 1)
    for place, conversation in enumerate(conversations):
        for line in _told(conversation):
            typer.echo(line)
        for record in conversation.turns:
            record.id = f"{place} {record.id}"  # two runs of a file may call their turns alike
            kept.put(record)
    summary = kept.summary()
    typer.echo(f"{'ms':<16}{'p50':>8}{'p95':>8}{'most':>8}   answers" if summary else "No answer to speech is in it.")
    for name, spread in summary.items():
        title = name.replace("_", " ")
        typer.echo(f"{title:<16}{spread.p50:8.0f}{spread.p95:8.0f}{spread.largest:8.0f}   {spread.count}")


def _told(conversation: ReadConversation) -> Iterator[str]:
    """A line for each answer, and one for each thing that went wrong with it."""
    yield conversation.name
    questions = {record.id: record.text for record in conversation.turns if record.kind == "person"}
    for record in conversation.turns:
        if record.kind == "answer":
            yield f"  {_waited(record)}  {_short(questions.get(record.question, ''))}"
        for trouble in filter(None, (record.failure, *record.handovers)):
            yield f"             {record.id}: {trouble}"
    for ending in conversation.endings:
        if ending.outcome == "went_on":
            yield f"             too early: {ending.wait_ms:.0f} ms ({ending.why}) after “{_short(ending.said)}”"


def _waited(record: TurnRecord) -> str:
    from duologue.telemetry.turns import silence_ms

    stages = silence_ms(record)
    if not stages:
        return f"{'–':>8} {record.state if record.question else 'spoke first':<28}"
    slowest = max(stages, key=lambda name: stages[name])
    why = f" ({record.why})" if slowest == "endpointing" and record.why else ""
    most = f"{slowest.replace('_', ' ')} {stages[slowest]:.0f}{why}"
    return f"{sum(stages.values()):5.0f} ms {most:<28}"


def _short(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"
