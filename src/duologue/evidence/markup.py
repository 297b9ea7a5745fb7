"""What pages of evidence are made of: the document around them, tables, plots, lists. Markup, and no script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from duologue.evidence import svg

ENDED = "</body></html>\n"
"""The end of a page."""


def begun(title: str) -> str:
    """The beginning of a page, up to its header: a reader at a keyboard may leap over that to ``#main``."""
    style = (Path(__file__).parent / "page_style.css").read_text("utf-8")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport"'
        ' content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body>"
        '<a class="skip" href="#main">To the report</a>'
    )


def tiles(figures: Iterable[tuple[str, str, str]]) -> str:
    """Figures side by side: name, value (markup), kind (``good``, ``bad`` or empty)."""
    return '<dl class="tiles">' + "".join(
        f'<div class="{kind}"><dt>{escape(name)}</dt><dd>{value}</dd></div>' for name, value, kind in figures
    ) + "</dl>"  # fmt: skip


def plot(drawn: str) -> str:
    """A picture that scrolls where the window is too narrow, by keys as well."""
    return f'<div class="plot" tabindex="0" role="group" aria-label="plot">{drawn}</div>' if drawn else ""


def legend(names: Iterable[str]) -> str:
    """What the colours of a plot mean, in their order."""
    return '<ul class="legend">' + "".join(
        f'<li><i class="b{number % svg.TONES}"></i>{escape(name)}</li>' for number, name in enumerate(names)
    ) + "</ul>"  # fmt: skip


def listed(items: Iterable[str]) -> str:
    """A plain list."""
    return '<ul class="plain">' + "".join(f"<li>{escape(each)}</li>" for each in items) + "</ul>"


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, raw: bool = False) -> str:
    """Figures stand to the right: cells that begin with a digit, below no heading of words. ``raw``: they are markup
    already.
    """
    body = "".join(
        "<tr>"
        + "".join(
            _cell(cell if raw else escape(cell), first=not place, words=head[place] in _WORDS)
            for place, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    titles = "".join(
        f'<th scope="col"{"" if not place else _side(name)}>{escape(name)}</th>' for place, name in enumerate(head)
    )
    told = f'<p class="cap">{escape(caption)}</p>' if caption else ""
    label = escape(caption or head[0] or "figures")
    return (
        f'{told}<div class="wide" tabindex="0" role="group" aria-label="{label}"><table aria-label="{label}">'
        f"<thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>"
    )


_WORDS = ("what", "unit", "cause", "why", "whose", "stage", "notes", "who, and what about", "who")


def _side(name: str) -> str:
    return "" if name in _WORDS else ' class="n"'


def _cell(markup: str, *, first: bool, words: bool) -> str:
    if first:
        return f'<th scope="row"{" class=w" if len(markup) > 24 else ""}>{markup}</th>'
    plain = markup.removeprefix('<span class="bad-text">')
    kind = "n" if plain[:1].isdigit() and len(plain) < 40 and not words else "w" if len(plain) > 60 else ""
    return f'<td class="{kind}">{markup}</td>' if kind else f"<td>{markup}</td>"
