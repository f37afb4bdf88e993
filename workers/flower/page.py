"""What every page is: behind Flower's login, in its look, and told anew while it is open.

A page is rendered whole once. Its script then asks the same address again and again for the part that lives,
with a header of its own, and changes in the page what is different. When the ledger's server is gone the
answer is 503 with a sentence, whole or in part, and the script goes on asking.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flower.views import BaseHandler
from tornado.web import HTTPError, authenticated

from pipeline.errors import IngestError, LedgerRefused, LedgerUnreachable
from pipeline.ledger import Ledger
from workers.flower import words
from workers.flower.window import Window

# Names in Flower's settings and of its handlers.
WINDOW, STATIC = "gong_ingest_window", "gong-ingest-static"
FOLDER = Path(__file__).parent / "static"
# The script asks with it for the part of a page that lives.
LIVE_HEADER = "X-Gong-Ingest-Live"
GONE = (LedgerUnreachable, LedgerRefused)


class Page(BaseHandler):  # type: ignore[misc]  # Flower has no types
    """A page of ours.

    Attributes:
        template: Of the whole page; that of its living part has `_live` at the end of its name.
        active: Which entry of the navigation it belongs to.
    """

    template: str
    active: str

    @property
    def window(self) -> Window:
        """Give what looks at the ledger."""
        found = self.settings[WINDOW]
        assert isinstance(found, Window)  # noqa: S101 - `install` puts it there
        return found

    @property
    def ledger(self) -> Ledger:
        """Give the ledger, for what runs in a thread."""
        return self.window.ledger

    @property
    def why_no_actions(self) -> str:
        """Say why nobody may do anything here but look; empty if they may."""
        options = self.application.options
        if options.read_only:
            return "Flower was started read-only."
        if not (options.basic_auth or options.auth):
            return "Flower has no password, so nothing can be changed here."
        return ""

    def set_default_headers(self) -> None:
        """Let nobody keep, or put into a frame, what was told to one person."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Frame-Options", "DENY")
        self.set_header("Referrer-Policy", "same-origin")

    def given(self, name: str, default: str = "") -> str:
        """Read an argument as it was given; Flower's own way would write `&amp;` into it."""
        return str(self.get_argument(name, default, strip=False, escape=False))

    def address(self, page: str, *parts: str, **arguments: str) -> str:
        """Write the address of a page, whatever the names in it hold."""
        query = urlencode({name: text for name, text in arguments.items() if text})
        return f"{self.reverse_url(page, *parts)}{'?' if query else ''}{query}"

    def static(self, name: str) -> str:
        """Write the address of one of our files, another one whenever the file is."""
        return f"{self.reverse_url(STATIC, name)}?v={_digest(name)}"

    @authenticated
    async def get(self, *parts: str) -> None:
        """Show the page, or its living part; who opens a page sees what is, not what was a second ago."""
        is_live = LIVE_HEADER in self.request.headers
        if not is_live:
            self.window.forget_look()
        try:
            view, problem = await self.view(*parts), ""
        except GONE as error:
            view, problem = None, str(error)
            self.set_status(503)
        if is_live and problem:
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.write(problem)
        elif is_live:
            self.write(self.render_string(self.template.replace(".html", "_live.html"), **self._names(view)))
        else:
            self.render(self.template, problem=problem, **self._names(view))

    async def view(self, *parts: str) -> Any:
        """See what is shown.

        Raises:
            LedgerUnreachable, LedgerRefused: The server cannot be used.
            HTTPError: There is no such thing.
        """
        raise NotImplementedError

    def _names(self, view: Any) -> dict[str, Any]:
        return {"view": view, "page": self, "words": words, "active_tab": self.active}

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say in a sentence what is wrong; where a program asked, in nothing else."""
        error = kwargs.get("exc_info", (None, None))[1]
        is_told = isinstance(error, HTTPError) and error.log_message
        if is_told and self.request.headers.get(LIVE_HEADER) and status_code != 401:
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish(error.get_message())
            return
        if isinstance(error, IngestError):
            self.set_status(503)
            self.finish(str(error))
            return
        super().write_error(status_code, **kwargs)


@cache
def _digest(name: str) -> str:
    return hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:12]
