"""Media that producers upload themselves: where it lies until its job is done.

Invariants: a file has its name only when all of it is on the disk. The name is made of the job's id and of
what the recording is, its call and the bytes of its media: the same recording handed in again has the same
name, any other has another one, and nobody's file is ever replaced. Nothing is left of an upload that is
broken off; what a killed server leaves is swept.
Who removes what: a file is removed when its job is done, by whoever runs the API (`sweep`). One whose job is
dead or cancelled stays, because it can be brought back; one whose job the ledger does not know stays for a
week, because the ledger may be the wrong one, and the file is all there is.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from pipeline.api.body import too_large
from pipeline.api.problem import Refused
from pipeline.errors import LedgerRefused, MediaRefused, SettingsInvalid
from pipeline.job import State, job_id_of
from pipeline.media import MAX_MEDIA_BYTES, Access, probe
from pipeline.payload import content_hash_of
from pipeline.settings import Settings

log = logging.getLogger(__name__)

INCOMING = ".incoming"
ENDING = ".media"
# A client that is silent for so long was given up long before.
INCOMING_KEPT_S = 3600.0
UNKNOWN_KEPT_S = 7 * 86_400.0
_FOLDER = re.compile("[0-9a-f]{2}")
_NAME = re.compile(rf"([0-9a-f]{{24}})-[\w-]+{re.escape(ENDING)}")

States = Callable[[Sequence[str]], Sequence[State | None]]
"""Looks up the states of jobs by their ids."""


@dataclass(slots=True)
class Incoming:
    """A file that is being received."""

    file: IO[bytes]
    size_bytes: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    def write(self, content: bytes | bytearray) -> None:
        """Write on.

        Raises:
            Refused: It is larger than media may be (413), or the disk takes no more (503).
        """
        self.size_bytes += len(content)
        if self.size_bytes > MAX_MEDIA_BYTES:
            raise too_large(MAX_MEDIA_BYTES, "Media")
        self.digest.update(content)
        with _written():
            self.file.write(content)

    @property
    def path(self) -> Path:
        """Where it lies now."""
        return Path(self.file.name)


@dataclass(frozen=True, slots=True)
class Uploads:
    """The folder of one namespace's uploads.

    Attributes:
        root: The media root below which it lies.
        folder: The folder itself.
    """

    root: Path
    folder: Path
    _said: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, settings: Settings) -> Uploads | None:
        """Give the configured place; None if there is none.

        Raises:
            SettingsInvalid: It lies below no media root, so no worker would find what is in it.
        """
        if settings.api_uploads is None:
            return None
        place = settings.api_uploads.resolve()
        for root in settings.media_roots:
            if isinstance(root, Path) and place.is_relative_to(root.resolve()):
                return cls(root.resolve(), place / settings.namespace)
        raise SettingsInvalid(
            f"GONG_INGEST_API_UPLOADS must be below a folder of GONG_INGEST_MEDIA_ROOTS, from which the "
            f"workers read; {place} is not."
        )

    @contextmanager
    def receiving(self) -> Iterator[Incoming]:
        """Receive a file; whatever was not kept is gone with the block."""
        with _written():
            incoming = self.folder / INCOMING
            incoming.mkdir(parents=True, exist_ok=True, mode=0o750)
            file = (incoming / uuid.uuid4().hex).open("xb")
        try:
            with file:
                yield Incoming(file)
        finally:
            Path(file.name).unlink(missing_ok=True)

    def keep(self, incoming: Incoming, call: dict[str, Any]) -> tuple[str, bool]:
        """Let a file that is complete lie where workers find it.

        Args:
            incoming: The file.
            call: The call that it belongs to, already checked.

        Returns:
            How a recording names it, and whether it was not there before.

        Raises:
            MediaRefused: It is empty, or neither audio nor video.
            Refused: The disk takes no more (503).
        """
        job_id = job_id_of(call["clientUniqueId"])
        name = f"{job_id}-{content_hash_of(call, incoming.digest.hexdigest())}{ENDING}"
        path = self.folder / job_id[:2] / name
        with _written():
            incoming.file.flush()
            os.fsync(incoming.file.fileno())
        self._look_at(incoming.path)
        with _written():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
            is_new = _put(incoming.path, path)
            _sync(path.parent)
        return self._reference(path), is_new

    def remove(self, reference: str) -> None:
        """Remove a file that no job needs."""
        with suppress(OSError):
            (self.root / reference).unlink()

    def sweep(self, states: States, *, now: float | None = None) -> int:
        """Remove what nobody needs any more; gives how many files.

        A folder that cannot be read, as when its mount is gone, or a ledger that refuses, ends it for now,
        and is said once.

        Raises:
            LedgerUnreachable: Nothing is known of the jobs now; they are asked for the next time.
        """
        removed = 0
        try:
            for path in self._unneeded(states, time.time() if now is None else now):
                removed += _unlink(path)
        except (OSError, LedgerRefused) as error:
            if self._said != [str(error)]:
                log.warning("Uploads are not swept until this is mended: %s", error)
            self._said[:] = [str(error)]
        else:
            self._said.clear()
        return removed

    def _unneeded(self, states: States, now: float) -> Iterator[Path]:
        for path in _listed(self.folder / INCOMING):
            if _age_s(path, now) > INCOMING_KEPT_S:
                yield path
        for folder in _listed(self.folder):
            if not _FOLDER.fullmatch(folder.name):
                continue
            files = [(path, found[1]) for path in _listed(folder) if (found := _NAME.fullmatch(path.name))]
            for (path, _), state in zip(files, states([job_id for _, job_id in files]), strict=True):
                if state is State.DONE or (state is None and _age_s(path, now) > UNKNOWN_KEPT_S):
                    yield path

    def _look_at(self, path: Path) -> None:
        """Refuse what is no media; where it lies is nobody's business."""
        try:
            probe(str(path), Access(roots=(self.root,)))
        except MediaRefused as error:
            raise MediaRefused(error.code, str(error).replace(str(path), "the file")) from None

    def _reference(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


def _put(source: Path, path: Path) -> bool:
    """Give a file its name unless there is one of that name, which has the same bytes then."""
    try:
        os.link(source, path)
    except FileExistsError:
        return False
    except OSError:
        # Not every file system has links.
        return _renamed(source, path)
    return True


def _renamed(source: Path, path: Path) -> bool:
    if path.exists():
        return False
    source.rename(path)
    return True


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _listed(folder: Path) -> list[Path]:
    """List what lies in a folder; in one that is not there nothing does.

    Raises:
        OSError: It cannot be read.
    """
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _age_s(path: Path, now: float) -> float:
    with suppress(OSError):
        return now - path.stat().st_mtime
    return 0.0


def _unlink(path: Path) -> bool:
    with suppress(OSError):
        path.unlink()
        return True
    return False


@contextmanager
def _written() -> Iterator[None]:
    """Refuse what the disk does not take."""
    try:
        yield
    except OSError as error:
        raise Refused(
            503,
            "uploads_not_writable",
            f"The place of uploads cannot be written: {error.strerror}.",
            headers={"Retry-After": "60"},
        ) from error
