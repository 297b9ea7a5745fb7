from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pack_samples import CHARACTER_SVG, CHARACTER_TOML, ROOM_SVG, ROOM_TOML, write_character, write_room

from duologue.errors import InputError
from duologue.stage.baking.art import CharacterArt, Layer
from duologue.stage.baking.layers import premultiplied, stacked
from duologue.stage.baking.shelf import BakeShelf
from duologue.stage.motion.pose import Brows, Daylight, Lids, Mouth
from duologue.stage.packs.derive import MOUTH_FALLBACKS, all_mouths, turned_brows
from duologue.stage.packs.loading import load_character, load_room, open_room, read_character, read_room
from duologue.stage.packs.png import decode_png, resize
from duologue.stage.packs.view import View

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


def _assert_same(one: CharacterArt, other: CharacterArt) -> None:
    for mine, theirs in zip(one.mouths.values(), other.mouths.values(), strict=True):
        assert (mine.x, mine.y) == (theirs.x, theirs.y)
        np.testing.assert_array_equal(mine.rgba, theirs.rgba)
    np.testing.assert_array_equal(one.body.rgba, other.body.rgba)


def test_layers_are_cropped_to_what_is_visible(tmp_path: Path) -> None:
    art = load_character(write_character(tmp_path), scale=1.0)
    assert (art.width, art.height, art.seat, art.neck) == (300, 400, (150, 390), (150, 250))
    assert (art.body.x, art.body.y, art.body.rgba.shape) == (60, 240, (150, 180, 4))
    assert tuple(art.body.rgba[10, 10]) == (0x33, 0x55, 0x77, 255)
    assert (art.mouths[Mouth.A].x, art.mouths[Mouth.A].y) == (120, 195), "the ancestor's transform counts"
    assert art.hair is None


def test_manifest_has_voice_and_colour(tmp_path: Path) -> None:
    manifest = read_character(write_character(tmp_path))
    assert (manifest.voice["espeak"], manifest.title, manifest.colour) == ("en-us+m3", "Sam", "#aabbcc")


def test_a_manifest_that_begins_with_a_mark_of_its_order_as_those_of_windows_do(tmp_path: Path) -> None:
    file = write_character(tmp_path) / "character.toml"
    file.write_text(file.read_text("utf-8"), "utf-8-sig")
    assert read_character(file.parent).title == "Sam"


def test_hidden_layers_are_drawn_when_they_are_named(tmp_path: Path) -> None:
    art = load_character(write_character(tmp_path), scale=1.0)
    assert art.mouths[Mouth.D].rgba[..., 3].max() == 255


def test_scale_and_mirror(tmp_path: Path) -> None:
    folder = write_character(tmp_path)
    plain, turned = load_character(folder, scale=0.5), load_character(folder, scale=0.5, mirror=True)
    assert (plain.width, plain.height, plain.pupil_reach) == (150, 200, (3, 2))
    assert turned.seat == (75, 195)
    assert turned.head.x == plain.width - plain.head.x - plain.head.rgba.shape[1]
    np.testing.assert_array_equal(turned.head.rgba, plain.head.rgba[:, ::-1])


def test_missing_shapes_are_derived(tmp_path: Path) -> None:
    art = load_character(write_character(tmp_path), scale=1.0)
    assert set(art.mouths) == set(Mouth)
    assert art.mouths[Mouth.G] is art.mouths[Mouth.A]
    assert art.mouths[Mouth.H] is art.mouths[Mouth.C]
    assert art.mouths[Mouth.X] is art.mouths[Mouth.A]
    closed, half = art.lids[Lids.CLOSED], art.lids[Lids.HALF]
    assert (half.x, half.y) == (closed.x, closed.y)
    assert half.rgba.shape[0] == round(0.55 * closed.rgba.shape[0])
    assert art.brows[Brows.RAISED].y == art.brows[Brows.NEUTRAL].y - 14
    assert set(art.brows) == set(Brows)


