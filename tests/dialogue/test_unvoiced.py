"""Words where nobody spoke are nobody's: by their marks, through the session, and on real sound."""

from __future__ import annotations

import pytest
from session_doubles import Says, Talk

from duologue.clock import MILLISECOND
from duologue.dialogue.listening.unvoiced import VoiceTrack, text_without
from duologue.dialogue.turns.vocabulary import Note, Report
from duologue.language.fake import ScriptedReply
from duologue.simulation.virtual_time import simulate
from duologue.speech.hearing import EAR_RATE, Transcript
from duologue.speech.hearing_fake import Hearing, Word, evenly
from duologue.speech.utterance import Mark, MarkKind


def tracked(*changes: float) -> VoiceTrack:
    """A voice that came at the first of these seconds, went at the second, and so on."""
    track = VoiceTrack()
    for number, at in enumerate(changes):
        track.change(round(at * EAR_RATE), number % 2 == 0)
    return track


def voiced_text(given: Transcript, track: VoiceTrack, begin: int) -> str:
    """Without the words that lie where nobody spoke; ``begin`` is the stretch's first sample on the track."""
    return text_without(given, lambda start, end: track.silent(begin + start, begin + end))


def transcript(text: str, *spans: tuple[float, float]) -> Transcript:
    marks: list[Mark] = []
    for word, (start, end) in zip(text.split(), spans, strict=True):
        place = text.index(word, marks[-1].offset + 1 if marks else 0)
        marks.append(Mark(MarkKind.WORD, word, round(start * EAR_RATE), round(end * EAR_RATE), offset=place))
    return Transcript(text, final=True, words=tuple(marks))


@pytest.mark.parametrize(
    ("span", "kept"),
    [
        ((1.3, 1.7), "Turn left. Now"),  # while the voice was there
        ((2.01, 2.09), "Turn left. Now"),  # within what marks and voices are off
        ((1.7, 2.6), "Turn left. Now"),  # what noise makes of a short last word
        ((1.9, 2.6), "Turn left."),
        ((2.15, 2.5), "Turn left."),
        ((2.15, 2.9), "Turn left. Now"),  # it goes over into the next voice, which is noticed late
    ],
)
def test_a_last_word_after_the_voice_is_dropped(span: tuple[float, float], kept: str) -> None:
    given = transcript("Turn left. Now", (1.0, 1.1), (1.1, 1.3), span)
    assert voiced_text(given, tracked(1.0, 2.0, 3.0), 0) == kept


def test_words_between_two_voices_are_dropped_and_those_around_them_stay() -> None:
    spans = ((0.1, 0.5), (1.3, 1.5), (2.1, 2.5), (3.5, 3.7))
    assert voiced_text(transcript("one, the two if", *spans), tracked(0.0, 1.0, 2.0, 3.0), 0) == "one, two"


def test_a_stretch_has_its_place_on_the_track() -> None:
    given = transcript("one two", (0.1, 0.5), (1.3, 1.5))
    assert voiced_text(given, tracked(10.0, 11.0), 10 * EAR_RATE) == "one"
    assert voiced_text(given, tracked(10.0, 11.0), 0) == "one two"  # before the first that is known


def test_without_marks_or_without_voice_activity_nothing_changes() -> None:
    assert voiced_text(Transcript("one two"), tracked(0.0, 0.1), 0) == "one two"
    given = transcript("one two", (0.1, 0.5), (1.3, 1.5))
    track = tracked(0.0, 1.0)
    track.forget()
    assert voiced_text(given, track, 0) == "one two"


def test_a_word_that_nobody_said_is_not_waited_for() -> None:
    """The ears end a sentence with "and", a quarter of a second after the voice."""
    text = "i have seen the museum"
    said = evenly(text, 0.3, 0.3)
    heard = Hearing((*said, Word("and", said[-1].end + 0.55)), latency=50 * MILLISECOND)
    talk = simulate(Talk([Says(0.5, text)], [ScriptedReply("It is noon.")] * 4, hearing=[heard], seconds=8.0).run())
    ended = next(item for _, item in talk.log if isinstance(item, Report) and item.note is Note.TURN_ENDED)
    assert talk.context()[0][1] == text
    assert (ended.wait_ms, ended.why) == (750, "unsure")
