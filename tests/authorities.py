"""A certificate authority of the tests' own, and the files of what it gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with those between it and its authority, and its key, each in a file."""

    path: Path
    key: Path


class Authority:
    """An authority whose files lie in a folder."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._authority = trustme.CA()
        self._folder = folder
        self.path = folder / f"{name}.pem"
        self._authority.cert_pem.write_to_path(self.path)

    def give(self, name: str, identities: Sequence[str], *, ended: bool = False) -> Certificate:
        """Give a certificate for these names and addresses, whose time is over perhaps."""
        until = datetime.now(UTC) - timedelta(days=1) if ended else None
        given = self._authority.issue_cert(*identities, not_after=until)
        certificate = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        for number, blob in enumerate(given.cert_chain_pems):
            blob.write_to_path(certificate.path, append=number > 0)
        given.private_key_pem.write_to_path(certificate.key)
        return certificate
