"""Encryption of sound (SRTP, RFC 3711) with the keys that SDES brings (RFC 4568), by libsrtp."""

from __future__ import annotations

import base64
from typing import Any

from pylibsrtp import Error, Policy, Session

from duologue.errors import InputError
from duologue.phone.media.rtp import RtpPacket, Unwrapped
from duologue.phone.media.sdp import Crypto

_KINDS: Any = Policy
_PROFILES: dict[str, int] = {
    "AES_CM_128_HMAC_SHA1_80": _KINDS.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": _KINDS.SRTP_PROFILE_AES128_CM_SHA1_32,
}
_OUT: int = _KINDS.SSRC_ANY_OUTBOUND
_IN: int = _KINDS.SSRC_ANY_INBOUND
MOST_BYTES = 1300
"""Of a packet; what is longer is none of ours, and more than the library takes."""
OVERLAP = 50
"""Packets with a new key after which the one before it is forgotten: a second."""
_STEP = 0x7000
"""Packets that may be missing between two (fewer than half a round) while it is known which round the second is of."""


class Protection:
    """Of one call: ``ours`` is the key of what we send, ``theirs`` of what comes.

    Raises :class:`InputError` for a key that is none of its suite's. What follows raises the same for a packet that is
    not authentic, was seen already, or is too long.
    """

    def __init__(self, ours: Crypto, theirs: Crypto) -> None:
        self._ours: Crypto = ours
        self._theirs: Crypto = theirs
        self._out = _session(ours, _OUT)
        self._begun = self._reads = _session(theirs, _IN)
        """With their key, and counts of its own; what read the newest packet of sound."""
        self._tried = [self._begun]
        """What may read the next packet, in this order."""
        self._renewed = 0  # packets with the new key
        self._source: int | None = None
        self._count = Unwrapped(16)
        """Of the packets of ``_source``: with its rounds, as the far end has it (its rollover counter)."""

    def change(self, ours: Crypto, theirs: Crypto) -> None:
        """Keys that are the same go on counting: what was seen stays seen, and the long count of packets goes on. What
        is under way with the old one is read still.

        With a new key of theirs the long count of a source goes on (RFC 3711, section 3.3.1), or begins anew where it
        has moved (RFC 4568, section 7.1.4); many begin anew always. Either is read. With a new key of ours its owner
        is another source, which both take for one that begins.
        """
        if ours != self._ours:
            self._ours, self._out = ours, _session(ours, _OUT)
        if theirs != self._theirs:
            self._theirs = theirs
            self._renewed, self._begun = 0, _session(theirs, _IN)
            self._tried = [self._begun, self._reads]
            newest = self._count.newest
            if self._source is not None and newest is not None and newest >> 16:
                self._tried.insert(0, _gone_on(theirs, self._source, newest))

    def protect(self, packet: bytes, *, control: bool) -> bytes:
        """Encrypt and sign; ``control``: it is RTCP."""
        try:
            return self._out.protect_rtcp(packet) if control else self._out.protect(packet)
        except (Error, ValueError) as error:
            raise InputError(f"a packet cannot be encrypted: {error}", where="srtp") from error

    def unprotect(self, packet: bytes, *, control: bool) -> bytes:
        """Verify and decrypt."""
        if len(packet) > MOST_BYTES:
            raise InputError(f"a packet of {len(packet)} bytes", where="srtp")
        *others, last = self._tried
        for session in others:
            try:
                read = _read(session, packet, control=control)
            except InputError:
                continue
            if not control:
                self._note(session, read)
                self._renewed += 1
                if self._renewed >= OVERLAP:
                    self._tried = [session]
            return read
        read = _read(last, packet, control=control)
        if not control:
            self._note(last, read)
        return read

    def _note(self, session: Session, packet: bytes) -> None:
        """It was read by ``session``: where its source's count stands."""
        sequence, source = int.from_bytes(packet[2:4], "big"), int.from_bytes(packet[8:12], "big")
        if source != self._source or (session is not self._reads and session is self._begun):
            self._source, self._count = source, Unwrapped(16)
        self._count(sequence)
        self._reads = session


def _gone_on(crypto: Crypto, source: int, newest: int) -> Session:
    """What reads the packets of ``source`` after number ``newest`` of its long count. The library takes no count from
    anybody; so it is given some packets of each round, which whoever has the key can make.
    """
    made, session = _session(crypto, _OUT), _session(crypto, _IN)
    for number in (*range(0, newest, _STEP), newest):
        session.unprotect(made.protect(RtpPacket(0, number & 0xFFFF, 0, source, b"").encode()))
    return session


def _read(session: Session, packet: bytes, *, control: bool) -> bytes:
    try:
        return session.unprotect_rtcp(packet) if control else session.unprotect(packet)
    except (Error, ValueError) as error:
        raise InputError(f"no packet of theirs: {error}", where="srtp") from error


def _session(crypto: Crypto, direction: int) -> Session:
    profile = _PROFILES.get(crypto.suite)
    if profile is None:
        raise InputError(f"the suite {crypto.suite} is unknown", where="srtp", remedy=f"Use one of {[*_PROFILES]}.")
    text = crypto.parameters.removeprefix("inline:").split(" ")[0].split("|")[0]
    try:
        key = base64.b64decode(text, validate=True)
        return Session(Policy(key=key, ssrc_type=direction, srtp_profile=profile))
    except (Error, ValueError) as error:
        raise InputError("a key of the wrong length", where="srtp") from error
