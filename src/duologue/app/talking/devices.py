"""A microphone and a loudspeaker, through the programs that PulseAudio, PipeWire and ALSA bring along.

Raw sound runs through pipes: 16 kHz in, 48 kHz out, 16 bit, mono. So nothing has to be compiled against a sound server.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import IO

import numpy as np

from duologue.app.talking.sound import SpokenTalk
from duologue.audio.pcm import RATE, Samples, from_int16, to_int16
from duologue.child import send_signal
from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.dialogue.ports import Captured
from duologue.dialogue.recording import ConversationRecorder
from duologue.dialogue.session.sink import BLOCK_MS
from duologue.errors import InputError, PeerError, raise_first
from duologue.speech.hearing import EAR_RATE

MAX_HELD = 5
"""Blocks that wait for a loudspeaker that is behind; then the oldest is left out."""
PIPE_BYTES = 16_384
"""What may be on its way to the loudspeaker (0.17 s): more would be heard long after an interruption."""
CLOSING_SECONDS = 2.0
_BLOCK_BYTES = 2 * EAR_RATE * BLOCK_MS // 1000


@dataclass(frozen=True, slots=True)
class Device:
    """The programs of one kind of sound system; ``package`` is Debian's."""

    name: str
    microphone: tuple[str, ...]
    loudspeaker: tuple[str, ...]
    package: str


_PULSE = ("--raw", "--format=s16le", "--channels=1", "--client-name=duologue")
_ALSA = ("-q", "-t", "raw", "-f", "S16_LE", "-c", "1")
DEVICES = (
    Device(
        "PulseAudio",
        ("parec", *_PULSE, f"--rate={EAR_RATE}", "--latency-msec=20"),
        ("pacat", *_PULSE, f"--rate={RATE}", "--latency-msec=60"),
        "pulseaudio-utils",
    ),
    Device(
        "ALSA",
        ("arecord", *_ALSA, "-r", str(EAR_RATE), "--buffer-time=200000"),
        ("aplay", *_ALSA, "-r", str(RATE), "--buffer-time=80000"),
        "alsa-utils",
    ),
)
"""In order of preference; PipeWire answers to PulseAudio's programs."""


def find_device(name: str = "") -> Device:
    """The device of that name, or the first whose programs are installed.

    Raises :class:`PeerError` that names what to install, :class:`InputError` for a name that is none.
    """
    known = {device.name.casefold(): device for device in DEVICES}
    if name and name.casefold() not in known:
        raise InputError(f"there is no device {name!r}", where="--device", remedy=f"Name one of {', '.join(known)}.")
    wanted = (known[name.casefold()],) if name else DEVICES
    for device in wanted:
        if shutil.which(device.microphone[0]) and shutil.which(device.loudspeaker[0]):
            return device
    raise PeerError(
        "no program is there that records and plays sound",
        where=", ".join(f"{device.microphone[0]} and {device.loudspeaker[0]}" for device in wanted),
        remedy=f"Install the Debian package {' or '.join(device.package for device in wanted)};"
        " or talk with --text, or with --wav.",
    )


async def microphone(device: Device) -> AsyncGenerator[Samples, None]:
    """Blocks of 20 ms at 16 kHz, as they are recorded, without end. Raises :class:`PeerError` when the program ends."""
    async with _running(device.microphone, stdout=PIPE) as (process, complaints):
        assert process.stdout is not None
        while True:
            try:
                block = await process.stdout.readexactly(_BLOCK_BYTES)
            except asyncio.IncompleteReadError:
                raise _ended(device.microphone[0], complaints) from None
            yield from_int16(np.frombuffer(block, np.int16))


