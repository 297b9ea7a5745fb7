"""What was heard of an utterance, by its marks and the number of samples played. Pure."""

from __future__ import annotations

from duologue.speech.utterance import Utterance

CHARACTERS_A_SECOND = 15
"""Of speech, about."""


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
