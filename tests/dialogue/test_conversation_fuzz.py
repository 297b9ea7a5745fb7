"""Whatever the speed of ears, mind and voice: no word is lost, said twice or answered twice, and every turn ends."""

from __future__ import annotations

from conversation_fuzz import check, hold
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from few_examples import examples


@settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32 - 1))
def test_any_conversation_keeps_every_word_once(seed: int) -> None:
    """``python tests/fuzz/fuzz_conversation.py`` goes on with it, and takes a seed that failed here."""
    check(hold(seed))
