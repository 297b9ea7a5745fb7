"""Characters' own files, cut into passages."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.app.people import documents
from duologue.app.people.documents import (
    LONGEST,
    DocumentPassage,
    digest_of,
    files_in,
    of_markdown,
    of_pages,
    of_text,
    read_document,
)
from duologue.app.people.knowledge import content_words
from duologue.errors import InputError, PeerError
from duologue.language.languages import ENGLISH

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


def pdf(*pages: str) -> bytes:
    """A PDF by hand: pages of one line each, in Helvetica."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids: list[bytes] = []
    for text in pages:
        stream = b"BT /F1 12 Tf 72 720 Td (" + text.encode("latin-1") + b") Tj ET" if text else b""
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
        content = len(objects)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R >> >> >>" % content
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(kids))
    out, places = b"%PDF-1.4\n", list[int]()
    for number, each in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    trailer = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out))
    return out + head + table + trailer


def test_markdown_is_cut_at_its_headings() -> None:
    text = "Before.\n\n# Tea\n\nHot.\n\n## Green\n\nOf 80 degrees.\n\n```\n# no heading\n```\n\n# Coffee #\nNo.\n"
    assert list(of_markdown(text)) == [
        DocumentPassage("", "Before."), DocumentPassage("Tea", "Hot."),
        DocumentPassage("Tea › Green", "Of 80 degrees. ``` # no heading ```"), DocumentPassage("Coffee", "No."),
    ]  # fmt: skip


def test_short_paragraphs_stay_together_and_long_ones_are_cut_at_sentences() -> None:
    short = "\n\n".join(f"Paragraph {number}." for number in range(5))
    assert [each.text for each in of_text(short)] == [" ".join(short.split())]
    long = " ".join(f"This is sentence number {number} of many." for number in range(60))
    cut = [each.text for each in of_text(long)]
    assert len(cut) > 2 and " ".join(cut) == long and all(each.endswith("many.") for each in cut)


@given(st.text(max_size=5000))
def test_no_word_is_lost_or_told_twice(text: str) -> None:
    passages = list(of_text(text))
    assert "".join("".join(each.text.split()) for each in passages) == "".join(text.split())
    assert all(0 < len(each.text) <= LONGEST + 1 for each in passages)


def test_a_pdf_is_read_page_by_page(tmp_path: Path) -> None:
    file = tmp_path / "tea.PDF"
    file.write_bytes(pdf("Tea is a drink.", "", "Coffee is another."))
    assert asyncio.run(read_document(file)) == [
        DocumentPassage("page 1", "Tea is a drink."),
        DocumentPassage("page 3", "Coffee is another."),
    ]


def test_what_is_printed_is_read_as_it_would_be_written(tmp_path: Path) -> None:
    """Ligatures and words that are broken at a line's end come from real PDFs, accents apart from real files."""
    printed = "The o\ufb00ice \ufb01les con\ufb01gura-\ntions of the Lower-\nSaxon ca\u0301fe\u0301, well\u00adknown."
    assert [each.text for each in of_pages([printed])] == [
        "The office files configurations of the Lower- Saxon c\u00e1f\u00e9, wellknown."
    ]
    file = tmp_path / "a.md"
    file.write_text("# Cafe\u0301\n\nNai\u0308ve.")
    assert asyncio.run(read_document(file)) == [DocumentPassage("Caf\u00e9", "Na\u00efve.")]
    assert content_words("The nai\u0308ve cafe\u0301 \ufb01le", ENGLISH) == ["na\u00efve", "caf\u00e9", "file"]


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.txt", b"\xff\xfe\x00", "no text in UTF-8"), ("a.md", b"  \n\n", "no words"),
        ("a.pdf", b"%PDF-1.4 and nothing", "cannot be read"), ("b.pdf", pdf(""), "no words"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes, what: str) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(InputError, match=what) as caught:
        asyncio.run(read_document(file))
    assert caught.value.where == str(file)


def test_a_pdf_that_takes_for_ever_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "PDF_SECONDS", 0.001)
    file = tmp_path / "slow.pdf"
    file.write_bytes(pdf("Tea."))
    with pytest.raises(PeerError, match="takes more than"):
        asyncio.run(read_document(file))


@pytest.mark.realtime
async def test_who_is_told_to_end_does_not_wait_for_a_pdf(tmp_path: Path) -> None:
    """A house that was stopped waited for the thread that waited for a reader that hung, for two minutes."""
    file = tmp_path / "endless.pdf"
    os.mkfifo(file)
    before = set(psutil.Process().children())
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        reading = group.create_task(read_document(file))
        with await asyncio.to_thread(file.open, "wb"):  # it opens when the reader is there
            reading.cancel()
            await asyncio.wait([reading])
        await asyncio.get_running_loop().shutdown_default_executor()
    assert reading.cancelled() and set(psutil.Process().children()) <= before


def test_a_file_is_read_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MOST_PASSAGES", 3)
    file = tmp_path / "book.md"
    for count in (3, 4):
        file.write_text("".join(f"# Chapter {number}\n\nWords.\n" for number in range(count)))
        if count == 3:
            assert [each.place for each in asyncio.run(read_document(file))] == ["Chapter 0", "Chapter 1", "Chapter 2"]
    with pytest.raises(InputError, match="more than 3 passages") as caught:
        asyncio.run(read_document(file))
    assert "Split" in caught.value.remedy


def test_files_of_all_folders_by_name(tmp_path: Path) -> None:
    for name in ("one/a.md", "one/deep/b.txt", "one/c.exe", "two/a.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    found = files_in([tmp_path / "one", tmp_path / "two", tmp_path / "three"])
    assert {name: file.read_text() for name, file in found.items()} == {
        "a.md": "two/a.md",
        "deep/b.txt": "one/deep/b.txt",
    }


def test_a_changed_file_has_another_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.txt"
    file.write_text("tea")
    before = digest_of(file)
    assert digest_of(file) == before
    file.write_text("coffee")
    after = digest_of(file)
    assert after != before
    monkeypatch.setattr(documents, "READING", "another")  # it is read otherwise
    assert digest_of(file) not in (before, after)
    monkeypatch.setattr(documents, "MOST_BYTES", 3)
    with pytest.raises(InputError, match="Split it"):
        digest_of(file)
