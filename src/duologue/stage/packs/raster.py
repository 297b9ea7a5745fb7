"""From a pack's references to pictures: stacks of SVG parts and PNGs, drawn at the output's scale and cropped."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from itertools import groupby
from pathlib import Path

from duologue.errors import InputError
from duologue.stage.baking.art import Layer
from duologue.stage.baking.layers import cropped, mirrored, stacked
from duologue.stage.packs.png import draw_png
from duologue.stage.packs.svg import Box, SvgDocument, parse_svg
from duologue.stage.packs.view import View


class PackFiles:
    """The layer files of one pack folder, each read and parsed once. ``manifest`` names the TOML file in errors."""

    def __init__(self, manifest: Path, canvas: tuple[int, int]) -> None:
        self.manifest = manifest
        self.folder = manifest.parent
        self.canvas = canvas
        self._contents: dict[str, bytes] = {}
        self._documents: dict[str, SvgDocument] = {}

    def content(self, name: str, key: str) -> bytes:
        """A file's bytes. ``key`` is the manifest's key that asks for it."""
        if name not in self._contents:
            path = self.folder / name
            if not path.resolve().is_relative_to(self.folder.resolve()):
                raise InputError(
                    f"the layer file {name!r} lies outside the pack", where=f"{self.manifest}: {key}",
                    remedy="Copy it into the pack's folder.",
                )  # fmt: skip
            try:
                self._contents[name] = path.read_bytes()
            except OSError as error:
                raise InputError(
                    f"the layer file {name!r} cannot be read: {error.strerror}",
                    where=f"{self.manifest}: {key}", remedy=self._present(),
                ) from error  # fmt: skip
        return self._contents[name]

    def _present(self) -> str:
        names = sorted(path.name for path in self.folder.glob("*") if path.suffix.lower() in (".svg", ".png"))
        return f"Add it, or name one of: {', '.join(names)}." if names else "Add it to the pack's folder."

    def document(self, name: str, key: str) -> SvgDocument:
        """A parsed SVG file."""
        if name not in self._documents:
            self._documents[name] = parse_svg(self.content(name, key), str(self.folder / name), self.canvas)
        return self._documents[name]

    def digest(self, stacks: Iterable[tuple[str, tuple[str, ...]]]) -> str:
        """A hash of all that decides the pictures: the manifest and the content of every file that it names."""
        state = sha256(self.manifest.read_bytes())
        for key, stack in stacks:
            for reference in stack:
                state.update(sha256(self.content(reference.partition("#")[0], key)).digest())
        return state.hexdigest()

    def layer(self, key: str, stack: tuple[str, ...], view: View) -> Layer | None:
        """Draw a stack; None when all of it lies where the view is cropped. Raises :class:`InputError`, also when
        nothing is visible of it though all of the canvas is seen.
        """
        pieces = [piece for piece in self._pieces(key, stack, view) if piece is not None]
        if not pieces and view.cropped:
            return None
        if not pieces:
            raise InputError(
                f"nothing is visible of {' + '.join(stack)}",
                where=f"{self.manifest}: {key}",
                remedy="Draw inside the canvas, make the layer visible, or leave the key out.",
            )
        layer = stacked(pieces)
        return mirrored(layer, view.size[0]) if view.mirror else layer

    def _pieces(self, key: str, stack: tuple[str, ...], view: View) -> Iterable[Layer | None]:
        # Neighbours from one SVG are drawn by one call: a room's backdrop is a stack of such parts.
        for name, references in groupby(stack, lambda reference: reference.partition("#")[0]):
            parts = [reference.partition("#")[2] for reference in references]
            content = self.content(name, key)
            try:
                if name.lower().endswith(".png"):
                    yield cropped(draw_png(content, str(self.folder / name), view), 0, 0)
                else:
                    yield self._draw_svg(self.document(name, key), parts, view)
            except InputError as error:  # the file's fault: say also which key asked for it
                where = f"{error.where}, {self.manifest.name}: {key}"
                raise InputError(error.what, where=where, remedy=error.remedy) from error

    def _draw_svg(self, document: SvgDocument, parts: list[str], view: View) -> Layer | None:
        picture = document.select(parts)
        whole: Box = (0, 0, *view.size)
        box = picture.visible(view) or whole  # what is too thin for the small picture may show in the large one
        return cropped(picture.draw(view, box), box[0], box[1])
