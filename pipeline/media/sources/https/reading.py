"""Media at web servers: asked for by GET, in parts while it is looked at, whole when it is sent.

Invariants: each hop of a redirect is checked like the first, and gets the headers of its own host alone.
Nothing is unpacked. Whatever the server sends, no more is read than the length that it told first; one that
tells none is refused, because an upload's length must be known before it begins.

A server that refuses (401, 403) is waited for: a token that ran out must not bury a million recordings.
HEAD is not used: signed addresses are signed for GET.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urljoin

from urllib3 import BaseHTTPResponse, Retry, Timeout
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, ReadTimeoutError, SSLError

from pipeline import __version__
from pipeline.errors import IngestError, MediaRefused, MediaUnavailable
from pipeline.media.access import Access
from pipeline.media.remote import RemoteMedia
from pipeline.media.source import shown
from pipeline.media.sources.https.connection import Watch, pools
from pipeline.media.sources.https.target import FORBIDDEN, Target, is_trusted, target_of
from pipeline.media.stream import changed

REDIRECTS_MAX = 3
PART_WITHIN_S = 60.0
"""For the head of an answer with the connection to it, and for a part with its bytes."""
SKIPPED_BYTES = 1 << 16

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MISSING = frozenset({404, 410})
_NOT_NOW = frozenset({401, 403, 407, 408, 425, 429})
_RANGE = re.compile(r"bytes (?:([0-9]{1,15})-[0-9]{1,15}|\*)/([0-9]{1,15})")


def open_https(reference: str, access: Access) -> RemoteMedia:
    """Open media at a web server; see `sources.open_source`."""
    name = unquote(target_of(reference).path.rpartition("/")[2])
    return RemoteMedia(reference, name, _Web(reference, access).fetch)


class _Web:
    """One address, asked for its media."""

    def __init__(self, reference: str, access: Access) -> None:
        self._reference = reference
        self._access = access

    def fetch(self, offset: int, size: int | None, version: str | None) -> _Answer:
        """Ask for a part, or (None) for all; see `remote.Fetch`."""
        watch = Watch(PART_WITHIN_S)
        try:
            with watch.current():
                response = self._follow(_headers(offset, size, version))
            answer = self._read_head(response, offset, watch)
        except BaseException:
            watch.end()
            raise
        if size is None:
            watch.end()
        return answer

    def _follow(self, headers: Mapping[str, str]) -> BaseHTTPResponse:
        """Ask, and where the answer leads elsewhere ask there."""
        target = target_of(self._reference)
        for _ in range(REDIRECTS_MAX + 1):
            response = self._ask(target, headers)
            if response.status not in _REDIRECTS:
                return response
            response.close()
            location = (
                response.headers.get("Location", "").encode("latin-1", "replace").decode("utf-8", "replace")
            )
            target = target_of(urljoin(target.text, location))
        raise MediaRefused(
            FORBIDDEN,
            f"The address {shown(self._reference)} leads on more than {REDIRECTS_MAX} times; name the last.",
        )

    def _ask(self, target: Target, headers: Mapping[str, str]) -> BaseHTTPResponse:
        manager = pools(is_trusted=is_trusted(target, self._access))
        pool = manager.connection_from_host(target.host, target.port, target.scheme)
        own = {name: value for host, name, value in self._access.headers if host == target.host_and_port}
        try:
            return pool.urlopen(
                "GET",
                target.path + target.query,
                headers={**headers, **own},
                timeout=Timeout(connect=self._access.connect_timeout_s, read=self._access.read_timeout_s),
                # Once more if a connection that was kept open has been closed by the server meanwhile. A job
                # waits without a worker, so not here for as long as a server asks.
                retries=Retry(
                    1, connect=0, read=1, redirect=0, status=0, other=0, respect_retry_after_header=False
                ),
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        except (HTTPError, OSError) as error:
            raise self._unavailable(error) from error

    def _read_head(self, response: BaseHTTPResponse, offset: int, watch: Watch) -> _Answer:
        try:
            self._refuse_broken_off(watch)
            begins, size_bytes = self._part(response, offset)
        except BaseException:
            response.close()
            raise
        told = (response.headers.get(name, "") for name in ("ETag", "Last-Modified"))
        version = "\n".join((*told, str(size_bytes)))
        return _Answer(size_bytes, version, response, watch, offset - begins, self._unavailable)

    def _refuse_broken_off(self, watch: Watch) -> None:
        """Look at the deadline once more: a head that was broken off looks like a short one."""
        if watch.is_over:
            raise self._unavailable(TimeoutError())

    def _refuse_status(self, status: int) -> None:
        if status in {200, 206, 416}:
            return
        if status == 412:
            raise changed(self._reference, "since it was looked at")
        if status in _MISSING:
            raise MediaRefused(
                "media_missing",
                f"The media {shown(self._reference)} is not there (status {status}); correct it.",
            )
        if status in _NOT_NOW or status >= 500:
            raise MediaUnavailable(
                f"The media {shown(self._reference)} is not given out now (status {status})."
            )
        raise self._refused(f"cannot be read: its server answers with status {status}")

    def _part(self, response: BaseHTTPResponse, offset: int) -> tuple[int, int]:
        """Return where the answer's bytes begin, and how many there are of the whole media."""
        self._refuse_status(response.status)
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding.strip().lower() not in {"", "identity"}:
            raise self._refused(f"comes packed ({encoding!r}) although it was asked for as it is")
        told = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if response.status == 416:
            if told and told[2] == "0":
                return 0, 0
            raise changed(self._reference, "since it was looked at")
        length = response.headers.get("Content-Length", "")
        if response.status == 200 and re.fullmatch("[0-9]{1,15}", length):
            return 0, int(length)
        if response.status == 206 and told and told[1] and int(told[1]) <= offset:
            return int(told[1]), int(told[2])
        raise self._refused("has a server that does not say how long it is, or which part of it that is")

    def _refused(self, what: str) -> MediaRefused:
        return MediaRefused("media_unreadable", f"The media {shown(self._reference)} {what}.")

    def _unavailable(self, error: Exception) -> IngestError:
        """Say what happened; the library's own sentence would show the query."""
        reason = error.reason if isinstance(error, MaxRetryError) and error.reason else error
        if isinstance(reason, ConnectTimeoutError):
            what = f"does not take a connection within {self._access.connect_timeout_s:g} s"
        elif isinstance(reason, ReadTimeoutError):
            what = f"was silent for {self._access.read_timeout_s:g} s"
        elif isinstance(reason, SSLError):
            what = f"cannot be trusted ({reason})"
        else:
            what = "does not answer, or broke the connection off"
        return MediaUnavailable(f"The server of the media {shown(self._reference)} {what}.")


