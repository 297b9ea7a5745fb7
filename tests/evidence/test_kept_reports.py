"""The reports that ship as examples: small, whole, of nobody's machine; and the guide quotes what stands in them."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = DOCS / "reading-a-report.md"
NAMES = ("show", "talk", "calls")
MOST_BYTES = 300_000
ELSEWHERE = re.compile(
    r"https?://|(?<![\w.])/(?:work|home|root|tmp|usr|var|opt)\b|\.(?:local|internal|lan)\b|@[\w-]+\.\w"
)
"""Addresses and folders: a report of somebody's run is mailed to others."""


def words(name: str) -> str:
    """What a report's page says, on one line."""
    page = (DOCS / "reports" / f"{name}.html").read_text("utf-8")
    return " ".join(unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)).split())


@pytest.mark.parametrize("name", NAMES)
def test_a_kept_report_is_small_whole_and_names_no_machine(name: str) -> None:
    page, text = DOCS / "reports" / f"{name}.html", DOCS / "reports" / f"{name}.md"
    assert page.stat().st_size < MOST_BYTES
    markup = page.read_text("utf-8")
    assert markup.startswith("<!doctype html>") and markup.rstrip().endswith("</html>") and "<script" not in markup
    for told in (words(name), text.read_text("utf-8")):
        assert not ELSEWHERE.search(told), ELSEWHERE.search(told)
    verdict = text.read_text("utf-8").splitlines()[2]
    assert verdict.count(". ") == 2 and all(f"{each.rstrip('.')}." in words(name) for each in verdict.split(". "))


def test_the_guide_quotes_what_the_reports_say() -> None:
    guide, told = GUIDE.read_text("utf-8"), " ".join(map(words, NAMES))
    quotes = [line.removeprefix("> ") for line in guide.splitlines() if line.startswith("> ")]
    assert len(quotes) >= 3 and [quote for quote in quotes if quote not in told] == []
    for link in re.findall(r"\]\(((?:reports|pictures)/[^)]+)\)", guide):
        assert (DOCS / link).is_file(), link
