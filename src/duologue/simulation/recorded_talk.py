"""A talk or a call whose sound was kept, read back: what the person did, what was replied, and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from duologue.audio.pcm import RATE, Samples
from duologue.audio.recording_reading import read_recording
from duologue.audio.resample import resample
from duologue.clock import SECOND, milliseconds
from duologue.dialogue.turns.vocabulary import (
    DigitPressed,
    Event,
    Interrupt,
    PutOnHold,
    Say,
    TakenOffHold,
    TurnCancelled,
    TurnCommitted,
    Typed,
    When,
)
from duologue.errors import InputError
from duologue.speech.hearing import EAR_RATE
from duologue.telemetry.ledger import (
    CallRecord,
    ConversationRecord,
    EffectRecord,
    EndingRecord,
    Entry,
    EventRecord,
    RecordingRecord,
    TurnRecord,
)
from duologue.telemetry.ledger_reader import LedgerReader

Told = Mapping[str, Any]
_UNKNOWN_S = 2.0
"""How long words of the owner's are taken to be that were not kept (s)."""


@dataclass(frozen=True, slots=True)
class ManualTurn:
    """A button ends the person's turn from now on, or does not any more."""

    manual: bool


PersonsAct = Event | ManualTurn
"""Something that the person or the line did beside speaking."""


@dataclass(frozen=True, slots=True)
class RecordedReply:
    """A reply as it was given to what the person began to say at ``since`` (ns): its words, how long the first took,
    and all of them (ms).
    """

    since: int
    text: str
    first_ms: float
    all_ms: float


@dataclass(frozen=True, slots=True)
class RecordedLine:
    """A sentence as it was voiced when it was ``asked`` for (ns): how long it is, after how long its sound began, and
    the sound, as far as it was ``played`` (silence behind that).
    """

    text: str
    asked: int
    after_ms: float
    played: bool
    samples: Samples = field(repr=False)


@dataclass(frozen=True, slots=True)
class RecordedTalk:
    """See the module. Times are those of its ledger (ns); ``began`` is when the recording did. ``person`` is what the
    person was heard to say, at the ears' rate, from then on. ``worded``: the run has the words that were said.
    """

    of: str
    character: str
    call: CallRecord | None
    began: int
    policy: Mapping[str, object]
    worded: bool
    person: Samples = field(repr=False)
    replies: tuple[RecordedReply, ...] = field(repr=False)
    lines: tuple[RecordedLine, ...] = field(repr=False)
    acts: tuple[tuple[int, PersonsAct], ...] = field(repr=False)
    turns: tuple[TurnRecord, ...] = field(repr=False)
    endings: tuple[EndingRecord, ...] = field(repr=False)

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.person) / EAR_RATE

    @property
    def telephone(self) -> bool:
        """It came by one."""
        return self.of.startswith("line:")


def read_talk(path: Path, name: str) -> RecordedTalk:
    """The talk or call that the run ``name``, or a ledger, at ``path`` is of.

    Raises :class:`InputError` for a run without sound, which names the setting that keeps it, and for one that is
    neither.
    """
    reading = _Reading()
    for entry in LedgerReader(path):
        reading.take(entry)
    recordings = reading.recordings
    if not recordings:
        raise _soundless(name, reading)
    if len(recordings) > 1:
        several = ", ".join(recordings)
        raise InputError("this ledger has several recordings", where=several, remedy="Give the run of one of them.")
    (of, recording), *_ = recordings.items()
    left, right = read_recording(Path(recording.file))
    return reading.of(of).finished(of, recording, resample(left, RATE, EAR_RATE), right)


def _soundless(name: str, reading: _Reading) -> InputError:
    if not reading.parts:
        what = "this run is no conversation with a person"
        return InputError(what, where=name, remedy="Give a talk or a call: duologue runs lists them.")
    calls = any(of.startswith("line:") for of in reading.parts)
    setting = "phone.record" if calls else "dialogue.record_folder"
    return InputError(
        "the sound of this run was not kept, so nobody can hear it again", where=name,
        remedy=f"Name a folder in {setting} before the next {'call' if calls else 'talk'}.",
    )  # fmt: skip


class _Reading:
    """What a ledger holds of each conversation in it."""

    def __init__(self) -> None:
        self.parts: dict[str, _PartReading] = {}
        self.recordings: dict[str, RecordingRecord] = {}

    def of(self, of: str) -> _PartReading:
        return self.parts.setdefault(of, _PartReading())

    def take(self, entry: Entry) -> None:
        if not entry.of.startswith(("talk:", "line:")):
            return
        match entry.record:
            case RecordingRecord() as record:
                self.recordings.setdefault(entry.of, record)
            case ConversationRecord() | TurnRecord() | EndingRecord() | CallRecord() | EventRecord() | EffectRecord():
                self.of(entry.of).take(entry)
            case _:
                pass


@dataclass(slots=True)
class _Sound:
    """A sentence of ours while it is read: ``asked`` and ``ready`` are when it was to be voiced and sounded, ``played``
    how much of it had been at which times.
    """

    key: tuple[str, int]
    text: str = ""
    seconds: float = 0.0
    asked: int = 0
    ready: int = 0
    played: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])


