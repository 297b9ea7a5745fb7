"""What a transcription server answers: read with suspicion, or explained as an error with its next step."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from duologue.errors import DuologueError, PeerError
from duologue.speech.hearing import EAR_RATE, Transcript
from duologue.speech.utterance import Mark, MarkKind

if TYPE_CHECKING:
    import httpx

_SHOWN = 160
"""So much of a server's own words is repeated (characters)."""
_SECRET = re.compile(r"\b(?:sk|key|pk)-[\w*.-]{4,}|Bearer\s+\S+", re.IGNORECASE)


class Refusal(Exception):
    """A server's answer with a status of 400 or more, in the shape of the official client's errors."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(response.text)
        self.status_code = response.status_code
        self.response = response


class _Word(BaseModel):
    word: str
    start: float
    end: float


class _Answer(BaseModel):
    """The fields of ``CreateTranscriptionResponse(Verbose)Json`` that are used."""

    text: str
    words: tuple[_Word, ...] = ()


def read_answer(body: str, length: int) -> Transcript:
    """The final transcript of a sound of ``length`` samples. Raises :class:`PeerError` for what is none."""
    try:
        answer = _Answer.model_validate_json(body)
    except ValidationError as error:
        raise PeerError(
            f"the server sent something that is no transcript: {_words(body)!r}", where="audio/transcriptions",
            remedy="Check engines.openai_hearing.base_url.",
        ) from error  # fmt: skip
    text = " ".join(answer.text.split())
    return Transcript(text, True, len(text), _marks(answer.words, text, length))


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


def explain(error: Exception, where: str, model: str, key_remedy: str) -> Exception:
    """The error to raise; one that is no failure of the server or the way to it comes back as it is."""
    if isinstance(error, DuologueError):
        return error
    if isinstance(error, Refusal):
        return _of_status(error.status_code, _words(error.response.text), where, model, key_remedy)
    if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
        return PeerError(
            "the server gave no transcript in time", where=where,
            remedy="Use a smaller model, or raise engines.openai_hearing.answer_seconds.",
        )  # fmt: skip
    if type(error).__module__.startswith(("httpx", "httpcore")) or isinstance(error, OSError):
        return PeerError(
            f"the server cannot be reached, or cut the connection: {_words(str(error)) or type(error).__name__}",
            where=where, remedy="See that it runs, and check engines.openai_hearing.base_url.",
        )  # fmt: skip
    return error


def _of_status(status: int, words: str, where: str, model: str, key_remedy: str) -> PeerError:
    match status:
        case 401 | 403:
            return PeerError(f"the server refused the key (status {status})", where=where, remedy=key_remedy)
        case 404:
            return PeerError(
                f"the server does not know the model {model!r}, or transcribes nothing (status 404)",
                where=where, remedy="Check engines.openai_hearing.model, and that base_url ends in /v1.",
            )  # fmt: skip
        case 429:
            return PeerError(
                f"the server is busy or the quota is spent (status 429): {words}", where=where,
                remedy="Wait, or raise engines.openai_hearing.retry_after_seconds or your quota.",
            )  # fmt: skip
        case _:
            did = "failed" if status >= 500 else "refused the request"
            return PeerError(f"the server {did} (status {status}): {words}", where=where, remedy="See its log.")


def _words(text: str) -> str:
    """The server's own words, short and without anything that looks like a key."""
    text = _SECRET.sub("…", " ".join(text.split()))
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
