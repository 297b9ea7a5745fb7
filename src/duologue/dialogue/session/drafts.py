"""What a recorder knows of a turn and of a reply while they go on: see :mod:`duologue.dialogue.session.record`."""

from __future__ import annotations

from dataclasses import dataclass, field

from duologue.clock import MILLISECOND
from duologue.speech.utterance import Utterance
from duologue.telemetry.ledger import EndingOutcome, EndingRecord, TurnRecord


@dataclass(slots=True)
class TurnDraft:
    """What the person is saying: their turn ``number``. Times are monotonic ns, 0 while unknown or void.

    ``record`` exists once there are words; ``before`` is what it held already, ``said`` what was understood when the
    turn was taken to be over; ``told``: the decision log has what came of that; ``back``: the line was on hold until
    then, after they had fallen silent.
    """

    number: int
    onset: int
    ended: int = 0
    back: int = 0
    decided: int = 0
    understood: int = 0
    why: str = ""
    wait_ms: float = 0.0
    said: str = ""
    told: bool = False
    parts: dict[int, str] = field(default_factory=dict[int, str])
    before: str = ""
    language: str = ""
    failure: str = ""
    stalls: tuple[str, ...] = ()
    handovers: tuple[str, ...] = ()
    pauses: list[float] = field(default_factory=list[float])
    misses: int = 0
    wasted_ms: float = 0.0
    queued_ms: float = 0.0
    record: TurnRecord | None = None

    @property
    def text(self) -> str:
        """As understood so far."""
        return " ".join(filter(None, (self.before, *self.parts.values())))

    @property
    def waited(self) -> bool:
        """It was taken to be over after a silence, for want of more: what the decision log is about."""
        return bool(self.decided) and self.why not in ("judged", "typed")

    @property
    def silent_since(self) -> int:
        """From then on they were there, said nothing, and waited (ns)."""
        return max(self.ended, self.back)

    @property
    def silence_ms(self) -> float:
        """Of that, what lay before the decision; all silence where it came before a hold."""
        since = self.silent_since if self.back <= self.decided else self.ended
        return (self.decided - since) / MILLISECOND

    def decide(self, now: int, why: str, wait_ms: float = 0.0) -> None:
        """It is taken to be over."""
        self.decided, self.why, self.wait_ms, self.said, self.told = now, why, wait_ms, self.text, False

    def reopen(self, question: TurnDraft) -> None:
        """It goes on with a ``question`` whose reply was withdrawn unheard; who typed that while their voice came up
        has made no pause.
        """
        pause = (self.onset - question.silent_since) / MILLISECOND
        self.number, self.record, self.before = question.number, question.record, question.text
        self.language = question.language
        self.pauses = [*question.pauses, *([pause] if pause > 0 else []), *self.pauses]
        self.misses += question.misses
        self.wasted_ms += question.wasted_ms

    def ending(self, conversation: str, outcome: EndingOutcome) -> EndingRecord:
        """Why it was taken to be over."""
        return EndingRecord(
            conversation, self.record.id if self.record else "", self.decided, self.why, self.wait_ms,
            self.silence_ms, self.said, tuple(self.pauses), outcome,
        )  # fmt: skip


@dataclass(slots=True)
class PieceDraft:
    """Something of ours on the floor; a filler has no utterance. Times are ns; ``estimated``: nobody acknowledged how
    much of it was played.
    """

    utterance: Utterance | None
    begun: bool = False
    ended: int = 0
    estimated: bool = False


@dataclass(slots=True)
class AnswerDraft:
    """A reply. ``bound``: it counts, it is no speculation any more. ``ready``: when each utterance was voiced.
    ``given``: its words are the owner's. ``cut``: when it fell silent before its end (ns).
    """

    record: TurnRecord
    question: TurnDraft | None = None
    bound: bool = False
    given: bool = False
    abandoned: bool = False
    sentences: list[str] = field(default_factory=list[str])
    ready: dict[str, int] = field(default_factory=dict[str, int])
    pieces: dict[str, PieceDraft] = field(default_factory=dict[str, PieceDraft])
    cut: int = 0

    @property
    def counts(self) -> bool:
        """It is the reply that is being given."""
        return self.bound and not self.abandoned

    @property
    def silent_at(self) -> int:
        """When the floor fell silent after it (ns); 0: it never sounded."""
        ends = [piece.ended for piece in self.pieces.values() if piece.begun and piece.ended]
        return self.cut or max(ends, default=0)
