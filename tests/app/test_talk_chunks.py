"""The sentences of replies as a page follows them."""

from __future__ import annotations

import numpy as np

from duologue.app.talk.chunks import KEPT_REPLIES, MOST_CHUNKS, TalkChunks
from duologue.app.talk.messages import TalkChunk
from duologue.audio.pcm import RATE
from duologue.dialogue.ports import PlayEnded, PlayStarted
from duologue.dialogue.turns.vocabulary import (
    Abandon,
    Adopt,
    AudioGrew,
    AudioReady,
    Commit,
    Effect,
    EngineFailed,
    Event,
    SentenceReady,
    Stage,
    Think,
    VoiceSentence,
    Withdrawn,
)
from duologue.speech.utterance import Mark, MarkKind, Utterance


def utterance(text: str, index: int = 0, *, reply: str = "r1", open: bool = False) -> Utterance:
    """A second for each word."""
    marks: list[Mark] = []
    for number, word in enumerate(text.split()):
        marks.append(Mark(MarkKind.WORD, word, number * RATE, (number + 1) * RATE, text.index(word)))
    samples = np.zeros(len(marks) * RATE, np.float32)
    return Utterance(f"{reply}/{index}", "ada", text, samples, RATE, tuple(marks), open=open)


def told(chunks: TalkChunks, *items: Event | Effect) -> list[tuple[str, str]]:
    return [(chunk.id, chunk.state) for item in items for chunk in chunks.take(item)]


def only(found: tuple[TalkChunk, ...]) -> TalkChunk:
    (chunk,) = found
    return chunk


def test_a_sentence_is_written_voiced_played_and_heard() -> None:
    chunks = TalkChunks("c1")
    assert told(chunks, Think("r1", "Hi?", False)) == []
    written = only(chunks.take(SentenceReady("r1", "Well hello there.")))
    assert (written.id, written.turn, written.text, written.state) == ("r1/0", "c1/r1", "Well hello there.", "waiting")
    assert written.length_ms is None
    assert told(chunks, VoiceSentence("r1", 0, "Well hello there.")) == [("r1/0", "voicing")]
    begun = only(chunks.take(AudioReady("r1", 0, utterance("Well hello", open=True))))
    assert (begun.state, begun.open, begun.length_ms) == ("ready", True, 2000.0)
    assert told(chunks, PlayStarted("r1/0", 5)) == [("r1/0", "playing")]
    whole = only(chunks.take(AudioGrew("r1", 0, utterance("Well hello there."))))
    assert (whole.state, whole.open, whole.length_ms) == ("playing", False, 3000.0)
    assert [(word.text, word.start, word.end) for word in whole.words][1] == ("hello", 1000.0, 2000.0)
    heard = only(chunks.take(PlayEnded("r1/0", 9, 3 * RATE)))
    assert (heard.state, heard.heard) == ("heard", "Well hello there.")
    assert told(chunks, Commit("Hi?", "Well hello there.", "r1", False)) == []


def test_what_was_interrupted_says_what_was_heard_and_what_was_not() -> None:
    chunks = TalkChunks("c1")
    told(chunks, Think("r1", "Hi?", False), SentenceReady("r1", "Well hello there."), SentenceReady("r1", "More."))
    told(
        chunks, VoiceSentence("r1", 0, ""), AudioReady("r1", 0, utterance("Well hello there.")), PlayStarted("r1/0", 1)
    )
    cut = only(chunks.take(PlayEnded("r1/0", 9, round(2.4 * RATE))))
    assert (cut.state, cut.heard) == ("cut", "Well hello")
    assert told(chunks, Commit("Hi?", "Well hello", "r1", True)) == [("r1/1", "cut")]
    later = only(chunks.take(PlayEnded("r1/0", 10, round(1.4 * RATE))))  # the far end corrects what was estimated
    assert later.heard == "Well"


def test_nothing_is_told_of_a_speculation_until_it_counts() -> None:
    chunks = TalkChunks("c1")
    assert told(
        chunks, Think("r1", "Hi", True), SentenceReady("r1", "Hello."), VoiceSentence("r1", 0, "Hello."),
        AudioReady("r1", 0, utterance("Hello.")), Abandon("r1"), Think("r2", "Hi you", True),
        SentenceReady("r2", "Hey."), VoiceSentence("r2", 0, "Hey."), SentenceReady("r2", "You."),
    ) == []  # fmt: skip
    assert chunks.newest == ()
    assert told(chunks, Adopt("r2", "Hi you")) == [("r2/0", "voicing"), ("r2/1", "waiting")]


def test_what_failed_and_what_was_withdrawn_is_said() -> None:
    chunks = TalkChunks("c1")
    told(chunks, Think("r1", "Hi", False), SentenceReady("r1", "Hello."), VoiceSentence("r1", 0, "Hello."))
    assert told(chunks, EngineFailed(Stage.VOICING, "no voice", reply="r1", index=0)) == [("r1/0", "failed")]
    assert told(chunks, Commit("Hi", "", "r1", False)) == []
    told(chunks, Think("r2", "Hi", False), SentenceReady("r2", "Hello."))
    assert told(chunks, Withdrawn("r2", 1)) == [("r2/0", "cut")]


def test_the_owners_words_are_chunks_too_and_strangers_are_none() -> None:
    chunks = TalkChunks("c1")
    assert told(chunks, VoiceSentence("s1", 0, "One moment.")) == [("s1/0", "waiting"), ("s1/0", "voicing")][1:]
    filler = (PlayStarted("filler", 1), PlayEnded("filler", 1, 5), PlayStarted("s1/7", 1), PlayEnded("x/0", 1, 1))
    assert told(chunks, *filler, Commit("", "", "unknown", False), AudioReady("x", 0, utterance("A."))) == []


def test_what_is_kept_is_bounded() -> None:
    chunks = TalkChunks("c1")
    for number in range(3 * KEPT_REPLIES):
        name = f"r{number}"
        told(chunks, Think(name, "x", False), *(SentenceReady(name, "y" * 9_000) for _ in range(2 * MOST_CHUNKS)))
    assert len(chunks.newest) == KEPT_REPLIES * MOST_CHUNKS
    assert all(len(chunk.text) <= 4_000 for chunk in chunks.newest)
