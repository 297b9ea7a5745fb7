"""A prompt as the messages of a chat-completion request. Pure.

The character's own lines are the assistant's, everybody else's the user's, each with its speaker's name in front.
Adjacent messages of one role are joined and the last one is always the user's: many local servers apply templates that
insist on both.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Literal, TypedDict

from duologue.language.engine import Moment, Prompt
from duologue.language.languages import Language
from duologue.language.tools import ToolOutcome


class ChatMessage(TypedDict):
    """One message of the request."""

    role: Literal["system", "user", "assistant"]
    content: str


Calls = Callable[[Sequence[ToolOutcome]], list[ChatMessage]]
"""Puts calls and their results into messages of their own."""


def messages(prompt: Prompt, calls: Calls | None = None) -> list[ChatMessage]:
    """The whole request: who you are, what was said and done, and what is wanted now. What was called stands in words
    where the server knows no tools (``calls`` None).
    """
    found: list[ChatMessage] = [{"role": "system", "content": instructions(prompt)}]
    titles = {persona.name: persona.title for persona in (prompt.speaker, *prompt.others)}
    for line in prompt.lines:
        own = line.speaker == prompt.speaker.name
        if not own:
            _add(found, "user", f"{titles.get(line.speaker, line.speaker)}: {line.text}")
        if line.calls and calls is not None:
            found += calls(line.calls)
        elif line.calls:
            _add(found, "user", in_words(line.calls, prompt.speaker.language))
        if own:
            if found[-1]["role"] == "system":
                _add(found, "user", prompt.speaker.language.prompts.begin)
            _add(found, "assistant", line.text)
    _add(found, "user", f"({asked(prompt)})")
    return found


def asked(prompt: Prompt) -> str:
    """What is wanted now, in words."""
    known = prompt.speaker.language.prompts
    others = known.and_.join(persona.title for persona in prompt.others) or known.audience
    guest = prompt.lines[-1].speaker if prompt.lines else known.somebody
    wanted = known.show if prompt.others else known.talk
    still = wanted.still if prompt.lines and prompt.moment is Moment.OPENING else ""
    text: str = still or getattr(wanted, prompt.moment.value)
    return text.format(others=others, guest=guest)


def in_words(calls: Sequence[ToolOutcome], language: Language) -> str:
    """What was called, for a model that calls nothing."""
    called = language.prompts.called
    return "\n".join(
        called.format(name=each.call.name, arguments=each.call.arguments, result=each.shown) for each in calls
    )


def instructions(prompt: Prompt) -> str:
    """The system prompt: the persona, the partner, the topic and the form."""
    speaker = prompt.speaker
    known = speaker.language.prompts
    wanted = known.show if prompt.others else known.talk
    parts = [" ".join(speaker.description.split())]
    parts += [f"- {note}" for note in speaker.style]
    if speaker.opinions:
        parts.append(known.opinions.format(opinions=known.next_opinion.join(speaker.opinions)))
    if prompt.others:
        parts.append(known.partners.format(others=", ".join(persona.title for persona in prompt.others)))
    if speaker.avoid:
        parts.append(known.avoid.format(phrases="; ".join(speaker.avoid)))
    if prompt.topic:
        parts.append(wanted.topic.format(topic=prompt.topic))
    if prompt.schema is not None:
        parts.append(known.schema_.format(schema=json.dumps(prompt.schema)))
    words = max(10, prompt.max_words * 4 // 5)  # models overshoot, and the cap cuts
    parts.append(wanted.form.format(speaker=speaker.title, words=words))
    return "\n".join(parts)


def _add(found: list[ChatMessage], role: Literal["user", "assistant"], content: str) -> None:
    if found[-1]["role"] == role:
        found[-1]["content"] += f"\n{content}"
    else:
        found.append({"role": role, "content": content})
