"""The process in which PocketSphinx runs: ``python -m duologue.speech.pocketsphinx.worker FD``.

PocketSphinx holds the interpreter's lock while it decodes (gaps of 77 ms were seen), so it lives in no process that has
anything else to do.

Two choices, measured on phrases spoken by flite: without the second, flat pass (``fwdflat``) the final words come 6 ms
after the end instead of 100, for a word error rate of 13 % instead of 12 %; the best path through the lattice
(``bestpath``) is worth its 5 ms: 13 % instead of 22 %.

A long stretch is cut into segments at quiet places: what lies before a cut is settled, and memory stays bounded.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from duologue.audio.pcm import from_int16
from duologue.child import Channel
from duologue.errors import ClosedError, DuologueError, InputError, PeerError
from duologue.speech.hearing import EAR_RATE, Expected
from duologue.speech.pocketsphinx.messages import (
    FRAME,
    Align,
    Aligned,
    Begin,
    End,
    Hear,
    PlacedWord,
    RequestFailed,
    SaidSoFar,
    Scored,
    ScoreWords,
    SphinxAnswer,
    SphinxReady,
    SphinxRequest,
)
from duologue.speech.pocketsphinx.words import dictionary_words, plain, pronounce
from duologue.speech.pronunciation.goodness import WordPhones, score_words
from duologue.speech.pronunciation.model import SphinxModels

MAX_MODELS = 8
"""Domain models and grammars that are kept loaded."""
CUT_AFTER = 15 * EAR_RATE
"""Samples of a segment after which it ends at the next quiet place…"""
CUT_AT_LAST = 30 * EAR_RATE
"""… and here, quiet or not."""
_QUIET = 0.15
"""A piece this much softer than the loudest of its segment (RMS) is quiet."""
_KNOWN_TEXT = {"beam": 1e-250, "pbeam": 1e-250, "wbeam": 1e-220, "bestpath": False}
"""For alignment: the way is known, so the search may look far (with the usual widths a strange voice is lost), and the
best path through the lattice would give phones less time than the second pass can place them in."""
_GRAMMAR_NOISE = re.compile(
    r"//[^\n]*|/\*.*?\*/|/[^/\n]*/|<[^>]*>|\{[^}]*\}|#[^;]*;|grammar\s[^;]*;|import\s[^;]*;", re.S
)
"""What of a JSGF grammar is no word to be said: comments, weights, rule names, tags, the header."""


class Ear:
    """Hears a stretch, or aligns a known text.

    Open dictation has a decoder of its own. So has each domain model and grammar, with a dictionary of just its words:
    that loads in 9 ms, where a model added to the decoder of 134,000 words takes 7 to 20 s.
    """

    def __init__(self) -> None:
        sphinx: Any = import_module("pocketsphinx")
        sphinx.set_loglevel("FATAL")
        self._make: Any = sphinx.Decoder
        self._dictation: Any = self._make(samprate=EAR_RATE, fwdflat=False)
        self._cmn: str = self._dictation.get_cmn(False)
        self._decoder: Any = self._dictation
        self._models: OrderedDict[Expected, Any] = OrderedDict()
        self._open = False
        self._settled: list[PlacedWord] = []
        self._sureness: list[float] = []
        self._base = self._count = 0  # samples before this segment, and in it
        self._loudest = 0.0
        self._phones: SphinxModels | None = None

    def begin(self, expected: Expected) -> SaidSoFar:
        """Start a stretch, as deaf to what was heard before it as the first one."""
        self._abandon()
        self._decoder = self._model(expected)
        self._decoder.set_cmn(self._cmn)
        self._settled, self._sureness, self._base = [], [], 0
        self._start_segment()
        return SaidSoFar()

    def hear(self, pcm: bytes) -> SaidSoFar:
        """The words so far, of the settled segments and this one."""
        if not self._open:
            raise PeerError("a piece of sound came before its stretch began")
        if pcm:  # PocketSphinx takes no empty buffer
            self._decoder.process_raw(pcm, False, False)
        self._count += len(pcm) // 2
        if self._may_cut(pcm):
            self._end_segment()
            self._start_segment()
            return SaidSoFar(tuple(self._settled), len(self._settled))
        return SaidSoFar((*self._settled, *self._words()), len(self._settled))

    def end(self) -> SaidSoFar:
        """The final words."""
        if self._open:
            self._end_segment()
        sure = float(np.clip(np.mean(self._sureness), 0.0, 1.0)) if self._sureness else -1.0
        return SaidSoFar(tuple(self._settled), len(self._settled), sure)

    def align(self, pcm: bytes, words: Sequence[str]) -> Aligned:
        """The place of each word and phone. The first pass chooses pronunciations, the second places their phones."""
        self._abandon()
        if not pcm or not words:
            return Aligned(())
        decoder = self._small(words, options=_KNOWN_TEXT)
        try:
            decoder.set_align_text(" ".join(words))
            _decode(decoder, pcm)
            if decoder.hyp() is None:
                return Aligned(())
            decoder.set_alignment()
            _decode(decoder, pcm)
            return Aligned(tuple(_placed(word) for word in decoder.get_alignment() or () if plain(word.name)))
        except RuntimeError:
            return Aligned(())  # no path through the sound: it does not hold this text

    def score(self, pcm: bytes, words: Sequence[str]) -> Scored:
        """How well each word was said. PocketSphinx chooses pronunciations, and tells what it thinks of every frame."""
        self._abandon()
        if not pcm or not words:
            return Scored(())
        with tempfile.TemporaryDirectory() as folder:
            decoder = self._small(words, options={**_KNOWN_TEXT, "compallsen": True, "senlogdir": folder})
            try:
                decoder.set_align_text(" ".join(words))
                _decode(decoder, pcm)
            except RuntimeError:
                return Scored(())
            said = [part.word for part in decoder.seg() or () if plain(part.word)]
            if [plain(word) for word in said] != list(words):
                return Scored(())
            self._phones = self._phones or SphinxModels(Path(decoder.config["hmm"]) / "mdef")
            found = self._phones.read(next(Path(folder).iterdir()))
        spoken = [WordPhones(plain(word), tuple(decoder.lookup_word(word).split())) for word in said]
        return Scored(score_words(found, self._phones, spoken))

    def _start_segment(self) -> None:
        self._decoder.start_utt()
        self._open, self._count, self._loudest = True, 0, 0.0

    def _end_segment(self) -> None:
        self._abandon()
        if self._count:
            self._sureness += [part.prob for part in self._decoder.seg() or () if plain(part.word)]
            self._settled += self._words()
        self._base += self._count

    def _abandon(self) -> None:
        if self._open:
            self._open = False
            self._decoder.end_utt()

    def _words(self) -> list[PlacedWord]:
        base = self._base // FRAME
        return [
            PlacedWord(plain(part.word), base + part.start_frame, base + part.end_frame + 1)
            for part in self._decoder.seg() or ()
            if plain(part.word)
        ]

    def _may_cut(self, pcm: bytes) -> bool:
        samples = from_int16(np.frombuffer(pcm, np.int16))
        level = float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0
        self._loudest = max(self._loudest, level)
        return self._count >= CUT_AT_LAST or (self._count >= CUT_AFTER and level < _QUIET * self._loudest)

    def _model(self, expected: Expected) -> Any:
        """The decoder for what is expected; built once, the least recently used one is dropped."""
        if not expected.grammar and not any(dictionary_words(phrase) for phrase in expected.phrases):
            return self._dictation
        if expected not in self._models:
            made = self._of_grammar(expected.grammar) if expected.grammar else self._of_phrases(expected.phrases)
            self._models[expected] = made
            if len(self._models) > MAX_MODELS:
                self._models.popitem(last=False)
        self._models.move_to_end(expected)
        return self._models[expected]

    def _of_grammar(self, grammar: str) -> Any:
        decoder = self._small(dictionary_words(_GRAMMAR_NOISE.sub(" ", grammar)))
        try:
            decoder.add_jsgf_string("grammar", grammar)
        except (ValueError, RuntimeError) as error:
            raise InputError(
                "the grammar cannot be read", where=grammar[:60],
                remedy="Write JSGF, its words in lower case: #JSGF V1.0; grammar g; public <g> = yes | no;",
            ) from error  # fmt: skip
        decoder.activate_search("grammar")
        return decoder

    def _of_phrases(self, phrases: Iterable[str]) -> Any:
        """A trigram model with back-off from sentences, by PocketSphinx's own builder."""
        sentences = [words for phrase in phrases if (words := dictionary_words(phrase))]
        builder: Any = import_module("pocketsphinx.lm").ArpaBoLM
        model: Any = builder(text="\n".join(map(" ".join, sentences)), add_start=True)
        model.compute()
        content = StringIO()
        model.write(content)
        return self._small((word for sentence in sentences for word in sentence), content.getvalue())

    def _small(self, words: Iterable[str], model: str = "", options: Mapping[str, object] | None = None) -> Any:
        """A decoder that knows these words only, with a language model in ARPA form or none yet."""
        with tempfile.TemporaryDirectory() as folder:
            dictionary, language = Path(folder) / "words.dict", Path(folder) / "words.lm"
            dictionary.write_text("".join(row for word in dict.fromkeys(words) for row in self._rows(word)))
            language.write_text(model)
            files = {"dict": str(dictionary), "lm": str(language) if model else None}
            return self._make(samprate=EAR_RATE, fwdflat=False, **files, **(options or {}))

    def _rows(self, word: str) -> Iterator[str]:
        """A word's rows for a dictionary: all its pronunciations, or one by rule."""
        phones: str | None = self._dictation.lookup_word(word) or pronounce(word)
        variant = 1
        while phones:
            yield f"{word}({variant}) {phones}\n" if variant > 1 else f"{word} {phones}\n"
            variant += 1
            phones = self._dictation.lookup_word(f"{word}({variant})")


