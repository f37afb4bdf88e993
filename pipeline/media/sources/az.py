"""Blobs in Azure Blob Storage.

Microsoft's own synchronous client and not adlfs, for the reasons that `s3.py` has. An account is named by
its connection string, or by its name: then it is asked with its key, or else as whom azure-identity finds,
which is a machine's identity, a service principal of the environment, or who is signed in.

Links are signed with the account's key, or with one that Azure lends to an identity for a week at most. A SAS
token signs nothing: it may open more than one blob, so it is never given out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from pipeline.errors import IngestError, MediaRefused, MediaUnavailable
from pipeline.media.access import Access, AzureAccount
from pipeline.media.remote import RemoteMedia
from pipeline.media.source import shown
from pipeline.media.sources.bucket import Object, not_installed, object_of
from pipeline.media.stream import changed

WINDOW_BYTES = 4 << 20
"""Of one request while all is read, and held in memory."""

LENT_KEY_MAX = timedelta(days=7)
"""How long Azure lends a key (Get User Delegation Key)."""

CLOCK_MAY_DIFFER = timedelta(minutes=5)

# What Azure says of a name that no blob can have (Blob service error codes).
_NO_NAME = {"InvalidResourceName", "InvalidUri", "OutOfRangeInput"}


def open_az(reference: str, access: Access) -> RemoteMedia:
    """Open a blob; see `sources.open_source`."""
    found = object_of(reference, access)
    return RemoteMedia(reference, found.name, _Blob(reference, found, access).fetch)


def sign_az(reference: str, access: Access) -> str:
    """Sign an address of a blob that is there.

    One signed with a key that Azure lent ends with that key.
    """
    blob = _Blob(reference, object_of(reference, access), access)
    blob.fetch(0, 1, None).close()
    return blob.signed(timedelta(seconds=access.link_lifetime_s))


@dataclass(slots=True, eq=False)
class _Store:
    """An account as this process asks it.

    Attributes:
        lent: What Azure lent to sign with, and until when.
    """

    client: Any
    name: str
    lent: tuple[Any, datetime] | None = None

    def key_for(self, now: datetime, ends: datetime) -> tuple[dict[str, Any], datetime]:
        """Give what signs a link, as `generate_blob_sas` takes it, and the end that such a link has."""
        if key := getattr(self.client.credential, "account_key", None):
            return {"account_key": key}, ends
        if not hasattr(self.client.credential, "get_token"):
            return {}, ends
        if self.lent is None or self.lent[1] < ends:
            until = now + LENT_KEY_MAX - CLOCK_MAY_DIFFER
            self.lent = self.client.get_user_delegation_key(now - CLOCK_MAY_DIFFER, until), until
        return {"user_delegation_key": self.lent[0]}, min(ends, self.lent[1])


class _Blob:
    """One blob, asked for its bytes."""

    def __init__(self, reference: str, found: Object, access: Access) -> None:
        self._reference = reference
        self._found = found
        account = _account(reference, access)
        try:
            with self._errors():
                self._store = _store_of(os.getpid(), account, access.connect_timeout_s, access.read_timeout_s)
                self._client = self._store.client.get_blob_client(found.bucket, found.key)
        except ImportError as error:
            raise not_installed(reference, "az") from error

    def fetch(self, offset: int, size: int | None, version: str | None) -> _Answer:
        """Ask for a part, or (None) for all; see `remote.Fetch`."""
        answer = _Answer(self, offset, WINDOW_BYTES if size is None else size, version)
        answer.ask()
        return answer

    def part(self, offset: int, size: int, version: str | None) -> tuple[bytes, int, str]:
        """Ask for a part; give it, the size of the whole, and its version."""
        from azure.core import MatchConditions

        same = {"etag": version, "match_condition": MatchConditions.IfNotModified} if version else {}
        try:
            with self._errors():
                # Unless told otherwise the library unpacks what lies there compressed.
                told = self._client.download_blob(offset, size, max_concurrency=1, decompress=False, **same)
                size_bytes = int(told.properties.content_range.rpartition("/")[2])
                return told.readall(), size_bytes, str(told.properties.etag)
        except _Empty:
            return b"", 0, version or ""

    def signed(self, lifetime: timedelta) -> str:
        """Sign its address."""
        from azure.storage.blob import generate_blob_sas

        now = datetime.now(UTC)
        with self._errors():
            key, ends = self._store.key_for(now, now + lifetime)
            if key:
                where = self._store.name, self._found.bucket, self._found.key
                signature = generate_blob_sas(*where, permission="r", expiry=ends, **key)
                return f"{self._client.url.partition('?')[0]}?{signature}"
        raise MediaUnavailable(
            f"The media {shown(self._reference)} cannot be linked to: a SAS token is no key to sign with."
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Tell what is wrong with the blob from what is wrong with its store for now."""
        from azure.core.exceptions import AzureError, HttpResponseError

        try:
            yield
        except HttpResponseError as error:
            code = getattr(error, "error_code", None) or ""
            raise self._refusal(error.status_code, str(getattr(code, "value", code))) from error
        except (AzureError, OSError, ValueError) as error:
            # Their texts may show an address with its SAS token.
            raise MediaUnavailable(
                f"The media {shown(self._reference)} cannot be read now: {type(error).__name__}."
            ) from None

    def _refusal(self, status: int | None, code: str) -> IngestError:
        if status == 416:
            return _Empty("empty")
        media = f"The media {shown(self._reference)}"
        if code == "BlobNotFound":
            return MediaRefused("media_missing", f"{media} is not there; correct the name or bring it.")
        if code in _NO_NAME:
            return MediaRefused("media_unreadable", f"{media} has a name that no blob can have; correct it.")
        if status == 412:
            return changed(self._reference, "since it was looked at")
        if code == "BlobArchived":
            return MediaRefused("media_unreadable", f"{media} lies in an archive; restore it, then retry.")
        told = ", ".join(str(each) for each in (status, code) if each)
        return MediaUnavailable(f"{media} is refused by its store now ({told or 'it broke off'}).")


