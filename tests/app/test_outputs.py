"""What goes out of a house, as the Services page shows it: the stream and the recording of each show."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from lone_studio import lone_studio
from structlog.testing import capture_logs
from test_outlet import FORMAT, WALL, bad, packets

from duologue.app.show.outlet import Outlet
from duologue.app.show.output_models import OutputView
from duologue.broadcast.hls import HlsStore
from duologue.broadcast.recorder import RecordingContinued, RecordingTrouble, Why
from duologue.errors import InternalError, PeerError
from duologue.settings import load_settings


def test_the_rate_is_that_of_the_newest_seconds_and_breaks_are_counted() -> None:
    outlet = Outlet(HlsStore())
    assert outlet.rate is None
    outlet.begin(FORMAT, WALL)
    outlet.feed(packets(0, 95))
    rate = outlet.rate
    assert rate is not None and rate.frames == pytest.approx(30)
    resources = filter(None, map(outlet.hls.get, names(outlet)))
    sent = sum(len(each.data) for each in resources)
    assert rate.bits == pytest.approx(8 * sent / 3)
    assert outlet.breaks == 0
    outlet.begin(FORMAT, WALL)  # a stage that died had given nothing since
    outlet.begin(FORMAT, WALL)
    assert outlet.breaks == 0, "nothing went on yet"
    outlet.feed(packets(90, 400, step=2))
    assert outlet.breaks == 1
    rate = outlet.rate
    assert rate is not None and rate.frames == pytest.approx(15), "only the newest ten count"


def names(outlet: Outlet) -> list[str]:
    return [line for line in outlet.hls.playlist().splitlines() if not line.startswith("#")]


def test_what_was_wrong_with_packets_is_remembered() -> None:
    outlet = Outlet(HlsStore())
    outlet.begin(FORMAT, WALL)
    with pytest.raises(InternalError):
        outlet.feed(bad("a jump"))
    assert outlet.failure


async def test_a_show_tells_of_its_stream_and_its_recording(tmp_path: Path) -> None:
    file = tmp_path / "show.mp4"
    settings = load_settings({"show.size": "320x180", "web.port": 0, "show.record": str(file)})
    async with lone_studio(settings) as studio:
        stream, recording = studio.outputs()
        assert (stream.kind, stream.where, stream.state) == ("hls", "/stream/index.m3u8", "starting")
        assert (recording.kind, recording.where, recording.state) == ("recording", "show.mp4", "starting")
        assert {stream.of, recording.of} == {"show:show"}

        studio.outlet.begin(FORMAT, WALL)
        studio.outlet.feed(packets(0, 65))
        studio.link.ready.set()
        assert studio.out.recorder is not None
        while not studio.out.recorder.state.segments:  # noqa: ASYNC110 (another thread writes)
            await asyncio.sleep(0.01)
        stream, recording = studio.outputs()
        assert (stream.state, recording.state) == ("up", "up")
        assert stream.frames_per_second == recording.frames_per_second == 30
        assert stream.bits_per_second == recording.bits_per_second and stream.bits_per_second

        studio.out.recorded(RecordingTrouble(PeerError("the disk is full")))
        studio.out.recorded(RecordingContinued(file, Why.RESUMED, 3))
        _, recording = studio.outputs()
        assert recording.reconnects == 1 and recording.last_failure.startswith("the disk is full")

        studio.link.ready.clear()
        assert [each.state for each in studio.outputs()] == ["down", "down"]
        assert all(each.bits_per_second is None for each in studio.outputs())
        studio.link.ready.set()
    assert [each.state for each in studio.outputs()] == ["over", "over"]
    assert OutputView.model_validate_json(stream.model_dump_json()) == stream


async def test_shows_on_any_free_port_quarrel_about_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody finds them at that address again; two at a time said that another show holds the stream's position."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    settings = load_settings({"show.size": "320x180", "web.port": 0})
    with capture_logs() as logged:
        async with lone_studio(settings), lone_studio(settings):
            pass
    assert [line for line in logged if line["event"] == "stream.memory_unusable"] == []
    assert not (tmp_path / "duologue" / "stream").exists()
