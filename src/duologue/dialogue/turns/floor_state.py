"""What turn-taking remembers between two events, beside the state: the person's turn, the reply, and whom the floor
waits for. Pure.

A :class:`FloorState` knows nothing of transitions; :mod:`duologue.dialogue.turns.turns` does.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from duologue.clock import MILLISECOND
from duologue.dialogue.nonsense import readable
from duologue.dialogue.ports import PlayEnded, PlayProgress, PlayStarted
from duologue.dialogue.turns.person import Person, normalise
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.reply import Piece, Reply
from duologue.dialogue.turns.vocabulary import (
    Abandon,
    Annotate,
    AudioGrew,
    AudioReady,
    ChunkWritten,
    Clear,
    Commit,
    Ears,
    Effect,
    EngineFailed,
    Event,
    Note,
    Pause,
    Play,
    ReplyBegun,
    ReplyFinished,
    Report,
    Resume,
    SentenceReady,
    SpeechStarted,
    SpeechStopped,
    Stage,
    Think,
    ToolGivenUp,
    TurnClosed,
    Typed,
    Understood,
    VoiceSentence,
    Withdrawn,
)
from duologue.speech.utterance import Utterance
from duologue.telemetry.ledger import EndingOutcome

ECHOING_REPLIES = 2
"""So many replies that did not come back end the care that is taken of echo."""


@dataclass(slots=True)
class FloorState:
    """The registers. ``reply`` is thought, voiced or spoken, ``leaving`` an interrupted one of which the floor has yet
    to say how much was played. Nobody has had the floor since ``since``; ``asked`` times in a row we spoke into that.
    ``echoing``: over so many replies without an echo the room is still taken to echo. ``name`` begins all ids.
    From ``on_hold_since`` on a line ``on_hold`` lets no time pass. A sound of the reply is awaited ``thinking_since``
    then: since it counts, or since the floor fell silent in the middle of it.
    ``to_say`` is what the owner wants said, ``leave`` to whom the line goes afterwards (empty: it is hung up);
    ``calls`` are those that the far end is to answer, and their replies. ``muttered`` is what sounds of ours while the
    person is being understood: it is a part of the reply that comes.
    """

    person: Person
    since: int = 0
    asked: int = 0
    echoing: int = 0
    reply: Reply | None = None
    replies: int = 0
    fillers: int = 0
    held: bool = False
    ears_open: bool = True
    on_hold: bool = False
    on_hold_since: int = 0
    leaving: Reply | None = None
    leaving_until: int = 0
    thinking_since: int = 0
    filler_at: int = 0
    sign_at: int = 0
    name: str = ""
    to_say: list[str] = field(default_factory=list[str])
    leave: str | None = None
    calls: dict[str, str] = field(default_factory=dict[str, str])
    muttered: dict[str, Piece] = field(default_factory=dict[str, Piece])

    # What is the case

    @property
    def policy(self) -> Policy:
        """How turns are taken."""
        return self.person.policy

    @property
    def clear(self) -> bool:
        """Nothing of ours is on the floor, and all that was is accounted for."""
        return self.leaving is None and not (self.reply and self.reply.sounding)

    @property
    def asked_for(self) -> bool:
        """There are sure words that are no backchannel; after all of a reply any word is an answer."""
        listens, answers = self.policy.backchannels, frozenset[str]()
        over = self.reply is not None and self.reply.nearly_over
        sure = [part for part in self.person.parts.values() if part.sure and not part.before]
        return any(part.says_other_than(answers if over and not part.aside else listens) for part in sure)

    @property
    def goes_on(self) -> bool:
        """More of a reply is to be heard than its last word or so."""
        return self.reply is not None and not (self.reply.speculative or self.reply.nearly_over)

    @property
    def agrees(self) -> bool:
        """A speculative reply was asked for by the same words."""
        reply = self.reply
        return reply is not None and reply.speculative and normalise(reply.person) == normalise(self.person.text)

    @property
    def speculates(self) -> bool:
        """The words so far are worth a speculation, and it has not been tried."""
        person, policy = self.person, self.policy
        if not policy.speculate or self.leaving is not None or self.reply is not None or not person.text:
            return False
        if not (policy.answers or person.wanted):
            return False
        return (person.settled or person.tries < policy.tries) and person.tried != normalise(person.text)

    # Steps that several transitions share

    def think(self, now: int, *, speculative: bool = False) -> list[Effect]:
        """Ask for a reply to the turn as it stands."""
        self.reply = self._new_reply(now)
        self.reply.speculative = speculative
        if not speculative:
            self._bind(self.reply, now)
        return [Think(self.reply.id, self.reply.person, speculative)]

    def adopt(self, reply: Reply, now: int) -> list[Effect]:
        """The speculation counts, and so does what was written to go with it."""
        reply.speculative, reply.person = False, self.person.text
        self._bind(reply, now)
        return [Annotate(reply.id, chunk) for chunk in reply.chunks]

    def say(self, now: int) -> list[Effect]:
        """What the owner wants said, as the answer to whatever the person said."""
        self.reply = reply = self._new_reply(now)
        self._bind(reply, now)
        reply.sentences, self.to_say = self.to_say, []
        reply.begun = reply.finished = True
        return self.flow(now)

    def new_apology(self, now: int) -> Reply:
        """A reply that consists of an apology only, which the caller appends."""
        self.reply = self._new_reply(now)
        self._bind(self.reply, now)
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
        if interrupted and not heard and not reply.stopped:
            self.person.reopen(reply.turn, reply.person)
            gone = reply.turn if not reply.person else 0  # the ears had failed: there is nothing to go on with
            lost: list[Effect] = [TurnClosed(gone, EndingOutcome.NOTHING_SAID)] if gone else []
            return [Withdrawn(reply.id, reply.turn - gone), *lost]
        closed: list[Effect] = [TurnClosed(reply.turn, EndingOutcome.ANSWERED)] if reply.turn else []
        return [*closed, Commit(reply.person, heard, reply.id, interrupted and not reply.whole)]

    def stand_still(self, nanoseconds: int, now: int) -> None:
        """So much time passed in which nobody could act: as if it had not. When the person's voice began and ended is
        not for us to move; what they did meanwhile has a moment to become known.
        """
        self.person.grace_until = now + self.policy.grace_ms * MILLISECOND
        for holder, names in ((self, _OUR_MOMENTS), (self.person, _THEIR_MOMENTS)):
            for name in names:
                setattr(holder, name, min(getattr(holder, name) + nanoseconds, now))
        self.leaving_until += nanoseconds
        if self.filler_at:  # 0: no more fillers for this reply
            self.filler_at += nanoseconds

    def add_filler(self) -> str:
        """The id of a filler that goes to the floor as a part of the reply that counts; without one it waits for it."""
        self.fillers += 1
        utterance_id = f"{self.name}f{self.fillers}"
        counts = self.reply is not None and not self.reply.speculative
        (self.reply.pieces if self.reply and counts else self.muttered)[utterance_id] = Piece(None)
        return utterance_id

    def hush(self) -> list[Effect]:
        """No reply comes after what we muttered, or the person goes on."""
        clear: list[Effect] = [Clear()] if self.muttered else []
        self.muttered.clear()
        return [*clear, *self.open_ears()]

    def fall_silent(self, now: int) -> None:
        """Nothing of the reply is on the floor, and more is to come: it is waited for from here on."""
        self.thinking_since = now
        if self.reply and not self.reply.apologised:
            self.filler_at = now + self.policy.filler_ms * MILLISECOND

    def open_ears(self) -> list[Effect]:
        """After a reply, under half-duplex."""
        if self.ears_open or self.on_hold:
            return []
        self.ears_open = True
        return [Ears(True)]

    def hold(self, now: int) -> list[Effect]:
        """The line is on hold: nothing of ours plays, nothing is listened to."""
        self.on_hold, self.on_hold_since = True, now
        effects: list[Effect] = []
        if self.ears_open:
            self.ears_open = False
            effects.append(Ears(False))
        if not self.held:
            self.held = True
            effects.append(Pause())
        return effects

    def wait_on_hold(self, now: int) -> None:
        """It still is: nobody is late for that."""
        self.stand_still(now - self.on_hold_since, now)
        self.on_hold_since = now

    def take_up(self, now: int) -> list[Effect]:
        """It is not any more: what was not heard is played, from the first such word on."""
        self.wait_on_hold(now)
        self.on_hold = self.held = False
        reply = self.reply
        sounds = reply is not None and reply.sounding
        effects: list[Effect] = [Clear()] if sounds else [Resume()]
        if sounds and reply is not None:
            gaps = (0, self.policy.sentence_gap_ms)
            effects += [Play(rest, gaps[not goes_on]) for rest, goes_on in reply.play_again()]
            self.sign_at = now
        if not (self.ears_open or (self.policy.half_duplex and sounds)):
            self.ears_open = True
            effects.append(Ears(True, echoes=False))
        return [*effects, *self.flow(now)]

    def close_ears(self) -> list[Effect]:
        """Before the first sound of ours, under half-duplex."""
        if not (self.policy.half_duplex and self.ears_open):
            return []
        self.ears_open, self.person.voice_on = False, False
        left = self.person.leave_stretches() if self.person.stretch else []  # no more of it will come
        return [*left, Ears(False)]

    # Bookkeeping: an event is written down by whom it is about, before the table is asked

    def note(self, event: Event, now: int) -> bool:
        """Write ``event`` down. False: it concerns nobody (a word about something that was withdrawn)."""
        match event:
            case SpeechStarted() | SpeechStopped():
                return self.ears_open and self.person.note_voice(event, self.since)
            case Understood():
                return self._note_transcript(event, now)
            case EngineFailed():
                return self._note_failure(event)
            case ReplyBegun() | SentenceReady() | ChunkWritten() | ReplyFinished():
                reply = self._reply(event.reply)
                return reply is not None and reply.note_writing(event, self.policy.sentences)
            case AudioReady() | AudioGrew():
                reply = self._reply(event.reply)
                return reply is not None and reply.note_audio(event)
            case PlayStarted() | PlayProgress() | PlayEnded():
                return self._note_playout(event, now)
            case ToolGivenUp(call):
                return self.calls.pop(call, None) is not None
            case Typed(text):  # nobody needs to be invited to speak who does, or will
                nobody = not (self.reply or self.leaving or self.person.parts)
                return nobody or bool(readable(text, self.policy.person_chars).strip())
            case _:
                return True

    def _reply(self, name: str) -> Reply | None:
        return self.reply if self.reply and self.reply.id == name else None

    def _note_transcript(self, event: Understood, now: int) -> bool:
        before = self.person.parts.get(event.stretch)
        echoed = event.echo and before is not None and not before.echo
        if not self.person.note_transcript(event, now):
            return False
        if echoed:
            self.echoing = ECHOING_REPLIES
            if self.reply:
                self.reply.echoed = True
        return True

    def _note_failure(self, event: EngineFailed) -> bool:
        if not (event.stretch or event.reply):
            return True
        if event.stage is Stage.HEARING:
            return self.person.note_failure(event.stretch)
        reply = self._reply(event.reply)
        if reply is not None:
            reply.note_failure(event)
        return reply is not None

    def _note_playout(self, event: PlayStarted | PlayProgress | PlayEnded, now: int) -> bool:
        known = any(reply.note_playout(event) for reply in (self.reply, self.leaving) if reply)
        if event.utterance_id in self.muttered:
            known = True
            if isinstance(event, PlayEnded):
                del self.muttered[event.utterance_id]
        if known:
            self.sign_at = now
        if self.reply and self.reply.waits_after(event):
            self.fall_silent(now)
        return known

    def _new_reply(self, now: int) -> Reply:
        self.replies += 1
        return Reply(f"{self.name}r{self.replies}", self.person.text, now)

    def _bind(self, reply: Reply, now: int) -> None:
        """The turn now belongs to the reply."""
        if self.person.text:
            self.asked = 0
        reply.committed, reply.after, reply.bound = self.person.committed, self.person.offset, now
        reply.turn = self.person.bind()
        reply.pieces, self.muttered = {**self.muttered, **reply.pieces}, {}
        self.thinking_since = now
        self.filler_at = now + self.policy.filler_ms * MILLISECOND

    def _hand_over(self, reply: Reply, utterance: Utterance | None, now: int) -> list[Effect]:
        if reply.playing in reply.unsaid:
            return []
        reply.broken_off = utterance is None
        if utterance is None:
            return []  # it could not be voiced; the next sentence follows
        gap = self.policy.sentence_gap_ms if reply.pieces else 0
        if not reply.sounding:
            self.sign_at = now
        reply.pieces[utterance.id] = Piece(utterance)
        return [*self.close_ears(), Play(utterance, gap)]


_OUR_MOMENTS = ("since", "thinking_since", "sign_at")
_THEIR_MOMENTS = ("worded", "stretch_began", "stretch_ended", "sign", "turn_began")
"""The registers that hold when something of ours was; deadlines are counted from them."""
