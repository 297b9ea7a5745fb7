"""From whom sound is taken."""

from __future__ import annotations

from duologue.clock import SECOND
from duologue.phone.media.latch import IN_A_ROW, QUIET, Latch
from duologue.phone.media.rtp import RtpPacket

AGREED = ("192.0.2.7", 4000)
BEHIND = ("198.51.100.1", 61_000)
STRANGER = ("203.0.113.66", 4000)


def packet(number: int, ssrc: int = 1) -> bytes:
    return RtpPacket(0, number & 0xFFFF, number * 160, ssrc, b"sound").encode()


def latch() -> Latch:
    return Latch(AGREED, frozenset({BEHIND[0]}))


def test_the_agreed_source_is_heard_at_once_and_then_nobody_else() -> None:
    one = latch()
    assert one.target == AGREED
    assert one.take(packet(1), AGREED, 0) == (packet(1),)
    assert (
        one.take(packet(2), STRANGER, 1)
        == ()
        == one.take(packet(2), BEHIND, 1)
        == one.take(packet(2), (AGREED[0], 1), 1)
    )
    assert one.ignored == 3 and one.take(packet(2), AGREED, 2) == (packet(2),)


def test_behind_nat_three_in_a_row_are_believed_and_none_is_lost() -> None:
    one = latch()
    given = [one.take(packet(number), BEHIND, number) for number in range(1, IN_A_ROW + 2)]
    assert given == [(), (), (packet(1), packet(2), packet(3)), (packet(4),)]
    assert one.target == BEHIND


def test_a_stranger_is_never_believed_however_long_it_tries() -> None:
    one = latch()
    for number in range(100):
        assert one.take(packet(number), STRANGER, number * SECOND) == ()
    assert one.target == AGREED and one.ignored == 100


def test_packets_out_of_a_row_do_not_latch() -> None:
    one = latch()
    for number in (1, 2, 4, 5, 7, 8):
        assert one.take(packet(number), BEHIND, number) == ()
    assert one.take(packet(9, ssrc=2), BEHIND, 9) == ()
    assert one.target == AGREED


def test_a_source_may_move_once_it_has_fallen_silent() -> None:
    one = latch()
    one.take(packet(1), AGREED, 0)
    for number in range(2, 5):
        assert one.take(packet(number), BEHIND, SECOND) == ()
    moved = [one.take(packet(number), BEHIND, QUIET + SECOND) for number in range(5, 8)]
    assert moved[-1] and one.target == BEHIND


def test_who_has_the_key_is_believed_wherever_it_is() -> None:
    one = latch()
    one.take(packet(1), AGREED, 0)
    assert one.take(packet(2), STRANGER, 1, proved=True) == (packet(2),)
    assert one.target == STRANGER


MOVED = ("192.0.2.8", 5000)


def test_where_it_moves_to_is_agreed_and_what_is_under_way_is_heard() -> None:
    one = latch()
    one.take(packet(1), AGREED, 0)
    one.move(MOVED, SECOND)
    assert one.target == MOVED, "at once"
    assert one.take(packet(2), AGREED, SECOND + 1) == (packet(2),) and one.target == MOVED
    assert one.take(packet(4), MOVED, SECOND + 2) == (packet(4),)
    assert one.take(packet(3), AGREED, SECOND + 3) == (packet(3),), "overtaken"
    assert one.take(packet(5), STRANGER, SECOND + 4) == () == one.take(packet(9), AGREED, SECOND + QUIET + 3)
    assert one.target == MOVED


def test_what_says_that_it_moves_and_stays_is_believed_after_a_while() -> None:
    one = latch()
    for number in range(3):
        one.take(packet(number), BEHIND, number)
    one.move(MOVED, SECOND)
    assert one.take(packet(4), BEHIND, SECOND + 1) == (packet(4),) and one.target == MOVED
    assert one.take(packet(5), BEHIND, SECOND + QUIET) == (packet(5),) and one.target == BEHIND


def test_a_move_to_where_it_is_changes_nothing() -> None:
    one = latch()
    for number in range(3):
        one.take(packet(number), BEHIND, number)
    one.move(AGREED, SECOND)
    assert one.target == BEHIND, "it is behind its NAT as before"