class _PartReading:
    """One conversation, entry by entry."""

    def __init__(self) -> None:
        self.character = ""
        self.call: CallRecord | None = None
        self.turns: list[TurnRecord] = []
        self.endings: list[EndingRecord] = []
        self.acts: list[tuple[int, PersonsAct]] = []
        self._manual = False
        self._sounds: dict[str, _Sound] = {}
        self._asked: dict[tuple[str, int], tuple[int, str]] = {}

    def take(self, entry: Entry) -> None:
        match entry.record:
            case ConversationRecord(cast=cast_):
                self.character = self.character or (cast_[0] if cast_ else "")
            case TurnRecord() as record:
                self.turns.append(record)
            case EndingRecord() as record:
                self.endings.append(record)
            case CallRecord() as record:
                self.call = record
            case EffectRecord(name="VoiceSentence", told=told):
                self._asked[str(told["reply"]), int(cast("Any", told["index"]))] = (entry.at, str(told["text"]))
            case EventRecord(name=name, told=told):
                self._happened(name, told, entry.at)
            case _:
                pass

    def _happened(self, name: str, told: Told, at: int) -> None:
        match name:
            case "AudioReady" | "AudioGrew":
                self._sounded(told, at)
            case "PlayStarted" | "PlayProgress" | "PlayEnded":
                if sound := self._sounds.get(told["utterance_id"]):
                    sound.played.append((told["at"], told.get("played_samples", 0)))
            case _:
                self.acts.extend((at, act) for act in self._acted(name, told))

    def _sounded(self, told: Told, at: int) -> None:
        key = (told["reply"], told["index"])
        utterance = told["utterance"]
        sound = self._sounds.setdefault(utterance["id"], _Sound(key, ready=at))
        sound.asked = self._asked.get(key, (at, ""))[0]
        sound.text = utterance["text"] or self._asked.get(key, (at, ""))[1]
        sound.seconds = max(sound.seconds, utterance["seconds"])

    def _acted(self, name: str, told: Told) -> Iterator[PersonsAct]:
        match name:
            case "Typed":
                yield Typed(told["text"])
            case "Say":
                sentences = tuple(text or wordless(_UNKNOWN_S) for text in told["sentences"])
                yield Say(sentences, When(told["when"] or When.NOW))
            case "DigitPressed":
                if told["digit"]:
                    yield DigitPressed(told["digit"])
            case "Change":
                policy = told.get("policy")
                if policy is not None and policy["manual"] != self._manual:
                    self._manual = policy["manual"]
                    yield ManualTurn(self._manual)
            case _:
                if name in _BARE:
                    yield _BARE[name]

    def finished(self, of: str, recording: RecordingRecord, person: Samples, character: Samples) -> RecordedTalk:
        """All of it, with its sound."""
        worded = any(turn.text for turn in self.turns)
        lines = tuple(self._line(sound, recording.at, character) for sound in self._sounds.values())
        return RecordedTalk(
            of, self.character, self.call, recording.at, recording.policy, worded, person,
            tuple(self._replies()), lines, tuple(self.acts), tuple(self.turns), tuple(self.endings),
        )  # fmt: skip

    def _replies(self) -> Iterator[RecordedReply]:
        """Those that were heard, in the order of what they answer."""
        onsets = {turn.id: turn.on_air for turn in self.turns if turn.kind == "person"}
        seconds: dict[str, float] = {}
        for sound in self._sounds.values():
            seconds[sound.key[0]] = seconds.get(sound.key[0], 0.0) + sound.seconds
        found: list[RecordedReply] = []
        for turn in self.turns:
            name = turn.id.removeprefix(turn.conversation).lstrip("/")
            text = turn.text or wordless(seconds.get(name, 0.0))
            if turn.kind != "answer" or not turn.on_air or not turn.asked or not text:
                continue
            since = onsets.get(turn.question) or turn.spoken_to or turn.asked
            first = turn.first_token or turn.first_sentence or turn.asked
            last = max(first, turn.text_complete or first)
            took = milliseconds(max(0, first - turn.asked)), milliseconds(max(0, last - turn.asked))
            found.append(RecordedReply(since, text, *took))
        return iter(sorted(found, key=lambda each: each.since))

    def _line(self, sound: _Sound, began: int, character: Samples) -> RecordedLine:
        text = sound.text or wordless(sound.seconds)
        samples = np.zeros(max(1, round(sound.seconds * RATE)), np.float32)
        for (_, before), (at, played) in zip(sound.played, sound.played[1:], strict=False):
            end = round((at - began) * RATE / SECOND)
            begin = end - (played - before)
            heard = character[max(0, begin) : max(0, end)]
            first = before + max(0, -begin)  # what played before the recording began is not in it
            into = samples[first : first + len(heard)]
            into[:] = heard[: len(into)]
        after = milliseconds(max(0, sound.ready - sound.asked))
        return RecordedLine(text, sound.asked, after, len(sound.played) > 1, samples)


_BARE: Mapping[str, Event] = {
    type(event).__name__: event
    for event in (Interrupt(), TurnCommitted(), TurnCancelled(), PutOnHold(), TakenOffHold())
}


def wordless(seconds: float) -> str:
    """Words for a sound whose own were not kept; none for no sound."""
    count = round(seconds / 0.35)
    return " ".join(["La", *["la"] * max(2, count - 1)]) + "." if seconds else ""
