"""What the ledger knows: a plain record for each kind of thing that happens, its fields with their meaning and unit.

A field is written under its own name, or under the one that :class:`FieldName` gives it; docs/ledger.md is made of this
page (:mod:`duologue.telemetry.ledger_page`), and so is the code that writes and reads
(:mod:`duologue.telemetry.lines`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Annotated, TypeAlias

CALLS = "line"
"""What a call is of, before its colon."""
WITH_PEOPLE = ("talk", "api", CALLS)
"""What is a conversation with a person: a talk, a session of the realtime API, a call."""


class _Time:
    """Marks an ``int`` as a time: monotonic ns inside, ns since the file's origin in a line, 0 while unknown."""


@dataclass(frozen=True, slots=True)
class FieldName:
    """The name of a field in a line, where its own means something else there."""

    name: str


Time: TypeAlias = Annotated[int, _Time]


class Cause(StrEnum):
    """Why a frame was late or over its budget."""

    NONE = ""
    COMPOSE = "compose"
    ENCODE = "encode"
    STALL = "stall"
    """The process itself was not run (the machine stalled it)."""
    LIGHTS = "lights"
    TV = "tv"


class GovernorStep(IntEnum):
    """How plain the show is, from all there is to the plainest; each step includes those before it."""

    FULL = 0
    TV = 1
    """The TV's picture changes in every second frame."""
    ANALYSIS = 2
    """The encoder looks for less: the same stream, a little softer or larger."""
    RATE = 3
    """Exactly every second picture is made."""
    SIZE = 4
    """Smaller pictures are encoded; only where nothing that takes the stream must keep its size."""


class EndingOutcome(StrEnum):
    """What came after a turn was taken to be over."""

    ANSWERED = "answered"
    """A reply was given, or begun."""
    WENT_ON = "went_on"
    """The person went on before they heard a word of ours: the decision was too early."""
    NOTHING_SAID = "nothing_said"
    """No words were understood: there was nothing to answer."""
    HUNG_UP = "hung_up"


@dataclass(frozen=True, slots=True)
class HeaderRecord:
    """The first line of a file, and of each run that goes on in it: what the times of the lines behind it count from,
    and who wrote them.
    """

    wall_ns: Annotated[int, "The calendar's time at `at` 0: Unix ns. 0: it has none (a simulation)."]
    monotonic_ns: Annotated[int, "The machine's own clock at `at` 0: ns, as `CLOCK_MONOTONIC` has it."]
    program: Annotated[str, "The version of Duologue."] = ""


@dataclass(frozen=True, slots=True)
class DroppedRecord:
    """Lines are missing before this one: more waited than may, or the disk did not take them."""

    lines: Annotated[int, "How many."]
    why: Annotated[str, "What was in their way."]


@dataclass(frozen=True, slots=True)
class ShowRecord:
    """What a show is: said when it begins, and again at the head of each further file."""

    fps: Annotated[int, "Frames a second."]
    width: Annotated[int, "Of the picture, pixels."] = 0
    height: Annotated[int, "Of the picture, pixels."] = 0
    cast: Annotated[tuple[str, ...], "Its characters."] = ()
    room: Annotated[str, "Where they are."] = ""
    lead_ms: Annotated[float, "How far ahead of its due time a frame is begun; 0: that is not known."] = 0.0


@dataclass(frozen=True, slots=True)
class ConversationRecord:
    """A conversation begins."""

    conversation: Annotated[str, "Its id, a UUID of version 7."]
    cast: Annotated[tuple[str, ...], "The characters in it."]
    person: Annotated[str, "What the person is called in it; empty: they are among themselves."] = ""
    topic: Annotated[str, "What it is about."] = ""
    scenario: Annotated[str, "The script that the caller follows, in a simulation."] = ""
    seed: Annotated[int, "Of its choices."] = 0
    parent: Annotated[str, "The span of who asked for it, as the header `traceparent` had it."] = ""
    tracestate: Annotated[str, "What came with it in the header of that name."] = ""


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """One frame."""

    number: Annotated[int, "Its place in the show."]
    due: Annotated[Time, "When it is due to be shown."]
    begun: Annotated[Time, "When drawing it began."]
    compose_ms: Annotated[float, "What drawing it took."]
    encode_ms: Annotated[float, "What encoding it took."]
    damage_px: Annotated[int, "Pixels that were drawn anew."]
    packaged: Annotated[Time, "When it was encoded."]
    lateness_ms: Annotated[float, "How long after its due time it was encoded; negative: that much ahead."]
    cause: Annotated[Cause, "Why it was late or over its budget."] = Cause.NONE
    periods: Annotated[int, "Frame periods that it stands for: 2 at half the picture rate."] = 1
    work: Annotated[
        str, "What was in it, with `+` between: `speech` (somebody is heard), `tv`, `caption`, `lights` (they changed)."
    ] = ""
    wait_ms: Annotated[float, "How long the threads that drew and encoded it were ready and no core ran them."] = 0.0
    blocked_ms: Annotated[float, "How long these stood still in it: a lock, memory that was not there."] = 0.0


