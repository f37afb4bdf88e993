"""Objects in Google Cloud Storage.

Google's own client and not gcsfs, for the reasons that `s3.py` has. It finds credentials as every program of
Google's does: GOOGLE_APPLICATION_CREDENTIALS, gcloud's login, a machine's service account. Only a service
account with a private key signs links.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

from urllib3.exceptions import HTTPError

from pipeline.errors import MediaRefused, MediaUnavailable
from pipeline.media.access import Access
from pipeline.media.remote import BLOCK_BYTES, RemoteMedia
from pipeline.media.source import shown
from pipeline.media.sources.bucket import Object, not_installed, object_of
from pipeline.media.stream import changed

WINDOW_BYTES = 4 << 20
"""Of one request while all is read, and held in memory."""


def open_gs(reference: str, access: Access) -> RemoteMedia:
    """Open an object; see `sources.open_source`."""
    found = object_of(reference, access)
    return RemoteMedia(reference, found.name, _GS(reference, found, access).fetch)


def sign_gs(reference: str, access: Access) -> str:
    """Sign an address of an object that is there."""
    store = _GS(reference, object_of(reference, access), access)
    lifetime = timedelta(seconds=access.link_lifetime_s)
    blob = store.look(None)
    try:
        with store.errors():
            return str(blob.generate_signed_url(version="v4", expiration=lifetime, method="GET"))
    except AttributeError as error:  # is what the library raises
        raise MediaUnavailable(
            f"The media {shown(reference)} cannot be linked to: the credentials have no key to sign with."
        ) from error


class _GS:
    """One object, asked for its bytes."""

    def __init__(self, reference: str, found: Object, access: Access) -> None:
        self._reference = reference
        self._found = found
        self._timeout = access.connect_timeout_s, access.read_timeout_s
        try:
            with self.errors():
                self._client = _client_of(os.getpid())
        except ImportError as error:
            raise not_installed(reference, "gs") from error

    def fetch(self, offset: int, size: int | None, version: str | None) -> _Answer:
        """Ask for a part, or (None) for all; see `remote.Fetch`."""
        blob = self.look(version)
        with self.errors():
            file = blob.open(
                "rb",
                chunk_size=WINDOW_BYTES if size is None else min(size, BLOCK_BYTES),
                raw_download=True,
                if_generation_match=blob.generation,
                timeout=self._timeout,
                retry=None,
            )
            file.seek(offset)
        return _Answer(int(blob.size or 0), str(blob.generation), file, self)

    def look(self, version: str | None) -> Any:
        """Ask for the object's size and generation."""
        with self.errors():
            blob = self._client.bucket(self._found.bucket).blob(self._found.key)
            generation = int(version) if version else None
            blob.reload(if_generation_match=generation, timeout=self._timeout, retry=None)
        return blob

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Tell what is wrong with the object from what is wrong with its store for now."""
        from google.api_core.exceptions import GoogleAPICallError, NotFound, PreconditionFailed
        from google.auth.exceptions import GoogleAuthError

        media = f"The media {shown(self._reference)}"
        try:
            yield
        except NotFound as error:
            raise MediaRefused("media_missing", f"{media} is not there; correct it or bring it.") from error
        except PreconditionFailed as error:
            raise changed(self._reference, "since it was looked at") from error
        except GoogleAPICallError as error:
            raise MediaUnavailable(f"{media} is refused by its store now ({error.code}).") from error
        except (GoogleAuthError, HTTPError, OSError, ValueError) as error:  # those of requests are among them
            raise MediaUnavailable(f"{media} cannot be read now: {type(error).__name__}.") from error


@dataclass(slots=True, eq=False)
class _Answer:
    """The object's bytes, from the place that was asked for on; see `remote.Fetched`."""

    size_bytes: int
    version: str
    file: Any
    store: _GS

    def read(self, size: int) -> bytes:
        """Read on, at most `size` bytes."""
        with self.store.errors():
            return bytes(self.file.read(size))

    def close(self) -> None:
        """Let go of it."""
        self.file.close()


@lru_cache(1)
def _client_of(_process: int) -> Any:
    """Make this process's client."""
    from google.cloud import storage

    return storage.Client(project=None)
