"""A structured reply read while it streams: chunks of text with an expression and notes for the learner.

The reply asked for is ``{"chunks": [{"text": …, "expression": …, "correction": …, "translation": …, "hint": …}]}``,
described to OpenAI-compatible servers by :func:`response_format`. :class:`StructuredReader` gives the text of a chunk
as soon as it is complete, and the chunk when its object closes, so that chunk 0 is voiced before chunk 1 is written.

Models do not always obey. A reply that does not begin like JSON is **plain** and is handed on piece by piece; one that
breaks off or breaks the grammar is **malformed**: what can be read of it is, and what was given already is not given
twice. A fence around the JSON, a ``<think>`` part before it, a bare array, a bare chunk and chunks that are mere
strings are taken as they are meant, and words before it ("Sure! Here is the JSON:") are handed on.
:attr:`StructuredReader.form` says which it was, and whoever reads counts it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from duologue.errors import InputError
from duologue.language.structured_json import Closed, JsonEvent, JsonStream, Path

EXPRESSIONS = ("neutral", "smile", "laugh", "surprise", "doubt", "anger")
"""What a chunk may be said with, unless the caller names others."""
NOTES = ("correction", "translation", "hint", "vocabulary")
"""The optional fields: shown, never spoken."""
MAX_UNREAD = 20_000
"""Characters kept for reading a malformed reply; more of one is cut."""

_FIELDS = ("text", "expression", *NOTES)
_OPENINGS = ("<think>", "<thinking>", "```json\n", "```\n", "```json\r\n", "```\r\n")
_LONGEST_TAG = len("</thinking>")
_THOUGHT = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_KEYS = "|".join(("chunks", *_FIELDS))
_LATE = re.compile(rf'(?:```(?:json)?\s{{0,9}})?[\[{{][\s\[{{]{{0,40}}"(?:{_KEYS})"\s{{0,9}}:')
"""JSON that comes after words: its first key is one of ours …"""
_LATE_SO_FAR = re.compile(
    r'`{1,3}|```(?:j|js|jso|json)?\s{0,9}|(?:```(?:json)?\s{0,9})?[\[{][\s\[{]{0,40}(?:"[a-z]{0,13}(?:"\s{0,9})?)?'
)
"""… and what may yet become that."""
_LOOSE_TEXT = re.compile(
    r""""text"\s*:\s*"(?P<text>.*?)(?:(?<!\\)"\s*(?=,\s*"\w+"\s*:|\}\s*[,\]]?|\Z)|\Z)""", re.DOTALL
)


class ReplyForm(StrEnum):
    """What a reply turned out to be."""

    STRUCTURED = "structured"
    PLAIN = "plain"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class ReplyChunk:
    """One chunk, whole. ``index`` counts from 0; missing fields are empty."""

    index: int
    text: str
    expression: str = ""
    correction: str = ""
    translation: str = ""
    hint: str = ""
    vocabulary: str = ""


@dataclass(frozen=True, slots=True)
class TextReady:
    """The text of chunk ``index`` is complete; its other fields may still come, with :class:`ChunkReady`."""

    index: int
    text: str
    expression: str = ""


@dataclass(frozen=True, slots=True)
class ExpressionReady:
    """What chunk ``index`` is said with, told as soon as it is known after the text: the voice may be done already."""

    index: int
    expression: str


@dataclass(frozen=True, slots=True)
class ChunkReady:
    """A chunk is whole; its text was given before."""

    chunk: ReplyChunk


@dataclass(frozen=True, slots=True)
class PlainText:
    """A piece of a reply that is not structured, to be cut into sentences by the chunker."""

    text: str


ReplyEvent: TypeAlias = TextReady | ExpressionReady | ChunkReady | PlainText


def asked_for(note: str, language: str) -> str:
    """What a note of :data:`NOTES` holds. ``language``: in English, of the translation; empty: the person's own."""
    return {
        "correction": "The person's last words as they should be, only if they made a mistake; else null.",
        "translation": f"The text in {language or 'the language that the person speaks best'}.",
        "hint": "Words that the person could answer with, or null.",
        "vocabulary": "A word or phrase of the text worth learning, a colon, and its meaning in plain words; or null.",
    }[note]


