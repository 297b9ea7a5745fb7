"""What is said of a reply while it is still being written: sentences in order, and no more of them than is wanted.

A pure core over the chunker and the structured reader. **Brevity**: a reply is capped in tokens, sentences, seconds
(estimated from its text) and words, and it is cut at the end of a sentence. Only a first sentence that alone is too
long is cut inside, at a clause or between words. Once :attr:`ReplyReader.cut` is set, stop the engine: nothing more
will be said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from duologue.dialogue.replies.chunker import Chunker, Chunking, Sentence
from duologue.dialogue.replies.chunker_speech import speakable
from duologue.language.engine import WholeText
from duologue.language.languages import ENGLISH, Language
from duologue.language.persona import Persona
from duologue.language.structured import (
    ChunkReady,
    ExpressionReady,
    PlainText,
    ReplyChunk,
    ReplyEvent,
    ReplyForm,
    StructuredReader,
    TextReady,
)
from duologue.language.text import cap, estimate_seconds, word_count
from duologue.language.tools import ToolFiller

TOKENS_A_WORD = 3
"""Tokens that a word may cost, markup and JSON around it included."""
_LONG_TOKEN = 8
"""Characters; a longer piece of a stream holds several tokens."""
_SLICE = 64
_FINISHED = re.compile(r"""[.!?…:。！？]["'”’»」』）)\]]*\Z""")


@dataclass(frozen=True, slots=True)
class Brevity:
    """The caps of one reply. ``tokens`` counts the pieces of the stream, long ones several times."""

    tokens: int = 400
    sentences: int = 8
    seconds: float = 30.0
    words: int = 1_000

    @classmethod
    def of(cls, persona: Persona) -> Brevity:
        """As the persona says; each kind of note may take as much as the words."""
        tokens = TOKENS_A_WORD * persona.max_words * (1 + len(persona.notes)) + 20
        return cls(tokens, persona.max_sentences, persona.max_seconds, persona.max_words)


class ReplyCap(StrEnum):
    """Which cap a reply met: it was read no further."""

    NONE = ""
    TOKENS = "tokens"
    SENTENCES = "sentences"
    SECONDS = "seconds"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class SpokenPart:
    """The next thing to voice. ``chunk`` is the number of the structured chunk that it belongs to, -1 without one."""

    index: int
    text: str
    chunk: int = -1


