"""How well a word was said: the comparison on made-up models, and PocketSphinx on voices that say it right or not."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from spoken_phrases import espeak, noise, silence

from duologue.errors import ClosedError, InputError, PeerError
from duologue.speech.hearing import EAR_RATE
from duologue.speech.pronunciation import goodness
from duologue.speech.pronunciation.goodness import SILENCE, STATES, Scores, WordPhones, percent, score_words
from duologue.speech.pronunciation.model import SphinxModels
from duologue.speech.pronunciation.scorer import MAX_SECONDS, PronunciationScorer

PHONES = ("AE", "B", "K", "T", "S", "IY")


class Models:
    """Three senones for each phone, whatever is beside it."""

    phones = PHONES

    def senones(self, phone: str, left: str, right: str, first: bool, last: bool) -> NDArray[np.int64]:
        at = STATES * (*PHONES, SILENCE).index(phone)
        return np.arange(at, at + STATES, dtype=np.int64)


def sound(*spoken: tuple[str, int]) -> Scores:
    """Frames in which each phone is likeliest for so long, by 3 nats."""
    scores = np.full((sum(frames for _, frames in spoken), STATES * (len(PHONES) + 1)), -3.0, np.float32)
    at = 0
    for phone, frames in spoken:
        senones = Models().senones(phone, "", "", False, False)
        for frame in range(frames):
            scores[at + frame, senones[min(STATES - 1, STATES * frame // frames)]] = 0.0
        at += frames
    return scores


CAT, SEAT = WordPhones("cat", ("K", "AE", "T")), WordPhones("seat", ("S", "IY", "T"))


def test_words_are_found_where_they_are_with_pauses_anywhere() -> None:
    told = score_words(
        sound((SILENCE, 10), ("K", 6), ("AE", 12), ("T", 6), (SILENCE, 20), ("S", 9), ("IY", 12), ("T", 6)),
        Models(), (CAT, SEAT),
    )  # fmt: skip
    assert [(word.name, word.start, word.end) for word in told] == [("cat", 10, 34), ("seat", 54, 81)]
    assert [phone.name for phone in told[1].phones] == ["S", "IY", "T"]
    for word in told:
        for phone in word.phones:  # 3 nats a frame
            assert phone.ratio == pytest.approx(3.0 * (phone.end - phone.start) ** 0.5, rel=0.35)


def test_a_wrong_phone_is_below_nought_and_named_and_the_others_are_not() -> None:
    (word,) = score_words(sound((SILENCE, 6), ("K", 6), ("IY", 12), ("T", 6), (SILENCE, 6)), Models(), (CAT,))
    ratios = {phone.name: phone.ratio for phone in word.phones}
    assert ratios["AE"] < -2 and word.phones[1].rival == "IY"
    assert ratios["K"] > 1 and ratios["T"] > 1
    (right,) = score_words(sound((SILENCE, 6), ("K", 6), ("AE", 12), ("T", 6), (SILENCE, 6)), Models(), (CAT,))
    assert right.evidence > word.evidence


def test_a_phone_that_was_left_out_is_below_nought() -> None:
    (word,) = score_words(sound((SILENCE, 9), ("S", 9), ("IY", 20), (SILENCE, 9)), Models(), (SEAT,))
    assert word.phones[2].ratio < 0 and word.phones[2].rival in ("", "IY")


def test_sounds_that_are_too_short_have_no_words() -> None:
    assert score_words(sound(("K", 3)), Models(), (CAT, SEAT)) == ()


def test_a_score_grows_with_the_evidence() -> None:
    scores = [percent(found) for found in np.linspace(-8, 4, 25)]
    assert scores == sorted(scores) and scores[0] < 10 and scores[-1] > 90
    assert percent(goodness.CLEAR_FROM) == 50


def test_the_definition_of_the_model_is_read() -> None:
    pocketsphinx: Any = import_module("pocketsphinx")

    models = SphinxModels(Path(str(pocketsphinx.get_model_path("en-us/en-us"))) / "mdef")
    assert len(models.phones) == 39 and SILENCE not in models.phones and models.count == 5126
    inside = models.senones("AE", "K", "T", False, False)
    assert len(inside) == STATES and set(inside) != set(models.senones("AE", "B", "D", False, False))
    assert list(models.senones(SILENCE, "K", "T", False, False)) == list(models.senones(SILENCE, "T", "K", True, True))
    assert len(models.senones("ZH", "ZH", "ZH", True, True)) == STATES  # a context that it never met


def test_files_of_another_kind_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "mdef"
    file.write_bytes(b"nothing" * 100)
    with pytest.raises(PeerError, match="kind"):
        SphinxModels(file)


@pytest.fixture
async def scorer() -> AsyncIterator[PronunciationScorer]:
    scorer = PronunciationScorer()
    await scorer.warm_up()
    yield scorer
    await scorer.close()


@pytest.mark.slow
async def test_a_voice_that_says_something_else_has_less_evidence(scorer: PronunciationScorer) -> None:
    text = "I would like a cup of tea."
    right = await scorer.score(espeak(text), EAR_RATE, text)
    assert [word.text for word in right] == ["I", "would", "like", "a", "cup", "of", "tea"]
    wrong = await scorer.score(espeak("I would lack a cap of toe."), EAR_RATE, text)
    assert len(wrong) == len(right)
    for name in ("like", "cup", "tea"):
        one = next(word.evidence for word in right if word.text == name)
        other = next(word.evidence for word in wrong if word.text == name)
        assert other < one
    numbers = await scorer.score(espeak("It is 42."), EAR_RATE, "It is 42.")
    assert [word.text for word in numbers] == ["It", "is", "42"]


@pytest.mark.slow
async def test_equal_sounds_get_equal_scores_whatever_was_before(scorer: PronunciationScorer) -> None:
    text = "Good morning."
    first = await scorer.score(espeak(text), EAR_RATE, text)
    await scorer.score(espeak("Something else."), EAR_RATE, "Something else.")
    assert await scorer.score(espeak(text), EAR_RATE, text) == first


@pytest.mark.slow
async def test_nothing_noise_and_too_much(scorer: PronunciationScorer) -> None:
    assert await scorer.score(silence(0.0), EAR_RATE, "Hello.") == ()
    assert await scorer.score(espeak("Hello."), EAR_RATE, "…") == ()
    assert await scorer.score(silence(0.05), EAR_RATE, "a very long sentence for so little sound") == ()
    for word in await scorer.score(noise(1.0), EAR_RATE, "Hello there"):
        assert np.isfinite(word.evidence)
    with pytest.raises(InputError, match="too long"):
        await scorer.score(silence(MAX_SECONDS + 1.0), EAR_RATE, "Hello.")


@pytest.mark.slow
async def test_a_worker_that_dies_is_replaced(scorer: PronunciationScorer) -> None:
    text = "Good morning."
    before = await scorer.score(espeak(text), EAR_RATE, text)
    pid = scorer.workers[0].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert await scorer.score(espeak(text), EAR_RATE, text) == before
    await scorer.close()
    with pytest.raises(ClosedError):
        await asyncio.wait_for(scorer.score(espeak(text), EAR_RATE, text), 10)
