"""What the store is told and tells, as values. Loading this loads no database, which takes a third of a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias
from unicodedata import normalize

from duologue.metering import NOTHING, Amount

MOST_KEY = 100
"""Characters of what a client calls a person by."""


@dataclass(frozen=True, slots=True)
class Who:
    """A person as their client names them: ``key`` within the ``realm`` of the token that it brought (empty: none). A
    name is the same however its accents are written (Unicode's NFC).
    """

    key: str
    realm: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", normalize("NFC", self.key))


@dataclass(frozen=True, slots=True)
class Known:
    """A person of the store."""

    id: str
    realm: str
    key: str
    name: str
    level: str
    began: int
    seen: int


FactKind: TypeAlias = Literal["fact", "learnt", "joke"]
MOST_FACTS = 200
"""Of a person; the oldest that they did not write themselves goes first."""
LONGEST = 300
"""Characters of one."""


@dataclass(frozen=True, slots=True)
class NewFact:
    """Something to remember. See :class:`~duologue.store.tables.Fact`."""

    text: str
    kind: FactKind = "fact"
    slot: str = ""
    character: str = ""


@dataclass(frozen=True, slots=True)
class KnownFact:
    """Something that is remembered."""

    id: str
    text: str
    kind: str
    slot: str
    character: str
    source: str
    at: int


@dataclass(frozen=True, slots=True)
class StoreState:
    """How the store is. ``failure``: why nothing is remembered now, empty while it works; ``lost``: writes so far that
    will never be; ``anew``: how often it was found empty, and made anew, since it was opened.
    """

    where: str
    failure: str = ""
    remedy: str = ""
    lost: int = 0
    waiting: int = 0
    written: int = 0
    anew: int = 0

    @property
    def well(self) -> bool:
        """It works, as far as is known."""
        return not self.failure


@dataclass(frozen=True, slots=True)
class KnownDocument:
    """A file of a character's own, as it was read last. ``failure``: why it could not be."""

    character: str
    name: str
    digest: str
    failure: str = ""


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """What was found in a file, and where."""

    name: str
    place: str
    text: str


UsageBy: TypeAlias = Literal["engine", "person", "run", "day"]


@dataclass(frozen=True, slots=True)
class UsageKey:
    """Of what sums are kept: a day (ISO 8601, of the time zone that is set), an engine with its model and the server
    that was asked, a part of the house as the ledger calls it, a person of the store, and a currency (empty: there is
    no price).
    """

    day: str
    engine: str
    service: str
    model: str = ""
    server: str = ""
    part: str = "house"
    person: str = ""
    currency: str = ""


@dataclass(frozen=True, slots=True)
class UsageSum:
    """What requests took together. ``estimated``: how many of them are reckoned; ``unpriced``: of how many nobody knows
    what they cost.
    """

    requests: int = 0
    estimated: int = 0
    unpriced: int = 0
    amount: Amount = NOTHING
    cost: float = 0.0

    def __add__(self, other: UsageSum) -> UsageSum:
        return UsageSum(
            self.requests + other.requests, self.estimated + other.estimated, self.unpriced + other.unpriced,
            self.amount + other.amount, self.cost + other.cost,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class UsageGroup:
    """The sums of one engine and model, of one person (``name`` is their id, ``called`` what they are called), of one
    show, talk or call, or of one day; in one currency.
    """

    name: str
    called: str
    model: str
    service: str
    currency: str
    used: UsageSum
