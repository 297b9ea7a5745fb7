"""SVG layers: parsed once, taken apart by id, and drawn by resvg only where there is something to see.

An artist's file is a stranger's file. Nothing in it may reach for a file or the network, or grow without bound: entity
declarations, references to anything outside the document and runaway ``<use>`` are refused before resvg sees it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NoReturn
from xml.etree.ElementTree import Element, ParseError, fromstring, tostring
from xml.parsers import expat

import cv2
import numpy as np
import resvg_py

from duologue.errors import InputError, InternalError
from duologue.stage.baking.art import Rgba
from duologue.stage.packs.png import check_jpeg_size, check_png_size
from duologue.stage.packs.view import View
from duologue.validation import did_you_mean

MAX_BYTES = 16 * 1024 * 1024
MAX_ELEMENTS = 100_000
"""Elements once every ``<use>`` is followed."""
MAX_DEPTH = 200
PROBE_PIXELS = 160
"""The longest side of the small picture in which the visible part is looked for first."""

_SVG = "{http://www.w3.org/2000/svg}"
_HREFS = ("href", "{http://www.w3.org/1999/xlink}href")
_LABELS = ("{http://www.inkscape.org/namespaces/inkscape}label", "data-name")
_SHAPES = frozenset(_SVG + name for name in ("rect", "circle", "ellipse", "line", "image", "use"))
_ACROSS, _DOWN = ("x", "width", "cx", "rx", "x1", "x2"), ("y", "height", "cy", "ry", "y1", "y2")
_URL = re.compile(r"url\(\s*[\"']?\s*([^)\"']*)", re.IGNORECASE)
_NUMBER = re.compile(r"\s*([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*(px)?\s*")
Box = tuple[int, int, int, int]
"""Left, top, right, bottom in output pixels; right and bottom are outside."""


@dataclass(frozen=True)
class SvgDocument:
    """A parsed and checked SVG. ``box`` is its viewBox: x, y, width, height in user units."""

    where: str
    root: Element
    box: tuple[float, float, float, float]
    parents: dict[Element, Element] = field(repr=False)
    names: dict[str, Element] = field(repr=False)

    def select(self, parts: Sequence[str]) -> SvgPicture:
        """The picture of the named parts, the first at the bottom; of the whole document when a part is ``""``."""
        if "" in parts:
            return SvgPicture(self, _serialise(list(self.root)))
        targets = [self._find(part) for part in parts]
        if self.root in targets:
            return SvgPicture(self, _serialise(list(self.root)))
        chains = [self._with_ancestors(target) for target in targets]
        styles = list(self.root.iter(_SVG + "style"))
        needed = self._needed([*chains, *styles], targets)
        holder = Element(_SVG + "defs")
        holder.extend(needed)
        return SvgPicture(self, _serialise([*styles, holder, *chains]))

    def _find(self, part: str) -> Element:
        found = self.names.get(part)
        if found is None:
            raise InputError(
                f"the SVG has no element with the id {part!r}", where=self.where, remedy=did_you_mean(part, self.names)
            )
        return found

    def _with_ancestors(self, target: Element) -> Element:
        """The element inside bare copies of its ancestors: their transforms and styles count, their drawings not."""
        inner = _shown(target)
        parent = self.parents.get(target)
        while parent is not None and parent is not self.root:
            outer = _shown(parent)
            for child in list(outer):
                outer.remove(child)
            outer.append(inner)
            inner, parent = outer, self.parents.get(parent)
        return inner

    def _needed(self, drawn: Sequence[Element], targets: Sequence[Element]) -> list[Element]:
        """The elements that the drawn ones refer to, directly or not, and do not hold."""
        inside = {id(element) for target in targets for element in target.iter()}
        needed: dict[int, Element] = {}
        waiting = [name for element in drawn for name in _references(element)]
        seen: set[str] = set()
        while waiting:
            name = waiting.pop()
            element = self.names.get(name)
            if name in seen or element is None:
                continue
            seen.add(name)
            if id(element) not in inside:
                needed[id(element)] = element
                waiting.extend(_references(element))
        held = {id(child) for element in needed.values() for child in element.iter() if child is not element}
        return [element for key, element in needed.items() if key not in held]


@dataclass(frozen=True, slots=True)
class SvgPicture:
    """Parts of a document as SVG text without its root element."""

    document: SvgDocument
    body: str

    def draw(self, view: View, crop: Box) -> Rgba:
        """Draw the ``crop`` of the view's window (not mirrored), shape ``(height, width, 4)``."""
        left, top, width, height = self.document.box
        across, down = width / view.full[0], height / view.full[1]
        x, y = left + (crop[0] + view.offset[0]) * across, top + (crop[1] + view.offset[1]) * down
        size = (crop[2] - crop[0], crop[3] - crop[1])
        attributes = _serialise_attributes(self.document.root)
        text = (
            f'<svg:svg xmlns:svg="http://www.w3.org/2000/svg"{attributes} preserveAspectRatio="none"'
            f' viewBox="{x:.9g} {y:.9g} {size[0] * across:.9g} {size[1] * down:.9g}"'
            f' width="{size[0]}" height="{size[1]}">{self.body}</svg:svg>'
        )
        try:
            png = resvg_py.svg_to_bytes(svg_string=text, skip_system_fonts=True)
        except ValueError as error:
            raise InputError(
                f"resvg cannot draw this: {error}", where=self.document.where, remedy="Export it as plain SVG 1.1."
            ) from error
        picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
        if picture is None:
            raise InternalError("resvg gave no PNG", where=self.document.where)
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA), np.uint8)

    def visible(self, view: View) -> Box | None:
        """Where the view's window shows something of this picture, a little wider than exact; None for nowhere."""
        small = view.reduced(PROBE_PIXELS)
        rows, columns = np.nonzero(self.draw(small, (0, 0, *small.size))[..., 3])
        if not len(rows):
            return None
        across, down = view.size[0] / small.size[0], view.size[1] / small.size[1]
        return (
            max(0, int((columns.min() - 2) * across)),
            max(0, int((rows.min() - 2) * down)),
            min(view.size[0], int((columns.max() + 3) * across)),
            min(view.size[1], int((rows.max() + 3) * down)),
        )


