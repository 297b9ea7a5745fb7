"""An ordinary MP4 file: index at the front, playable from a web server while it loads."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError

from duologue.broadcast.fmp4 import Segmenter, init_segment
from duologue.broadcast.packets import Packet, StreamFormat
from duologue.errors import InputError, PeerError


def remux(source: Path, target: Path) -> None:
    """Copy the streams of ``source`` into an ordinary MP4 with its index first ("faststart"); nothing is encoded again.

    Raises :class:`InputError` when ``source`` cannot be read and :class:`PeerError` when ``target`` cannot be written.
    """
    try:
        reader = av.open(str(source))
    except (FFmpegError, OSError) as error:
        raise InputError(f"not a film that can be read: {error.strerror}", where=str(source)) from error
    with reader:
        try:
            _copy(reader, target)
        except (FFmpegError, OSError) as error:
            raise PeerError(f"the film cannot be written: {error.strerror}", where=str(target)) from error


def _copy(reader: Any, target: Path) -> None:  # Any: PyAV's types are generic over what it cannot know
    with av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as opened:
        writer: Any = opened
        wanted = [*reader.streams.video, *reader.streams.audio]
        copies = {stream.index: writer.add_stream_from_template(stream) for stream in wanted}
        for packet in reader.demux(*wanted):
            if packet.dts is not None:
                packet.stream = copies[packet.stream.index]
                writer.mux(packet)


class Mp4Writer:
    """Writes a programme to an ordinary MP4 file.

    While it grows it is fragmented, in ``NAME.part`` beside the target (which plays, should the process die);
    :meth:`finish` makes the target of it in one step. Leaving the ``with`` block by an error keeps the part.
    """

    def __init__(self, path: Path, format: StreamFormat) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._segmenter = Segmenter(format)
        try:
            self._file = self._part.open("wb", buffering=0)
        except OSError as error:
            raise InputError(
                f"the film cannot be written: {error.strerror}", where=str(path), remedy="Choose another file."
            ) from error
        self._write(init_segment(format))

    def __enter__(self) -> Mp4Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *details: object) -> None:
        if kind is None:
            self.finish()
        else:
            self._file.close()

    def add(self, packets: Iterable[Packet]) -> None:
        """Append packets (each track's in order). Raises :class:`PeerError` when the disk refuses."""
        segments = [segment for packet in packets for segment in self._segmenter.add(packet)]
        self._write(b"".join(segment.data for segment in segments))

    def finish(self) -> None:
        """Write the rest and make the target. Raises :class:`PeerError` when the disk refuses."""
        with self._file:
            self._write(b"".join(segment.data for segment in self._segmenter.flush()))
        whole = self._path.with_name(self._path.name + ".whole")
        try:
            remux(self._part, whole)
            whole.replace(self._path)
        except (PeerError, OSError) as error:
            whole.unlink(missing_ok=True)
            raise PeerError(f"the film cannot be written: {error}", where=str(self._path)) from error
        self._part.unlink()

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            self._file.close()
            raise PeerError(
                f"the film cannot be written: {error.strerror}", where=str(self._part), remedy="Free some space."
            ) from error
