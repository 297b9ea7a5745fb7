"""The words of turn-taking: what may happen (events), what may be done about it (effects), and where one stands
(states).

Small frozen values. Times are monotonic nanoseconds, positions are samples at the utterance's rate. A *stretch* is one
piece of the person's speech as one engine call hears it (numbered from 1); a *reply* is one answer of ours, an *index*
the number of a sentence in it (from 0). What the far end played is told in the words of
:mod:`duologue.dialogue.ports`, which the director of the show uses as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeAlias

from duologue.dialogue.ports import PlayEnded, PlayProgress, PlayStarted, Voice
from duologue.dialogue.replies.text import ReplyCap
from duologue.dialogue.turns.policy import Policy
from duologue.language.languages import Language
from duologue.language.persona import Persona
from duologue.language.structured import ReplyChunk, ReplyForm
from duologue.language.tools import Toolbox, ToolCall, ToolOutcome
from duologue.speech.utterance import Utterance
from duologue.telemetry.ledger import EndingOutcome


class State(StrEnum):
    """Where the conversation stands; what each one means is said in :mod:`duologue.dialogue.turns.turns`."""

    QUIET = "quiet"
    HEARING = "hearing"
    PAUSING = "pausing"
    SETTLING = "settling"
    CLEARING = "clearing"
    THINKING = "thinking"
    SPEAKING = "speaking"
    DOUBTING = "doubting"
    PAUSED = "paused"
    JUDGING = "judging"
    HELD = "held"
    CLOSED = "closed"


class Stage(StrEnum):
    """Who may be late or fail: those whose turn it is, and those beside it (voice activity, and our own loop)."""

    NOTICING = "noticing"
    HEARING = "hearing"
    THINKING = "thinking"
    VOICING = "voicing"
    PLAYING = "playing"
    LOOP = "loop"


# Events


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The person's voice began at ``at`` (the onset itself, a little before it could be known)."""

    at: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The person's voice ended at ``at`` (the offset itself), by voice activity; by its level ``level_ms`` later
    (earlier: negative; 0: that is not clear), which is for the record alone.
    """

    at: int
    level_ms: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Understood:
    """A transcript of ``stretch``, partial or ``final``. ``echo``: words of ours were found in it and taken out. Words
    that are not ``sure`` (a cough may sound like some) do not ask for the floor while somebody else has it.
    ``language`` (ISO 639-1) is what was spoken, where that is not what was expected. ``queued_ms``: how long a final
    one waited for other work of our engines. ``alternatives`` are texts that the ears hold nearly as likely.
    """

    stretch: int
    text: str
    final: bool = False
    echo: bool = False
    sure: bool = True
    language: str = ""
    queued_ms: float = 0.0
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Typed:
    """The person wrote ``text`` instead of saying it. Empty: the character is invited to begin."""

    text: str


@dataclass(frozen=True, slots=True)
class ReplyBegun:
    """The first token of ``reply`` is there. ``prompt`` is how many tokens the engine was told, ``kept`` how many of
    them it had read before, where that is known.
    """

    reply: str
    prompt: int = 0
    kept: int = 0


@dataclass(frozen=True, slots=True)
class SentenceReady:
    """The next speakable sentence of ``reply`` is written."""

    reply: str
    text: str


@dataclass(frozen=True, slots=True)
class ChunkWritten:
    """A structured chunk of ``reply`` is whole: its text, and the notes that are shown with it and never spoken."""

    reply: str
    chunk: ReplyChunk


@dataclass(frozen=True, slots=True)
class ToolRan:
    """A tool was called for ``reply``, with what came of it. Never while the reply is a speculation."""

    reply: str
    outcome: ToolOutcome


@dataclass(frozen=True, slots=True)
class ReplyFinished:
    """``reply`` is written to its end, or as far as it may be long (``cut``).

    ``form`` is None where no structured reply was asked for; ``problem`` says what was wrong with one.
    """

    reply: str
    form: ReplyForm | None = None
    problem: str = ""
    cut: ReplyCap = ReplyCap.NONE


@dataclass(frozen=True, slots=True)
class AudioReady:
    """Sentence ``index`` of ``reply`` is voiced, or its beginning is (an open utterance). ``queued_ms``: how long its
    words and its sound so far waited for other work of our engines.
    """

    reply: str
    index: int
    utterance: Utterance
    queued_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class AudioGrew:
    """Sentence ``index`` of ``reply``, voiced so far as an open utterance, has grown, or is whole."""

    reply: str
    index: int
    utterance: Utterance


@dataclass(frozen=True, slots=True)
class EngineFailed:
    """An engine gave up on a stretch (``HEARING``), a reply (``THINKING``) or a sentence of it (``VOICING``). Without
    a stretch and a reply it is told of, and changes nothing.
    """

    stage: Stage
    what: str
    stretch: int = 0
    reply: str = ""
    index: int = -1


@dataclass(frozen=True, slots=True)
class HandedOver:
    """An engine of a chain failed at a stretch (``HEARING``) or a reply, and another took over: for the ledger only."""

    stage: Stage
    what: str
    stretch: int = 0
    reply: str = ""


@dataclass(frozen=True, slots=True)
class Timeout:
    """The deadline has come."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """The person, or the line to them, is gone."""


# Events of control: what the owner of the conversation, or the line, wants


class When(StrEnum):
    """When the owner's words are said."""

    NOW = "now"
    SENTENCE = "sentence"
    """After the sentence of ours that is on the floor, else after our next reply; at once where nobody speaks."""


