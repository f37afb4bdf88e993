"""What a run's manifest is to its batch: by its name, by where it lies, and by what stands in it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from pipeline.cli.backfill.kept import is_read_once
from pipeline.errors import SettingsInvalid
from pipeline.ledger import INTAKE_MANIFEST, KnownManifest
from pipeline.manifest import Reading


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """The file that a manifest is read from.

    Attributes:
        manifest: As it was named.
        reading: How it is read; its `content` is the file where what was named cannot be read twice.
    """

    manifest: Path
    reading: Reading

    def state(self) -> object:
        """Return what differs when the file is written to, or is another one; None where there is no file."""
        try:
            found = os.stat(self._path)  # noqa: PTH116 # once a row
        except OSError:
            return None
        if not S_ISREG(found.st_mode):
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def fingerprint(self) -> str:
        """Hash the bytes, if they can be read twice: SHA-256 in hexadecimal digits, else ''."""
        if is_read_once(self._path):
            return ""
        with self._path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def place(self) -> str:
        """Say where it lies; '' of what has no place."""
        is_file = self.reading.content is None and not is_read_once(self.manifest)
        return str(self.manifest.resolve()) if is_file else ""

    @property
    def _path(self) -> Path:
        return self.reading.content or self.manifest


def name_of_replay(
    path: Path, own: str, manifests: Iterable[KnownManifest], *, batch: str, suffix: str
) -> str:
    """Return the name of the manifest in which rejected rows stand, whatever their file is called.

    Args:
        path: The file of rejected rows.
        own: The name that this file has by itself.
        manifests: Those that the batch knows.
        batch: Its name.
        suffix: How files of rejected rows end.

    Raises:
        SettingsInvalid: They may be of several.
    """
    names = [each.name for each in manifests if each.number and each.name != INTAKE_MANIFEST]
    if not names or own in names:
        return own
    if len(names) > 1:
        files = " or ".join(f"{name}.rejected{suffix}" for name in sorted(names))
        raise SettingsInvalid(
            f"The batch {batch} has several manifests, and {path} does not say in which of them its rows "
            f"stand. Hand them in from a file that is named after it: {files}."
        )
    return names[0]


def is_another(file: ManifestFile, place: str, known: KnownManifest | None) -> bool:
    """Tell whether the batch knows by the same name a manifest that lies elsewhere, and differs."""
    if known is None or "" in {place, known.place} or place == known.place:
        return False
    return known.fingerprint != file.fingerprint()
