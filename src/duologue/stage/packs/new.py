"""A streamer's own pictures made into a character pack: ``duologue pack new FOLDER``.

PNGtuber programs want up to four full pictures: mouth open or closed, eyes open or closed. Two with the same eyes
suffice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import cv2
import numpy as np

from duologue.errors import InputError, PeerError
from duologue.stage.baking.art import Rgba
from duologue.stage.motion.pose import Lids, Mouth
from duologue.stage.packs.manifest import CHARACTER_FILE, MAX_NAME, MAX_TITLE
from duologue.stage.packs.morph import (
    TOO_MUCH,
    Region,
    changed_region,
    changed_share,
    half_lids,
    mouth_shapes,
    patch,
    replaced,
)
from duologue.stage.packs.png import decode_png, resize

HEIGHT, WIDTH = 760, 900
"""The largest picture of a character that is made (canvas units: stage pixels): it sits well in a room's seat."""
MARGIN = 10
"""Empty pixels around it, so that soft edges are whole."""
FOOT = 0.07
"""The share of the picture, at its foot, that stands still as the body while the rest sways about it."""
LAYERS = "layers"
DEFAULT_VOICE = "en-us+m3?rate=165"


class PictureRole(StrEnum):
    """Which of the four pictures one is."""

    IDLE = "idle"
    TALKING = "talking"
    BLINK = "blink"
    TALKING_BLINK = "talking-blink"


@dataclass(frozen=True, slots=True)
class NewPack:
    """What was made: the folder, which file was taken for which role, and what was derived, in sentences."""

    folder: Path
    pictures: Mapping[PictureRole, Path]
    notes: tuple[str, ...]


