"""What was heard of an utterance, by its marks and the number of samples played. Pure."""

from __future__ import annotations

from dataclasses import replace

from duologue.speech.utterance import CHARACTERS_A_SECOND, Utterance


def heard_text(utterance: Utterance, played_samples: int) -> str:
    """The part of the text that was played: up to the last word whose end lies before ``played_samples``.

    Without word marks the share of the samples decides, rounded down to whole words; of an open utterance their number
    is estimated by its text.
    """
    text = utterance.text
    if played_samples >= len(utterance.samples) and not utterance.open:
        return text
    words = utterance.words()
    if not words:
        whole, samples = text.split(), len(utterance.samples)
        if utterance.open:
            samples = max(samples + 1, round(len(text) / CHARACTERS_A_SECOND * utterance.rate))
        return " ".join(whole[: len(whole) * played_samples // max(1, samples)])
    end = 0
    for word in words:
        if word.end > played_samples:
            break
        start = word.offset if word.offset >= 0 else max(text.find(word.text, end), end)
        end = start + len(word.text)
    return text[:end].rstrip()


def split(utterance: Utterance, played_samples: int, rest_id: str) -> tuple[Utterance, Utterance | None]:
    """What was heard of it, and the rest as ``rest_id``, from the first word on that was not; None: there is none."""
    heard = heard_text(utterance, played_samples)
    cut, offset = played_samples, len(heard)
    for word in utterance.words():
        if word.end > played_samples:
            cut = word.start
            offset = word.offset if word.offset >= 0 else max(utterance.text.find(word.text, len(heard)), len(heard))
            break
    first = replace(
        utterance, text=heard, samples=utterance.samples[:cut], open=False,
        marks=tuple(mark for mark in utterance.marks if mark.end <= cut),
    )  # fmt: skip
    rest = from_sample(utterance, cut, offset, rest_id)
    return first, rest if len(rest.samples) or rest.open else None


def from_sample(utterance: Utterance, cut: int, offset: int, rest_id: str) -> Utterance:
    """What follows the first ``cut`` samples and ``offset`` characters, as ``rest_id``."""
    marks = tuple(
        replace(mark, start=mark.start - cut, end=mark.end - cut, offset=max(mark.offset - offset, -1))
        for mark in utterance.marks
        if mark.start >= cut
    )
    text = utterance.text[offset:]
    return replace(utterance, id=rest_id, text=text.lstrip(), samples=utterance.samples[cut:], marks=marks)
