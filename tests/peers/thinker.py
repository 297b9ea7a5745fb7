"""A model behind an OpenAI-compatible server: it answers each turn of a caller, and calls the tools that it is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from language.openai_server import Behaviour, OpenAIServer
from scripted_server import Connection

SETTINGS = """
[engines.openai]
base_url = "{base_url}"
model = "tiny"
"""


class Thinker(OpenAIServer):
    """``answers`` are for a caller's first turn, second turn and so on. Of ``calls`` (tools, with their arguments as
    JSON) one is called before each answer, for as long as there are any.
    """

    def __init__(self, answers: Sequence[str], calls: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__()
        self.answers = list(answers)
        self.calls = list(calls)

    @property
    def settings(self) -> str:
        """Where it is; the house is to think with `openai`."""
        return SETTINGS.format(base_url=self.base_url)

    async def _complete(self, connection: Connection, wanted: dict[str, Any]) -> bool:
        messages: list[dict[str, Any]] = wanted["messages"]
        turn = sum("caller:" in str(one["content"]) for one in messages if one["role"] == "user") - 1
        called = sum(one["role"] == "tool" for one in messages)
        calls = self.calls[called : called + 1] if called <= turn else []
        text = "" if calls else self.answers[max(0, min(turn, len(self.answers) - 1))]
        self.script = [Behaviour(text, calls=tuple(calls))]
        return await super()._complete(connection, wanted)