def _height_at(layer: Layer, column: int) -> float:
    rows = np.flatnonzero(layer.rgba[:, column, 3] > 128)
    return layer.y + float(rows.mean())


def test_knit_brows_go_down_toward_the_nose_and_worried_ones_up(tmp_path: Path) -> None:
    brows = load_character(write_character(tmp_path), scale=1.0).brows
    knit, worried = brows[Brows.KNIT], brows[Brows.WORRIED]
    middle, width = knit.rgba.shape[1] // 2, knit.rgba.shape[1]
    assert _height_at(knit, middle - 14) > _height_at(knit, 6) + 5
    assert _height_at(knit, middle + 14) > _height_at(knit, width - 6) + 5
    assert _height_at(worried, middle - 14) < _height_at(worried, 6) - 5


def test_brows_that_do_not_turn_stay(tmp_path: Path) -> None:
    neutral = load_character(write_character(tmp_path), scale=1.0).brows[Brows.NEUTRAL]
    still = turned_brows(neutral, 0.0, 0.0)
    assert (still.x, still.y) == (neutral.x, neutral.y)
    np.testing.assert_allclose(still.rgba.astype(int), neutral.rgba.astype(int), atol=2)


@given(st.sets(st.sampled_from(list(Mouth))))
def test_every_mouth_has_a_stand_in(given_shapes: set[Mouth]) -> None:
    shapes = given_shapes | {Mouth.X, Mouth.D}
    layers = {shape: Layer(np.full((1, 1, 4), index, np.uint8), 0, 0) for index, shape in enumerate(shapes)}
    mouths = all_mouths(layers)
    assert set(mouths) == set(Mouth)
    assert all(mouths[shape] is layers[shape] for shape in shapes)
    assert MOUTH_FALLBACKS.keys() == set(Mouth)


def test_no_lids_means_no_blinks(tmp_path: Path) -> None:
    toml = CHARACTER_TOML.replace('[layers.lids]\nclosed = "sam.svg#closed"\n', "")
    assert load_character(write_character(tmp_path, toml=toml), scale=1.0).lids == {}


def test_cache_gives_the_same_pictures_and_survives_damage(tmp_path: Path) -> None:
    folder, cache = write_character(tmp_path), tmp_path / "cache"
    fresh = load_character(folder, scale=1.0, cache=cache)
    (kept,) = cache.rglob("*.arrays")
    _assert_same(load_character(folder, scale=1.0, cache=cache), fresh)
    kept.write_bytes(kept.read_bytes()[:-200])
    _assert_same(load_character(folder, scale=1.0, cache=cache), fresh)
    kept.write_bytes(b"not arrays")
    _assert_same(load_character(folder, scale=1.0, cache=cache), fresh)
    assert kept.stat().st_size > 1000, "it was made again"


def test_of_a_room_only_the_asked_time_of_day_is_drawn(tmp_path: Path) -> None:
    folder, shelf = write_room(tmp_path), BakeShelf(tmp_path / "cache")
    whole = load_room(folder, 960, 540)
    for daylight in Daylight:
        for _ in ("drawn", "from the shelf"):
            art = open_room(folder, 960, 540).art(shelf, (daylight,))
            assert list(art.backdrops) == [daylight]
            assert np.array_equal(art.backdrops[daylight].rgba, whole.backdrops[daylight].rgba)
    keys = {open_room(folder, 960, 540).key((daylight,)) for daylight in Daylight}
    assert len(keys) == len(list((tmp_path / "cache").iterdir()))


def test_a_changed_file_is_drawn_anew(tmp_path: Path) -> None:
    folder, cache = write_character(tmp_path), tmp_path / "cache"
    load_character(folder, scale=1.0, cache=cache)
    (folder / "sam.svg").write_text(CHARACTER_SVG.replace("#335577", "#ff0000"))
    assert tuple(load_character(folder, scale=1.0, cache=cache).body.rgba[9, 9]) == (255, 0, 0, 255)


