# PyAV's stubs leave the type of a muxed stream open.
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from duologue.audio.pcm import RATE
from duologue.errors import ClosedError, InputError
from duologue.stage.art import Quad
from duologue.stage.planes import canvas_to_rgb
from duologue.stage.television import Television
from duologue.stage.television_picture import TvPicture

FPS = 30
QUAD: Quad = ((101.3, 50.2), (220.8, 55.1), (219.4, 120.7), (102.9, 124.6))
GREYS = 12


def grey_of(step: int) -> int:
    return 20 + step % GREYS * 17


def write_clip(
    path: Path, *, frames: int = GREYS, fps: int = 15, sound: bool = True, size: tuple[int, int] = (160, 90)
) -> Path:
    """Frame ``n`` is all of one grey, ``grey_of(n)``; the sound is a ramp that repeats every 6000 samples."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=fps, options={"crf": "8", "preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        audio = (
            container.add_stream("aac" if path.suffix == ".mp4" else "pcm_s16le", rate=RATE, layout="stereo")
            if sound
            else None
        )
        for number in range(frames):
            grey = np.full((size[1], size[0], 3), grey_of(number), np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            ramp = (np.arange(frames * RATE // fps) % 6000).astype(np.int16)
            block = av.AudioFrame.from_ndarray(np.repeat(ramp, 2).reshape(1, -1), format="s16", layout="stereo")
            block.sample_rate, block.pts = RATE, 0
            container.mux(audio.encode(block))
            container.mux(audio.encode(None))
    return path


def shown_grey(picture: TvPicture) -> float:
    """The grey in the middle of the screen, 0…255."""
    luma = picture.sprite.luma
    middle = luma[luma.shape[0] // 2 - 4 : luma.shape[0] // 2 + 4, luma.shape[1] // 2 - 4 : luma.shape[1] // 2 + 4]
    return (float(middle.mean()) - 16) / 219 * 255


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "greys.mkv")


def test_every_show_frame_shows_the_clip_at_its_own_time_and_loops(clip: Path) -> None:
    television = Television(clip, QUAD, fps=FPS, blocking=True)
    try:
        for index in range(3 * 2 * GREYS):
            expected = grey_of(index // 2 % GREYS)
            assert shown_grey(television.picture(index)) == pytest.approx(expected, abs=3), index
        assert television.misses == 0
        assert television.failure is None
    finally:
        television.close()


def test_pictures_and_light_are_the_same_on_every_run(clip: Path) -> None:
    runs: list[list[tuple[bytes, object]]] = []
    for _ in range(2):
        television = Television(clip, QUAD, fps=FPS, blocking=True)
        pictures = [television.picture(index) for index in range(40)]
        television.close()
        runs.append(
            [(picture.sprite.luma.tobytes() + picture.sprite.u.tobytes(), picture.light) for picture in pictures]
        )
    assert runs[0] == runs[1]


def test_sound_is_exact_to_the_sample_over_the_loop(clip: Path) -> None:
    television = Television(clip, QUAD, fps=FPS, blocking=True)
    television.picture(2 * GREYS + 4)  # past the end once, so that the length is settled
    length = GREYS * RATE // 15
    assert television.length == length
    whole = television.sound(0, 3 * length)
    pieces = np.concatenate([television.sound(start, 1600) for start in range(0, 3 * length, 1600)])[: len(whole)]
    television.close()
    assert whole.dtype == np.float32 and whole.shape == (3 * length, 2)
    assert np.array_equal(whole, pieces)
    expected = (np.arange(3 * length) % length % 6000) / 32768
    assert np.abs(whole[:, 0] - expected).max() < 1e-4
    assert np.array_equal(whole[:, 0], whole[:, 1])


def test_a_clip_without_sound_is_silent(tmp_path: Path) -> None:
    television = Television(write_clip(tmp_path / "mute.mp4", sound=False), QUAD, fps=FPS, blocking=True)
    assert not television.sound(0, 4800).any()
    television.close()


def test_the_light_follows_the_picture(clip: Path) -> None:
    television = Television(clip, QUAD, fps=FPS, blocking=True)
    levels = [television.picture(index).light.level for index in range(2 * GREYS)]
    television.close()
    assert levels[0] < 0.1 and levels[-1] > 0.5
    assert levels == sorted(levels)
    assert all(level * 32 == round(level * 32) for level in levels)


def test_the_screen_is_drawn_in_perspective_with_smooth_edges(clip: Path) -> None:
    television = Television(clip, QUAD, fps=FPS, blocking=True)
    sprite = television.picture(2 * GREYS - 1).sprite
    television.close()
    assert (sprite.left, sprite.top) == (100, 50)
    assert sprite.left % 2 == sprite.top % 2 == sprite.width % 2 == sprite.height % 2 == 0
    shows = 255 - sprite.keep.astype(float)
    across, down = np.meshgrid(np.arange(sprite.width), np.arange(sprite.height))
    corners = np.array(QUAD)
    area = 0.5 * abs(
        np.dot(corners[:, 0], np.roll(corners[:, 1], 1)) - np.dot(corners[:, 1], np.roll(corners[:, 0], 1))
    )
    assert shows.sum() / 255 == pytest.approx(area, rel=0.02)
    centre = float((across * shows).sum() / shows.sum()), float((down * shows).sum() / shows.sum())
    moments = cv2.moments(corners.astype(np.float32))
    assert centre[0] + sprite.left + 0.5 == pytest.approx(moments["m10"] / moments["m00"], abs=0.2)
    assert centre[1] + sprite.top + 0.5 == pytest.approx(moments["m01"] / moments["m00"], abs=0.2)
    assert ((shows > 10) & (shows < 245)).sum() > 40
    assert (sprite.luma <= shows + 1).all()  # premultiplied


def test_another_shape_is_letterboxed(tmp_path: Path) -> None:
    television = Television(
        write_clip(tmp_path / "tall.mp4", frames=GREYS, size=(60, 120)), QUAD, fps=FPS, blocking=True
    )
    luma = television.picture(2 * GREYS - 1).sprite.luma
    television.close()
    row = luma[luma.shape[0] // 2].astype(int)
    assert row[len(row) // 2] > 150
    assert row[8] == pytest.approx(16, abs=2) and row[-8] == pytest.approx(16, abs=2)


def png(path: Path) -> Path:
    rows = b"".join(b"\0" + b"\x20\x80\xe0" * 32 for _ in range(18))
    body = b"\x89PNG\r\n\x1a\n"
    for kind, data in (
        (b"IHDR", struct.pack(">IIBBBBB", 32, 18, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ):
        body += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    path.write_bytes(body)
    return path


def test_a_still_stays_and_keeps_its_colour(tmp_path: Path) -> None:
    television = Television(png(tmp_path / "still.png"), QUAD, fps=FPS, blocking=True)
    first, later = television.picture(0), television.picture(100)
    television.close()
    assert later.sprite is first.sprite  # nothing is redrawn
    sprite = later.sprite
    canvas = np.concatenate([sprite.luma.reshape(-1), sprite.u.reshape(-1), sprite.v.reshape(-1)])
    rgb = canvas_to_rgb(canvas.reshape(-1, sprite.width))
    assert rgb[sprite.height // 2, sprite.width // 2].tolist() == pytest.approx([0x20, 0x80, 0xE0], abs=4)


@pytest.mark.parametrize("case", ["missing", "empty", "noise", "text", "folder", "sound only", "header only"])
def test_what_is_no_clip_is_refused_with_a_remedy(case: str, tmp_path: Path, clip: Path) -> None:
    path = tmp_path / "clip.mp4"
    match case:
        case "empty":
            path.write_bytes(b"")
        case "noise":
            path.write_bytes(np.random.default_rng(1).bytes(20_000))
        case "text":
            path.write_text("This is no film.")
        case "folder":
            path.mkdir()
        case "sound only":
            path = tmp_path / "sound.wav"
            with av.open(str(path), "w") as container:
                stream = container.add_stream("pcm_s16le", rate=RATE, layout="stereo")
                block = av.AudioFrame.from_ndarray(np.zeros((1, 9600), np.int16), format="s16", layout="stereo")
                block.sample_rate = RATE
                container.mux(stream.encode(block))
        case "header only":
            path.write_bytes(clip.read_bytes()[:600])
        case _:
            pass
    with pytest.raises(InputError) as refused:
        Television(path, QUAD, fps=FPS)
    assert str(path) == refused.value.where
    assert refused.value.remedy


def test_a_clip_that_was_cut_off_loops_what_is_there(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "whole.mkv", frames=60, size=(320, 180), sound=False)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    television = Television(cut, QUAD, fps=FPS, blocking=True)
    try:
        for index in range(240):
            television.picture(index)
            if television.failure is not None:
                assert str(cut) == television.failure.where
                break
        else:
            assert 0 < television.length < 60 * RATE // 15
    finally:
        television.close()


def test_a_clip_that_breaks_later_says_so_and_goes_silent(clip: Path, tmp_path: Path) -> None:
    """The file disappears while it plays: the loop cannot begin again."""
    path = tmp_path / "gone.mkv"
    path.write_bytes(clip.read_bytes())
    television = Television(path, QUAD, fps=FPS, blocking=True)
    path.unlink()
    for index in range(4 * GREYS):
        television.picture(index)
    failure = television.failure
    assert failure is not None and failure.where == str(path)
    assert not television.sound(0, 1600).any()
    television.close()


def test_live_a_picture_that_is_late_is_counted_and_the_newest_shown(clip: Path) -> None:
    television = Television(clip, QUAD, fps=FPS)
    picture = television.picture(10_000)  # nobody can have made that yet
    assert picture.index < 10_000
    assert television.misses == 1
    television.close()


def test_closing_ends_the_thread_and_says_so(clip: Path) -> None:
    television = Television(clip, QUAD, fps=FPS)
    television.close()
    with pytest.raises(ClosedError):
        television.picture(0)