def parse_svg(data: bytes, where: str, canvas: tuple[int, int]) -> SvgDocument:
    """Parse and check. ``where`` names the file in errors; its viewBox must have the shape of ``canvas``.

    Raises :class:`InputError` for what is not SVG, what refers outside itself, what grows without bound, and text.
    """
    if len(data) > MAX_BYTES:
        raise InputError(
            f"the SVG has {len(data) >> 20} MiB", where=where, remedy=f"Keep it under {MAX_BYTES >> 20} MiB."
        )
    _refuse_entities(data, where)
    try:
        root = fromstring(data)
    except (ParseError, ValueError, LookupError) as error:
        raise InputError(f"this is not an SVG: {error}", where=where, remedy="Mend it, or export it again.") from error
    if root.tag != _SVG + "svg":
        raise InputError(
            "the root element is not <svg> of SVG", where=where, remedy='Add xmlns="http://www.w3.org/2000/svg".'
        )
    parents = {child: parent for parent in root.iter() for child in parent}
    document = SvgDocument(where, root, _view_box(root, where, canvas), parents, _names(root))
    _check_elements(document)
    _check_growth(document)
    _resolve_percentages(document)
    return document


def _refuse_entities(data: bytes, where: str) -> None:
    def refuse(name: str, *_: object) -> NoReturn:
        raise InputError(
            f"the SVG declares an entity ({name})", where=where, remedy="Export it as plain SVG, without a DOCTYPE."
        )

    depth = 0

    def opened(*_: object) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise InputError(
                f"the SVG nests over {MAX_DEPTH} levels", where=where, remedy="Ungroup what needs no group."
            )

    def closed(*_: object) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate()
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = opened
    parser.EndElementHandler = closed
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise InputError(f"this is not an SVG: {error}", where=where, remedy="Mend it, or export it again.") from error


def _names(root: Element) -> dict[str, Element]:
    """Elements by id, and by the layer's name in Inkscape or Illustrator where no id has it."""
    names: dict[str, Element] = {}
    for element in root.iter():
        for attribute in _LABELS:
            if label := element.get(attribute):
                names.setdefault(label, element)
    names.update({name: element for element in root.iter() if (name := element.get("id"))})
    return names


def _view_box(root: Element, where: str, canvas: tuple[int, int]) -> tuple[float, float, float, float]:
    try:
        if text := root.get("viewBox"):
            x, y, width, height = (float(part) for part in re.split(r"[\s,]+", text.strip()))
        else:
            x = y = 0.0
            width, height = (_length(root.get(name, "")) for name in ("width", "height"))
        if not (0 < width < 1e6 and 0 < height < 1e6):
            raise ValueError
    except ValueError:
        raise InputError(
            "the SVG does not say its size",
            where=where,
            remedy=f'Write viewBox="0 0 {canvas[0]} {canvas[1]}" on <svg>.',
        ) from None
    if abs((width / height) / (canvas[0] / canvas[1]) - 1) > 0.01:
        raise InputError(
            f"the SVG is {width:g} x {height:g}, which is not the shape of the canvas ({canvas[0]} x {canvas[1]})",
            where=where,
            remedy=f'Draw on the whole canvas: viewBox="0 0 {canvas[0]} {canvas[1]}".',
        )
    return (x, y, width, height)


def _length(text: str) -> float:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return float(match[1])


