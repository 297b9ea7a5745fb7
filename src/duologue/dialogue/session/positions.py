"""Which of a far end's reports of how far it is a ledger keeps. Pure.

A far end says five times a second how far it is: that was half of all entries, and nearly all of them say only that it
plays on. Those from which a reader would reckon the same are left out, so that what is kept tells when anything was
played within :data:`TOLERANCE`, and each hold from its beginning to its end.
"""

from __future__ import annotations

from duologue.audio.pcm import RATE
from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.ports import PlayEnded, PlayProgress, PlayStarted

TOLERANCE = 50 * MILLISECOND
"""A position that lies further from what a reader would reckon is kept (ns)."""
LONGEST = 5 * SECOND
"""One of so much (ns) is kept: a program may be killed, and nobody tells then where it was."""

PlayReport = PlayStarted | PlayProgress | PlayEnded


class PositionSieve:
    """Give it each report in turn."""

    def __init__(self) -> None:
        self._utterance = ""
        self._at = self._played = 0
        """The newest that is kept (ns and samples)."""
        self._newest: PlayProgress | None = None
        """The newest that is not."""

    def kept(self, report: PlayReport) -> tuple[PlayReport, ...]:
        """What is to be entered now: nothing, this, or one from before and this."""
        match report:
            case PlayStarted(utterance_id, at):
                return self._keep(utterance_id, at, 0, report)
            case PlayEnded(utterance_id, at, played):
                before = self._departed(utterance_id, at, played)
                return before + self._keep(utterance_id, at, played, report)
            case PlayProgress(utterance_id, at, played):
                if utterance_id != self._utterance:
                    return self._keep(utterance_id, at, played, report)
                if played == (self._newest.played_samples if self._newest is not None else self._played):
                    return ()  # it was told: that it is no further is told by the next one that is
                before = self._departed(utterance_id, at, played)
                if before or at - self._at >= LONGEST or not self._reckoned(at, played):
                    return before + self._keep(utterance_id, at, played, report)
                self._newest = report
                return ()

    def _departed(self, utterance_id: str, at: int, played: int) -> tuple[PlayReport, ...]:
        """Where it was last, if nobody would reckon from there that it is here now."""
        if self._newest is None or utterance_id != self._utterance or self._reckoned(at, played):
            return ()
        return (self._newest,)

    def _reckoned(self, at: int, played: int) -> bool:
        return abs((at - self._at) - (played - self._played) * SECOND // RATE) <= TOLERANCE

    def _keep(self, utterance_id: str, at: int, played: int, report: PlayReport) -> tuple[PlayReport, ...]:
        self._utterance, self._at, self._played, self._newest = utterance_id, at, played, None
        return (report,)
