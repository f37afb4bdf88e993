"""What the options of `backfill` say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.cli.backfill.kept import is_read_once
from pipeline.manifest import Reading


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options say.

    Attributes:
        checks: Whether the whole manifest is checked before; None: unless it is a pipe, which may come
            slowly and would have to be kept.
        strict: Whether nothing is handed in where a row would be rejected.
    """

    manifest: Path
    reading: Reading
    map_path: Path | None = None
    batch: str | None = None
    media_root: str | None = None
    links: bool = False
    checks: bool | None = None
    strict: bool = False
    rejected: Path | None = None
    waits: bool = True
    as_json: bool = False

    @property
    def is_checked(self) -> bool:
        """Tell whether the manifest is checked before anything is handed in."""
        return self.strict or (not is_read_once(self.manifest) if self.checks is None else self.checks)
