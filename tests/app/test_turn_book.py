"""The book of what was said."""

from __future__ import annotations

import weakref

import numpy as np
import pytest

from duologue.app.models import ConversationState, ConversationView
from duologue.app.turn_book import REMEMBERED, TurnBook
from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND
from duologue.speech.utterance import Mark, MarkKind, Utterance
from duologue.telemetry.ledger import TurnRecord

WALL = 1_000_000 * MILLISECOND


def book() -> TurnBook:
    return TurnBook(lambda monotonic: WALL + monotonic)


def conversation(name: str = "c1") -> ConversationView:
    return ConversationView(
        id=name, topic="tea", cast=("a", "b"), turns_planned=2, seed=1, state=ConversationState.WAITING, started=0
    )


def test_words_are_given_in_the_time_at_which_they_are_on_air() -> None:
    kept = book()
    kept.open(conversation())
    marks = (Mark(MarkKind.WORD, "Hot", 0, 4800), Mark(MarkKind.WORD, "tea.", 9600, 24_000))
    kept.voiced(Utterance("t1", "a", "Hot tea.", np.zeros(24_000, np.float32), marks=marks))
    view = kept.record(TurnRecord("t1", "c1", 0, "a", text="Hot tea.", on_air=500 * MILLISECOND, state="on_air"))
    assert [(word.text, word.start, word.end) for word in view.words] == [
        ("Hot", 1_000_500.0, 1_000_600.0),
        ("tea.", 1_000_700.0, 1_001_000.0),
    ]


def test_the_words_of_a_turn_in_parts_come_as_its_parts_begin() -> None:
    kept = book()
    kept.open(conversation())
    marks = (Mark(MarkKind.WORD, "Tea.", 0, 4800),)
    for name in ("t1", "t1.1", "t1.2"):
        kept.voiced(Utterance(name, "a", "Tea.", np.zeros(4800, np.float32), marks=marks))
    first = TurnRecord("t1", "c1", 0, "a", on_air=500 * MILLISECOND, state="on_air")
    assert [word.start for word in kept.record(first).words] == [1_000_500.0]
    first.parts, first.ended = (350.0,), 600 * MILLISECOND
    assert [word.start for word in kept.record(first).words] == [1_000_500.0, 1_000_850.0]
    first.parts, first.state = (350.0, 700.5), "ended"
    assert [word.start for word in kept.record(first).words] == [1_000_500.0, 1_000_850.0, 1_001_200.5]


def test_words_stay_when_the_turn_has_ended() -> None:
    kept = book()
    kept.open(conversation())
    kept.voiced(Utterance("t1", "a", "Tea.", np.zeros(9, np.float32), marks=(Mark(MarkKind.WORD, "Tea.", 0, 9),)))
    kept.record(TurnRecord("t1", "c1", 0, "a", on_air=1, ended=2, state="ended"))
    view = kept.record(TurnRecord("t1", "c1", 0, "a", on_air=1, ended=2, state="ended", heard="Tea."))
    assert [word.text for word in view.words] == ["Tea."]


@pytest.mark.parametrize("state", ["withdrawn", "ended", "failed"])
def test_the_sound_of_a_turn_that_is_over_is_let_go_with_the_parts_that_nobody_heard(state: str) -> None:
    kept = book()
    kept.open(conversation())
    sounds: list[weakref.ref[Samples]] = []
    for name in ("c1-1", "c1-1.1", "c1-1.2", "c1-11"):
        samples: Samples = np.zeros(9, np.float32)
        sounds.append(weakref.ref(samples))
        kept.voiced(Utterance(name, "a", "Tea.", samples))
    del samples
    kept.record(TurnRecord("c1-1", "c1", 0, "a", state=state))
    assert [sound() is not None for sound in sounds] == [False, False, False, True]


def test_unknown_times_are_null_and_not_the_epoch() -> None:
    kept = book()
    kept.open(conversation())
    view = kept.record(TurnRecord("t1", "c1", 0, "a", asked=5 * MILLISECOND))
    assert (view.asked, view.on_air, view.ended) == (1_000_005.0, None, None)


def test_only_the_newest_conversations_are_remembered() -> None:
    kept = book()
    for number in range(REMEMBERED + 5):
        kept.open(conversation(f"c{number}"))
        kept.close(f"c{number}", ConversationState.ENDED, 1.0)
    kept.open(conversation(f"c{REMEMBERED + 5}"))
    assert len(kept.conversations()) == REMEMBERED
    assert kept.conversations()[0].id == f"c{REMEMBERED + 5}"
    assert kept.conversation("c0") is None
    kept.record(TurnRecord("late", "c0", 0, "a"))  # a turn of a forgotten conversation does no harm


def test_what_is_not_over_is_never_forgotten() -> None:
    kept = book()
    kept.open(conversation("waiting"))
    kept.open(conversation("running"))
    kept.update("running", state=ConversationState.RUNNING)
    for number in range(REMEMBERED + 5):
        kept.open(conversation(f"c{number}"))
        kept.close(f"c{number}", ConversationState.STOPPED, 1.0)
    known = [one.id for one in kept.conversations()]
    assert known[-2:] == ["running", "waiting"] and len(known) <= REMEMBERED + 1
    assert kept.close("running", ConversationState.ENDED, 2.0).state is ConversationState.ENDED


def test_the_newest_turns_are_those_of_the_newest_conversations_in_order() -> None:
    kept = book()
    for name in ("c1", "c2"):
        kept.open(conversation(name))
        for number in range(3):
            kept.record(TurnRecord(f"{name}-{number}", name, number, "a"))
    found = {most: [turn.id for turn in kept.newest_turns(most)] for most in (0, 2, 4, 10)}
    assert found[0] == []
    assert found[2] == ["c2-1", "c2-2"]
    assert found[4] == ["c1-2", "c2-0", "c2-1", "c2-2"]
    assert found[10] == ["c1-0", "c1-1", "c1-2", "c2-0", "c2-1", "c2-2"]
