"""A character's own files, read and cut into passages that can be understood alone.

Markdown is cut at its headings, text at its paragraphs, PDF at its pages; what is long is cut at sentences. A PDF is
read by a process of its own (this module's ``__main__``), which may take its time, its memory, or die.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from unicodedata import normalize

from duologue.child import send_signal
from duologue.errors import InputError, PeerError

SUFFIXES = (".md", ".markdown", ".txt", ".pdf")
MOST_BYTES = 50_000_000
MOST_PASSAGES = 5_000
"""Of one file."""
LENGTH = 700
"""Characters of a passage, about: what two or three of them say fits into a small model's prompt."""
LONGEST = 1_200
PDF_SECONDS = 120.0
READING = "2"
"""Of how files are cut; another one has them read again."""
_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*\s*$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_BREAK = re.compile(r"\n\s*\n")
_BROKEN = re.compile(r"(?<=\w)-\n(?=[a-zß-öø-ÿ])")
"""A word that a printed line had no room for."""
_PRINTED = str.maketrans({
    "\u00ad": "", "\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl", "\ufb05": "st",
    "\ufb06": "st",
})  # fmt: skip
"""Letters as they are printed (ligatures), and places where a word might be broken, by which nobody searches."""
_SENTENCE = re.compile(r"(?<=[.!?…])\s+(?=\S)")


@dataclass(frozen=True, slots=True)
class DocumentPassage:
    """A piece of a file. ``place``: where it stands in it, in words."""

    place: str
    text: str


def files_in(folders: Iterable[Path]) -> dict[str, Path]:
    """The files that can be read, by their names within their folder; of two of a name the later folder's."""
    found: dict[str, Path] = {}
    for folder in folders:
        if folder.is_dir():
            for file in sorted(folder.rglob("*")):
                if file.suffix.lower() in SUFFIXES and file.is_file():
                    found[str(file.relative_to(folder))] = file
    return found


def digest_of(file: Path) -> str:
    """Of its bytes and of how they are read. Raises :class:`InputError`."""
    try:
        size = file.stat().st_size
        if size > MOST_BYTES:
            raise InputError(f"the file has {size // 1_000_000} MB", where=str(file), remedy="Split it: at most 50 MB.")
        content = file.read_bytes()
    except OSError as error:
        reason = (error.strerror or "it failed").lower()
        raise InputError(f"the file cannot be read: {reason}", where=str(file), remedy="Check it.") from error
    return hashlib.sha256(READING.encode() + content).hexdigest()


async def read_document(file: Path) -> list[DocumentPassage]:
    """Its passages, in order. Raises :class:`InputError` for what is no such file, and :class:`PeerError`. Who is
    cancelled leaves nothing that goes on with a PDF.
    """
    if file.suffix.lower() == ".pdf":
        return await asyncio.to_thread(_of_pdf, file, await _read_apart(file))
    return await asyncio.to_thread(_of_words, file)


def _of_words(file: Path) -> list[DocumentPassage]:
    try:
        text = plain(file.read_text("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError("the file is no text in UTF-8", where=str(file), remedy="Save it as UTF-8.") from error
    return _taken(file, of_markdown(text) if file.suffix.lower() in (".md", ".markdown") else of_text(text))


def _of_pdf(file: Path, told: bytes) -> list[DocumentPassage]:
    return _taken(file, (DocumentPassage(each["place"], each["text"]) for each in json.loads(told)))


def _taken(file: Path, pieces: Iterator[DocumentPassage]) -> list[DocumentPassage]:
    found = list(islice(pieces, MOST_PASSAGES + 1))
    if len(found) > MOST_PASSAGES:
        raise InputError(
            f"the file has more than {MOST_PASSAGES} passages, about {MOST_PASSAGES * LENGTH / 1e6:g} MB of text",
            where=str(file), remedy="Split it into several.",
        )  # fmt: skip
    if not found:
        remedy = "A scanned PDF holds pictures: recognise its text first." if file.suffix.lower() == ".pdf" else ""
        raise InputError("there are no words in it", where=str(file), remedy=remedy)
    return found


def of_markdown(text: str) -> Iterator[DocumentPassage]:
    """Section by section; ``place`` are the headings above it."""
    path: list[str] = []
    lines: list[str] = []
    fenced = False
    for line in text.splitlines():
        fenced ^= bool(_FENCE.match(line))
        heading = None if fenced else _HEADING.match(line)
        if heading is None:
            lines.append(line)
            continue
        yield from _cut("\n".join(lines), " › ".join(filter(None, path)))
        lines = []
        depth = len(heading[1])
        path = [*path[: depth - 1], *[""] * (depth - 1 - len(path)), heading[2]]
    yield from _cut("\n".join(lines), " › ".join(filter(None, path)))


def of_text(text: str) -> Iterator[DocumentPassage]:
    """Paragraph by paragraph; short ones stay together."""
    yield from _cut(text, "")


def of_pages(pages: Sequence[str]) -> Iterator[DocumentPassage]:
    """Page by page."""
    for number, page in enumerate(pages, 1):
        yield from _cut(_BROKEN.sub("", plain(page)), f"page {number}")


def plain(text: str) -> str:
    """``text`` with each word written as people write it who look for it: whole letters, accents in one (NFC)."""
    return normalize("NFC", text.translate(_PRINTED))


def _cut(text: str, place: str) -> Iterator[DocumentPassage]:
    kept = ""
    for paragraph in _BREAK.split(text):
        for piece in _pieces(" ".join(paragraph.split())):
            if kept and len(kept) + len(piece) > LENGTH:
                yield DocumentPassage(place, kept)
                kept = ""
            kept = f"{kept} {piece}".strip()
    if kept:
        yield DocumentPassage(place, kept)


def _pieces(paragraph: str) -> Iterator[str]:
    """A paragraph, or its sentences where it is long; a sentence that is longer than anything is cut."""
    if not paragraph:
        return
    for sentence in [paragraph] if len(paragraph) <= LENGTH else _SENTENCE.split(paragraph):
        for at in range(0, len(sentence), LONGEST):
            yield sentence[at : at + LONGEST]


async def _read_apart(file: Path) -> bytes:
    """What the process that reads a PDF says of it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "duologue.app.people.documents", str(file), stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(PDF_SECONDS):
            told, complaints = await process.communicate()
    except TimeoutError as error:
        raise PeerError(f"reading it takes more than {PDF_SECONDS:g} s", where=str(file), remedy="Split it.") from error
    finally:
        if process.returncode is None:
            send_signal(process, signal.SIGKILL)
            await process.wait()
    if process.returncode:
        words = complaints.decode(errors="replace").strip().splitlines()
        raise InputError(
            f"this PDF cannot be read: {words[-1][:200] if words else 'the reader died'}", where=str(file),
            remedy="Open it and save it anew, without a password.",
        )  # fmt: skip
    return told


def _read_pdf(file: Path) -> list[DocumentPassage]:
    from pypdf import PdfReader

    reader = PdfReader(file)
    return list(of_pages([page.extract_text() for page in reader.pages]))


if __name__ == "__main__":
    json.dump([asdict(passage) for passage in _read_pdf(Path(sys.argv[1]))], sys.stdout)
