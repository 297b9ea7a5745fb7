from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import av
import httpx
import numpy as np
import pytest

from duologue.audio.pcm import Samples
from duologue.broadcast.fmp4 import init_segment
from duologue.broadcast.hls import HlsStore
from duologue.broadcast.mp4file import Mp4Writer
from duologue.clock import SECOND, VirtualClock
from duologue.errors import InputError
from duologue.prover.report import DeliveryReport
from duologue.prover.verify import verify
from programme import FPS, SPAN, Programme, sound, sound_under_speech, stored, wall, whole

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


URL = "http://show.test/stream/index.m3u8"


def judged(path: Path, programme: Programme) -> DeliveryReport:
    path.write_bytes(programme.file())
    return verify(str(path))


@pytest.fixture(name="film")
def film_fixture(tmp_path: Path) -> Path:
    return tmp_path / "film.mp4"


def test_a_whole_stream_has_nothing_wrong(film: Path) -> None:
    report = judged(film, Programme().encode(whole(150)))
    assert report.ok, report.wrong
    assert (report.picture.frames, report.picture.cards) == (150, 150)
    assert (report.facts.width, report.facts.height, report.facts.fps) == (640, 360, 30.0)
    assert report.facts.video_codec == "h264" and report.facts.audio_codec == "aac"
    assert report.picture.largest_step_ms == pytest.approx(1000 / FPS, abs=0.01)
    assert report.sync is not None and report.sync.matched == 4  # the one it began with counts for nothing
    assert report.sync.median_ms == pytest.approx(0, abs=0.3)
    assert report.sound.pilot and not report.sound.gaps and not report.sound.holes and not report.sound.slips
    assert report.not_shown == ()


def test_speech_over_the_card_hides_nothing_and_raises_no_alarm(film: Path) -> None:
    report = judged(film, Programme().encode(whole(180), sound_under_speech))
    assert report.ok, report.wrong
    assert report.sync is not None and report.sync.matched == 5
    assert max(abs(report.sync.least_ms), abs(report.sync.most_ms)) < 3


def test_a_frame_that_was_never_sent_is_missing(film: Path) -> None:
    frames = [frame for frame in whole(90) if frame[0] != 40]
    report = judged(film, Programme().encode(frames, lambda at, count: sound(at, count)))
    assert report.picture.missing == 1 and report.picture.missing_numbers == (40,)
    assert any("missing" in fault and "40" in fault for fault in report.wrong)
    assert report.picture.largest_step_ms == pytest.approx(2000 / FPS, abs=0.01)
    assert any("66.7 ms apart" in fault for fault in report.wrong)


def test_a_frame_lost_before_the_grid_is_missing_though_every_step_is_even(film: Path) -> None:
    report = judged(film, Programme().encode([(n, n if n < 40 else n + 1) for n in range(90)]))
    assert report.picture.missing == 1
    assert report.picture.largest_step_ms == pytest.approx(1000 / FPS, abs=0.01)


def test_a_frame_sent_twice_is_repeated_and_hides_another(film: Path) -> None:
    report = judged(film, Programme().encode([(n, 49 if n == 50 else n) for n in range(90)]))
    assert (report.picture.repeated, report.picture.missing) == (1, 1)
    assert any("came again" in fault for fault in report.wrong)


def test_two_frames_swapped_are_out_of_order_and_not_missing(film: Path) -> None:
    swap = {50: 51, 51: 50}
    report = judged(film, Programme().encode([(n, swap.get(n, n)) for n in range(90)]))
    assert (report.picture.out_of_order, report.picture.missing, report.picture.repeated) == (1, 0, 0)
    assert any("out of order" in fault for fault in report.wrong)


@pytest.mark.parametrize("shift_ms", [60, -60])
def test_sound_that_is_off_is_measured_to_the_millisecond(film: Path, shift_ms: int) -> None:
    shift = 48 * shift_ms
    report = judged(film, Programme().encode(whole(150), change=lambda samples: np.roll(samples, shift)))
    assert report.sync is not None
    assert report.sync.median_ms == pytest.approx(shift_ms, abs=1)
    assert any(f"{abs(shift_ms)} ms {'late' if shift_ms > 0 else 'early'}" in fault for fault in report.wrong)