@dataclass(frozen=True, slots=True)
class StepRecord:
    """The governor's decision that the show becomes plainer, or is brought back."""

    at: Annotated[Time, "When."]
    frame: Annotated[int, "The first frame that is so."]
    step: Annotated[GovernorStep, "How plain: 0 is all there is."]
    before: Annotated[GovernorStep, "How plain it was."]
    lead_ms: Annotated[float, "How far ahead of its due time the newest picture was."]
    why: Annotated[str, "The figure that decided."]


@dataclass(frozen=True, slots=True)
class SkipRecord:
    """The show left out frames, being too far behind: a discontinuity. What was being said goes on behind it."""

    at: Annotated[Time, "When."]
    first: Annotated[int, "The first frame that was left out."]
    following: Annotated[int, "The frame after the last of them."]
    late_ms: Annotated[float, "How far behind the show was."]


@dataclass(frozen=True, slots=True)
class BakeRecord:
    """Something was baked beside the frame path (new light, a table of poses)."""

    at: Annotated[Time, "When it was done."]
    what: Annotated[str, "What it was."]
    took_ms: Annotated[float, "How long."]


@dataclass(frozen=True, slots=True)
class EndingRecord:
    """Why a turn of a person was taken to be over: the decision log, told when it is known what came of it."""

    conversation: Annotated[str, "Its conversation."]
    turn: Annotated[str, "The id of the turn; empty: it never had words."]
    at: Annotated[Time, "When it was taken to be over."]
    why: Annotated[str, "The rule, and what stretched it."]
    wait_ms: Annotated[float, "The silence that the rule waits for."]
    silence_ms: Annotated[float, "The silence that there was."]
    said: Annotated[str, "What was understood by then."]
    pauses: Annotated[tuple[float, ...], "Pauses (ms) in this turn after which the person had gone on."]
    outcome: Annotated[EndingOutcome, "What came of it."]


