"""The process in which espeak-ng runs: ``python -m duologue.speech.espeak_worker LIBRARY DATA FD``.

One thread reads requests, so that a cancellation is seen while the main thread is inside the library.
"""

from __future__ import annotations

import queue
import sys
import threading

from duologue.errors import ClosedError, DuologueError
from duologue.speech.espeak_library import EspeakLibrary
from duologue.speech.espeak_messages import (
    CancelLine,
    LineChunk,
    LineDone,
    LineFailed,
    Opened,
    SpeakLine,
    SpeechEvent,
)
from duologue.workers import Channel

MAX_LINES = 64
"""Lines that may wait here; the engine never asks for more at once."""


class _Inbox:
    """The lines to speak and those that were cancelled, filled by the reading thread."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._cancelled: set[int] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self.lines: queue.Queue[SpeakLine | None] = queue.Queue(MAX_LINES + 1)

    def read(self) -> None:
        """Until the parent is gone."""
        for message in self._channel:
            if isinstance(message, SpeakLine):
                self.lines.put(message)
            elif isinstance(message, CancelLine):
                with self._lock:
                    self._cancelled.add(message.line)
        self._closed.set()
        self.lines.put(None)

    def stopped(self, line: int) -> bool:
        """Whether to go no further with ``line``."""
        with self._lock:
            return self._closed.is_set() or line in self._cancelled

    def forget(self, line: int) -> None:
        """``line`` is over, and so are all before it (a cancellation may come after the end)."""
        with self._lock:
            self._cancelled = {later for later in self._cancelled if later > line}


def _speak(library: EspeakLibrary, channel: Channel, inbox: _Inbox, request: SpeakLine) -> None:
    made = 0

    def sink(pcm: bytes, events: tuple[SpeechEvent, ...]) -> bool:
        nonlocal made
        if inbox.stopped(request.line):
            return False
        made += len(pcm) // 2
        if pcm or events:
            channel.send(LineChunk(request.line, pcm, events))
        return True

    try:
        if not inbox.stopped(request.line):
            library.speak(request.text, request.voice, sink)
        channel.send(LineDone(request.line, made, inbox.stopped(request.line)))
    except ClosedError:
        raise
    except DuologueError as error:
        channel.send(LineFailed(request.line, error))
    finally:
        inbox.forget(request.line)


def main() -> None:
    """Serve until the parent closes the channel."""
    library_path, data_path = sys.argv[1:3]
    channel = Channel.inherited()
    try:
        library = EspeakLibrary(library_path, data_path)
    except DuologueError as error:
        channel.send(LineFailed(-1, error))
        return
    inbox = _Inbox(channel)
    threading.Thread(target=inbox.read, name="requests", daemon=True).start()
    try:
        channel.send(Opened(library.rate, library.version, library.voices, library.variants))
        while (request := inbox.lines.get()) is not None:
            _speak(library, channel, inbox, request)
    except ClosedError:
        return  # the parent is gone: nobody is left to tell


if __name__ == "__main__":
    main()
