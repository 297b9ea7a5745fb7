"""The same in every order of events, with an owner, a line and a voice that streams; and what is written down of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from doubles import utterance
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from test_session_record import check_sum
from test_turns_invariants import SENTENCES, Conversation
from turns_world import Far, World

from duologue.dialogue.heard import heard_text
from duologue.dialogue.ports import PlayEnded
from duologue.dialogue.session.record import SessionRecorder
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import (
    AudioGrew,
    AudioReady,
    Change,
    Effect,
    EngineFailed,
    Event,
    Extend,
    HangUp,
    Interrupt,
    Leave,
    Note,
    PutOnHold,
    Report,
    Say,
    SinkAttached,
    Stage,
    State,
    TakenOffHold,
    TurnCancelled,
    TurnClosed,
    TurnCommitted,
    Typed,
    When,
    Withdraw,
    Withdrawn,
)
from duologue.speech.utterance import Utterance
from duologue.telemetry.ledger import EndingOutcome, EndingRecord, TurnRecord
from duologue.telemetry.turns import FINAL_STATES
from few_examples import examples

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


class OwnedWorld(World):
    """Its far end knows utterances that grow, and gives back what has not begun; a sink may be put in its place."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(policy)
        self.withdrawn = set[str]()
        self._sounding = False

    @property
    def owner(self) -> dict[str, str]:
        """What is played again, and again, is of the same reply."""
        mine = [*self.far.ids(), *(item.id for item, _ in self._touched)]
        return {name: name.partition("/")[0] for name in mine if "/" in name}

    _touched: tuple[tuple[Utterance, int], ...] = ()

    def play_until(self, at: int) -> None:
        self._touched = tuple((item, 0) for item in (self.far.current, *self.far.queue) if item is not None)
        super().play_until(at)

    def give(self, event: Event) -> list[Effect]:
        self._sounding = bool(self.far.ids())
        return super().give(event)

    def follow_turns(self, effect: Effect) -> None:
        super().follow_turns(effect)
        match effect:
            case Withdrawn(reply):
                self.withdrawn.add(reply)
            case TurnClosed(number, EndingOutcome.NOTHING_SAID) if not self.turn or number == self.turn:
                self.forget()
            case _:
                pass

    def forget(self) -> None:
        """What was said and belongs to no reply was cancelled."""
        replies = [each for name, each in self.thoughts.items() if name not in self.withdrawn]
        bound = {key for each in replies if not (each.committed or each.speculative) for key in each.bound}
        waiting = {str(stretch) for stretch in self.waiting}
        self.said = {key: words for key, words in self.said.items() if key in bound | waiting}

    def follow_floor(self, effect: Effect) -> None:
        super().follow_floor(effect)
        match effect:
            case Withdraw(name):
                for item in [item for item in self.far.queue if item.id == name]:
                    self.far.queue.remove(item)
                    self.far.reports.append(PlayEnded(name, self.now, 0))
            case Extend(item):
                self.far.extend(item)
            case Report(note=Note.STALLED, why="no sign of the floor"):
                assert self._sounding or self.far.reports, "the floor is blamed, and has nothing of ours"
            case _:
                pass

    def attach(self) -> None:
        """What the sink before had to report has come."""
        self.deliver()
        mute, self.far = self.far.mute, Far()
        self.far.mute = mute
        self.give(SinkAttached())


