"""A web server of media with a certificate of an authority of its own, in this process."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme

NAMES = ("localhost", "127.0.0.1", "media.example.com", "other.example.com")


@dataclass
class Web:
    """A server that runs.

    Attributes:
        authority: File with the certificate of the authority.
        files: What it gives, by path.
        answers: What it does instead, by path.
        requests: What was asked of it: path and headers.
    """

    port: int
    authority: Path
    files: dict[str, bytes] = field(default_factory=dict)
    answers: dict[str, Callable[[Exchange], None]] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address by a name that needs no resolver."""
        return f"https://localhost:{self.port}"


class Exchange(BaseHTTPRequestHandler):
    """One request and its answer."""

    protocol_version = "HTTP/1.1"
    web: Web

    def do_GET(self) -> None:
        """Answer as the server was told to."""
        self.web.requests.append((self.path, dict(self.headers)))
        path = self.path.partition("?")[0]
        self.web.answers.get(path, type(self).give)(self)

    def give(self, *, ranges: bool = True, tag: bool = True, modified: bool = True) -> None:
        """Give the file, or the part that was asked for."""
        content = self.web.files.get(self.path.partition("?")[0])
        if content is None:
            self.reply(404)
            return
        etag = f'"{sha256(content).hexdigest()[:16]}"'
        headers = {"ETag": etag} if tag else {}
        headers |= {"Last-Modified": formatdate(1_700_000_000, usegmt=True)} if modified else {}
        if tag and self.headers.get("If-Match", etag) != etag:
            self.reply(412)
            return
        asked = self.headers.get("Range", "") if ranges else ""
        if not asked:
            self.reply(200, content, headers)
            return
        first, last = (int(text) for text in asked.removeprefix("bytes=").split("-"))
        if first >= len(content):
            self.reply(416, headers={"Content-Range": f"bytes */{len(content)}"})
            return
        part = content[first : last + 1]
        told = f"bytes {first}-{first + len(part) - 1}/{len(content)}"
        self.reply(206, part, headers | {"Content-Range": told})

    def redirect(self, location: str, status: int = 302) -> None:
        """Lead elsewhere."""
        self.reply(status, headers={"Location": location})

    def reply(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        """Answer."""
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Say nothing of connections that the other side breaks off."""


@contextmanager
def running_web(
    folder: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    names: Sequence[str] = NAMES,
    exchange: type[Exchange] = Exchange,
) -> Iterator[Web]:
    """Run a server; the folder is for its certificate."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    server = _Server((host, port), type("OwnExchange", (exchange,), {}))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    web = Web(server.server_address[1], folder / "authority.pem")
    server.RequestHandlerClass.web = web  # type: ignore[attr-defined] # the class made above
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
