"""What a conversation of the Realtime API consists of: its items, in order, and the context that they make. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from duologue.app.realtime.messages import EventError, ItemFields
from duologue.dialogue.heard import heard_text
from duologue.language.engine import Line
from duologue.language.tools import ToolCall, ToolOutcome
from duologue.speech.utterance import Utterance
from duologue.strict_json import read_json

MOST_ITEMS = 1_000
"""That are kept; the oldest that are settled go."""
MOST_CHARACTERS = 1_000_000
"""Of all that a client wrote down; no model reads as much."""
SAMPLES_PER_MS = 48
ROOT = "root"
_UNANSWERED = json.dumps({"error": "nobody answered"})


@dataclass(slots=True)
class RealtimeSegment:
    """Sound of one utterance in an item: from its sample ``start`` on, at the item's place ``begin`` (48 kHz)."""

    utterance: str
    start: int
    begin: int
    length: int = 0


@dataclass(slots=True, eq=False)
class RealtimeItem:
    """One item. ``text`` None: it is not known yet. ``known``: it is in the context, there as ``line`` where that is
    not all of its text. ``reply`` is ours, and ``segments`` and ``total`` (samples, 48 kHz) are the sound of it.
    """

    id: str
    kind: str = "message"
    role: str = ""
    form: str = ""
    text: str | None = ""
    status: str = "completed"
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    output: str = ""
    known: bool = False
    line: str | None = None
    reply: str = ""
    segments: list[RealtimeSegment] = field(default_factory=list[RealtimeSegment])
    total: int = 0
    first_sent: int = 0

    def wire(self) -> dict[str, object]:
        """As the protocol has it; sound is not kept."""
        told: dict[str, object] = {"id": self.id, "object": "realtime.item", "type": self.kind}
        match self.kind:
            case "function_call":
                called = {"call_id": self.call_id, "name": self.name, "arguments": self.arguments}
                return {**told, "status": self.status, **called}
            case "function_call_output":
                return {**told, "call_id": self.call_id, "output": self.output}
            case _:
                return {**told, "status": self.status, "role": self.role, "content": self._content()}

    def _content(self) -> list[dict[str, object]]:
        if self.role == "assistant" and self.status == "in_progress" and not self.text:
            return []
        words = "transcript" if self.form in ("input_audio", "output_audio") else "text"
        return [{"type": self.form, words: self.text}]

    @property
    def size(self) -> int:
        """Of what it holds, in characters."""
        return len(self.text or "") + len(self.arguments) + len(self.output)

    # Of the character's sound

    @property
    def length_ms(self) -> int:
        """Of the sound that was sent."""
        return self.total // SAMPLES_PER_MS

    def heard_to(self, milliseconds: int) -> list[tuple[RealtimeSegment, int]]:
        """The segments that were heard by then, each with the sample of its utterance up to which it was."""
        place = milliseconds * SAMPLES_PER_MS
        begun = (each for each in self.segments if each.begin < place)
        return [(each, each.start + min(each.length, place - each.begin)) for each in begun]


def words_from(utterance: Utterance, start: int) -> str:
    """What it says from one sample on."""
    return utterance.text[len(heard_text(utterance, start)) if start else 0 :].strip()


def words_between(utterance: Utterance, start: int, end: int) -> str:
    """Its words from one sample up to another."""
    return heard_text(utterance, end)[len(heard_text(utterance, start)) if start else 0 :].strip()


