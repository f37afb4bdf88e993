"""Objects in Amazon S3 and in stores that speak its protocol.

boto3 and not s3fs: it is synchronous, so nothing of it runs on in a process that forks; it asks with
`If-Match`, signs addresses, and finds credentials, region and endpoint as every program of AWS does
(AWS_ACCESS_KEY_ID, AWS_PROFILE, AWS_ENDPOINT_URL_S3, a machine's role, and so on).

What the store refuses (403) is waited for: a key without a right must not bury a million recordings. Without
the right s3:ListBucket S3 says the same of an object that is not there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from pipeline.errors import IngestError, MediaRefused, MediaUnavailable
from pipeline.media.access import Access
from pipeline.media.remote import RemoteMedia
from pipeline.media.source import shown
from pipeline.media.sources.bucket import Object, not_installed, object_of
from pipeline.media.stream import changed

PIECE_BYTES = 1 << 18


def open_s3(reference: str, access: Access) -> RemoteMedia:
    """Open an object; see `sources.open_source`."""
    found = object_of(reference, access)
    return RemoteMedia(reference, found.name, _S3(reference, found, access).fetch)


def sign_s3(reference: str, access: Access) -> str:
    """Sign an address of an object that is there.

    One signed with credentials that end earlier, such as those of a machine's role, ends with them.
    """
    found = object_of(reference, access)
    store = _S3(reference, found, access)
    # Also tells boto3 the region of the bucket, without which it would sign for another one.
    store.fetch(0, 1, None).close()
    with store.errors():
        return str(
            store.client.generate_presigned_url(
                "get_object",
                Params={"Bucket": found.bucket, "Key": found.key},
                ExpiresIn=round(access.link_lifetime_s),
            )
        )


class _S3:
    """One object, asked for its bytes."""

    def __init__(self, reference: str, found: Object, access: Access) -> None:
        self._reference = reference
        self._found = found
        try:
            with self.errors():
                self.client = _client_of(os.getpid(), access.connect_timeout_s, access.read_timeout_s)
        except ImportError as error:
            raise not_installed(reference, "s3") from error

    def fetch(self, offset: int, size: int | None, version: str | None) -> _Answer:
        """Ask for a part, or (None) for all; see `remote.Fetch`."""
        asked: dict[str, str] = {"Bucket": self._found.bucket, "Key": self._found.key}
        if size is not None:
            asked["Range"] = f"bytes={offset}-{offset + size - 1}"
        if version:
            asked["IfMatch"] = version
        try:
            with self.errors():
                told = self.client.get_object(**asked)
        except _Empty:
            return _Answer(0, version or "", None, self)
        of_all = str(told.get("ContentRange", "")).rpartition("/")[2]
        size_bytes = int(of_all) if of_all.isdecimal() else int(told["ContentLength"])
        return _Answer(size_bytes, str(told.get("ETag", "")), told["Body"], self)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Tell what is wrong with the object from what is wrong with its store for now."""
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

        try:
            yield
        except ClientError as error:
            raise self._refusal(error.response) from error
        except (BotoCoreError, HTTPClientError, OSError, ValueError) as error:
            raise MediaUnavailable(
                f"The media {shown(self._reference)} cannot be read now: {error}"
            ) from error

    def _refusal(self, response: Any) -> IngestError:
        code = str(response.get("Error", {}).get("Code", ""))
        status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if code == "InvalidRange":
            return _Empty("empty")
        media = f"The media {shown(self._reference)}"
        if code in {"NoSuchKey", "NoSuchVersion"}:
            return MediaRefused("media_missing", f"{media} is not there; correct the key or bring it.")
        if status == 412:
            return changed(self._reference, "since it was looked at")
        if code == "InvalidObjectState":
            return MediaRefused("media_unreadable", f"{media} lies in an archive; restore it, then retry.")
        hint = "; without the right s3:ListBucket that may mean that it is not there" if status == 403 else ""
        return MediaUnavailable(
            f"{media} is refused by its store now ({status}, {code or 'no reason'}{hint})."
        )


class _Empty(IngestError):
    """The object has no byte, so there is no part of it."""


@dataclass(slots=True, eq=False)
class _Answer:
    """The object's bytes, from the place that was asked for on; see `remote.Fetched`."""

    size_bytes: int
    version: str
    body: Any
    store: _S3

    def read(self, size: int) -> bytes:
        """Read on, at most `size` bytes."""
        if self.body is None:
            return b""
        with self.store.errors():
            return bytes(self.body.read(min(size, PIECE_BYTES)))

    def close(self) -> None:
        """Let go of it."""
        if self.body is not None:
            self.body.close()


@lru_cache(1)
def _client_of(_process: int, connect_timeout_s: float, read_timeout_s: float) -> Any:
    """Make this process's client; it may be used by several threads."""
    import boto3  # an extra, and slow to import
    from botocore.config import Config

    def client(style: str) -> Any:
        config = Config(
            signature_version="s3v4",
            connect_timeout=connect_timeout_s,
            read_timeout=read_timeout_s,
            retries={"mode": "standard", "total_max_attempts": 2},
            s3={"addressing_style": style},
            # Other stores do not know the checksums that are new in S3; a recording's own hash is kept.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        return boto3.session.Session().client("s3", config=config)

    made = client("auto")
    # Other stores need not have a host for each bucket.
    host = urlsplit(made.meta.endpoint_url).hostname or ""
    return made if ".amazonaws.com" in host else client("path")
