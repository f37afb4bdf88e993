"""Files at SFTP servers that are roots.

Invariants: a server is known by its key in ~/.ssh/known_hosts or it is not spoken to. What is opened lies
below a root where the server says that it really is, and is a regular file.

paramiko and not sshfs: it is synchronous, so nothing of it runs on in a process that forks. Users are
authenticated by the keys in ~/.ssh and of an agent, or by GONG_INGEST_SFTP_PASSWORD.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pipeline.errors import MediaRefused, MediaUnavailable
from pipeline.media.access import Access
from pipeline.media.remote import RemoteMedia
from pipeline.media.source import refuse_dots, shown
from pipeline.media.sources.bucket import not_installed

PORT = 22
PIECE_BYTES = 1 << 15  # what every server gives for one request
WINDOW_BYTES = 1 << 20
"""Asked for at once: without waiting for each piece, and without holding more of a file in memory."""

# By process and server: a process that was forked off opens its own.
_CLIENTS: dict[tuple[int, tuple[str | None, str, int]], Any] = {}


class _Place(NamedTuple):
    user: str | None
    host: str
    port: int
    path: str

    def lies_below(self, root: _Place) -> bool:
        """Tell whether it is the root, or lies below it; the user is the root's."""
        folder = root.path.rstrip("/")
        is_same_host = self[1:3] == root[1:3] and self.user in {None, root.user}
        return is_same_host and (self.path == folder or self.path.startswith(f"{folder}/"))


def open_sftp(reference: str, access: Access) -> RemoteMedia:
    """Open a file; see `sources.open_source`."""
    place, root = _allowed(reference, access)
    return RemoteMedia(reference, place.path.rpartition("/")[2], _File(reference, place, root, access).fetch)


class _File:
    """One file, asked for its bytes."""

    def __init__(self, reference: str, place: _Place, root: _Place, access: Access) -> None:
        self._reference = reference
        self._place = place
        self._root = root
        self._access = access

    def fetch(self, offset: int, _size: int | None, _version: str | None) -> _Answer:
        """Open the file to be read from there; see `remote.Fetch`. Its version is told, not asked for."""
        with self.errors():
            client = _client(self._reference, self._root, self._access)
            path = self._real_path(client)
            self._refuse_irregular(client.stat(path))
            file = client.open(path, "rb")
            try:
                found = file.stat()
                self._refuse_irregular(found)
            except BaseException:
                file.close()
                raise
        size_bytes = int(found.st_size or 0)
        return _Answer(size_bytes, f"{found.st_mtime}/{size_bytes}", file, self, offset)

    def _real_path(self, client: Any) -> str:
        """Follow symlinks as the server does.

        Raises:
            MediaRefused: They lead out of the root.
        """
        path, root = (str(client.normalize(each)) for each in (self._place.path, self._root.path or "/"))
        if path != root and not path.startswith(f"{root.rstrip('/')}/"):
            raise _outside(self._reference)
        return path

    def _refuse_irregular(self, found: Any) -> None:
        if not stat.S_ISREG(found.st_mode or 0):
            raise MediaRefused(
                "media_unreadable", f"The media {shown(self._reference)} is not a file; name a file."
            )

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Tell what is wrong with the file from what is wrong with its server for now."""
        try:
            yield
        except (MediaRefused, MediaUnavailable):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.ENOENT:
                raise MediaRefused(
                    "media_missing", f"The media {shown(self._reference)} is not there; correct the path."
                ) from error
            # The library lets whatever its threads met come out here.
            let_go()
            what = str(error) or type(error).__name__
            raise MediaUnavailable(
                f"The media {shown(self._reference)} cannot be read now: {what}."
            ) from error


@dataclass(slots=True, eq=False)
class _Answer:
    """The file's bytes, from the place that was asked for on; see `remote.Fetched`."""

    size_bytes: int
    version: str
    file: Any
    of: _File
    offset: int

    def read(self, size: int) -> bytes:
        """Read on, at most `size` bytes; nothing of a file that is not as long any more."""
        end = min(self.offset + min(size, WINDOW_BYTES), self.size_bytes)
        pieces = [(begin, min(PIECE_BYTES, end - begin)) for begin in range(self.offset, end, PIECE_BYTES)]
        if not pieces:
            return b""
        with self.of.errors():
            # Behind an end that came nearer the library would wait for ever.
            if int(self.file.stat().st_size or 0) != self.size_bytes:
                return b""
            block = b"".join(self.file.readv(pieces))
        self.offset += len(block)
        return block

    def close(self) -> None:
        """Let go of it."""
        with self.of.errors():
            self.file.close()


def _allowed(reference: str, access: Access) -> tuple[_Place, _Place]:
    """Take a reference apart that a root allows, and give that root."""
    refuse_dots(reference, reference)
    place = _place_of(reference)
    if place is None or not place.path.rpartition("/")[2]:
        raise MediaRefused("media_unreadable", f"The media {shown(reference)} names no file; name one.")
    for root in map(_place_of, access.addresses("sftp")):
        if root is not None and place.lies_below(root):
            return place, root
    raise _outside(reference)


def _outside(reference: str) -> MediaRefused:
    return MediaRefused(
        "media_outside_roots",
        f"The media {shown(reference)} does not lie below a media root; to allow its folder, add it to "
        "GONG_INGEST_MEDIA_ROOTS, like sftp://user@host/folder.",
    )


def _place_of(address: str) -> _Place | None:
    """Take an address apart, its path letter by letter; None if it has a password or is none."""
    netloc, slash, path = address.partition("://")[2].partition("/")
    try:
        parts = urlsplit(f"sftp://{netloc}")
        user, host, port = parts.username, parts.hostname, parts.port or PORT
    except ValueError:
        return None
    return None if not host or parts.password is not None else _Place(user, host, port, slash + path)


def _client(reference: str, root: _Place, access: Access) -> Any:
    """Give this process's connection to the root's server; a new one if it was lost."""
    key = os.getpid(), root[:3]
    client = _CLIENTS.get(key)
    if client is None or client.get_channel().closed:
        let_go()
        try:
            client = _CLIENTS[key] = _connected(*root[:3], access)
        except ImportError as error:
            raise not_installed(reference, "sftp") from error
    return client


def let_go() -> None:
    """Close the connections of this process; what they are needed for opens new ones."""
    for key in [key for key in _CLIENTS if key[0] == os.getpid()]:
        _CLIENTS.pop(key).ssh.close()


def _connected(user: str | None, host: str, port: int, access: Access) -> Any:
    import paramiko

    ssh = paramiko.SSHClient()
    ssh.load_system_host_keys()
    ssh.set_missing_host_key_policy(paramiko.RejectPolicy())
    try:
        ssh.connect(
            host,
            port,
            user,
            access.sftp_password,
            timeout=access.connect_timeout_s,
            banner_timeout=access.connect_timeout_s,
            auth_timeout=access.read_timeout_s,
            channel_timeout=access.read_timeout_s,
        )
        client: Any = ssh.open_sftp()
        client.get_channel().settimeout(access.read_timeout_s)
    except BaseException:
        ssh.close()
        raise
    # The connection lives as long as what was opened on it.
    client.ssh = ssh
    return client