class RealtimeItems:
    """See the module. Ids come from ``name``, or from the client."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._made = 0
        self._items: list[RealtimeItem] = []

    def __iter__(self) -> Iterator[RealtimeItem]:
        return iter(self._items)

    def new_id(self, kind: str = "item") -> str:
        """One that no other has."""
        self._made += 1
        return f"{kind}_{self._name}{self._made:04d}"

    def find(self, item_id: str) -> RealtimeItem:
        """The one with that id. Raises :class:`EventError`."""
        found = next((item for item in self._items if item.id == item_id), None)
        if found is None:
            raise EventError(f"There is no item {item_id!r}.", code="item_not_found", param="item_id")
        return found

    def add(self, item: RealtimeItem, after: str | None = None) -> str | None:
        """Put it at the end, or ``after`` another one; gives the id of the one before it. Raises :class:`EventError`
        for an id that is taken, and for one that is not there.
        """
        if any(item.id == other.id for other in self._items):
            raise EventError(f"There is an item {item.id!r} already.", code="item_exists", param="item.id")
        place = len(self._items)
        if after == ROOT:
            place = 0
        elif after is not None:
            found = [number for number, other in enumerate(self._items) if other.id == after]
            if not found:
                raise EventError(f"There is no item {after!r}.", code="item_not_found", param="previous_item_id")
            place = found[0] + 1
        self._items.insert(place, item)
        if len(self._items) > MOST_ITEMS:
            self._items.remove(next((other for other in self._items if other.known), self._items[0]))
        return self.before(item)

    def before(self, item: RealtimeItem) -> str | None:
        """The id of the item before it."""
        ids = [other.id for other in self._items]
        place = ids.index(item.id) if item.id in ids else 0
        return ids[place - 1] if place else None

    def make_room(self, item: RealtimeItem) -> None:
        """Before one that a client wrote: the oldest that are settled go. Raises :class:`EventError` where all that is
        left waits to be answered.
        """
        size = item.size + sum(each.size for each in self._items)
        for each in [each for each in self._items if each.known]:
            if size <= MOST_CHARACTERS:
                return
            self._items.remove(each)
            size -= each.size
        if size > MOST_CHARACTERS:
            raise EventError(
                f"More than {MOST_CHARACTERS} characters wait to be answered. Ask for a response, or delete some.",
                code="conversation_full", param="item",
            )  # fmt: skip

    def until(self, item: RealtimeItem) -> list[RealtimeItem]:
        """All that stand before it."""
        return self._items[: self._items.index(item)]

    def is_last(self, item: RealtimeItem) -> bool:
        """Nothing follows it."""
        return bool(self._items) and self._items[-1] is item

    def remove(self, item: RealtimeItem) -> None:
        """It was never said."""
        self._items.remove(item)

    # What a model is told

    @property
    def system(self) -> str:
        """What system messages say."""
        return "\n".join(item.text for item in self._items if item.role == "system" and item.text)

    def lines(self, person: str, character: str) -> tuple[Line, ...]:
        """The context: what is known of messages, and what was called; calls stand in the line of who was answered."""
        outputs = {item.call_id: item.output for item in self._items if item.kind == "function_call_output"}
        lines: list[Line] = []
        for item in self._items:
            if not item.known or item.kind == "function_call_output" or item.role == "system":
                continue
            if item.kind == "function_call":
                call = ToolCall(item.call_id, item.name, item.arguments)
                _call(lines, person, ToolOutcome(call, shown(outputs.get(item.call_id))))
            elif text := item.text if item.line is None else item.line:
                lines.append(Line(character if item.role == "assistant" else person, text))
        return tuple(lines)


def _call(lines: list[Line], person: str, outcome: ToolOutcome) -> None:
    """It stands in the newest line of who was answered."""
    asked = [number for number, line in enumerate(lines) if line.speaker == person]
    if not asked:
        lines.append(Line(person, "", (outcome,)))
        return
    line = lines[asked[-1]]
    lines[asked[-1]] = Line(person, line.text, (*line.calls, outcome))


def shown(output: str | None) -> str:
    """What a client says came of a call, as JSON; None: nothing."""
    if output is None:
        return _UNANSWERED
    try:
        read_json(output)
    except ValueError:
        return json.dumps(output)
    return output


def joined(texts: Iterable[str | None]) -> str:
    """Texts as one."""
    return " ".join(filter(None, texts))


def item_of(given: ItemFields, name: str) -> RealtimeItem:
    """What a client gives, as an item that is called ``name``. Raises :class:`EventError`."""
    match given.type:
        case "function_call":
            if not given.call_id or not given.name:
                raise EventError("A call has a call_id and a name.", param="item.call_id")
            return RealtimeItem(
                name, given.type, call_id=given.call_id, name=given.name, arguments=given.arguments or "{}"
            )
        case "function_call_output":
            return RealtimeItem(name, given.type, call_id=given.call_id or "", output=given.output or "")
        case "message":
            return _message(name, given)


def _message(name: str, given: ItemFields) -> RealtimeItem:
    if given.role is None:
        raise EventError("A message has a role.", code="missing_required_parameter", param="item.role")
    texts = [part.text if part.text is not None else part.transcript for part in given.content]
    audio = any(part.type in ("input_audio", "output_audio", "audio") for part in given.content)
    sound = any(part.audio for part in given.content)
    if not given.content:
        raise EventError("A message has content.", code="missing_required_parameter", param="item.content")
    if sound and (given.role != "user" or len(given.content) > 1):
        raise EventError("Sound is read in messages of the user's alone, one part each.", param="item.content")
    form = {"user": "input", "system": "input", "assistant": "output"}[given.role]
    text = None if sound else joined(texts)
    return RealtimeItem(name, role=given.role, form=f"{form}_{'audio' if audio else 'text'}", text=text)
