"""No word of the person is lost or taken twice, whatever is typed, said or late meanwhile."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable

import pytest
from fault_doubles import Scene
from session_doubles import ADA, Says
from slow_ears import EVERY, GappedScene, SlowEar, said

from duologue.audio.pcm import Samples
from duologue.clock import SECOND
from duologue.dialogue.session.session import Session
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import Filler, Note, Stage, State, When
from duologue.simulation.virtual_time import simulate
from duologue.speech.hearing import EAR_RATE

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute
LONG = tuple(f"word{number}" for number in range(40))


def held(
    script: tuple[Says, ...],
    takes: float,
    at: float,
    do: Callable[[Session], None],
    every: int = EVERY,
    breaks: int = 0,
) -> GappedScene:  # fmt: skip
    """Somebody does that meanwhile; long speech is settled in pieces of 5 s."""
    scene = GappedScene(script, seconds=24.0, policy=Policy(stretch_ms=5_000))
    scene.ears = SlowEar(scene.words, lambda: takes, every, breaks)
    left = [do]

    def act(scene: Scene) -> bool:
        if left and scene.clock.now() >= at * 1e9:
            left.pop()(scene.session)
        return scene.clock.now() > 18e9 and scene.session.state is State.QUIET

    scene.done = act
    simulate(scene.run())
    return scene


def types(session: Session) -> None:
    session.say("typed")


def whispers(session: Session) -> None:
    session.control.speak("One moment please.")


@pytest.mark.parametrize("takes", [0.05, 0.4])
@pytest.mark.parametrize("at", [5.9, 6.1, 6.3, 6.9])
def test_who_types_around_a_cut_of_their_long_speech_loses_no_word(at: float, takes: float) -> None:
    words = said(held((Says(1.0, " ".join(LONG)),), takes, at, types))
    words.remove("typed")
    words.sort(key=LONG.index)  # where two stretches are behind, what is understood last comes last
    assert words == list(LONG)


@pytest.mark.parametrize("do", [types, whispers])
@pytest.mark.parametrize("at", [4.2, 5.5])
def test_where_the_newest_words_are_long_not_understood_none_is_lost_either(
    at: float, do: Callable[[Session], None]
) -> None:
    words = said(held((Says(1.0, " ".join(LONG)),), 0.1, at, do, every=3 * EAR_RATE))
    assert [word for word in words if word != "typed"] == list(LONG)


@pytest.mark.parametrize("do", [types, whispers])
@pytest.mark.parametrize("at", [5.4, 5.6, 5.9, 6.3, 7.0])
def test_who_speaks_over_our_reply_loses_no_word_while_the_floor_is_cleared(
    at: float, do: Callable[[Session], None]
) -> None:
    """Its last word on what it played takes a moment, and the person goes on."""
    words = said(held((Says(1.0, "word0 word1"), Says(5.0, " ".join(LONG[2:20]))), 0.1, at, do))
    assert sorted((word for word in words if word != "typed"), key=LONG.index) == list(LONG[:20])


def test_who_types_before_the_gap_at_which_their_committed_turn_is_cut_loses_no_word() -> None:
    """And is only half understood by then."""

    def does(session: Session) -> None:
        session.control.commit_turn()
        session.say("typed")

    for at in (3.15, 3.25):
        words = said(held((Says(1.0, " ".join(LONG[:12])),), 0.9, at, does))
        assert sorted((word for word in words if word != "typed"), key=LONG.index) == list(LONG[:12])


@pytest.mark.parametrize("breaks", [1, 2])
def test_ears_that_break_in_the_middle_of_a_sentence_lose_none_of_it(breaks: int) -> None:
    """The next ones are asked a second later, and begin with what was not understood before."""
    scene = held((Says(1.0, " ".join(LONG[:30])),), 0.1, 30.0, types, breaks=breaks)
    assert said(scene) == list(LONG[:30])
    assert isinstance(scene.ears, SlowEar) and scene.ears.breaks == 0


@pytest.mark.parametrize("goes_on", [5.0, 5.2, 5.6, 6.1, 9.0])
@pytest.mark.parametrize("takes", [1.6, 2.1])
def test_of_ears_that_break_behind_the_end_what_nobody_understood_is_told(goes_on: float, takes: float) -> None:
    """They are at the final transcript of a stretch that has ended, and somebody may have gone on since."""
    script = Says(1.0, " ".join(LONG[:12])), Says(goes_on, " ".join(LONG[12:15]))
    scene = held(script, takes, 30.0, types, breaks=1)
    told = sum(float(report.why.split()[0]) for report in scene.reports() if "never understood" in report.why)
    words = said(scene)
    assert words == [word for word in LONG[:15] if word in words]
    lost = 0.3 * (15 - len(words))
    assert lost - 0.3 <= told <= lost + 0.4, f"{words}, told {told}"


def test_it_is_told_where_no_sound_follows_either() -> None:
    """A button was let go: its source gives nothing from then on."""
    scene = GappedScene((Says(1.0, " ".join(LONG[:12])),), seconds=24.0)
    scene.ears = SlowEar(scene.words, lambda: 2.1, breaks=1)

    async def source() -> AsyncGenerator[Samples, None]:
        async for block in scene.source():
            if scene.clock.now() < 5 * SECOND:
                yield block

    simulate(scene.run(source))
    told = [report.why for report in scene.reports() if "never understood" in report.why]
    assert len(said(scene)) == 4 and [2.1 < float(why.split()[0]) < 2.8 for why in told] == [True]


@pytest.mark.parametrize("begins", [4.8, 5.2, 6.0])
def test_what_ears_that_break_on_hold_had_not_understood_is_told_too(begins: float) -> None:
    scene = GappedScene((Says(1.0, " ".join(LONG[:12])),), holds=[(begins, 14.0)], seconds=24.0)
    scene.ears = SlowEar(scene.words, lambda: 2.1, breaks=1)
    simulate(scene.run())
    told = sum(float(report.why.split()[0]) for report in scene.reports() if "never understood" in report.why)
    lost = 0.3 * (12 - len(said(scene)))
    assert scene.ears.breaks == 0 and lost - 0.3 <= told <= lost + 0.4, f"{said(scene)}, told {told}"


@pytest.mark.parametrize("takes", [0.05, 1.1])
@pytest.mark.parametrize("at", [3.0, 3.1, 3.2])
def test_who_goes_on_after_their_turn_was_committed_is_heard_once(at: float, takes: float) -> None:
    words = said(held((Says(1.0, " ".join(LONG[:20])),), takes, at, lambda session: session.control.commit_turn()))
    assert words == list(LONG[:20])


@pytest.mark.parametrize("takes", [0.9, 1.9, 2.9])
def test_words_that_are_understood_seconds_late_are_answered_whole(takes: float) -> None:
    """The ears are at it on a machine that is short of CPU: what they have so far is not all of it."""
    scene = held((Says(1.0, "word0"), Says(2.0, " ".join(LONG[1:6]))), takes, 30.0, types)
    assert said(scene) == list(LONG[:6])
    assert Note.STALLED not in [report.note for report in scene.reports()]


@pytest.mark.parametrize("takes", [0.1, 0.9, 2.4])
@pytest.mark.parametrize("at", [2.3, 3.0, 3.6])
def test_what_somebody_said_before_the_owner_spoke_is_answered_after_the_owner(at: float, takes: float) -> None:
    """Their voice has gone, and the ears are behind: nothing is lost, and the owner is not cut short."""
    scene = held((Says(1.0, " ".join(LONG[:4])),), takes, at, whispers)
    assert said(scene) == list(LONG[:4])
    assert Note.INTERRUPTED not in [report.note for report in scene.reports()]
    assert next(text for who, text in scene.context() if who == "ada") == "One moment please."


def whispers_at(script: tuple[Says, ...], takes: float, times: tuple[float, ...], policy: Policy) -> GappedScene:
    left = list(times)

    def act(scene: Scene) -> bool:
        while left and scene.clock.now() >= left[0] * 1e9:
            left.pop(0)
            whispers(scene.session)
        return scene.clock.now() > 25e9 and scene.session.state is State.QUIET

    scene = GappedScene(script, seconds=40.0, policy=policy, done=act)
    scene.ears = SlowEar(scene.words, lambda: takes)
    simulate(scene.run())
    return scene


@pytest.mark.parametrize("times", [(2.3, 2.8), (2.3, 2.5, 2.9, 4.0)])
def test_an_owner_who_speaks_again_and_again_loses_none_of_it_either(times: tuple[float, ...]) -> None:
    assert said(whispers_at((Says(1.0, " ".join(LONG[:4])),), 0.9, times, Policy())) == list(LONG[:4])


def test_where_several_stretches_are_behind_each_word_lies_where_it_was_said() -> None:
    """The silence between two belongs to both: told twice, it would set a word behind the voice, to be nobody's."""
    script = (Says(0.4, " ".join(LONG[:14])), Says(5.2, " ".join(LONG[14:17])))
    scene = whispers_at(script, 1.5, (5.5, 8.5, 10.9), Policy(stretch_ms=3_000))
    assert sorted(said(scene), key=LONG.index) == list(LONG[:17])


