"""The person's turn: their voice, and what was understood of it since they were last answered. Pure registers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from duologue.clock import MILLISECOND
from duologue.dialogue.nonsense import readable
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import (
    BeginStretch,
    DropStretch,
    Effect,
    EndStretch,
    SpeechStarted,
    SpeechStopped,
    StopHearing,
    TurnClosed,
    TurnOpened,
    Typed,
    Understood,
    Wait,
)
from duologue.telemetry.ledger import EndingOutcome

_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")


def normalise(text: str) -> str:
    """``text`` as words only, so that case, punctuation and spacing make no difference."""
    return " ".join(_WORD.findall(text.casefold()))


@dataclass(slots=True)
class Stretch:
    """What was understood of one stretch of the turn. ``aside``: it ended in the middle of a reply of ours, where a
    backchannel shows that somebody listens, however late it is understood. ``before``: said before what the owner says
    now, and not understood by then: it is answered afterwards.
    """

    text: str = ""
    final: bool = False
    echo: bool = False
    sure: bool = True
    aside: bool = False
    before: bool = False
    alternatives: tuple[str, ...] = ()

    def says_other_than(self, ignored: frozenset[str]) -> bool:
        """There are words in it that are none of these."""
        return any(word not in ignored for word in _WORD.findall(self.text.casefold()))


@dataclass(slots=True)
class Person:
    """``voice_on``, ``onset`` and ``offset`` are their voice; ``turn`` is the number of their turn (0: none is open),
    ``parts`` the stretches of it so far, after ``carried``, words whose reply was withdrawn unheard; ``stretch`` the
    part that is still open (0: none). ``worded`` is when the words of the turn last changed, ``tried`` the words of the
    newest speculation of ``tries``; ``muttered`` fillers sounded while it was understood; ``longest`` the longest voice
    of the turn (ns), the newest of which began at ``voiced``; ``sign`` is when the ears last said anything;
    ``uncaught`` voices in a row had no words. ``outlived``: the voice is still that of a turn that was ended over it;
    ``left``: nobody listens to it, and not all of it was understood; ``committed``: the turn was ended for good;
    ``wanted``: an answer is, whatever the policy says. Before ``grace_until`` nothing that they do is late.
    """

    policy: Policy
    turn: int = 0
    turns: int = 0
    turn_began: int = 0
    voice_on: bool = False
    onset: int = 0
    offset: int = 0
    voiced: int = 0
    longest: int = 0
    worded: int = 0
    uncaught: int = 0
    stretch: int = 0
    stretches: int = 0
    stretch_began: int = 0
    stretch_ended: int = 0
    sign: int = 0
    parts: dict[int, Stretch] = field(default_factory=dict[int, Stretch])
    carried: str = ""
    hearing_failed: bool = False
    outlived: bool = False
    left: bool = False
    committed: bool = False
    wanted: bool = False
    tries: int = 0
    tried: str = ""
    muttered: int = 0
    grace_until: int = 0

    # What is the case

    @property
    def text(self) -> str:
        """Their turn as understood so far."""
        texts = (self.carried, *(part.text for part in self.parts.values()))
        return " ".join(filter(None, texts))[: self.policy.person_chars]

    @property
    def alternatives(self) -> tuple[str, ...]:
        """What the text may have been as well, by the ears."""
        if not self.parts:
            return ()
        *before, newest = self.parts.values()
        texts = (self.carried, *(part.text for part in before))
        return tuple(" ".join(filter(None, (*texts, each))) for each in newest.alternatives)

    @property
    def settled(self) -> bool:
        """Every stretch of the turn has its final transcript."""
        return not self.stretch and all(part.final for part in self.parts.values())

    @property
    def only_echo(self) -> bool:
        """All that was understood came from our own mouth."""
        return any(part.echo for part in self.parts.values()) and not any(part.text for part in self.parts.values())

    @property
    def only_listened(self) -> bool:
        """All that was understood are backchannels, in the middle of a reply of ours."""
        said = [part for part in self.parts.values() if part.text]
        listened = all(part.aside and not part.says_other_than(self.policy.backchannels) for part in said)
        return bool(said) and listened and not (self.carried or self.committed or self.wanted)

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

    # What the table does with it

    def open_turn(self, at: int) -> list[Effect]:
        """Their turn began at ``at``, unless one is open."""
        if self.turn:
            return []
        self.turns += 1
        self.turn = self.turns
        return [TurnOpened(self.turn, at)]

    def begin_stretch(self, at: int) -> list[Effect]:
        """Open the next part of the turn."""
        if not self.parts:
            self.turn_began, self.hearing_failed, self.tries, self.tried, self.longest = at, False, 0, "", 0
            self.muttered = 0
        self.stretches += 1
        self.stretch = self.stretches
        self.stretch_began, self.left = at, False
        self.parts[self.stretch] = Stretch()
        return [*self.open_turn(at), BeginStretch(self.stretch, at)]

    def close_stretch(self, now: int, *, aside: bool) -> int:
        """Its number: nothing more belongs to it."""
        ended, self.stretch, self.stretch_ended = self.stretch, 0, now
        self.parts[ended].aside = aside
        return ended

    def begin_late_stretch(self, now: int) -> list[Effect]:
        """Of a voice that has gone, what was not understood by now: a part of the turn after the one that is answered
        now, whose final transcript is asked for at once.
        """
        begun = self.begin_stretch(now)
        ended = self.close_stretch(now, aside=False)
        self.parts[ended].before = True
        return [*begun, EndStretch(ended)]

    def drop_stretches(self) -> list[Effect]:
        """Forget what they said since the last exchange."""
        dropped: list[Effect] = list(map(DropStretch, self.parts))
        self.parts, self.stretch, self.carried, self.committed, self.wanted = {}, 0, "", False, False
        self.left = False
        return dropped

    def drop_turn(self, outcome: EndingOutcome = EndingOutcome.NOTHING_SAID) -> list[Effect]:
        """The same, and that was all of the turn."""
        dropped = self.drop_stretches()
        if self.turn:
            dropped.append(TurnClosed(self.turn, outcome))
        self.turn = 0
        return dropped

    def drop_voice(self) -> list[Effect]:
        """Forget what was said over our reply, which was nothing. What was said before it is kept."""
        kept = {number: part for number, part in self.parts.items() if part.before}
        if not kept:
            return self.drop_turn()
        dropped = [DropStretch(number) for number in self.parts if number not in kept]
        self.parts, self.stretch = kept, 0
        return list[Effect](dropped)

    def leave_stretches(self) -> list[Effect]:
        """No further word of open ones is waited for; what was understood of them so far stays a part of the turn."""
        late = [number for number, part in self.parts.items() if not part.final]
        for number in late:
            self.parts[number].final = True
        self.stretch = 0
        return list(map(StopHearing, late))

    def bind(self) -> int:
        """The turn belongs to a reply now; its number (0: nobody had said anything)."""
        if self.text:
            self.uncaught = 0
        bound, self.turn = self.turn, 0
        self.parts, self.stretch, self.carried, self.tries = {}, 0, "", 0
        self.committed = self.wanted = False
        return bound

    def keep(self) -> None:
        """Nobody answers the turn yet: it goes on with what they say next."""
        self.carried, self.parts, self.stretch, self.committed, self.left = self.text, {}, 0, False, False

    def reopen(self, turn: int, text: str) -> None:
        """The reply to ``turn`` was withdrawn unheard: it goes on with what they say next."""
        self.carried = text
        if text:
            self.turn = turn

    # Bookkeeping

    def note_voice(self, event: SpeechStarted | SpeechStopped, since: int) -> bool:
        """False: that is known. Nobody had the floor from ``since`` on."""
        starts = isinstance(event, SpeechStarted)
        if starts == self.voice_on:
            return False
        self.voice_on = starts
        if not starts:
            self.outlived = False
            self.offset = event.at
            self.longest = max(self.longest, event.at - max(self.voiced, since))
            return True
        self.voiced = event.at
        if not self.stretch:
            self.onset = event.at
        return True

    def note_transcript(self, event: Understood, now: int) -> bool:
        """False: nobody waits for it."""
        part = self.parts.get(event.stretch)
        if part is None or part.final:
            return False
        before = normalise(part.text)
        part.text, part.echo = event.text[: self.policy.person_chars].strip(), part.echo or event.echo
        if normalise(part.text) != before:
            self.worded = now
        part.final, part.sure, self.sign, part.alternatives = event.final, event.sure, now, event.alternatives
        if event.final and event.stretch == self.stretch:
            self.stretch = 0  # the engine ended it by itself
            self.stretch_ended = self.stretch_began
        return True

    def note_failure(self, stretch: int) -> bool:
        """The ears gave up on a stretch: what was understood until then must do. False: nobody waits for it."""
        part = self.parts.get(stretch)
        if part is None or part.final:
            return False
        part.final, self.hearing_failed = True, True
        if stretch == self.stretch:
            self.stretch = 0
        return True

    def take_typed(self, event: Typed) -> None:
        """What was written is a part of the turn like what is said; an answer is wanted at once."""
        self.wanted = True
        self.stretches += 1
        self.parts[self.stretches] = Stretch(readable(event.text, self.policy.person_chars).strip(), final=True)
