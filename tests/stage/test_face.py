"""A face for who draws it elsewhere: tracks that say what the stage would do, an atlas with every layer in its place,
and the examples by which the page's half is tried (``frontend/tests/face-examples.json``).
"""

from __future__ import annotations

import io
import json
import math
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from duologue.audio.pcm import RATE
from duologue.places import packs_folder
from duologue.speech.utterance import Mark, MarkKind, Utterance
from duologue.stage.baking.art import CharacterArt, Layer
from duologue.stage.baking.shelf import BakeShelf
from duologue.stage.lipsync.lipsync import mouth_track
from duologue.stage.motion.face import BLOCK, FRAME, FaceTrack, idle_track, laid, line_track, read
from duologue.stage.motion.pose import MAX_HEAD_ANGLE, MAX_SHIFT, Brows, Lids, Mouth, Pose
from duologue.stage.packs.atlas import Atlas, AtlasLayer, open_atlas
from duologue.stage.packs.loading import open_character

EXAMPLES = Path(__file__).parents[2] / "frontend" / "tests" / "face-examples.json"
CHAD = packs_folder() / "characters" / "chad"


def line(text: str = "People buy maps. They will not stop.", seconds: float = 2.0) -> Utterance:
    words = text.split()
    each = round(seconds * RATE / len(words))
    marks = tuple(
        Mark(MarkKind.WORD, word, index * each, (index + 1) * each, text.index(word))
        for index, word in enumerate(words)
    )
    return Utterance("u1", "chad", text, np.zeros(round(seconds * RATE), np.float32), marks=marks)


def test_idle_life_goes_on_from_block_to_block() -> None:
    first, second = idle_track("chad", 0), idle_track("chad", 1)
    assert (first.first, first.frames, second.first) == (0, BLOCK, BLOCK)
    assert set(first.mouths) <= set("Xsf") and "c" in first.lids
    last, following = read(first, BLOCK - 1), read(second, BLOCK)
    assert last is not None and following is not None
    assert abs(last.head_angle - following.head_angle) < 0.3
    assert math.dist(last.body, following.body) < 0.5
    assert idle_track("chad", 0) == first
    assert idle_track("virgin", 0) != first


def test_a_line_moves_the_mouth_as_the_stage_does_and_leaves_no_trace() -> None:
    spoken = line()
    track, mouth = line_track("chad", spoken), mouth_track(spoken)
    assert track.first <= 0
    for frame in range(track.first, track.first + track.frames):
        pose, at = read(track, frame), frame * FRAME
        assert pose is not None
        if mouth.begin <= at < mouth.end:
            assert pose.mouth is mouth.shape_at(at)
        if at <= 0:
            assert pose.head_angle == 0.0 and pose.head == (0.0, 0.0) and pose.body == (0.0, 0.0)
    assert len(set(track.mouths)) > 3
    final = read(track, track.first + track.frames - 1)
    assert final is not None
    assert abs(final.head_angle) < 0.3 and math.hypot(*final.head) < 0.5 and math.hypot(*final.body) < 0.5
    assert read(track, track.first - 1) is None and read(track, track.first + track.frames) is None


def test_what_is_written_is_read_back_to_the_hundredth() -> None:
    track = line_track("virgin", line("Really? I doubt that!"))
    assert len(track.values) == 7 * track.frames == 7 * len(track.lids) == 7 * len(track.brows)
    poses = [read(track, track.first + index) for index in range(track.frames)]
    assert any(pose is not None and pose.brows is not Brows.NEUTRAL for pose in poses)


def test_a_line_lies_over_idle_life() -> None:
    idle = Pose(Mouth.SMILE, Lids.CLOSED, Brows.KNIT, (0.5, 0.5), 1.0, (1.0, 2.0), (3.0, 4.0))
    spoken = Pose(Mouth.D, Lids.OPEN, Brows.RAISED, (0.1, 0.2), 0.5, (0.5, 0.5), (0.25, 0.25))
    assert laid(idle, None) is idle
    assert laid(idle, spoken) == Pose(
        Mouth.D, Lids.OPEN, Brows.RAISED, (0.1, 0.2), 1.5, (1.5, 2.5), (3.25, 4.25)
    )  # fmt: skip


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    return open_atlas(CHAD, BakeShelf(None), height=400)


