"""What turn-taking remembers between two events: the registers beside the state, and their bookkeeping. Pure.

A :class:`FloorState` knows nothing of transitions; :mod:`duologue.dialogue.turns` does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from duologue.clock import MILLISECOND
from duologue.dialogue.heard import heard_text
from duologue.dialogue.nonsense import readable
from duologue.dialogue.ports import PlayEnded, PlayProgress, PlayStarted
from duologue.dialogue.turns_vocabulary import (
    Abandon,
    Annotate,
    AudioGrew,
    AudioReady,
    BeginStretch,
    ChunkWritten,
    Commit,
    DropStretch,
    Ears,
    Effect,
    EngineFailed,
    Event,
    Extend,
    Note,
    Play,
    ReplyBegun,
    ReplyFinished,
    Report,
    SentenceReady,
    SpeechStarted,
    SpeechStopped,
    Stage,
    StopHearing,
    Think,
    Typed,
    Understood,
    VoiceSentence,
    Wait,
)
from duologue.language.languages import ENGLISH
from duologue.language.structured import ReplyChunk
from duologue.speech.utterance import Utterance

_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")
NEARLY_OVER_SECONDS = 0.5
"""With so little of a reply left, an answer to it is no interruption."""
ECHOING_REPLIES = 2
"""So many replies that did not come back end the care that is taken of echo."""
BACKCHANNELS = ENGLISH.turns.backchannels
"""Words that show that somebody listens, and do not ask for the floor."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How turns are taken. Times in milliseconds.

    ``half_duplex``: while a reply is on the floor nothing is listened to; the ears open ``tail_ms`` after it.
    ``doubt_ms``: from the onset of a voice over ours to the pause, ``echo_doubt_ms`` while the room echoes: an echo of
    ours was heard over the newest reply or the one before. ``word_ms``: a shorter voice is no word.
    ``barge_ms``: a voice that lasts so long takes the floor even without words.
    ``offset_ms``: how long after the end of speech that end is known
    (Silero: 130 to 160 ms in the median, 240 in noise, for 90 of 100). ``hangover_ms``:
    shortest silence that ends a stretch. ``final_ahead_ms``: how long before a turn is due to end its final transcript
    is asked for, ``final_by_ms`` of silence at the latest. ``stable_ms``: words that have stood so long in a pause are
    thought about. ``final_ms``, ``judge_ms``:
    for a final transcript, while nobody waits and while a paused reply does. ``meant_ms``: a voice that lasts so long
    meant something, words or not; ``sorry`` times in a row we say that we did not
    catch it. ``clear_ms``: for the floor to say what it had played. ``playout_ms``: for any sign of
    the floor. ``filler_ms``, ``filler_every_ms``: silence of ours before a filler, and between two. ``reply_ms``: for a
    reply to sound, or to go on. ``stretch_ms``, ``turn_ms``: the longest stretch, and turn, of the person.
    ``retry_ms``: least time between two stretches when an engine ends one while the voice goes on. ``silence_ms``:
    nobody speaks; ``asks`` times in a row the character asks into it.
    ``jump_ms``: a deadline met so much too late is nobody's but our own, and everybody gets that time
    back and ``grace_ms`` on top. ``ahead``: sentences voiced ahead of the one that ends next. ``wait_least_ms`` and
    ``wait_most_ms`` bound the silence that ends a turn, whatever the patience says. ``sentences`` and
    ``person_chars`` bound a reply and a turn of the person. ``tries``: speculations in one turn.
    """

    half_duplex: bool = False
    tail_ms: int = 150
    speculate: bool = True
    tries: int = 3
    doubt_ms: int = 150
    echo_doubt_ms: int = 700
    word_ms: int = 120
    barge_ms: int = 500
    offset_ms: int = 200
    hangover_ms: int = 250
    final_ahead_ms: int = 200
    final_by_ms: int = 600
    stable_ms: int = 30
    final_ms: int = 2_000
    judge_ms: int = 800
    meant_ms: int = 800
    sorry: int = 2
    clear_ms: int = 300
    playout_ms: int = 3_000
    filler_ms: int = 1_500
    filler_every_ms: int = 4_000
    reply_ms: int = 12_000
    stretch_ms: int = 30_000
    turn_ms: int = 120_000
    retry_ms: int = 1_000
    silence_ms: int = 20_000
    asks: int = 0
    jump_ms: int = 500
    grace_ms: int = 500
    sentence_gap_ms: int = 120
    ahead: int = 3
    sentences: int = 40
    person_chars: int = 4_000
    wait_least_ms: int = 250
    wait_most_ms: int = 1_200
    backchannels: frozenset[str] = BACKCHANNELS


@dataclass(slots=True)
class Part:
    """What was understood of one stretch of the person's turn."""

    text: str = ""
    final: bool = False
    echo: bool = False
    sure: bool = True


