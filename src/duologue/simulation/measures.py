"""What a conversation came to, measured from its log by the script's own truth and the sink's own sound. Pure.

Nothing here asks the core what it thinks of itself: when a word ended is known from the script, what was heard is
counted from the sound that the sink gave out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.ports import PlayStarted
from duologue.dialogue.turns.person import normalise
from duologue.dialogue.turns.vocabulary import (
    Apologise,
    BeginStretch,
    Commit,
    Filler,
    HandedOver,
    Note,
    Report,
    Think,
    Understood,
)
from duologue.simulation.caller import Act
from duologue.simulation.log import Log, LogEntry
from duologue.simulation.room import RoomSound
from duologue.simulation.sink import Span
from duologue.speech.utterance import Utterance

_NOTES = {
    Note.INTERRUPTED: "interruptions", Note.FALSE_ALARM: "false_alarms", Note.ECHO: "echoes", Note.FAILED: "failures",
    Note.STALLED: "stalls", Note.SILENCE: "silences", Note.SPECULATION_HIT: "speculation_hits",
    Note.SPECULATION_MISS: "speculation_misses",
}  # fmt: skip


@dataclass(slots=True)
class Measures:
    """Times in milliseconds. ``counts`` and ``lines`` go by the names in ``expect``; ``lines`` are the numbers of the
    entries that were counted.
    """

    counts: Counter[str] = field(default_factory=Counter[str])
    lines: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    first_audio_ms: list[float] = field(default_factory=list[float])
    stop_ms: list[float] = field(default_factory=list[float])

    def count(self, name: str, entry: int) -> None:
        """Something happened, as entry number ``entry`` shows."""
        self.counts[name] += 1
        self.lines.setdefault(name, []).append(entry)


@dataclass(slots=True)
class _Reply:
    """A reply that began to sound: ``entry`` says where that is, ``at`` when (ns)."""

    name: str
    person: str
    at: int
    entry: int


def measure(log: Log, spans: Sequence[Span], sounds: Sequence[RoomSound], *, listens_always: bool) -> Measures:
    """Measure a conversation. ``listens_always`` is false under half-duplex, where words may go unheard by design."""
    found = Measures()
    for number, entry in enumerate(log.entries):
        _count(found, number, entry)
    turns = [act for act in log.acts if act.is_turn]
    _judge_replies(found, log, list(_replies(log)), turns, listens_always=listens_always)
    _measure_stops(found, log, turns, spans)
    _compare_heard(found, log, spans)
    if listens_always:
        _count_clipped(found, log, turns, sounds)
    return found


def _count(found: Measures, number: int, entry: LogEntry) -> None:
    match entry.item:
        case Report(note=note) if note in _NOTES:
            found.count(_NOTES[note], number)
        case Filler():
            found.count("fillers", number)
        case Apologise():
            found.count("apologies", number)
        case HandedOver():
            found.count("handovers", number)
        case Commit(heard=heard, reply=reply) if heard and reply:
            found.count("replies", number)
        case Act(missed=True):
            found.count("missed", number)
        case _:
            pass


def _replies(log: Log) -> Iterator[_Reply]:
    """The replies, as they begin to sound."""
    person: dict[str, str] = {}
    seen: set[str] = set()
    for number, entry in enumerate(log.entries):
        match entry.item:
            case Think(reply=name, person=text):
                person[name] = text
            case PlayStarted(utterance_id, at) if "/" in utterance_id:
                name = utterance_id.partition("/")[0]
                if name not in seen:
                    seen.add(name)
                    yield _Reply(name, person.get(name, ""), at, number)
            case _:
                pass


def _judge_replies(found: Measures, log: Log, replies: list[_Reply], turns: list[Act], *, listens_always: bool) -> None:
    """First sounds, and replies that are cut in, stale or doubled (docs/simulation.md defines each)."""
    acts, answered = log.acts, set[int]()
    before: _Reply | None = None
    for reply in replies:
        if any(turn.begin < reply.at < turn.end for turn in turns):
            found.count("cut_ins", reply.entry)
        said = [turn for turn in turns if turn.end <= reply.at and turn.number not in answered]
        if listens_always and any(_leaves_out(log, reply, turn) for turn in said):
            found.count("stale", reply.entry)
        typed = said and any(act.step.type and said[-1].end < act.begin < reply.at for act in acts)
        if said and reply.person and not typed:
            found.first_audio_ms.append((reply.at - said[-1].end) / MILLISECOND)
        if before and not any(before.at <= act.begin < reply.at or act.begin < before.at < act.end for act in acts):
            found.count("doubled", reply.entry)
        answered |= {turn.number for turn in said}
        before = reply


def _leaves_out(log: Log, reply: _Reply, turn: Act) -> bool:
    """Whether ``reply`` answers none of the words that the ears had understood of ``turn`` by its first sound."""
    since: dict[int, int] = {}
    texts: dict[int, str] = {}
    for entry in log.entries[: reply.entry]:
        match entry.item:
            case BeginStretch(stretch, begun):
                since[stretch] = begun
            case Understood(stretch, text):
                texts[stretch] = text
            case _:
                pass
    ends = [*list(since.values())[1:], reply.at]
    heard = [
        texts.get(stretch, "")
        for (stretch, begun), end in zip(since.items(), ends, strict=True)
        if begun < turn.end and end > turn.begin
    ]
    words = set(normalise(" ".join(heard)).split())
    return bool(words) and words.isdisjoint(normalise(reply.person).split())


def _measure_stops(found: Measures, log: Log, turns: list[Act], spans: Sequence[Span]) -> None:
    """From the onset of each interruption to the last sound of the reply that it ended."""
    for entry in log.entries:
        if not (isinstance(entry.item, Report) and entry.item.note is Note.INTERRUPTED):
            continue
        begun = [turn for turn in turns if turn.begin <= entry.at]
        if not begun:
            continue
        onset = begun[-1].begin
        after = [span.end for span in spans if span.end > onset and span.begin <= entry.at]
        found.stop_ms.append(max(0, max(after, default=onset) - onset) / MILLISECOND)


def _compare_heard(found: Measures, log: Log, spans: Sequence[Span]) -> None:
    """Whether the context holds what sounded: counted anew, word by word, from the sound itself."""
    played: dict[str, int] = {}
    utterances = {span.utterance.id: span.utterance for span in spans}
    for span in spans:
        length = (span.end - span.begin) * span.utterance.rate // SECOND
        played[span.utterance.id] = max(played.get(span.utterance.id, 0), span.start + length)
    for number, entry in enumerate(log.entries):
        if not isinstance(entry.item, Commit) or not entry.item.reply:
            continue
        mine = [each for name, each in utterances.items() if name.partition("/")[0] == entry.item.reply]
        if normalise(" ".join(_sounded(each, played[each.id]) for each in mine)) != normalise(entry.item.heard):
            found.count("misremembered", number)


def _sounded(utterance: Utterance, played: int) -> str:
    """The words of which all was played; the last sample may have been rounded away, spans are in nanoseconds."""
    if played + 1 >= len(utterance.samples):
        return utterance.text
    return " ".join(word.text for word in utterance.words() if word.end <= played + 1)


def _count_clipped(found: Measures, log: Log, turns: list[Act], sounds: Sequence[RoomSound]) -> None:
    """Words of which the ears were given too little."""
    entries = {id(entry.item): number for number, entry in enumerate(log.entries)}
    for turn in turns:
        for sound in sounds:
            if sound.say == turn.number and sound.text and sound.clipped:
                found.count("clipped", entries[id(turn)])
