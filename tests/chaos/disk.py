"""A disk of a server's own that can be full, while the disk of everything else is not.

It is a small file system in memory, mounted where only the server sees it: it ends with the server, whoever
is killed. Where a process may not mount anything (in most containers) the size of the server's files is
limited instead: its writes then fail with EFBIG, not with ENOSPC, which the server treats alike.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.chaos.telling import tell
from tests.environment import ENVIRONMENT
from tests.servers import Server, running_server

SIZE = "16m"
BLOCK_BYTES = 4096
# What becomes the server in the end, the folder of its data given as $0.
IN_A_MOUNT = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")
MOUNT = f'mount -t tmpfs -o size={SIZE} tmpfs "$0"'
UNDER_A_LIMIT = ("sh", "-c", 'trap "" XFSZ; exec "$@"')


class Disk(ABC):
    """The disk of a running server."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self._folder = folder

    @abstractmethod
    def fill(self) -> None:
        """Leave room for nothing more."""

    @abstractmethod
    def make_room(self) -> None:
        """Have room again."""

    @abstractmethod
    def copy_to(self, folder: Path) -> None:
        """Copy what lies on it into a new folder."""


class MountedDisk(Disk):
    """A file system of the server's own, that is full of something else."""

    @property
    def _seen(self) -> Path:
        """The server's folder as the server sees it."""
        return Path(f"/proc/{self.server.process.pid}/root{self._folder}")

    def fill(self) -> None:
        with suppress(OSError), (self._seen / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(BLOCK_BYTES))

    def make_room(self) -> None:
        (self._seen / "ballast").unlink()

    def copy_to(self, folder: Path) -> None:
        shutil.copytree(self._seen, folder)


class LimitedFiles(Disk):
    """A limit on the size of the files that the server writes."""

    def fill(self) -> None:
        largest = max(path.stat().st_size for path in self._folder.rglob("*"))
        self._limit(largest + BLOCK_BYTES // 4)

    def make_room(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def copy_to(self, folder: Path) -> None:
        shutil.copytree(self._folder, folder)

    def _limit(self, size_bytes: int) -> None:
        limits = (size_bytes, resource.RLIM_INFINITY)
        resource.prlimit(self.server.process.pid, resource.RLIMIT_FSIZE, limits)


def may_mount() -> bool:
    """Tell whether a process of ours may mount a file system for itself."""
    with tempfile.TemporaryDirectory() as folder:
        command = [*IN_A_MOUNT, MOUNT, folder]
        try:
            return (
                subprocess.run(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL, check=False).returncode
                == 0
            )
        except FileNotFoundError:
            return False


@contextmanager
def server_on_a_small_disk(*, answers_first: bool) -> Iterator[Disk]:
    """Run a server whose data lies on a disk that can be full; everything else of it lies elsewhere.

    One that answers before its file is on the disk refuses to write when that is full. One that does not
    ends, and its disk outlasts it.
    """
    mounted = answers_first and may_mount()
    tell("The server has a file system of its own." if mounted else "The server's files are limited in size.")
    folder = Path(tempfile.mkdtemp(prefix="disk-"))
    command = (*IN_A_MOUNT, f'{MOUNT} && exec "$@"') if mounted else UNDER_A_LIMIT
    synced = "everysec" if answers_first else "always"
    try:
        with running_server(through=[*command, str(folder)], dir=str(folder), appendfsync=synced) as server:
            yield MountedDisk(server, folder) if mounted else LimitedFiles(server, folder)
    finally:
        shutil.rmtree(folder)
