"""The sentences of a character's replies, as a page follows them: written, voiced, played, heard or not. Pure.

Nothing is told of a reply that is only thought of beforehand until it counts. A sentence is its utterance: both have
the id ``REPLY/INDEX``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from duologue.app.talk.messages import ChunkState, TalkChunk, TalkWord
from duologue.dialogue.heard import heard_text
from duologue.dialogue.ports import PlayEnded, PlayProgress, PlayStarted
from duologue.dialogue.turns.vocabulary import (
    Abandon,
    Adopt,
    Apologise,
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
from duologue.speech.utterance import Utterance

KEPT_REPLIES = 20
MOST_CHUNKS = 64
"""Of a reply; the table allows fewer."""
LONGEST = 4_000
MOST_WORDS = 500
OVER: frozenset[ChunkState] = frozenset({"heard", "cut", "failed"})


@dataclass(slots=True)
class _Chunk:
    text: str
    state: ChunkState = "waiting"
    heard: str = ""
    utterance: Utterance | None = None
    worded: tuple[Utterance | None, tuple[TalkWord, ...]] = (None, ())
    """Its words, and of which utterance they are: it grows, but is told of far more often."""

    @property
    def words(self) -> tuple[TalkWord, ...]:
        """With their times."""
        if self.worded[0] is not self.utterance:
            self.worded = self.utterance, _words(self.utterance)
        return self.worded[1]


@dataclass(slots=True)
class _Reply:
    counts: bool = False
    chunks: list[_Chunk] = field(default_factory=list[_Chunk])


class TalkChunks:
    """Give it what a session's observer sees. ``conversation`` begins the ids of turns, as the ledger has them."""

    def __init__(self, conversation: str) -> None:
        self._conversation = conversation
        self._replies: OrderedDict[str, _Reply] = OrderedDict()

    @property
    def newest(self) -> tuple[TalkChunk, ...]:
        """Of the newest replies, in their order."""
        return tuple(chunk for name, reply in self._replies.items() if reply.counts for chunk in self._all(name, reply))

    def take(self, item: Event | Effect) -> tuple[TalkChunk, ...]:
        """The chunks that came of it or changed."""
        match item:
            case Think(reply=name, speculative=speculative):
                self._reply(name).counts = not speculative
                return ()
            case Adopt(reply=name):
                reply = self._reply(name)
                reply.counts = True
                return self._all(name, reply)
            case SentenceReady(reply=name, text=text):
                reply = self._reply(name)
                return self._write(name, reply, len(reply.chunks), text)
            case VoiceSentence(reply=name, index=index, text=text):
                if name not in self._replies:  # words of the owner's: nobody thought of them
                    self._reply(name).counts = True
                return self._voice(name, index, text)
            case Apologise(reply=name, index=index):
                self._reply(name).counts = True
                return self._voice(name, index, "")
            case AudioReady(reply=name, index=index, utterance=utterance):
                return self._sounds(name, index, utterance, "ready")
            case AudioGrew(reply=name, index=index, utterance=utterance):
                return self._sounds(name, index, utterance, None)
            case _:
                return self._end(item)

    def _end(self, item: Event | Effect) -> tuple[TalkChunk, ...]:
        match item:
            case PlayStarted() | PlayProgress() | PlayEnded():
                return self._plays(item)
            case EngineFailed(stage=Stage.VOICING, reply=name, index=index) if name in self._replies:
                return self._change(name, index, "failed")
            case Abandon(reply=name) if name in self._replies and not self._replies[name].counts:
                del self._replies[name]
                return ()
            case Commit(reply=name) | Withdrawn(reply=name) if name in self._replies:
                reply = self._replies[name]
                left = [index for index, chunk in enumerate(reply.chunks) if chunk.state not in OVER]
                return tuple(told for index in left for told in self._change(name, index, "cut"))
            case _:
                return ()

    def _reply(self, name: str) -> _Reply:
        reply = self._replies.setdefault(name, _Reply())
        while len(self._replies) > KEPT_REPLIES:
            self._replies.popitem(last=False)
        return reply

    def _write(self, name: str, reply: _Reply, index: int, text: str) -> tuple[TalkChunk, ...]:
        if index >= MOST_CHUNKS:
            return ()
        while len(reply.chunks) <= index:
            reply.chunks.append(_Chunk(""))
        reply.chunks[index].text = text[:LONGEST]
        return self._told(name, [index])

    def _voice(self, name: str, index: int, text: str) -> tuple[TalkChunk, ...]:
        reply = self._replies[name]
        if index >= len(reply.chunks):
            self._write(name, reply, index, text)
        return self._change(name, index, "voicing")

    def _sounds(self, name: str, index: int, utterance: Utterance, state: ChunkState | None) -> tuple[TalkChunk, ...]:
        reply = self._replies.get(name)
        if reply is None:
            return ()
        if index >= len(reply.chunks):
            self._write(name, reply, index, utterance.text)
        if index >= len(reply.chunks):
            return ()
        chunk = reply.chunks[index]
        chunk.utterance, chunk.text = utterance, chunk.text or utterance.text[:LONGEST]
        return self._change(name, index, state or chunk.state)

    def _plays(self, report: PlayStarted | PlayProgress | PlayEnded) -> tuple[TalkChunk, ...]:
        name, _, index = report.utterance_id.rpartition("/")
        reply = self._replies.get(name)
        if reply is None or not index.isdecimal() or int(index) >= len(reply.chunks):
            return ()  # a filler
        chunk = reply.chunks[int(index)]
        match report:
            case PlayStarted():
                return self._change(name, int(index), "playing")
            case PlayProgress():
                return ()
            case PlayEnded(played_samples=played):
                whole = chunk.utterance is not None and played >= len(chunk.utterance.samples)
                chunk.heard = heard_text(chunk.utterance, played) if chunk.utterance is not None else ""
                # what is said of a chunk that is over corrects it
                return (
                    self._told(name, [int(index)])
                    if chunk.state == "failed"
                    else self._set(name, int(index), "heard" if whole else "cut")
                )

    def _change(self, name: str, index: int, state: ChunkState) -> tuple[TalkChunk, ...]:
        """Of one that is not over."""
        reply = self._replies[name]
        if not 0 <= index < len(reply.chunks) or reply.chunks[index].state in OVER:
            return ()
        return self._set(name, index, state)

    def _set(self, name: str, index: int, state: ChunkState) -> tuple[TalkChunk, ...]:
        self._replies[name].chunks[index].state = state
        return self._told(name, [index])

    def _all(self, name: str, reply: _Reply) -> tuple[TalkChunk, ...]:
        return self._told(name, range(len(reply.chunks)))

    def _told(self, name: str, indices: Iterable[int]) -> tuple[TalkChunk, ...]:
        reply = self._replies[name]
        return tuple(self._view(name, index, reply.chunks[index]) for index in indices) if reply.counts else ()

    def _view(self, name: str, index: int, chunk: _Chunk) -> TalkChunk:
        utterance, ms = chunk.utterance, 1000.0
        return TalkChunk(
            id=f"{name}/{index}", turn=f"{self._conversation}/{name}", index=index, text=chunk.text, state=chunk.state,
            heard=chunk.heard, length_ms=round(utterance.duration * ms, 1) if utterance is not None else None,
            open=utterance is not None and utterance.open,
            words=chunk.words,
        )  # fmt: skip


def _words(utterance: Utterance | None) -> tuple[TalkWord, ...]:
    if utterance is None:
        return ()
    ms = 1000.0 / utterance.rate
    return tuple(
        TalkWord(text=word.text, start=round(word.start * ms, 1), end=round(word.end * ms, 1))
        for word in utterance.words()[:MOST_WORDS]
    )