class Loudspeaker:
    """Made by :func:`open_loudspeaker`. It is given sound at the pace of the clock and plays at the pace of its own:
    what runs fast is made up for by leaving out silence.
    """

    def __init__(self, program: str, pipe: int, complaints: IO[bytes]) -> None:
        self._program = program
        self._pipe = pipe
        self._complaints = complaints
        self._held: deque[bytes] = deque()
        self.dropped = 0
        """Blocks with sound in them that it had no room for."""

    def write(self, samples: Samples) -> None:
        """Play 20 ms (48 kHz). Raises :class:`PeerError` when the program has ended."""
        if not (self._held and not samples.any()):
            self._held.append(to_int16(samples).tobytes())
        try:
            while self._held:
                os.write(self._pipe, self._held[0])  # up to PIPE_BUF a pipe takes all or nothing
                self._held.popleft()
        except BlockingIOError:
            while len(self._held) > MAX_HELD:
                self._held.popleft()
                self.dropped += 1
        except BrokenPipeError as error:
            raise _ended(self._program, self._complaints) from error


@contextlib.asynccontextmanager
async def open_loudspeaker(device: Device) -> AsyncGenerator[Loudspeaker]:
    """The loudspeaker, for the length of the context."""
    reading, writing = os.pipe()
    try:
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        os.set_blocking(writing, False)
        async with _running(device.loudspeaker, stdin=reading) as (_, complaints):
            os.close(reading)
            reading = -1
            yield Loudspeaker(device.loudspeaker[0], writing, complaints)
    finally:
        os.close(writing)
        if reading >= 0:
            os.close(reading)


async def hold(
    talk: Callable[[Callable[[Samples], None]], SpokenTalk], device: Device, recording: ConversationRecorder,
    clock: Clock = SYSTEM_CLOCK,
) -> None:  # fmt: skip
    """Hold the conversation that ``talk`` makes of a way to play sound, until it is hung up; the person's side of it
    goes to ``recording`` here. Raises :class:`PeerError` when one of the programs ends: of two, for the first.
    """
    async with open_loudspeaker(device) as loudspeaker, aclosing(_recorded(device, recording, clock)) as heard:
        try:
            await talk(loudspeaker.write).run(heard)
        except BaseExceptionGroup as failures:
            raise_first(failures)


async def _recorded(device: Device, recording: ConversationRecorder, clock: Clock) -> AsyncGenerator[Captured, None]:
    """The microphone's own clock is how much it has recorded."""
    at = 0
    async with aclosing(microphone(device)) as blocks:
        async for block in blocks:
            recording.hear(block, at, clock.now())
            yield Captured(block, at)
            at += len(block)


@contextlib.asynccontextmanager
async def _running(
    command: tuple[str, ...], stdin: int = DEVNULL, stdout: int = DEVNULL
) -> AsyncGenerator[tuple[Process, IO[bytes]]]:
    """A program in a session of its own (Ctrl-C is for us), ended at the end; with the file of its complaints."""
    with tempfile.TemporaryFile() as complaints:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=stdin, stdout=stdout, stderr=complaints, start_new_session=True
        )
        try:
            yield process, complaints
        finally:
            await _end(process)


async def _end(process: Process) -> None:
    if process.returncode is None:
        send_signal(process, signal.SIGTERM)
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await process.wait()
        except TimeoutError:
            send_signal(process, signal.SIGKILL)
            await process.wait()
    if process.stdout is not None:  # asyncio keeps a pipe open until its end was read
        with contextlib.suppress(TimeoutError):  # somebody else may hold its other end
            async with asyncio.timeout(CLOSING_SECONDS):
                await process.stdout.read()


def _ended(program: str, complaints: IO[bytes]) -> PeerError:
    complaints.seek(0)
    words = complaints.read(2000).decode("utf-8", "replace").strip().splitlines()
    why = f": {words[-1]}" if words else ""
    return PeerError(
        f"{program} ended{why}", where="microphone and loudspeaker",
        remedy=f"Try `{program}` in a terminal, or another --device ({', '.join(each.name for each in DEVICES)}).",
    )  # fmt: skip