def role_of(name: str) -> PictureRole:
    """The role that a file's name tells, in the usual ways: ``talking-blink``, ``Mouth Open Eyes Closed``, ``idle``."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    mouth = _state(words, "mouth")
    eyes = _state(words, "eyes?")
    if mouth is None and re.search(r"talk|speak|yap|\bopen\b", _without(words, "eyes?")):
        mouth = "open"
    closed = eyes == "closed" or (eyes is None and re.search(r"blink|asleep|sleep", words) is not None)
    if mouth == "open":
        return PictureRole.TALKING_BLINK if closed else PictureRole.TALKING
    return PictureRole.BLINK if closed else PictureRole.IDLE


def _state(words: str, part: str) -> str | None:
    """``open`` or ``closed`` as said of a part: after its name (``mouth open``), else before it (``open mouth``)."""
    match = re.search(rf"{part}[\W_]*(open|clos|shut)", words) or re.search(rf"(open|closed|shut)[\W_]*{part}", words)
    return None if match is None else "open" if match[1] == "open" else "closed"


def _without(words: str, part: str) -> str:
    return re.sub(rf"{part}[\W_]*(open|closed|shut)|(open|closed|shut)[\W_]*{part}", " ", words).replace("_", " ")


def find_pictures(folder: Path, given: Mapping[PictureRole, Path]) -> dict[PictureRole, Path]:
    """The picture of each role: as ``given``, else by the names of the PNGs in ``folder``.

    Raises :class:`InputError` when two claim one role, or too few are there.
    """
    if not folder.is_dir():
        raise InputError("there is no such folder", where=str(folder), remedy="Name the folder that holds the PNGs.")
    found = dict(given)
    taken = {path.resolve() for path in given.values()}
    for path in sorted(folder.glob("*.[pP][nN][gG]")):
        role = role_of(path.stem)
        if path.resolve() in taken or role in given:
            continue
        if role in found:
            raise InputError(
                f"both {found[role].name} and {path.name} look like the picture {role.value!r}",
                where=str(folder), remedy=f"Say which: --{role.value} FILE.",
            )  # fmt: skip
        found[role] = path
    _require(found, folder)
    return found


def _require(found: Mapping[PictureRole, Path], folder: Path) -> None:
    has = found.keys()
    pairs = ({PictureRole.IDLE, PictureRole.TALKING}, {PictureRole.BLINK, PictureRole.TALKING_BLINK})
    if not any(pair <= has for pair in pairs):
        names = ", ".join(f"{path.name} ({role.value})" for role, path in found.items()) or "none"
        raise InputError(
            f"a picture with the mouth open and one with it closed are needed; found: {names}",
            where=str(folder),
            remedy="Name them idle.png and talking.png (and blink.png), or give --idle FILE --talking FILE.",
        )


def new_character(
    folder: Path,
    given: Mapping[PictureRole, Path] | None = None,
    *,
    title: str = "",
    voice: str = DEFAULT_VOICE,
    replace: bool = False,
) -> NewPack:
    """Make the pack in ``folder``, beside the pictures. The folder's name is the character's.

    Raises :class:`InputError` for pictures that cannot be used and a folder that has a pack (unless ``replace``).
    """
    folder = folder.resolve()
    name, title = folder.name, title.strip()
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) or len(name) > MAX_NAME:
        raise InputError(
            f"{name!r} cannot be a character's name", where=str(folder),
            remedy=f"Rename the folder: small letters, digits and hyphens, at most {MAX_NAME} of them, e.g. my-fox.",
        )  # fmt: skip
    if len(title) > MAX_TITLE:
        raise InputError(
            f"the title has {len(title)} characters", where="--title", remedy=f"Give it {MAX_TITLE} at most."
        )
    if (folder / CHARACTER_FILE).exists() and not replace:
        raise InputError("there is a pack already", where=str(folder / CHARACTER_FILE), remedy="Add --replace.")
    files = find_pictures(folder, given or {})
    notes: list[str] = []
    pictures = _completed(_prepared(files, notes), notes)
    layers = _layers(pictures, notes)
    _write(folder, layers, _manifest(name, title or name.replace("-", " ").title(), voice, layers), notes)
    return NewPack(folder, files, tuple(notes))


def _prepared(files: Mapping[PictureRole, Path], notes: list[str]) -> dict[PictureRole, Rgba]:
    """The pictures, cropped to what any of them shows, at the size of the stage."""
    pictures = {role: decode_png(_bytes(path), str(path)) for role, path in files.items()}
    sizes = {picture.shape[:2] for picture in pictures.values()}
    if len(sizes) > 1:
        text = ", ".join(f"{files[role].name} {shape[1]} x {shape[0]}" for role, (shape) in _shapes(pictures).items())
        raise InputError(
            f"the pictures have different sizes: {text}", where=str(next(iter(files.values())).parent),
            remedy="Export all of them from one canvas.",
        )  # fmt: skip
    seen = np.max([picture[..., 3] for picture in pictures.values()], axis=0) > 4
    if not seen.any():
        raise InputError("the pictures are empty", where=str(next(iter(files.values()))), remedy="Export them again.")
    if seen.mean() > 0.98:
        notes.append("The pictures have no transparent background: it will be seen on stage as it is.")
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = rows[-1] + 1 - rows[0], columns[-1] + 1 - columns[0]
    scale = min(HEIGHT / height, WIDTH / width)
    size = (max(16, round(width * scale)), max(16, round(height * scale)))
    if scale > 1.5:
        notes.append(f"The pictures are small and were enlarged {scale:.1f} times: larger ones look sharper.")
    border = ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0))
    return {role: np.pad(resize(picture[window], size), border) for role, picture in pictures.items()}


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"the picture cannot be read: {error.strerror}", where=str(path), remedy="Check it."
        ) from error


def _shapes(pictures: Mapping[PictureRole, Rgba]) -> dict[PictureRole, tuple[int, ...]]:
    return {role: picture.shape for role, picture in pictures.items()}


def _completed(pictures: dict[PictureRole, Rgba], notes: list[str]) -> dict[PictureRole, Rgba]:
    """With idle and talking in any case: what is missing is another picture with the eyes of a third."""
    eyes = ((PictureRole.IDLE, PictureRole.BLINK), (PictureRole.TALKING, PictureRole.TALKING_BLINK))
    for (opened, shut), (other_open, other_shut) in (eyes, eyes[::-1]):
        if opened not in pictures and {shut, other_open, other_shut} <= pictures.keys():
            region = changed_region(pictures[other_open], pictures[other_shut], keep=0.2)
            if region is not None:
                pictures[opened] = replaced(pictures[shut], pictures[other_open], region)
                notes.append(f"{opened.value}: made from {shut.value} with the eyes of {other_open.value}.")
    if PictureRole.IDLE not in pictures or PictureRole.TALKING not in pictures:
        pictures = {
            PictureRole.IDLE: pictures[PictureRole.BLINK],
            PictureRole.TALKING: pictures[PictureRole.TALKING_BLINK],
        }
        notes.append("Only pictures with closed eyes were found: the character sleeps all the time.")
    return pictures


def _layers(pictures: Mapping[PictureRole, Rgba], notes: list[str]) -> dict[str, Rgba]:
    idle, talking = pictures[PictureRole.IDLE], pictures[PictureRole.TALKING]
    foot = idle.copy()
    foot[: round(foot.shape[0] * (1 - FOOT))] = 0
    layers = {"body": foot if foot[..., 3].any() else idle, "head": idle}
    layers |= {f"mouth-{shape.lower()}": picture for shape, picture in _mouths(idle, talking, notes).items()}
    return layers | {f"lids-{shape}": picture for shape, picture in _lids(pictures, notes).items()}


def _mouths(idle: Rgba, talking: Rgba, notes: list[str]) -> dict[Mouth, Rgba]:
    region = changed_region(idle, talking, keep=0.6)
    if region is None:
        raise InputError(
            "the pictures with the mouth open and closed are the same", where=PictureRole.TALKING.value,
            remedy="Check that the right files are taken: --idle FILE --talking FILE.",
        )  # fmt: skip
    share = changed_share(idle, talking)
    if share > TOO_MUCH or region.wide:
        notes.append(
            f"Mouth: the pictures differ all over ({share:.0%} of what is visible), not only at the mouth, so whole"
            " pictures are switched (shapes A, D, X). Move nothing but the mouth to get all nine shapes."
        )
        return {Mouth.A: idle, Mouth.X: idle, Mouth.D: talking}
    notes.append(f"Mouth: found {_place(region)}; B to H are the open mouth squeezed, A and X the closed one.")
    if region.others:
        notes.append(f"Mouth: {region.others} smaller differences elsewhere were left out.")
    return mouth_shapes(idle, talking, region)


def _lids(pictures: Mapping[PictureRole, Rgba], notes: list[str]) -> dict[Lids, Rgba]:
    pairs = ((PictureRole.IDLE, PictureRole.BLINK), (PictureRole.TALKING, PictureRole.TALKING_BLINK))
    for opened, shut in pairs:
        if opened in pictures and shut in pictures:
            region = changed_region(pictures[opened], pictures[shut], keep=0.2)
            share = changed_share(pictures[opened], pictures[shut])
            if region is None or region.wide or share > TOO_MUCH:
                notes.append("Lids: the picture with closed eyes differs everywhere or nowhere; it was not used.")
                return {}
            notes.append(f"Lids: found {_place(region)}; half-closed ones are made of the closed ones.")
            return {Lids.HALF: half_lids(pictures[shut], region), Lids.CLOSED: patch(pictures[shut], region)}
    notes.append("Lids: no picture with closed eyes (blink.png), so the character does not blink.")
    return {}


def _place(region: Region) -> str:
    left, top, right, bottom = region.box
    return f"at {(left + right) // 2}, {(top + bottom) // 2} ({right - left} x {bottom - top} pixels)"


def _manifest(name: str, title: str, voice: str, layers: Mapping[str, Rgba]) -> str:
    height, width = layers["head"].shape[:2]
    lines = [
        "# Made by `duologue pack new`. packs/README.md explains every key.",
        "format = 1", f'name = "{name}"', f"title = {_quoted(title)}", 'colour = "#8ec5ff"',
        f"canvas = [{width}, {height}]",
        f"seat = [{width // 2}, {height - MARGIN}]", f"neck = [{width // 2}, {height - MARGIN - 1}]",
        "", "[voice]", f"espeak = {_quoted(voice)}",
        "", "[layers]", f'body = "{LAYERS}/body.png"', f'head = "{LAYERS}/head.png"',
        "", "[layers.mouths]",
    ]  # fmt: skip
    lines += [
        f'{shape} = "{LAYERS}/mouth-{shape.lower()}.png"' for shape in Mouth if f"mouth-{shape.lower()}" in layers
    ]
    if "lids-closed" in layers:
        lines += ["", "[layers.lids]"]
        lines += [f'{shape} = "{LAYERS}/lids-{shape}.png"' for shape in (Lids.HALF, Lids.CLOSED)]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A TOML basic string."""
    inner = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(character for character in inner if character.isprintable()) + '"'


