"""The tables of the store (docs/store.md). Times are Unix nanoseconds, ids UUIDs of version 7 unless said otherwise.

What belongs to a person goes with the person, what belongs to a conversation with the conversation: every foreign key
says so (``ON DELETE``), so nobody has to remember it. A change here wants a migration beside it (``migrations/``).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
"""How constraints are called, so that a migration can name them."""


class Base(DeclarativeBase):
    """Of all tables."""

    metadata = MetaData(naming_convention=NAMES)


class StoredText(TypeDecorator[str]):
    """Text as every database takes it: PostgreSQL knows no U+0000, and none knows half of a character. What a person
    writes, or a model, may hold either, and is kept all the same.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """What is written, and what is compared with it."""
        return None if value is None else value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _id() -> Mapped[str]:
    return mapped_column(StoredText, primary_key=True)


def _of(table: str, *, gone: str = "CASCADE", key: bool = False) -> Mapped[Any]:
    """A reference; ``gone``: what becomes of the row when what it refers to is deleted."""
    empty = gone == "SET NULL"
    return mapped_column(
        StoredText, ForeignKey(f"{table}.id", ondelete=gone), primary_key=key, nullable=empty, index=not key
    )


def _text(default: str = "") -> Mapped[str]:
    return mapped_column(StoredText, default=default, server_default=default)


def _time() -> Mapped[int]:
    return mapped_column(BigInteger, default=0, server_default="0")


def _count() -> Mapped[int]:
    return mapped_column(Integer, default=0, server_default="0")


class PersonRow(Base):
    """Somebody who talks with us. ``key`` is what their client calls them by (a name, or the browser's own id), within
    a ``realm``: the token that it came with (empty: the house's own). Who has one token cannot be somebody of another.
    """

    __tablename__ = "people"
    __table_args__ = (UniqueConstraint("realm", "key"),)

    id: Mapped[str] = _id()
    realm: Mapped[str] = _text()
    key: Mapped[str] = mapped_column(StoredText)
    name: Mapped[str] = _text()
    """What they are called, once they said so."""
    level: Mapped[str] = _text()
    """Of what they learn (CEFR: A1 … C2); empty: not known."""
    began: Mapped[int] = _time()
    seen: Mapped[int] = _time()


class ConversationRow(Base):
    """A conversation. Its id is the ledger's; of a show and of nobody it has no person."""

    __tablename__ = "conversations"

    id: Mapped[str] = _id()
    person_id: Mapped[str | None] = mapped_column(
        StoredText, ForeignKey("people.id", ondelete="CASCADE"), nullable=True, index=True
    )
    part: Mapped[str] = _text("talk")
    """Where it was held: ``talk``, ``line``, ``show:NAME``."""
    character: Mapped[str] = _text()
    topic: Mapped[str] = _text()
    recording: Mapped[str] = _text()
    """The file, which is not there if it could not be made; empty: none was to be."""
    began: Mapped[int] = mapped_column(BigInteger, index=True)
    ended: Mapped[int | None] = mapped_column(BigInteger, nullable=True)
    """None: it goes on, or the process was killed in it."""


class Turn(Base):
    """A turn of either side, as far as it came. ``heard`` is what counts: of a person all that was understood, of a
    character what was played. Its id is the ledger's.
    """

    __tablename__ = "turns"

    id: Mapped[str] = _id()
    conversation_id: Mapped[str] = _of("conversations")
    number: Mapped[int] = _count()
    role: Mapped[str] = _text()
    """``person``, ``answer``, ``turn`` or ``filler``."""
    speaker: Mapped[str] = _text()
    text: Mapped[str] = _text()
    heard: Mapped[str] = _text()
    state: Mapped[str] = _text()
    interrupted: Mapped[bool] = mapped_column(Boolean, default=False)
    failure: Mapped[str] = _text()
    language: Mapped[str] = _text()
    at: Mapped[int] = _time()
    """When its first word was heard, or the wait for it began."""


class Timing(Base):
    """What the wait for an answer was made of."""

    __tablename__ = "timings"

    turn_id: Mapped[str] = _of("turns", key=True)
    waited_ms: Mapped[float] = mapped_column(Float, default=0.0)
    """From the end of the question to the first word."""
    stages: Mapped[dict[str, float]] = mapped_column(JSON, default=dict)
    """The same, stage by stage in order (ms); they add up to it."""


