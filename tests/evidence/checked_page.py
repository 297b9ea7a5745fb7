"""Whether a page of evidence is whole: tags nest, links lead somewhere, nothing is asked of the network."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "br", "line", "rect", "polyline", "img", "hr", "i"}


class Checker(HTMLParser):
    """Whether tags are nested, and what is asked of the network."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.asked: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert tag not in ("script", "iframe", "object", "link")
        self.asked += [given[name] or "" for name in ("src", "srcset", "xlink:href") if name in given]
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [given["href"] or ""] if "href" in given else []
        if tag == "svg":
            assert given["role"] == "img" and given["aria-label"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def checked(markup: str) -> Checker:
    found = Checker()
    found.feed(markup)
    assert not found.open and not found.asked
    assert len(set(found.ids)) == len(found.ids) and {f"#{each}" for each in found.ids} >= set(found.links)
    assert "url(" not in markup and "@import" not in markup and "http" not in markup.replace("<!doctype html>", "")
    return found
