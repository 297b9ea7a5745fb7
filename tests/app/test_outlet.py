"""The way out: what a broken stage leaves behind, changes in mid-run, and what a viewer's list says of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from duologue.app.show.outlet import Outlet
from duologue.broadcast.boxes import runs
from duologue.broadcast.hls import HlsStore, Position
from duologue.broadcast.packets import Packet, StreamFormat, Track
from duologue.broadcast.recorder import ProgrammeRecorder
from duologue.errors import InternalError
from duologue.prover.playlist import Playlist, parse_playlist, playlist_faults

FPS = 30
FORMAT = StreamFormat(640, 360, FPS, b"\x01\x64\x00\x1f\xff\xe0\x00", b"\x11\x90")
SMALLER = replace(FORMAT, width=320, height=180)
WALL = 1_700_000_000_000_000_000


def packets(first: int, count: int, keys: tuple[int, ...] = (), step: int = 1) -> list[Packet]:
    """``count`` frame times from ``first`` on, with their sound; key frames at each second and at ``keys``."""
    pictures = [
        Packet(Track.VIDEO, n, step, n == first or n % FPS == 0 or n in keys, b"\0\0\0\1\x65picture")
        for n in range(first, first + count, step)
    ]
    sounds = [
        Packet(Track.AUDIO, pts, 1024, True, b"sound") for pts in range(first * 1600, (first + count) * 1600, 1024)
    ]
    return sorted([*pictures, *sounds], key=lambda p: p.pts * (1600 if p.track is Track.VIDEO else 1))


class Viewer:
    """Loads the list after each feed, as strict as the standard."""

    def __init__(self, outlet: Outlet) -> None:
        self.outlet = outlet
        self.seen: Playlist | None = None

    def feed(self, given: list[Packet]) -> None:
        for packet in given:
            self.outlet.feed([packet])
            self.look()

    def look(self) -> Playlist:
        now = parse_playlist(self.outlet.hls.playlist())
        assert playlist_faults(self.seen, now) == []
        self.seen = now
        return now


def test_a_jump_to_the_grid_is_a_discontinuity_and_its_time_is_kept() -> None:
    outlet = Outlet(HlsStore(window=100))
    viewer = Viewer(outlet)
    outlet.begin(FORMAT, WALL)
    viewer.feed(packets(0, 75))
    outlet.begin(FORMAT, WALL)
    viewer.feed(packets(195, 75))
    outlet.finish()
    entries = viewer.look().entries
    assert [(entry.wall_ns or 0) - WALL for entry in entries] == [n * 10**9 for n in (0, 1, 2)] + [
        6_500_000_000, 7_000_000_000, 8_000_000_000,
    ]  # fmt: skip
    assert [entry.discontinuity for entry in entries] == [False, False, False, True, False, False]
    assert [entry.duration for entry in entries] == pytest.approx([1, 1, 0.5, 0.5, 1, 1], abs=1e-4)
    assert outlet.next_frame == 270


def test_another_size_in_mid_run_is_another_initialisation_segment() -> None:
    outlet = Outlet(HlsStore(window=100))
    viewer = Viewer(outlet)
    outlet.begin(FORMAT, WALL)
    viewer.feed(packets(0, 60))
    outlet.begin(SMALLER, WALL)
    viewer.feed(packets(60, 60))
    outlet.begin(FORMAT, WALL)
    viewer.feed(packets(120, 60))
    outlet.finish()
    entries = viewer.look().entries
    assert [entry.map.split("-")[1] for entry in entries] == ["640x360"] * 2 + ["320x180"] * 2 + ["640x360"] * 2
    assert [entry.discontinuity for entry in entries] == [False, False, True, False, True, False]


def test_half_the_pictures_and_short_first_segments_break_no_list() -> None:
    outlet = Outlet(HlsStore(window=100))
    viewer = Viewer(outlet)
    outlet.begin(FORMAT, WALL)
    viewer.feed([*packets(0, 60, keys=(10, 20)), *packets(60, 60, step=2), *packets(120, 30)])
    assert outlet.next_frame == 150
    outlet.finish()
    now = viewer.look()
    assert now.target == 1
    assert [entry.duration for entry in now.entries] == pytest.approx([1 / 3] * 3 + [1] * 4, abs=1e-4)
    samples = [next(run.samples for run in runs(_data(outlet, entry.uri))) for entry in now.entries]
    assert samples == [10, 10, 10, 30, 15, 15, 30]


def _data(outlet: Outlet, name: str) -> bytes:
    found = outlet.hls.get(name)
    assert found is not None
    return found.data


def bad(kind: str) -> list[Packet]:
    """What a stage of ours should never send."""
    good = packets(0, 200)
    return {
        "back": [*good[:90], *good[20:]],
        "no key frame": [replace(p, key=p.pts == 0) for p in good],
        "no sound": [p for p in good if p.track is Track.VIDEO],
        "no picture": [p for p in packets(0, 2000) if p.track is Track.AUDIO],
        "a jump": [*good[:90], *packets(5_000_000, 60)],
        "empty": [*good[:90], replace(good[90], data=b"")],
        "no length": [*good[:90], replace(good[90], duration=0)],
    }[kind]


@pytest.mark.parametrize("kind", ["back", "no key frame", "no sound", "no picture", "a jump", "empty", "no length"])
def test_bad_packets_end_a_run_and_never_the_show(kind: str, tmp_path: Path) -> None:
    recorder = ProgrammeRecorder(tmp_path / "show.mp4")
    outlet = Outlet(HlsStore(window=100), recorder)
    viewer = Viewer(outlet)
    for run in range(3):  # a stage that is poisonous each time
        outlet.begin(FORMAT, WALL)
        with pytest.raises(InternalError):
            outlet.feed(bad(kind))
        viewer.look()
        outlet.feed(packets(100, 30))  # what was still under way from it
        assert len(viewer.look().entries) == outlet.segments, run
    before = outlet.segments
    first = max(outlet.next_frame, 300)
    outlet.begin(FORMAT, WALL)
    viewer.feed(packets(first, 90))
    outlet.finish()
    assert outlet.segments >= before + 3
    assert viewer.look().entries[before].discontinuity or before == 0
    state = recorder.finish()
    assert state.failure is None and state.segments == outlet.segments


def test_a_rest_that_cannot_be_shown_does_not_stop_the_next_stage() -> None:
    """A stage that died in a second without key frames: its rest is longer than a segment may be."""
    outlet = Outlet(HlsStore(window=100))
    outlet.begin(FORMAT, WALL)
    outlet.feed([replace(packet, key=packet.pts == 0) for packet in packets(0, 55)])
    outlet.begin(FORMAT, WALL)
    outlet.feed(packets(60, 90))
    outlet.finish()
    assert [entry.wall_ns for entry in parse_playlist(outlet.hls.playlist()).entries] == [
        WALL + second * 10**9 for second in (2, 3, 4)
    ]
    outlet.finish()


def test_a_format_that_is_none_is_our_error_and_the_next_one_is_taken() -> None:
    outlet = Outlet(HlsStore())
    for wrong in (replace(FORMAT, video_extradata=b""), replace(FORMAT, video_extradata=b"\0\0\1\x67\0\0\1\x68x")):
        with pytest.raises(InternalError):
            outlet.begin(wrong, WALL)
        outlet.feed(packets(0, 90))
    outlet.begin(FORMAT, WALL)
    outlet.feed(packets(0, 90))
    assert outlet.segments == 2


def test_the_position_is_told_before_a_viewer_can_see_it() -> None:
    told: list[Position] = []
    store = HlsStore()
    outlet = Outlet(store, remember=told.append)
    outlet.begin(FORMAT, WALL)
    outlet.feed(packets(0, 70))
    begin = WALL // 10**9
    assert told == [Position(begin, 0, 1003), Position(begin + 1, 0, 2006)]  # sound ends with its access unit
    outlet.begin(FORMAT, WALL)
    outlet.feed(packets(90, 70))
    assert told[2:] == [Position(begin + 2, 0, 2347), Position(begin + 3, 1, 4003), Position(begin + 4, 1, 5006)]
