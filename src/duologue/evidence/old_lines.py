"""The lines of earlier systems: one small grammar for each, with a line that it was made for.

A line is recognised by the tag in its brackets or by a word that only it has; what stands before the tag (a time, a
level, a container's name) does not matter. All of it is bytes: logs of a gigabyte are read at the speed of a disk, and
an encoding that is broken breaks no figure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

TIMES = re.compile(rb"([A-Za-z][\w\- ]*+)[:=]\s*+(\d+(?:\.\d+)?) ?(ms|s)\b")
"""``move:1ms decode:55ms``, ``total = 0.4 s``: a name and how long it took."""
ANY_TIME = re.compile(rb"(\d+(?:\.\d+)?) ?(ms|s|seconds|sec)\b")
CLOCK = re.compile(rb"(\d{4}-\d\d-\d\d)?[T ]?(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?")
"""A time of day, wherever it stands in the first characters of a line."""
COLOUR = re.compile(rb"\x1b\[[\d;]*[A-Za-z]")
OFTEN = re.compile(
    rb"^([^\[\n]*+(?:\[[\d:., T/+-]*+\][^\[\n]*+)?)(?:\[Frame (\d++)\]([^\[\n]*+)|(\[Compositor\][^\[\n]*+)"
    rb"|(\[(?:Render|SyncedPlayback|RealtimeLipSync|Expr|Auto)\][^\[\n]*+))$",
    re.MULTILINE,
)
"""Lines that are nearly all of a show's log, and have no other tag: what stands before it; a frame's number and what is
behind that; a compositor's line, or another one, from its tag on.
"""
CLOCKED = re.compile(rb"^.?\d.*", re.MULTILINE)
"""Lines that may begin with a time."""
WORDS = re.compile(rb"[^\n]+")
"""Lines with something in them."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """``name`` is what the report calls it; ``example`` a line that it understands."""

    name: str
    pattern: re.Pattern[bytes]
    example: str
    about: str


FRAME = Grammar(
    "frame", re.compile(rb"\[Frame (\d+)\]"), "[Frame 1020] compose: 58ms",
    "A frame of the show, by its number; each `name: 58ms` behind it is a figure of that frame.",
)  # fmt: skip
MISS = Grammar(
    "compositor miss", re.compile(rb"\[Compositor\]\s*(.*?)\bmiss\b(?:\D*?(\d+(?:\.\d+)?) ?(ms|s)\b)?"),
    "[Compositor] L1 cache miss: 65ms", "A picture that had to be made anew, and what that took; `hit` is counted.",
)  # fmt: skip
RENDER = Grammar(
    "render", re.compile(rb"\[Render\]\s*(\w+)\s*\|([^|]*)(?:\|\s*(\d+(?:\.\d+)?) ?s audio)?"),
    "[Render] chad | move:1ms decode:55ms total:82ms | 13.8s audio",
    "A frame of one character: its parts, their total, and how much sound its line has.",
)  # fmt: skip
POINT = Grammar(
    "timing point", re.compile(rb"\b(t[0-9]): ?(.*?)\[call ([^\]]+)\].*?\bts=(\d+(?:\.\d+)?)"),
    "t1: LLaMA send-to-Kokoro [call 42] ts=1718000000.123",
    "A moment of a call's answer: t1 text to voice, t2 first voice chunk, t3 first packet. `ts` is in seconds, or in "
    "ms if it is larger than 10^11.",
)  # fmt: skip
PIPELINE = Grammar(
    "kokoro first audio", re.compile(rb"Kokoro pipeline first audio\D*(\d+(?:\.\d+)?) ?(ms|s)\b"),
    "Kokoro pipeline first audio: 231ms", "From a text given to Kokoro until its first sound.",
)  # fmt: skip
GATE = Grammar(
    "half-duplex gate", re.compile(rb"Half-duplex gate (active|released|inactive|closed|open)"),
    "Half-duplex gate active (4.2s left)", "The caller is not listened to: how often, and for how long if it says so.",
)  # fmt: skip
WARM = Grammar(
    "warm-up", re.compile(rb"(?i)\bwarm(?:ed|ing)?[- ]?up\b(.*)"),
    "Kokoro warm-up done in 6.1s", "An engine that is loaded before it is needed, and how long that took.",
)  # fmt: skip
SHARE = re.compile(rb"(\d+(?:[.,]\d+)?) ?%? ?(us|id|st)\b")
"""``71.2 us``, ``71,2 us`` where people write so, ``71.2%us`` of an older ``top``."""
CPU = Grammar(
    "machine", re.compile(rb"%?Cpu\(s\):(.*)"),
    "%Cpu(s): 71.2 us,  8.1 sy,  0.0 ni, 11.4 id,  0.2 wa,  0.0 hi,  1.0 si,  8.1 st",
    "A line of `top`: the share that programs had, that was idle, and that the host stole.",
)  # fmt: skip
PROCESS = Grammar(
    "process",
    re.compile(
        rb"^\s*(?:(\d+) +\S+ +\S+ +-?\d+ +[\d.,]+[kmgt]? +([\d.,]+[kmgt]?) +\S+ +[A-Z] +(\d+[.,]\d+) +\d+[.,]\d+"
        rb" +[\d:.,]+ +(\S.*)"
        rb"|\S+ +(\d+) +(\d+[.,]\d+) +\d+[.,]\d+ +\d+ +(\d+) +\S+ +\S+ +\S+ +[\d:]+ +(\S.*))$"
    ),
    "   4242 root      20   0 4521344   1.2g  84512 R  97.3  7.6   3:14.15 python3",
    "A row of `top`, or of `ps aux`: the CPU and the memory of a program.",
)  # fmt: skip
STAGE = Grammar(
    "stage", re.compile(rb"^\W*(?:T?\+|@)(\d+(?:\.\d+)?) ?(ms|s)\W+(.+?)\s*$"), "+10.70s tts chunk 0 ready",
    "A moment of the tutor's reply, counted from what the person gave; it begins anew when the time goes back.",
)  # fmt: skip


def _tagged(name: str, example: str, about: str) -> Grammar:
    return Grammar(name, re.compile(rb"\[" + name.encode() + rb"\]\s*(.*)"), example, about)


PLAYBACK = _tagged(
    "SyncedPlayback", "[SyncedPlayback] start delay: 120ms", "Sound and mouth begin together, and how late."
)
LIPS = _tagged("RealtimeLipSync", "[RealtimeLipSync] analyse: 4.1ms", "A mouth made from sound, and what it took.")
EXPRESSION = _tagged("Expr", "[Expr] chad -> smug", "An expression that changed.")
AUTO = _tagged("Auto", "[Auto] next turn in 3.2s", "The show went on by itself, and after how long.")
GRAMMARS = (
    FRAME, MISS, RENDER, PLAYBACK, LIPS, EXPRESSION, AUTO, POINT, PIPELINE, GATE, WARM, STAGE, CPU, PROCESS,
)  # fmt: skip


def milliseconds(value: bytes, unit: bytes) -> float:
    """A number and its unit -> ms."""
    return float(value) if unit == b"ms" else float(value) * 1000


def seconds_of_day(found: re.Match[bytes]) -> float:
    """What a :data:`CLOCK` shows."""
    fraction = float(b"0." + found[5]) if found[5] else 0.0
    return int(found[2]) * 3600 + int(found[3]) * 60 + int(found[4]) + fraction


def day_of(found: re.Match[bytes]) -> int | None:
    """Which day the date of a :data:`CLOCK` is, counted as the calendar does; None: it has none that there is."""
    try:
        return date.fromisoformat(found[1].decode()).toordinal() if found[1] else None
    except ValueError:
        return None


def decimal(value: bytes) -> float:
    """A number with a point, or with a comma where people write so."""
    return float(value.replace(b",", b"."))


def megabytes(value: bytes) -> float:
    """``top``'s memory: KiB, or with a letter."""
    unit = {b"k": 1 / 1024, b"m": 1.0, b"g": 1024.0, b"t": 1024.0 * 1024}.get(value[-1:].lower())
    return decimal(value) / 1024 if unit is None else decimal(value[:-1]) * unit
