"""WAV files that say of themselves what is not true."""

from __future__ import annotations

import struct

from guest_doubles import tone

from duologue.audio.pcm import to_int16

SOUND = to_int16(tone(0.5, 16_000)).tobytes()


def wav_that_says(
    *, rate: int = 16_000, channels: int = 1, bits: int = 16, format_tag: int = 1, length: int = len(SOUND)
) -> bytes:
    """Half a second of mono sound at 16 kHz, 16 bit, in a header of other words. ``length`` is of the sound (bytes)."""
    align = min(channels * bits // 8, 0xFFFF)
    about = struct.pack("<HHIIHH", format_tag, channels, rate, rate * align % 2**32, align, bits)
    head = b"RIFF" + struct.pack("<I", 36 + len(SOUND)) + b"WAVEfmt " + struct.pack("<I", len(about)) + about
    return head + b"data" + struct.pack("<I", length) + SOUND


BROKEN = {
    "rate 0": (wav_that_says(rate=0), "no sound that can be read"),
    "rate 1": (wav_that_says(rate=1), "1 samples a second"),
    "rate 3 MHz": (wav_that_says(rate=3_000_000), "3000000 samples a second"),
    "rate 4 GHz": (wav_that_says(rate=4_000_000_000), "no sound that can be read"),
    "no channel": (wav_that_says(channels=0), "its header says makes no sense"),
    "1000 channels": (wav_that_says(channels=1000), "its header says makes no sense"),
    "unknown format": (wav_that_says(format_tag=0x7A7A), "its format is not known"),
    "no bits": (wav_that_says(bits=0), "its format is not known"),
    "too long": (wav_that_says(length=10_000_000), "announces 10000000 bytes of sound and has 16000"),
    "half a header": (wav_that_says()[:20], "no sound that can be read"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(200), "no sound that can be read"),
    "nothing": (b"", "empty"),
}
"""Files by what is wrong with them, and what must be said of each."""
OPEN_ENDED = tuple(wav_that_says(length=length) for length in (0, 0x7FFFFFFF, 0x7FFFF000, 0xFFFFFFFF))
"""As programs write them into a pipe: whole, though their headers do not know how long they are."""
