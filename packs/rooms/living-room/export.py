"""Draw the large layers of ``room.svg`` as PNGs: ``python packs/rooms/living-room/export.py [FOLDER]``.

A picture that fills the stage with gradients takes resvg half a second, its PNG a twentieth of that; so the room opens
from the PNGs, and ``room.svg`` is where they are edited. A test holds the two together.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from xml.etree import ElementTree

import resvg_py
from PIL import Image

HERE = Path(__file__).parent
BACKDROPS = ("day", "evening", "night")
LIGHTS = ("lamp-glow", "tv-glow")


def layer(name: str, width: int = 1920) -> Image.Image:
    """The top-level group ``name`` of the room, RGBA."""
    root = ElementTree.parse(HERE / "room.svg").getroot()
    for child in list(root):
        if child.get("id") != name and not child.tag.endswith("defs"):
            root.remove(child)
    text = ElementTree.tostring(root, encoding="unicode")
    png = resvg_py.svg_to_bytes(svg_string=text, width=width, skip_system_fonts=True)
    return Image.open(io.BytesIO(bytes(png))).convert("RGBA")


def main() -> None:
    """Write every PNG beside this script, or into the folder named."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    for name in (*BACKDROPS, *LIGHTS):
        picture = layer(name)
        (picture.convert("RGB") if name in BACKDROPS else picture).save(folder / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
