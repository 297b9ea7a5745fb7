"""What the tests of the core share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from turns_script import count
from turns_world import World


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    count(made)
