"""What must hold in every order of events whatever: the table under a Hypothesis state machine."""

from __future__ import annotations

from doubles import utterance
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from turns_world import World

from duologue.clock import MILLISECOND
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import (
    AudioReady,
    EngineFailed,
    HangUp,
    ReplyBegun,
    ReplyFinished,
    SentenceReady,
    SpeechStarted,
    SpeechStopped,
    Stage,
    State,
    TurnAnswered,
    Typed,
    Understood,
)
from few_examples import examples

TEXTS = st.sampled_from(["", "mm-hm", "yes", "stop", "what time is it", "What time is it?", "one two three and"])
SENTENCES = st.sampled_from(["It is noon.", "So it seems to me, at least.", "No."])


class Conversation(RuleBasedStateMachine):
    """Person, ears, thought, voice and floor act in any order, with late and repeated words among it."""

    @initialize(
        half=st.sampled_from([False, False, True]),
        speculate=st.booleans(),
        mute=st.sampled_from([False, False, False, True]),
        speaking=st.booleans(),
    )
    def begin(self, half: bool, speculate: bool, mute: bool, speaking: bool) -> None:
        self.world = self.new_world(Policy(half_duplex=half, speculate=speculate, turn_ms=60_000))
        self.world.far.mute = mute
        self.voice = False
        if speaking:  # many a schedule is only of interest while a reply is heard
            self.world.give(Typed("What time is it?"))
            self.reply_goes_well(["It is noon in this town.", "So it seems to me, at least."], False)

    def new_world(self, policy: Policy) -> World:
        return World(policy)

    @rule(
        milliseconds=st.sampled_from([1, 20, 60, 90, 140, 200, 260, 420, 620, 1300, 4000, 13_000]), report=st.booleans()
    )
    def time_passes(self, milliseconds: int, report: bool) -> None:
        self.world.pass_time(milliseconds, report=report)

    @rule(seconds=st.sampled_from([1, 20, 600]), often=st.integers(0, 3))
    def clock_jumps(self, seconds: int, often: int) -> None:
        """Nobody ran for a while, the far end neither."""
        if often == 3:
            self.world.now += seconds * 1000 * MILLISECOND

    @rule()
    def reports_arrive(self) -> None:
        self.world.deliver()

    @rule(delay=st.sampled_from([0, 60, 100]))
    def voice_changes(self, delay: int) -> None:
        self.voice = not self.voice
        at = self.world.now - delay * MILLISECOND
        self.world.give(SpeechStarted(at) if self.voice else SpeechStopped(at))

    @precondition(lambda self: bool(self.world.waiting))
    @rule(data=st.data(), text=TEXTS, final=st.booleans(), echo=st.sampled_from([False, False, True]))
    def ears_understand(self, data: st.DataObject, text: str, final: bool, echo: bool) -> None:
        stretch = data.draw(st.sampled_from(sorted(self.world.waiting)))
        self.world.give(Understood(stretch, "" if echo and not final else text, final, echo))

    @precondition(lambda self: not self.voice)
    @rule(
        before=st.sampled_from([0, 100, 300, 560]),
        text=TEXTS,
        echo=st.booleans(),
        after=st.sampled_from([0, 120, 260, 700]),
        rest=st.sampled_from([-1, 0, 160, 700]),
    )
    def somebody_sounds(self, before: int, text: str, echo: bool, after: int, rest: int) -> None:
        """A cough, a word, an echo, an interruption: in one step, so that schedules get deep."""
        self.voice_changes(60)
        self.world.pass_time(before)
        if self.world.waiting:
            self.world.give(Understood(max(self.world.waiting), "" if echo else text, False, echo))
        self.world.pass_time(after)
        if rest >= 0:
            self.voice_changes(100)
            self.world.pass_time(rest)

    @precondition(lambda self: bool(self.world.waiting))
    @rule(data=st.data())
    def ears_fail(self, data: st.DataObject) -> None:
        stretch = data.draw(st.sampled_from(sorted(self.world.waiting)))
        del self.world.waiting[stretch]
        self.world.give(EngineFailed(Stage.HEARING, "broken", stretch=stretch))

    @precondition(lambda self: bool(self.world.thoughts))
    @rule(data=st.data(), text=SENTENCES, ends=st.booleans())
    def thought_goes_on(self, data: st.DataObject, text: str, ends: bool) -> None:
        reply = data.draw(st.sampled_from(sorted(self.world.thoughts)[-3:]))
        self.world.give(ReplyBegun(reply))
        self.world.give(ReplyFinished(reply) if ends else SentenceReady(reply, text))

    @precondition(lambda self: bool(self.world.thoughts))
    @rule(data=st.data())
    def thought_fails(self, data: st.DataObject) -> None:
        reply = data.draw(st.sampled_from(sorted(self.world.thoughts)[-3:]))
        self.world.give(EngineFailed(Stage.THINKING, "broken", reply=reply))

    @precondition(lambda self: any(thought.voicing for thought in self.world.thoughts.values()))
    @rule(data=st.data(), fails=st.sampled_from([False, False, False, True]))
    def voice_is_ready(self, data: st.DataObject, fails: bool) -> None:
        asked = [(reply, index) for reply, thought in self.world.thoughts.items() for index in thought.voicing]
        reply, index = data.draw(st.sampled_from(asked[-5:]))
        text = self.world.thoughts[reply].voicing[index]
        if fails:
            self.world.give(EngineFailed(Stage.VOICING, "broken", reply=reply, index=index))
        else:
            self.world.give(AudioReady(reply, index, utterance(text, "c", f"{reply}/{index}")))

    @precondition(lambda self: bool(self.world.thoughts))
    @rule(texts=st.lists(SENTENCES, max_size=3), ends=st.booleans())
    def reply_goes_well(self, texts: list[str], ends: bool) -> None:
        """The newest reply is written on, and what of it is asked for is voiced."""
        world = self.world
        reply = list(world.thoughts)[-1]
        for text in texts:
            world.give(SentenceReady(reply, text))
        if ends:
            world.give(ReplyFinished(reply))
        for index, text in list(world.thoughts[reply].voicing.items()):
            world.give(AudioReady(reply, index, utterance(text, "c", f"{reply}/{index}")))

    @precondition(lambda self: bool(self.world.waiting))
    @rule(text=TEXTS)
    def ears_finish(self, text: str) -> None:
        self.world.give(
            Understood(min(self.world.waiting), text, final=not self.world.waiting[min(self.world.waiting)])
        )

    @rule(text=TEXTS, really=st.integers(0, 5))
    def person_types(self, text: str, really: int) -> None:
        if really == 5:
            self.world.give(Typed(text))

    @rule(text=SENTENCES)
    def somebody_else_answers(self, text: str) -> None:
        self.world.give(TurnAnswered("operator", text))

    @rule(go=st.integers(0, 50))
    def person_leaves(self, go: int) -> None:
        if go == 50:
            self.world.give(HangUp())

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "world"):
            self.world.check()

    def teardown(self) -> None:
        """Every turn ends: the person is silent, no engine answers, and the floor comes to rest."""
        if not hasattr(self, "world") or self.world.broken:
            return
        world = self.world
        if self.voice:
            self.voice_changes(0)
        for _ in range(60):
            world.pass_time(1000)
            if world.machine.state in (State.QUIET, State.CLOSED) and not world.far.ids():
                break
        else:
            raise AssertionError(f"the turn does not end: {world.machine.state}")
        assert all(thought.committed or thought.abandoned for thought in world.thoughts.values()), (
            "a reply was forgotten"
        )


Conversation.TestCase.settings = settings(max_examples=examples(150), stateful_step_count=60, deadline=None)
TestConversation = Conversation.TestCase
