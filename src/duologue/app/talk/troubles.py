"""What a person who talks is told of what goes wrong: what it means to them, and what they can do. Pure.

What failed, in which engine and why, and who took over, stands with the turn (``failure``, ``handovers``), in the
ledger and in the log: that is for whoever runs the house.
"""

from __future__ import annotations

from duologue.dialogue.turns.vocabulary import Apologise, Effect, Event, Note, Report, Stage

SAY_AGAIN = "Say it again, or write it."
ASK_AGAIN = "Ask again."


def told_of(item: Event | Effect) -> tuple[str, str] | None:
    """What is to be said of it, and the next step; None: nothing that a person would notice."""
    match item:
        case Apologise(stage=Stage.HEARING):
            return "What you said was not understood.", SAY_AGAIN
        case Apologise():
            return "There was no answer.", ASK_AGAIN
        case Report(Note.STALLED | Note.FAILED, stage=Stage.NOTICING):
            return "It may not notice when you begin or stop speaking.", "Hold the button to talk, or write."
        case Report(Note.STALLED, stage=Stage.HEARING):
            return "The end of what you said may be lost.", "If it is, say it again, or write it."
        case Report(Note.STALLED, stage=Stage.PLAYING):
            return "This page stopped playing for a moment.", "If a word was lost, ask again."
        case Report(Note.STALLED, stage=Stage.LOOP):
            return "Everything stood still for a moment.", "If a word was lost, say it again."
        case _:
            return None
