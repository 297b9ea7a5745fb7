"""What engines were asked for, day by day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "usage",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("engine", sa.Text, nullable=False),
        *(_text(name) for name in ("service", "model", "server", "part")),
        sa.Column("person_id", sa.Text),
        _text("currency"),
        *(_count(name, sa.Integer()) for name in ("requests", "estimated", "unpriced")),
        *(_count(name, sa.BigInteger()) for name in ("prompt", "completion", "cached", "characters")),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("cost", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_usage"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_usage_person_id", ondelete="CASCADE"),
    )
    op.create_index("ix_usage_day", "usage", ["day"])
    op.create_index("ix_usage_person_id", "usage", ["person_id"])


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def _count(name: str, kind: sa.types.TypeEngine[int]) -> sa.Column[int]:
    return sa.Column(name, kind, nullable=False, server_default="0")
