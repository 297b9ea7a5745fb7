from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from duologue.cli.main import build
from duologue.errors import InputError
from duologue.language.persona import load_persona
from duologue.stage.baking.art import Layer, Rgba
from duologue.stage.motion.pose import Lids, Mouth
from duologue.stage.packs.check import Severity, check_pack, difference
from duologue.stage.packs.loading import load_character
from duologue.stage.packs.new import HEIGHT, PictureRole, find_pictures, new_character, role_of

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


SKIN, DARK, WHITE = (120, 170, 230, 255), (30, 20, 40, 255), (255, 255, 255, 255)


def _picture(*, talking: bool, blink: bool, shift: int = 0) -> Rgba:
    """A face with an outline, eyes and a mouth, BGRA."""
    picture = np.zeros((500, 400, 4), np.uint8)
    cv2.ellipse(picture, (200 + shift, 250), (150, 220), 0, 0, 360, SKIN, -1, cv2.LINE_AA)
    cv2.ellipse(picture, (200 + shift, 250), (150, 220), 0, 0, 360, DARK, 6, cv2.LINE_AA)
    for x in (140, 260):
        if blink:
            cv2.line(picture, (x - 28 + shift, 200), (x + 28 + shift, 200), DARK, 6, cv2.LINE_AA)
        else:
            cv2.circle(picture, (x + shift, 195), 28, WHITE, -1, cv2.LINE_AA)
            cv2.circle(picture, (x + shift, 195), 12, DARK, -1, cv2.LINE_AA)
    if talking:
        cv2.ellipse(picture, (200 + shift, 350), (45, 40), 0, 0, 360, (60, 40, 150, 255), -1, cv2.LINE_AA)
    else:
        cv2.line(picture, (160 + shift, 345), (240 + shift, 345), DARK, 5, cv2.LINE_AA)
    return picture


def _folder(parent: Path, *roles: PictureRole, name: str = "my-fox") -> Path:
    folder = parent / name
    folder.mkdir()
    for role in roles:
        picture = _picture(talking=role.value.startswith("talking"), blink=role.value.endswith("blink"))
        cv2.imwrite(str(folder / f"{role.value}.png"), picture)
    return folder


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("idle", PictureRole.IDLE),
        ("talking", PictureRole.TALKING),
        ("blink", PictureRole.BLINK),
        ("talking-blink", PictureRole.TALKING_BLINK),
        ("Talk Blink", PictureRole.TALKING_BLINK),
        ("speaking", PictureRole.TALKING),
        ("mouth_open_eyes_open", PictureRole.TALKING),
        ("mouth_closed_eyes_open", PictureRole.IDLE),
        ("Mouth Closed Eyes Closed", PictureRole.BLINK),
        ("MouthOpenEyesClosed", PictureRole.TALKING_BLINK),
        ("eyes-open-mouth-closed", PictureRole.IDLE),
        ("eyes-closed-mouth-open", PictureRole.TALKING_BLINK),
        ("open-mouth", PictureRole.TALKING),
        ("closed-eyes", PictureRole.BLINK),
        ("fox_open", PictureRole.TALKING),
        ("fox", PictureRole.IDLE),
    ],
)
def test_usual_names_are_understood(name: str, role: PictureRole) -> None:
    assert role_of(name) is role


def test_four_pictures_become_a_character_without_errors(tmp_path: Path) -> None:
    made = new_character(_folder(tmp_path, *PictureRole), title='The "Fox"')
    assert [one for one in check_pack(made.folder) if one.severity is Severity.ERROR] == []
    art = load_character(made.folder, scale=1.0)
    assert art.name == "my-fox"
    assert HEIGHT <= art.height <= HEIGHT + 40
    assert set(art.lids) == {Lids.HALF, Lids.CLOSED}
    assert load_persona(made.folder / "persona.toml").name == "my-fox"
    assert 'title = "The \\"Fox\\""' in (made.folder / "character.toml").read_text()


def test_all_mouths_differ_and_lie_on_the_mouth(tmp_path: Path) -> None:
    art = load_character(new_character(_folder(tmp_path, PictureRole.IDLE, PictureRole.TALKING)).folder, scale=1.0)
    shapes = [art.mouths[shape] for shape in (Mouth.A, Mouth.B, Mouth.C, Mouth.D, Mouth.E, Mouth.F, Mouth.G, Mouth.H)]
    for index, one in enumerate(shapes):
        assert one.y > art.height // 2, "below the eyes"
        for other in shapes[index + 1 :]:
            assert difference(one, other) > 0.04


def _dark_pixels(layer: Layer) -> int:
    return int(((layer.rgba[..., :3].max(axis=2) < 90) & (layer.rgba[..., 3] > 200)).sum())


def test_the_closed_mouths_line_is_gone_under_a_squeezed_one(tmp_path: Path) -> None:
    art = load_character(new_character(_folder(tmp_path, PictureRole.IDLE, PictureRole.TALKING)).folder, scale=1.0)
    assert _dark_pixels(art.mouths[Mouth.A]) > 300, "the line"
    assert _dark_pixels(art.mouths[Mouth.F]) < 30, "F is narrow: nothing of the line shows beside it"


@pytest.mark.slow
def test_drawn_together_the_layers_are_the_pictures(tmp_path: Path) -> None:
    folder = new_character(_folder(tmp_path, *PictureRole)).folder
    art = load_character(folder, scale=1.0)
    head = cv2.imread(str(folder / "layers" / "head.png"), cv2.IMREAD_UNCHANGED)
    assert head is not None
    base = np.asarray(cv2.cvtColor(head, cv2.COLOR_BGRA2RGB), np.float32)
    for layer in (art.mouths[Mouth.X], art.mouths[Mouth.A]):
        height, width = layer.rgba.shape[:2]
        below = base[layer.y : layer.y + height, layer.x : layer.x + width]
        alpha = layer.rgba[..., 3:] / np.float32(255)
        seen = below * (1 - alpha) + layer.rgba[..., :3] * alpha
        assert float(np.abs(seen - below).max()) <= 3, "the closed mouth changes nothing"


