"""What engines were asked for: sums of each day that outlive conversations, people, restarts. Within a transaction.

A row is of one engine in one conversation of one person. When the conversation is forgotten for its age, its rows
become one of its kind (``talk``); when the person is, they become nobody's: what was used and spent stays true, and
tells of nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from duologue.ids import unique_id
from duologue.metering import Amount
from duologue.store.tables import PersonRow, UsageRow
from duologue.store.values import UsageBy, UsageGroup, UsageKey, UsageSum

_SUMS = (
    UsageRow.requests, UsageRow.estimated, UsageRow.unpriced, UsageRow.prompt, UsageRow.completion, UsageRow.cached,
    UsageRow.characters, UsageRow.seconds, UsageRow.cost,
)  # fmt: skip
_SUMMED = tuple(func.coalesce(func.sum(column), 0) for column in _SUMS)


def note(session: Session, used: Mapping[UsageKey, UsageSum], at: int) -> None:
    """Add this to what is known; of a person who is forgotten by now it is nobody's. ``at`` is Unix ns."""
    for key, each in used.items():
        gone = bool(key.person) and session.get(PersonRow, key.person) is None
        person, part = (None, _kind(key.part)) if gone else (key.person or None, key.part)
        same = (
            UsageRow.day == key.day, UsageRow.engine == key.engine, UsageRow.service == key.service,
            UsageRow.model == key.model, UsageRow.server == key.server, UsageRow.part == part,
            UsageRow.person_id.is_(None) if person is None else UsageRow.person_id == person,
            UsageRow.currency == key.currency,
        )  # fmt: skip
        row = session.scalar(select(UsageRow).where(*same).limit(1))
        if row is None:
            row = UsageRow(
                id=unique_id(at), day=key.day, engine=key.engine, service=key.service, model=key.model,
                server=key.server, part=part, person_id=person, currency=key.currency,
            )  # fmt: skip
            for column in _SUMS:
                setattr(row, column.key, 0)
            session.add(row)
        for column, more in zip(_SUMS, _values(each), strict=True):
            setattr(row, column.key, getattr(row, column.key) + more)
        session.flush()


def of_day(session: Session, day: str) -> dict[str, UsageSum]:
    """What each engine was asked for on a day."""
    found = session.execute(select(UsageRow.engine, *_SUMMED).where(UsageRow.day == day).group_by(UsageRow.engine))
    return {row[0]: _sum(row[1:]) for row in found}


def grouped(session: Session, by: UsageBy, since: str = "") -> list[UsageGroup]:
    """What was asked for since a day (empty: ever), the dearest first; of people only those who are known."""
    columns: Mapping[UsageBy, InstrumentedAttribute[Any]] = {
        "engine": UsageRow.engine, "person": UsageRow.person_id, "run": UsageRow.part, "day": UsageRow.day,
    }  # fmt: skip
    keys: list[InstrumentedAttribute[Any]] = [columns[by], UsageRow.currency]
    if by == "engine":
        keys += [UsageRow.model, UsageRow.service]
    wanted: list[ColumnElement[bool]] = [UsageRow.day >= since]
    if by == "person":
        wanted.append(UsageRow.person_id.is_not(None))
    told = session.execute(select(*keys, *_SUMMED).where(*wanted).group_by(*keys))
    names = {row[0]: row[1] or row[2] for row in session.execute(select(PersonRow.id, PersonRow.name, PersonRow.key))}
    groups = [
        UsageGroup(
            row[0], names.get(row[0], "") if by == "person" else "", *(row[2:4] if by == "engine" else ("", "")),
            row[1], _sum(row[len(keys) :]),
        )
        for row in told
    ]  # fmt: skip
    if by == "day":
        return sorted(groups, key=lambda each: (each.name, each.currency), reverse=True)
    return sorted(groups, key=lambda each: (-each.used.cost, -each.used.requests, each.name))


def of_nobody(session: Session, person: str) -> None:
    """What a person used tells of them no more."""
    _fold(session, UsageRow.person_id == person, anonymous=True)


def of_no_conversation(session: Session, before: str) -> None:
    """What was used before a day tells of no single talk or call any more."""
    _fold(session, (UsageRow.day < before) & UsageRow.part.like("%:%") & UsageRow.part.not_like("show:%"))


def _fold(session: Session, where: ColumnElement[bool], *, anonymous: bool = False) -> None:
    """Put rows together that are alike without their conversation, and without their person if so wanted."""
    rows = list(session.scalars(select(UsageRow).where(where)))
    sums: dict[UsageKey, UsageSum] = {}
    for row in rows:
        key = UsageKey(
            row.day, row.engine, row.service, row.model, row.server, _kind(row.part),
            "" if anonymous else row.person_id or "", row.currency,
        )  # fmt: skip
        sums[key] = sums.get(key, UsageSum()) + _sum([getattr(row, column.key) for column in _SUMS])
    session.execute(delete(UsageRow).where(where))
    session.flush()
    note(session, sums, 0)


def _kind(part: str) -> str:
    """A show keeps its name: there are few."""
    return part if part.startswith("show:") else part.partition(":")[0]


def _values(used: UsageSum) -> tuple[float, ...]:
    amount = used.amount
    return (
        used.requests, used.estimated, used.unpriced, amount.prompt, amount.completion, amount.cached,
        amount.characters, amount.seconds, used.cost,
    )  # fmt: skip


def _sum(values: Iterable[Any]) -> UsageSum:
    requests, estimated, unpriced, prompt, completion, cached, characters, seconds, cost = values
    return UsageSum(
        int(requests), int(estimated), int(unpriced),
        Amount(int(prompt), int(completion), int(cached), int(characters), float(seconds)), float(cost),
    )  # fmt: skip
