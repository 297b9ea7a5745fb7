"""What Alembic runs: on the connection that :mod:`duologue.store.database` opened, in its transaction."""

from __future__ import annotations

from alembic import context

from duologue.store.tables import Base

# Tables of SQLite can be changed in a transaction as PostgreSQL's can: who is killed in it has changed nothing.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