def hole(begin: float, ms: float) -> Callable[[Samples], Samples]:
    def cut(samples: Samples) -> Samples:
        spoiled = samples.copy()
        spoiled[round(begin * 48_000) : round((begin + ms / 1000) * 48_000)] = 0
        return spoiled

    return cut


def slip(begin: float, count: int) -> Callable[[Samples], Samples]:
    def cut(samples: Samples) -> Samples:
        at = round(begin * 48_000)
        return np.concatenate((samples[:at], samples[at + count :], np.zeros(count, np.float32)))

    return cut


@pytest.mark.parametrize("sounding", [sound, sound_under_speech])
def test_a_hole_in_the_sound_is_found_where_it_is(film: Path, sounding: Callable[[int, int], Samples]) -> None:
    report = judged(film, Programme().encode(whole(150), sounding, change=hole(2.4, 40)))
    (found,) = report.sound.holes
    assert found.at == pytest.approx(2.4, abs=0.02)
    assert any("1 hole in the sound" in fault for fault in report.wrong)


@pytest.mark.parametrize("count", [64, 480, 960, 1024, SPAN])
def test_samples_that_were_lost_are_found_where_they_were(film: Path, count: int) -> None:
    spoil = slip(2.6, count)
    report = judged(
        film, Programme().encode(whole(120), change=lambda s: np.concatenate((spoil(s)[:-count], s[:count])))
    )
    assert [found.at for found in report.sound.slips][:1] == [pytest.approx(2.6, abs=0.03)]
    assert not report.sound.holes


def test_a_lost_unit_of_sound_is_a_gap(film: Path) -> None:
    programme = Programme().encode(whole(120))
    audio = [packet for packet in programme.packets if packet.track == "audio"]
    programme.packets.remove(audio[100])
    report = judged(film, programme)
    (gap,) = report.sound.gaps
    assert gap.at == pytest.approx(100 * 1024 / 48_000, abs=0.03)
    assert gap.ms == pytest.approx(1024 / 48, abs=0.1)


def test_a_file_without_a_card_is_judged_by_its_times_and_says_so(film: Path) -> None:
    plain = Programme().encode([(n, n) for n in range(90)], lambda at, count: np.zeros(count, np.float32))
    report = judged(film, plain)
    assert report.sync is None
    assert any("flashes have no beep" in fault for fault in report.wrong)
    assert any("pilot" in check for check in report.not_shown)


def test_what_cannot_be_read_is_the_users_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        verify(str(tmp_path / "none.mp4"))
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(InputError, match="does not decode") as caught:
        verify(str(noise))
    assert "Errno" not in caught.value.what and caught.value.remedy
    with pytest.raises(InputError, match="does not answer"):
        verify("http://127.0.0.1:9/index.m3u8")


def test_an_ordinary_mp4_is_judged_as_well(tmp_path: Path) -> None:
    programme = Programme().encode(whole(90))
    with Mp4Writer(tmp_path / "ordinary.mp4", programme.format) as writer:
        writer.add(programme.packets)
    report = verify(str(tmp_path / "ordinary.mp4"))
    assert report.ok, report.wrong
    assert report.picture.frames == 90
    assert not (tmp_path / "ordinary.mp4.part").exists()


def test_a_film_that_another_program_encoded_anew_is_judged_to_its_last_picture(film: Path, tmp_path: Path) -> None:
    """Others use B-frames, for which a decoder holds pictures back until the end."""
    film.write_bytes(Programme().encode(whole(90)).file())
    again = tmp_path / "again.mp4"
    with av.open(str(film)) as reader, av.open(str(again), "w") as opened:
        writer: Any = opened
        picture: Any = writer.add_stream("libx264", rate=FPS, options={"bf": "3", "crf": "18", "preset": "fast"})
        picture.width, picture.height = reader.streams.video[0].width, reader.streams.video[0].height
        kept: Any = writer.add_stream_from_template(reader.streams.audio[0])
        for packet in cast("Iterator[Any]", reader.demux()):
            if packet.stream.type == "audio" and packet.dts is not None:
                packet.stream = kept
                writer.mux(packet)
            elif packet.stream.type == "video":
                writer.mux([coded for frame in packet.decode() for coded in picture.encode(frame)])
        writer.mux(picture.encode(None))
    report = verify(str(again))
    assert report.ok, report.wrong
    assert report.picture.frames == 90


