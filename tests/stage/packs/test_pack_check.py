from __future__ import annotations

from pathlib import Path

import pytest
from pack_samples import CHARACTER_SVG, CHARACTER_TOML, ROOM_TOML, write_character, write_room

from duologue.places import packs_folder
from duologue.stage.packs.check import Finding, Severity, check_pack

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


def _keys(findings: list[Finding], severity: Severity) -> set[str]:
    return {one.key for one in findings if one.severity is severity}


@pytest.mark.parametrize("pack", ["characters/chad", "characters/virgin", "rooms/living-room"])
def test_what_ships_has_no_errors(pack: str) -> None:
    assert _keys(check_pack(packs_folder() / pack), Severity.ERROR) == set()


def test_all_errors_are_found_not_only_the_first(tmp_path: Path) -> None:
    toml = CHARACTER_TOML.replace('colour = "#aabbcc"', 'color = "blue"').replace(
        "canvas = [300, 400]", 'canvas = "big"'
    )
    assert _keys(check_pack(write_character(tmp_path, toml=toml)), Severity.ERROR) == {"color", "canvas"}


def test_errors_of_several_layers(tmp_path: Path) -> None:
    toml = CHARACTER_TOML.replace("#pupils", "#pupil").replace("sam.svg#eyes", "nix.png")
    findings = check_pack(write_character(tmp_path, toml=toml))
    assert _keys(findings, Severity.ERROR) == {"layers.pupils", "layers.eyes"}
    files = {one.key: Path(one.file).name for one in findings if one.severity is Severity.ERROR}
    assert files == {"layers.pupils": "sam.svg", "layers.eyes": "character.toml"}


def test_derived_shapes_are_said(tmp_path: Path) -> None:
    keys = _keys(check_pack(write_character(tmp_path)), Severity.WARNING)
    assert {"layers.mouths.B", "layers.mouths.X", "layers.lids.half"} <= keys
    assert "layers.brows.neutral" not in keys


def test_mouths_that_look_alike(tmp_path: Path) -> None:
    toml = CHARACTER_TOML.replace("#mouth-d", "#mouth-c")
    findings = check_pack(write_character(tmp_path, toml=toml))
    assert [one.what for one in findings if one.key == "layers.mouths.D"] == ["it looks like C"]


def test_pupils_outside_the_eyes(tmp_path: Path) -> None:
    svg = CHARACTER_SVG.replace('<g id="pupils">', '<g id="pupils" transform="translate(0 60)">')
    assert "layers.pupils" in _keys(check_pack(write_character(tmp_path, svg=svg)), Severity.WARNING)


def test_a_drawing_that_leaves_the_canvas(tmp_path: Path) -> None:
    svg = CHARACTER_SVG.replace('<rect x="60" y="240"', '<rect x="-25" y="240"')
    (finding,) = [one for one in check_pack(write_character(tmp_path, svg=svg)) if one.key == "layers.body"]
    assert "left" in finding.what
    assert "right" not in finding.what


def test_a_room_with_points_outside(tmp_path: Path) -> None:
    toml = ROOM_TOML.replace("at = [280, 500]", "at = [280, 5000]")
    assert _keys(check_pack(write_room(tmp_path, toml=toml)), Severity.WARNING) == {
        "seats[0].at", "layers.evening", "layers.night",
    }  # fmt: skip


def test_a_room_that_is_see_through(tmp_path: Path) -> None:
    toml = ROOM_TOML.replace("den.svg#day", "den.svg#glow")
    assert "layers.day" in _keys(check_pack(write_room(tmp_path, toml=toml)), Severity.WARNING)


def test_a_folder_without_a_pack(tmp_path: Path) -> None:
    (finding,) = check_pack(tmp_path)
    assert (finding.severity, "no such file" in finding.what) == (Severity.ERROR, True)