@dataclass(frozen=True, slots=True)
class Say:
    """The character says ``sentences``, word for word. Now: instead of what it was saying."""

    sentences: tuple[str, ...]
    when: When = When.NOW


@dataclass(frozen=True, slots=True)
class Interrupt:
    """The character stops. What it was asked counts as answered, as far as that was heard."""


@dataclass(frozen=True, slots=True)
class TurnCommitted:
    """The person's turn is over, whatever the silence: a button was let go, a far end decided."""


@dataclass(frozen=True, slots=True)
class TurnCancelled:
    """What the person has said since they were last answered is forgotten."""


@dataclass(frozen=True, slots=True)
class TurnAnswered:
    """Somebody else (``by``) has answered what the person said and nobody has answered, with ``text`` (empty: with
    nothing that is known). Both enter the context. Who is in the middle of a turn is answered later.
    """

    by: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class DigitPressed:
    """A key of the telephone: ``0`` to ``9``, ``*``, ``#``, ``A`` to ``D``."""

    digit: str


@dataclass(frozen=True, slots=True)
class Leave:
    """The conversation ends as :attr:`When.SENTENCE` says, after what the owner wanted said; handed over ``to``
    somebody, or hung up (empty).
    """

    to: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """From here on; None: as it was. What is being said is said to its end in the old voice."""

    persona: Persona | None = None
    voice: Voice | None = None
    toolbox: Toolbox | None = None
    schema: Mapping[str, object] | None = None
    language: Language | None = None
    policy: Policy | None = None


@dataclass(frozen=True, slots=True)
class PutOnHold:
    """Nobody is at the far end for a while: nothing that is played is heard, and what comes is not the person."""


@dataclass(frozen=True, slots=True)
class TakenOffHold:
    """The person is back."""


@dataclass(frozen=True, slots=True)
class SinkAttached:
    """There is another sink. What was given to the one before and not heard is played on it."""


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """A tool that the far end runs was called for ``reply``; ``call.id`` is unique for ever."""

    reply: str
    call: ToolCall


@dataclass(frozen=True, slots=True)
class ToolAnswered:
    """What the far end says came of call ``id``: ``result``, or why there is none."""

    id: str
    result: object = None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class ToolGivenUp:
    """Nobody waits for call ``id`` any more: it took too long, or its reply was withdrawn."""

    id: str


