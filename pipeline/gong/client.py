"""The client: the three requests that bring recordings in, each made once.

Knows nothing of limits, retries and leases: what comes back is an Answer of any status, or a RequestFailed
that says whether the API may have acted. One client a process; threads may share it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY, InitVar, dataclass, field, replace
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from requests import Request, RequestException
from urllib3.exceptions import HTTPError

from pipeline.gong.exchange import Exchange
from pipeline.gong.failure import request_failed
from pipeline.gong.multipart import BodyFailed, MultipartBody, Stream
from pipeline.gong.reading import read_answer
from pipeline.gong.transport import Credentials, Transport
from pipeline.outcome import Answer
from pipeline.settings import Settings

UPLOAD_BYTES_PER_S_MIN = 125_000
"""1 Mbit/s: 1.5 GB may take 3 hours and 20 minutes."""


@dataclass(eq=False, repr=False)
class GongClient:
    """The API at one address, with one pair of credentials (which it never shows).

    Args:
        base_url: Address from Gong's page of API keys; a path in it is kept.
        access_key: Goes with `access_key_secret`; or else `access_token` alone.
        connect_timeout_s: For each address of the server, and for the TLS handshake.
        read_timeout_s: The longest time in which no byte moves, either way.
        request_deadline_s: For a whole request with its answer.
        upload_bytes_per_s_min: An upload's deadline is later by the time that its size takes at this speed.
        pool_size: Connections kept open: as many as threads use the client at once.

    Raises:
        SettingsInvalid: The credentials are incomplete or can't be sent.
    """

    base_url: str
    _: KW_ONLY
    access_key: InitVar[str | None] = None
    access_key_secret: InitVar[str | None] = None
    access_token: InitVar[str | None] = None
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 60.0
    request_deadline_s: float = 90.0
    upload_bytes_per_s_min: float = UPLOAD_BYTES_PER_S_MIN
    pool_size: int = 1
    _transport: Transport = field(init=False)

    def __post_init__(
        self, access_key: str | None, access_key_secret: str | None, access_token: str | None
    ) -> None:
        credentials = Credentials(
            access_key=access_key, access_key_secret=access_key_secret, access_token=access_token
        )
        self._transport = Transport(credentials, pool_size=self.pool_size)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Make the client that the settings describe.

        Raises:
            SettingsInvalid: The address or the credentials are missing or can't be sent.
        """
        settings.require_credentials()
        return cls(
            settings.base_url or "",
            access_key=settings.access_key,
            access_key_secret=settings.access_key_secret,
            access_token=settings.access_token,
            connect_timeout_s=settings.connect_timeout_s,
            read_timeout_s=settings.read_timeout_s,
            request_deadline_s=settings.request_deadline_s,
            upload_bytes_per_s_min=settings.upload_bytes_per_s_min,
        )

    def __repr__(self) -> str:
        return f"GongClient({urlsplit(self.base_url).hostname!r})"

    def create_call(self, body: str) -> Answer:
        """Post a call (`POST /v2/calls`).

        Args:
            body: The call as JSON.

        Raises:
            RequestFailed: No answer came, or not its status.
        """
        headers = {"Content-Type": "application/json"}
        return self._ask(Request("POST", self._url("/v2/calls"), data=body.encode(), headers=headers))

    def upload_media(
        self,
        call_id: str,
        stream: Stream,
        *,
        file_name: str,
        content_type: str,
        on_bytes: Callable[[int], None] | None = None,
    ) -> Answer:
        """Upload a call's media (`PUT /v2/calls/{id}/media`), streamed.

        Args:
            call_id: The API's id of the call: 1 to 20 digits.
            stream: The media; read once.
            file_name: Name of the part; what a header can't carry is replaced.
            content_type: Of the media.
            on_bytes: Told after each block of at most 1 MiB how many bytes of media were sent so far. What it
                raises ends the upload and comes out as it is, and so does what the stream raises.

        Raises:
            RequestFailed: No answer came, or not its status.
        """
        if not re.fullmatch(r"[0-9]{1,20}", call_id):
            raise ValueError(f"{call_id!r} is not the id of a call: 1 to 20 digits")
        body = MultipartBody(stream, file_name=file_name, content_type=content_type, on_bytes=on_bytes)
        request = Request(
            "PUT",
            self._url(f"/v2/calls/{call_id}/media"),
            data=body,
            headers={"Content-Type": body.content_type},
        )
        return self._ask(request, more_s=self._upload_takes_s(len(body)))

    def upload_deadline_s(self, size_bytes: int) -> float:
        """Return the longest time that an upload of so much media may take, with its answer."""
        return self.request_deadline_s + self._upload_takes_s(size_bytes)

    def list_users(self, cursor: str | None = None) -> Answer:
        """Read a page of users (`GET /v2/users`): the first, or the one that `records.cursor` named.

        Raises:
            RequestFailed: No answer came, or not its status.
        """
        params = {} if cursor is None else {"cursor": cursor}
        return self._ask(Request("GET", self._url("/v2/users"), params=params))

    def connect(self) -> None:
        """Open a connection now, unless one is open, so that the next request leaves at once.

        Raises:
            RequestFailed: It can't be opened; nothing was sent.
        """
        with self._exchange():
            self._transport.connect(self._url("/"), connect_s=self.connect_timeout_s)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _upload_takes_s(self, size_bytes: int) -> float:
        return size_bytes / self.upload_bytes_per_s_min

    def _ask(self, request: Request, *, more_s: float = 0.0) -> Answer:
        with (
            self._exchange(more_s) as exchange,
            self._transport.once(request, connect_s=self.connect_timeout_s) as response,
        ):
            answer = read_answer(response)
        # A success that came before the request was out can't be about all of it.
        too_early = exchange.broken_off and 200 <= answer.status < 300
        return replace(answer, complete=False) if too_early else answer

    @contextmanager
    def _exchange(self, more_s: float = 0.0) -> Iterator[Exchange]:
        """Bound what happens within, and turn the libraries' errors into ours."""
        exchange = Exchange(
            connect_s=self.connect_timeout_s,
            stall_s=self.read_timeout_s,
            deadline_s=self.request_deadline_s + more_s,
        )
        try:
            with exchange.current():
                yield exchange
        except BodyFailed as failed:
            raise failed.error from failed.error.__cause__
        except (RequestException, HTTPError, OSError) as error:
            raise request_failed(
                error, exchange, urlsplit(self.base_url).netloc.rpartition("@")[2]
            ) from error

    def _url(self, path: str) -> str:
        return self.base_url.rstrip("/") + path