class _Empty(IngestError):
    """The blob has no byte, so there is no part of it."""


class _Answer:
    """The blob's bytes, from the place that was asked for on; see `remote.Fetched`."""

    def __init__(self, blob: _Blob, offset: int, window_bytes: int, version: str | None) -> None:
        self.size_bytes = 0
        self.version = version or ""
        self._blob = blob
        self._at = offset
        self._window_bytes = window_bytes
        self._rest = memoryview(b"")

    def ask(self) -> None:
        """Ask for the next part."""
        part, self.size_bytes, self.version = self._blob.part(
            self._at, self._window_bytes, self.version or None
        )
        self._at += len(part)
        self._rest = memoryview(part)

    def read(self, size: int) -> bytes:
        """Read on, at most `size` bytes."""
        if not self._rest and self._at < self.size_bytes:
            self.ask()
        block, self._rest = self._rest[:size], self._rest[size:]
        return bytes(block)

    def close(self) -> None:
        """Let go of it."""
        self._rest = memoryview(b"")


def _account(reference: str, access: Access) -> AzureAccount:
    if not access.azure:
        raise MediaRefused(
            "media_source_missing",
            f"The media {shown(reference)} lies in an account of Azure that is not named; set "
            "AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_ACCOUNT where the workers run.",
        )
    return access.azure


@lru_cache(1)
def _store_of(
    _process: int, account: AzureAccount, connect_timeout_s: float, read_timeout_s: float
) -> _Store:
    """Make this process's client; it may be used by several threads."""
    from azure.identity import DefaultAzureCredential
    from azure.storage.blob import BlobServiceClient

    options: dict[str, Any] = {
        "connection_timeout": connect_timeout_s,
        "read_timeout": read_timeout_s,
        # The job itself is tried again, later, without keeping a worker waiting.
        "retry_total": 0,
        "max_single_get_size": WINDOW_BYTES,
        "max_chunk_get_size": WINDOW_BYTES,
    }
    if account.connection_string:
        client = BlobServiceClient.from_connection_string(account.connection_string, **options)
        return _Store(client, client.account_name or "")
    name = account.name or ""
    url = account.endpoint or f"https://{name}.blob.core.windows.net"
    by_key = {"account_name": name, "account_key": account.key} if account.key else None
    return _Store(BlobServiceClient(url, by_key or DefaultAzureCredential(), **options), name)
