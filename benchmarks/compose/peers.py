"""The peers of the compositor: the same layers at the same places, given to sharp and to an ffmpeg overlay chain."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from duologue.stage.baking.art import CharacterArt, Layer, RoomArt
from duologue.stage.motion.pose import Brows, Daylight, Lids, Mouth
from duologue.stage.television.picture import TvPicture

SHARP = Path(__file__).parents[1] / "peers" / "sharp"


@dataclass(frozen=True, slots=True)
class Overlay:
    """A layer on the stage; ``turns`` if it follows a head: a chain that does all we do must turn it."""

    layer: Layer
    turns: bool = False


@dataclass(frozen=True, slots=True)
class SharpTimes:
    """Milliseconds of each frame, JPEG to JPEG and raw to raw, and the mean CPU milliseconds of a frame of each."""

    version: str
    threads: int
    jpeg: list[float]
    raw: list[float]
    jpeg_cpu: float
    raw_cpu: float


def overlays_of(room: RoomArt, cast: Sequence[CharacterArt], tv: TvPicture | None) -> list[Overlay]:
    """What is over the backdrop in a frame of speech, bottom first."""
    overlays = [] if tv is None else [Overlay(_screen(tv))]
    overlays += [] if room.screen_overlay is None else [Overlay(room.screen_overlay)]
    for art, seat in zip(cast, room.seats, strict=False):
        lid = art.lids.get(Lids.OPEN)
        face = art.head, art.eyes, art.pupils, lid, art.mouths[Mouth.D], art.brows.get(Brows.RAISED), art.hair
        x, y = round(seat.x - art.seat[0]), round(seat.y - art.seat[1])
        parts = [(art.body, False), *((part, True) for part in face)]
        overlays += [Overlay(Layer(p.rgba, p.x + x, p.y + y), turns) for p, turns in parts if p is not None]
    return overlays + ([] if room.foreground is None else [Overlay(room.foreground)])


def _screen(tv: TvPicture) -> Layer:
    """The TV's picture as a layer; its colours are of no account to a stop-watch."""
    sprite = tv.sprite
    rgba = np.dstack([sprite.luma, sprite.luma, sprite.luma, 255 - sprite.keep])
    return Layer(np.ascontiguousarray(rgba), sprite.left, sprite.top)


def export(room: RoomArt, overlays: Sequence[Overlay], folder: Path) -> None:
    """Write the room as JPEG and PNG, the layers as PNGs, and ``layers.json`` with their places."""
    backdrop = room.backdrops[Daylight.EVENING].rgba[..., 2::-1]
    cv2.imwrite(str(folder / "room.jpg"), backdrop, [cv2.IMWRITE_JPEG_QUALITY, 90])
    cv2.imwrite(str(folder / "room.png"), backdrop)
    places: list[dict[str, str | int | bool]] = []
    for index, overlay in enumerate(overlays):
        inside = _inside(overlay.layer, room.width, room.height)
        cv2.imwrite(str(folder / f"{index}.png"), cv2.cvtColor(inside.rgba, cv2.COLOR_RGBA2BGRA))
        places.append({"file": f"{index}.png", "left": inside.x, "top": inside.y, "turns": overlay.turns})
    (folder / "layers.json").write_text(json.dumps({"room": "room.jpg", "overlays": places}))


def _inside(layer: Layer, width: int, height: int) -> Layer:
    """Cut what nobody sees: sharp refuses a layer that is larger than the picture."""
    left, top = max(layer.x, 0), max(layer.y, 0)
    shown = layer.rgba[top - layer.y : height - layer.y, left - layer.x : width - layer.x]
    return Layer(np.ascontiguousarray(shown), left, top)


def sharp_times(folder: Path, count: int) -> SharpTimes | None:
    """Run sharp on an exported folder, installing it first; None when node or npm is not there."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    if not (SHARP / "node_modules" / "sharp").is_dir():
        subprocess.run([npm, "ci", "--no-audit", "--no-fund", "--silent"], cwd=SHARP, check=True)
    command = [node, str(SHARP / "run.mjs"), str(folder), str(count)]
    answer = json.loads(subprocess.run(command, cwd=SHARP, check=True, capture_output=True).stdout)
    return SharpTimes(**answer)


def ffmpeg_cpu(folder: Path, *, turning: bool, frames: int = 60) -> float | None:
    """Milliseconds of CPU a frame of an ffmpeg overlay chain takes; None without ffmpeg.

    Every picture is decoded and converted once; all overlays move, by whole pixels, since ``overlay`` knows no others.
    With ``turning`` the layers of the heads are turned too, as ours are. What starting costs is taken off by running it
    twice.
    """
    if shutil.which("ffmpeg") is None:
        return None
    return (_chain(folder, frames + 10, turning) - _chain(folder, 10, turning)) / frames


def _chain(folder: Path, frames: int, turning: bool) -> float:
    """CPU milliseconds of a run."""
    overlays = json.loads((folder / "layers.json").read_text())["overlays"]
    inputs = ["-i", "room.png"]
    graph = ["[0]format=yuv420p,loop=loop=-1:size=1,fps=30[s0]"]
    for index, overlay in enumerate(overlays):
        inputs += ["-i", overlay["file"]]
        x, y = f"{overlay['left']}+3*sin(n/9)", f"{overlay['top']}+3*cos(n/9)"
        turn = ",loop=loop=-1:size=1,fps=30,rotate=a='0.06*sin(n/15)':c=none" if turning and overlay["turns"] else ""
        graph.append(f"[{index + 1}]format=yuva420p{turn}[l{index}]")
        graph.append(f"[s{index}][l{index}]overlay=x='{x}':y='{y}':format=yuv420[s{index + 1}]")
    command = ["ffmpeg", "-v", "error", "-nostdin", *inputs, "-filter_complex", ";".join(graph)]
    command += ["-map", f"[s{len(overlays)}]", "-frames:v", str(frames), "-f", "null", "-"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000