Event: TypeAlias = (
    SpeechStarted | SpeechStopped | Understood | Typed | ReplyBegun | SentenceReady | ChunkWritten | ToolRan
    | ReplyFinished | AudioReady | AudioGrew | EngineFailed | HandedOver | PlayStarted | PlayProgress | PlayEnded
    | Timeout | HangUp | Say | Interrupt | TurnCommitted | TurnCancelled | TurnAnswered | DigitPressed | Leave | Change
    | PutOnHold | TakenOffHold | SinkAttached | ToolCalled | ToolAnswered | ToolGivenUp
)  # fmt: skip

# Effects


@dataclass(frozen=True, slots=True)
class TurnOpened:
    """The person's turn ``number`` (from 1) began at ``at`` (ns). It may come to nothing."""

    number: int
    at: int


@dataclass(frozen=True, slots=True)
class TurnClosed:
    """That was all of turn ``number``, and what came of it. The :class:`Commit` of an answered one follows."""

    number: int
    outcome: EndingOutcome


@dataclass(frozen=True, slots=True)
class TurnKept:
    """Turn ``number`` is over and is not answered yet: ``person`` is what they have said since they were last answered.
    It stays open, for what they say next, or until the owner wants an answer.
    """

    number: int
    person: str


@dataclass(frozen=True, slots=True)
class BeginStretch:
    """Listen for words from ``since`` on, and a little before it, so that no onset is cut."""

    stretch: int
    since: int


@dataclass(frozen=True, slots=True)
class EndStretch:
    """Nothing more belongs to ``stretch``: ask for its final transcript."""

    stretch: int


@dataclass(frozen=True, slots=True)
class DropStretch:
    """Forget ``stretch`` and what was understood of it."""

    stretch: int


@dataclass(frozen=True, slots=True)
class StopHearing:
    """Give up on the final transcript of ``stretch``; what was understood of it so far stands."""

    stretch: int


@dataclass(frozen=True, slots=True)
class Think:
    """Write ``reply`` to what the ``person`` said (empty: begin by yourself). ``speculative``: it may yet be withdrawn,
    so nothing but its text and first sound may come of it.
    """

    reply: str
    person: str
    speculative: bool


@dataclass(frozen=True, slots=True)
class Adopt:
    """The speculative ``reply`` was right and counts now, as one to what the ``person`` said."""

    reply: str
    person: str


@dataclass(frozen=True, slots=True)
class Abandon:
    """Stop writing and voicing ``reply``."""

    reply: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Nobody heard a word of ``reply``: it was never given. The turn that it was to answer, number ``question``, is
    open again (0: there is none).
    """

    reply: str
    question: int


@dataclass(frozen=True, slots=True)
class VoiceSentence:
    """Voice sentence ``index`` of ``reply``."""

    reply: str
    index: int
    text: str


@dataclass(frozen=True, slots=True)
class Annotate:
    """Show what goes with a chunk of ``reply``: never of a speculation, which may not come to anything."""

    reply: str
    chunk: ReplyChunk


@dataclass(frozen=True, slots=True)
class Play:
    """Hand ``utterance`` to the floor, to be played ``gap_ms`` after the end of the one before."""

    utterance: Utterance
    gap_ms: int


@dataclass(frozen=True, slots=True)
class Extend:
    """``utterance``, which the floor was given open, has grown or is whole."""

    utterance: Utterance


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take back an utterance that has not begun; its end is reported with nothing played."""

    utterance_id: str


@dataclass(frozen=True, slots=True)
class Attach:
    """From here on orders go to the sink that is there now; the one before gets no more."""


@dataclass(frozen=True, slots=True)
class GiveDigit:
    """To whoever registered for digits."""

    digit: str


@dataclass(frozen=True, slots=True)
class HandOver:
    """The line goes on with somebody else; the conversation is over."""

    to: str


@dataclass(frozen=True, slots=True)
class Apply:
    """What the next thought, the next sentence and the next stretch are made with."""

    change: Change


@dataclass(frozen=True, slots=True)
class CallTool:
    """The far end is to run this, and to answer with the call's id."""

    reply: str
    call: ToolCall


@dataclass(frozen=True, slots=True)
class GiveResult:
    """What came of call ``id`` goes to the thought that waits for it."""

    id: str
    result: object
    failure: str


