"""Encryption of sound (SRTP, RFC 3711) with the keys that SDES brings (RFC 4568), by libsrtp."""

from __future__ import annotations

import base64
from typing import Any

from pylibsrtp import Error, Policy, Session

from duologue.errors import InputError
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


class Protection:
    """Of one call: ``ours`` is the key of what we send, ``theirs`` of what comes.

    Raises :class:`InputError` for a key that is none of its suite's. What follows raises the same for a packet that is
    not authentic, was seen already, or is too long.
    """

    def __init__(self, ours: Crypto, theirs: Crypto) -> None:
        self._ours, self._theirs = ours, theirs
        self._out = _session(ours, _OUT)
        self._in = _session(theirs, _IN)
        self._before: Session | None = None
        self._renewed = 0  # packets with the new key

    def change(self, ours: Crypto, theirs: Crypto) -> None:
        """Keys that are the same go on counting: what was seen stays seen, and the long count of packets goes on. What
        is under way with the old one is read still.
        """
        if ours != self._ours:
            self._ours, self._out = ours, _session(ours, _OUT)
        if theirs != self._theirs:
            self._before, self._renewed = self._in, 0
            self._theirs, self._in = theirs, _session(theirs, _IN)

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
        try:
            read = _read(self._in, packet, control=control)
        except InputError:
            if self._before is None:
                raise
            return _read(self._before, packet, control=control)
        self._renewed += 1
        if self._renewed >= OVERLAP:
            self._before = None
        return read


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
