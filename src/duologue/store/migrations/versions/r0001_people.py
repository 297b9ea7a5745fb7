"""People, what was heard, what they learn, and what is remembered of them and of shows."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "people", _id(), _text("realm"), sa.Column("key", sa.Text, nullable=False), _text("name"), _text("level"),
        _int("began"), _int("seen"),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
        sa.UniqueConstraint("realm", "key", name="uq_people_realm"),
    )  # fmt: skip
    _conversations()
    op.create_table(
        "corrections", _id(), *_of("corrections", "people"),
        *_of("corrections", "conversations", "SET NULL"), *_of("corrections", "turns", "SET NULL"),
        _text("language"), _text("said"), _text("better"), _text("why"), _int("at"),
        sa.PrimaryKeyConstraint("id", name="pk_corrections"),
    )  # fmt: skip
    for column in ("person_id", "conversation_id", "turn_id"):
        op.create_index(f"ix_corrections_{column}", "corrections", [column])
    _learning()
    op.create_table(
        "facts", _id(), *_of("facts", "people"), *_of("facts", "conversations", "SET NULL"),
        _text("character"), _text("kind", "fact"), _text("slot"), sa.Column("text", sa.Text, nullable=False),
        _text("source"), _int("at"),
        sa.PrimaryKeyConstraint("id", name="pk_facts"),
    )  # fmt: skip
    for column in ("person_id", "conversation_id"):
        op.create_index(f"ix_facts_{column}", "facts", [column])
    op.create_table(
        "show_notes", _id(), sa.Column("show", sa.Text, nullable=False), sa.Column("kind", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False), _int("times", sa.Integer), _int("at"),
        sa.PrimaryKeyConstraint("id", name="pk_show_notes"),
        sa.UniqueConstraint("show", "kind", "text", name="uq_show_notes_show"),
    )  # fmt: skip


def _conversations() -> None:
    op.create_table(
        "conversations", _id(), *_of("conversations", "people", empty=True), _text("part", "talk"), _text("character"),
        _text("topic"), _text("recording"), sa.Column("began", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_conversations"),
    )  # fmt: skip
    op.create_index("ix_conversations_person_id", "conversations", ["person_id"])
    op.create_index("ix_conversations_began", "conversations", ["began"])
    op.create_table(
        "turns", _id(), *_of("turns", "conversations"), _int("number", sa.Integer), _text("role"), _text("speaker"),
        _text("text"), _text("heard"), _text("state"), sa.Column("interrupted", sa.Boolean, nullable=False),
        _text("failure"), _text("language"), _int("at"),
        sa.PrimaryKeyConstraint("id", name="pk_turns"),
    )  # fmt: skip
    op.create_index("ix_turns_conversation_id", "turns", ["conversation_id"])
    op.create_table(
        "timings", *_of("timings", "turns"), sa.Column("waited_ms", sa.Float, nullable=False),
        sa.Column("stages", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("turn_id", name="pk_timings"),
    )  # fmt: skip
    op.create_table(
        "tool_calls", _id(), *_of("tool_calls", "conversations"), _text("name"), _text("arguments"), _text("result"),
        _text("failure"), _int("began"), _int("ended"),
        sa.PrimaryKeyConstraint("id", name="pk_tool_calls"),
    )  # fmt: skip
    op.create_index("ix_tool_calls_conversation_id", "tool_calls", ["conversation_id"])


def _learning() -> None:
    op.create_table(
        "vocabulary", _id(), *_of("vocabulary", "people"), _text("language"),
        sa.Column("word", sa.Text, nullable=False), _text("meaning"), _text("example"), _text("source"), _int("added"),
        sa.Column("state", sa.Integer, nullable=False, server_default="1"), sa.Column("step", sa.Integer),
        sa.Column("stability", sa.Float), sa.Column("difficulty", sa.Float), _int("due"),
        sa.Column("last_review", sa.BigInteger), _int("reviews", sa.Integer), _int("lapses", sa.Integer),
        sa.PrimaryKeyConstraint("id", name="pk_vocabulary"),
        sa.UniqueConstraint("person_id", "language", "word", name="uq_vocabulary_person_id"),
    )  # fmt: skip
    op.create_index("ix_vocabulary_due", "vocabulary", ["person_id", "due"])
    op.create_table(
        "reviews", _id(),
        sa.Column("vocable_id", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["vocable_id"], ["vocabulary.id"], name="fk_reviews_vocable_id", ondelete="CASCADE"),
        _int("at"), sa.Column("rating", sa.Integer, nullable=False), sa.Column("took_ms", sa.Integer),
        sa.PrimaryKeyConstraint("id", name="pk_reviews"),
    )  # fmt: skip
    op.create_index("ix_reviews_vocable_id", "reviews", ["vocable_id"])
    op.create_table(
        "lesson_runs", _id(), *_of("lesson_runs", "people"), _text("lesson"), _int("step", sa.Integer),
        _int("right", sa.Integer), _int("wrong", sa.Integer), sa.Column("details", sa.JSON, nullable=False),
        _int("began"), sa.Column("ended", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_lesson_runs"),
    )  # fmt: skip
    op.create_index("ix_lesson_runs_person_id", "lesson_runs", ["person_id"])


def _id() -> sa.Column[Any]:
    return sa.Column("id", sa.Text, nullable=False)


def _text(name: str, default: str = "") -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=False, server_default=default)


def _int(name: str, kind: type[sa.types.TypeEngine[Any]] = sa.BigInteger) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, server_default="0")


_ONE = {"people": "person_id", "conversations": "conversation_id", "turns": "turn_id"}


def _of(table: str, other: str, gone: str = "CASCADE", *, empty: bool = False) -> tuple[Any, Any]:
    name = _ONE[other]
    column = sa.Column(name, sa.Text, nullable=empty or gone == "SET NULL")
    return column, sa.ForeignKeyConstraint([name], [f"{other}.id"], name=f"fk_{table}_{name}", ondelete=gone)
