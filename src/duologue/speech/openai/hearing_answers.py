"""What a transcription server answers, read with suspicion."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

from duologue.metering import Amount, usage_told
from duologue.speech.hearing import EAR_RATE, Transcript
from duologue.speech.utterance import Mark, MarkKind


class _Word(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)

    word: str
    start: float
    end: float


class _Answer(BaseModel):
    """The fields of ``CreateTranscriptionResponse(Verbose)Json`` that are used."""

    text: str
    words: tuple[_Word, ...] | None = None
    """None also by name (``null``), from servers that know the form and not the times."""


def read_answer(body: str, length: int) -> Transcript:
    """The final transcript of a sound of ``length`` samples at :data:`EAR_RATE`.

    Raises :class:`ValueError` for what is none.
    """
    try:
        answer = _Answer.model_validate_json(body)
    except ValidationError as error:
        raise ValueError("no transcript") from error
    text = " ".join(answer.text.split())
    return Transcript(text, True, len(text), _marks(answer.words or (), text, length))


class _Counted(BaseModel):
    usage: object = None


def read_usage(body: str, seconds: float) -> Amount:
    """What a request for a sound of ``seconds`` took: with the tokens that the answer tells of, if it does."""
    try:
        told = usage_told(_Counted.model_validate_json(body).usage)
    except ValidationError:
        told = None
    return Amount(seconds=seconds) if told is None else Amount(told.prompt, told.completion, told.cached, 0, seconds)


def _marks(words: tuple[_Word, ...], text: str, length: int) -> tuple[Mark, ...]:
    """The words that are found in the text, in order; times are bent into order and into the sound."""
    found: list[Mark] = []
    offset = last = 0
    for word in words:
        written = word.word.strip()
        place = text.find(written, offset) if written else -1
        if place < 0:
            continue
        start = min(max(round(word.start * EAR_RATE), last), length)
        last = min(max(round(word.end * EAR_RATE), start), length)
        found.append(Mark(MarkKind.WORD, written, start, last, offset=place))
        offset = place + len(written)
    return tuple(found)