@dataclass(slots=True)
class TurnRecord:
    """One turn, told when it has come to its end. ``state`` and ``kind`` as in :class:`duologue.app.models.TurnView`.

    It is the same record for a show, a talk and a call; from ``question`` on its fields belong to conversations with a
    person. The times of an answer follow each other; the stages that lie between them are
    :data:`duologue.telemetry.turns.STAGES`.
    """

    id: Annotated[str, FieldName("turn"), "Its id: that of the conversation, and a name in it."]
    conversation: Annotated[str, "The id of its conversation."]
    number: Annotated[int, "Its place in the conversation."]
    speaker: Annotated[str, "Who speaks."]
    kind: Annotated[str, FieldName("role"), "`turn`, `answer` (to a person), `person` or `filler`."] = "turn"
    text: Annotated[str, "What was written or said."] = ""
    heard: Annotated[str, "The part of it that was played."] = ""
    asked: Annotated[Time, "A line was asked for."] = 0
    first_token: Annotated[Time, "The model gave its first token."] = 0
    text_complete: Annotated[Time, "The line was written."] = 0
    first_audio: Annotated[Time, "Its first sound was there."] = 0
    voiced: Annotated[Time, "All of its sound was there."] = 0
    given: Annotated[Time, "Its first sound was handed to the far end."] = 0
    sent: Annotated[Time, "Its first sound left for the far end, of a call in a packet; 0: nobody tells."] = 0
    on_air: Annotated[Time, "Its first word was heard."] = 0
    ended: Annotated[Time, "It fell silent."] = 0
    gap_ms: Annotated[int, "The chosen silence before it."] = 0
    waited_ms: Annotated[float, "What an engine added to that, and to the pauses between its parts."] = 0.0
    queued_ms: Annotated[
        float, "How long its words and its first sound waited for other work of our own engines (docs/precedence.md)."
    ] = 0.0
    prompt_tokens: Annotated[int, "Tokens that the model was told for it; 0: the engine does not say."] = 0
    kept_tokens: Annotated[int, "How many of them it had read before, ahead or for an earlier turn."] = 0
    refused: Annotated[int, "Lines that moderation sent back."] = 0
    interrupted: Annotated[bool, "It was cut off."] = False
    failure: Annotated[str, "What failed at it, each with its stage."] = ""
    state: Annotated[str, "`ended`, `withdrawn` or `failed`; another one: the record was closed before its end."] = (
        "writing"
    )
    handovers: Annotated[tuple[str, ...], "Which engine of a chain failed at it, why, and who took over."] = ()
    to: Annotated[str, "The character whom a person spoke to."] = ""
    question: Annotated[str, "The turn that it answers; empty: it began by itself."] = ""
    spoken_to: Annotated[Time, "The person's speech ended, or the line was back from a hold behind it."] = 0
    decided: Annotated[Time, "Their turn was taken to be over."] = 0
    understood: Annotated[Time, "Its words were final."] = 0
    first_sentence: Annotated[Time, "The first speakable sentence was written."] = 0
    why: Annotated[str, "By what rule the silence after the speech was chosen."] = ""
    wait_ms: Annotated[float, "How long that was to be."] = 0.0
    adopted: Annotated[bool, "It was thought before the turn had ended."] = False
    saved_ms: Annotated[float, "What that saved."] = 0.0
    apologised: Annotated[Time, "It was decided to say honestly that an engine failed."] = 0
    filled: Annotated[Time, "The first filler sounded."] = 0
    fillers: Annotated[int, "How many did."] = 0
    false_alarms: Annotated[int, "Sounds that did not take the floor from it."] = 0
    echoes: Annotated[int, "Sounds that were our own."] = 0
    taken: Annotated[Time, "The voice came up that took the floor from it."] = 0
    stalls: Annotated[tuple[str, ...], "Each stage that missed a deadline."] = ()
    pauses: Annotated[int, "Of a person's turn: pauses in it after which they went on."] = 0
    language: Annotated[str, "Of a person's turn: what they spoke (ISO 639-1), where that is not the character's."] = ""
    misses: Annotated[int, "Of a person's turn: replies that were thought ahead, and withdrawn."] = 0
    wasted_ms: Annotated[float, "What was thought in vain."] = 0.0
    parts: Annotated[
        tuple[float, ...],
        "Where each further part of it began, in ms after its first word: a slow voice's are heard so.",
    ] = ()
    estimated: Annotated[bool, "The far end did not acknowledge what it had played: `heard` is reckoned."] = False
    engine: Annotated[str, "Which engine voiced it."] = ""
    sound_ms: Annotated[float, "How long its sound is, as it was voiced."] = 0.0
    operator: Annotated[bool, "Of a call: an operator had taken it over, and said or wrote this."] = False
    cached: Annotated[int, "How many of its sentences, or parts, the speech cache had."] = 0


@dataclass(frozen=True, slots=True)
class EventRecord:
    """Something that the table of turn-taking was given (docs/dialogue-core.md)."""

    name: Annotated[str, "Which event."]
    told: Annotated[Mapping[str, object], "Its fields; those called `at` and `since` are times."] = field(
        default_factory=dict[str, object]
    )


@dataclass(frozen=True, slots=True)
class EffectRecord:
    """Something that the table of turn-taking decided (docs/dialogue-core.md)."""

    name: Annotated[str, "Which effect."]
    told: Annotated[Mapping[str, object], "Its fields; those called `at` and `since` are times."] = field(
        default_factory=dict[str, object]
    )


@dataclass(frozen=True, slots=True)
class ActRecord:
    """Something that the caller of a simulation did (docs/simulation.md)."""

    verb: Annotated[str, "The step of the script."]
    step: Annotated[str, "As the scenario has it."]
    text: Annotated[str, "The words."] = ""
    begin: Annotated[Time, "When they began to sound."] = 0
    end: Annotated[Time, "When the last one ended."] = 0
    missed: Annotated[bool, "What the step waits for never came."] = False


