"""Whisper in CTranslate2, as its worker has it: features of a window in, words with their places out.

faster-whisper pads what it is given to 30 s. The encoder takes shorter windows, and costs as much less, so this goes to
CTranslate2 itself: encode once, write at most as many tokens as can be spoken in the time, and align what was written
with the same encoding. The prompt asks for no times, since alignment knows them better.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from duologue.audio.pcm import Samples
from duologue.errors import InputError, PeerError
from duologue.speech.whisper.messages import Found, LoadWhisper, Pass
from duologue.speech.whisper.words import (
    Said,
    as_they_sound,
    copied_from,
    crowded_out,
    evened,
    that_sound,
    unsaid_from,
    with_marks,
)

TOKENS_PER_SECOND = {"en": 8}
"""Nobody says more…"""
TOKENS_ELSEWHERE = 20
"""… but other scripts take several for a letter."""
MOST_TOKENS = 220
"""Of one pass, which the model itself bounds at 448 with its prompt."""
HINT_TOKENS = 100
"""Of the phrases that are expected."""
_FRAME = 0.02
"""Seconds of one step of an alignment."""
UNVOICED = 0.6
"""The model's own probability that nobody spoke, above which …"""
DOUBTED = 0.55
"""… words must be surer than this on average to be believed."""
TELLING = 2.0
"""Seconds of sound by which a language is told…"""
FOREIGN = 0.8
"""… and how sure the model must be that it is not the one that is expected."""
NEARLY = 2.0
"""A text whose logarithm of its probability is less below the likeliest one's is nearly as likely. Of what callers said
in whole sentences (266 ends) none has one so near that wants to go on; of 42 pauses that are heard as an end six do.
"""
TAIL = 0.6
"""Seconds of a voice after the last word in which there must be another."""
_SYMBOLS = '"#()*+/:;<=>@[]^_`{|}~「」『』♪♫'
_UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
_NEEDED = ("model.bin", "config.json", "tokenizer.json")


def check_folder(folder: Path) -> None:
    """Raises :class:`InputError` naming the file that a model's folder lacks."""
    missing = next((name for name in _NEEDED if not (folder / name).is_file()), "")
    if not missing and not any(folder.glob("vocabulary.*")):
        missing = "vocabulary.txt"
    if missing:
        raise InputError(
            f"Whisper's model has no file {missing}", where=f"engines.whisper.model = {folder}",
            remedy="Fetch it again (duologue models get whisper-tiny.en), or give the folder of a model converted for"
            " CTranslate2.",
        )  # fmt: skip


