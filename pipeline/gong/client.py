"""The client: the three requests that bring recordings in, each made once.

Knows nothing of limits, retries and leases: what comes back is an Answer of any status, or a RequestFailed
that says whether the API may have acted. One client a process; threads may share it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import KW_ONLY, InitVar, dataclass, field, replace
from types import TracebackType
from typing import Self
from urllib.parse import urlencode, urlsplit

from requests import RequestException
from urllib3.exceptions import HTTPError

from pipeline.gong.authorization import Authorization, Given
from pipeline.gong.exchange import BodyFailed, Exchange, OnLeft, nobody_is_told
from pipeline.gong.failure import request_failed
from pipeline.gong.multipart import MultipartBody, Stream
from pipeline.gong.pace import Pace
from pipeline.gong.reading import read_answer
from pipeline.gong.traced import tell_answer, traced
from pipeline.gong.transport import NONE, Transport, Unsigned
from pipeline.outcome import Answer
from pipeline.settings import Credentials, Settings

FORM = "application/x-www-form-urlencoded"

UPLOAD_BYTES_PER_S_MIN = 125_000
"""1 Mbit/s: 1.5 GB may take 3 hours and 20 minutes."""

TAKEN_IN_BYTES_PER_S = 10_000_000
"""At least so fast the API is taken to work on media that has arrived, before it answers: 1.5 GB in 150 s."""


@dataclass(eq=False, repr=False)
class GongClient:
    """The API at one address, with one pair of credentials at a time (which it never shows).

    Args:
        base_url: Address from Gong's page of API keys; a path in it is kept.
        access_key: Goes with `access_key_secret`; or else `access_token` alone.
        authorization: What the API is asked with, instead of these, and where; `base_url` is not used then.
        connect_timeout_s: For each address of the server, and for the TLS handshake.
        read_timeout_s: The longest time in which no byte moves, either way. The answer to an upload may take
            longer, by the time that its size takes at `TAKEN_IN_BYTES_PER_S`.
        request_deadline_s: For a whole request with its answer.
        upload_bytes_per_s_min: An upload that is slower over `upload_window_s` is given up, and its deadline
            is later by the time that its size takes at this speed.
        pool_size: Connections kept open: as many as threads use the client at once.

    Raises:
        SettingsInvalid: The credentials are incomplete or can't be sent.
    """

    base_url: str
    _: KW_ONLY
    access_key: InitVar[str | None] = None
    access_key_secret: InitVar[str | None] = None
    access_token: InitVar[str | None] = None
    authorization: InitVar[Authorization | None] = None
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 60.0
    request_deadline_s: float = 90.0
    upload_bytes_per_s_min: float = UPLOAD_BYTES_PER_S_MIN
    upload_window_s: float = 60.0
    pool_size: int = 1
    _authorization: Authorization = field(init=False)
    _transport: Transport = field(init=False)

    def __post_init__(
        self,
        access_key: str | None,
        access_key_secret: str | None,
        access_token: str | None,
        authorization: Authorization | None,
    ) -> None:
        credentials: Credentials = {
            "access_key": access_key,
            "access_key_secret": access_key_secret,
            "access_token": access_token,
        }
        self._authorization = authorization or Given(self.base_url, credentials)
        self._transport = Transport(Unsigned(), pool_size=self.pool_size)

    @classmethod
    def from_settings(cls, settings: Settings, authorization: Authorization) -> Self:
        """Make the client that the settings describe, which asks with an authorization."""
        return cls(
            settings.base_url or "",
            authorization=authorization,
            connect_timeout_s=settings.connect_timeout_s,
            read_timeout_s=settings.read_timeout_s,
            request_deadline_s=settings.request_deadline_s,
            upload_bytes_per_s_min=settings.upload_bytes_per_s_min,
            upload_window_s=settings.upload_window_s,
        )

    def __repr__(self) -> str:
        return f"GongClient({urlsplit(self.base_url).hostname!r})"

    @property
    def holds(self) -> bool:
        """Tell whether what was prepared is still of use: a token ends while a request waits for its slot."""
        return self._authorization.holds

    def prepare(self) -> None:
        """See to it that there is something to ask the API with now.

        Raises:
            AccessMissing, AccessUnavailable, AccessAwaited: There is not.
        """
        self._authorization.prepare()

    def create_call(self, body: str, *, on_left: OnLeft = nobody_is_told) -> Answer:
        """Post a call (`POST /v2/calls`).

        Args:
            body: The call as JSON.
            on_left: Told when its first bytes were handed to the network (`time.monotonic`); must not raise.

        Raises:
            RequestFailed: No answer came, or not its status.
        """
        with self._exchange() as exchange:
            exchange.on_left = on_left
            return self._answer(exchange, "POST", "/v2/calls", body.encode(), "application/json")

    def upload_media(  # noqa: PLR0913 # two of them say what is told meanwhile
        self,
        call_id: str,
        stream: Stream,
        *,
        file_name: str,
        content_type: str,
        on_left: OnLeft = nobody_is_told,
        on_bytes: Callable[[int], None] | None = None,
    ) -> Answer:
        """Upload a call's media (`PUT /v2/calls/{id}/media`), streamed.

        Args:
            call_id: The API's id of the call: 1 to 20 digits.
            stream: The media; read once.
            file_name: Name of the part; what a header can't carry is replaced.
            content_type: Of the media.
            on_left: As for `create_call`.
            on_bytes: Told after each block of at most 1 MiB, and at least every 0.25 s, how many bytes
                of media were sent so far. What it raises ends the upload and comes out as it is, and so does
                what the stream raises.

        Raises:
            RequestFailed: No answer came, or not its status; or the API takes the media too slowly.
            MediaUnavailable: The stream gives the media too slowly.
        """
        if not re.fullmatch(r"[0-9]{1,20}", call_id):
            raise ValueError(f"{call_id!r} is not the id of a call: 1 to 20 digits")
        pace = Pace(bytes_per_s_min=self.upload_bytes_per_s_min, window_s=self.upload_window_s)
        body = MultipartBody(
            stream, file_name=file_name, content_type=content_type, on_bytes=on_bytes, pace=pace
        )
        with self._exchange(len(body)) as exchange:
            exchange.on_left, exchange.watch, exchange.pace = on_left, body.tell_watcher, pace
            return self._answer(exchange, "PUT", f"/v2/calls/{call_id}/media", body, body.content_type)

    def upload_deadline_s(self, size_bytes: int) -> float:
        """Return the longest time that an upload of so much media may take, with its answer."""
        return self.request_deadline_s + self._upload_takes_s(size_bytes)

    def list_users(self, cursor: str | None = None, *, on_left: OnLeft = nobody_is_told) -> Answer:
        """Read a page of users (`GET /v2/users`): the first, or the one that `records.cursor` named.

        Raises:
            RequestFailed: No answer came, or not its status.
        """
        query = "" if cursor is None else "?" + urlencode({"cursor": cursor})
        with self._exchange() as exchange:
            exchange.on_left = on_left
            return self._answer(exchange, "GET", f"/v2/users{query}")

    def generate_token(self, grant: Mapping[str, str]) -> Answer:
        """Ask for OAuth tokens; the client's address is that of the tokens, its key pair the OAuth client's.

        The grant travels in the body (RFC 6749, 4.1.3 and 6): an address would be logged on the way.

        Raises:
            RequestFailed: No answer came, or not its status; the grant may be used up.
        """
        with self._exchange() as exchange:
            return self._answer(exchange, "POST", "", urlencode(grant).encode(), FORM)

    def connect(self) -> None:
        """Open a connection now, unless one is open, so that the next request leaves at once.

        Raises:
            RequestFailed: It can't be opened; nothing was sent.
        """
        with self._exchange():
            self._transport.connect(self._authorization.base_url, connect_s=self.connect_timeout_s)

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

    def _answer(
        self,
        exchange: Exchange,
        method: str,
        path: str,
        body: bytes | MultipartBody = b"",
        content_type: str = "",
    ) -> Answer:
        sent = self._authorization.header
        about = {"Content-Type": content_type, "Content-Length": str(len(body))} if content_type else NONE
        with (
            traced(method, self._authorization.base_url, path),
            self._transport.once(
                method,
                self._authorization.base_url,
                path,
                # not kept with the way to the address: it may be another one for the next request
                headers={"Authorization": sent, **about},
                body=body,
                connect_s=self.connect_timeout_s,
            ) as response,
        ):
            answer = read_answer(response)
            tell_answer(answer)
        if answer.status == 401 and self._authorization.refused(sent):
            answer = replace(answer, renewed=True)
        # A success that came before the request was out can't be about all of it.
        too_early = exchange.broken_off and 200 <= answer.status < 300
        return replace(answer, complete=False) if too_early else answer

    @contextmanager
    def _exchange(self, media_bytes: int = 0) -> Iterator[Exchange]:
        """Bound what happens within, and turn the libraries' errors into ours."""
        exchange = Exchange(
            connect_s=self.connect_timeout_s,
            stall_s=self.read_timeout_s,
            answer_s=self.read_timeout_s + media_bytes / TAKEN_IN_BYTES_PER_S,
            deadline_s=self.request_deadline_s + self._upload_takes_s(media_bytes),
        )
        try:
            with exchange.current():
                yield exchange
        except BodyFailed as failed:
            raise failed.error from failed.error.__cause__
        except (RequestException, HTTPError, OSError) as error:
            raise request_failed(
                error, exchange, urlsplit(self._authorization.base_url).netloc.rpartition("@")[2]
            ) from error
