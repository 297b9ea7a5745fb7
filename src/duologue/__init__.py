"""Characters that talk, live: to each other on an animated stage, with proof that nothing stuttered, and with you.

What a Python user needs is here (loaded when it is first used)::

    from duologue import Character, Conversation, Show

    Show("Is cereal a soup?", cast=["chad", "virgin"], turns=4).render("soup.mp4")
    Conversation("chad").answer("question.wav", "answer.wav")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from duologue.version import __version__

if TYPE_CHECKING:
    from duologue.api import Character, Conversation, Show
    from duologue.language.tools import Tool

__all__ = ["Character", "Conversation", "Show", "Tool", "__version__"]


def __getattr__(name: str) -> object:
    if name in ("Character", "Conversation", "Show", "Tool"):
        from duologue import api

        return getattr(api, name)
    raise AttributeError(f"module 'duologue' has no attribute {name!r}")