def _decode(decoder: Any, pcm: bytes) -> None:
    decoder.start_utt()
    try:
        decoder.process_raw(pcm, False, True)
    finally:
        decoder.end_utt()


def _placed(word: Any) -> PlacedWord:
    phones = tuple(PlacedWord(phone.name, phone.start, phone.start + phone.duration) for phone in word)
    return PlacedWord(plain(word.name), word.start, word.start + word.duration, phones)


def answer(ear: Ear, request: SphinxRequest) -> SphinxAnswer:
    """Serve one request; what goes wrong is an answer too."""
    try:
        match request:
            case Begin():
                return ear.begin(request.expected)
            case Hear():
                return ear.hear(request.pcm)
            case End():
                return ear.end()
            case Align():
                return ear.align(request.pcm, request.words)
            case ScoreWords():
                return ear.score(request.pcm, request.words)
    except DuologueError as error:
        return RequestFailed(error)
    except (RuntimeError, ValueError) as error:  # what PocketSphinx raises
        return RequestFailed(PeerError(f"PocketSphinx failed: {error}", where=type(request).__name__.lower()))


def main() -> int:
    """Serve until the parent closes the channel. Returns the exit status."""
    channel = Channel.inherited()
    ear = Ear()
    try:
        channel.send(SphinxReady())
        for request in channel:
            assert isinstance(request, Begin | Hear | End | Align | ScoreWords)
            channel.send(answer(ear, request))
    except ClosedError:
        pass  # the parent is gone: nobody is left to tell
    return 0


if __name__ == "__main__":
    sys.exit(main())