class WhisperModel:
    """A model in memory. One pass at a time."""

    def __init__(self, load: LoadWhisper) -> None:
        folder = Path(load.folder)
        self._views: Any = import_module("ctranslate2").StorageView
        models: Any = import_module("ctranslate2").models
        self._model: Any = models.Whisper(
            str(folder), device="cpu", compute_type=load.compute_type, intra_threads=load.threads
        )
        self._beam = load.beam
        self._letters: Any = import_module("tokenizers").Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.multilingual = bool(self._model.is_multilingual)
        self._end = self._id("<|endoftext|>")
        self._suppressed = self._never_spoken()

    def run(self, wanted: Pass) -> Found:
        """What was said in a window. Raises :class:`InputError` for a language that the model does not know.

        The model now and then ends its text with a sentence although a short one follows. Where the voice goes on for
        :data:`TAIL` after the last word, the rest is passed over by itself. Of phrases that it was told it may leave
        out what it takes for said before: then all is passed over without them.
        """
        words, language, others = self._heard(wanted.features, wanted, 0.0)
        end = words[-1].end if words else 0.0
        if wanted.phrases and wanted.voiced - end > TAIL:
            words, language, others = self._heard(wanted.features, replace(wanted, phrases=()), 0.0)
            end = words[-1].end if words else 0.0
        if words and wanted.voiced - end > TAIL:
            rest = wanted.features[:, round(end * 100) :]
            filled = np.full_like(wanted.features, wanted.features.min())
            filled[:, : rest.shape[1]] = rest
            tail, _, _ = self._heard(filled, wanted, end)
            if tail and np.mean([word.probability for word in tail]) >= DOUBTED:
                others = ()
                words += [replace(word, start=word.start + end, end=word.end + end) for word in tail]
        words = as_they_sound(evened(words), wanted.features, wanted.voiced or wanted.seconds)
        return Found(wanted.number, tuple(words), language if self.multilingual else "", others)

    def _heard(self, features: Samples, wanted: Pass, begin: float) -> tuple[list[Said], str, tuple[str, ...]]:
        """The words of features that begin so late in the pass, none where surely nobody spoke; their language; and
        other texts that are nearly as likely, where all of the likeliest was said.
        """
        seconds = wanted.seconds - begin
        encoded = self._model.encode(self._views.from_array(np.ascontiguousarray(features[np.newaxis])))
        language = self._language(encoded, wanted.language, seconds)
        start = self._start(language, translated=wanted.translated)
        prompt = [*self._hints(wanted.phrases), *start, self._id("<|notimestamps|>")]
        most = min(int(seconds * TOKENS_PER_SECOND.get(language, TOKENS_ELSEWHERE)) + 8, MOST_TOKENS)
        result = self._model.generate(
            encoded, [prompt], beam_size=self._beam, num_hypotheses=self._beam, return_scores=True,
            max_length=_length_for(most, len(prompt)), suppress_tokens=self._suppressed, return_no_speech_prob=True,
        )[0]  # fmt: skip
        texts = [[token for token in each if token < self._end] for each in result.sequences_ids]
        tokens = texts[0]
        words = self._placed(encoded, start, tokens, seconds, language)
        words = words[: copied_from(words, wanted.voiced - begin if wanted.voiced else 0.0)]
        words = that_sound(words, features)
        unvoiced = float(result.no_speech_prob)
        sure = float(np.mean([word.probability for word in words])) if words else 0.0
        if not words or (unvoiced > UNVOICED and sure < DOUBTED):
            return [], language, ()
        whole = sum(word.tokens for word in words) == len(tokens)
        return words, language, self._nearly(texts, result.scores) if whole else ()

    def _nearly(self, texts: Sequence[list[int]], scores: Sequence[float]) -> tuple[str, ...]:
        """All but the first of the texts, likeliest first, that are within :data:`NEARLY` of it."""
        logs = [score * (len(text) + 1) for text, score in zip(texts, scores, strict=True)]
        near = [text for text, log in zip(texts[1:], logs[1:], strict=True) if logs[0] - log < NEARLY]
        return tuple(str(self._letters.decode(text)).strip() for text in near)

    def _placed(self, encoded: Any, start: list[int], tokens: list[int], seconds: float, language: str) -> list[Said]:
        """The words that were said; without what nobody can have said the others are placed anew."""
        words = self._aligned(encoded, start, tokens, seconds, language)
        kept = unsaid_from(words)
        if kept == len(words):
            return words
        if placed := crowded_out(words, kept):
            return placed
        return self._aligned(encoded, start, tokens[: sum(word.tokens for word in words[:kept])], seconds, language)

    def _aligned(self, encoded: Any, start: list[int], tokens: list[int], seconds: float, language: str) -> list[Said]:
        if not tokens:
            return []
        frames = min(round(seconds * 100), 2 * int(encoded.shape[1]))
        found = self._model.align(encoded, start, [tokens], frames)[0]
        texts, counts = self._split(tokens, language)
        places = np.array(found.alignments)
        first = np.concatenate([[True], np.diff(places[:, 0]) > 0])
        begins = np.append(places[first, 1] * _FRAME, np.full(len(tokens) + 1, places[-1, 1] * _FRAME))
        sure = [*found.text_token_probs, *([0.0] * len(tokens))]
        words: list[Said] = []
        at = 0
        for text, count in zip(texts, counts, strict=True):
            to = at + count
            probability = float(np.mean(sure[at:to]))
            words.append(Said(text, float(begins[at]), float(begins[to]), probability, count))
            at = to
        return with_marks(words)

    def _split(self, tokens: Sequence[int], language: str) -> tuple[list[str], list[int]]:
        """The words of a text with the number of tokens of each; a mark is one of its own."""
        texts: list[str] = []
        counts: list[int] = []
        held: list[int] = []
        for number, token in enumerate(tokens):
            held.append(token)
            text = str(self._letters.decode(held))
            if "\ufffd" in text and number + 1 < len(tokens):
                continue  # in the middle of a letter
            alone = text[:1].isspace() or not any(map(str.isalnum, text)) or language in _UNSPACED
            if texts and not alone and any(map(str.isalnum, texts[-1])):
                texts[-1] += text
                counts[-1] += len(held)
            else:
                texts.append(text)
                counts.append(len(held))
            held = []
        return texts, counts

    def _language(self, encoded: Any, wanted: str, seconds: float) -> str:
        """``wanted``, unless enough was said to be sure that it is another."""
        if not self.multilingual:
            return "en"
        if wanted and self._letters.token_to_id(f"<|{wanted}|>") is None:
            raise InputError(f"the model does not know the language {wanted!r}", where="persona.language")
        if wanted and seconds < TELLING:
            return wanted
        token, probability = self._model.detect_language(encoded)[0][0]
        return str(token)[2:-2] if probability >= FOREIGN or not wanted else wanted

    def _start(self, language: str, *, translated: bool) -> list[int]:
        start = [self._id("<|startoftranscript|>")]
        task = self._id("<|translate|>" if translated else "<|transcribe|>") if self.multilingual else 0
        return [*start, self._id(f"<|{language}|>"), task] if self.multilingual else start

    def _hints(self, phrases: Iterable[str]) -> list[int]:
        text = " ".join(phrases).strip()
        if not text:
            return []
        return [self._id("<|startofprev|>"), *self._written(" " + text)[:HINT_TOKENS]]

    def _written(self, text: str) -> list[int]:
        return list(self._letters.encode(text, add_special_tokens=False).ids)

    def _id(self, token: str) -> int:
        found = self._letters.token_to_id(token)
        if found is None:
            raise PeerError(f"Whisper's tokenizer does not know {token}", where="tokenizer.json")
        return int(found)

    def _never_spoken(self) -> list[int]:
        """Signs that stand for no sound, as Whisper's own list has them; the model's configuration knows the others."""
        found = {-1}
        for symbol in _SYMBOLS:
            for text in (symbol, " " + symbol):
                tokens = self._written(text)
                if len(tokens) == 1:
                    found.add(tokens[0])
        return sorted(found)


def _length_for(tokens: int, prompt: int) -> int:
    """The ``max_length`` by which CTranslate2 writes so many tokens at most, behind a prompt: it counts the prompt's,
    all but the last, and never writes more than half of it.
    """
    return max(2 * tokens, tokens + prompt - 1)


def silence(frames: int, bands: int = 80) -> Samples:
    """Features of no sound, to warm up with."""
    return np.full((bands, frames), -1.5, np.float32)
