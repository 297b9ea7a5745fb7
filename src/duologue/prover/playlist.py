"""Reading a media playlist as a viewer does (RFC 8216), and what can be wrong with one from one load to the next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from duologue.clock import SECOND
from duologue.errors import InputError


@dataclass(frozen=True, slots=True)
class ListedSegment:
    """A listed segment. ``map`` is its initialisation segment's URI (empty: none), ``wall_ns`` Unix ns or None."""

    uri: str
    sequence: int
    duration: float
    map: str
    discontinuity: bool
    wall_ns: int | None


@dataclass(frozen=True, slots=True)
class Playlist:
    """A media playlist. ``target`` is its target duration in seconds; ``ended`` says that nothing will be added."""

    target: int
    sequence: int
    discontinuity_sequence: int
    ended: bool
    entries: tuple[ListedSegment, ...]


def variant(text: str) -> str | None:
    """The URI of the first variant when ``text`` is a multivariant playlist."""
    found = re.search(r"^#EXT-X-STREAM-INF:[^\n]*\n(?:#[^\n]*\n)*([^#\s][^\n]*)$", text, re.MULTILINE)
    return found[1].strip() if found else None


def parse_playlist(text: str, where: str = "") -> Playlist:
    """Parse a media playlist. Raises :class:`InputError` for what is none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines or lines[0] != "#EXTM3U":
        raise InputError("the answer is no HLS playlist", where=where, remedy="Give the address of an .m3u8 playlist.")
    try:
        return _parse(lines)
    except (ValueError, OverflowError, OSError) as error:  # the latter two: a time or a length beyond all bounds
        raise InputError(f"the playlist is malformed: {error}", where=where) from error


def _parse(lines: list[str]) -> Playlist:
    header = {"TARGETDURATION": 0, "MEDIA-SEQUENCE": 0, "DISCONTINUITY-SEQUENCE": 0}
    entries: list[ListedSegment] = []
    source = ""
    broken, wall, duration = False, None, None
    for line in lines[1:]:
        tag, _, value = line.removeprefix("#EXT-X-").partition(":")
        if not line.startswith("#"):
            if duration is None:
                raise ValueError(f"{line} has no #EXTINF")
            sequence = header["MEDIA-SEQUENCE"] + len(entries)
            entries.append(ListedSegment(line, sequence, duration, source, broken, wall))
            wall = None if wall is None else wall + round(duration * SECOND)
            broken, duration = False, None
        elif line.startswith("#EXTINF:"):
            duration = float(line.removeprefix("#EXTINF:").split(",")[0])
            if not 0 <= duration < 86_400:
                raise ValueError(f"{line} is no length")
        elif tag in header:
            header[tag] = int(value)
        elif tag == "MAP":
            source = _attribute(value, "URI")
        elif tag == "DISCONTINUITY":
            broken = True
        elif tag == "PROGRAM-DATE-TIME":
            wall = round(datetime.fromisoformat(value).timestamp() * 1000) * (SECOND // 1000)
    return Playlist(
        header["TARGETDURATION"], header["MEDIA-SEQUENCE"], header["DISCONTINUITY-SEQUENCE"],
        "#EXT-X-ENDLIST" in lines, tuple(entries),
    )  # fmt: skip


def _attribute(value: str, name: str) -> str:
    found = re.search(rf'(?:^|,){name}="([^"]*)"', value)
    if not found:
        raise ValueError(f"{value} has no {name}")
    return found[1]


def playlist_faults(before: Playlist | None, now: Playlist) -> list[str]:
    """What is wrong with ``now``, alone and as the successor of ``before``, a sentence each."""
    faults = [
        f"segment {entry.sequence} of {entry.duration:.2f} s exceeds the target duration of {now.target} s"
        for entry in now.entries
        if round(entry.duration) > now.target
    ]
    faults += [
        f"segment {entry.sequence} has another initialisation segment, without a discontinuity"
        for earlier, entry in pairwise(now.entries)
        if entry.map != earlier.map and not entry.discontinuity
    ]
    if before is None:
        return faults
    if now.target != before.target:
        faults.append(f"the target duration changed from {before.target} to {now.target} s")
    if now.sequence < before.sequence:
        faults.append(f"the media sequence stepped back from {before.sequence} to {now.sequence}")
        return faults
    gone = [entry for entry in before.entries if entry.sequence < now.sequence]
    if now.entries and (passed := before.discontinuity_sequence + sum(e.discontinuity for e in gone)) != (
        now.discontinuity_sequence
    ):
        faults.append(f"the discontinuity sequence is {now.discontinuity_sequence}, not {passed}")
    known = {entry.sequence: entry.uri for entry in before.entries}
    faults += [
        f"segment {entry.sequence} was {known[entry.sequence]} and became {entry.uri}"
        for entry in now.entries
        if known.get(entry.sequence, entry.uri) != entry.uri
    ]
    return faults
