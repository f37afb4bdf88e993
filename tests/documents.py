"""What stands in a page, as a browser reads it."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import NamedTuple

LINKS = {"href", "src", "action"}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}


class Element(NamedTuple):
    """An element with its attributes and all the text in it."""

    name: str
    attributes: dict[str, str]
    text: str


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Element] = []
        self._open: list[tuple[str, dict[str, str], list[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag in VOID:
            self.found.append(Element(tag, attributes, ""))
        else:
            self._open.append((tag, attributes, []))

    def handle_endtag(self, tag: str) -> None:
        while self._open and tag not in VOID:
            name, attributes, texts = self._open.pop()
            self.found.append(Element(name, attributes, " ".join(" ".join(texts).split())))
            if self._open:
                self._open[-1][2].extend(texts)
            if name == tag:
                return

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1][2].append(data)


def elements(html: str) -> list[Element]:
    """List the elements of a page."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.found


def texts(html: str, element: str, **attributes: str) -> list[str]:
    """List the texts of such elements that have these attributes."""
    wanted = attributes.items()
    return [
        each.text for each in elements(html) if each.name == element and wanted <= each.attributes.items()
    ]


def links(html: str) -> Iterator[str]:
    """Give every address that a page names."""
    for each in elements(html):
        yield from (value for name, value in each.attributes.items() if name in LINKS)


def link(html: str, text: str) -> str:
    """Give where the link with that text leads."""
    (found,) = {each.attributes["href"] for each in elements(html) if each.name == "a" and each.text == text}
    return found


def text_of(html: str) -> str:
    """Give all that is read in a page."""
    (main,) = [each.text for each in elements(html) if each.name == "main"]
    return main
