"""The process in which a GGUF runs: ``python -m duologue.language.llama_worker FD``.

A process because a model's fault is a crash of its process, and because drawing a token holds the GIL now and then. One
thread reads requests, so that a cancellation is seen while an answer is being written.
"""

from __future__ import annotations

import queue
import sys
import threading

from duologue.errors import ClosedError, DuologueError, PeerError
from duologue.language.llama_messages import (
    AnswerFailed,
    AnswerPiece,
    Cancel,
    Done,
    GgufLoaded,
    LlamaAnswer,
    LoadGguf,
    Write,
)
from duologue.language.llama_model import LlamaModel, load
from duologue.workers import Channel

MAX_WAITING = 16
"""Requests that may wait here; the engine never has more at once."""


class _Inbox:
    """The requests, and those that were cancelled, filled by the reading thread."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._cancelled: set[int] = set()
        self._writing = -1
        self._closed = False
        self._lock = threading.Lock()
        self.requests: queue.Queue[Write | None] = queue.Queue(MAX_WAITING + 1)

    def read(self) -> None:
        """Until the engine is gone."""
        for message in self._channel:
            if isinstance(message, Write):
                self.requests.put(message)
            elif isinstance(message, Cancel):
                with self._lock:
                    self._cancelled.add(message.number)
        self._closed = True
        self.requests.put(None)

    def begin(self, number: int) -> None:
        """``number`` is written now; all before it are over (their cancellation may have come after their end)."""
        with self._lock:
            self._writing = number
            self._cancelled = {later for later in self._cancelled if later >= number}

    def stopped(self) -> bool:
        """Whether to go no further with the answer that is written now."""
        with self._lock:
            return self._closed or self._writing in self._cancelled


def _answer(model: LlamaModel, channel: Channel, inbox: _Inbox, request: Write) -> LlamaAnswer:
    """Write one answer and send its pieces. What the library raises fails the answer: the next may still go well."""
    number = request.number
    inbox.begin(number)
    try:
        if not inbox.stopped():
            for text in model.write(request):
                if inbox.stopped():
                    break
                channel.send(AnswerPiece(number, text))
        return Done(number, model.unbound)
    except ClosedError:
        raise
    except DuologueError as error:
        return AnswerFailed(number, error)
    except Exception as error:  # of a model that the user chose, and of libraries beneath it: anything
        what = f"the model could not go on: {type(error).__name__}: {error}"
        return AnswerFailed(number, PeerError(what, where="llama-cpp-python", remedy="It is asked again."))


def main() -> int:
    """Serve until the engine closes the channel. Returns the exit status."""
    channel = Channel.inherited()
    first = channel.receive()
    assert isinstance(first, LoadGguf)
    try:
        model = load(first)
    except DuologueError as error:
        channel.send(AnswerFailed(-1, error))
        return 1
    inbox = _Inbox(channel)
    threading.Thread(target=inbox.read, name="requests", daemon=True).start()
    try:
        channel.send(GgufLoaded())
        while (request := inbox.requests.get()) is not None:
            channel.send(_answer(model, channel, inbox, request))
    except ClosedError:
        return 0  # the engine is gone: nobody is left to tell
    return 0


if __name__ == "__main__":
    sys.exit(main())
