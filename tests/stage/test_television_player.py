# PyAV's stubs leave the type of a muxed stream open.
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.error import FFmpegError
from canvases import canvas_to_rgb
from films import (
    FPS,
    GREYS,
    QUAD,
    grey_of,
    png,
    write_changing_sound,
    write_click,
    write_film,
    write_halves,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from duologue.audio.pcm import RATE
from duologue.errors import ClosedError, InputError, PeerError
from duologue.stage.frames import Plane
from duologue.stage.television.film import FilmFrame, Tick, film_frames, film_sound
from duologue.stage.television.picture import TvPicture
from duologue.stage.television.player import AHEAD, SHORTEST, FilmPlayer
from duologue.stage.television.screen import Screen
from few_examples import examples

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


def played(path: Path, *, blocking: bool = True, every: int = 1) -> FilmPlayer:
    """A player whose film is open; raises what it has against the film."""
    player = FilmPlayer(path, QUAD, fps=FPS, blocking=blocking, every=every)
    player.opened(wait=True)
    return player


def shown_grey(picture: TvPicture) -> float:
    """The grey in the middle of the screen, 0…255."""
    luma = picture.sprite.luma
    middle = luma[luma.shape[0] // 2 - 4 : luma.shape[0] // 2 + 4, luma.shape[1] // 2 - 4 : luma.shape[1] // 2 + 4]
    return (float(middle.mean()) - 16) / 219 * 255


@pytest.fixture(scope="module")
def greys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("films") / "greys.mkv")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifty frames at the show's rate, each a little brighter."""
    return write_film(tmp_path_factory.mktemp("films") / "film.mkv", frames=50, fps=FPS, sound=False, step=4)


def test_every_show_frame_shows_the_film_at_its_own_time_and_loops(greys: Path) -> None:
    player = played(greys)
    try:
        for index in range(3 * 2 * GREYS):
            expected = grey_of(index // 2 % GREYS)
            assert shown_grey(player.picture(index)) == pytest.approx(expected, abs=3), index
        assert player.misses == 0
        assert player.failure is None
    finally:
        player.close()


def test_pictures_and_light_are_the_same_on_every_run(greys: Path) -> None:
    runs: list[list[tuple[bytes, object]]] = []
    for _ in range(2):
        player = played(greys)
        pictures = [player.picture(index) for index in range(40)]
        player.close()
        runs.append(
            [(picture.sprite.luma.tobytes() + picture.sprite.u.tobytes(), picture.light) for picture in pictures]
        )
    assert runs[0] == runs[1]


def test_sound_is_exact_to_the_sample_over_the_loop(greys: Path) -> None:
    player = played(greys)
    player.picture(2 * GREYS + 4)  # past the end once, so that the length is settled
    length = GREYS * RATE // 15
    assert player.length == length
    whole = player.sound(0, 3 * length)
    pieces = np.concatenate([player.sound(start, 1600) for start in range(0, 3 * length, 1600)])[: len(whole)]
    player.close()
    assert whole.dtype == np.float32 and whole.shape == (3 * length, 2)
    assert np.array_equal(whole, pieces)
    expected = (np.arange(3 * length) % length % 6000) / 32768
    assert np.abs(whole[:, 0] - expected).max() < 1e-4
    assert np.array_equal(whole[:, 0], whole[:, 1])


@pytest.mark.parametrize("ending", ["mkv", "ts"])
@pytest.mark.parametrize("late", [-700, -250, 0, 250, 1500])
def test_sound_that_begins_with_another_picture_is_heard_with_that(ending: str, late: int, tmp_path: Path) -> None:
    """A file whose two tracks begin apart, as recordings of a broadcast do: a click is where its picture is."""
    path = write_click(tmp_path / f"apart.{ending}", late)
    player = played(path)
    sound = np.abs(player.sound(0, 4 * RATE)[:, 0])
    player.close()
    clicks = [moment for moment in (1000, 2000, 3000) if moment >= late]
    for moment in clicks:
        near = sound[(moment - 100) * RATE // 1000 : (moment + 100) * RATE // 1000]
        assert abs(int(near.argmax()) - 100 * RATE // 1000) < 0.045 * RATE, moment
        assert near.max() > 0.3
    assert (sound > 0.3).sum() < 50 * len(clicks)


def test_a_hole_in_the_sound_is_silence_and_what_follows_is_in_time(tmp_path: Path) -> None:
    player = played(write_click(tmp_path / "hole.mkv", 0, hole=(1200, 1900)))
    sound = np.abs(player.sound(0, 4 * RATE)[:, 0])
    player.close()
    assert [round(1000 * int(moment) / RATE) for moment in np.flatnonzero(sound > 0.3)[[0, -1]]] == [1000, 3000]
    assert not sound[1300 * RATE // 1000 : 1800 * RATE // 1000].any()


def test_a_film_may_be_named_by_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    player = played(write_film(tmp_path / "trailer-12:30.mkv").relative_to(tmp_path))
    player.close()
    assert player.path == Path("trailer-12:30.mkv")


def test_a_long_film_is_not_read_through_for_its_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sound may be over long before the film is, which may have gigabytes: only as far as it can be heard."""
    path = write_click(tmp_path / "long.mkv", 0, hole=(1200, 4000))
    with av.open(str(path)) as container:
        packets = len(list(container.demux()))
    monkeypatch.setattr("duologue.stage.television.film.LONGEST", 2)
    monkeypatch.setattr("duologue.stage.television.film.APART", 0.5)
    read: list[bool] = []
    sound = np.concatenate(list(film_sound(path, lambda: read.append(True))))
    assert len(sound) == pytest.approx(1.2 * RATE, abs=1152)
    assert len(read) < packets - 15


def test_a_film_without_sound_is_silent(tmp_path: Path) -> None:
    player = played(write_film(tmp_path / "mute.mp4", sound=False))
    assert not player.sound(0, 4800).any()
    player.close()


def test_the_light_follows_the_picture(greys: Path) -> None:
    player = played(greys)
    levels = [player.picture(index).light.level for index in range(2 * GREYS)]
    player.close()
    assert levels[0] < 0.1 and levels[-1] > 0.5
    assert levels == sorted(levels)
    assert all(level * 32 == round(level * 32) for level in levels)


def test_the_screen_is_drawn_in_perspective_with_smooth_edges(greys: Path) -> None:
    player = played(greys)
    sprite = player.picture(2 * GREYS - 1).sprite
    player.close()
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
    player = played(write_film(tmp_path / "tall.mp4", frames=GREYS, size=(60, 120)))
    luma = player.picture(2 * GREYS - 1).sprite.luma
    player.close()
    row = luma[luma.shape[0] // 2].astype(int)
    assert row[len(row) // 2] > 150
    assert row[8] == pytest.approx(16, abs=2) and row[-8] == pytest.approx(16, abs=2)


def at(picture: TvPicture, across: float, down: float) -> int:
    """The luma at a place of the screen: shares of its width and height."""
    luma = picture.sprite.luma
    return int(luma[int(luma.shape[0] * down), int(luma.shape[1] * across)])


@pytest.mark.parametrize(("turn", "white"), [(0, "left"), (90, "bottom"), (180, "right"), (-90, "top")])
def test_a_film_that_was_shot_upright_stands_upright(turn: int, white: str, tmp_path: Path) -> None:
    """A telephone turns no picture: it writes down that players should."""
    player = played(write_halves(tmp_path / "phone.mp4", turn=turn))
    picture = player.picture(0)
    player.close()
    sides = {"left": (0.4, 0.5), "right": (0.6, 0.5), "top": (0.5, 0.3), "bottom": (0.5, 0.7)}
    brightest = max(sides, key=lambda side: at(picture, *sides[side]))
    assert brightest == white
    bars = [at(picture, 0.05, 0.5) <= 18, at(picture, 0.95, 0.5) <= 18]
    assert bars == ([True, True] if turn in (90, -90) else [white == "right", white == "left"])


def test_a_film_of_wide_pixels_is_as_wide_as_it_was_meant(tmp_path: Path) -> None:
    """As a DVD's are. The white of its left half reaches the middle of the screen, and there are no bars."""
    player = played(write_halves(tmp_path / "dvd.mp4", size=(80, 90), pixel=Fraction(2)))
    picture = player.picture(0)
    player.close()
    assert at(picture, 0.06, 0.5) > 200 and at(picture, 0.45, 0.5) > 200


def test_a_still_stays_and_keeps_its_colour(tmp_path: Path) -> None:
    player = played(png(tmp_path / "still.png"))
    first, later = player.picture(0), player.picture(100)
    player.close()
    assert later.sprite is first.sprite  # nothing is redrawn
    sprite = later.sprite
    canvas = np.concatenate([sprite.luma.reshape(-1), sprite.u.reshape(-1), sprite.v.reshape(-1)])
    rgb = canvas_to_rgb(canvas.reshape(-1, sprite.width))
    assert rgb[sprite.height // 2, sprite.width // 2].tolist() == pytest.approx([0x20, 0x80, 0xE0], abs=4)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_can_be_seen_through_is_in_front_of_black(mode: str, tmp_path: Path) -> None:
    picture = Image.new("RGBA", (160, 90), (255, 255, 255, 0))  # as most programs write it: invisible, and white
    picture.paste((255, 255, 255, 255), (80, 0, 160, 90))
    picture.paste((255, 255, 255, 128), (60, 0, 80, 90))
    picture.convert(mode).save(tmp_path / "logo.png")
    player = played(tmp_path / "logo.png")
    shown = player.picture(0)
    player.close()
    assert at(shown, 0.2, 0.5) == pytest.approx(16, abs=2)
    assert at(shown, 0.8, 0.5) == pytest.approx(235, abs=2)
    if mode != "P":
        assert at(shown, 0.44, 0.5) == pytest.approx(126, abs=2)


@pytest.mark.parametrize("case", ["missing", "empty", "noise", "text", "folder", "sound only", "header only"])
def test_what_is_no_film_is_refused_with_a_remedy(case: str, tmp_path: Path, greys: Path) -> None:
    path = tmp_path / "film.mp4"
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
            path.write_bytes(greys.read_bytes()[:600])
        case _:
            pass
    with pytest.raises(InputError) as refused:
        played(path)
    assert str(path) == refused.value.where
    assert refused.value.remedy


def test_a_film_that_was_cut_off_loops_what_is_there(tmp_path: Path) -> None:
    whole = write_film(tmp_path / "whole.mkv", frames=60, size=(320, 180), sound=False)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    player = played(cut)
    try:
        for index in range(240):
            player.picture(index)
            if player.failure is not None:
                assert str(cut) == player.failure.where
                break
        else:
            assert 0 < player.length < 60 * RATE // 15
    finally:
        player.close()


def test_a_film_rests_on_its_last_picture_for_as_long_as_it_says(tmp_path: Path) -> None:
    """Most GIFs do before they begin again, and so does a recorded screen on which nothing moves at the end."""
    path = tmp_path / "pause.gif"
    pictures = [Image.new("L", (160, 90), grey_of(number)) for number in range(5)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=[100, 100, 100, 100, 1600])
    player = played(path)
    greys = [round(shown_grey(player.picture(index))) for index in range(2, 120, 3)]  # in the middle of each 0.1 s
    player.close()
    once = [grey_of(number) for number in (0, 1, 2, 3, *[4] * 16)]
    assert greys == pytest.approx(once * 2, abs=4)
    assert player.length == 2 * RATE


def test_a_film_that_breaks_later_says_so_and_goes_silent(greys: Path, tmp_path: Path) -> None:
    """The file disappears while it plays: the loop cannot begin again."""
    path = tmp_path / "gone.mkv"
    path.write_bytes(greys.read_bytes())
    player = played(path)
    path.unlink()
    for index in range(4 * GREYS):
        player.picture(index)
    failure = player.failure
    assert failure is not None and failure.where == str(path)
    assert not player.sound(0, 1600).any()
    player.close()


def test_live_a_picture_that_is_late_is_counted_and_the_newest_shown(greys: Path) -> None:
    player = played(greys, blocking=False)
    picture = player.picture(10_000)  # nobody can have made that yet
    assert shown_grey(picture) <= grey_of(AHEAD // 2) + 3
    assert player.misses == 1
    player.close()


def test_a_thread_that_is_far_behind_leaps_to_a_key_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifteen seconds late: the picture that is wanted comes, and hardly any of those before it were decoded."""
    path = write_film(tmp_path / "long.mkv", frames=20 * FPS, fps=FPS, sound=False, step=4, keys=15)
    decoded = 0

    def counted(path: Path, tick: Tick, late: Callable[[int], bool]) -> Generator[FilmFrame]:
        nonlocal decoded
        for frame in film_frames(path, tick, late):
            decoded += 1
            yield frame

    monkeypatch.setattr("duologue.stage.television.player.film_frames", counted)
    player, wanted = played(path, blocking=False), 15 * FPS
    for _ in range(10_000):
        if step_of(player.picture(wanted)) == wanted % 51:
            break
        threading.Event().wait(0.001)
    else:
        raise AssertionError("it never caught up")
    player.close()
    player.join(10)
    assert decoded < 14 * 2 + FPS + 3 * AHEAD  # a key picture each half second, the last second, and what is made ahead


def test_offline_nothing_is_left_out(tmp_path: Path) -> None:
    path = write_film(tmp_path / "long.mkv", frames=4 * FPS, fps=FPS, sound=False, step=4, keys=15)
    player = played(path)
    assert step_of(player.picture(3 * FPS)) == 3 * FPS % 51
    assert player.made >= 3 * FPS
    player.close()


def test_closing_ends_the_thread_and_says_so(greys: Path) -> None:
    player = played(greys, blocking=False)
    player.close()
    with pytest.raises(ClosedError):
        player.picture(0)


@pytest.mark.parametrize("ending", ["mkv", "ts"])
def test_sound_that_changes_its_rate_and_its_channels_is_played_on(ending: str, tmp_path: Path) -> None:
    player = played(write_changing_sound(tmp_path / f"changes.{ending}"))
    assert player.mute is None
    for second, tone in ((0, 440), (1, 880)):
        sound = player.sound(second * RATE + RATE // 5, RATE // 2)
        spectrum = np.abs(np.fft.rfft(sound, axis=0))
        assert (spectrum.argmax(axis=0) * 2 == tone).all()
    assert abs(player.sound(0, 2 * RATE)).max(axis=1)[RATE - 1200 : RATE - 600].max() > 0.1  # the old format's end
    player.close()


@pytest.mark.parametrize(
    "raised",
    [ValueError("no such layout"), MemoryError(), RuntimeError("bad"), OSError(5, "io"), FFmpegError(5, "torn")],
)
def test_a_film_whose_sound_no_decoder_makes_out_is_shown_without(
    raised: Exception, greys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr("duologue.stage.television.film.FrameResampler", refuse)
    player = played(greys)
    assert shown_grey(player.picture(2)) == pytest.approx(grey_of(1), abs=3)
    assert not player.sound(0, 4800).any()
    assert player.mute is not None and player.mute.where == str(greys)
    assert "Errno" not in player.mute.what
    player.close()


@pytest.mark.parametrize("raised", [ValueError(), MemoryError(), RuntimeError("bad"), OSError(5, "io"), KeyError("x")])
@pytest.mark.parametrize("later", [False, True])
def test_whatever_a_decoder_raises_names_the_film(
    raised: Exception, later: bool, greys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flat, pictures = Screen.flat, 0

    def fail(screen: Screen, frame: av.VideoFrame, pixel: float) -> Plane:
        nonlocal pictures
        pictures += 1
        if pictures > 5 * later:
            raise raised
        return flat(screen, frame, pixel)

    monkeypatch.setattr(Screen, "flat", fail)
    if not later:
        with pytest.raises(PeerError) as refused:
            played(greys)
        assert refused.value.where == str(greys)
        return
    player = played(greys)
    for index in range(20):
        player.picture(index)
    assert player.failure is not None and player.failure.where == str(greys)
    player.close()


def test_a_film_in_which_no_time_passes_is_a_still(tmp_path: Path) -> None:
    player = played(write_film(tmp_path / "blink.mkv", frames=3, fps=90, sound=False))
    assert player.length < SHORTEST
    first = player.picture(60).sprite
    assert player.picture(600).sprite is first
    player.close()


def test_a_film_of_one_picture_over_and_over_is_made_once(tmp_path: Path) -> None:
    player = played(write_film(tmp_path / "slide.mkv", frames=40, fps=25, step=0, sound=False))
    pictures = [player.picture(index) for index in range(20, 60)]
    assert len({id(picture.sprite) for picture in pictures}) == 1
    player.close()


def test_half_the_pictures_are_half_the_work(film: Path) -> None:
    whole, half = played(film), played(film, every=2)
    both = [(whole.picture(index), half.picture(index)) for index in range(48)]
    for index, (one, _) in enumerate(both):
        assert step_of(one) == index
        assert both[index][1] is both[index - index % 2][1]
        assert step_of(both[index][1]) == index - index % 2
    assert half.misses == 0
    for player in (whole, half):
        player.close()
        player.join(10)
    assert 48 <= whole.made <= 48 + AHEAD + 1
    assert 24 <= half.made <= 24 + AHEAD + 1


@given(rates=st.lists(st.integers(1, 3), min_size=24, max_size=24))
@settings(max_examples=examples(15), deadline=None)
def test_the_rate_of_pictures_may_change_at_any_frame(film: Path, rates: list[int]) -> None:
    player = played(film)
    before: TvPicture | None = None
    for index, every in enumerate(rates):
        player.every = every
        picture = player.picture(index)
        if index % every and rates[index - 1] == every:
            assert picture is before
        assert index - 3 <= step_of(picture) <= index
        before = picture
    player.every = 1
    for index in range(24, 64):
        if index > 24 + 3 * AHEAD + 3:  # what was made ahead at the other rate is shown first
            assert step_of(player.picture(index)) == index % 50
        else:
            player.picture(index)
    player.close()


def step_of(picture: TvPicture) -> int:
    """Which frame of a film in steps of 4 it is; the way through the colour spaces takes about 1.7."""
    return round((shown_grey(picture) + 1.7 - 20) / 4)


def test_the_light_follows_at_the_same_pace_at_half_the_rate(greys: Path) -> None:
    whole, half = played(greys), played(greys, every=2)
    for index in range(0, 2 * GREYS - 2, 2):
        one, other = whole.picture(index).light, half.picture(index).light
        assert other.level == pytest.approx(one.level, abs=0.08)
    for player in (whole, half):
        player.close()


def test_live_a_player_lowers_its_own_thread(greys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lowered: list[str] = []
    monkeypatch.setattr(
        "duologue.stage.television.player.lower_this_thread", lambda: lowered.append(threading.current_thread().name)
    )
    played(greys, blocking=True).close()
    assert lowered == []
    played(greys, blocking=False).close()
    assert lowered == ["television"]
