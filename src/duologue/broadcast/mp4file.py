"""An ordinary MP4 file: index at the front, playable from a web server while it loads."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError

from duologue.broadcast.disk import DiskFile, lock
from duologue.broadcast.fmp4 import Segmenter, init_segment
from duologue.broadcast.packets import Packet, StreamFormat
from duologue.errors import InputError, PeerError
from duologue.places import for_ffmpeg


def remux(source: Path, target: Path) -> None:
    """Copy the streams of ``source`` into an ordinary MP4 with its index first ("faststart"); nothing is encoded again.

    Raises :class:`InputError` when ``source`` cannot be read and :class:`PeerError` when ``target`` cannot be written.
    """
    try:
        reader = av.open(for_ffmpeg(source))
    except (FFmpegError, OSError) as error:
        raise InputError(f"not a film that can be read: {error.strerror}", where=str(source)) from error
    with reader:
        try:
            _copy(reader, target)
        except (FFmpegError, OSError) as error:
            raise _refused(error, target) from error


def _copy(reader: Any, target: Path) -> None:  # Any: PyAV's types are generic over what it cannot know
    with av.open(for_ffmpeg(target), "w", format="mp4", options={"movflags": "+faststart"}) as opened:
        writer: Any = opened
        wanted = [*reader.streams.video, *reader.streams.audio]
        copies = {stream.index: writer.add_stream_from_template(stream) for stream in wanted}
        for packet in reader.demux(*wanted):
            if packet.dts is not None:
                packet.stream = copies[packet.stream.index]
                writer.mux(packet)


def part_of(path: Path) -> Path:
    """Where a film that will be ``path`` grows."""
    return path.with_name(path.name + ".part")


class Mp4Writer:
    """Writes a programme to an ordinary MP4 file.

    While it grows it is fragmented, in ``NAME.part`` beside the target (which plays, should the process die);
    :meth:`finish` makes the target of it in one step, so there is never half a film under its name. Leaving the
    ``with`` block by an error keeps a part that holds a picture. Raises :class:`InputError` when the part cannot be
    made, and for a name that is no plain file's.
    """

    def __init__(self, path: Path, format: StreamFormat) -> None:
        self._path = path
        self._part = part_of(path)
        self._segmenter = Segmenter(format)
        try:
            taken = path.exists() and not path.is_file()
            if taken:  # else it would be replaced, or the film refused when all of it is made
                raise InputError(
                    "the film cannot be written: a folder, a pipe or a device has its name", where=str(path),
                    remedy="Name a file.",
                )  # fmt: skip
            descriptor = self._open()
        except OSError as error:
            raise InputError(
                f"the film cannot be written: {error.strerror}", where=str(path), remedy="Choose another file."
            ) from error
        self._file = DiskFile(self._part, descriptor, durable=False)
        self._claim = os.dup(descriptor)  # holds the lock when the file is closed
        self._init = init_segment(format)  # comes with the first segment: a part that holds no picture is none

    def _open(self) -> int:
        """The part, empty, for this writer alone until the film has its name: two would make one of both."""
        descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            ours, part = lock(descriptor), os.fstat(descriptor)
            if not ours or not part.st_nlink:
                raise InputError(
                    "the film cannot be written: another program is writing it", where=str(self._part),
                    remedy="Wait for it, or name another file.",
                )  # fmt: skip
            if part.st_size:
                os.ftruncate(descriptor, 0)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def __enter__(self) -> Mp4Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *details: object) -> None:
        if kind is None:
            self.finish()
        else:
            self._give_up()

    def add(self, packets: Iterable[Packet]) -> None:
        """Append packets (each track's in order). Raises :class:`PeerError` when the disk refuses."""
        self._append(b"".join(segment.data for packet in packets for segment in self._segmenter.add(packet)))

    def finish(self) -> None:
        """Write the rest and make the target. Raises :class:`PeerError` when the disk refuses; the part stays then."""
        try:
            self._append(b"".join(segment.data for segment in self._segmenter.flush()))
            try:
                self._file.close()
            except OSError as error:
                raise _refused(error, self._part) from error
            self._complete()
        finally:
            self._give_up()

    def _complete(self) -> None:
        whole = self._path.with_name(self._path.name + ".whole")
        try:
            remux(self._part, whole)
            _settle(whole)
            whole.replace(self._path)
        except BaseException as error:
            with contextlib.suppress(OSError):
                whole.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise _refused(error, self._path) from error
            raise
        try:
            self._part.unlink()
        except OSError as error:
            raise PeerError(
                f"the film is whole, but its part cannot be removed: {error.strerror}", where=str(self._part)
            ) from error

    def _give_up(self) -> None:
        """Let go of the part; what led here is told."""
        with contextlib.suppress(OSError):
            self._file.close()
        claim, self._claim = self._claim, -1
        with contextlib.suppress(OSError):
            os.close(claim)

    def _append(self, data: bytes) -> None:
        if not data:
            return
        try:
            self._file.append(data if self._file.size else self._init + data)
        except OSError as error:
            raise _refused(error, self._part) from error


def _refused(error: OSError | FFmpegError, where: Path) -> PeerError:
    return PeerError(
        f"the film cannot be written: {error.strerror}",
        where=str(where),
        remedy="Free some space (for twice the film at its end).",
    )


def _settle(path: Path) -> None:
    """Bring a file to the disk before it takes its name: a power cut leaves the film or none."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
