"""A world for the turn-taking table: it carries out the effects, and checks with every one of them what must always
hold.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from doubles import utterance

from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.heard import heard_text
from duologue.dialogue.ports import PlayEnded, PlayProgress, PlayStarted
from duologue.dialogue.turns.person import normalise
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.turns import TurnTaking
from duologue.dialogue.turns.vocabulary import (
    Abandon,
    Adopt,
    Apologise,
    BeginStretch,
    Clear,
    Commit,
    DropStretch,
    Effect,
    EndStretch,
    Event,
    Filler,
    Note,
    Pause,
    Play,
    Report,
    Resume,
    Stage,
    State,
    StopHearing,
    Think,
    Timeout,
    TurnClosed,
    TurnKept,
    TurnOpened,
    Typed,
    Understood,
    VoiceSentence,
    Wait,
    Withdrawn,
)
from duologue.speech.utterance import Utterance
from duologue.telemetry.ledger import EndingOutcome

SOUNDING = {State.SPEAKING, State.DOUBTING}


class FixedPatience:
    """Waits 600 ms, and 1200 after what may have been a trailing "and"."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def wait(self, text: str, alternatives: Sequence[str] = ()) -> Wait:
        trailing = any(each.endswith("and") for each in (text, *alternatives))
        return Wait(1200, "trailing") if trailing else Wait(600, "fixed")

    def resumed(self, pause_ms: float, *, ended: bool = False) -> None:
        self.pauses.append(pause_ms)

    def ended(self) -> None:
        """It learns nothing."""


@dataclass
class Thought:
    """What the world knows of a reply."""

    person: str
    speculative: bool
    bound: list[str] = field(default_factory=list[str])
    abandoned: bool = False
    apology: int = -1
    voicing: dict[int, str] = field(default_factory=dict[int, str])
    committed: bool = False
    turn: int = 0
    truth: list[tuple[Utterance, int]] = field(default_factory=list[tuple[Utterance, int]])


class Far:
    """The far end: plays one utterance after another and keeps its reports until they are fetched."""

    def __init__(self) -> None:
        self.queue: deque[Utterance] = deque()
        self.current: Utterance | None = None
        self.played = 0
        self.paused = False
        self.mute = False
        self.reports: deque[Event] = deque()

    def ids(self) -> list[str]:
        return [*([self.current.id] if self.current else []), *(item.id for item in self.queue)]

    def clear(self, now: int) -> None:
        if self.current:
            self.reports.append(PlayEnded(self.current.id, now, self.played))
        self.reports.extend(PlayEnded(item.id, now, 0) for item in self.queue)
        self.queue.clear()
        self.current, self.paused = None, False

    def extend(self, item: Utterance) -> None:
        """It has grown, or is whole."""
        if self.current and self.current.id == item.id:
            self.current = item
        self.queue = deque(item if each.id == item.id else each for each in self.queue)

    def play(self, milliseconds: int, now: int) -> list[tuple[Utterance, int]]:
        """Go on for a while (1 sample a millisecond); returns how far each utterance is now."""
        touched: list[tuple[Utterance, int]] = []
        left = 0 if self.paused or self.mute else milliseconds
        while left > 0 and (self.current or self.queue):
            if self.current is None:
                self.current, self.played = self.queue.popleft(), 0
                self.reports.append(PlayStarted(self.current.id, now))
            step = min(left, len(self.current.samples) - self.played)
            self.played, left = self.played + step, left - step
            touched.append((self.current, self.played))
            if self.played == len(self.current.samples) and self.current.open:
                self.reports.append(PlayProgress(self.current.id, now, self.played))
                break
            if self.played == len(self.current.samples):
                self.reports.append(PlayEnded(self.current.id, now, self.played))
                self.current = None
            else:
                self.reports.append(PlayProgress(self.current.id, now, self.played))
        return touched


