"""Whole shows by the improviser, without a director."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from duologue.language.engine import Line, Moment, Prompt
from duologue.language.improv import Improv
from duologue.language.persona import Persona, load_persona

PACKS = Path(__file__).parents[2] / "packs" / "characters"
CHAD, VIRGIN = load_persona(PACKS / "chad"), load_persona(PACKS / "virgin")

TEN_TOPICS = (
    "pineapple on pizza",
    "Is the moon landing tape boring?",
    "my cat",
    "Should robots vote?",
    "Monday mornings",
    "quantum computing for dogs",
    "leg day",
    "small talk in elevators",
    "garden gnomes",
    "assembling furniture without instructions",
)


def show(
    topic: str,
    turns: int = 12,
    seed: int = 1,
    cast: tuple[Persona, ...] = (CHAD, VIRGIN),
    remarks: Mapping[int, Line] | None = None,
) -> list[Line]:
    """All lines of a show; ``remarks`` are what a person says before a turn, answered by that turn's speaker."""
    engine = Improv()
    lines: list[Line] = []
    for turn in range(turns):
        speaker = cast[turn % len(cast)]
        others = tuple(persona for persona in cast if persona is not speaker)
        if remarks and turn in remarks:
            lines.append(remarks[turn])
            answer = Prompt(speaker, others, topic, tuple(lines), Moment.ANSWER, turn, turns, seed, speaker.max_words)
            lines.append(Line(speaker.name, engine.line(answer)))
        moment = Moment.ENDING if turn == turns - 1 else Moment.OPENING if turn == 0 else Moment.MIDDLE
        prompt = Prompt(speaker, others, topic, tuple(lines), moment, turn, turns, seed, speaker.max_words)
        lines.append(Line(speaker.name, engine.line(prompt)))
    return lines
