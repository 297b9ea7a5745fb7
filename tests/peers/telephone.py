"""baresip as a telephone that is told what to do: it dials and is called, speaks what it is given, and writes down what
it hears and what happens.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import wave
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from duologue.audio.pcm import Samples
from duologue.audio.resample import resample
from peers.sip_line import HOST, free_port, program, running

MODULES = Path("/usr/lib/baresip/modules")
RATE = 8000
QUIET_SECONDS = 150
"""Behind whatever is spoken, and before it: longer than any call."""
OPUS = "opus/48000/2"
CONFIGURATION = """
module_path {modules}
sip_listen {host}:{port}
net_interface {host}
audio_source aufile,{quiet}
audio_player aufile,{played}
audio_alert aufile,{played}
snd_path {folder}
jitter_buffer_delay 0-0
ctrl_tcp_listen {host}:{control}
module aufile.so
module sndfile.so
{codecs}
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
"""


@dataclass
class Telephone:
    """A running one. ``events`` are what it told, as its own JSON."""

    port: int
    folder: Path
    writer: asyncio.StreamWriter
    events: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    told: asyncio.Event = field(default_factory=asyncio.Event)

    def order(self, command: str, parameters: str = "") -> None:
        """Have it do something of its menu."""
        data = json.dumps({"command": command, "params": parameters}).encode()
        self.writer.write(b"%d:%s," % (len(data), data))

    def speak(self, spoken: Path) -> None:
        """Speak a file of :func:`voiced` on the call that stands."""
        self.order("ausrc", f"aufile,{spoken}")

    def of(self, kind: str) -> list[dict[str, Any]]:
        """What it told of ``kind``, e.g. CALL_ESTABLISHED."""
        return [one for one in self.events if one.get("type") == kind]

    async def until(self, kind: str, count: int = 1, seconds: float = 20) -> dict[str, Any]:
        """The newest of ``kind`` when there are ``count``."""
        try:
            async with asyncio.timeout(seconds):
                while len(self.of(kind)) < count:
                    self.told.clear()
                    await self.told.wait()
        except TimeoutError:
            kinds = [one.get("type") for one in self.events]
            raise AssertionError(f"the telephone told no {kind}, but {kinds}") from None
        return self.of(kind)[-1]

    async def registered(self) -> None:
        """Until a registrar has taken it: it may have told so before anybody asked, but it writes it down."""
        async with asyncio.timeout(20):
            while True:
                said = await asyncio.to_thread((self.folder / "log").read_text, errors="replace")
                if "binding]" in said:
                    return
                await asyncio.sleep(0.05)

    def heard(self) -> Samples:
        """All sound that came, in order; its pauses are left out."""
        whole = [sound_of(file) for file in sorted(self.folder.glob("dump-*-dec.wav"))]
        return np.concatenate([np.zeros(0, np.float32), *whole])

    @property
    def heard_samples(self) -> int:
        """How much of that there is by now."""
        return sum(file.stat().st_size for file in self.folder.glob("dump-*-dec.wav")) // 2

    async def listen(self, reader: asyncio.StreamReader) -> None:
        """Take what it tells, until it is gone: netstrings."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                size = int((await reader.readuntil(b":"))[:-1])
                said = json.loads((await reader.readexactly(size + 1))[:-1])
                if said.get("event"):
                    self.events.append(said)
                    self.told.set()


@contextlib.asynccontextmanager
async def telephone(
    folder: Path, account: str = f"<sip:16@{HOST}>;regint=0", codec: str = "PCMU"
) -> AsyncGenerator[Telephone]:
    """One with an ``account`` as its file of accounts has it, that speaks ``codec``: by :data:`OPUS` a tone and nothing
    else, for its files are of 8000 Hz.
    """
    name = program("baresip", "baresip-core")
    if not await asyncio.to_thread(MODULES.is_dir):
        pytest.skip(f"baresip's modules are not in {MODULES}")
    await asyncio.to_thread(folder.mkdir)
    port, control = free_port(2), free_port()  # the one after it is TLS's, whether anybody calls there or not
    quiet = folder / "quiet.wav"
    write_spoken(quiet, np.zeros(0, np.float32))
    settings = CONFIGURATION.format(
        modules=MODULES, host=HOST, port=port, control=control, quiet=quiet, played=folder / "played.wav",
        folder=folder, codecs="module g711.so",
    )  # fmt: skip
    if codec == OPUS:
        settings = settings.replace("module g711.so", "module opus.so\nmodule ausine.so")
        settings = settings.replace(f"audio_source aufile,{quiet}", "audio_source ausine,440")
    (folder / "config").write_text(settings)
    (folder / "accounts").write_text(f"{account};audio_codecs={codec}\n")
    (folder / "contacts").write_text("")
    async with running([name, "-f", folder, "-t", "120"], folder, "log") as process, asyncio.TaskGroup() as tasks:
        async with asyncio.timeout(10):
            while True:
                assert process.returncode is None, (folder / "log").read_text()
                with contextlib.suppress(OSError):
                    reader, writer = await asyncio.open_connection(HOST, control)
                    break
                await asyncio.sleep(0.05)
        phone = Telephone(port, folder, writer)
        listening = tasks.create_task(phone.listen(reader))
        try:
            yield phone
        finally:
            listening.cancel()
            writer.close()


async def voiced(text: str, file: Path) -> Path:
    """``text`` as espeak-ng says it."""
    spoken = file.with_suffix(".spoken.wav")
    making = await asyncio.create_subprocess_exec(
        program("espeak-ng", "espeak-ng"), text, "-w", spoken, stderr=asyncio.subprocess.PIPE
    )
    _, said = await making.communicate()
    assert making.returncode == 0, said.decode()
    write_spoken(file, sound_of(spoken))
    return file


def sound_of(file: Path) -> Samples:
    """A mono file, at our rate."""
    with wave.open(str(file)) as opened:
        assert opened.getnchannels() == 1
        sound = np.frombuffer(opened.readframes(opened.getnframes()), np.int16).astype(np.float32) / np.float32(32768)
        return resample(sound, opened.getframerate(), RATE)


def write_spoken(file: Path, sound: Samples) -> None:
    """A file for :meth:`Telephone.speak`: quiet around it, so that it lasts longer than any call."""
    quiet = np.zeros(RATE * QUIET_SECONDS, np.float32)
    whole = np.concatenate([quiet[: RATE // 10], 32767 * sound.clip(-1, 1), quiet]).astype(np.int16)
    with wave.open(str(file), "wb") as opened:
        opened.setparams((1, 2, RATE, 0, "NONE", ""))
        opened.writeframes(whole.tobytes())
