"""Local files below the media roots.

Invariants: what is opened lies below a root after every symlink is followed, and is a regular file. Both are
certain of the opened file itself, not of what its path named a moment before: each folder on the way is
opened from the one above it without following symlinks, and the open file is asked what it is. A FIFO blocks
nothing.

A path that is not there is refused. A root that is not there, or an empty one where something is missing, is
most often a share that is not mounted: that is MediaUnavailable, and waited for.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pipeline.errors import IngestError, MediaRefused, MediaUnavailable

_FILE_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
# A folder that may be passed through but not listed opens only for its path, where the system knows that.
_FOLDER_FLAGS = getattr(os, "O_PATH", os.O_RDONLY) | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_DIRECTORY

_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM})
_NO_FILE = frozenset({errno.ENXIO, errno.ENODEV, errno.EISDIR, errno.ELOOP})


class LocalFile:
    """A local file, opened for reading; see `source.Opened` for what each part means."""

    def __init__(self, reference: str, root: str, path: str) -> None:
        self.reference = reference
        self._root = root
        self._path = path
        self.name = path.rpartition("/")[2]
        self._offset = 0
        self._file, found = _open_regular(reference, root, path)
        self.size_bytes = found.st_size
        self.fingerprint = _fingerprint(found)

    def read(self, size: int) -> bytes:
        """Read on, at most `size` bytes; empty only at the end."""
        block = self.read_at(self._offset, size)
        self._offset += len(block)
        return block

    def read_at(self, offset: int, size: int) -> bytes:
        """Read from `offset`, at most `size` bytes."""
        try:
            return os.pread(self._file, size, offset)
        except OSError as error:
            raise _refusal(self.reference, error) from error

    def fingerprint_now(self) -> str:
        """Open the same path anew: also notices a file that was replaced while the old one stayed open."""
        try:
            file, found = _open_regular(self.reference, self._root, self._path)
        except FileNotFoundError:
            return "gone"
        os.close(file)
        return _fingerprint(found)

    def close(self) -> None:
        """Close the file."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)


def open_local(reference: str, roots: Sequence[Path]) -> LocalFile:
    """Open a path: a relative one below each root in turn, an absolute one if it lies below a root.

    Raises:
        MediaRefused: `media_missing`, `media_outside_roots` or `media_unreadable`.
        MediaUnavailable: The file system does not answer, or a root is not there, or none is set.
    """
    if not roots:
        # One worker that was set up wrong must not make dead letters of what others could send.
        raise MediaUnavailable(
            f"The media {reference!r} is a local file, and no media root is set; set GONG_INGEST_MEDIA_ROOTS."
        )
    if plain := _opened_plainly(reference, roots[0]):
        return plain
    real_roots, outside = [], 0
    for root in map(_real_root, roots):
        real_roots.append(root)
        path = os.path.realpath(f"{root}/{reference}" if reference[:1] != "/" else reference)
        if _parts_below(root, path) is None:
            outside += 1
            continue
        with suppress(FileNotFoundError):
            return LocalFile(reference, root, path)
    # A relative path belongs to every root, so one way out is wrong; an absolute one has to lie below any.
    if outside == len(roots) or (outside and not Path(reference).is_absolute()):
        raise MediaRefused("media_outside_roots", _outside(reference, roots))
    raise _missing(reference, real_roots)


def _opened_plainly(reference: str, root: Path) -> LocalFile | None:
    """Open what lies below the first root by its very path; None if it does not, or a symlink is on the way.

    Nearly all media does, and to look for symlinks takes longer than to open it where there are none.
    """
    if reference[:1] == "/" or not {".", ".."}.isdisjoint(reference.split("/")):
        return None
    try:
        return LocalFile(reference, str(root), f"{root}/{reference}")
    except (FileNotFoundError, MediaRefused):
        return None


def _open_regular(reference: str, root: str, path: str) -> tuple[int, os.stat_result]:
    """Open a file below a root.

    Raises:
        FileNotFoundError: There is nothing; the caller knows whether another root may have it.
        MediaRefused: It is not a regular file, or may not be read.
        MediaUnavailable: The file system does not answer.
    """
    file = -1
    try:
        file = _open_beneath(root, _parts_below(root, path) or [])
        found = os.fstat(file)
        if stat.S_ISREG(found.st_mode):
            keep, file = file, -1
            return keep, found
    except OSError as error:
        if error.errno in _MISSING:
            raise FileNotFoundError(error.errno, error.strerror, reference) from error
        raise _refusal(reference, error) from error
    finally:
        if file >= 0:
            os.close(file)
    sort = _sort(found.st_mode)
    raise MediaRefused("media_unreadable", f"The media {reference!r} is {sort}, not a file; name a file.")


def _parts_below(root: str, path: str) -> list[str] | None:
    """Give the parts of a path below a root, both of them real paths; None if it does not lie below.

    As text: pathlib takes longer than the system does to open the file.
    """
    folder = root.rstrip("/")
    if path != root and not path.startswith(f"{folder}/"):
        return None
    return [part for part in path[len(folder) :].split("/") if part]


def _open_beneath(root: str, parts: Sequence[str]) -> int:
    """Open folder by folder, each from the one above: a symlink put in meanwhile is not followed (ELOOP)."""
    folder = os.open(root, _FOLDER_FLAGS)
    try:
        for part in parts[:-1]:
            below = os.open(part, _FOLDER_FLAGS, dir_fd=folder)
            os.close(folder)
            folder = below
        return os.open(parts[-1] if parts else ".", _FILE_FLAGS, dir_fd=folder)
    finally:
        os.close(folder)


def _real_root(root: Path) -> str:
    try:
        return os.path.realpath(root, strict=True)
    except OSError as error:
        raise MediaUnavailable(
            f"The media root {str(root)!r} cannot be reached ({error.strerror}); is its share mounted?"
        ) from error


def _refusal(reference: str, error: OSError) -> IngestError:
    """Tell what is wrong with the media from what is wrong with its place for now."""
    if error.errno in _FORBIDDEN:
        return MediaRefused(
            "media_unreadable", f"The media {reference!r} may not be read ({error.strerror}); allow it."
        )
    if error.errno in _NO_FILE:
        return MediaRefused(
            "media_unreadable", f"The media {reference!r} is not a file that can be read ({error.strerror})."
        )
    return MediaUnavailable(f"The media {reference!r} cannot be read for now ({error.strerror or error}).")


def _missing(reference: str, roots: Sequence[str]) -> IngestError:
    below = ", ".join(map(repr, roots))
    if any(map(_is_empty, roots)):
        return MediaUnavailable(
            f"The media {reference!r} is not there, and a root is empty ({below}); is its share mounted?"
        )
    return MediaRefused(
        "media_missing",
        f"The media {reference!r} is not there; looked below {below}. Correct the path or bring it.",
    )


def _is_empty(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except OSError:
        return False


def _outside(reference: str, roots: Sequence[Path]) -> str:
    below = ", ".join(repr(str(root)) for root in roots)
    return (
        f"The media {reference!r} does not lie below a media root ({below}); move it there or add its folder."
    )


def _sort(mode: int) -> str:
    sorts = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}
    return sorts.get(stat.S_IFMT(mode), "a device")


def _fingerprint(found: os.stat_result) -> str:
    """Name a version of a file; not by device, whose number differs from machine to machine on a share.

    The time of the last change of its record as well: nobody can put that back.
    """
    return f"{found.st_ino}/{found.st_size}/{found.st_mtime_ns}/{found.st_ctime_ns}"
