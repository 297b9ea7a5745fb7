"""The forms of a report: a page, Markdown, JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator

from duologue.errors import InputError
from duologue.evidence.markdown import as_markdown
from duologue.evidence.page import as_page
from duologue.evidence.report import EvidenceReport, as_dict


def shaped(found: EvidenceReport, kind: str) -> Iterator[str]:
    """Pieces of a report in the form that a file's name says (``.html``). Raises :class:`InputError` for another."""
    if kind == ".json":
        return iter([json.dumps(as_dict(found), indent=2, ensure_ascii=False), "\n"])
    if kind == ".md":
        return (f"{line}\n" for line in as_markdown(found))
    if kind in (".html", ".htm"):
        return as_page(found)
    raise InputError(
        "a report is HTML, Markdown or JSON", where=f"-o …{kind}", remedy="Call it report.html, for example."
    )