@dataclass(frozen=True, slots=True)
class ClipRecord:
    """A guest's clip of speech is over."""

    clip: Annotated[str, "Its id, a UUID of version 7."]
    character: Annotated[str, "Whose mouth said it."]
    text: Annotated[str, "The words."]
    state: Annotated[str, "`ended` or `skipped`."]
    received: Annotated[Time, "When it came."]
    decoded: Annotated[Time, "When it had a place in the queue."]
    queued: Annotated[Time, "When it was handed to the stage."] = 0
    on_air: Annotated[Time, "When its first sound was heard."] = 0
    ended: Annotated[Time, "When it fell silent, or left the queue."] = 0
    played_ms: Annotated[float, "How much of it was heard."] = 0.0
    lips: Annotated[str, "What the mouth was moved by: `phonemes`, `words` or `sound`."] = ""
    note: Annotated[str, "What did not go as well as it might."] = ""


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """A child process of the house came into another state."""

    worker: Annotated[str, "Which: `stage` (of one show of several `stage-NAME`), or an engine by its name."]
    state: Annotated[
        str,
        "`idle`, `starting`, `up`, `restarting` (it died, and is started again), `failed` (too often in a row) or"
        " `closed`.",
    ]
    cause: Annotated[str, "Why it died, until that is forgiven."] = ""
    restarts: Annotated[int, "How often another took its place, so far."] = 0


@dataclass(frozen=True, slots=True)
class PartRecord:
    """A part of the house (its `of`) came into another state."""

    part: Annotated[str, "What people call it."]
    state: Annotated[
        str,
        "`starting`, `up`, `restarting` (it failed, and is started again), `failed` (no restart mends it) or `over`.",
    ]
    cause: Annotated[str, "Why it failed, until it is up again."] = ""
    restarts: Annotated[int, "How often it was started again, so far."] = 0


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """An engine was asked for something, and that is over: what it took, and what it cost (docs/money.md)."""

    service: Annotated[str, "`llm` (it thinks), `tts` (it speaks) or `stt` (it hears)."]
    engine: Annotated[str, "Which."]
    model: Annotated[str, "Its model, as the settings or the persona name it."] = ""
    server: Annotated[str, "The host that was asked; empty: it was done on this machine."] = ""
    person: Annotated[str, "For whom: their id in the store; empty: for nobody who is known."] = ""
    outcome: Annotated[str, "`done`, `cut` (nobody wanted the rest) or `failed`."] = "done"
    took_ms: Annotated[float, "How long."] = 0.0
    prompt_tokens: Annotated[int, "Tokens that it was told."] = 0
    cached_tokens: Annotated[int, "How many of them it had kept, or read before."] = 0
    completion_tokens: Annotated[int, "Tokens that it wrote."] = 0
    characters: Annotated[int, "That it was given to voice."] = 0
    sound_ms: Annotated[float, "Sound that it heard, or made."] = 0.0
    estimated: Annotated[bool, "The engine does not count its tokens: they are reckoned, from words and marks."] = False
    cost_nanos: Annotated[int, "By the prices of the settings then, in billionths of `currency`."] = 0
    currency: Annotated[str, "Of the cost (ISO 4217); empty: it has no price, and what it costs is not known."] = ""
    span: Annotated[str, "The span that asked, as a header `traceparent` has it; empty: no traces are exported."] = ""


@dataclass(frozen=True, slots=True)
class HandoverRecord:
    """An engine of a chain failed or had reached a cap, and the next one took over (docs/chains.md)."""

    engine: Annotated[str, "Which failed, or was not asked."]
    successor: Annotated[str, "Who took over; empty: nobody."]
    moment: Annotated[str, "`start`, `beginning` or `middle` of its work; `cap`: it was not asked (docs/money.md)."]
    cause: Annotated[str, "Why."]
    at: Annotated[Time, "When."]

    @property
    def words(self) -> str:
        """What happened, for people."""
        return f"{self.engine} {'was not asked' if self.moment == 'cap' else 'failed'}: {self.cause}"


