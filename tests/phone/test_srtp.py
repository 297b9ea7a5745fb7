"""Encrypted sound: keys that change in mid-call, and how the two ends count then."""

from __future__ import annotations

import base64
import random
from typing import Any

import pytest
from pylibsrtp import Policy, Session

from duologue.audio.pcm import Samples
from duologue.errors import InputError
from duologue.phone.leg import LegEvent
from duologue.phone.line.legs import Leg
from duologue.phone.media.codecs import PCMU
from duologue.phone.media.latch import Address
from duologue.phone.media.negotiation import Agreed
from duologue.phone.media.rtp import RtpPacket
from duologue.phone.media.sdp import Crypto, Direction
from duologue.phone.media.srtp import OVERLAP, Protection

SUITE = "AES_CM_128_HMAC_SHA1_80"
FAR = ("192.0.2.7", 4000)


class Owner:
    """Of a leg: keeps the sound that it sends."""

    def __init__(self) -> None:
        self.sound: list[bytes] = []

    def send(self, data: bytes, address: Address, due: int, *, control: bool) -> None:
        if not control:
            self.sound.append(data)

    def heard(self, at: int, samples: Samples) -> None:
        pass

    def tell(self, event: LegEvent) -> None:
        pass

    def seems_gone(self) -> None:
        pass

    def fell_silent(self) -> None:
        pass


def key(number: int) -> Crypto:
    return Crypto(1, SUITE, f"inline:{base64.b64encode(bytes([number] * 30)).decode()}")


class Sender:
    """A far end that sends: packet after packet, each numbered for ever; as RFC 3711 has it ``keeps`` its count with a
    new key, or it begins anew.
    """

    def __init__(self, crypto: Crypto, source: int = 7) -> None:
        self.source, self.number = source, 0
        self._session = self._keyed(crypto)

    def _keyed(self, crypto: Crypto) -> Session:
        policy: Any = Policy
        return Session(Policy(key=crypto.key, ssrc_type=policy.SSRC_ANY_OUTBOUND))

    def _packet(self, number: int) -> bytes:
        return RtpPacket(0, number & 0xFFFF, number * 160 & 0xFFFFFFFF, self.source, b"sound").encode()

    def send(self, ahead: int = 1) -> bytes:
        self.number += ahead
        return self._session.protect(self._packet(self.number))

    def rekey(self, crypto: Crypto, *, keeps: bool, source: int | None = None) -> None:
        self._session = self._keyed(crypto)
        self.source = self.source if source is None else source
        if keeps:
            for number in range(0, self.number, 0x4000):
                self._session.protect(self._packet(number))


def hears(ours: Protection, far: Sender, ahead: int = 1) -> bool:
    packet = far.send(ahead)
    try:
        read = RtpPacket.parse(ours.unprotect(packet, control=False))
    except InputError:
        return False
    return (read.sequence, read.payload) == (far.number & 0xFFFF, b"sound")


@pytest.mark.parametrize("source", [7, 8])
@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("rounds", [0, 1, 5])
def test_a_new_key_is_heard_however_the_far_end_counts_on(rounds: int, keeps: bool, source: int) -> None:
    """RFC 3711, section 3.3.1: the rollover counter is not reset; RFC 4568, section 7.1.4: of who moved it is."""
    ours, far = Protection(key(1), key(2)), Sender(key(2))
    for _ in range(rounds * 3 + 1):
        assert hears(ours, far, 0x5555)
    for number in (3, 4):  # twice, for what was learned with the first new key counts for the second
        ours.change(key(1), key(number))
        far.rekey(key(number), keeps=keeps and source == 7, source=source)
        for _ in range(OVERLAP + 10):
            assert hears(ours, far)
        assert hears(ours, far, 0x5555) and hears(ours, far, 0x5555), "and into the next round"


def test_what_is_under_way_with_the_key_before_is_heard_for_a_while() -> None:
    ours, before, after = Protection(key(1), key(2)), Sender(key(2)), Sender(key(3))
    for _ in range(4):
        assert hears(ours, before, 0x5555)
    ours.change(key(1), key(3))
    after.number = before.number + 20
    for _ in range(10):
        assert hears(ours, after) and hears(ours, before)
    for _ in range(OVERLAP):
        assert hears(ours, after)
    assert not hears(ours, before)


def test_nobody_else_is_heard_and_nothing_twice() -> None:
    ours, far = Protection(key(1), key(2)), Sender(key(2))
    assert not hears(ours, Sender(key(9)))
    packet = far.send()
    ours.unprotect(packet, control=False)
    with pytest.raises(InputError, match="no packet of theirs"):
        ours.unprotect(packet, control=False)
    with pytest.raises(InputError, match="bytes"):
        ours.unprotect(bytes(2000), control=False)


@pytest.mark.parametrize("new", [True, False])
def test_with_a_new_key_of_ours_another_source_begins(new: bool) -> None:
    """So who keeps its count of us and who resets it both hear us, however long the call has been."""

    def agreed(ours: Crypto, theirs: Crypto) -> Agreed:
        return Agreed(PCMU, *FAR, FAR[1] + 1, 0, 0, Direction.SENDRECV, ours=ours, theirs=theirs)

    owner = Owner()
    leg = Leg(agreed(key(1), key(2)), frozenset(), owner, random.Random(1), "me", 10**12, 0)
    leg.start(0)
    leg.change(agreed(key(3) if new else key(1), key(4)), 1)
    leg.tick(20 * 10**9, 0)
    keys = [key(1), key(3) if new else key(1)]
    policy: Any = Policy
    sources: list[int] = []
    for crypto, data in zip(keys, (owner.sound[0], owner.sound[-1]), strict=True):
        far = Session(Policy(key=crypto.key, ssrc_type=policy.SSRC_ANY_INBOUND))
        sources.append(RtpPacket.parse(far.unprotect(data)).ssrc)
    assert (sources[0] != sources[1]) is new