def test_a_cache_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert load_character(write_character(tmp_path), scale=1.0, cache=blocked / "in").body.x == 60


def test_room(tmp_path: Path) -> None:
    room = load_room(write_room(tmp_path), 1920, 1080)
    first, second = room.seats
    assert (first.x, first.y, first.scale, first.mirror) == (560, 1000, 1.0, False)
    assert (second.scale, second.mirror) == (0.8, True)
    assert room.screen == ((820, 300), (1120, 310), (1118, 480), (822, 490))
    assert tuple(room.backdrops[Daylight.DAY].rgba[0, 0]) == (0x80, 0x90, 0xA0, 255)
    assert tuple(room.backdrops[Daylight.NIGHT].rgba[500, 500]) == (64, 72, 128, 255), "the day in the night's tint"
    assert room.lamp_glow is not None
    assert (room.lamp_glow.x, room.lamp_glow.y, room.lamp_glow.rgba.shape) == (1200, 200, (200, 200, 4))
    assert room.tints[Daylight.NIGHT] == (0.5, 0.5, 0.8)


def test_room_of_another_shape_is_cropped_on_both_sides(tmp_path: Path) -> None:
    room = load_room(write_room(tmp_path), 640, 480)
    assert room.backdrops[Daylight.DAY].rgba.shape == (480, 640, 4)
    scale = 480 / 540
    assert room.seats[0].x == pytest.approx(280 * scale - (853 - 640) // 2, abs=0.6)
    assert room.seats[0].y == pytest.approx(500 * scale, abs=0.1)


def test_a_layer_that_lies_where_another_shape_is_cropped_is_left_out(tmp_path: Path) -> None:
    """A very wide stage sees neither the floor nor the ceiling: what is drawn there is no fault of the room's."""
    svg = ROOM_SVG.replace("</svg>", '<rect id="table" y="500" width="960" height="40" fill="#402010"/></svg>')
    room = write_room(tmp_path, svg=svg, toml=ROOM_TOML.replace("[tv]", 'foreground = "den.svg#table"\n[tv]'))
    assert load_room(room, 960, 540).foreground is not None
    wide = load_room(room, 960, 300)
    assert wide.foreground is None
    assert wide.lamp_glow is not None


def test_a_see_through_backdrop_becomes_black(tmp_path: Path) -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 54"><rect id="day" width="48" height="54"/></svg>'
    toml = ROOM_TOML.replace('lamp_glow = "den.svg#glow"\n', "")
    backdrop = load_room(write_room(tmp_path, svg=svg, toml=toml), 960, 540).backdrops[Daylight.DAY]
    assert backdrop.rgba.shape == (540, 960, 4)
    assert tuple(backdrop.rgba[0, 959]) == (0, 0, 0, 255)


@pytest.mark.parametrize(
    ("old", "new", "key", "remedy"),
    [
        ('colour = "#aabbcc"', 'color = "#aabbcc"', "color", "'colour'"),
        ('colour = "#aabbcc"', 'colour = "blue"', "colour", "#rrggbb"),
        ("canvas = [300, 400]", "canvas = [300, 40000]", "canvas[1]", ""),
        ("seat = [150, 390]", "seat = [150]", "seat[1]", ""),
        ("seat = [150, 390]", "seat = [150, nan]", "seat[1]", ""),
        ("seat = [150, 390]\n", "", "seat", "Add it"),
        ('name = "sam"', 'name = "tom"', "name", 'name = "sam"'),
        ('name = "sam"', 'name = "Sam S."', "name", "letters a to z, digits"),
        ("format = 1", "format = 2", "format", "1"),
        ('body = "sam.svg#body"', 'body = "../sam.svg#body"', "layers.body", "of this folder"),
        ('body = "sam.svg#body"', 'body = "/etc/passwd"', "layers.body", "of this folder"),
        ('body = "sam.svg#body"', "body = []", "layers.body", ""),
        ('body = "sam.svg#body"', 'body = "nix.svg#body"', "layers.body", "sam.svg"),
        ('body = "sam.svg#body"', 'body = "sam.svg#boby"', "layers.body", "'body'"),
        ('A = "sam.svg#mouth-a"\n', "", "layers.mouths", "A or X"),
        ('A = "sam.svg#mouth-a"', 'Q = "sam.svg#mouth-a"', "layers.mouths.Q", "'A'"),
        ('neutral = "sam.svg#brows"', 'raised = "sam.svg#brows"', "layers.brows", "neutral"),
        ("[voice]", "[voice", "", "line"),
    ],
)
def test_a_wrong_manifest_names_file_key_and_remedy(tmp_path: Path, old: str, new: str, key: str, remedy: str) -> None:
    assert old in CHARACTER_TOML
    folder = write_character(tmp_path, toml=CHARACTER_TOML.replace(old, new))
    with pytest.raises(InputError) as caught:
        load_character(folder, scale=1.0)
    assert str(folder) in caught.value.where
    assert key in caught.value.where
    assert remedy in caught.value.remedy
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        (
            "[[410, 150], [560, 155], [559, 240], [411, 245]]",
            "[[410, 150], [559, 240], [560, 155], [411, 245]]",
            "tv.screen",
        ),
        ("[[410, 150], [560, 155], [559, 240], [411, 245]]", "[[410, 150], [560, 155], [559, 240]]", "tv.screen[3]"),
        ("tint = [0.5, 0.5, 0.8]", "tint = [0.5, -1, 0.8]", "light.night.tint[1]"),
        ("[[seats]]\nat = [280, 500]\n", "", "seats"),
        ("scale = 0.8", "scale = 0", "seats[1].scale"),
        ('day = "den.svg#day"\n', "", "layers.day"),
    ],
)
def test_a_wrong_room_names_its_key(tmp_path: Path, old: str, new: str, key: str) -> None:
    assert old in ROOM_TOML
    with pytest.raises(InputError) as caught:
        read_room(write_room(tmp_path, toml=ROOM_TOML.replace(old, new)))
    assert caught.value.where.endswith(f": {key}")


