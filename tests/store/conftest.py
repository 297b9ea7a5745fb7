"""The databases that the store is tested on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from postgresql_server import Server, own_database, started


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    with started() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer)])
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    """Of a database of the test's own; empty: SQLite, in a file of the test's."""
    if request.param == "sqlite":
        yield ""
        return
    with own_database(request.getfixturevalue("postgresql")) as made:
        yield made
