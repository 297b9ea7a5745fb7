"""Child processes and their channel, with a real child."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import socket
import struct
import sys
from pathlib import Path

import pytest

from duologue.child import Channel, Worker, send_signal
from duologue.errors import ClosedError, InputError, PeerError

ECHO = """
import sys
from duologue.errors import InputError
from duologue.child import Channel
channel = Channel.inherited()
for message in channel:
    if message == "exit":
        sys.exit(7)
    channel.send(InputError("wrong", where="here", remedy="Mend it.") if message == "error" else message)
"""


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "echo_worker.py").write_text(ECHO)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    return "echo_worker"


async def test_messages_come_back_whole_and_in_order(echo: str) -> None:
    worker = await Worker.start(echo)
    for message in ("hello", b"x" * 3_000_000, ("a", 1)):
        await worker.send(message)
    assert [await worker.receive() for _ in range(3)] == ["hello", b"x" * 3_000_000, ("a", 1)]
    await worker.close()
    assert not worker.alive


async def test_an_error_crosses_the_line_with_its_three_parts(echo: str) -> None:
    worker = await Worker.start(echo)
    await worker.send("error")
    error = await worker.receive()
    assert isinstance(error, InputError)
    assert (error.what, error.where, error.remedy) == ("wrong", "here", "Mend it.")
    await worker.close()


async def test_a_killed_child_is_named_with_its_signal(echo: str) -> None:
    worker = await Worker.start(echo)
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(PeerError, match="killed by signal 9"):
        await worker.receive()
    await worker.close()


async def test_a_signal_takes_a_childs_end_from_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """A child that was killed as it left had left with 255, and asyncio complained of an unknown process."""
    for _ in range(100):
        process = await asyncio.create_subprocess_exec("sleep", "0.005")
        while process.returncode is None:
            send_signal(process, signal.SIGCONT)
            await asyncio.sleep(0)
        assert process.returncode == 0
    assert caplog.messages == []


async def test_a_child_that_leaves_is_named_with_its_status(echo: str) -> None:
    worker = await Worker.start(echo)
    await worker.send("exit")
    with pytest.raises(PeerError, match="exited with status 7"):
        await worker.receive()
    with pytest.raises(PeerError):
        for _ in range(100):
            await worker.send(b"y" * 1_000_000)
    await worker.close()


async def test_a_quiet_child_writes_to_no_console_and_its_last_words_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "chatty_worker.py").write_text(
        "import sys\n"
        "from duologue.child import Channel\n"
        "channel = Channel.inherited()\n"
        "print('loading', file=sys.stderr, flush=True)\n"
        "print('x' * 1_000_000, file=sys.stdout)\n"  # what it prints is nothing
        "print('\\n'.join(['y' * 100] * 500), file=sys.stderr)\n"  # and twice this is more than a pipe holds
        "channel.send('up')\n"
        "channel.receive()\n"
        "print('\\n'.join(['z' * 100] * 500), file=sys.stderr)\n"
        "sys.exit('the tensor is sad')\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    worker = await Worker.start("chatty_worker", quiet=True)
    assert await worker.receive() == "up"
    await worker.send("go")
    with pytest.raises(PeerError, match="exited with status 1, at last saying 'the tensor is sad'"):
        await worker.receive()
    await worker.close()
    assert capfd.readouterr() == ("", "")


async def test_a_child_whose_close_nobody_waits_for_does_not_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stubborn_worker.py").write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    worker = await Worker.start("stubborn_worker", quiet=True)
    async with asyncio.TaskGroup() as group:
        closing = group.create_task(worker.close(60.0))
        await asyncio.sleep(0)
        closing.cancel()
    async with asyncio.timeout(10.0):
        await worker.close(60.0)
    assert worker.signal == signal.SIGKILL


def test_a_parent_that_leaves_in_the_middle_of_a_message_ends_the_channel() -> None:
    ours, theirs = socket.socketpair()
    channel = Channel(theirs)
    ours.sendall(struct.pack(">I", 100) + pickle.dumps("half of it"))
    ours.close()
    with pytest.raises(ClosedError):
        channel.receive()
    channel.close()


def test_a_parent_that_leaves_with_messages_unread_ends_the_channel() -> None:
    ours, theirs = socket.socketpair()
    channel = Channel(theirs)
    channel.send("never read")
    ours.close()
    assert list(channel) == []
    channel.close()
