"""Budgets while it happens: what breaks one is counted, and said at most once a minute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from duologue.clock import SECOND
from duologue.evidence.budgets import BUDGET_WORDS, Budgets, measured
from duologue.telemetry.ledger import Entry, ShowRecord
from duologue.telemetry.log import get_logger

QUIET = 60 * SECOND
"""Between two times that one budget of one part is said to be broken (ns)."""

_log = get_logger(__name__)


class BudgetWatch:
    """Let a ledger tell it what is entered (:meth:`observe`). ``broken`` gets the part and the budget each time,
    ``said`` the part and a sentence, seldom.
    """

    def __init__(self, budgets: Budgets, broken: Callable[[str, str], None], said: Callable[[str, str], None]) -> None:
        self._budgets = budgets
        self._broken = broken
        self._said = said
        self._periods: dict[str, float] = {}
        self._quiet: dict[tuple[str, str], int] = {}
        self._unsaid: Counter[tuple[str, str]] = Counter()

    def observe(self, entry: Entry) -> None:
        """The next entry."""
        if isinstance(entry.record, ShowRecord):
            self._periods[entry.of] = 1000 / entry.record.fps
        for name, took, limit in measured(entry.record, self._budgets, self._periods.get(entry.of, 0.0)):
            if took > limit:
                self._broken(entry.of, name)
                self._say(entry, name, took, limit)

    def _say(self, entry: Entry, name: str, took: float, limit: float) -> None:
        key = entry.of.partition(":")[0] if not entry.of.startswith("show:") else entry.of, name
        self._unsaid[key] += 1
        if entry.at < self._quiet.get(key, 0):
            return
        self._quiet[key] = entry.at + QUIET
        times, self._unsaid[key] = self._unsaid[key], 0
        again = f" ({times} times since it was last said)" if times > 1 else ""
        _log.warning("budget.broken", of=entry.of, budget=name, took_ms=round(took, 1), limit_ms=limit, times=times)
        self._said(entry.of, f"{BUDGET_WORDS[name]}: {took:.0f} ms, and {limit:g} ms were allowed{again}")
