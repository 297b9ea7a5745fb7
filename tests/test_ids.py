"""Ids that are nobody else's."""

from __future__ import annotations

from uuid import RFC_4122, UUID

from duologue.clock import MILLISECOND
from duologue.ids import unique_id

NOW = 1_700_000_000_123 * MILLISECOND


def test_an_id_is_a_uuid_of_version_7_and_tells_its_millisecond() -> None:
    for _ in range(200):
        found = UUID(unique_id(NOW))
        assert (found.version, found.variant) == (7, RFC_4122)
        assert found.int >> 80 == 1_700_000_000_123


def test_no_two_are_equal_and_later_ones_sort_behind() -> None:
    assert len({unique_id(NOW) for _ in range(10_000)}) == 10_000
    assert unique_id(NOW) < unique_id(NOW + MILLISECOND)