_TEXT = "One or two short sentences to be spoken."
_FORM_WORDS = tuple(words.rstrip(".").casefold() for words in (_TEXT, *(asked_for(note, "") for note in NOTES)))
"""A very small model gives back the words of the form as its contents: nobody says them."""


def reply_schema(
    expressions: Sequence[str] = EXPRESSIONS, notes: Sequence[str] = (), language: str = ""
) -> dict[str, object]:
    """The JSON schema of a reply. ``notes`` are those of :data:`NOTES` that are wanted (null where there is nothing);
    ``language`` is what is translated into, in English.

    Servers that follow a schema strictly want every key required and no others.
    """
    fields: dict[str, object] = {
        "text": {"type": "string", "description": _TEXT},
        "expression": {"type": "string", "enum": list(expressions)},
    }
    fields |= {note: {"type": ["string", "null"], "description": asked_for(note, language)} for note in notes}
    chunk = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    return {
        "type": "object",
        "properties": {"chunks": {"type": "array", "items": chunk}},
        "required": ["chunks"],
        "additionalProperties": False,
    }


def notes_schema(names: Sequence[str], language: str = "") -> Mapping[str, object] | None:
    """The schema of a reply with the notes ``names``; None, plain text, without any. Raises :class:`InputError`."""
    if unknown := [name for name in names if name not in NOTES]:
        raise InputError(f"there is no note {unknown[0]!r}", where="notes", remedy=f"Known: {', '.join(NOTES)}.")
    return reply_schema(notes=names, language=language) if names else None