PERSONA = """# How {title} thinks and speaks. docs/personas.md explains every key.
format = 1
name = "{name}"
title = {quoted}
description = '''
You are {title}, one of two characters who talk about a topic on a live show. You are curious, warm and a little
dramatic; you have opinions about everything and change them for a good joke.'''
style = ["Speak, do not write: short sentences, no lists, no emoji.", "Answer what was said before you go on."]
max_words = 40
opinions = ["everything is better with a window open", "a good question beats a good answer"]
catchphrases = ["Fair enough.", "Now we are talking."]
fillers = ["Hm.", "Well.", "Let me think."]
"""


def _write(folder: Path, layers: Mapping[str, Rgba], manifest: str, notes: list[str]) -> None:
    try:
        (folder / LAYERS).mkdir(exist_ok=True)
        for name, picture in layers.items():
            done, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA))
            if done:
                (folder / LAYERS / f"{name}.png").write_bytes(data.tobytes())
        persona = folder / "persona.toml"
        if not persona.exists():
            title = folder.name.replace("-", " ").title()
            persona.write_text(PERSONA.format(title=title, name=folder.name, quoted=_quoted(title)), "utf-8")
            notes.append("persona.toml: a starter; write who your character is into it.")
        (folder / CHARACTER_FILE).write_text(manifest, "utf-8")
    except OSError as error:
        raise PeerError(
            f"the pack cannot be written: {error.strerror}", where=str(folder), remedy="Check the disk and your rights."
        ) from error