class Owned(Conversation):
    """And the owner speaks, stops, commits, cancels, changes, holds and leaves; sentences are heard as they grow."""

    world: OwnedWorld

    @initialize(
        half=st.sampled_from([False, False, False, True]),
        speculate=st.booleans(),
        manual=st.sampled_from([False, False, False, True]),
        answers=st.sampled_from([True, True, True, False]),
        speaking=st.booleans(),
    )
    def begin(self, half: bool, speculate: bool, manual: bool, answers: bool, speaking: bool) -> None:  # type: ignore[override]
        self.policy = Policy(half, manual, answers, speculate=speculate, turn_ms=60_000, held_ms=5_000, asks=1)
        self.world = OwnedWorld(self.policy)
        self.voice = False
        self.growing: dict[str, tuple[str, int, Utterance, Utterance]] = {}
        self.kept: dict[str, TurnRecord] = {}
        self.endings: list[EndingRecord] = []
        self.world.observe = SessionRecorder("c", "c", "p", self.changed, self.endings.append).take
        if speaking:
            self.world.give(Typed("What time is it?"))
            self.reply_goes_well(["It is noon in this town.", "So it seems to me, at least."], False)

    def changed(self, record: TurnRecord) -> None:
        before = self.kept.get(record.id)
        assert before is None or before.state not in FINAL_STATES, "a record that has ended changes"
        self.kept[record.id] = replace(record)
        check_sum(record)

    @precondition(lambda self: any(thought.voicing for thought in self.world.thoughts.values()))
    @rule(data=st.data())
    def voice_begins(self, data: st.DataObject) -> None:
        asked = [(reply, index) for reply, thought in self.world.thoughts.items() for index in thought.voicing]
        reply, index = data.draw(st.sampled_from(asked[-5:]))
        if (name := f"{reply}/{index}") in self.growing:
            return
        whole = utterance(self.world.thoughts[reply].voicing[index], "c", name)
        half = len(whole.samples) // 2
        marks = tuple(mark for mark in whole.marks if mark.end <= half)
        part = replace(whole, samples=whole.samples[:half], marks=marks, open=True)
        self.growing[name] = reply, index, part, whole
        self.world.give(AudioReady(reply, index, part))

    @precondition(lambda self: bool(self.growing))
    @rule(data=st.data(), breaks=st.sampled_from([False, False, True]))
    def voice_goes_on(self, data: st.DataObject, breaks: bool) -> None:
        self.grow(data.draw(st.sampled_from(sorted(self.growing))), breaks=breaks)

    def grow(self, name: str, *, breaks: bool) -> None:
        reply, index, part, whole = self.growing.pop(name)
        thought = self.world.thoughts[reply]
        if thought.abandoned and index != thought.apology:
            return
        cut = replace(part, text=heard_text(part, len(part.samples)), open=False)
        self.world.give(AudioGrew(reply, index, cut if breaks else whole))
        if breaks:
            self.world.give(EngineFailed(Stage.VOICING, "broken", reply=reply, index=index))

    @rule(
        when=st.sampled_from([When.NOW, When.SENTENCE, When.SENTENCE]),
        texts=st.lists(SENTENCES, max_size=2),
        voiced=st.booleans(),
    )
    def owner_speaks(self, when: When, texts: list[str], voiced: bool) -> None:
        if when is When.NOW and not texts:
            return
        self.world.give(Say(tuple(texts), when))
        self.world.pass_time(0)
        for reply, thought in self.world.thoughts.items() if voiced else ():
            for index, text in list(thought.voicing.items()):
                if (name := f"{reply}/{index}") not in self.growing:
                    self.world.give(AudioReady(reply, index, utterance(text, "c", name)))

    @rule(event=st.sampled_from([Interrupt(), TurnCommitted(), TurnCancelled(), Change()]), really=st.integers(0, 2))
    def owner_directs(self, event: Event, really: int) -> None:
        if really == 2:
            self.world.give(event)

    @precondition(lambda self: self.world.machine.state is not State.HELD)
    @rule(milliseconds=st.sampled_from([0, 100, 2_000, 6_000, 30_000]), back=st.sampled_from([True, True, False]))
    def line_is_held(self, milliseconds: int, back: bool) -> None:
        self.world.give(PutOnHold())
        self.world.pass_time(milliseconds)
        if back:
            self.world.give(TakenOffHold())

    @precondition(lambda self: self.world.machine.state is State.HELD)
    @rule()
    def line_is_back(self) -> None:
        self.world.give(TakenOffHold())

    @rule(really=st.integers(0, 5))
    def sink_changes(self, really: int) -> None:
        if really == 5:
            self.world.attach()

    @rule(really=st.integers(0, 30))
    def owner_leaves(self, really: int) -> None:
        if really == 30:
            self.world.give(Leave("sales"))

    @invariant()
    def every_exchange_is_recorded(self) -> None:
        if not hasattr(self, "kept") or self.world.broken:
            return
        exchanges = [commit for commit in self.world.commits if commit.reply]
        answers = {record.id: record for record in self.kept.values() if record.kind == "answer"}
        asked = [record.text for record in self.kept.values() if record.kind == "person" and record.state == "ended"]
        for commit in exchanges:
            answer = answers[f"c/{commit.reply}"]
            assert answer.state in ("ended", "failed") and answer.heard == commit.heard
            assert answer.interrupted == commit.interrupted
            if answer.question:
                assert self.kept[answer.question].text == commit.person
            assert not commit.person or commit.person in asked
        assert sum(answer.state in ("ended", "failed") for answer in answers.values()) == len(exchanges)

    def teardown(self) -> None:
        if not hasattr(self, "world") or self.world.broken:
            return
        world = self.world
        if world.machine.state is State.HELD:
            self.line_is_back()
        if self.voice:
            self.voice_changes(0)
        for name in list(self.growing):
            self.grow(name, breaks=False)
        if self.policy.manual:
            world.pass_time(2_000)
            world.give(TurnCommitted())
        super().teardown()
        world.give(HangUp())
        assert all(record.state in FINAL_STATES for record in self.kept.values())
        self.every_exchange_is_recorded()
        assert all(ending.silence_ms >= 0 for ending in self.endings)


Owned.TestCase.settings = settings(max_examples=examples(100), stateful_step_count=40, deadline=None)
TestOwned = Owned.TestCase