class ReplyReader:
    """See the module. ``names`` as in :class:`Chunker`; ``structured`` says what was asked for, not what will come.

    :attr:`form`, :attr:`problem` and :attr:`chunks` say what came of a structured reply; a plain one is asked for with
    ``structured=False`` and is no failure.
    """

    def __init__(
        self,
        brevity: Brevity,
        *,
        structured: bool = False,
        names: Iterable[str] = (),
        chunking: Chunking | None = None,
        language: Language = ENGLISH,
    ) -> None:
        self._brevity = brevity
        self._language = language
        self._structured = StructuredReader() if structured else None
        self._chunker = Chunker(chunking, names, language)
        self._tokens = 0
        self._sentences = 0
        self._seconds = 0.0
        self._words = 0
        self._given = False
        self._index = 0
        self._complete = True
        self._whole = False
        self.cut = ReplyCap.NONE
        self.chunks: dict[int, ReplyChunk] = {}
        """The structured chunks that are whole, by number."""
        self.expressions: dict[int, str] = {}
        """What chunks are said with, as far as it is known, by number."""

    @property
    def structured(self) -> bool:
        """Whether a structured reply was asked for."""
        return self._structured is not None

    @property
    def form(self) -> ReplyForm:
        """What the reply turned out to be, valid after :meth:`finish`."""
        return self._structured.form if self._structured else ReplyForm.PLAIN

    @property
    def problem(self) -> str:
        """What was wrong with a structured reply."""
        return self._structured.problem if self._structured else ""

    def feed(self, piece: str) -> list[SpokenPart]:
        """Take a piece of the stream; returns what can be voiced now. A huge piece is read only as far as needed.

        A :class:`ToolFiller` is said at once, beside the reply and its caps; of :class:`WholeText` all is said.
        """
        if isinstance(piece, ToolFiller):
            return [self._part(text)] if (text := speakable(piece, (), self._language)) else []
        self._whole = self._whole or isinstance(piece, WholeText)
        parts: list[SpokenPart] = []
        for start in range(0, len(piece), _SLICE):
            if self.cut:
                break
            parts += self._take(piece[start : start + _SLICE])
        return parts

    def _take(self, piece: str) -> list[SpokenPart]:
        self._tokens += 0 if self._whole else max(1, len(piece) // _LONG_TOKEN)
        parts = self._read(piece)
        if not self.cut and self._tokens >= self._brevity.tokens:
            self.cut = ReplyCap.TOKENS
            parts += self._cut_short(self._structured.stop() if self._structured else [])
        return parts

    def finish(self, *, broken: bool = False) -> list[SpokenPart]:
        """The stream has ended; ``broken``: the engine failed in the middle, and a sentence without its end is not
        said.
        """
        if self.cut:
            return []
        events = self._structured.finish() if self._structured else []
        if broken or (self._structured and self._structured.truncated):
            return self._cut_short(events, whole=broken)
        return self._understand(events) + self._say(self._chunker.finish())

    def _read(self, piece: str) -> list[SpokenPart]:
        if self._structured is None:
            return self._say(self._chunker.feed(piece))
        return self._understand(self._structured.feed(piece))

    def _understand(self, events: list[ReplyEvent]) -> list[SpokenPart]:
        parts: list[SpokenPart] = []
        for event in events:
            if isinstance(event, ChunkReady):
                self.chunks[event.chunk.index] = event.chunk
            elif isinstance(event, ExpressionReady):
                self.expressions[event.index] = event.expression
            elif isinstance(event, PlainText):
                parts += self._say(self._chunker.feed(event.text))
            else:
                sentences = self._chunker.feed(event.text) + self._chunker.finish()
                if event.expression:
                    self.expressions[event.index] = event.expression
                parts += self._say(sentences, event.index)
        return parts

    def _cut_short(self, events: list[ReplyEvent], *, whole: bool = False) -> list[SpokenPart]:
        """The end of a reply that breaks off: an unfinished sentence is said only if it is all there is, and where only
        ``whole`` ones are wanted only if its beginning was given already.
        """
        last = next((event for event in reversed(events) if isinstance(event, TextReady)), None)
        if last is None:
            return self._understand(events) + self._last(whole=whole)
        parts = self._understand([event for event in events if event is not last])
        return parts + self._say(self._chunker.feed(last.text), last.index) + self._last(last.index, whole=whole)

    def _last(self, chunk: int = -1, *, whole: bool) -> list[SpokenPart]:
        rest = [sentence for sentence in self._chunker.finish() if sentence.spoken]
        if rest and not _FINISHED.search(rest[-1].spoken):
            unfinished = rest.pop()
            begun = self._given and not self._complete
            if not rest and (begun or not (whole or self._given)):
                words = unfinished.spoken.rpartition(" ")[0]  # the last one may be half a word
                rest = [Sentence(unfinished.raw, words.rstrip(" ,;:–—-") + ".")] if words else []
        return self._say(rest, chunk)

    def _say(self, sentences: list[Sentence], chunk: int = -1) -> list[SpokenPart]:
        parts: list[SpokenPart] = []
        for sentence in sentences:
            text = self._fitting(sentence.spoken)
            if text:
                parts.append(self._part(text, chunk))
                self._count(text)
        return parts

    def _part(self, text: str, chunk: int = -1) -> SpokenPart:
        self._index += 1
        return SpokenPart(self._index - 1, text, chunk)

    def _fitting(self, text: str) -> str:
        """``text`` as far as it may be said; what does not fit sets :attr:`cut`."""
        if not text or self.cut not in (ReplyCap.NONE, ReplyCap.TOKENS):
            return ""
        if self._whole:
            return text
        if self._sentences >= self._brevity.sentences:
            self.cut = ReplyCap.SENTENCES
            return ""
        seconds, words = self._brevity.seconds - self._seconds, self._brevity.words - self._words
        if estimate_seconds(text) > seconds:
            self.cut = ReplyCap.SECONDS
        elif word_count(text) > words:
            self.cut = ReplyCap.WORDS
        else:
            return text
        return "" if self._given and self._complete else cap(text, max(words, 1), max(seconds, 1.0), self._language)

    def _count(self, text: str) -> None:
        self._given = True
        self._seconds += estimate_seconds(text)
        self._words += word_count(text)
        self._complete = bool(_FINISHED.search(text))
        self._sentences += self._complete
        if self._complete and self._sentences >= self._brevity.sentences and not (self.cut or self._whole):
            self.cut = ReplyCap.SENTENCES
