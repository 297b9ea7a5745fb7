"""Speech on disk: what an engine has said once, it need not say (or be paid for) again.

An entry is one file, named by a hash of engine, settings, voice and text, and checked by a hash of its content: a file
that was damaged or cut is removed and made again. Files are written beside their place and moved there whole. The least
recently used go when the limit is reached. A disk that fails or hangs costs the cache, never a line: it is logged and
counted.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import tempfile
import threading
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel

from duologue.audio.pcm import Samples, from_int16, silence
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError
from duologue.speech.engine import TextToSpeech
from duologue.speech.layer import SpeechLayer
from duologue.speech.utterance import Mark, MarkKind, SpeechChunk
from duologue.telemetry.log import get_logger
from duologue.threads import Apart

_MAGIC = b"duologue speech 1\n"
_DIGEST = 32
DISK_SECONDS = 2.0
"""For the disk to give a line or to take one: who waits for a voice does not wait for a disk that hangs."""
_DISK = Apart("speech cache")
_ABANDONED_S = 3_600
_PIECE_S = 0.2
_STEPS = 32_768
"""Of 16 bits, to either side of silence."""
_NO_SOUND = ("_seconds", "restarts", "threads", "key_variable")
"""Endings of settings that change nothing of what is heard."""

T = TypeVar("T")

_log = get_logger("duologue.speech.cache")


@dataclass(frozen=True, slots=True)
class CacheCounts:
    """What happened since the cache was opened, and what it holds. ``failures`` are of the disk."""

    hits: int = 0
    misses: int = 0
    stored: int = 0
    evicted: int = 0
    corrupt: int = 0
    failures: int = 0
    entries: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class CachedLine:
    """All of a line: sound at ``rate`` Hz and its marks."""

    samples: Samples
    rate: int
    marks: tuple[Mark, ...]


class SpeechCache:
    """A folder of at most ``limit`` bytes. Its methods touch the disk: call them in a thread; they may run at once."""

    def __init__(self, folder: Path, limit: int, clock: Clock = SYSTEM_CLOCK) -> None:
        self._folder = folder
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        # Held while a file appears or goes *and* is counted, so that what is counted is what lies there. The numbers
        # have a lock of their own: who reads them never waits for a disk.
        self._files = threading.Lock()
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._total = 0
        self._open = False
        self._counts = CacheCounts()

    @property
    def counts(self) -> CacheCounts:
        """What happened, and what there is."""
        with self._lock:
            return replace(self._counts, entries=len(self._sizes), bytes=self._total)

    def get(self, key: str) -> CachedLine | None:
        """The entry, or None: unknown, unreadable, or damaged (then it is removed)."""
        self._index()
        path = self._path(key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            with self._files:
                if not path.exists():  # else it was stored just now
                    self._forget(key)
            self._count("misses")
            return None
        except OSError as error:
            self._failed("read", path, error)
            return None
        entry = _decode(content)
        if entry is None:
            _log.warning("a damaged entry of the speech cache is made again", file=str(path))
            self._count("corrupt")
            self._remove(key)
            return None
        self._count("hits")
        self._touch(key, len(content))
        return entry

    def put(self, key: str, entry: CachedLine) -> None:
        """Store it, and let the least recently used go. One that is larger than the limit is not stored."""
        self._index()
        content = _encode(entry)
        if len(content) > self._limit:
            return
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(".part", dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                with self._files:
                    Path(part).replace(path)
                    self._hold(key, len(content))
            except BaseException:
                Path(part).unlink(missing_ok=True)
                raise
        except OSError as error:
            self._failed("write", path, error)
            return
        self._count("stored")
        self._evict()

    def late(self) -> None:
        """The disk did not answer in :data:`DISK_SECONDS`."""
        self._count("failures")
        _log.warning("the speech cache's disk hangs: lines are made without it", folder=str(self._folder))

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.speech"

    def _index(self) -> None:
        """Once: what is there, the least recently used first; and away with what a killed process left half written."""
        if self._open:
            return
        with self._files:
            if self._open:  # another thread was first
                return
            found: list[tuple[int, str, int]] = []
            now = self._clock.wall()
            for path in self._folder.glob("??/*"):
                try:
                    stat = path.stat()
                    if path.suffix == ".speech":
                        found.append((stat.st_mtime_ns, path.stem, stat.st_size))
                    elif path.suffix == ".part" and now - stat.st_mtime_ns > _ABANDONED_S * SECOND:
                        path.unlink()
                except OSError:
                    continue  # another process was quicker, or it is not ours to read
            with self._lock:
                self._sizes = OrderedDict((key, size) for _, key, size in sorted(found))
                self._total = sum(self._sizes.values())
            self._open = True
        self._evict()

    def _evict(self) -> None:
        while True:
            with self._lock:
                if self._total <= self._limit or not self._sizes:
                    return
                oldest = next(iter(self._sizes))
            self._remove(oldest)
            self._count("evicted")

    def _remove(self, key: str) -> None:
        path = self._path(key)
        with self._files:
            self._forget(key)
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                self._failed("remove", path, error)

    def _forget(self, key: str) -> None:
        with self._lock:
            self._total -= self._sizes.pop(key, 0)

    def _touch(self, key: str, size: int) -> None:
        """It was used just now. One that went meanwhile is gone: the reader has its content."""
        with self._files:
            try:
                os.utime(self._path(key))
            except FileNotFoundError:
                self._forget(key)
                return
            except OSError as error:
                self._failed("touch", self._path(key), error)
            self._hold(key, size)

    def _hold(self, key: str, size: int) -> None:
        with self._lock:
            self._total += size - self._sizes.pop(key, 0)
            self._sizes[key] = size

    def _count(self, name: str) -> None:
        with self._lock:
            self._counts = replace(self._counts, **{name: getattr(self._counts, name) + 1})

    def _failed(self, what: str, path: Path, error: OSError) -> None:
        self._count("failures")
        _log.warning("the speech cache's disk failed", what=what, file=str(path), cause=str(error))


class CachedSpeech(SpeechLayer):
    """Says from the cache, which it does not own, what the engine has said before.

    ``fingerprint`` stands for everything else that shapes the sound; see :func:`fingerprint`.
    """

    def __init__(self, engine: TextToSpeech, cache: SpeechCache, fingerprint: str = "") -> None:
        super().__init__(engine)
        self._fingerprint = fingerprint
        self._closed = False
        self._asked: dict[asyncio.Future[Any], float] = {}  # of the disk, since when (s)
        self.cache = cache
        """Where the lines are."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of the engine's voices, where it says anything."""
        return getattr(self.engine, "notes", ())

    async def close(self) -> None:
        """Close the engine. Idempotent."""
        self._closed = True
        await super().close()

    async def speak(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk, None]:
        """See :class:`duologue.speech.engine.TextToSpeech`. Only what came to its end is kept."""
        if self._closed:
            raise ClosedError(f"{self.name} is closed")
        rate = self.capabilities.rate
        key = self.key(text, voice)
        entry = await self._of_disk(partial(self.cache.get, key))
        if entry is not None and entry.rate == rate:
            for chunk in _pieces(entry):
                yield chunk
            return
        chunks: list[SpeechChunk] = []
        async with aclosing(self.engine.speak(text, voice)) as stream:
            async for chunk in stream:
                chunk = replace(chunk, samples=_as_kept(chunk.samples))  # so a line sounds the same the first time
                chunks.append(chunk)
                yield chunk
        samples = np.concatenate([chunk.samples for chunk in chunks]) if chunks else silence(0)
        if chunks and np.isfinite(samples).all():  # else whoever hears it refuses it, now and the next time
            marks = tuple(mark for chunk in chunks for mark in chunk.marks)
            await self._of_disk(partial(self.cache.put, key, CachedLine(samples, rate, marks)))

    async def _of_disk(self, work: Callable[[], T]) -> T | None:
        """What the disk gives in time, in a thread; None, and it is not asked, while it is late with anything."""
        loop = asyncio.get_running_loop()
        if any(loop.time() - since > DISK_SECONDS for since in self._asked.values()):
            return None
        asked = loop.run_in_executor(_DISK, work)
        self._asked[asked] = loop.time()
        asked.add_done_callback(self._asked.pop)
        done, _ = await asyncio.wait([asked], timeout=DISK_SECONDS)
        if not done:
            self.cache.late()
        return asked.result() if done else None

    def key(self, text: str, voice: str) -> str:
        """The name of a line's entry."""
        return cache_key(self.name, self._fingerprint, voice, text)

    async def fill(self, text: str, voice: str) -> bool:
        """Have ``text`` in the cache: True when it had to be said for that."""
        stored = self.cache.counts.stored
        async for _ in self.speak(text, voice):
            pass
        return self.cache.counts.stored > stored


