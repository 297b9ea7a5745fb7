"""What is counted."""

from __future__ import annotations

from duologue.dialogue.session_tally import Tally
from duologue.dialogue.turns_vocabulary import Clear, Note, Report, Stage


def test_speculation_endings_and_failures_are_counted_apart() -> None:
    tally = Tally()
    for item in (
        Clear(),
        Report(Note.SPECULATION_HIT, ms=300.0),
        Report(Note.SPECULATION_HIT, ms=200.0),
        Report(Note.SPECULATION_MISS, ms=50.0),
        Report(Note.TURN_ENDED, "question", 300.0),
        Report(Note.TURN_ENDED, "question, usual pause 700 ms", 560.0),
        Report(Note.FAILED, "refused", stage=Stage.THINKING),
        Report(Note.STALLED, "silent", 12_000.0, Stage.VOICING),
        Report(Note.FALSE_ALARM, ms=400.0),
    ):
        tally.take(item, 0)
    assert (tally.hits, tally.misses, tally.saved_ms, tally.wasted_ms) == (2, 1, 500.0, 50.0)
    assert tally.endings == {"question": 2} and tally.notes[Note.FALSE_ALARM] == 1
    assert tally.failures == {Stage.THINKING: 1} and tally.stalls == {Stage.VOICING: 1}