def _check_elements(document: SvgDocument) -> None:
    for element in document.root.iter():
        tag = element.tag.removeprefix(_SVG)
        if tag in ("text", "tspan", "foreignObject", "script"):
            raise InputError(
                f"the SVG holds a <{tag}>, which cannot be drawn alike everywhere",
                where=document.where, remedy="Convert text to paths, and remove scripts.",
            )  # fmt: skip
        for target in _hrefs(element):
            if not target.startswith("#"):
                _check_embedded(target, document.where)
        for text in (*element.attrib.values(), element.text or "" if tag == "style" else ""):
            if any(not url.startswith("#") for url in _URL.findall(text)) or (tag == "style" and "@import" in text):
                _refuse_external(text, document.where)


def _check_embedded(target: str, where: str) -> None:
    match = re.match(r"data:image/(png|jpe?g);base64,", target)
    if match is None:
        _refuse_external(target, where)
    try:
        data = base64.b64decode("".join(target[match.end() :].split()), validate=True)
    except binascii.Error as error:
        raise InputError("an embedded picture is broken", where=where, remedy="Export it again.") from error
    if match[1] == "png":
        check_png_size(data, where)
    else:
        check_jpeg_size(data, where)


def _refuse_external(target: str, where: str) -> NoReturn:
    raise InputError(
        f"the SVG refers to something outside itself: {target.strip()[:60]!r}",
        where=where,
        remedy="Embed it as PNG or draw it; a pack reads no other files and no network.",
    )


def _hrefs(element: Element) -> Iterator[str]:
    yield from (value.strip() for name in _HREFS if (value := element.get(name)))


def _references(element: Element) -> Iterator[str]:
    """Ids that an element and all in it refer to."""
    for inner in element.iter():
        yield from (target[1:] for target in _hrefs(inner) if target.startswith("#"))
        for text in (*inner.attrib.values(), (inner.text or "") if inner.tag == _SVG + "style" else ""):
            if "url(" in text:
                yield from (url[1:].strip() for url in _URL.findall(text))


def _check_growth(document: SvgDocument) -> None:
    """Count elements with every ``<use>`` followed: nine levels of ten uses are a billion drawings in a kilobyte."""
    counts: dict[Element, int] = {}
    open_elements: set[Element] = set()

    def count(element: Element) -> int:
        if element in open_elements or len(open_elements) > MAX_DEPTH:
            raise InputError("a <use> leads back to itself", where=document.where, remedy="Break the circle.")
        if element not in counts:
            open_elements.add(element)
            total = 1 + sum(count(child) for child in element)
            if element.tag == _SVG + "use":
                for target in _hrefs(element):
                    used = document.names.get(target[1:])
                    total += count(used) if used is not None else 0
            open_elements.discard(element)
            counts[element] = min(total, MAX_ELEMENTS + 1)
        return counts[element]

    if count(document.root) > MAX_ELEMENTS:
        raise InputError(
            f"the SVG draws over {MAX_ELEMENTS:,} elements", where=document.where, remedy="Simplify it, or use a PNG."
        )


def _resolve_percentages(document: SvgDocument) -> None:
    """Write percentages of shapes as lengths: the viewBox that they are parts of changes when only a part is drawn."""
    _, _, width, height = document.box
    for element in document.root.iter():
        if element.tag in _SHAPES:
            for names, whole in ((_ACROSS, width), (_DOWN, height)):
                for name in names:
                    if (text := element.get(name, "")).endswith("%"):
                        element.set(name, f"{_percent(text, document.where) * whole:.6g}")


def _percent(text: str, where: str) -> float:
    try:
        return float(text[:-1]) / 100
    except ValueError:
        raise InputError(f"{text!r} is not a length", where=where, remedy="Write a number.") from None


def _shown(element: Element) -> Element:
    """A shallow copy that is not hidden: artists hide all mouths but one, and still name the others as layers."""
    copy = Element(
        element.tag, {key: value for key, value in element.attrib.items() if key not in ("display", "visibility")}
    )
    if style := copy.get("style"):
        copy.set("style", re.sub(r"(?:^|;)\s*(?:display|visibility)\s*:[^;]*", "", style))
    copy.text = element.text
    copy.extend(list(element))
    return copy


def _serialise(elements: Sequence[Element]) -> str:
    return "".join(tostring(element, "unicode") for element in elements)


def _serialise_attributes(root: Element) -> str:
    """What the root passes on to its content: style, fill, class and the like."""
    own = ("viewBox", "width", "height", "x", "y", "preserveAspectRatio", "version")
    bare = Element(
        "a", {key: value for key, value in root.attrib.items() if key not in own and not key.startswith("{")}
    )
    return tostring(bare, "unicode").removeprefix("<a").removesuffix("/>").rstrip()
