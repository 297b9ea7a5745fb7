"""Microphone and loudspeaker through pipes, with small programs in the place of parec and pacat."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from duologue.app.talking.devices import (
    DEVICES,
    MAX_HELD,
    PIPE_BYTES,
    Device,
    Loudspeaker,
    find_device,
    hold,
    microphone,
    open_loudspeaker,
)
from duologue.app.talking.sound import SpokenTalk
from duologue.audio.pcm import RATE, Samples, silence, to_int16
from duologue.dialogue.recording import ConversationRecorder
from duologue.errors import InputError, PeerError

BLOCK = 960


def device(folder: Path, *, records: str = "true", plays: str = "true") -> Device:
    """Two shell scripts."""
    for name, script in (("mic", records), ("speaker", plays)):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return Device("scripts", (str(folder / "mic"), "--raw"), (str(folder / "speaker"),), "none")


def tone(number: int) -> Samples:
    return np.full(BLOCK, 0.1 + number / 1000, np.float32)


def size_of(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def runs(pid: str) -> bool:
    return Path(f"/proc/{pid}").exists()


async def test_what_is_recorded_comes_in_blocks_and_the_end_is_told_with_its_cause(tmp_path: Path) -> None:
    sound = np.arange(2 * 320 + 100, dtype=np.int16)
    (tmp_path / "sound").write_bytes(sound.tobytes())
    blocks: list[Samples] = []
    with pytest.raises(PeerError, match="mic ended: Connection refused"):
        async for block in microphone(device(tmp_path, records=f"cat {tmp_path}/sound; echo Connection refused >&2")):
            blocks.append(block)
    assert [len(block) for block in blocks] == [320, 320]
    assert np.array_equal(np.concatenate(blocks) * 32768, sound[:640])


async def test_leaving_the_microphone_ends_its_program(tmp_path: Path) -> None:
    listening = microphone(device(tmp_path, records=f"echo $$ > {tmp_path}/pid; exec cat /dev/zero"))
    assert not (await anext(listening)).any()
    await listening.aclose()
    assert not runs((tmp_path / "pid").read_text().strip())


async def test_what_is_played_arrives_as_it_is(tmp_path: Path) -> None:
    blocks = [tone(number) for number in range(6)]
    async with open_loudspeaker(device(tmp_path, plays=f"cat > {tmp_path}/heard")) as loudspeaker:
        for number, block in enumerate(blocks, 1):
            loudspeaker.write(block)
            for _ in range(1000):
                if size_of(tmp_path / "heard") == number * BLOCK * 2:
                    break
                await asyncio.sleep(0.01)
    assert (tmp_path / "heard").read_bytes() == to_int16(np.concatenate(blocks)).tobytes()
    assert not loudspeaker.dropped


async def test_a_loudspeaker_that_is_behind_loses_silence_first_and_then_counts_what_it_loses(tmp_path: Path) -> None:
    async with open_loudspeaker(device(tmp_path, plays="exec sleep 60")) as loudspeaker:
        fill(loudspeaker)
        for _ in range(50):
            loudspeaker.write(silence(BLOCK))
        assert not loudspeaker.dropped
        for number in range(MAX_HELD + 3):
            loudspeaker.write(tone(number))
        assert 3 <= loudspeaker.dropped <= 4


def fill(loudspeaker: Loudspeaker) -> None:
    for _ in range(PIPE_BYTES // (2 * BLOCK) + 1):
        loudspeaker.write(silence(BLOCK))


async def test_a_loudspeaker_that_is_gone_is_told_with_its_cause(tmp_path: Path) -> None:
    async with open_loudspeaker(device(tmp_path, plays="echo 'no such device' >&2; exit 1")) as loudspeaker:
        with pytest.raises(PeerError, match="speaker ended: no such device"):
            async with asyncio.timeout(10):
                while True:
                    loudspeaker.write(tone(1))
                    await asyncio.sleep(0.01)


class Both:
    """A talk whose microphone and loudspeaker fail together, as without a sound server."""

    async def run(self, source: object) -> None:
        raise ExceptionGroup("both", [PeerError("mic ended: refused"), PeerError("speaker ended: refused")])


async def test_of_two_programs_that_end_together_the_first_is_told(tmp_path: Path) -> None:
    with pytest.raises(PeerError, match="mic ended: refused"):
        await hold(lambda play: cast(SpokenTalk, Both()), device(tmp_path), ConversationRecorder())


def test_the_programs_that_are_there_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PeerError, match="pulseaudio-utils or alsa-utils"):
        find_device()
    for programs, name in ((("parec", "arecord", "aplay"), "ALSA"), (("pacat",), "PulseAudio")):
        for program in programs:
            (tmp_path / program).write_text("#!/bin/sh\n")
            (tmp_path / program).chmod(0o755)
        assert find_device().name == name
    assert find_device("alsa").name == "ALSA"
    (tmp_path / "aplay").unlink()
    with pytest.raises(PeerError, match="alsa-utils"):
        find_device("ALSA")
    with pytest.raises(InputError, match="pulseaudio, alsa"):
        find_device("jack")
    assert [each.name for each in DEVICES] == ["PulseAudio", "ALSA"]


@pytest.fixture
async def sound_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[None]:
    """PulseAudio with a loudspeaker that nobody hears, and a microphone in front of it."""
    if shutil.which("pulseaudio") is None or shutil.which("parec") is None:
        pytest.skip("needs the Debian packages pulseaudio and pulseaudio-utils")
    address = f"unix:{tmp_path}/server"
    monkeypatch.setenv("PULSE_SERVER", address)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    server = await asyncio.create_subprocess_exec(
        "pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1",
        f"--load=module-native-protocol-unix auth-anonymous=1 socket={tmp_path}/server",
        "--load=module-null-sink sink_name=room",
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        server.terminate()
        await server.wait()


@pytest.mark.peer
@pytest.mark.realtime
@pytest.mark.slow
async def test_what_a_real_sound_server_plays_it_records(sound_server: None) -> None:
    system = DEVICES[0]
    tone = np.sin(2 * np.pi * 440 / RATE * np.arange(BLOCK)).astype(np.float32)  # 8.8 periods: a buzz, and loud
    heard: list[float] = []
    listens = asyncio.Event()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:

        async def listen() -> None:
            for _ in range(50):  # the server may not be up yet
                try:
                    async for block in microphone(system):
                        heard.append(float(np.abs(block).max()))
                        listens.set()
                        if heard[-1] > 0.3:
                            return
                except PeerError:
                    await asyncio.sleep(0.1)

        listening = group.create_task(listen())
        await listens.wait()
        async with open_loudspeaker(system) as loudspeaker:
            while not listening.done():
                loudspeaker.write(tone)
                await asyncio.sleep(0.02)
    assert heard[0] < 0.01, "silence before the tone"
    assert heard[-1] > 0.3
