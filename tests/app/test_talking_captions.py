"""What a front end shows, from what a session's observer sees."""

from __future__ import annotations

from duologue.app.talking.captions import Caption, CaptionKind, Captions
from duologue.audio.pcm import silence
from duologue.dialogue.ports import PlayStarted
from duologue.dialogue.turns.vocabulary import (
    Adopt,
    Clear,
    Commit,
    DropStretch,
    Effect,
    Event,
    Filler,
    HandedOver,
    Note,
    Play,
    Report,
    Sounds,
    SpeechStarted,
    SpeechStopped,
    Stage,
    Think,
    Understood,
)
from duologue.speech.utterance import Utterance


def shown(*items: Event | Effect) -> list[Caption]:
    captions = Captions()
    return [caption for item in items if (caption := captions.take(item))]


def sentence(number: int, text: str) -> Utterance:
    return Utterance(f"r1/{number}", "ada", text, silence(1))


def test_words_grow_until_they_have_an_answer() -> None:
    captions = Captions()
    captions.take(SpeechStarted(0))
    assert captions.voice
    for item in (Understood(1, "what is"), Understood(1, "what is tea"), SpeechStopped(9), Understood(2, "made of")):
        captions.take(item)
    assert (captions.hearing, captions.voice) == ("what is tea made of", False)
    captions.take(DropStretch(2))
    assert captions.hearing == "what is tea"
    assert captions.take(Think("r1", "what is tea", False)) == Caption(CaptionKind.ASKED, "what is tea")
    assert captions.hearing == ""


def test_a_speculation_asks_nothing_until_it_is_adopted() -> None:
    asked = shown(Think("r1", "what", True), Think("r2", "what is tea", True), Adopt("r2", "what is tea"))
    assert asked == [Caption(CaptionKind.ASKED, "what is tea")]


def test_a_character_that_begins_was_asked_nothing() -> None:
    assert shown(Think("r1", "", False)) == []


def test_a_sentence_is_shown_when_it_sounds_and_never_when_it_was_cleared() -> None:
    one, two = sentence(0, "One."), sentence(1, "Two.")
    items = (
        Play(one, 0), Play(two, 0), PlayStarted("r1/0", 0), Sounds("r1", one, 0), Filler("f1"), PlayStarted("f1", 0),
        Clear(), PlayStarted("r1/1", 0), Commit("what", "One", "r1", True),
    )  # fmt: skip
    assert shown(*items) == [Caption(CaptionKind.SAID, "One."), Caption(CaptionKind.CUT, "One")]


def test_trouble_is_told_with_its_stage() -> None:
    told = shown(
        Report(Note.STALLED, "silent", 12_000.0, Stage.THINKING),
        Report(Note.FAILED, "the line is down", stage=Stage.VOICING),
        HandedOver(Stage.HEARING, "whisper failed: no model; pocketsphinx took over", stretch=1),
        Report(Note.FALSE_ALARM, "mm-hm", 300.0),
    )
    assert [caption.text for caption in told] == [
        "thinking is late (12.0 s): silent",
        "voicing: the line is down",
        "hearing: whisper failed: no model; pocketsphinx took over",
    ]