def test_a_folder_without_a_pack(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file") as caught:
        read_character(tmp_path)
    assert "pack new" not in caught.value.remedy
    (tmp_path / "Talking.PNG").touch()  # pictures, of which no character was made yet
    with pytest.raises(InputError) as caught:
        read_character(tmp_path)
    assert f"duologue pack new {tmp_path}" in caught.value.remedy


def test_what_else_is_wrong_with_a_manifest_is_counted(tmp_path: Path) -> None:
    toml = CHARACTER_TOML.replace('name = "sam"', 'name = "S"').replace('colour = "#aabbcc"', 'colour = "blue"')
    with pytest.raises(InputError, match="'S' is not a pack's name") as caught:
        read_character(write_character(tmp_path, toml=toml))
    assert "1 more value is wrong" in caught.value.remedy


def _png_character(parent: Path, body: bytes) -> Path:
    folder = write_character(parent, toml=CHARACTER_TOML.replace("sam.svg#body", "body.png"))
    (folder / "body.png").write_bytes(body)
    return folder


def _png(width: int, height: int) -> bytes:
    picture = np.zeros((height, width, 4), np.uint8)
    picture[height // 2 :, width // 4 : width // 2] = (255, 255, 255, 255)
    done, data = cv2.imencode(".png", picture)
    assert done
    return data.tobytes()


def test_png_layers(tmp_path: Path) -> None:
    art = load_character(_png_character(tmp_path, _png(300, 400)), scale=0.5)
    assert (art.body.x, art.body.y, art.body.rgba.shape) == (37, 100, (100, 38, 4))
    assert art.body.rgba[..., :3][art.body.rgba[..., 3] > 0].min() == 255, "no dark edge"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (_png(200, 400), "200 x 400"),
        (b"GIF89a" + bytes(40), "not a PNG"),
        (_png(300, 400)[:-400], "broken"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x4e\x20\x00\x00\x4e\x20\x08\x06" + bytes(20), "20000 x 20000"),
        (b"", "not a PNG"),
    ],
)
def test_a_wrong_png_is_refused(tmp_path: Path, data: bytes, what: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        load_character(_png_character(tmp_path, data), scale=1.0)
    assert "body.png" in caught.value.where
    assert "layers.body" in caught.value.where


def test_an_empty_layer_is_refused(tmp_path: Path) -> None:
    svg = CHARACTER_SVG.replace('<g id="body">', '<g id="body" opacity="0">')
    with pytest.raises(InputError, match="nothing is visible"):
        load_character(write_character(tmp_path, svg=svg), scale=1.0)


def test_a_link_out_of_the_pack_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.svg").write_text(CHARACTER_SVG)
    folder = write_character(tmp_path, toml=CHARACTER_TOML.replace("sam.svg#body", "link.svg#body"))
    (folder / "link.svg").symlink_to(tmp_path / "secret.svg")
    with pytest.raises(InputError, match="outside the pack"):
        load_character(folder, scale=1.0)


def test_a_stack_is_drawn_in_its_order(tmp_path: Path) -> None:
    toml = CHARACTER_TOML.replace('"sam.svg#body"', '["sam.svg#head", "sam.svg#body"]')
    both = load_character(write_character(tmp_path, toml=toml), scale=1.0).body
    assert (both.x, both.y) == (60, 30)
    assert tuple(both.rgba[245 - 30, 150 - 60]) == (0x33, 0x55, 0x77, 255), "the body is over the head"


def test_stacking_is_the_over_operator() -> None:
    lower = Layer(np.full((2, 2, 4), (255, 0, 0, 255), np.uint8), 0, 0)
    upper = Layer(np.full((2, 2, 4), (0, 0, 255, 128), np.uint8), 1, 1)
    both = stacked([lower, upper])
    assert both.rgba.shape == (3, 3, 4)
    assert tuple(both.rgba[1, 1]) == (127, 0, 128, 255)
    assert tuple(both.rgba[2, 2]) == (0, 0, 255, 128)
    assert both.rgba[0, 2, 3] == 0


def test_shrinking_keeps_colours_at_soft_edges() -> None:
    picture = np.zeros((40, 40, 4), np.uint8)
    picture[:, 15:] = (200, 100, 50, 255)
    small = resize(picture, (16, 16))
    seen = small[small[..., 3] > 8]
    np.testing.assert_allclose(seen[:, :3].astype(int), np.full((len(seen), 3), (200, 100, 50)), atol=2)
    assert premultiplied(small)[..., :3].max() <= 1


def test_a_grey_of_sixteen_bits_is_as_grey_as_it_was() -> None:
    greys = np.arange(256).astype(np.uint16).reshape(16, 16) * 256
    done, data = cv2.imencode(".png", greys)
    assert done
    picture = decode_png(data.tobytes(), "glow.png")
    assert picture[..., :3].reshape(-1, 3).tolist() == [[grey] * 3 for grey in range(256)]
    assert (picture[..., 3] == 255).all()


@given(st.integers(16, 4000), st.integers(16, 4000), st.integers(160, 1920), st.integers(90, 1080))
def test_a_room_always_covers_the_stage(across: int, down: int, width: int, height: int) -> None:
    view = View.cover((across, down), (width, height))
    assert view.full[0] >= width
    assert view.full[1] >= height
    assert 0 <= view.offset[0] <= view.full[0] - width
    assert view.scale[0] == pytest.approx(view.scale[1], rel=0.2)
