"""The last answer of the token address on this machine's disk, sealed, for when the ledger did not get it.

Between an answer with a new refresh token and its way into the ledger a process may be killed, or the ledger
be out of reach, and a server may lose its last second. The token in it is then the only one that works. So
the folder has a name, by which the ledger keeps who asked: its place.
"""

from __future__ import annotations

import logging
import os
import socket
import tempfile
import uuid
from contextlib import suppress
from pathlib import Path

from pipeline.authorization.pair import Pair, Seal, fingerprint
from pipeline.errors import AccessMissing

log = logging.getLogger(__name__)


class Spare:
    """One file and one with the name of its place, replaced whole; for their owner alone."""

    def __init__(self, folder: Path, namespace: str, seal: Seal) -> None:
        self._path = folder / f"oauth-{namespace}.sealed"
        self._place = folder / f"oauth-{namespace}.place"
        self._seal = seal

    @property
    def place(self) -> str:
        """Give the name of the place; empty before anybody asked from here, or if it can't be read."""
        try:
            return self._place.read_text("utf-8").strip()
        except (OSError, UnicodeError):
            return ""

    def name_place(self) -> str:
        """Give the place a name if it has none; empty if nothing can be kept here.

        It is for those who ask, of whom there is one at a time: two would give two names.
        """
        if not self.place:
            # The name of the machine is for people: that of a container is another one after each start.
            with suppress(OSError):
                self._write(self._place, f"{socket.gethostname()}-{uuid.uuid4().hex[:12]}")
        return self.place

    def keep(self, pair: Pair) -> None:
        """Write a pair to the disk; a machine without room for it goes on without."""
        try:
            self._write(self._path, self._seal.seal(pair))
        except OSError as error:
            log.warning("New OAuth tokens could not be kept in %s: %s.", self._path, error.strerror)

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".oauth-")
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except OSError:
            with suppress(OSError):
                Path(name).unlink()
            raise

    def given_for(self, refresh_token: str) -> Pair | None:
        """Give the pair that this refresh token was used for, if it was on this machine."""
        try:
            pair = self._seal.open(self._path.read_text("utf-8"))
        except (OSError, UnicodeError, AccessMissing):
            return None
        return pair if pair.of == fingerprint(refresh_token) else None
