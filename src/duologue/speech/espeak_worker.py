"""The process in which espeak-ng runs: ``python -m duologue.speech.espeak_worker LIBRARY DATA FD``.

What espeak-ng says depends on what it said before: its glottal phase and flutter run on from line to line, and the same
line comes out a few milliseconds longer or shorter. A show must be the same each time, so this process opens the
library and never speaks: it forks a child for each line (about 2 ms), which is as fresh as the last one was.

One thread reads requests, so that a cancellation is seen while a line is being spoken.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import queue
import signal
import sys
import threading
import warnings

from duologue.errors import ClosedError, DuologueError
from duologue.speech.espeak_library import EspeakLibrary
from duologue.speech.espeak_messages import (
    CancelLine,
    LineChunk,
    LineDone,
    LineFailed,
    LineSpelt,
    Opened,
    SpeakLine,
    SpeechEvent,
    SpellLine,
)
from duologue.workers import Channel

MAX_LINES = 64
"""Lines that may wait here; the engine never asks for more at once."""
_PR_SET_PDEATHSIG = 1


class _Inbox:
    """The lines to speak and those that were cancelled, filled by the reading thread."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._cancelled: set[int] = set()
        self._speaking = -1
        self._closed = False
        self._lock = threading.Lock()
        self._stop = mmap.mmap(-1, 1)  # shared with the children
        self.lines: queue.Queue[SpeakLine | SpellLine | None] = queue.Queue(MAX_LINES + 1)

    def read(self) -> None:
        """Until the engine is gone."""
        for message in self._channel:
            if isinstance(message, SpeakLine | SpellLine):
                self.lines.put(message)
            elif isinstance(message, CancelLine):
                with self._lock:
                    self._cancelled.add(message.line)
                    self._update()
        with self._lock:
            self._closed = True
            self._update()
        self.lines.put(None)

    def begin(self, line: int) -> None:
        """``line`` is spoken now; all before it are over (their cancellation may have come after their end)."""
        with self._lock:
            self._speaking = line
            self._cancelled = {later for later in self._cancelled if later >= line}
            self._update()

    def stopped(self) -> bool:
        """Whether to go no further with the line that is spoken now. The child asks this: it takes no lock."""
        return self._stop[0] != 0

    def _update(self) -> None:
        self._stop[0] = int(self._closed or self._speaking in self._cancelled)


def _speak(library: EspeakLibrary, channel: Channel, inbox: _Inbox, request: SpeakLine) -> None:
    """Speak one line and send all of it."""
    made = 0

    def sink(pcm: bytes, events: tuple[SpeechEvent, ...]) -> bool:
        nonlocal made
        if inbox.stopped():
            return False
        made += len(pcm) // 2
        if pcm or events:
            channel.send(LineChunk(request.line, pcm, events))
        return True

    try:
        if not inbox.stopped():
            library.speak(request.text, request.voice, sink)
        channel.send(LineDone(request.line, made, inbox.stopped()))
    except ClosedError:
        return  # the engine is gone: nobody is left to tell
    except DuologueError as error:
        channel.send(LineFailed(request.line, error))


def _spell(library: EspeakLibrary, channel: Channel, request: SpellLine) -> None:
    """Tell the phonemes of one line."""
    try:
        channel.send(LineSpelt(request.line, library.spell(request.text, request.voice)))
    except ClosedError:
        return
    except DuologueError as error:
        channel.send(LineFailed(request.line, error))


def _in_child(library: EspeakLibrary, channel: Channel, inbox: _Inbox, request: SpeakLine | SpellLine) -> bool:
    """False when the child died in the middle: the channel may hold half a message, so this process must end too."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            if sys.platform == "linux":  # elsewhere a child whose parent is killed ends with its line
                ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
            if isinstance(request, SpellLine):
                _spell(library, channel, request)
            else:
                _speak(library, channel, inbox, request)
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] == 0


def main() -> int:
    """Serve until the engine closes the channel. Returns the exit status."""
    library_path, data_path = sys.argv[1:3]
    channel = Channel.inherited()
    try:
        library = EspeakLibrary(library_path, data_path)
    except DuologueError as error:
        channel.send(LineFailed(-1, error))
        return 1
    # Python 3.12 warns of any fork beside a thread; the child takes no lock that the reading thread may hold.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    inbox = _Inbox(channel)
    threading.Thread(target=inbox.read, name="requests", daemon=True).start()
    try:
        channel.send(Opened(library.rate, library.version, library.voices, library.variants))
    except ClosedError:
        return 0
    while (request := inbox.lines.get()) is not None:
        inbox.begin(request.line)
        if not _in_child(library, channel, inbox, request):
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