@dataclass(slots=True)
class Piece:
    """Something of ours on the floor. A filler has no utterance here: it enters no context."""

    utterance: Utterance | None
    played: int = 0
    ended: bool = False


@dataclass(slots=True)
class Reply:
    """One answer of ours, bound to what the ``person`` said. ``since``: when it was asked for (ns)."""

    id: str
    person: str
    since: int
    speculative: bool = False
    begun: bool = False
    sentences: list[str] = field(default_factory=list[str])
    chunks: list[ReplyChunk] = field(default_factory=list[ReplyChunk])
    finished: bool = False
    apologised: bool = False
    broken_off: bool = False
    """Its newest sentence could not be voiced."""
    echoed: bool = False
    """It was heard to come back."""
    voicing: int = 0
    voiced: dict[int, Utterance | None] = field(default_factory=dict[int, Utterance | None])
    playing: int = 0
    pieces: dict[str, Piece] = field(default_factory=dict[str, Piece])

    @property
    def sounding(self) -> bool:
        """Anything of it is on the floor, a filler included."""
        return any(not piece.ended for piece in self.pieces.values())

    @property
    def speaking(self) -> bool:
        """A sentence of it is on the floor, or could be at once."""
        index = self.playing
        while index in self.voiced and self.voiced[index] is None:
            index += 1
        return index in self.voiced or any(piece.utterance and not piece.ended for piece in self.pieces.values())

    @property
    def over(self) -> bool:
        """Nothing more will come of it."""
        return self.finished and self.playing == len(self.sentences) and not self.sounding

    @property
    def nearly_over(self) -> bool:
        """All of it was said but for the last word or so."""
        if not self.finished or self.playing < len(self.sentences):
            return False
        if any(piece.utterance and piece.utterance.open and not piece.ended for piece in self.pieces.values()):
            return False
        left = (
            (len(piece.utterance.samples) - piece.played) / piece.utterance.rate
            for piece in self.pieces.values()
            if piece.utterance and not piece.ended
        )
        return sum(left) <= NEARLY_OVER_SECONDS

    @property
    def whole(self) -> bool:
        """Every sentence of it was played to its end."""
        pieces = self.pieces.values()
        return self.over and all(
            piece.utterance is None or piece.played >= len(piece.utterance.samples) for piece in pieces
        )

    @property
    def ended(self) -> int:
        """Sentences that are done with: played, or impossible to voice."""
        waiting = sum(1 for piece in self.pieces.values() if piece.utterance and not piece.ended)
        return self.playing - waiting

    def heard(self) -> str:
        """What the far end played of it, in whole words."""
        played = (heard_text(piece.utterance, piece.played) for piece in self.pieces.values() if piece.utterance)
        return " ".join(filter(None, played))