@dataclass(frozen=True, slots=True)
class Sounds:
    """A sentence of ``reply`` sounds from ``at`` on (ns)."""

    reply: str
    utterance: Utterance
    at: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Hold the floor where it is."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Let it go on from there."""


@dataclass(frozen=True, slots=True)
class Clear:
    """Silence at once, forget what is queued, report what was played. Also ends a pause."""


@dataclass(frozen=True, slots=True)
class Commit:
    """An exchange is over: this and nothing else enters the context.

    ``person`` is what they said (empty: nothing), ``heard`` what they heard of the reply. ``by``: who gave it, where
    that was somebody else than the character, and there is no ``reply``.
    """

    person: str
    heard: str
    reply: str
    interrupted: bool
    by: str = ""


@dataclass(frozen=True, slots=True)
class Filler:
    """Mutter something, as ``utterance_id``; or say that the ears need a ``moment``. Without a filler, report its end
    with nothing played.
    """

    utterance_id: str
    moment: bool = False


@dataclass(frozen=True, slots=True)
class Apologise:
    """Say honestly that ``stage`` failed, as sentence ``index`` of ``reply``; where it only ``missed`` the words, it
    works and found none in what was said.
    """

    reply: str
    index: int
    stage: Stage
    missed: bool = False


@dataclass(frozen=True, slots=True)
class Ears:
    """Half-duplex, or a line on hold: from now on sound is (``open``) or is not listened to; where our own ``echoes``,
    a moment later.
    """

    open: bool
    echoes: bool = True


class Note(StrEnum):
    """What is worth a line in the ledger."""

    TURN_ENDED = "turn_ended"
    """``why`` says by what the wait was chosen, ``ms`` is the silence from the last sound to the decision."""
    RESUMED = "resumed"
    """The person went on after a pause of ``ms``."""
    SPECULATION_HIT = "speculation_hit"
    """``ms`` were saved: from the start of thinking to the final transcript."""
    SPECULATION_MISS = "speculation_miss"
    """``ms`` were thought in vain."""
    INTERRUPTED = "interrupted"
    """The person took the floor; ``ms`` after their onset."""
    STOPPED = "stopped"
    """The owner stopped the reply."""
    FALSE_ALARM = "false_alarm"
    """A cough, a backchannel or an echo; the reply goes on, ``ms`` after the onset."""
    ECHO = "echo"
    FAILED = "failed"
    STALLED = "stalled"
    """A stage gave no sign for ``ms``."""
    SILENCE = "silence"
    """Nobody said anything for ``ms``."""
    OVERLONG = "overlong"
    """A turn, or a reply, met its limit."""


@dataclass(frozen=True, slots=True)
class Report:
    """For the ledger, with what it is about. ``wait_ms`` is the silence that was to be waited for."""

    note: Note
    why: str = ""
    ms: float = 0.0
    stage: Stage | None = None
    wait_ms: float = 0.0


Effect: TypeAlias = (
    TurnOpened | TurnClosed | TurnKept | BeginStretch | EndStretch | DropStretch | StopHearing | Think | Adopt
    | Abandon | Withdrawn | VoiceSentence | Annotate | Play | Extend | Sounds | Pause | Resume | Clear | Commit | Filler
    | Apologise | Ears | Withdraw | Attach | GiveDigit | HandOver | Apply | CallTool | GiveResult | Report
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wait:
    """How long after the last sound a turn is over (ms), and why so long."""

    ms: int
    why: str


class Patience(Protocol):
    """Decides how long to wait; it may learn, but it does no I/O."""

    def wait(self, text: str, alternatives: Sequence[str] = ()) -> Wait:
        """The wait after ``text``, as understood so far, which may also have been one of the ``alternatives``. Equal
        calls without learning between them are equal.
        """
        ...

    def resumed(self, pause_ms: float, *, ended: bool = False) -> None:
        """The person went on after this pause; ``ended``: although the turn had been taken to be over."""
        ...

    def ended(self) -> None:
        """The turn was taken to be over, by the newest wait."""
        ...
