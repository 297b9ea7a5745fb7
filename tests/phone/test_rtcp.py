"""RTCP packets, loss and jitter."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.clock import MILLISECOND, SECOND
from duologue.errors import InputError
from duologue.phone.media.reception import Reception, ReceptionReport
from duologue.phone.media.reports import Reports
from duologue.phone.media.rtcp import ReportBlock, Rtcp, SenderInfo, middle, ntp

WORD = st.integers(0, 0xFFFFFFFF)
REPORTS = st.builds(ReceptionReport, WORD, st.integers(0, 255), st.integers(-0x800000, 0x7FFFFF), WORD, WORD)
BLOCKS = st.builds(ReportBlock, REPORTS, WORD, WORD)


@given(WORD, st.lists(BLOCKS, max_size=4).map(tuple), st.text("abc@.0", max_size=20), st.booleans())
def test_what_is_written_is_read(ssrc: int, blocks: tuple[ReportBlock, ...], name: str, goodbye: bool) -> None:
    packet = Rtcp(ssrc, None, blocks, name, goodbye)
    data = packet.encode()
    assert len(data) % 4 == 0 and Rtcp.parse(data) == packet


@given(WORD, st.builds(SenderInfo, st.integers(0, 2**64 - 1), WORD, WORD, WORD))
def test_a_sender_says_when_its_timestamp_was(ssrc: int, info: SenderInfo) -> None:
    assert Rtcp.parse(Rtcp(ssrc, info).encode()).sender == info


@given(st.integers(0, 2**64 - 1), st.integers(0, 10_000))
def test_a_senders_stamp_is_told_back_as_it_said_it(stamp: int, later_ms: int) -> None:  # RFC 3550, section 6.4.1
    reports = Reports(1, "us", random.Random(1), 0)
    reports.receive(Rtcp(7, SenderInfo(stamp, 0, 1, 160)), 0)
    data = reports.make(later_ms * MILLISECOND, 0, None, ReceptionReport(7, 0, 0, 0, 0))
    (block,) = Rtcp.parse(data).blocks
    assert (block.last_report, block.delay) == (stamp >> 16 & 0xFFFFFFFF, later_ms * 65536 // 1000)


def test_of_another_source_than_the_one_that_is_heard_no_stamp_is_told_back() -> None:
    reports = Reports(1, "us", random.Random(1), 0)
    reports.receive(Rtcp(8, SenderInfo(ntp(SECOND), 0, 1, 160)), 0)
    (block,) = Rtcp.parse(reports.make(SECOND, 0, None, ReceptionReport(7, 0, 0, 0, 0))).blocks
    assert (block.report.ssrc, block.last_report, block.delay) == (7, 0, 0)


@given(st.binary(max_size=120))
def test_no_bytes_do_more_than_be_refused(data: bytes) -> None:
    try:
        Rtcp.parse(data)
    except InputError:
        pass


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"\x80\xca\x00\x00", "does not begin with a report"),
        (b"\x80\xc9\x00\x09", "cut off"),
        (b"\x81\xc9\x00\x01\x00\x00\x00\x00", "cut off"),
        (b"\x40\xc9\x00\x01\x00\x00\x00\x00", "version"),
    ],
)
def test_malformed_packets_are_named(data: bytes, why: str) -> None:
    with pytest.raises(InputError, match=why):
        Rtcp.parse(data)


def test_the_round_trip_is_told_by_an_answer_to_a_report_of_ours() -> None:
    """RFC 3550, section 6.4.1, by our own clock; whose report another stamp is of, or none, nobody knows."""
    reports, wall = Reports(1, "us", random.Random(1), 0), 1_800_000_000 * SECOND
    sent = Rtcp.parse(reports.make(5 * SECOND, wall, (1, 160, 0), None)).sender
    assert sent is not None
    answer = ReportBlock(ReceptionReport(1, 0, 0, 0, 0), middle(sent.stamp), 65_536 // 4)
    for stamp, delay in ((0, 0), (middle(sent.stamp) - 1, 0), (middle(sent.stamp), 65_536)):
        reports.receive(Rtcp(7, None, (replace(answer, last_report=stamp, delay=delay),)), 5 * SECOND + SECOND // 2)
        assert reports.round_trip_ms == 0
    reports.receive(Rtcp(7, None, (answer,)), 5 * SECOND + 330 * MILLISECOND)
    assert reports.round_trip_ms == pytest.approx(80, abs=0.1)


def test_loss_is_counted_as_the_rfc_does() -> None:
    reception = Reception(8000)
    for number in (65534, 65535, 65537, 65538, 65538):  # one lost, one twice
        reception.arrived(number, number * 160, number * 20 * MILLISECOND)
    report = reception.report(7)
    assert (report.lost, report.fraction, report.highest) == (0, 0, 65538)
    for number in (65540, 65542):
        reception.arrived(number, number * 160, number * 20 * MILLISECOND)
    report = reception.report(7)
    assert (report.lost, report.fraction) == (2, 128)
    assert reception.report(7).fraction == 0


def test_jitter_is_how_unevenly_packets_come() -> None:
    steady, uneven = Reception(8000), Reception(8000)
    for number in range(500):
        steady.arrived(number, number * 160, number * 20 * MILLISECOND)
        uneven.arrived(number, number * 160, (number * 20 + 10 * (number % 2)) * MILLISECOND)
    assert steady.jitter_ms == 0
    assert uneven.jitter_ms == pytest.approx(10, abs=0.1)