def patient(text: str, takes: Callable[[], float], seconds: float = 90.0) -> GappedScene:
    """Somebody says that, and waits for an answer."""
    scene = GappedScene(
        (Says(1.0, text),), seconds=seconds, policy=Policy(), done=lambda scene: bool(len(scene.context()) > 1)
    )
    scene.ears = SlowEar(scene.words, takes)
    simulate(scene.run())
    return scene


def test_ears_four_times_slower_than_speech_lose_no_word_and_the_character_says_that_it_needs_a_moment() -> None:
    scene = patient(" ".join(LONG[:20]), lambda: 2.8)
    assert said(scene) == list(LONG[:20])
    told = [item for _, item in scene.log if isinstance(item, Filler)]
    assert [item.moment for item in told[:3]] == [False, False, True]
    assert any(play.played and play.utterance.text == ADA.language.apologies.moment for play in scene.plays.values())
    assert Note.STALLED not in [report.note for report in scene.reports()]


def test_what_is_not_understood_in_the_end_is_told() -> None:
    """Its passes take longer and longer, and its words do not get on."""
    left = iter((0.1, 0.1, 0.1))
    scene = patient(" ".join(LONG[:20]), lambda: next(left, 60.0))
    assert said(scene) == list(LONG[:6])
    stalled = [report for report in scene.reports() if report.note is Note.STALLED]
    assert [report.why for report in stalled if report.stage is Stage.HEARING] == ["no final transcript"]
    lost = [report.why for report in scene.reports() if "never understood" in report.why]
    assert lost == ["4.2 s of a voice were never understood"]


