"""What goes over the wire, as Wireshark's programs see it: dumpcap writes it down, tshark takes it apart."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from peers.sip_line import HOST, program

LOOPBACK = "lo"


@dataclass(frozen=True)
class Rtp:
    """A packet of sound. ``at`` is in seconds of the kernel; ``event``: the digit and whether it is over; ``quiet``: it
    is PCMU of nothing.
    """

    at: float
    source: int
    ssrc: str
    number: int
    stamp: int
    kind: int
    marker: bool
    event: tuple[str, bool] | None
    quiet: bool


@dataclass
class Capture:
    """A file of packets, and the ports of SIP in it."""

    file: Path
    ports: Sequence[int]

    async def fields(self, which: str, *names: str) -> list[list[str]]:
        """The fields ``names`` of each packet that the display filter ``which`` lets through."""
        command = [program("tshark", "tshark"), "-n", "-r", str(self.file)]
        for port in self.ports:
            command += ["-d", f"udp.port=={port},sip"]
        command += [
            "-Y",
            which,
            "-T",
            "fields",
            "-E",
            "occurrence=f",
            *(part for name in names for part in ("-e", name)),
        ]
        asking = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        told, said = await asking.communicate()
        assert asking.returncode == 0, said.decode()
        return [row.split("\t") for row in told.decode().splitlines()]

    @property
    def _ours(self) -> str:
        return "(" + " or ".join(f"udp.port == {port}" for port in self.ports) + ")"

    async def sip(self) -> list[tuple[int, str, str]]:
        """Each message: the port that it came from, its method or status, and the method that it belongs to."""
        rows = await self.fields(
            f"sip and {self._ours}", "udp.srcport", "sip.Method", "sip.Status-Code", "sip.CSeq.method"
        )
        return [(int(port), method or status, belongs) for port, method, status, belongs in rows]

    async def media_ports(self) -> list[tuple[int, int]]:
        """Each description: the port of SIP that it came from, and the port of sound in it."""
        rows = await self.fields(f"sdp.media.port and {self._ours}", "udp.srcport", "sdp.media.port")
        return [(int(port), int(media)) for port, media in rows]

    async def rtp(self, port: int) -> list[Rtp]:
        """The packets of sound that left ``port``, as they were decoded by what SIP agreed upon."""
        names = ("frame.time_epoch", "udp.srcport", "rtp.ssrc", "rtp.seq", "rtp.timestamp", "rtp.p_type", "rtp.marker",
                 "rtpevent.event_id", "rtpevent.end_of_event", "rtp.payload")  # fmt: skip
        return [
            Rtp(float(at), int(source), ssrc, int(number), int(stamp), int(kind), _true(marker),
                (event, _true(end)) if event else None, not payload.strip("f"))
            for at, source, ssrc, number, stamp, kind, marker, event, end, payload in await self.fields(
                f"rtp and udp.srcport == {port}", *names
            )
        ]  # fmt: skip

    async def faults(self, media: Sequence[int]) -> list[list[str]]:
        """What of ours tshark calls malformed, or an error or a warning of protocol."""
        ours = " or ".join(f"udp.srcport == {port}" for port in (*self.ports[:1], *media))
        which = f"({ours}) and (_ws.malformed or _ws.expert.severity >= 0x600000)"
        return await self.fields(which, "frame.number", "_ws.col.Protocol", "_ws.expert.message", "_ws.col.Info")


def _true(value: str) -> bool:
    return value.lower() in ("1", "true")


async def _written(file: Path) -> None:
    """Until all that has gone over the wire by now is in the file: what the kernel still holds would be lost."""
    last = os.urandom(16)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        async with asyncio.timeout(10):
            while last not in await asyncio.to_thread(file.read_bytes):
                sender.sendto(last, (HOST, 9))
                await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def captured(file: Path) -> AsyncGenerator[None]:
    """Whatever goes over loopback by datagrams is written to ``file`` meanwhile; skipped where that is not allowed."""
    name = program("dumpcap", "tshark")
    command = [name, "-q", "-i", LOOPBACK, "-f", f"udp and host {HOST}", "-B", "16", "-w", str(file)]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    said: list[str] = []
    try:
        async with asyncio.timeout(10):
            while not any(row.startswith("File: ") for row in said):  # from here on it writes
                row = (await process.stderr.readline()).decode()
                if not row:
                    why = " ".join(part.strip() for part in said)
                    pytest.skip(
                        f"dumpcap may not capture on {LOOPBACK} here (root, or CAP_NET_RAW and CAP_NET_ADMIN): {why}"
                    )
                said.append(row)
        yield
        await _written(file)
        process.send_signal(signal.SIGINT)
        _, rest = await asyncio.wait_for(process.communicate(), 10)
        dropped = re.search(r"received/dropped on interface .*?: \d+/(\d+)", rest.decode())
        assert dropped and dropped[1] == "0", rest.decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
