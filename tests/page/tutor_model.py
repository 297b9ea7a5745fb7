"""A language model that teaches, as a server of OpenAI's protocol: real HTTP, tokens as they come, faults as small
models have them. Run it beside the tests: what it answers follows from what it was asked.
"""

from __future__ import annotations

import json
from typing import Any

from language.openai_server import Behaviour, OpenAIServer
from scripted_server import Connection, Request

GREETING = {
    "text": "Hi, I'm Mae. How old are you?", "expression": "smile", "correction": None,
    "translation": "Hallo, ich bin Mae. Wie alt bist du?", "hint": "I am … years old.", "vocabulary": None,
}  # fmt: skip
ANSWERS: dict[str, str | list[dict[str, str | None]]] = {
    "I have twenty years.": [
        {
            "text": "So you're twenty!", "expression": "surprise", "correction": "I am twenty.",
            "translation": "Du bist also zwanzig!", "hint": None, "vocabulary": None,
        },
        {
            "text": "Where do you live?", "expression": "neutral", "correction": "I am twenty.",
            "translation": "Wo wohnst du?", "hint": "I live in …", "vocabulary": "to live: to have your home",
        },
    ],
    "I live in Berlin.": [  # as a small one fills the form in
        {
            "text": "Berlin is big. What do you like there?", "expression": "smile", "correction": "I live in Berlin!",
            "translation": "Berlin is big. What do you like there?", "hint": "null", "vocabulary": "you: a person",
        }
    ],
    "I likes the river.": '{"chunks": [{"text": "The river is nice.", "expression": "smile", "correction": "I like the '
    'river.", "translation": "Der Fluss ist schö',  # breaks off
    "And you?": "I like it too, and this is no JSON at all.",
    "What is a form?": '{"answer": {"reply": "A form has fields."}}',
}  # fmt: skip
FAILS = "Are you there?"
"""Is answered with an error."""


class TutorModel(OpenAIServer):
    """See the module."""

    def __init__(self) -> None:
        super().__init__(models=("tutor",))
        self.asked: list[str] = []
        """What the tutor was asked, each with the instructions before it."""

    async def answer(self, request: Request, connection: Connection) -> bool:
        if request.path == "/v1/chat/completions":
            self.script = [self._behaviour(request.document())]
        return await super().answer(request, connection)

    def _behaviour(self, document: dict[str, Any]) -> Behaviour:
        messages: list[dict[str, str]] = document["messages"]
        if "notes" in json.dumps(document.get("response_format", {})):  # what is to be remembered
            return Behaviour('{"notes": []}')
        self.asked.append("\n".join(message["content"] for message in messages))
        last = messages[-1]["content"]
        if last.rfind(FAILS) > max(map(last.rfind, ANSWERS)):
            return Behaviour(status=500, message="out of memory")
        said = max(ANSWERS, key=last.rfind)
        found = ANSWERS[said] if said in last else [GREETING]
        return Behaviour(found if isinstance(found, str) else json.dumps({"chunks": found}))