@pytest.mark.parametrize("again", [(), (Says(4.0, "word10 word11 word12"),), (Says(2.6, "word10 word11 word12"),)])
@pytest.mark.parametrize("at", [1.2, 1.9, 2.3])
def test_who_speaks_on_after_a_commit_while_the_ears_are_behind_is_heard(at: float, again: tuple[Says, ...]) -> None:
    """For a word or two, or anew: their voice has gone before the committed turn is understood."""
    script = (Says(1.0, " ".join(LONG[:4])), *again)
    scene = held(script, 2.5, at, lambda session: session.control.commit_turn())
    assert said(scene) == scene.words


def at_once(*acts: Callable[[Session], None]) -> Callable[[Session], None]:
    def does(session: Session) -> None:
        for act in acts:
            act(session)

    return does


def commits(session: Session) -> None:
    session.control.commit_turn()


@pytest.mark.parametrize("takes", [0.3, 0.9])
@pytest.mark.parametrize("at", [6.1, 6.3, 6.5])
def test_an_owner_who_ends_the_turn_and_speaks_at_once_loses_nothing_of_two_stretches_that_are_behind(
    at: float, takes: float
) -> None:
    """The newest was to be cut at its next gap: what is left of both is heard again, from the older one's on."""
    words = said(held((Says(1.0, " ".join(LONG[:30])),), takes, at, at_once(commits, whispers)))
    assert sorted(words, key=LONG.index) == list(LONG[:30])


def test_what_somebody_said_when_they_typed_over_our_reply_is_answered_after_the_owner() -> None:
    """The owner's line was to follow the reply, and the voice has gone when it comes."""
    script = (Says(1.0, "word0"), Says(4.6, "word1"))

    def does(session: Session) -> None:
        types(session)
        session.control.speak("That was all of it.", When.SENTENCE)

    scene = held(script, 0.9, 4.85, does)
    assert sorted(word for word in said(scene) if word != "typed") == ["word0", "word1"]
