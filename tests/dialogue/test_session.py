"""Conversations on virtual time: a scripted person, scripted engines, the real core and the real playout."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator

import numpy as np
import pytest
from session_doubles import Says, Talk, raised

from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import Clear, EngineFailed, Note, Pause, Report, Stage, State
from duologue.errors import InputError, PeerError
from duologue.language.fake import ScriptedReply
from duologue.language.languages import ENGLISH
from duologue.simulation.virtual_time import simulate
from duologue.speech.hearing import Expected, Transcript, VoicePresence
from duologue.speech.hearing_fake import FakeHearing, Hearing, evenly
from heap import kinds

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

APOLOGIES = ENGLISH.apologies.model_dump()

NOON = ScriptedReply("It is nearly noon in this town. The clock on the tower says so.", 0.2)
WHOLE = "It is nearly noon in this town. The clock on the tower says so."
ASKS = Says(1.0, "what time is it please Ada")


def first_sentence(utterance_id: str) -> bool:
    return utterance_id.endswith("/0")


def any_sentence(utterance_id: str) -> bool:
    return "/" in utterance_id


def anything(utterance_id: str) -> bool:
    return bool(utterance_id)


def test_a_question_and_its_answer() -> None:
    talk = simulate(Talk([ASKS], [NOON]).run())
    assert talk.context() == [("person", ASKS.text), ("ada", WHOLE)]
    (begin, _), *_ = talk.sounding()
    assert ASKS.end < begin < ASKS.end + 1.0
    assert talk.activity.streams == set()


def test_no_word_is_cut_at_the_onset() -> None:
    talk = simulate(Talk([ASKS], [NOON]).run())
    assert talk.ears.seconds[0] >= 0.25 + (ASKS.end - ASKS.at)


def test_speculation_saves_the_final_and_the_thinking() -> None:
    spans: list[float] = []
    for speculate in (True, False):
        talk = simulate(Talk([ASKS], [NOON, NOON], policy=Policy(speculate=speculate)).run())
        assert talk.context() == [("person", ASKS.text), ("ada", WHOLE)]
        assert (Note.SPECULATION_HIT in talk.notes()) == speculate
        spans.append(talk.sounding()[0][0])
    assert spans[0] < spans[1]


def test_an_interruption_cuts_the_sound_and_the_context_to_what_was_heard() -> None:
    stop = Says(5.0, "wait a moment")
    talk = simulate(Talk([ASKS, stop], [NOON, ScriptedReply("Yes?")]).run())
    person, heard, again, answer = talk.context()
    assert person == ("person", ASKS.text) and again == ("person", stop.text) and answer == ("ada", "Yes?")
    assert WHOLE.startswith(heard[1]) and 0 < len(heard[1]) < len(WHOLE)
    (begin, end), *_ = talk.sounding()
    assert end < stop.at + 0.2 + 0.1
    said = (end - begin) // 0.3
    assert abs(len(heard[1].split()) - said) <= 1
    (cleared,) = [at for at, item in talk.log if isinstance(item, Clear)]
    assert cleared >= (stop.at + 0.15) * 1000 * MILLISECOND


@pytest.mark.parametrize("cough", [Says(5.0, seconds=0.3), Says(5.0, "mm-hm")])
def test_a_cough_or_a_backchannel_lets_the_character_go_on(cough: Says) -> None:
    talk = simulate(Talk([ASKS, cough], [NOON]).run())
    assert talk.context() == [("person", ASKS.text), ("ada", WHOLE)]
    assert Note.FALSE_ALARM in talk.notes()


def test_our_own_words_coming_back_do_not_interrupt_us() -> None:
    """The first echo holds us for a moment; after that we know the room."""
    first = Hearing(evenly(ASKS.text, 0.3, 0.3), latency=100 * MILLISECOND)
    echoes = [Hearing(final="is nearly", latency=100 * MILLISECOND), Hearing(final="in this", latency=1)]
    script = [ASKS, Says(4.0, seconds=0.35), Says(5.4, seconds=0.35)]
    talk = simulate(Talk(script, [NOON], hearing=[first, *echoes]).run())
    assert talk.context() == [("person", ASKS.text), ("ada", WHOLE)]
    assert Note.ECHO in talk.notes() and sum(isinstance(item, Pause) for _, item in talk.log) == 1


@pytest.mark.parametrize("late", [0.0, 0.6, 0.9])
def test_the_echo_of_a_far_end_whose_reports_come_late_is_expected_when_it_sounds(late: float) -> None:
    first = Hearing(evenly(ASKS.text, 0.3, 0.3), latency=100 * MILLISECOND)
    reply = ScriptedReply("It is nearly noon in this quiet little town by the wide and very old river", 0.2)
    talk = Talk([ASKS, Says(4.4, seconds=0.35)], [reply], hearing=[first, Hearing(final="nearly noon", latency=1)])
    talk.report_seconds = late
    simulate(talk.run())
    (begin, _), *_ = talk.sounding()
    assert begin + 0.5 < 4.4 < begin + 1.2  # "nearly" and "noon" sound then
    assert talk.context() == [("person", ASKS.text), ("ada", reply.text)]
    assert Note.ECHO in talk.notes() and Note.INTERRUPTED not in talk.notes()


def test_half_duplex_hears_nothing_while_it_speaks() -> None:
    talk = simulate(Talk([ASKS, Says(5.0, "wait a moment")], [NOON], policy=Policy(half_duplex=True)).run())
    assert talk.context() == [("person", ASKS.text), ("ada", WHOLE)]
    assert len(talk.ears.calls) == 1


def test_who_goes_on_speaking_is_answered_once_and_whole() -> None:
    script = [Says(1.0, "I went there"), Says(2.7, "in a yellow car")]
    talk = simulate(
        Talk(
            script,
            [ScriptedReply("Late.", 0.4)] * 2 + [ScriptedReply("Of course.")] * 3,
            policy=Policy(speculate=False),
        ).run()
    )
    assert talk.context()[0] == ("person", "I went there in a yellow car")
    assert len(talk.context()) == 2 and len(talk.sounding()) == 1


def test_the_character_may_begin() -> None:
    talk = simulate(Talk([], [ScriptedReply("Hello there.")], greet=True, seconds=4).run())
    assert talk.context() == [("ada", "Hello there.")]


def test_typed_words_are_answered_like_spoken_ones() -> None:
    talk = Talk([], [ScriptedReply("Good evening.")], seconds=5)

    async def types() -> AsyncGenerator[Samples, None]:
        talk.session.say("Hello")
        async for block in talk.source():
            yield block

    simulate(talk.run(types))
    assert talk.context() == [("person", "Hello"), ("ada", "Good evening.")]


@pytest.mark.parametrize(
    ("replies", "said"),
    [
        ([ScriptedReply(failure="refused", pieces=0)] * 4, APOLOGIES[Stage.THINKING]),
        ([ScriptedReply(hang=True)] * 4, APOLOGIES[Stage.THINKING]),
        ([ScriptedReply("🙂", 0.1)] * 4, APOLOGIES[Stage.THINKING]),
        ([ScriptedReply("You are a motherfucker. And more.", 0.1)] * 4, "Let us talk of something else."),
    ],
)
def test_thinking_that_fails_is_a_part_of_the_conversation(replies: list[ScriptedReply], said: str) -> None:
    talk = simulate(Talk([ASKS], replies, seconds=30).run())
    assert talk.context() == [("person", ASKS.text), ("ada", said)]


def test_a_voice_that_fails_leaves_out_a_sentence_or_is_apologised_for() -> None:
    talk = Talk([ASKS], [NOON, NOON])
    talk.voice.fails = first_sentence
    assert simulate(talk.run()).context()[1] == ("ada", "The clock on the tower says so.")
    talk = Talk([ASKS], [NOON, NOON])
    talk.voice.fails = any_sentence
    assert simulate(talk.run()).context()[1] == ("ada", APOLOGIES[Stage.VOICING])


@pytest.mark.parametrize("hearing", [Hearing(error=PeerError("deaf")), Hearing(hang=True)])
def test_ears_that_fail_are_a_part_of_the_conversation(hearing: Hearing) -> None:
    talk = simulate(Talk([ASKS], hearing=[hearing]).run())
    assert talk.context() == [("ada", APOLOGIES[Stage.HEARING])]
    assert {Note.FAILED, Note.STALLED} & set(talk.notes())


def test_everything_broken_ends_every_turn_and_says_why() -> None:
    talk = Talk([ASKS, Says(15, "hello")], [ScriptedReply(failure="refused", pieces=0)] * 9, seconds=40)
    talk.voice.fails = anything
    simulate(talk.run())
    assert talk.session.state is State.CLOSED and talk.sounding() == []
    assert [text for _, text in talk.context()] == [ASKS.text, "hello"]
    assert {item.stage for _, item in talk.log if isinstance(item, EngineFailed)} == {Stage.THINKING, Stage.VOICING}


def test_a_sink_that_reports_nothing_is_noticed() -> None:
    talk = Talk([ASKS], [NOON])
    talk.deaf = True
    simulate(talk.run())
    assert any(isinstance(item, Report) and item.stage is Stage.PLAYING for _, item in talk.log)
    assert talk.context() == [("person", ASKS.text)]


@pytest.mark.parametrize("seconds", [0.5, 1.5, 2.95, 3.3, 3.6, 5.0])
def test_hanging_up_in_any_state_ends_everything(seconds: float) -> None:
    talk = simulate(Talk([ASKS], [NOON, NOON], seconds=seconds).run())
    assert talk.session.state is State.CLOSED and talk.activity.streams == set()


@pytest.mark.parametrize(
    "block",
    [np.zeros((160, 2), np.float32), np.zeros(160, np.int16), np.full(160, np.nan, np.float32)],
)
def test_sound_of_another_kind_is_refused(block: Samples) -> None:
    async def source() -> AsyncGenerator[Samples, None]:
        yield block

    assert isinstance(simulate(raised(Talk([]).run(source))), InputError)


def test_sound_faster_than_real_time_is_taken() -> None:
    async def source() -> AsyncGenerator[Samples, None]:
        for _ in range(3000):
            yield np.full(320, 0.5, np.float32)

    talk = Talk([])
    simulate(talk.run(source))
    assert talk.session.state is State.CLOSED


class Chatterbox(FakeHearing):
    """Ten thousand partials at once, then nonsense."""

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        for number in range(10_000):
            yield Transcript(f"word {number}")
        async for _ in sound:
            pass
        yield Transcript("\x00" + "ten four " * 100_000, final=True)


def test_an_ear_that_never_stops_talking_floods_nothing() -> None:
    talk = Talk([ASKS], [NOON] * 9)
    talk.ears = Chatterbox(clock=talk.clock)
    simulate(talk.run())
    assert len(talk.context()[0][1]) <= 4000 and talk.context()[1] == ("ada", WHOLE)


@pytest.mark.slow
def test_ten_minutes_without_a_pause_are_answered_and_bounded() -> None:
    """What there is after nine minutes was there after four, and no sound of a turn is lost or heard twice."""
    counts: list[Counter[str]] = []
    talk = Talk([Says(1.0, seconds=600.0)], [NOON] * 20, hearing=[Hearing(evenly("so it goes"))] * 40, seconds=605)

    async def counted() -> AsyncGenerator[Samples, None]:
        number = 0
        async for block in talk.source():
            yield block
            number += 1
            talk.played.clear()
            talk.log.clear()
            if number in (50 * 240, 50 * 540):
                counts.append(kinds())

    simulate(talk.run(counted))
    assert len([text for speaker, text in talk.context() if speaker == "ada"]) >= 4
    assert max(talk.ears.seconds) < 32
    turns = [talk.ears.seconds[begin:end] for begin, end in ((0, 4), (4, 9), (9, 14), (14, 19))]
    assert [round(sum(turn)) for turn in turns] == [
        121,
        120,
        120,
        120,
    ]  # 120, until the cut, and the first one's pre-roll
    assert 600 <= sum(talk.ears.seconds) <= 600.5  # what was said over the answers as well, and nothing twice
    early, late = counts
    grown = {name: late[name] - early[name] for name in late if late[name] - early[name] > 50}
    assert not grown, grown


def test_the_same_conversation_twice_is_the_same() -> None:
    logs = [
        [(at, repr(item)) for at, item in simulate(Talk([ASKS, Says(5.0, "wait a moment")], [NOON, NOON]).run()).log]
        for _ in range(2)
    ]
    assert logs[0] == logs[1] and len(logs[0]) > 50