class World:
    """Drives one machine. ``commits`` is the context; ``effects`` is everything that was done."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.now = SECOND
        self.patience = FixedPatience()
        self.machine = TurnTaking(policy or Policy(), self.patience, self.now)
        self.far = Far()
        self.said: dict[str, str] = {}
        self.begun: dict[str, int] = {}
        """When each of what was said began: a later stretch may be understood before an earlier one."""
        self.waiting: dict[int, bool] = {}
        """Stretches without a final transcript: whether they are still open."""
        self.thoughts: dict[str, Thought] = {}
        self.commits: list[Commit] = []
        self.effects: list[Effect] = []
        self.broken = False
        """An assertion failed: what follows means nothing."""
        self.turn = 0
        """The person's turn that is open, by what was told."""
        self.kept = False
        """It is over, and nobody answers it yet."""
        self.forced = False
        """The machine had to give up waiting for the far end's word."""
        self.unreported = False
        """The far end knows more than it has told."""
        self.observe: Callable[[Event | Effect, int], None] = lambda item, now: None
        """Sees what a session's observer would."""

    # Making things happen

    def give(self, event: Event) -> list[Effect]:
        """Hand an event to the machine and carry out what it says."""
        if isinstance(event, Understood) and event.stretch in self.waiting:
            self.said[str(event.stretch)] = event.text
            if event.final:
                del self.waiting[event.stretch]
        if isinstance(event, Typed) and self.machine.state is not State.CLOSED and event.text:
            key = f"typed {len(self.effects)} {len(self.said)}"
            self.said[key], self.begun[key] = event.text, len(self.begun)
        self.broken = True
        self.observe(event, self.now)
        effects = self.machine.handle(event, self.now)
        self.forced |= any(isinstance(effect, Report) and effect.stage is Stage.PLAYING for effect in effects)
        self.unreported = bool(self.far.reports)
        for effect in effects:
            self.observe(effect, self.now)
            self.execute(effect)
            self.effects.append(effect)
        self.check()
        self.broken = False
        return effects

    def deliver(self) -> None:
        """What the far end had to report arrives."""
        while self.far.reports:
            self.give(self.far.reports.popleft())

    def pass_time(self, milliseconds: int, *, report: bool = True) -> None:
        """Time passes; the far end plays, deadlines come."""
        target = self.now + milliseconds * MILLISECOND
        idle = 0
        while True:
            deadline = self.machine.deadline()
            step = target if deadline is None else min(target, max(deadline, self.now))
            self.play_until(step)
            if report:
                self.deliver()
            deadline = self.machine.deadline()
            if deadline is not None and deadline <= self.now:
                before = self.now
                self.give(Timeout())
                idle = idle + 1 if self.now == before else 0
                assert idle < 30, f"the table spins in {self.machine.state}"
            elif self.now >= target:
                return

    def play_until(self, at: int) -> None:
        milliseconds = (at - self.now) // MILLISECOND
        self.now = at
        for item, played in self.far.play(milliseconds, self.now):
            if item.id in self.owner:
                truth = self.thoughts[self.owner[item.id]].truth
                truth[:] = [*(entry for entry in truth if entry[0].id != item.id), (item, played)]

    @property
    def owner(self) -> dict[str, str]:
        """Which reply a piece belongs to; fillers belong to none."""
        rest = ("", "~", "~~")
        return {f"{reply}/{index}{more}": reply for reply in self.thoughts for index in range(60) for more in rest}

    # Carrying out effects, and what must hold for each

    def execute(self, effect: Effect) -> None:
        self.follow_turns(effect)
        self.follow_ears(effect)
        self.follow_thoughts(effect)
        self.follow_floor(effect)

    def follow_turns(self, effect: Effect) -> None:
        match effect:
            case TurnOpened(number):
                assert not self.turn, "two turns are open at once"
                self.turn, self.kept = number, False
            case TurnKept(number, person):
                assert number == self.turn and not self.machine.reply, "a turn is kept that is not open, or answered"
                assert person == self.words(self.said)[:4000].strip(), "something else is kept than what was said"
                self.kept = True
            case TurnClosed(number, EndingOutcome.ANSWERED):
                by_reply = any(thought.turn == number for thought in self.thoughts.values())
                assert by_reply or (self.kept and number == self.turn), "answered by nothing"
                if not by_reply:
                    self.turn, self.kept = 0, False
            case TurnClosed(number):
                lost = any(thought.turn == number and thought.abandoned for thought in self.thoughts.values())
                assert number == self.turn or lost, "a turn is closed that is not open"
                self.turn = 0 if number == self.turn else self.turn
            case Withdrawn(reply, number):
                assert number in (0, self.thoughts[reply].turn) and self.thoughts[reply].abandoned
                if number:
                    self.turn, self.thoughts[reply].turn = number, 0  # it is open again, and no answer to it
            case Commit():
                self.commit(effect)
            case _:
                pass

    def follow_ears(self, effect: Effect) -> None:
        match effect:
            case BeginStretch(stretch):
                assert not any(self.waiting.values()), "two stretches are open at once"
                self.begun[str(stretch)] = len(self.begun)
                self.waiting[stretch] = True
            case EndStretch(stretch):
                assert self.waiting.get(stretch, True)
                if stretch in self.waiting:
                    self.waiting[stretch] = False
            case DropStretch(stretch):
                self.said.pop(str(stretch), None)
                self.waiting.pop(stretch, None)
            case StopHearing(stretch):
                del self.waiting[stretch]
            case _:
                pass

    def follow_thoughts(self, effect: Effect) -> None:
        match effect:
            case Think(reply, person, speculative):
                self.think(reply, person, speculative)
            case Adopt(reply):
                thought = self.thoughts[reply]
                assert thought.speculative and not thought.abandoned
                thought.turn, self.turn = self.turn, 0
                thought.speculative, thought.bound = False, list(self.said)
            case Abandon(reply):
                self.thoughts[reply].abandoned = True
            case VoiceSentence(reply, index, text):
                # without a thought: the owner's words
                thought = self.thoughts.get(reply) or self.unthought(reply, self.bound_to_owner(), list(self.said))
                assert not thought.abandoned and index not in thought.voicing
                assert not thought.speculative or index == 0
                thought.voicing[index] = text
            case Apologise(reply, index):
                thought = self.thoughts.get(reply) or self.unthought(reply, "", [])
                thought.apology = index
                thought.voicing[index] = "Sorry about that."
            case _:
                pass

    def follow_floor(self, effect: Effect) -> None:
        match effect:
            case Play(item):
                self.play(item)
            case Filler(utterance_id):
                assert not self.far.ids(), "a filler over something else"
                assert self.machine.state in (State.THINKING, State.SETTLING)
                self.far.queue.append(utterance("Hm.", "c", utterance_id))
            case Pause():
                self.far.paused = True
            case Resume():
                self.far.paused = False
            case Clear():
                self.far.clear(self.now)
            case _:
                pass

    def unthought(self, reply: str, person: str, bound: list[str]) -> Thought:
        """A reply that nobody thought of takes the turn that is open."""
        self.thoughts[reply] = Thought(person, False, bound, turn=self.turn)
        self.turn = 0
        return self.thoughts[reply]

    def words(self, keys: Iterable[str]) -> str:
        """What was said under these keys, in the order in which it was begun."""
        ordered = sorted(keys, key=lambda key: self.begun[key])
        return " ".join(filter(None, (self.said.get(key, "") for key in ordered)))

    def bound_to_owner(self) -> str:
        """What the owner's words answer."""
        return self.machine.reply.person if self.machine.reply else ""

    def think(self, reply: str, person: str, speculative: bool) -> None:
        assert person == self.words(self.said)[:4000].strip(), "a reply to something else than what was said"
        assert not any(thought.speculative and not thought.abandoned for thought in self.thoughts.values())
        ours = [name for name in self.far.ids() if "/" in name]
        assert not ours or self.far.mute, "thinking of a next reply while one is on the floor"
        self.thoughts[reply] = Thought(person, speculative, [] if speculative else list(self.said))
        if not speculative:
            self.thoughts[reply].turn, self.turn = self.turn, 0

    def play(self, item: Utterance) -> None:
        reply, _, index = item.id.partition("/")
        thought = self.thoughts[reply]
        assert not thought.speculative, "speculation is heard"
        assert not thought.committed, "a reply that is over"
        assert not thought.abandoned or int(index.rstrip("~")) == thought.apology, "a withdrawn reply"
        again = item.id.endswith("~")
        assert again or self.machine.state in SOUNDING, f"we speak in {self.machine.state}"
        assert all(other.startswith(("f", f"{reply}/")) for other in self.far.ids()), "two voices of ours"
        said = self.words(thought.bound)
        assert normalise(said) == normalise(thought.person), "bound to a withdrawn transcript"
        played = [int(entry[0].id.partition("/")[2].rstrip("~")) for entry in thought.truth]
        assert all(int(index.rstrip("~")) > other - again for other in played), "out of order"
        self.far.queue.append(item)

    def commit(self, effect: Commit) -> None:
        self.commits.append(effect)
        if effect.by and effect.person:
            assert effect.person == self.words(self.said)[:4000].strip(), "somebody answered something else"
            self.said.clear()
        if not effect.reply:
            return
        thought = self.thoughts[effect.reply]
        assert not thought.committed and not thought.speculative
        thought.committed = True
        for key in thought.bound:
            self.said.pop(key, None)
        assert normalise(effect.person) == normalise(thought.person)
        truth = " ".join(filter(None, (heard_text(item, played) for item, played in thought.truth)))
        if self.forced or self.unreported or self.machine.state is State.CLOSED:
            assert truth.startswith(effect.heard), "more in the context than was heard"
        else:
            assert effect.heard == truth, "the context is not what was heard"

    def check(self) -> None:
        """What must hold after every event."""
        state, deadline = self.machine.state, self.machine.deadline()
        if state is State.CLOSED or (state is State.QUIET and deadline and deadline > self.now):
            assert not self.turn or (self.kept and state is State.QUIET), f"a turn is open in {state}"
        assert (deadline is None) == (state is State.CLOSED), f"no deadline in {state}"
        muttered = state is State.SETTLING and not any("/" in name for name in self.far.ids())
        if state not in SOUNDING | {State.THINKING} and not muttered:
            assert self.far.paused or not self.far.ids() or state is State.CLOSED, f"we sound in {state}"
        if state in (State.PAUSED, State.JUDGING):
            assert self.far.paused
        elif state not in (State.HELD, State.CLOSED):
            assert not self.far.paused, f"the floor is held in {state}"

    # Looking

    def notes(self) -> list[Note]:
        return [effect.note for effect in self.effects if isinstance(effect, Report)]

    def last(self, kind: type[Effect]) -> Effect | None:
        return next((effect for effect in reversed(self.effects) if isinstance(effect, kind)), None)
