"""Characters' own files with their full-text search, and tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_FTS5 = (
    "CREATE VIRTUAL TABLE passages_search USING fts5("
    "place, text, content='passages', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2')",
    "CREATE TRIGGER passages_added AFTER INSERT ON passages BEGIN "
    "INSERT INTO passages_search(rowid, place, text) VALUES (new.id, new.place, new.text); END",
    "CREATE TRIGGER passages_removed AFTER DELETE ON passages BEGIN "
    "INSERT INTO passages_search(passages_search, rowid, place, text) "
    "VALUES ('delete', old.id, old.place, old.text); END",
)
_TSVECTOR = (
    "CREATE INDEX passages_search ON passages USING gin (to_tsvector('english'::regconfig, place || ' ' || text))",
)


def upgrade() -> None:
    """Make the tables, and the search as this database has one."""
    op.create_table(
        "documents",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("character", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("failure", sa.Text, nullable=False, server_default=""),
        sa.Column("added", sa.BigInteger, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("id", name="pk_documents"),
        sa.UniqueConstraint("character", "name", name="uq_documents_character"),
    )
    op.create_table(
        "passages",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("document_id", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False, server_default="0"),
        sa.Column("place", sa.Text, nullable=False, server_default=""),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_passages"),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name="fk_passages_document_id", ondelete="CASCADE"),
    )
    op.create_index("ix_passages_document_id", "passages", ["document_id"])
    for statement in _FTS5 if op.get_bind().dialect.name == "sqlite" else _TSVECTOR:
        op.execute(statement)
    _tokens()


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("cookie_digest", sa.Text, nullable=False, server_default=""),
        sa.Column("scopes", sa.Text, nullable=False, server_default=""),
        sa.Column("per_minute", sa.Integer),
        sa.Column("sessions", sa.Integer),
        sa.Column("minutes", sa.Integer),
        sa.Column("made", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("expires", sa.BigInteger),
        sa.Column("revoked", sa.BigInteger),
        sa.Column("used", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("name", name="uq_tokens_name"),
        sa.UniqueConstraint("digest", name="uq_tokens_digest"),
    )
    op.create_table(
        "token_days",
        sa.Column("token_id", sa.Text, nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("token_id", "day", name="pk_token_days"),
        sa.ForeignKeyConstraint(["token_id"], ["tokens.id"], name="fk_token_days_token_id", ondelete="CASCADE"),
    )