@dataclass(slots=True, eq=False)
class _Answer:
    """The media's bytes, from the place that was asked for on; see `remote.Fetched`.

    Attributes:
        skipped: Bytes before that place, of a server that gives all whatever is asked for.
    """

    size_bytes: int
    version: str
    response: BaseHTTPResponse
    watch: Watch
    skipped: int
    unavailable: Callable[[Exception], IngestError]

    def read(self, size: int) -> bytes:
        """Read on, at most `size` bytes, as soon as there are any."""
        try:
            while self.skipped and (part := self.response.read1(min(self.skipped, SKIPPED_BYTES))):
                self.skipped -= len(part)
            return self.response.read1(size)
        except (HTTPError, OSError) as error:
            raise self.unavailable(error) from error

    def close(self) -> None:
        """Let go of it; a connection on which nothing is left is used again."""
        self.watch.end()
        if self.response.length_remaining == 0:
            self.response.drain_conn()
        self.response.close()


def _headers(offset: int, size: int | None, version: str | None) -> dict[str, str]:
    headers = {
        "User-Agent": f"gong-call-ingest/{__version__}",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
    }
    if size is not None:
        headers["Range"] = f"bytes={offset}-{offset + size - 1}"
    tag, modified, _ = (version or "\n\n").split("\n")
    # A weak tag may stay the same over a change of bytes, and servers must not match it (RFC 9110, 13.1.1).
    if tag.startswith('"'):
        headers["If-Match"] = tag
    elif modified:
        headers["If-Unmodified-Since"] = modified
    return headers