@dataclass(frozen=True, slots=True)
class AdmissionRecord:
    """Somebody asked for a place among those whom the engines carry at once, or gave it back."""

    what: Annotated[str, "Of which kind: `listener`, `voice`, `thought`."]
    outcome: Annotated[str, "`taken`, `given_back`, `waited` or `refused`."]
    busy: Annotated[int, "Places of this kind that are taken now."]
    places: Annotated[int, "How many there are; -1: no limit is known."] = -1


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call on the phone line is over. Its turns are of the same part, `line:ID`."""

    call: Annotated[str, "Its id, a UUID of version 7."]
    caller: Annotated[str, "Who called: a user or a number."]
    called: Annotated[str, "What was called."]
    carrier: Annotated[str, "What brought it: `sip`, `twilio`, `audiosocket`."]
    outgoing: Annotated[bool, "We called."]
    character: Annotated[str, "Who spoke with them; empty: it was refused."]
    offered: Annotated[Time, "When it came."]
    ended: Annotated[Time, "When it was over."]
    reason: Annotated[str, "Why it is over, in words."]
    answered: Annotated[Time, "When it was answered; 0: it never was."] = 0
    status: Annotated[int, "What it was refused with (SIP); 0: it was not."] = 0
    failed: Annotated[bool, "It ended by a fault."] = False
    account: Annotated[str, "The account of ours that was called, or called."] = ""
    codec: Annotated[str, "As SDP names it."] = ""
    transferred: Annotated[str, "To whom it was handed over."] = ""
    digits: Annotated[int, "Keys that the caller pressed."] = 0
    loss_percent: Annotated[float, "The most packets of a hundred that were missing, of those measured."] = 0.0
    jitter_ms: Annotated[float, "The largest jitter that was measured."] = 0.0
    round_trip_ms: Annotated[float, "The newest round trip; 0: none was measured."] = 0.0
    recording: Annotated[str, "The file, which is not there if it could not be made; empty: none was to be."] = ""

    @property
    def ends(self) -> str:
        """Who called whom, for people. Who withholds their number, and whom an Asterisk brings, has no name."""
        if self.outgoing:
            return f"{self.called} called"
        return f"{self.caller or 'somebody'} → {self.called or 'the line'}"


@dataclass(frozen=True, slots=True)
class TakeoverRecord:
    """An operator had a call, in the character's place. Their own words are turns of `operator`, what they wrote is
    said in turns of the character's; both are marked.
    """

    operator: Annotated[str, "Who: the name of their token, or what they call themselves."]
    began: Annotated[Time, "They asked for it."]
    ended: Annotated[Time, "The character had it again."]
    why: Annotated[str, "Why they had it no longer, in words."]
    spoke: Annotated[bool, "The character had given way, and they could be heard."]


@dataclass(frozen=True, slots=True)
class MachineRecord:
    """What the machine and our processes did in one second."""

    steal_percent: Annotated[float, "CPU time that the hypervisor gave to others, of all."]
    available_mb: Annotated[float, "Memory that can be had without swapping."]
    cpu_percent: Annotated[
        Mapping[str, float], "CPU of each process of ours, of one core; a worker's with that of its own children."
    ]
    rss_mb: Annotated[Mapping[str, float], "Resident memory of each."]
    loop_lag_ms: Annotated[float, "How late the main loop woke, at most, in that second."] = 0.0
    cores: Annotated[int, "How many there are; 0: that is not known."] = 0
    busy_percent: Annotated[float, "CPU time that anybody here used, of all."] = 0.0
    cpu_wait_ms: Annotated[
        Mapping[str, float], "How long threads of each process of ours were ready and no core ran them, in all."
    ] = field(default_factory=dict[str, float])
    disk_wait_ms: Annotated[float, "How long some program here waited for a disk."] = 0.0
    loop_wait_ms: Annotated[float, "How long the thread of the main loop was ready and no core ran it."] = 0.0

    @property
    def others_percent(self) -> float:
        """CPU time that programs used which are none of ours, of all; 0 too where what all used is not known."""
        return max(0.0, self.busy_percent - sum(self.cpu_percent.values()) / (self.cores or 1))


@dataclass(frozen=True, slots=True)
class PauseRecord:
    """Something of ours stood still longer than it should, whatever it was at."""

    process: Annotated[str, "Which: `main`, or a worker by its name."]
    what: Annotated[
        str,
        "`garbage` (the interpreter collected it), `disk` (a write of the flight recorder was not taken), or `stopped`"
        " (a signal stopped the process; of one that lasts each second is told).",
    ]
    took_ms: Annotated[float, "How long."]
    at: Annotated[Time, "When it was over."]


@dataclass(frozen=True, slots=True)
class PacketsRecord:
    """What the phone line sent in one second, all calls together."""

    sent: Annotated[int, "Packets."]
    late_p99_ms: Annotated[float, "How late 99 of a hundred left at the most."]
    late_most_ms: Annotated[float, "How late the latest left."]
    unsent: Annotated[int, "Packets that the system did not take."] = 0
    unheard: Annotated[int, "Packets of callers' sound that the main process did not take within two seconds."] = 0


@dataclass(frozen=True, slots=True)
class QualityRecord:
    """The way to the other end of a call and back, every few seconds."""

    loss_percent: Annotated[float, "Of the packets that should have come since the last time, so many are missing."]
    jitter_ms: Annotated[float, "As RFC 3550 has it."]
    round_trip_ms: Annotated[float, "By RTCP; 0: not measured."] = 0.0
    loss_there_percent: Annotated[float, "Of what we sent lately, as the other end says."] = 0.0


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """A request over HTTP that belongs to somebody's trace was answered."""

    at: Annotated[Time, "When it was."]
    method: Annotated[str, "Of the request."]
    route: Annotated[str, "Its address, as the schema has it; empty: there is no such."]
    status: Annotated[int, "Of the answer; 0: there was none."]
    took_ms: Annotated[float, "How long it took."]
    span: Annotated[str, "Its own span (W3C Trace Context)."]
    parent: Annotated[str, "The asker's span, as the header `traceparent` had it."]
    tracestate: Annotated[str, "What came with it in the header of that name."] = ""
    path: Annotated[str, "What was asked for, without what stands behind a question mark."] = ""
    scheme: Annotated[str, "`http` or `https`."] = "http"


