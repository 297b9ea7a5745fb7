"""The little of H.264 a packager must know: NAL units in a byte stream, and the decoder's configuration record."""

from __future__ import annotations

import struct

from duologue.errors import InternalError

SLICE, IDR_SLICE, SEI, SPS, PPS, DELIMITER = 1, 5, 6, 7, 8, 9
"""``nal_unit_type`` (ITU-T H.264, table 7-1)."""
_PROFILES_WITH_CHROMA = (100, 110, 122, 144)


def nal_units(stream: bytes) -> list[bytes]:
    """The NAL units of an Annex B byte stream (ITU-T H.264, B.1), without start codes and trailing zeros."""
    units: list[bytes] = []
    begin = stream.find(b"\0\0\1")
    while begin >= 0:
        following = stream.find(b"\0\0\1", begin + 3)
        unit = stream[begin + 3 : following if following >= 0 else len(stream)].rstrip(b"\0")
        if unit:
            units.append(unit)
        begin = following
    return units


def unit_type(unit: bytes) -> int:
    """``nal_unit_type`` of a NAL unit."""
    return unit[0] & 0x1F


def length_prefixed(access_unit: bytes) -> bytes:
    """An Annex B access unit as an MP4 sample: each NAL unit after its length in four bytes.

    Parameter sets and delimiters are left out, as the sample entry ``avc1`` demands (ISO/IEC 14496-15, 5.3).
    """
    pieces: list[bytes] = []
    for unit in nal_units(access_unit):
        if unit_type(unit) not in (SPS, PPS, DELIMITER):
            pieces += (struct.pack(">I", len(unit)), unit)
    return b"".join(pieces)


def avc_configuration(extradata: bytes) -> bytes:
    """AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1) from Annex B parameter sets; one that is one already is
    kept.

    Our streams are 4:2:0 with 8 bits, which the fields that High profile adds say.
    """
    if extradata[:1] == b"\x01":
        return extradata
    units = nal_units(extradata)
    sps = [unit for unit in units if unit_type(unit) == SPS]
    pps = [unit for unit in units if unit_type(unit) == PPS]
    if not sps or not pps or len(sps[0]) < 4:
        raise InternalError("the encoder gave no parameter sets")
    record = bytes((1, sps[0][1], sps[0][2], sps[0][3], 0xFC | 3, 0xE0 | len(sps)))
    record += b"".join(struct.pack(">H", len(unit)) + unit for unit in sps)
    record += bytes((len(pps),)) + b"".join(struct.pack(">H", len(unit)) + unit for unit in pps)
    if sps[0][1] in _PROFILES_WITH_CHROMA:
        record += bytes((0xFC | 1, 0xF8, 0xF8, 0))
    return record