def test_two_pictures_suffice(tmp_path: Path) -> None:
    made = new_character(_folder(tmp_path, PictureRole.IDLE, PictureRole.TALKING))
    assert load_character(made.folder, scale=1.0).lids == {}
    assert any("does not blink" in note for note in made.notes)


@pytest.mark.slow
def test_a_missing_idle_is_made_of_the_others(tmp_path: Path) -> None:
    made = new_character(_folder(tmp_path, PictureRole.TALKING, PictureRole.BLINK, PictureRole.TALKING_BLINK))
    assert any(note.startswith("idle: made from blink") for note in made.notes)
    head = cv2.imread(str(made.folder / "layers" / "head.png"), cv2.IMREAD_UNCHANGED)
    assert head is not None
    eyes = head[head.shape[0] // 4 : head.shape[0] // 2]
    assert (eyes[..., :3].min(axis=2) > 240).sum() > 500, "the eyes are open"


@pytest.mark.parametrize("shift", [4, 100])
def test_pictures_that_move_as_a_whole_are_switched(tmp_path: Path, shift: int) -> None:
    folder = _folder(tmp_path, PictureRole.IDLE)
    cv2.imwrite(str(folder / "talking.png"), _picture(talking=True, blink=False, shift=shift))
    made = new_character(folder)
    assert any("whole pictures are switched" in note for note in made.notes)
    art = load_character(made.folder, scale=1.0)
    assert art.mouths[Mouth.D].rgba.shape[0] > 500


def test_roles_can_be_given(tmp_path: Path) -> None:
    folder = tmp_path / "fox"
    folder.mkdir()
    for name, talking in (("a", False), ("b", True)):
        cv2.imwrite(str(folder / f"{name}.png"), _picture(talking=talking, blink=False))
    with pytest.raises(InputError, match=r"both a\.png and b\.png"):
        find_pictures(folder, {})
    assert find_pictures(folder, {PictureRole.TALKING: folder / "b.png"}) == {
        PictureRole.TALKING: folder / "b.png",
        PictureRole.IDLE: folder / "a.png",
    }


def test_wrong_folders_and_pictures(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        new_character(tmp_path / "nix")
    with pytest.raises(InputError, match="cannot be a character's name"):
        new_character(_folder(tmp_path, PictureRole.IDLE, PictureRole.TALKING, name="My Fox"))
    with pytest.raises(InputError, match="cannot be a character's name"):
        new_character(_folder(tmp_path, PictureRole.IDLE, PictureRole.TALKING, name="fox" * 14))
    with pytest.raises(InputError, match=r"idle\.png \(idle\)"):
        new_character(_folder(tmp_path, PictureRole.IDLE, name="alone"))
    folder = _folder(tmp_path, PictureRole.IDLE, PictureRole.TALKING)
    with pytest.raises(InputError, match="title has 61 characters"):
        new_character(folder, title="x" * 61)
    assert not (folder / "persona.toml").exists(), "nothing was written that another try would find"
    cv2.imwrite(str(folder / "talking.png"), _picture(talking=False, blink=False))
    with pytest.raises(InputError, match="are the same"):
        new_character(folder)
    cv2.imwrite(str(folder / "talking.png"), np.zeros((9, 9, 4), np.uint8))
    with pytest.raises(InputError, match="different sizes"):
        new_character(folder)
    (folder / "talking.png").write_bytes(b"GIF")
    with pytest.raises(InputError, match="not a PNG"):
        new_character(folder)


@pytest.mark.slow
def test_a_pack_is_not_overwritten_unasked(tmp_path: Path) -> None:
    folder = _folder(tmp_path, PictureRole.IDLE, PictureRole.TALKING)
    new_character(folder)
    (folder / "persona.toml").write_text("mine")
    with pytest.raises(InputError, match="a pack already"):
        new_character(folder)
    new_character(folder, replace=True)
    assert (folder / "persona.toml").read_text() == "mine", "what a person wrote is kept"


@pytest.mark.slow
def test_the_command_says_what_it_did(tmp_path: Path) -> None:
    words = [
        "pack",
        "new",
        str(_folder(tmp_path, PictureRole.IDLE, PictureRole.TALKING, PictureRole.BLINK)),
        "--voice",
        "en-gb+f4",
    ]
    result = CliRunner().invoke(build(words), words)
    assert result.exit_code == 0, result.output
    assert "duologue show --cast" in result.output
    assert "Mouth: found" in result.output
    assert "Lids: found" in result.output


@pytest.mark.slow
def test_the_command_does_not_call_good_what_the_check_refuses(tmp_path: Path) -> None:
    folder = str(_folder(tmp_path, PictureRole.IDLE, PictureRole.TALKING))
    words = ["pack", "new", folder, "--voice", "en-gb?speed=170"]
    result = CliRunner().invoke(build(words), words)
    assert result.exit_code == 1, result.output
    assert "no parameter 'speed'" in result.output
    assert "See it" not in result.output
    words = ["pack", "new", folder, "--replace"]
    made = CliRunner().invoke(build(words), words).output
    words = ["pack", "check", folder]
    assert made.splitlines()[-2] == CliRunner().invoke(build(words), words).output.splitlines()[-1]