class LiveShow:
    """A live show on a virtual clock: segments appear ``delay`` seconds after their end; faults by name."""

    def __init__(self, runs: list[Programme], delay: float = 0.2, window: int = 10) -> None:
        self.clock = VirtualClock(epoch=wall(0))
        self.client = httpx.Client(transport=httpx.MockTransport(self.answer))
        self.store = HlsStore(window)
        self.broken: Callable[[str, int], httpx.Response | None] = lambda name, loads: None
        self._delay = delay
        self._waiting = [(run, segment) for run in runs for segment in run.segments() if segment.duration == 1]
        self._run: Programme | None = None
        self._loads = 0

    def answer(self, request: httpx.Request) -> httpx.Response:
        self._catch_up()
        name = request.url.path.rsplit("/", 1)[-1]
        self._loads += name.endswith("m3u8")
        spoiled = self.broken(name, self._loads)
        found = self.store.get(name)
        if spoiled is not None:
            return spoiled
        if found is None:
            return httpx.Response(404)
        return httpx.Response(200, content=found.data, headers={"content-type": found.content_type})

    def _catch_up(self) -> None:
        while self._waiting:
            run, segment = self._waiting[0]
            if wall(segment.start + segment.frames) + self._delay * SECOND > self.clock.wall():
                return
            if run is not self._run:
                self.store.begin(run.format, init_segment(run.format))
                self._run = run
            self.store.push(segment, wall(segment.start))
            self._waiting.pop(0)

    def verify(self, seconds: float, begin: float = 5.0) -> DeliveryReport:
        self.clock.advance(round(begin * SECOND))
        return verify(URL, seconds, self.clock, self.client)


@pytest.fixture(name="long", scope="module")
def long_fixture() -> Programme:
    return Programme().encode(whole(480))


def test_a_longer_film_is_judged_in_stretches_without_a_seam(film: Path, long: Programme) -> None:
    report = judged(film, long)
    assert report.ok, report.wrong
    assert report.sync is not None
    assert (report.sync.flashes, report.sync.beeps) == (15, 16)


def test_only_the_first_seconds_are_judged_when_asked(film: Path, long: Programme) -> None:
    film.write_bytes(long.file())
    report = verify(str(film), 4)
    assert report.ok, report.wrong
    assert report.picture.frames == 120


def test_a_live_show_is_followed_and_its_distance_measured(long: Programme) -> None:
    report = LiveShow([long]).verify(8)
    assert report.ok, report.wrong
    assert report.kind == "live HLS" and report.segments == 8
    assert report.picture.frames == 240 and report.picture.missing == 0
    assert report.live is not None
    assert 3.2 <= report.live.viewer_median <= 3.5  # three seconds, the delay of 0.2 s and at most one poll
    assert report.live.viewer_most <= 4.5  # when it joins, what it has not seen come may be a second old
    assert 0.2 <= report.live.edge_median <= 0.6
    assert report.live.edge_most <= 1.6
    assert report.bit_rate > 50_000
    words = dict(report.lines())
    assert words["missing"] == "0"
    assert words["newest frame"].startswith("here 0.") and "after it is due" in words["newest frame"]


def test_a_show_that_has_not_begun_is_waited_for(long: Programme) -> None:
    report = LiveShow([long]).verify(3, begin=0.1)
    assert report.ok, report.wrong
    assert report.segments == 3


def test_a_list_of_variants_that_lists_itself_is_refused() -> None:
    text = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nindex.m3u8\n"
    client = httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200, text=text)))
    with pytest.raises(InputError, match="malformed"):
        verify(URL, 3, VirtualClock(), client)


