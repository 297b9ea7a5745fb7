"""From events to marks, without a library."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.speech.espeak.marks import MarkBuilder
from duologue.speech.espeak.messages import EventKind, SpeechEvent
from duologue.speech.utterance import Mark, MarkKind


def word(position: int, sample: int) -> SpeechEvent:
    return SpeechEvent(EventKind.WORD, position, sample)


def phoneme(name: str, sample: int) -> SpeechEvent:
    return SpeechEvent(EventKind.PHONEME, 0, sample, name)


def build(text: str, events: list[SpeechEvent], total: int) -> list[Mark]:
    builder = MarkBuilder(text)
    marks = [mark for event in events for mark in builder.feed((event,))]
    return marks + builder.finish(total)


def words(marks: list[Mark]) -> list[tuple[str, int, int, int]]:
    return [(mark.text, mark.start, mark.end, mark.offset) for mark in marks if mark.kind is MarkKind.WORD]


def test_a_phoneme_ends_where_the_next_begins_and_a_word_with_its_last_sound() -> None:
    events = [word(0, 0), phoneme("h", 10), phoneme("'aI", 20), phoneme("_:", 50), word(4, 80), phoneme("n", 80)]
    marks = build("Hi, no", events, 100)
    assert [(m.text, m.start, m.end, m.stressed) for m in marks if m.kind is MarkKind.PHONEME] == [
        ("h", 10, 20, False), ("aI", 20, 50, True), ("_:", 50, 80, False), ("n", 80, 100, False),
    ]  # fmt: skip
    assert words(marks) == [("Hi", 0, 50, 0), ("no", 80, 100, 4)]


def test_a_number_read_as_two_words_is_one_as_written() -> None:
    events = [word(0, 0), phoneme("f", 0), word(1, 40), phoneme("t", 40), word(3, 90), phoneme("k", 90)]
    assert words(build("42 k", events, 120)) == [("42", 0, 90, 0), ("k", 90, 120, 3)]


def test_words_spoken_in_one_breath_share_it_by_their_letters() -> None:
    events = [word(0, 0), phoneme("V", 0), phoneme("v", 30), word(10, 100), phoneme("k", 100)]
    assert words(build("of theirs cat", events, 130)) == [
        ("of", 0, 25, 0),
        ("theirs", 25, 100, 3),
        ("cat", 100, 130, 10),
    ]


def test_quotes_and_dashes_are_not_part_of_a_word() -> None:
    events = [word(1, 0), phoneme("k", 0), word(8, 50), phoneme("d", 50)]
    assert words(build("“cats”—“dogs”", events, 100)) == [("cats", 0, 50, 1), ("dogs", 50, 100, 8)]


def test_a_sign_that_is_spoken_is_a_word() -> None:
    events = [word(0, 0), phoneme("g", 0)]
    assert words(build("😀", events, 10)) == [("😀", 0, 10, 0)]


def test_events_that_go_backwards_are_straightened() -> None:
    events = [word(0, 0), phoneme("a", 50), phoneme("b", 45), phoneme("c", 60)]
    marks = [mark for mark in build("abc", events, 70) if mark.kind is MarkKind.PHONEME]
    assert [(mark.text, mark.start, mark.end) for mark in marks] == [("b", 50, 60), ("c", 60, 70)]


def test_pauses_alone_are_not_voiced() -> None:
    builder = MarkBuilder("...")
    builder.feed((phoneme("_:", 0), phoneme("_", 10)))
    assert not builder.voiced


Events = st.lists(
    st.one_of(
        st.builds(word, st.integers(-1, 60), st.integers(0, 1_000)),
        st.builds(phoneme, st.sampled_from(["a", "'b", "_:", "_", "", "'", "t#", "aI@"]), st.integers(0, 1_000)),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(text=st.text(max_size=60), events=Events, total=st.integers(0, 1_200))
def test_whatever_the_events_marks_are_in_order(text: str, events: list[SpeechEvent], total: int) -> None:
    marks = build(text, events, total)
    end = max([total, *(event.sample for event in events)])
    for kind in MarkKind:
        chosen = [mark for mark in marks if mark.kind is kind]
        reached = 0
        for mark in chosen:
            assert reached <= mark.start <= mark.end <= end
            reached = mark.end
    for mark in marks:
        if mark.kind is MarkKind.WORD:
            assert text[mark.offset : mark.offset + len(mark.text)] == mark.text