class ToolCallRow(Base):
    """Something that a character called, and what came of it."""

    __tablename__ = "tool_calls"

    id: Mapped[str] = _id()
    conversation_id: Mapped[str] = _of("conversations")
    name: Mapped[str] = _text()
    arguments: Mapped[str] = _text()
    result: Mapped[str] = _text()
    failure: Mapped[str] = _text()
    began: Mapped[int] = _time()
    ended: Mapped[int] = _time()


class CorrectionRow(Base):
    """Something that a person said, and how it is said."""

    __tablename__ = "corrections"

    id: Mapped[str] = _id()
    person_id: Mapped[str] = _of("people")
    conversation_id: Mapped[str | None] = _of("conversations", gone="SET NULL")
    turn_id: Mapped[str | None] = _of("turns", gone="SET NULL")
    language: Mapped[str] = _text()
    said: Mapped[str] = _text()
    better: Mapped[str] = _text()
    why: Mapped[str] = _text()
    at: Mapped[int] = _time()


class Vocable(Base):
    """A word that a person learns, with its place in their schedule: the fields of a card of FSRS."""

    __tablename__ = "vocabulary"
    __table_args__ = (
        UniqueConstraint("person_id", "language", "word"),
        Index("ix_vocabulary_due", "person_id", "due"),
    )

    id: Mapped[str] = _id()
    person_id: Mapped[str] = mapped_column(StoredText, ForeignKey("people.id", ondelete="CASCADE"))
    language: Mapped[str] = _text()
    """Of the word (``en``)."""
    word: Mapped[str] = mapped_column(StoredText)
    meaning: Mapped[str] = _text()
    example: Mapped[str] = _text()
    source: Mapped[str] = _text()
    """Where it comes from: a lesson's name, or a conversation's id."""
    added: Mapped[int] = _time()
    state: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    """1 learning, 2 review, 3 relearning."""
    step: Mapped[int | None] = mapped_column(Integer, nullable=True)
    stability: Mapped[float | None] = mapped_column(Float, nullable=True)
    difficulty: Mapped[float | None] = mapped_column(Float, nullable=True)
    due: Mapped[int] = _time()
    last_review: Mapped[int | None] = mapped_column(BigInteger, nullable=True)
    reviews: Mapped[int] = _count()
    lapses: Mapped[int] = _count()


class Review(Base):
    """One review of a word: what the scheduler may learn from."""

    __tablename__ = "reviews"

    id: Mapped[str] = _id()
    vocable_id: Mapped[str] = _of("vocabulary")
    at: Mapped[int] = _time()
    rating: Mapped[int] = mapped_column(Integer)
    """1 again, 2 hard, 3 good, 4 easy."""
    took_ms: Mapped[int | None] = mapped_column(Integer, nullable=True)


class LessonRun(Base):
    """How a lesson went: once through it, or as far as it came."""

    __tablename__ = "lesson_runs"

    id: Mapped[str] = _id()
    person_id: Mapped[str] = _of("people")
    lesson: Mapped[str] = _text()
    step: Mapped[int] = _count()
    """The next exercise."""
    right: Mapped[int] = _count()
    wrong: Mapped[int] = _count()
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    began: Mapped[int] = _time()
    ended: Mapped[int | None] = mapped_column(BigInteger, nullable=True)


class Fact(Base):
    """Something worth knowing in the next conversation."""

    __tablename__ = "facts"

    id: Mapped[str] = _id()
    person_id: Mapped[str] = _of("people")
    conversation_id: Mapped[str | None] = _of("conversations", gone="SET NULL")
    character: Mapped[str] = _text()
    """Whose it is alone (a running joke); empty: everybody may know it."""
    kind: Mapped[str] = _text("fact")
    """``fact`` (they told it), ``learnt`` or ``joke``."""
    slot: Mapped[str] = _text()
    """Of which there is one (``name``, ``home``): a newer fact takes its place. Empty: there may be many."""
    text: Mapped[str] = mapped_column(StoredText)
    source: Mapped[str] = _text()
    """Who wrote it: ``rules``, ``model`` or ``person``."""
    at: Mapped[int] = _time()


class ShowNote(Base):
    """What a show remembers of itself: a topic that was talked about, or a running joke."""

    __tablename__ = "show_notes"
    __table_args__ = (UniqueConstraint("show", "kind", "text"),)

    id: Mapped[str] = _id()
    show: Mapped[str] = mapped_column(StoredText)
    kind: Mapped[str] = mapped_column(StoredText)
    """``topic`` or ``joke``."""
    text: Mapped[str] = mapped_column(StoredText)
    times: Mapped[int] = _count()
    at: Mapped[int] = _time()
    """The last time."""


