"""The last answer of the token address on this machine's disk, sealed, for when the ledger did not get it.

Between an answer with a new refresh token and its way into the ledger a process may be killed, or the ledger
be out of reach, and a server may lose its last second. The token in it is then the only one that works.
"""

from __future__ import annotations

import logging
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from pipeline.authorization.pair import Pair, Seal, fingerprint
from pipeline.errors import AccessMissing

log = logging.getLogger(__name__)


class Spare:
    """One file, replaced whole; for its owner alone."""

    def __init__(self, folder: Path, namespace: str, seal: Seal) -> None:
        self._path = folder / f"oauth-{namespace}.sealed"
        self._seal = seal

    def keep(self, pair: Pair) -> None:
        """Write a pair to the disk; a machine without room for it goes on without."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=".oauth-")
            try:
                with os.fdopen(descriptor, "w") as file:
                    file.write(self._seal.seal(pair))
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(self._path)
            except OSError:
                with suppress(OSError):
                    Path(name).unlink()
                raise
        except OSError as error:
            log.warning("New OAuth tokens could not be kept in %s: %s.", self._path, error.strerror)

    def given_for(self, refresh_token: str) -> Pair | None:
        """Give the pair that this refresh token was used for, if it was on this machine."""
        try:
            pair = self._seal.open(self._path.read_text("utf-8"))
        except (OSError, UnicodeError, AccessMissing):
            return None
        return pair if pair.of == fingerprint(refresh_token) else None
