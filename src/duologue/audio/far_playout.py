"""What is said to whatever plays sound somewhere else, and what it is like: a browser, a phone line, a vendor's stream.

The dialogue core writes these messages (``RemoteSink``), and whoever carries them needs no more of the core than this.
docs/far-ends.md says what a far end does with each.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from duologue.audio.pcm import Samples


@dataclass(frozen=True, slots=True)
class Manners:
    """What a far end does and does not do.

    ``acknowledges``: positions or marks come back while it plays. ``tells_stop``: it answers a clear with where it
    stopped. ``holds``: it can pause, and forget one utterance; for one that cannot, either is a clear, and what was not
    heard is sent again.
    ``piece_ms``: the longest message of sound (0: all there is). ``buffer_ms``: what it holds back against jitter.
    ``patience_ms``: without a word for so long beyond the round trip, what was heard is estimated.
    ``stop_ms``: the same after a clear. ``away_ms``: how long one that is away is waited for.
    ``same_clock``: its clock is ours, and what it stamps is when the person hears it.
    """

    acknowledges: bool = True
    tells_stop: bool = True
    holds: bool = True
    piece_ms: int = 0
    buffer_ms: int = 60
    patience_ms: int = 500
    stop_ms: int = 250
    away_ms: int = 30_000
    same_clock: bool = False


class MessageKind(StrEnum):
    """Of a message."""

    PLAY = "play"
    EXTEND = "extend"
    PAUSE = "pause"
    RESUME = "resume"
    CLEAR = "clear"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True, eq=False)
class FarEndMessage:
    """What a far end is to do; ``sequence`` counts them, also over transports.

    PLAY queues the utterance ``id``, ``gap`` samples after the end of the one before it (at once where that is past),
    from its sample ``start`` on: ``samples`` (48 kHz, mono). EXTEND continues it at ``start``; ``more``: it is not all
    there yet, and silence where it runs out is no end. ``mark``: a name that, said back, tells that all up to here has
    been played. PAUSE, RESUME, CLEAR are about everything, WITHDRAW about an ``id`` that has not begun.
    """

    sequence: int
    kind: MessageKind
    id: str = ""
    start: int = 0
    samples: Samples | None = None
    gap: int = 0
    more: bool = False
    mark: str = ""

    @property
    def end(self) -> int:
        """The sample of the utterance after its last one here."""
        return self.start + (0 if self.samples is None else len(self.samples))
