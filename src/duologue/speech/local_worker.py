"""The process in which a speech model of the user's own runs: ``python -m duologue.speech.local_worker FD``.

A process because such models hold the GIL, load espeak-ng (GPL; one instance per process), or crash with their file.
One sentence after the other; the engine sends the next when it wants it, so there is nothing to cancel in here.
"""

from __future__ import annotations

import sys
from importlib import import_module

import numpy as np

from duologue.errors import ClosedError, DuologueError, PeerError
from duologue.speech.local_messages import Answer, Failed, Load, Loaded, LocalModel, Said, Say
from duologue.workers import Channel


def _load(request: Load) -> LocalModel:
    module, _, function = request.factory.partition(":")
    return getattr(import_module(module), function)(dict(request.settings))


def _say(model: LocalModel, request: Say) -> Answer:
    """The answer to one request. What a model raises is a failure of the sentence: others may still go well."""
    try:
        samples, marks = model.say(request.text, request.voice)
        return Said(request.number, np.clip(samples, -1.0, 1.0).astype(np.float32), marks)
    except DuologueError as error:
        return Failed(request.number, error)
    except Exception as error:  # of a model that the user chose, and of libraries beneath it: anything
        what = f"the model could not speak {request.text[:60]!r}: {type(error).__name__}: {error}"
        return Failed(request.number, PeerError(what, where=f"voice {request.voice}"))


def main() -> int:
    """Serve until the engine closes the channel. Returns the exit status."""
    channel = Channel.inherited()
    request = channel.receive()
    assert isinstance(request, Load)
    try:
        model = _load(request)
    except DuologueError as error:
        channel.send(Failed(-1, error))
        return 1
    try:
        channel.send(Loaded(model.rate, model.voices, model.marks))
        for message in channel:
            assert isinstance(message, Say)
            channel.send(_say(model, message))
    except ClosedError:
        return 0  # the engine is gone: nobody is left to tell
    return 0


if __name__ == "__main__":
    sys.exit(main())
