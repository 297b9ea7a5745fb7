"""The forms of a report, of runs and of old logs: a page, Markdown, JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from duologue.errors import InputError
from duologue.evidence import old_page, old_report
from duologue.evidence.markdown import as_markdown
from duologue.evidence.old_logs import OldLog
from duologue.evidence.page import as_page
from duologue.evidence.report import EvidenceReport, as_dict

KINDS = (".html", ".htm", ".md", ".json")


def check_kind(kind: str) -> None:
    """Raises :class:`InputError` for a file's ending that no form has."""
    if kind not in KINDS:
        raise InputError(
            "a report is HTML, Markdown or JSON", where=f"-o …{kind}", remedy="Call it report.html, for example."
        )


def shaped(found: EvidenceReport, kind: str) -> Iterator[str]:
    """Pieces of a report in the form that a file's name says (``.html``). Raises :class:`InputError` for another."""
    check_kind(kind)
    if kind == ".json":
        return _json(as_dict(found))
    return (f"{line}\n" for line in as_markdown(found)) if kind == ".md" else as_page(found)


def shaped_logs(logs: Sequence[OldLog], kind: str) -> Iterator[str]:
    """The same of logs of earlier systems."""
    check_kind(kind)
    if kind == ".json":
        return _json({"logs": [old_report.as_dict(log) for log in logs]})
    return _log_lines(logs) if kind == ".md" else old_page.as_page(logs)


def _log_lines(logs: Sequence[OldLog]) -> Iterator[str]:
    for number, log in enumerate(logs):
        if number:
            yield "\n"
        yield from (f"{line}\n" for line in old_report.as_markdown(log))


def _json(found: dict[str, Any]) -> Iterator[str]:
    return iter([json.dumps(found, indent=2, ensure_ascii=False), "\n"])
