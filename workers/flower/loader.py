"""Finds Flower's templates and ours, and adds our pages to Flower's navigation."""

from __future__ import annotations

from pathlib import Path

from tornado.template import Loader, Template

OWN = Path(__file__).parent / "templates"
NAVIGATION = "navbar.html"
ENTRIES = "gong_ingest/navigation.html"
# The list of Flower's own pages begins so.
LIST_BEGINS = '<ul class="app-nav navbar-nav">'


class PagesLoader(Loader):
    """Flower's loader; names that begin with `gong_ingest/` are ours."""

    def resolve_path(self, name: str, parent_path: str | None = None) -> str:  # noqa: ARG002 - tornado's
        """Take a name as it is: Flower's templates and ours lie in folders of their own."""
        return name

    def _create_template(self, name: str) -> Template:
        text = self._text_of(name)
        if name == NAVIGATION:
            text = with_entries(text, self._text_of(ENTRIES))
        return Template(text, name=name, loader=self)

    def _text_of(self, name: str) -> str:
        folder = OWN if name.startswith("gong_ingest/") else Path(self.root)
        return (folder / name).read_text("utf-8")


def with_entries(navigation: str, entries: str) -> str:
    """Put our entries in front of Flower's own.

    Raises:
        SystemExit: The navigation is not the one that is known.
    """
    if navigation.count(LIST_BEGINS) != 1:
        raise SystemExit("Flower's navigation is another one than the pages were made for.")
    return navigation.replace(LIST_BEGINS, LIST_BEGINS + entries)