def test_an_atlas_has_every_layer_as_it_was_drawn(atlas: Atlas) -> None:
    art: CharacterArt = open_character(CHAD, scale=atlas.scale).art(BakeShelf(None))
    with Image.open(io.BytesIO(atlas.png)) as picture:
        found = np.array(picture)
    given: dict[str, Layer | None] = {"body": art.body, "head": art.head, "hair": art.hair, "pupils": art.pupils}
    given |= {f"mouth.{mouth}": layer for mouth, layer in art.mouths.items()}
    given |= {f"brows.{brows}": layer for brows, layer in art.brows.items()}
    for name, layer in given.items():
        if layer is None:
            assert name not in atlas.layers
            continue
        place = atlas.layers[name]
        assert (place.x, place.y) == (layer.x, layer.y)
        cut = found[place.top : place.top + place.height, place.left : place.left + place.width]
        assert np.array_equal(cut[..., 3], layer.rgba[..., 3])
        assert np.array_equal(cut[layer.rgba[..., 3] > 0], layer.rgba[layer.rgba[..., 3] > 0])
    assert len(atlas.png) < 400_000


def test_no_two_pictures_of_an_atlas_touch(atlas: Atlas) -> None:
    boxes = {(each.left, each.top, each.width, each.height) for each in atlas.layers.values()}
    with Image.open(io.BytesIO(atlas.png)) as picture:
        covered = np.zeros((picture.height, picture.width), np.int32)
    for left, top, width, height in boxes:
        covered[top - 1 : top + height + 1, left - 1 : left + width + 1] += 1
    assert covered.max() == 2 or covered.max() == 1  # margins may share their pixel, pictures none
    inner = np.zeros_like(covered)
    for left, top, width, height in boxes:
        inner[top : top + height, left : left + width] += 1
    assert inner.max() == 1


# What both sides are held against

_LAYER = {"left": 0, "top": 0, "width": 10, "height": 10, "x": 95, "y": 40}
_ATLAS = {
    "width": 200, "height": 300, "scale": 0.5, "neck": [100.0, 120.0], "reach": [4.0, 2.0],
    "layers": {name: _LAYER for name in ("body", "head", "eyes", "pupils", "lids.closed", "mouth.X", "mouth.D")},
}  # fmt: skip


def corner(pose: Pose, name: str) -> tuple[float, float]:
    """Where the layer's corner comes to lie, by the rules of the compositor."""
    scale, (neck_x, neck_y) = 0.5, (100.0, 120.0)
    body = tuple(min(max(value, -MAX_SHIFT), MAX_SHIFT) * scale for value in pose.body)
    if name == "body":
        return _LAYER["x"] + body[0], _LAYER["y"] + body[1]
    head = tuple(min(max(value, -MAX_SHIFT), MAX_SHIFT) * scale for value in pose.head)
    turn = math.radians(min(max(pose.head_angle, -MAX_HEAD_ANGLE), MAX_HEAD_ANGLE))
    shift = (4.0 * pose.gaze[0], 2.0 * pose.gaze[1]) if name == "pupils" else (0.0, 0.0)
    x, y = _LAYER["x"] + shift[0] - neck_x, _LAYER["y"] + shift[1] - neck_y
    return (
        neck_x + body[0] + head[0] + math.cos(turn) * x - math.sin(turn) * y,
        neck_y + body[1] + head[1] + math.sin(turn) * x + math.cos(turn) * y,
    )


def examples() -> dict[str, Any]:
    track, idle = line_track("chad", line()), idle_track("chad", 0)
    short = FaceTrack(idle.first, idle.mouths[:90], idle.lids[:90], idle.brows[:90], idle.values[: 7 * 90])
    poses: list[dict[str, Any]] = []
    for frame in (-2, 0, 5, 17, 31, 44, 60, 80):
        beneath = read(short, max(0, frame))
        assert beneath is not None
        pose = laid(beneath, read(track, frame))
        places = {name: corner(pose, name) for name in ("body", "head", "pupils")}
        poses.append({"frame": frame, "pose": asdict(pose), "corners": places})
    return {"atlas": _ATLAS, "idle": asdict(short), "line": asdict(track), "poses": poses}


def test_the_page_is_held_against_the_same_examples() -> None:
    made = json.loads(json.dumps(examples()))
    if "DUOLOGUE_WRITE_EXAMPLES" in os.environ:
        EXAMPLES.write_text(json.dumps(made) + "\n", "utf-8")
    assert json.loads(EXAMPLES.read_text("utf-8")) == made
    assert AtlasLayer(**_LAYER)