def response_format(schema: Mapping[str, object]) -> dict[str, object]:
    """The ``response_format`` of a chat-completion request that asks for ``schema``."""
    return {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": dict(schema)}}


class StructuredReader:
    """See the module. Feed it the stream, then :meth:`finish`; :attr:`form` and :attr:`problem` hold from then on."""

    def __init__(self) -> None:
        self.form = ReplyForm.STRUCTURED
        self.problem = ""
        self.truncated = False
        """The reply ended inside its JSON, so its last text may be cut short."""
        self._json: JsonStream | None = None
        self._lead = ""
        self._thinking = False
        self._unread = ""
        self._draft: dict[str, str] = {}
        self._given = 0
        self._other: list[str] = []

    def feed(self, text: str) -> list[ReplyEvent]:
        """Take a piece of the stream; returns what it completes."""
        events: list[ReplyEvent] = []
        words = ""
        for character in text:
            if self._json is not None:
                events += self._take(self._json, character)
                continue
            if self.form is ReplyForm.PLAIN:
                self._lead += character
            elif self._take_lead(character):
                continue
            self.form = ReplyForm.PLAIN
            words += self._words()
            if late := _LATE.fullmatch(self._lead):
                events += [PlainText(f"{words}\n\n"), *self._begin_late(late[0])]
                words = ""
        return [*events, PlainText(words)] if words else events

    def finish(self) -> list[ReplyEvent]:
        """The stream has ended: returns what can still be made of it."""
        if self.form is ReplyForm.PLAIN:
            begun = '"' in self._lead or self._lead.startswith("```")  # it broke off before it was known to be JSON
            return [PlainText(self._lead)] if self._lead and not begun else []
        if self._json is None:
            self.form = ReplyForm.PLAIN
            lead = self._lead.strip()
            return [] if self._thinking or not lead or lead.startswith("```") else [PlainText(self._lead)]
        if self._json.done:
            return self._without_text()
        self.form = ReplyForm.MALFORMED
        self.truncated = not self._json.problem
        self.problem = self._json.problem or "the reply ended before its JSON did"
        return self._salvage()

    def stop(self) -> list[ReplyEvent]:
        """Nothing more will be read, by our own choice: returns the chunk under way, its text perhaps cut short."""
        return [] if self._json is None or self._json.done else self._salvage()

    def _take_lead(self, character: str) -> bool:
        """What stands before the JSON: white space, a fence, the model's thoughts. False: this will be no JSON."""
        self._lead += character
        if self._thinking:
            self._lead = self._lead[-_LONGEST_TAG:]
            if _THOUGHT.search(self._lead):
                self._lead, self._thinking = "", False
            return True
        begun = self._lead.lstrip("\ufeff \t\r\n").lower()
        if not begun:
            self._lead = ""
        elif begun in ("{", "["):
            self._json = JsonStream()
            self._take(self._json, begun)
        elif begun in ("<think>", "<thinking>"):
            self._thinking = True
        elif begun in _OPENINGS:
            self._lead = ""
        else:
            return any(opening.startswith(begun.rstrip(" ")) for opening in _OPENINGS)
        return True

    def _words(self) -> str:
        """What of a reply that began with words can be no beginning of the JSON."""
        place = 0
        while not (_LATE_SO_FAR.fullmatch(self._lead, place) or _LATE.fullmatch(self._lead, place)):
            if place == len(self._lead):
                break
            place += 1
        words, self._lead = self._lead[:place], self._lead[place:]
        return words

    def _begin_late(self, begun: str) -> list[ReplyEvent]:
        """The JSON comes after all."""
        self.form, self._lead = ReplyForm.STRUCTURED, ""
        self._json = stream = JsonStream()
        return [event for character in begun.lstrip("`json \t\r\n") for event in self._take(stream, character)]

    def _take(self, stream: JsonStream, character: str) -> list[ReplyEvent]:
        if not stream.done and len(self._unread) < MAX_UNREAD:
            self._unread += character
        events: list[ReplyEvent] = []
        for event in stream.take(character) if not stream.done else ():
            events += self._understand(event)
        if events:
            self._unread = ""
        return events

    def _understand(self, event: JsonEvent) -> list[ReplyEvent]:
        if isinstance(event, Closed):
            return self._close() if _is_chunk(event.path) or not event.path else []
        if not isinstance(event.value, str) or not event.value.strip():
            return []
        field = _field(event.path)
        if field:
            return self._fill(field, event.value.strip(), alone=_is_chunk(event.path))
        if sum(map(len, self._other)) < MAX_UNREAD:
            self._other.append(event.value.strip())
        return []

    def _fill(self, field: str, value: str, *, alone: bool) -> list[ReplyEvent]:
        if field in self._draft or (field == "text" and _is_form(value)):
            return []
        self._draft[field] = value
        if field == "expression" and "text" in self._draft:
            return [ExpressionReady(self._given - 1, value)]
        if field != "text":
            return []
        ready = TextReady(self._given, value, self._draft.get("expression", ""))
        self._given += 1
        return [ready, *self._close()] if alone else [ready]

    def _close(self) -> list[ReplyEvent]:
        """The chunk under way is whole. One without a text is nothing."""
        draft, self._draft = self._draft, {}
        return [ChunkReady(ReplyChunk(self._given - 1, **draft))] if "text" in draft else []

    def _without_text(self) -> list[ReplyEvent]:
        """The JSON is whole. If it held no chunk, whatever strings it held are the reply."""
        if self._given:
            return []
        self.form = ReplyForm.MALFORMED
        self.problem = "the JSON holds no chunk with a text"
        return [PlainText(" ".join(self._other))] if self._other else []

    def _salvage(self) -> list[ReplyEvent]:
        """Read loosely what was not given; with nothing in hand at all, the reply is text that looked like JSON."""
        events = self._close()
        texts = [_loose(match["text"]) for match in _LOOSE_TEXT.finditer(self._unread)]
        for text in filter(None, texts):
            events += [TextReady(self._given, text), ChunkReady(ReplyChunk(self._given, text))]
            self._given += 1
        if not self._given and not self._unread.lstrip("{[ \n\t\r").startswith('"'):
            return [PlainText(self._unread)]
        return events


def _is_form(text: str) -> bool:
    return any(words in text.casefold() for words in _FORM_WORDS)


def _is_chunk(path: Path) -> bool:
    """True for the place of a chunk, in the object that was asked for or in a bare array."""
    match path:
        case ("chunks", int()) | (int(),):
            return True
        case _:
            return False


def _field(path: Path) -> str:
    """Which field of a chunk a value at ``path`` is, empty for one that means nothing to us."""
    match path:
        case ("chunks", int()) | (int(),):
            return "text"
        case ("chunks", int(), str(field)) | (int(), str(field)) | (str(field),) if field in _FIELDS:
            return field
        case _:
            return ""


def _loose(text: str) -> str:
    """The text of a string that may have quotes or escapes that JSON forbids."""
    try:
        value: object = json.loads(f'"{text}"', strict=False)
    except ValueError:
        value = text.replace('\\"', '"').replace("\\n", " ").rstrip("\\")
    return str(value).encode("utf-8", "replace").decode("utf-8").strip()