@dataclass(frozen=True, slots=True)
class RecordingRecord:
    """From here on the sound of a talk or a call is kept: the person left, the character right."""

    at: Annotated[Time, "When the first sample of the file was heard."]
    file: Annotated[str, "Where it is."]
    policy: Annotated[Mapping[str, object], "How turns were taken, where that was not as usual."] = field(
        default_factory=dict[str, object]
    )


@dataclass(frozen=True, slots=True)
class OverRecord:
    """The show, the talk or the call is over: nothing more comes of it. A run without it was cut off."""


Record: TypeAlias = (
    HeaderRecord
    | DroppedRecord
    | ShowRecord
    | ConversationRecord
    | FrameRecord
    | StepRecord
    | SkipRecord
    | BakeRecord
    | TurnRecord
    | EndingRecord
    | EventRecord
    | EffectRecord
    | ActRecord
    | ClipRecord
    | WorkerRecord
    | PartRecord
    | UsageRecord
    | HandoverRecord
    | AdmissionRecord
    | CallRecord
    | TakeoverRecord
    | MachineRecord
    | PauseRecord
    | PacketsRecord
    | QualityRecord
    | RequestRecord
    | RecordingRecord
    | OverRecord
)

KINDS: Mapping[str, type[Record]] = {
    "header": HeaderRecord,
    "dropped": DroppedRecord,
    "show": ShowRecord,
    "conversation": ConversationRecord,
    "frame": FrameRecord,
    "step": StepRecord,
    "skip": SkipRecord,
    "bake": BakeRecord,
    "turn": TurnRecord,
    "ending": EndingRecord,
    "event": EventRecord,
    "effect": EffectRecord,
    "act": ActRecord,
    "clip": ClipRecord,
    "worker": WorkerRecord,
    "part": PartRecord,
    "usage": UsageRecord,
    "handover": HandoverRecord,
    "admission": AdmissionRecord,
    "call": CallRecord,
    "takeover": TakeoverRecord,
    "machine": MachineRecord,
    "pause": PauseRecord,
    "packets": PacketsRecord,
    "quality": QualityRecord,
    "request": RequestRecord,
    "recording": RecordingRecord,
    "over": OverRecord,
}
"""What a line calls its ``kind``."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record in the stream: ``at`` is when it happened (monotonic ns), ``of`` the part of the house that it is of:
    ``show:NAME``, ``talk:ID``, ``house``. ``id`` is nobody else's for ever; a writer gives it.
    """

    at: int
    of: str
    record: Record
    id: str = ""