@dataclass(slots=True)
class FloorState:
    """The registers. ``voice_on``, ``onset`` and ``offset`` are the person's voice; ``parts`` their turn so far, after
    ``carried``, words whose reply was withdrawn unheard; ``stretch`` the part that is still open (0: none). ``leaving``
    is an interrupted reply of which the floor has still to say how much was played. ``worded`` is when the words
    of the turn last changed, ``tried`` the words of the newest speculation; ``longest`` the longest voice of the turn
    (ns), the newest of which began at ``voiced``; ``uncaught`` voices in a row had no words, ``asked``
    times in a row we spoke into a silence. ``echoing``: over so many
    replies without an echo the room is still taken to echo. ``overlong``: the voice is still that of a turn
    that met its limit.
    """

    policy: Policy
    since: int = 0
    voice_on: bool = False
    onset: int = 0
    offset: int = 0
    voiced: int = 0
    longest: int = 0
    worded: int = 0
    uncaught: int = 0
    asked: int = 0
    stretch: int = 0
    stretches: int = 0
    stretch_began: int = 0
    stretch_ended: int = 0
    turn_began: int = 0
    parts: dict[int, Part] = field(default_factory=dict[int, Part])
    carried: str = ""
    hearing_failed: bool = False
    overlong: bool = False
    echoing: int = 0
    reply: Reply | None = None
    replies: int = 0
    fillers: int = 0
    tries: int = 0
    tried: str = ""
    held: bool = False
    ears_open: bool = True
    leaving: Reply | None = None
    leaving_until: int = 0
    thinking_since: int = 0
    filler_at: int = 0
    sign_at: int = 0
    grace_until: int = 0

    # What is the case

    @property
    def person(self) -> str:
        """The person's turn as understood so far."""
        texts = (self.carried, *(part.text for part in self.parts.values()))
        return " ".join(filter(None, texts))[: self.policy.person_chars]

    @property
    def settled(self) -> bool:
        """Every stretch of the turn has its final transcript."""
        return not self.stretch and all(part.final for part in self.parts.values())

    @property
    def floor_clear(self) -> bool:
        """Nothing of ours is on the floor, and all that was is accounted for."""
        return self.leaving is None and not (self.reply and self.reply.sounding)

    @property
    def asks_for_floor(self) -> bool:
        """There are sure words in the newest parts that are no backchannel; after all of a reply any word is an
        answer.
        """
        words = [word for part in self.parts.values() if part.sure for word in _WORD.findall(part.text.casefold())]
        ignored = frozenset[str]() if self.reply and self.reply.nearly_over else self.policy.backchannels
        return any(word not in ignored for word in words)

    @property
    def only_echo(self) -> bool:
        """All that was understood came from our own mouth."""
        return any(part.echo for part in self.parts.values()) and not any(part.text for part in self.parts.values())

    @property
    def reply_limit(self) -> int:
        """When the reply must sound, or go on (ns)."""
        return self.thinking_since + self.policy.reply_ms * MILLISECOND

    @property
    def agrees(self) -> bool:
        """A speculative reply was asked for by the same words."""
        reply = self.reply
        return reply is not None and reply.speculative and normalise(reply.person) == normalise(self.person)

    @property
    def speculates(self) -> bool:
        """The words so far are worth a speculation, and it has not been tried."""
        wanted = self.policy.speculate and bool(self.person) and self.leaving is None and self.reply is None
        return wanted and (self.settled or self.tries < self.policy.tries) and self.tried != normalise(self.person)

    def wait_ms(self, wait: Wait) -> int:
        """How long a silence must be to end the turn."""
        return max(wait.ms, self.policy.hangover_ms)

    def decision_at(self, wait: Wait) -> int:
        """When the silence ends the turn (ns)."""
        return max(self.offset + self.wait_ms(wait) * MILLISECOND, self.grace_until)

    def final_at(self, wait: Wait) -> int:
        """When the final transcript is asked for, so that it is there at the decision (ns). Not much later than a
        sentence waits, for it may find that one has ended.
        """
        policy = self.policy
        if not policy.final_ahead_ms:
            return self.decision_at(wait)
        asked = min(self.wait_ms(wait) - policy.final_ahead_ms, policy.final_by_ms)
        return max(self.offset + max(asked, policy.hangover_ms) * MILLISECOND, self.grace_until)

    def speculation_at(self, wait: Wait) -> int:
        """When the words so far have stood long enough to be thought about (ns). With no tries left only the final
        transcript is, shortly before the decision.
        """
        if self.tries >= self.policy.tries:
            return max(self.worded, self.decision_at(wait) - self.policy.final_ahead_ms * MILLISECOND)
        stood = max(self.worded, self.offset) + (0 if self.settled else self.policy.stable_ms * MILLISECOND)
        return max(stood, self.grace_until)

    # Steps that several transitions share

    def begin_stretch(self, at: int) -> list[Effect]:
        """Open the next part of the person's turn."""
        if not self.parts:
            self.turn_began, self.hearing_failed, self.tries, self.tried, self.longest = at, False, 0, "", 0
        self.stretches += 1
        self.stretch = self.stretches
        self.stretch_began = at
        self.parts[self.stretch] = Part()
        return [BeginStretch(self.stretch, at)]

    def drop_turn(self) -> list[Effect]:
        """Forget what the person said since the last exchange."""
        dropped: list[Effect] = list(map(DropStretch, self.parts))
        self.parts, self.stretch, self.carried = {}, 0, ""
        return dropped

    def think(self, now: int, *, speculative: bool = False) -> list[Effect]:
        """Ask for a reply to the turn as it stands."""
        self.reply = self._new_reply(now)
        self.reply.speculative = speculative
        if not speculative:
            self._bind(now)
        return [Think(self.reply.id, self.reply.person, speculative)]

    def adopt(self, now: int) -> list[Effect]:
        """The speculation counts, and so does what was written to go with it."""
        reply = self.reply
        if reply is None:
            return []
        reply.speculative, reply.person = False, self.person
        self._bind(now)
        return [Annotate(reply.id, chunk) for chunk in reply.chunks]

    def new_apology(self, now: int) -> Reply:
        """A reply that consists of an apology only, which the caller appends."""
        self.reply = self._new_reply(now)
        self._bind(now)
        return self.reply

    def abandon_speculation(self, now: int) -> list[Effect]:
        """Withdraw a reply that nobody knows of."""
        if not self.reply:
            return []
        reply, self.reply = self.reply, None
        spent = (now - reply.since) / MILLISECOND
        return [Abandon(reply.id), Report(Note.SPECULATION_MISS, reply.person, spent, Stage.THINKING)]

    def flow(self, now: int) -> list[Effect]:
        """Voice as far ahead as the policy says, and hand over what is voiced, in order."""
        reply = self.reply
        if reply is None:
            return []
        effects: list[Effect] = []
        limit = 1 if reply.speculative else reply.ended + self.policy.ahead
        while reply.voicing < min(len(reply.sentences), limit):
            effects.append(VoiceSentence(reply.id, reply.voicing, reply.sentences[reply.voicing]))
            reply.voicing += 1
        while not (reply.speculative or self.held) and reply.playing in reply.voiced:
            effects += self._hand_over(reply, reply.voiced.pop(reply.playing), now)
            reply.playing += 1
        return effects

    def settle(self, reply: Reply, *, interrupted: bool) -> list[Effect]:
        """``reply`` is over: what was heard of it enters the context. Unheard, its question is still open."""
        self.leaving = None
        heard = reply.heard()
        if heard and not reply.echoed:
            self.echoing = max(0, self.echoing - 1)
        if interrupted and not heard:
            self.carried = reply.person
            return []
        return [Commit(reply.person, heard, reply.id, interrupted and not reply.whole)]

    def give_up_leaving(self) -> list[Effect]:
        """The floor does not say how much it had played: what it had said before must do."""
        reply = self.leaving
        if reply is None:
            return []
        stalled = Report(Note.STALLED, "no end of what was cleared", self.policy.clear_ms, Stage.PLAYING)
        return [stalled, *self.settle(reply, interrupted=True)]

    def give_up_finals(self, now: int) -> list[Effect]:
        """The ears do not say what they understood in the end: what they had understood before must do."""
        late = [number for number, part in self.parts.items() if not part.final]
        for number in late:
            self.parts[number].final = True
        if not late:
            return []
        self.hearing_failed = True
        waited = (now - self.stretch_ended) / MILLISECOND
        return [Report(Note.STALLED, "no final transcript", waited, Stage.HEARING), *map(StopHearing, late)]

    def stand_still(self, nanoseconds: int, now: int) -> None:
        """So much time passed in which nobody could act: as if it had not. When the person's voice began and ended is
        not for us to move; what they did meanwhile has a moment to become known.
        """
        self.grace_until = now + self.policy.grace_ms * MILLISECOND
        for name in _MOMENTS:
            setattr(self, name, min(getattr(self, name) + nanoseconds, now))
        self.leaving_until += nanoseconds
        if self.filler_at:  # 0: no more fillers for this reply
            self.filler_at += nanoseconds

    def add_filler(self, reply: Reply) -> str:
        """The id of a filler that goes to the floor as a part of ``reply``."""
        self.fillers += 1
        utterance_id = f"f{self.fillers}"
        reply.pieces[utterance_id] = Piece(None)
        return utterance_id

    def open_ears(self) -> list[Effect]:
        """After a reply, under half-duplex."""
        if self.ears_open:
            return []
        self.ears_open = True
        return [Ears(True)]

    # Bookkeeping: every event that still concerns anybody changes the registers before the table is asked

    def note(self, event: Event, now: int) -> tuple[bool, list[Effect]]:
        """Whether ``event`` concerns us (a word about something withdrawn does not), and what it does in any state."""
        match event:
            case SpeechStarted() | SpeechStopped():
                return self._note_voice(event), []
            case Understood():
                return self._note_transcript(event, now), []
            case EngineFailed():
                return self._note_failure(event)
            case ReplyBegun() | SentenceReady() | ReplyFinished() | AudioReady():
                return self._note_reply(event)
            case ChunkWritten():
                return False, self._note_chunk(event)
            case AudioGrew():
                return False, self._note_growth(event)
            case PlayStarted() | PlayProgress() | PlayEnded():
                return self._note_playout(event, now)
            case Typed(text):
                return self._note_typed(text)
            case _:
                return True, []

    def _note_voice(self, event: SpeechStarted | SpeechStopped) -> bool:
        starts = isinstance(event, SpeechStarted)
        if not self.ears_open or starts == self.voice_on:
            return False
        self.voice_on = starts
        if not starts:
            self.overlong = False
            self.offset = event.at
            self.longest = max(self.longest, event.at - max(self.voiced, self.since))
            return True
        self.voiced = event.at
        if not self.stretch:
            self.onset = event.at
        return True

    def _note_transcript(self, event: Understood, now: int) -> bool:
        part = self.parts.get(event.stretch)
        if part is None or part.final:
            return False
        if event.echo and not part.echo:
            self.echoing = ECHOING_REPLIES
            if self.reply:
                self.reply.echoed = True
        before = normalise(part.text)
        part.text, part.echo = event.text[: self.policy.person_chars].strip(), part.echo or event.echo
        if normalise(part.text) != before:
            self.worded = now
        part.final, part.sure = event.final, event.sure
        if event.final and event.stretch == self.stretch:
            self.stretch = 0  # the engine ended it by itself
            self.stretch_ended = self.stretch_began
        return True

    def _note_typed(self, text: str) -> tuple[bool, list[Effect]]:
        most = self.policy.person_chars
        taken = readable(text, most).strip()
        if not taken and (self.reply or self.leaving or self.parts):
            return False, []  # nobody needs to be invited to speak who does, or will
        self.stretches += 1
        self.parts[self.stretches] = Part(taken, final=True)
        if len(text) <= most:
            return True, []
        return True, [Report(Note.OVERLONG, f"{len(text)} characters typed, the first {most} taken")]

    def _note_failure(self, event: EngineFailed) -> tuple[bool, list[Effect]]:
        report: list[Effect] = [Report(Note.FAILED, event.what, stage=event.stage)]
        if not (event.stretch or event.reply):
            return False, report
        if event.stage is Stage.HEARING:
            part = self.parts.get(event.stretch)
            if part is None or part.final:
                return False, []
            part.final, self.hearing_failed = True, True  # with what was understood until then
            if event.stretch == self.stretch:
                self.stretch = 0
            return True, report
        reply = self.reply
        if reply is None or reply.id != event.reply:
            return False, []
        if event.stage is Stage.THINKING:
            reply.finished = True
            if reply.speculative and not reply.sentences:
                self.reply = None  # nobody waited for it: think again when the turn is over
                return True, [*report, Abandon(reply.id)]
        elif reply.playing <= event.index < reply.voicing:
            reply.voiced[event.index] = None
        elif event.index == reply.playing - 1:
            reply.broken_off = True  # it was handed over while it was voiced
        return True, report

    def _note_chunk(self, event: ChunkWritten) -> list[Effect]:
        """No row of the table asks for it: what is shown decides nothing."""
        reply = self.reply
        if reply is None or reply.id != event.reply:
            return []
        reply.chunks.append(event.chunk)
        return [] if reply.speculative else [Annotate(reply.id, event.chunk)]

    def _note_growth(self, event: AudioGrew) -> list[Effect]:
        """No row of the table asks for it: that it sounds was known before."""
        reply, utterance = self.reply, event.utterance
        if reply is None or reply.id != event.reply:
            return []
        if reply.voiced.get(event.index) is not None:
            reply.voiced[event.index] = utterance
            return []
        piece = reply.pieces.get(utterance.id)
        if piece is None or piece.utterance is None or not piece.utterance.open or piece.ended:
            return []
        piece.utterance = utterance
        return [Extend(utterance)]

    def _note_reply(self, event: ReplyBegun | SentenceReady | ReplyFinished | AudioReady) -> tuple[bool, list[Effect]]:
        reply = self.reply
        if reply is None or reply.id != event.reply:
            return False, []
        match event:
            case ReplyBegun():
                reply.begun = True
            case SentenceReady(text=text):
                if reply.finished or not text.strip():
                    return False, []
                reply.sentences.append(text)
                reply.finished = len(reply.sentences) >= self.policy.sentences
            case ReplyFinished(cut=cut):
                reply.finished = True
                if cut:
                    return True, [Report(Note.OVERLONG, f"reply cut: {cut}", stage=Stage.THINKING)]
            case AudioReady(index=index, utterance=utterance):
                if not reply.playing <= index < reply.voicing or index in reply.voiced:
                    return False, []
                reply.voiced[index] = utterance
        return True, []

    def _note_playout(self, event: PlayStarted | PlayProgress | PlayEnded, now: int) -> tuple[bool, list[Effect]]:
        for reply in filter(None, (self.reply, self.leaving)):
            piece = reply.pieces.get(event.utterance_id)
            if piece is None or piece.ended:
                continue
            self.sign_at = now
            if not isinstance(event, PlayStarted):
                piece.played = max(piece.played, event.played_samples)
            piece.ended = isinstance(event, PlayEnded)
            if reply is self.leaving and not reply.sounding:
                return True, self.settle(reply, interrupted=True)
            return True, []
        return False, []

    def _new_reply(self, now: int) -> Reply:
        self.replies += 1
        return Reply(f"r{self.replies}", self.person, now)

    def _bind(self, now: int) -> None:
        """The turn now belongs to the reply."""
        if self.person:
            self.uncaught = self.asked = 0
        self.parts, self.stretch, self.carried, self.tries = {}, 0, "", 0
        self.thinking_since = now
        self.filler_at = now + self.policy.filler_ms * MILLISECOND

    def _hand_over(self, reply: Reply, utterance: Utterance | None, now: int) -> list[Effect]:
        reply.broken_off = utterance is None
        if utterance is None:
            return []  # it could not be voiced; the next sentence follows
        gap = self.policy.sentence_gap_ms if reply.pieces else 0
        if not reply.sounding:
            self.sign_at = now
        reply.pieces[utterance.id] = Piece(utterance)
        return [*self.close_ears(), Play(utterance, gap)]

    def close_ears(self) -> list[Effect]:
        """Before the first sound of ours, under half-duplex."""
        if not (self.policy.half_duplex and self.ears_open):
            return []
        self.ears_open, self.voice_on = False, False
        return [Ears(False)]


_MOMENTS = (
    "since", "worded", "stretch_began", "stretch_ended", "turn_began", "thinking_since", "sign_at",
)  # fmt: skip
"""The registers that hold when something of ours was; deadlines are counted from them."""


def normalise(text: str) -> str:
    """``text`` as words only, so that case, punctuation and spacing make no difference."""
    return " ".join(_WORD.findall(text.casefold()))
