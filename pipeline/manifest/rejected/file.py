"""The file of a manifest's rejected rows: written beside the one before it, which it replaces as a whole.

Invariants: memory does not grow with the rows. Until every row is written, and somebody says so, the file of
an earlier run stays as it was: it may be the very manifest that is read, and a run may end in the middle.
What a person may have mended is never lost: a file that has other rows than the one that replaces it, or that
is not needed any more, stays with `.bak` behind its name.
"""

from __future__ import annotations

import codecs
import os
import secrets
import shutil
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path
from typing import IO

from pipeline.errors import SettingsInvalid
from pipeline.manifest.opening import COMPRESSED_ENDINGS, STANDARD_INPUT
from pipeline.manifest.reader import Manifest
from pipeline.manifest.rejected.form import LinesForm, TableForm
from pipeline.manifest.row import RejectedRow

_MARK = ".rejected"
_BEFORE = ".bak"
_ENDINGS = {".csv": False, ".tsv": False, ".jsonl": True, ".ndjson": True}
# Whoever may read the manifest may read the file; nobody needs to run it.
_READ_AND_WRITE, _OWN = 0o666, 0o600


def own_name(path: Path, *, is_replay: bool) -> str:
    """Return a manifest's own name: of rejected rows that of the manifest in which they first stood.

    But a file of rejected rows may be called anything; then this is the name of no manifest.
    """
    if path == STANDARD_INPUT or path.is_relative_to("/dev/fd"):
        return "stdin"
    name = (path.with_suffix("") if _is_compressed(path) else path).stem
    return (name.removesuffix(_MARK) if is_replay else name) or name


class RejectedFile:
    """Rejected rows on their way into their file.

    Args:
        manifest: Whose they are.
        path: Where a person wants it; beside the manifest when left out, or in the current folder. Rows of
            a file of rejected ones stay in that file.

    Attributes:
        path: Where it will be.
        rows: How many were written.
        is_of_replay: Whether the manifest is such a file itself.

    Raises:
        SettingsInvalid: It cannot be where it is wanted.
    """

    def __init__(self, manifest: Manifest, path: Path | None = None) -> None:
        self._manifest = manifest.path if isinstance(manifest.path, Path) else STANDARD_INPUT
        self._form = (
            TableForm(manifest.table, manifest.header)
            if manifest.table
            else LinesForm(is_marked=not _is_utf_8(manifest.encoding))
        )
        self.path = path or self._own_place(is_replay=manifest.is_replay)
        self.is_of_replay = manifest.is_replay
        self.rows = 0
        self._file: IO[bytes] | None = None
        # Known before it is there, so that it is removed whenever the run ends.
        self._unfinished = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}")
        if path:
            self._refuse_what_cannot_be(path)

    def add(self, row: RejectedRow) -> None:
        """Write a row.

        Raises:
            OSError: There is no place for it.
        """
        if self._file is None:
            self._file = self._begun()
        self._file.write(self._form.line_of(row))
        self.rows += 1

    def finish(self) -> Path | None:
        """Put the file in its place; gives where the one before it is kept, if that had other rows.

        Raises:
            OSError: It cannot be there; the one before it is as it was.
        """
        kept = self.path.with_name(self.path.name + _BEFORE)
        if self._file is None:
            return self.path.replace(kept) if self.path.exists() else None
        with self._file as file:
            file.flush()
            os.fsync(file.fileno())
        has_others = self.path.exists() and not self._has_the_same_rows()
        if has_others:
            _keep(self.path, kept)
        self._unfinished.replace(self.path)
        self._file = None
        return kept if has_others else None

    def discard(self) -> None:
        """Leave the file as it was, unless this one is finished; may be called twice."""
        if self._file:
            with suppress(OSError):  # what is left to write finds no place either
                self._file.close()
        self._unfinished.unlink(missing_ok=True)
        self._file = None

    def _begun(self) -> IO[bytes]:
        mode = self._manifest.stat().st_mode & _READ_AND_WRITE if self._manifest.is_file() else 0
        descriptor = os.open(self._unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWN)
        os.fchmod(descriptor, mode | _OWN)
        file = os.fdopen(descriptor, "wb")
        file.write(self._form.head)
        return file

    def _has_the_same_rows(self) -> bool:
        """Tell whether nobody has changed the rows of an earlier run; its reasons may be others."""
        with self._unfinished.open("rb") as new, self.path.open("rb") as old:
            pairs = zip_longest(new, old, fillvalue=b"")
            return all(self._form.without_reason(a) == self._form.without_reason(b) for a, b in pairs)

    def _own_place(self, *, is_replay: bool) -> Path:
        path = self._manifest
        own = own_name(path, is_replay=is_replay)
        # What is not compressed stays where it is; a table's ending too, whatever a spreadsheet has made of
        # the separator.
        is_kept = path.is_file() and not path.is_relative_to("/dev") and not _is_compressed(path)
        if is_replay and is_kept and _is_writable(path):
            return path
        is_own = is_replay and path.stem == f"{own}{_MARK}"
        name = path.name if is_own else f"{own}{_MARK}{self._form.ending}"
        beside = path.with_name(name) if path.is_file() else Path(name)
        return beside if _is_writable(beside) else Path(name)

    def _refuse_what_cannot_be(self, path: Path) -> None:
        if path.exists() and not path.is_file():
            raise SettingsInvalid(f"{path} is no file that rejected rows could be written to.")
        if path.exists() and self._manifest.exists() and path.samefile(self._manifest):
            raise SettingsInvalid(f"{path} is the manifest itself; name another file for its rejected rows.")
        if not path.absolute().parent.is_dir() or not _is_writable(path):
            raise SettingsInvalid(
                f"{path} cannot be written: its folder is missing or may not be written to."
            )
        is_lines = isinstance(self._form, LinesForm)
        if _ENDINGS.get(path.suffix.lower(), is_lines) is not is_lines:
            raise SettingsInvalid(
                f"Rejected rows have their manifest's form; name a file that ends in {self._form.ending}."
            )


def _keep(path: Path, kept: Path) -> None:
    """Let a file be found by another name as well, so that its own is never without one."""
    kept.unlink(missing_ok=True)
    try:
        kept.hardlink_to(path)
    except OSError:  # not every file system has links
        shutil.copy2(path, kept)


def _is_compressed(path: Path) -> bool:
    return path.suffix.lower() in COMPRESSED_ENDINGS


def _is_writable(path: Path) -> bool:
    return os.access(path.absolute().parent, os.W_OK) and (path.is_file() or not path.exists())


def _is_utf_8(encoding: str | None) -> bool:
    return encoding is None or codecs.lookup(encoding).name in {"utf-8", "utf-8-sig"}
