"""The process in which a speech model of the user's own runs: ``python -m duologue.speech.local.worker FD``.

A process because such models hold the GIL, load espeak-ng (GPL; one instance per process), or crash with their file.
Sentences are made piece by piece, each when the engine asks for it: so who is waited for goes first, and there is
nothing to cancel in here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module

import numpy as np

from duologue.audio.pcm import Samples, silence
from duologue.child import serve
from duologue.errors import DuologueError, PeerError
from duologue.memory import settle, trim
from duologue.speech.local.messages import (
    LoadVoice,
    LocalAnswer,
    LocalModel,
    More,
    SaySentence,
    SentenceFailed,
    SentenceSound,
    VoiceLoaded,
)
from duologue.speech.utterance import Mark

Pieces = Iterator[tuple[Samples, tuple[Mark, ...]]]


def _load(request: LoadVoice) -> LocalModel:
    module, _, function = request.factory.partition(":")
    return getattr(import_module(module), function)(dict(request.settings))


def _answer(model: LocalModel, begun: dict[int, Pieces], request: SaySentence | More) -> LocalAnswer:
    """The answer to one request. What a model raises is a failure of the sentence: others may still go well."""
    for number in request.over:
        begun.pop(number, None)
    try:
        if isinstance(request, SaySentence):
            begun[request.number] = model.say(request.line, request.voice, request.skip)
        samples, marks = next(begun[request.number], (silence(0), ()))
        if len(samples) == 0:
            del begun[request.number]
            if not begun:
                trim()  # what a sentence took, up to a millisecond for 9 MB
        return SentenceSound(request.number, np.clip(samples, -1.0, 1.0).astype(np.float32), marks)
    except DuologueError as error:
        return SentenceFailed(request.number, error)
    except Exception as error:  # of a model that the user chose, and of libraries beneath it: anything
        return SentenceFailed(request.number, PeerError(f"the model could not speak: {type(error).__name__}: {error}"))


def _begin(first: object) -> tuple[VoiceLoaded, Callable[[object], LocalAnswer]]:
    assert isinstance(first, LoadVoice)
    model, begun = _load(first), dict[int, Pieces]()

    def answer(message: object) -> LocalAnswer:
        assert isinstance(message, SaySentence | More)
        return _answer(model, begun, message)

    return VoiceLoaded(model.rate, model.voices, model.marks, model.notes), answer


if __name__ == "__main__":
    settle()
    sys.exit(serve(_begin, lambda error: SentenceFailed(-1, error)))
