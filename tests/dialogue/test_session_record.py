"""What is written down of a conversation with a person: in scripted ones, and in every order of events whatever."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fault_doubles import Scene
from hypothesis import settings
from hypothesis.stateful import invariant
from session_doubles import Says, Talk
from test_turns_invariants import Conversation
from turns_script import asks, replies, speaking, starts, stops, understands, voices
from turns_world import World

from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND, SECOND, milliseconds
from duologue.dialogue.session.record import SessionRecorder
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import (
    AudioReady,
    BeginStretch,
    Commit,
    Effect,
    Event,
    HangUp,
    Note,
    Report,
    Say,
    SpeechStopped,
    State,
    TakenOffHold,
    Think,
    TurnCommitted,
    TurnOpened,
    Typed,
    Understood,
)
from duologue.errors import PeerError
from duologue.language.chain import LanguageChain
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.language.languages import ENGLISH
from duologue.simulation.virtual_time import simulate
from duologue.speech.hearing_fake import Hearing, evenly
from duologue.speech.utterance import Utterance
from duologue.telemetry.ledger import EndingOutcome, EndingRecord, TurnRecord
from duologue.telemetry.turns import FINAL_STATES, silence_ms
from few_examples import examples

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

APOLOGIES = ENGLISH.apologies.model_dump()

ASKS = Says(1.0, "what time is it please Ada")
NOON = ScriptedReply("It is nearly noon in this town. The clock on the tower says so.", 0.2)
WHOLE = "It is nearly noon in this town. The clock on the tower says so."
STAGES = ["endpointing", "transcript", "floor", "first_token", "first_sentence", "voice", "playout"]


def untold(record: EndingRecord) -> None:
    pass


def recorded(talk: Talk | Scene, decided: Callable[[EndingRecord], None] = untold) -> list[TurnRecord]:
    """The records of a conversation as last told, in the order in which they appeared."""
    kept: dict[str, TurnRecord] = {}
    recorder = SessionRecorder("c", "ada", "person", lambda record: kept.update({record.id: replace(record)}), decided)
    for now, item in talk.log:
        recorder.take(item, now)
    for record in kept.values():
        check_sum(record)
    return list(kept.values())


def check_sum(record: TurnRecord) -> None:
    stages = silence_ms(record)
    if record.kind == "answer" and record.question and record.on_air:
        assert list(stages) == STAGES
    if stages:
        assert min(stages.values()) >= 0
        assert sum(stages.values()) == pytest.approx(milliseconds(record.on_air - record.spoken_to), abs=1e-6)


def talked(*args: Any, **options: Any) -> tuple[Talk, list[TurnRecord]]:
    talk = simulate(Talk(*args, **options).run())
    return talk, recorded(talk)


def test_a_question_and_its_answer() -> None:
    talk, (person, answer) = talked([ASKS], [NOON, NOON], policy=Policy(speculate=False, final_ahead_ms=0))
    assert (person.kind, person.speaker, person.text, person.state) == ("person", "person", ASKS.text, "ended")
    assert (answer.kind, answer.speaker, answer.text, answer.heard) == ("answer", "ada", WHOLE, WHOLE)
    assert (answer.question, answer.state, answer.interrupted, answer.failure) == (person.id, "ended", False, "")
    assert person.number < answer.number
    assert person.ended == answer.spoken_to and abs(person.ended - ASKS.end * SECOND) < 70 * MILLISECOND
    stages = silence_ms(answer)
    assert stages["endpointing"] == pytest.approx(answer.gap_ms, abs=1) and answer.why
    assert stages["transcript"] > 50 and stages["first_token"] + stages["first_sentence"] > 150
    assert stages["voice"] == pytest.approx(50, abs=1) and stages["playout"] <= 20
    (begin, end), *_ = talk.sounding()
    assert answer.on_air / SECOND == pytest.approx(begin, abs=0.021)
    assert answer.ended / SECOND == pytest.approx(end, abs=0.041)


@pytest.mark.parametrize("begins", [1.2, 1.7, 1.9, 2.04, 2.9])
@pytest.mark.parametrize("seconds", [3.0, 25.0])
def test_a_hold_before_an_answer_is_nobodys_silence(begins: float, seconds: float) -> None:
    """While they speak, in their pause, and while it is thought: nobody was there to wait."""
    scene = Scene([Says(0.4, "what time is it")], holds=[(begins, begins + seconds)], seconds=begins + seconds + 12.0)
    endings: list[EndingRecord] = []
    records = recorded(simulate(scene.run()), endings.append)
    back = next(at for at, item in scene.log if isinstance(item, TakenOffHold))
    person, answer = records[0], records[-1]
    assert person.on_air < person.ended <= round(min(1.7, begins + 0.07) * SECOND)  # the voice ends with the line
    assert answer.heard and answer.spoken_to == back
    assert 0 <= sum(silence_ms(answer).values()) < 2_500 and 0 <= answer.waited_ms < 2_500
    assert 0 <= endings[-1].silence_ms <= endings[-1].wait_ms and not any(endings[-1].pauses)


@pytest.mark.parametrize("at", [2.25, 2.32, 2.45])
def test_who_types_while_their_voice_comes_up_has_made_one_pause(at: float) -> None:
    endings: list[EndingRecord] = []
    scene = Scene([Says(0.4, "what time is it"), Says(2.3, "please now")], typed=[(at, "in Oslo")], seconds=16.0)
    person = recorded(simulate(scene.run()), endings.append)[0]
    assert person.text == "what time is it in Oslo please now" and person.pauses == 1
    assert [pause > 600 for pause in endings[-1].pauses] == [True]


def test_a_voice_that_was_left_as_it_went_ends_no_sooner_than_its_turn_begins() -> None:
    """The owner speaks where the last word has gone, which is known two frames later: the rest is a turn of its own."""
    turns: dict[str, TurnRecord] = {}
    recorder = SessionRecorder("c", "ada", "person", lambda record: turns.update({record.id: replace(record)}))
    recorder.take(TurnOpened(1, 2 * SECOND), 2 * SECOND)
    recorder.take(BeginStretch(1, 2 * SECOND), 2 * SECOND)
    recorder.take(SpeechStopped(2 * SECOND - 48 * MILLISECOND, 18.0), 2 * SECOND + 64 * MILLISECOND)
    recorder.take(Understood(1, "one", final=True), 3 * SECOND)
    recorder.take(Think("r1", "one", False), 3 * SECOND)
    assert turns["c/p1"].ended == turns["c/p1"].on_air == turns["c/r1"].spoken_to == 2 * SECOND


def test_another_sink_before_the_first_word_is_no_fault_of_the_voice() -> None:
    """It had the sound long before; nobody played it."""
    scene = Scene([Says(0.4, "what time is it")], seconds=16.0, policy=Policy(playout_ms=8_000))
    dead = [True]
    play = scene.play

    async def unheard(utterance: Utterance, gap_ms: int) -> None:
        if not dead[0]:
            await play(utterance, gap_ms)

    def attach(scene: Scene) -> bool:
        if dead[0] and scene.clock.now() > 6 * SECOND:
            dead[0] = False
            scene.session.control.attach(scene)
        return False

    scene.play, scene.done = unheard, attach
    answer = recorded(simulate(scene.run()))[-1]
    stages = silence_ms(answer)
    assert answer.heard and stages["voice"] < 100 and stages["playout"] > 2_000


def test_sentences_that_the_speech_cache_had_are_counted_once() -> None:
    kept: dict[str, TurnRecord] = {}
    recorder = SessionRecorder("c", "ada", "person", lambda record: kept.update({record.id: replace(record)}))
    there = Utterance("u1", "ada", "Well.", np.zeros(480, np.float32), cached=True)
    made = replace(there, id="u2", text="It is noon.", cached=False)
    recorder.take(Think("r1", "what time is it", False), SECOND)
    for utterance, index in ((there, 0), (there, 0), (made, 1)):
        recorder.take(AudioReady("r1", index, utterance), 2 * SECOND)
    assert kept["c/r1"].cached == 1


def test_a_final_transcript_that_was_asked_for_ahead_takes_no_time() -> None:
    _, (_, answer) = talked([ASKS], [NOON, NOON], policy=Policy(speculate=False))
    assert silence_ms(answer)["transcript"] == 0 and answer.spoken_to < answer.understood < answer.decided
    assert answer.why not in ("", "judged")


def test_speculation_takes_no_time_and_tells_what_it_saved() -> None:
    _, (_, answer) = talked([ASKS], [NOON, NOON])
    assert answer.adopted and answer.saved_ms > 0 and answer.asked < answer.decided
    assert silence_ms(answer)["first_token"] == 0


def test_a_speculation_that_was_withdrawn_leaves_no_record_but_counts() -> None:
    heard = Hearing(evenly("I went there again", 0.3), "I went away from there", latency=100 * MILLISECOND)
    late = Policy(final_ahead_ms=0)
    talk, records = talked([Says(1.0, "I went away from there")], [NOON] * 4, hearing=[heard], policy=late)
    person, answer = records
    missed = [item for _, item in talk.log if isinstance(item, Report) and item.note is Note.SPECULATION_MISS]
    assert person.misses == len(missed) > 0
    assert person.wasted_ms == pytest.approx(sum(item.ms for item in missed))
    assert not answer.adopted and answer.saved_ms == 0


def test_an_interruption_has_its_onset_its_silence_and_what_was_heard() -> None:
    stop = Says(5.0, "wait a moment")
    talk, records = talked([ASKS, stop], [NOON, ScriptedReply("Yes?")])
    _, answer, question, second = records
    assert answer.interrupted and 0 < len(answer.heard) < len(WHOLE) and answer.text == WHOLE
    assert answer.taken / SECOND == pytest.approx(stop.at, abs=0.07)
    assert answer.ended / SECOND == pytest.approx(talk.sounding()[0][1], abs=0.041)
    assert question.text == stop.text and second.question == question.id


@pytest.mark.parametrize("cough", [Says(5.0, seconds=0.3), Says(5.0, "mm-hm")])
def test_a_cough_is_no_turn_but_counts_on_the_reply(cough: Says) -> None:
    _, records = talked([ASKS, cough], [NOON])
    assert len(records) == 2
    assert records[1].false_alarms == 1 and records[1].heard == WHOLE and not records[1].taken


def test_a_reply_withdrawn_before_its_first_word_leaves_its_question_open() -> None:
    script = [Says(1.0, "I went there"), Says(2.75, "in a yellow car")]
    _, records = talked(
        script, [ScriptedReply("Late.", 1.4), ScriptedReply("Of course.")], policy=Policy(speculate=False)
    )
    by_state = {record.state: record for record in records if record.kind == "answer"}
    (person,) = [record for record in records if record.kind == "person"]
    assert person.text == "I went there in a yellow car"
    assert by_state["withdrawn"].question == by_state["ended"].question == person.id
    assert by_state["withdrawn"].heard == "" and by_state["ended"].heard == "Of course."


def test_a_greeting_answers_nobody_and_typed_words_are_a_turn() -> None:
    talk = Talk([], [ScriptedReply("Hello there."), ScriptedReply("Good evening.")], greet=True, seconds=8)

    async def types() -> AsyncGenerator[Samples, None]:
        number = 0
        async for block in talk.source():
            number += 1
            if number == 200:
                talk.session.say("Hello")
            yield block

    greeting, person, answer = recorded(simulate(talk.run(types)))
    assert (greeting.kind, greeting.question, greeting.spoken_to, silence_ms(greeting)) == ("answer", "", 0, {})
    assert (person.text, person.why, person.state) == ("Hello", "typed", "ended")
    assert answer.question == person.id and silence_ms(answer)["endpointing"] == 0


def test_a_late_model_is_filled_in_for_apologised_for_and_named() -> None:
    _, (_, answer) = talked([ASKS], [ScriptedReply(hang=True)] * 4, seconds=30)
    assert answer.fillers == 3 and answer.filled < answer.on_air
    assert answer.stalls == ("thinking",) and answer.failure.startswith("thinking: ")
    assert answer.apologised and silence_ms(answer)["first_token"] > 10_000


def test_what_goes_wrong_twice_is_named_once() -> None:
    talk, (_, answer) = talked([ASKS], [ScriptedReply(hang=True)] * 4, seconds=30)
    late = [(now, item) for now, item in talk.log if isinstance(item, Report) and item.note is Note.STALLED]
    talk.log = [each for entry in talk.log for each in [entry] * (2 if entry in late else 1)]
    _, twice = recorded(talk)
    assert (twice.failure, twice.stalls) == (answer.failure, 2 * answer.stalls) and late


def test_ears_that_fail_leave_a_turn_without_words_and_an_apology() -> None:
    _, (person, answer) = talked([ASKS], [NOON], hearing=[Hearing(error=PeerError("broken"))])
    assert (person.text, person.state) == ("", "failed") and person.failure.startswith("hearing: ")
    assert answer.failure.startswith("hearing: ") and answer.question == person.id


def decisions(talk: Talk) -> list[EndingRecord]:
    """The decision log of a conversation."""
    found: list[EndingRecord] = []
    recorder = SessionRecorder("c", "ada", "person", lambda record: None, found.append)
    for now, item in talk.log:
        recorder.take(item, now)
    return found


def test_the_decision_log_says_why_a_turn_was_over_and_what_came_of_it() -> None:
    script = [Says(1.0, "I went there and"), Says(3.0, "in a yellow car")]
    talk, records = talked(script, [ScriptedReply("Of course.")], policy=Policy(speculate=False))
    (ending,) = decisions(talk)
    assert (ending.turn, ending.outcome, ending.said) == (records[0].id, EndingOutcome.ANSWERED, records[0].text)
    assert ending.silence_ms == pytest.approx(ending.wait_ms, abs=40) and ending.why == records[1].why
    (pause,) = ending.pauses
    assert pause == pytest.approx(800, abs=70)


def test_a_decision_that_came_too_early_is_told_as_such() -> None:
    script = [Says(1.0, "I went there"), Says(2.75, "in a yellow car")]
    talk, _ = talked(script, [ScriptedReply("Late.", 1.4), ScriptedReply("Of course.")], policy=Policy(speculate=False))
    early, right = decisions(talk)
    assert (early.outcome, early.said) == (EndingOutcome.WENT_ON, "I went there")
    assert right.outcome is EndingOutcome.ANSWERED and len(right.pauses) == 1 and right.turn == early.turn


def test_a_noise_without_words_ends_in_nothing_said() -> None:
    talk, records = talked([Says(1.0, seconds=0.6)], seconds=6)
    assert records == [] and [ending.outcome for ending in decisions(talk)] == [EndingOutcome.NOTHING_SAID]


def test_a_clear_voice_without_words_is_answered_by_an_apology_that_tells_its_cause() -> None:
    _, (person, answer) = talked([Says(1.0, seconds=1.5)], seconds=8)
    assert (person.text, person.state) == ("", "failed") and "no words" in person.failure
    assert answer.question == person.id and "no words" in answer.failure and answer.apologised
    assert answer.state == "ended" and answer.heard == APOLOGIES["missed"]


@pytest.mark.parametrize("seconds", [3.55, 3.7, 3.8, 4.2])
def test_who_hangs_up_on_an_apology_leaves_a_turn_that_failed(seconds: float) -> None:
    _, records = talked([ASKS], [NOON], hearing=[Hearing(error=PeerError("broken"))] * 9, seconds=seconds)
    assert records and all(record.state in FINAL_STATES for record in records)
    assert {record.state for record in records if record.kind == "person"} == {"failed"}


@pytest.mark.parametrize("seconds", [1.5, 3.05, 3.3, 3.6, 4.5, 5.35])
def test_a_hang_up_ends_every_record(seconds: float) -> None:
    talk, records = talked([ASKS, Says(5.0, "wait a moment")], [NOON, NOON], seconds=seconds)
    committed = [item for _, item in talk.log if isinstance(item, Commit)]
    assert all(record.state in FINAL_STATES for record in records)
    heard = [record.heard for record in records if record.kind == "answer" and record.state == "ended"]
    assert heard == [item.heard for item in committed if item.reply]


def test_a_reply_that_was_put_on_hold_ends_when_all_of_it_was_heard() -> None:
    talk = Talk([ASKS], [NOON] * 2, seconds=14.0)

    async def source() -> AsyncGenerator[Samples, None]:
        number = 0
        async for block in talk.source():
            number += 1
            if number == round(4.0 * 50):
                talk.session.control.hold()
            elif number == round(6.0 * 50):
                talk.session.control.unhold()
            yield block

    simulate(talk.run(source))
    _, answer = recorded(talk)
    assert (answer.heard, answer.state, answer.interrupted) == (WHOLE, "ended", False)
    silent = talk.sink.began + round(talk.sounding()[-1][1] * SECOND)
    assert answer.ended == pytest.approx(silent, abs=50 * MILLISECOND)


def test_a_handover_is_on_the_record_of_the_turn_that_it_befell() -> None:
    talk = Talk([ASKS], seconds=8)
    broken = FakeLanguage([ScriptedReply(failure="429", pieces=0)] * 2, talk.clock)
    chain = LanguageChain([broken, FakeLanguage([NOON] * 2, talk.clock)], clock=talk.clock)
    talk.model = chain  # type: ignore[assignment]
    person, answer = recorded(simulate(talk.run()))
    assert answer.handovers and all("fake took over" in words and "429" in words for words in answer.handovers)
    assert person.handovers == () and answer.failure == ""


def written_down(decided: Callable[[EndingRecord], None] = lambda ending: None) -> tuple[World, dict[str, TurnRecord]]:
    """A world, and the records of what happens in it as last told."""
    world, kept = World(), dict[str, TurnRecord]()
    recorder = SessionRecorder("c", "ada", "person", lambda record: kept.update({record.id: replace(record)}), decided)
    world.observe = recorder.take
    return world, kept


def owner_says(world: World, words: str) -> None:
    """Now, and it is heard to its end."""
    world.give(Say((words,)))
    world.pass_time(0)
    voices(world)
    world.pass_time(3_000)


def said(kept: dict[str, TurnRecord]) -> list[tuple[str, str, str]]:
    return [(record.kind, record.text, record.state) for record in kept.values()]


def test_what_the_owner_answers_is_over_and_what_is_said_next_is_a_turn_of_its_own() -> None:
    world, kept = written_down()
    starts(world)
    world.pass_time(400)
    understands(world, "I was wondering whether")
    stops(world)
    owner_says(world, "Your time is up.")
    asks(world, "What time is it?")
    replies(world, "It is noon.")
    world.pass_time(3_000)
    assert said(kept) == [
        ("person", "I was wondering whether", "ended"),
        ("answer", "Your time is up.", "ended"),
        ("person", "What time is it?", "ended"),
        ("answer", "It is noon.", "ended"),
    ]


def test_words_that_were_none_are_withdrawn_when_the_owner_speaks() -> None:
    world, kept = written_down()
    starts(world)
    world.pass_time(400)
    understands(world, "mm-hm")
    understands(world, "")
    owner_says(world, "One moment.")
    assert said(kept) == [("person", "mm-hm", "withdrawn"), ("answer", "One moment.", "ended")]


def test_a_question_that_was_open_again_is_over_when_the_owner_answers_it() -> None:
    world, kept = written_down()
    speaking(world, after=100)
    world.give(Typed("in which town"))
    assert world.machine.state is State.CLEARING
    owner_says(world, "One moment.")
    assert world.commits == [Commit("What time is it? in which town", "One moment.", "r2", False)]
    assert said(kept)[0] == ("person", "What time is it? in which town", "ended")
    assert said(kept)[-1] == ("answer", "One moment.", "ended")


@pytest.mark.parametrize("words", ["", "What time"])
def test_of_a_turn_that_was_committed_over_the_voice_nothing_had_been_waited_for(words: str) -> None:
    endings: list[EndingRecord] = []
    world, _ = written_down(endings.append)
    starts(world)
    world.pass_time(500)
    world.give(TurnCommitted())
    if words:
        understands(world, words)
        world.give(HangUp())
    else:
        understands(world, words, final=True)
    (ending,) = endings
    assert ending.outcome is (EndingOutcome.HUNG_UP if words else EndingOutcome.NOTHING_SAID)
    assert (ending.why, ending.silence_ms) == ("committed", 0.0)


class Recorded(Conversation):
    """The records of every schedule: each exchange of the context is there, each record ends, each silence adds up."""

    def new_world(self, policy: Policy) -> World:
        world = super().new_world(policy)
        self.kept: dict[str, TurnRecord] = {}
        self.endings: list[EndingRecord] = []
        recorder = SessionRecorder("c", "c", "p", self.changed, self.endings.append)

        def observe(item: Event | Effect, now: int) -> None:
            recorder.take(item, now)

        world.observe = observe
        return world

    def changed(self, record: TurnRecord) -> None:
        before = self.kept.get(record.id)
        assert before is None or before.state not in FINAL_STATES, "a record that has ended changes"
        self.kept[record.id] = replace(record)
        check_sum(record)

    @invariant()
    def every_exchange_is_recorded(self) -> None:
        if not hasattr(self, "kept") or self.world.broken:
            return
        exchanges = [commit for commit in self.world.commits if commit.reply]
        answers = {record.id: record for record in self.kept.values() if record.kind == "answer"}
        for commit in exchanges:
            answer = answers[f"c/{commit.reply}"]
            assert answer.state in ("ended", "failed") and answer.heard == commit.heard
            assert answer.interrupted == commit.interrupted
            asked = self.kept[answer.question].text if answer.question else ""
            assert asked == commit.person
        recorded = sum(answer.state in ("ended", "failed") for answer in answers.values())
        assert recorded == len(exchanges)

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "kept") and not self.world.broken:
            self.world.give(HangUp())
            assert self.world.machine.state is State.CLOSED
            assert all(record.state in FINAL_STATES for record in self.kept.values())
            self.every_exchange_is_recorded()
            assert all(ending.silence_ms >= 0 for ending in self.endings)
            decided = [note for note in self.world.notes() if note in (Note.TURN_ENDED, Note.OVERLONG)]
            assert sum(ending.why not in ("judged", "typed", "") for ending in self.endings) == len(decided)


Recorded.TestCase.settings = settings(max_examples=examples(60), stateful_step_count=60, deadline=None)
TestRecorded = Recorded.TestCase
