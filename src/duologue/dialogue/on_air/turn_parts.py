"""A turn of the show on its way to the floor: whole, or in parts where the voice is too slow for that. No I/O."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from duologue.clock import MILLISECOND
from duologue.dialogue.heard import heard_text
from duologue.dialogue.on_air.plan import Step
from duologue.language.languages import Language
from duologue.language.text import sentences
from duologue.precedence import Errand, Urgency
from duologue.speech.utterance import Utterance
from duologue.telemetry.ledger import TurnRecord

LEAST_CHARACTERS = 24
"""A shorter sentence goes with its neighbour: each part costs a voice something beside its length."""
BREATH_MS = (180, 320)
"""The range of the chosen silence between two parts of a turn (ms)."""


@dataclass(slots=True)
class TurnPart:
    """One utterance of a turn: ``gap_ms`` is the silence chosen before it, ``utterance`` its sound once it is there."""

    id: str
    text: str
    gap_ms: int
    utterance: Utterance | None = None


@dataclass(slots=True)
class PartedTurn:
    """What is known of a step while it is prepared, waits or plays; ``step`` None: a filler.

    Of its ``parts`` the first ``handed`` were given to the floor, ``begun`` have begun there, ``over`` are over.
    ``cut``: the floor fell silent in one of them, and what follows it is not said. ``failed``: its first part has no
    sound. ``refused``: why the floor could not say one of them. ``errand`` is what engines do for it.
    """

    record: TurnRecord
    step: Step | None = None
    parts: list[TurnPart] = field(default_factory=list[TurnPart])
    writing: asyncio.Task[None] | None = None
    handed: int = 0
    begun: int = 0
    over: int = 0
    heard: list[str] = field(default_factory=list[str])
    cut: bool = False
    failed: bool = False
    refused: str = ""
    errand: Errand = field(default_factory=lambda: Errand(Urgency.NEXT))

    def begins_after(self, ended: int) -> None:
        """It is on air; the turn before was over at ``ended`` (ns; 0: there was none). What was silent in between,
        fillers included, beyond the chosen gap, is a wait.
        """
        if ended:
            self.record.waited_ms = _wait_ms(self.record.on_air - ended, self.record.gap_ms)

    def goes_on(self, part: TurnPart, at_ns: int) -> None:
        """A further part is on air: where in the turn, and the silence before it beyond the chosen one."""
        record = self.record
        if len(record.parts) < self.begun - 1:  # else a stage that died says it again
            record.parts = (*record.parts, round((at_ns - record.on_air) / MILLISECOND, 3))
            record.waited_ms += _wait_ms(at_ns - record.ended, part.gap_ms)

    @property
    def next(self) -> TurnPart | None:
        """The first that was not handed to the floor."""
        return self.parts[self.handed] if self.handed < len(self.parts) else None

    @property
    def unvoiced(self) -> TurnPart | None:
        """The first that has no sound yet."""
        return None if self.failed else next((part for part in self.parts if part.utterance is None), None)

    @property
    def whole(self) -> bool:
        """All of it has its sound."""
        return bool(self.parts) and all(part.utterance is not None for part in self.parts)

    @property
    def done(self) -> bool:
        """Nothing more of it will be heard."""
        return self.cut or self.over >= len(self.parts)

    def part(self, utterance_id: str) -> TurnPart | None:
        """The part that is this utterance."""
        return next((part for part in self.parts if part.id == utterance_id), None)

    def ended(self, part: TurnPart, played_samples: int) -> None:
        """``part`` is over, after so many of its samples."""
        assert part.utterance is not None
        self.over += 1
        self.heard.append(heard_text(part.utterance, played_samples))
        self.cut = played_samples < len(part.utterance.samples)
        self.record.heard = " ".join(filter(None, self.heard))

    def end_early(self, at: TurnPart) -> None:
        """``at`` has no sound and will have none: the turn ends with the part before it."""
        self.parts = self.parts[: self.parts.index(at)]
        self.failed = not self.parts
        if self.parts:
            self.record.text = " ".join(part.text for part in self.parts)


def _wait_ms(silence: int, chosen_ms: float) -> float:
    """Of a silence (ns) what nobody chose; a sample's rounding is no wait."""
    waited = silence / MILLISECOND - chosen_ms
    return round(waited, 3) if waited >= 1.0 else 0.0


def parts_of(text: str, turn_id: str, gap_ms: int, seed: int, language: Language | None) -> list[TurnPart]:
    """A turn in the parts that are voiced for themselves: its sentences. Without ``language`` it stays whole."""
    texts = [text] if language is None else _joined(sentences(text, language))
    breath = random.Random(f"breath {seed} {turn_id}")
    return [
        TurnPart(f"{turn_id}.{number}" if number else turn_id, each, breath.randint(*BREATH_MS) if number else gap_ms)
        for number, each in enumerate(texts)
    ]


def _joined(found: list[str]) -> list[str]:
    """Sentences that are too short for themselves with the one before them, or, in front, the one behind."""
    texts: list[str] = []
    for sentence in found:
        if texts and (len(sentence) < LEAST_CHARACTERS or len(texts[-1]) < LEAST_CHARACTERS):
            texts[-1] = f"{texts[-1]} {sentence}"
        else:
            texts.append(sentence)
    return texts
