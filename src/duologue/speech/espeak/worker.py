"""The process in which espeak-ng runs: ``python -m duologue.speech.espeak.worker LIBRARY DATA FD``.

What espeak-ng says depends on what it said before: its glottal phase and flutter run on from line to line, and the same
line comes out a few milliseconds longer or shorter. A show must be the same each time, so this process opens the
library and never speaks: it forks a child for each line, which is as fresh as the last one was. It is forked when the
line before is over, not when it is asked for, and where two lines in a row had one voice it has that voice at hand:
somebody waits for what comes then, and a process that was just forked is the last to be run on a busy machine.

One thread reads requests, so that a cancellation is seen while a line is being spoken.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import pickle
import queue
import signal
import sys
import threading
import warnings

from duologue.child import Channel
from duologue.errors import ClosedError, DuologueError
from duologue.speech.espeak.library import EspeakLibrary
from duologue.speech.espeak.messages import (
    CancelLine,
    LineChunk,
    LineDone,
    LineFailed,
    LineSpelt,
    Opened,
    SpeakLine,
    SpeechEvent,
    SpellLine,
    VoiceSpec,
)

MAX_LINES = 64
"""Lines that may wait here; the engine never asks for more at once."""
FIRST, MOST = 440, 35_280
"""Samples of the first piece of a line that is sent, at the least, and of the longest; between them each has
:data:`GROWTH` times as many as the one before. A message costs as much as it takes to make 50 ms of sound, and what
follows it up to the listener several times that; a piece is made in a hundredth of the time that the one before plays.
"""
GROWTH = 4
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


class _Pieces:
    """What is made of a line, on its way to the engine: what comes first goes at once."""

    def __init__(self, channel: Channel, line: int) -> None:
        self.made = 0
        """Samples so far."""
        self._channel, self._line = channel, line
        self._sound, self._events = bytearray(), list[SpeechEvent]()
        self._due = FIRST

    def take(self, pcm: bytes, events: tuple[SpeechEvent, ...]) -> None:
        """More of it."""
        self.made += len(pcm) // 2
        self._sound += pcm
        self._events += events
        if len(self._sound) // 2 >= self._due:
            self.flush()
            self._due = min(GROWTH * self._due, MOST)

    def flush(self) -> None:
        """Send what is there."""
        if self._sound or self._events:
            self._channel.send(LineChunk(self._line, bytes(self._sound), tuple(self._events)))
            self._sound.clear()
            self._events.clear()


def _speak(library: EspeakLibrary, channel: Channel, inbox: _Inbox, request: SpeakLine) -> None:
    """Speak one line and send all of it."""
    pieces = _Pieces(channel, request.line)

    def sink(pcm: bytes, events: tuple[SpeechEvent, ...]) -> bool:
        if inbox.stopped():
            return False
        pieces.take(pcm, events)
        return True

    try:
        if not inbox.stopped():
            library.speak(request.text, request.voice, sink)
        stopped = inbox.stopped()
        if not stopped:
            pieces.flush()
        channel.send(LineDone(request.line, pieces.made, stopped))
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


class _Child:
    """One that waits to speak a line. ``voice`` is what it has at hand; None: nothing, so any will do."""

    def __init__(self, library: EspeakLibrary, channel: Channel, inbox: _Inbox, voice: VoiceSpec | None) -> None:
        self.voice = voice
        asked, self._ask = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._ask)
            _live(library, channel, inbox, asked, voice)
        os.close(asked)

    def suits(self, request: SpeakLine | SpellLine) -> bool:
        """Whether it is as fresh as one that is made for ``request``."""
        return self.voice is None or (isinstance(request, SpeakLine) and request.voice == self.voice)

    def does(self, request: SpeakLine | SpellLine) -> bool:
        """Have it do this, its only one. False when it died in the middle: the channel may hold half a message, so
        this process must end too.
        """
        with contextlib.suppress(BrokenPipeError), os.fdopen(self._ask, "wb") as ask:
            ask.write(pickle.dumps(request, pickle.HIGHEST_PROTOCOL))
        return os.waitpid(self._pid, 0)[1] == 0

    def dismiss(self) -> None:
        """It is not needed."""
        os.close(self._ask)
        os.waitpid(self._pid, 0)


def _live(library: EspeakLibrary, channel: Channel, inbox: _Inbox, asked: int, voice: VoiceSpec | None) -> None:
    """A child's whole life; never returns."""
    status = 1
    try:
        if sys.platform == "linux":  # elsewhere a child whose parent is killed ends with its line
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
        if voice is not None:
            with contextlib.suppress(DuologueError):  # it is told when the voice is asked for
                library.prepare(voice)
        with os.fdopen(asked, "rb") as pipe:
            body = pipe.read()
        request = pickle.loads(body) if body else None
        if isinstance(request, SpellLine):
            _spell(library, channel, request)
        elif isinstance(request, SpeakLine):
            _speak(library, channel, inbox, request)
        status = 0
    finally:
        os._exit(status)


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
    child, before = _Child(library, channel, inbox, None), None
    while (request := inbox.lines.get()) is not None:
        inbox.begin(request.line)
        if not child.suits(request):
            child.dismiss()
            child = _Child(library, channel, inbox, None)
        if not child.does(request):
            return 1
        voice = request.voice if isinstance(request, SpeakLine) else None
        child, before = _Child(library, channel, inbox, voice if voice == before else None), voice
    child.dismiss()
    return 0


if __name__ == "__main__":
    sys.exit(main())
