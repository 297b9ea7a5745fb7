"""Small packs for the tests of the loader."""

from __future__ import annotations

from pathlib import Path

CHARACTER_SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 400">
  <defs><linearGradient id="skin"><stop offset="0" stop-color="#e8a878"/><stop offset="1" stop-color="#c88858"/>
  </linearGradient></defs>
  <g id="body"><rect x="60" y="240" width="180" height="150" fill="#335577"/></g>
  <g id="all-head" transform="translate(10 0)">
    <g id="head"><ellipse cx="140" cy="140" rx="90" ry="110" fill="url(#skin)"/></g>
    <g id="eyes" fill="#ffffff"><circle cx="105" cy="120" r="22"/><circle cx="175" cy="120" r="22"/></g>
    <g id="pupils"><circle cx="105" cy="120" r="9"/><circle cx="175" cy="120" r="9"/></g>
    <g id="closed" fill="#d09060"><rect x="80" y="95" width="50" height="50"/>
      <rect x="150" y="95" width="50" height="50"/></g>
    <g id="brows" fill="#402000"><rect x="80" y="80" width="50" height="8"/>
      <rect x="150" y="80" width="50" height="8"/></g>
    <g id="mouth-a" style="display:none"><rect x="110" y="195" width="60" height="6" fill="#802020"/></g>
    <g id="mouth-c" style="display:none"><ellipse cx="140" cy="198" rx="30" ry="14" fill="#802020"/></g>
    <g id="mouth-d" display="none"><ellipse cx="140" cy="200" rx="32" ry="26" fill="#802020"/></g>
  </g>
</svg>
"""
CHARACTER_TOML = """format = 1
name = "sam"
title = "Sam"
colour = "#aabbcc"
canvas = [300, 400]
seat = [150, 390]
neck = [150, 250]
pupil_reach = [6, 4]
[voice]
espeak = "en-us+m3"
[layers]
body = "sam.svg#body"
head = "sam.svg#head"
eyes = "sam.svg#eyes"
pupils = "sam.svg#pupils"
[layers.mouths]
A = "sam.svg#mouth-a"
C = "sam.svg#mouth-c"
D = "sam.svg#mouth-d"
[layers.lids]
closed = "sam.svg#closed"
[layers.brows]
neutral = "sam.svg#brows"
"""
ROOM_SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 540">
  <rect id="day" width="100%" height="100%" fill="#8090a0"/>
  <rect id="glow" x="600" y="100" width="100" height="100" fill="#ffcc66" fill-opacity="0.5"/>
</svg>
"""
ROOM_TOML = """format = 1
name = "den"
title = "Den"
canvas = [960, 540]
[[seats]]
at = [280, 500]
[[seats]]
at = [680, 500]
scale = 0.8
mirror = true
[layers]
day = "den.svg#day"
lamp_glow = "den.svg#glow"
[tv]
screen = [[410, 150], [560, 155], [559, 240], [411, 245]]
[light.night]
tint = [0.5, 0.5, 0.8]
"""


def write_character(parent: Path, *, toml: str = CHARACTER_TOML, svg: str = CHARACTER_SVG) -> Path:
    """A character pack ``sam`` in ``parent``."""
    folder = parent / "sam"
    folder.mkdir()
    (folder / "character.toml").write_text(toml)
    (folder / "sam.svg").write_text(svg)
    return folder


def write_room(parent: Path, *, toml: str = ROOM_TOML, svg: str = ROOM_SVG) -> Path:
    """A room pack ``den`` in ``parent``."""
    folder = parent / "den"
    folder.mkdir()
    (folder / "room.toml").write_text(toml)
    (folder / "den.svg").write_text(svg)
    return folder
