"""What a language model writes down of a conversation, to be remembered: facts, what was learnt, running jokes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from duologue.language.engine import LanguageModel, Line, Moment, Prompt
from duologue.language.persona import Persona
from duologue.streams import closing
from duologue.strict_json import elements, members

MOST_NOTES = 12
LONGEST_NOTE = 300
MOST_WRITTEN = 8_000
"""Characters of an answer that are read."""
KINDS = ("fact", "learnt", "joke")
SCHEMA: Mapping[str, object] = {
    "type": "object",
    "properties": {
        "notes": {
            "type": "array",
            "maxItems": MOST_NOTES,
            "items": {
                "type": "object",
                "properties": {"kind": {"enum": list(KINDS)}, "text": {"type": "string"}},
                "required": ["kind", "text"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["notes"],
    "additionalProperties": False,
}
NoteKind: TypeAlias = Literal["fact", "learnt", "joke"]
_OBJECT = re.compile(r"\{.*\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class MemoryNote:
    """Something worth remembering."""

    kind: NoteKind
    text: str


async def write_notes(model: LanguageModel, persona: Persona, said: Sequence[tuple[str, str]]) -> list[MemoryNote]:
    """What ``model`` finds worth remembering of what was ``said`` (who, and the words) between a person and
    ``persona``; nothing where it does not do as it is asked.

    Raises what the model does (:class:`~duologue.errors.PeerError`).
    """
    if not said or not model.capabilities.instructed:
        return []
    clerk = replace(
        persona, name="clerk", title="Clerk", description=persona.language.memory.clerk, style=(), opinions=(),
        catchphrases=(), avoid=(), max_words=200, temperature=0.0,
    )  # fmt: skip
    transcript = "\n".join(f"{who}: {words}" for who, words in said)
    prompt = replace(Prompt.by(clerk, lines=[Line("transcript", transcript)]), moment=Moment.ANSWER, schema=SCHEMA)
    written = ""
    async with closing(model.write(prompt)) as pieces:
        async for piece in pieces:
            written += piece
            if len(written) > MOST_WRITTEN:
                break
    return read_notes(written)


def read_notes(written: str) -> list[MemoryNote]:
    """The notes in an answer; none where it is not what was asked for. Pure."""
    match = _OBJECT.search(written)
    try:
        found: object = json.loads(match[0]) if match else None
    except (ValueError, RecursionError):
        return []
    notes: list[MemoryNote] = []
    for note in map(members, elements(members(found).get("notes"))):
        kind, text = note.get("kind"), note.get("text")
        if kind in KINDS and isinstance(text, str) and (words := " ".join(text.split())[:LONGEST_NOTE]):
            notes.append(MemoryNote(kind, words))
    return notes[:MOST_NOTES]