class Document(Base):
    """A file of a character's own, as it was read last."""

    __tablename__ = "documents"
    __table_args__ = (UniqueConstraint("character", "name"),)

    id: Mapped[str] = _id()
    character: Mapped[str] = mapped_column(StoredText)
    name: Mapped[str] = mapped_column(StoredText)
    """Of the file, within the character's folder."""
    digest: Mapped[str] = mapped_column(StoredText)
    """SHA-256 of its bytes, and of how it was read."""
    failure: Mapped[str] = _text()
    """Why it could not be read."""
    added: Mapped[int] = _time()


class PassageRow(Base):
    """A piece of a document that can be understood alone. The search reads these."""

    __tablename__ = "passages"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    document_id: Mapped[str] = _of("documents")
    number: Mapped[int] = _count()
    place: Mapped[str] = _text()
    """Where it stands, in words: a heading, ``page 3``."""
    text: Mapped[str] = mapped_column(StoredText)


class UsageRow(Base):
    """What one engine was asked for in a day, in one part of the house, by one person. It outlives both: then it tells
    of neither (:mod:`duologue.store.usage`).
    """

    __tablename__ = "usage"

    id: Mapped[str] = _id()
    day: Mapped[str] = mapped_column(StoredText, index=True)
    """ISO 8601, of the time zone that was set then."""
    engine: Mapped[str] = mapped_column(StoredText)
    service: Mapped[str] = _text()
    model: Mapped[str] = _text()
    server: Mapped[str] = _text()
    part: Mapped[str] = _text()
    """As the ledger calls it: ``talk:ID``, ``show:NAME``; ``talk`` once the conversation is forgotten."""
    person_id: Mapped[str | None] = mapped_column(
        StoredText, ForeignKey("people.id", ondelete="CASCADE"), nullable=True, index=True
    )
    currency: Mapped[str] = _text()
    """Of the cost; empty: there was no price."""
    requests: Mapped[int] = _count()
    estimated: Mapped[int] = _count()
    unpriced: Mapped[int] = _count()
    prompt: Mapped[int] = _time()
    """Tokens; so are the next two."""
    completion: Mapped[int] = _time()
    cached: Mapped[int] = _time()
    characters: Mapped[int] = _time()
    seconds: Mapped[float] = mapped_column(Float, default=0.0)
    """Of sound, heard or made."""
    cost: Mapped[float] = mapped_column(Float, default=0.0)


class TokenRow(Base):
    """A token that was made by ``duologue token create``: of the token itself only its hash is here."""

    __tablename__ = "tokens"
    __table_args__ = (UniqueConstraint("name"), UniqueConstraint("digest"))

    id: Mapped[str] = _id()
    name: Mapped[str] = mapped_column(StoredText)
    digest: Mapped[str] = mapped_column(StoredText)
    """SHA-256 of the token, hexadecimal: it has 256 bits of chance, so nobody finds it by trying."""
    cookie_digest: Mapped[str] = _text()
    """The same of the cookie that stands for it in a browser."""
    scopes: Mapped[str] = _text()
    """Told apart by commas."""
    per_minute: Mapped[int | None] = mapped_column(Integer, nullable=True)
    """Requests; None: no limit. So are the others."""
    sessions: Mapped[int | None] = mapped_column(Integer, nullable=True)
    """Conversations and calls at once."""
    minutes: Mapped[int | None] = mapped_column(Integer, nullable=True)
    """Of conversation a day (UTC)."""
    made: Mapped[int] = _time()
    expires: Mapped[int | None] = mapped_column(BigInteger, nullable=True)
    revoked: Mapped[int | None] = mapped_column(BigInteger, nullable=True)
    used: Mapped[int | None] = mapped_column(BigInteger, nullable=True)
    """The last time, to the minute."""


class TokenDay(Base):
    """How much of its minutes a token has used in a day."""

    __tablename__ = "token_days"

    token_id: Mapped[str] = _of("tokens", key=True)
    day: Mapped[int] = mapped_column(Integer, primary_key=True)
    """Days since 1970 (UTC)."""
    seconds: Mapped[float] = mapped_column(Float, default=0.0)