def cache_key(engine: str, fingerprint: str, voice: str, text: str) -> str:
    """The name of an entry: 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps([engine, fingerprint, voice, text]).encode()).hexdigest()


def fingerprint(settings: BaseModel | None, made_with: str = "") -> str:
    """What of an engine's settings shapes its sound, and what it is ``made_with`` (of engines that tell); a file counts
    with its size and date, as it may be replaced, and so does each in a folder.
    """
    if settings is None:
        return made_with
    parts: dict[str, Any] = {}
    for name in type(settings).model_fields:
        value: object = getattr(settings, name)
        if not name.endswith(_NO_SOUND):
            parts[name] = _file(value) if isinstance(value, Path) else str(value)
    told = json.dumps(parts, sort_keys=True)
    return f"{told} {made_with}" if made_with else told


def _file(path: Path) -> list[Any]:
    try:
        if path.is_dir():
            return [str(path), [_file(each) for each in sorted(path.iterdir()) if each.is_file()]]
        stat = path.stat()
    except OSError:
        return [str(path)]
    return [str(path), stat.st_size, stat.st_mtime_ns]


def _pieces(entry: CachedLine) -> list[SpeechChunk]:
    length = round(entry.rate * _PIECE_S)
    return [
        SpeechChunk(entry.samples[at : at + length], entry.marks if at == 0 else (), cached=True)
        for at in range(0, max(1, len(entry.samples)), length)
    ]


def _as_kept(samples: Samples) -> Samples:
    """Sound in the steps of 16 bits in which it is kept."""
    return np.clip((samples * np.float32(_STEPS)).round(), -_STEPS, _STEPS - 1) / np.float32(_STEPS)


def _encode(entry: CachedLine) -> bytes:
    """Magic, SHA-256 of the rest, length of the head, the head in JSON, 16-bit PCM."""
    head = json.dumps({"rate": entry.rate, "marks": [asdict(mark) for mark in entry.marks]}).encode()
    pcm = (_as_kept(entry.samples) * _STEPS).astype("<i2").tobytes()
    body = len(head).to_bytes(4, "big") + head + pcm
    return _MAGIC + hashlib.sha256(body).digest() + body


def _decode(content: bytes) -> CachedLine | None:
    """None for anything but what :func:`_encode` made."""
    start = len(_MAGIC) + _DIGEST
    digest, body = content[len(_MAGIC) : start], content[start:]
    if not content.startswith(_MAGIC) or hashlib.sha256(body).digest() != digest:
        return None
    length = int.from_bytes(body[:4], "big")
    head: Any = json.loads(body[4 : 4 + length])
    samples = from_int16(np.frombuffer(body[4 + length :], "<i2").astype(np.int16))
    marks = tuple(replace(Mark(**mark), kind=MarkKind(mark["kind"])) for mark in head["marks"])
    return CachedLine(samples, head["rate"], marks)