class Endless(httpx.SyncByteStream):
    """A body that does not end; ``taken`` is how much of it somebody took (bytes)."""

    def __init__(self) -> None:
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.taken += 1 << 20
            assert self.taken < 64 << 20, "it is taken without an end"
            yield b"#EXTM3U\n" * (1 << 17)


@pytest.mark.parametrize(
    ("kind", "most"), [("audio/mpeg", 0), ("multipart/x-mixed-replace", 0), ("text/plain", 17), ("", 17)]
)
def test_a_stream_without_an_end_is_no_playlist_and_is_not_taken_whole(kind: str, most: int) -> None:
    """A radio's or a camera's address, given by mistake."""
    body = Endless()
    client = httpx.Client(
        transport=httpx.MockTransport(lambda _: httpx.Response(200, headers={"content-type": kind}, stream=body))
    )
    with pytest.raises(InputError, match="no playlist: it gives" if not most else "more than 16 MiB"):
        verify(URL, 1, VirtualClock(), client)
    assert body.taken <= most << 20


class Trickle(httpx.SyncByteStream):
    """A body of which a byte comes every four seconds, a day long."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(86_400 // 4):
            self._clock.advance(4 * SECOND)
            yield b"#"


def test_an_answer_that_trickles_is_not_waited_for_to_its_end() -> None:
    clock = VirtualClock()
    client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, stream=Trickle(clock))))
    with pytest.raises(InputError, match="has not given all of its answer in 60 s"):
        verify(URL, 1, clock, client)
    assert clock.now() < 70 * SECOND


def test_a_stage_that_comes_back_is_a_discontinuity_and_the_loss_is_named() -> None:
    runs = [Programme().encode(whole(210)), Programme().encode(whole(210, first=270))]
    report = LiveShow(runs).verify(9, begin=6)
    assert report.discontinuities == 1
    assert (report.picture.skipped, report.picture.skips, report.picture.missing) == (60, 1, 0)
    assert report.plainer == ("60 frames (2.0 s) were skipped at a discontinuity.",)
    assert dict(report.lines())["skipped"] == "60 at 1 discontinuity"
    assert report.sync is not None and abs(report.sync.median_ms) < 1


def test_numbers_lost_within_a_run_stay_missing_whatever_was_skipped_elsewhere() -> None:
    runs = [
        Programme().encode(whole(210)),
        Programme().encode([pair for pair in whole(210, first=270) if pair[0] != 333]),
    ]
    report = LiveShow(runs).verify(12, begin=6)
    assert (report.picture.skipped, report.picture.missing_numbers) == (60, (333,))
    assert any("1 frame is missing" in fault for fault in report.wrong)


@pytest.mark.parametrize("halved", [range(90, 240), range(480)])
def test_half_the_picture_rate_is_told_and_not_wrong(halved: range) -> None:
    report = LiveShow([Programme(halved=halved).encode(whole(480))]).verify(10, begin=4)
    assert report.ok, report.wrong
    rate = report.picture.rate
    assert rate is not None and (rate.least, rate.largest_step_ms) == (15, pytest.approx(66.67, abs=0.02))
    assert rate.reduced_seconds == pytest.approx(2 * report.picture.left_out / FPS, abs=0.01)
    assert report.facts.fps == 30
    assert report.sync is not None and report.sync.matched >= 9 and abs(report.sync.median_ms) < 0.3
    assert any("at a lower picture rate" in less for less in report.plainer)
    assert dict(report.lines())["left out by design"] == str(report.picture.left_out)


def test_another_size_in_mid_stream_is_decoded_and_told() -> None:
    runs = [Programme().encode(whole(180)), Programme(size=(320, 180)).encode(whole(180, first=180))]
    runs.append(Programme().encode(whole(120, first=360)))
    report = LiveShow(runs).verify(14, begin=4)
    assert report.ok, report.wrong
    assert [(size.width, size.height) for size in report.sizes] == [(640, 360), (320, 180), (640, 360)]
    assert [size.at for size in report.sizes] == [0, 6, 12]
    assert report.picture.cards == report.picture.frames == 420
    assert (report.picture.skipped, report.picture.missing, report.discontinuities) == (0, 0, 2)
    assert any("pictures are 320x180" in less for less in report.plainer)
    assert (report.facts.width, report.facts.height) == (640, 360)


def test_another_initialisation_without_a_discontinuity_is_named() -> None:
    runs = [Programme().encode(whole(180)), Programme(size=(320, 180)).encode(whole(180, first=180))]
    show = LiveShow(runs)

    def joined(name: str, loads: int) -> httpx.Response | None:
        if not name.endswith("m3u8"):
            return None
        text = show.store.playlist().replace("#EXT-X-DISCONTINUITY\n", "")
        return httpx.Response(200, text=text, headers={"content-type": "application/vnd.apple.mpegurl"})

    show.broken = joined
    assert any("without a discontinuity" in fault for fault in show.verify(8, begin=4).wrong)


def test_a_run_whose_sound_comes_late_has_a_seam() -> None:
    late = Programme().encode(whole(240, first=210))
    late.packets = [packet for packet in late.packets if packet.track != "audio" or packet.pts > 210 * SPAN + 24_000]
    report = LiveShow([Programme().encode(whole(210)), late]).verify(10, begin=5)
    (seam,) = report.sound.seams
    assert seam.ms == pytest.approx(500, abs=40)
    assert any("no sound at a discontinuity" in fault for fault in report.wrong)


def test_a_viewer_too_far_behind_live_is_wrong(long: Programme) -> None:
    report = LiveShow([long], delay=2.5).verify(6, begin=8)
    assert any("s behind live" in fault for fault in report.wrong)


def test_a_playlist_that_stands_still_is_stalled(long: Programme) -> None:
    show = LiveShow([long])
    frozen: list[bytes] = []

    def freeze(name: str, loads: int) -> httpx.Response | None:
        if name.endswith("m3u8") and loads > 4:
            frozen.append(frozen[0] if frozen else show.store.playlist().encode())
            return httpx.Response(200, content=frozen[0], headers={"content-type": "application/vnd.apple.mpegurl"})
        return None

    show.broken = freeze
    report = show.verify(8)
    assert any("gained nothing" in fault for fault in report.wrong)
    assert any("could be played" in fault for fault in report.wrong)


def test_a_segment_that_fails_is_named_and_its_frames_are_missing(long: Programme) -> None:
    show = LiveShow([long])
    show.broken = lambda name, loads: httpx.Response(503) if name.startswith("1700000005") else None
    report = show.verify(8)
    assert any("answers 503" in fault for fault in report.wrong)
    assert report.picture.missing == 30


def test_a_media_sequence_that_steps_back_is_named(long: Programme) -> None:
    show = LiveShow([long])

    def stale(name: str, loads: int) -> httpx.Response | None:
        if name.endswith("m3u8") and loads == 9:
            text = show.store.playlist().replace("MEDIA-SEQUENCE:17", "MEDIA-SEQUENCE:16", 1)
            return httpx.Response(200, text=text)
        return None

    show.broken = stale
    assert any("stepped back" in fault for fault in show.verify(6, begin=5).wrong)


def test_a_list_that_has_ended_is_played_from_its_beginning() -> None:
    store = stored([Programme().encode(whole(90)), Programme().encode(whole(90, first=90))])

    def answer(request: httpx.Request) -> httpx.Response:
        name = request.url.path.rsplit("/", 1)[-1]
        found = store.get(name)
        assert found is not None
        data = found.data + b"#EXT-X-ENDLIST\n" if name.endswith("m3u8") else found.data
        return httpx.Response(200, content=data, headers={"content-type": found.content_type})

    report = verify(URL, None, VirtualClock(), httpx.Client(transport=httpx.MockTransport(answer)))
    assert report.ok, report.wrong
    assert (report.kind, report.picture.frames, report.discontinuities) == ("HLS", 180, 1)
