"""Standard input, kept so that it can be read twice: once to check it, and once to hand it in."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from pipeline.errors import ManifestUnreadable
from pipeline.manifest import Reading
from pipeline.manifest.opening import STANDARD_INPUT, name_of


def is_read_once(manifest: Path) -> bool:
    """Tell whether a manifest is standard input, or a pipe by another name."""
    return manifest == STANDARD_INPUT or (manifest.exists() and not (manifest.is_file() or manifest.is_dir()))


@contextmanager
def kept_input(manifest: Path, reading: Reading, console: Console) -> Iterator[Reading]:
    """Keep what comes in a temporary file, for as long as the block runs.

    Raises:
        ManifestUnreadable: It cannot be read, or there is no place for it.
    """
    with tempfile.NamedTemporaryFile(prefix="gong-ingest-input-") as file:
        try:
            with console.status("Reading standard input to its end …"):
                if manifest == STANDARD_INPUT:
                    shutil.copyfileobj(sys.stdin.buffer, file)
                else:
                    with manifest.open("rb") as stream:
                        shutil.copyfileobj(stream, file)
                file.flush()
        except OSError as error:
            raise ManifestUnreadable(
                f"{name_of(manifest)} could not be kept for the check: {error.strerror}. "
                "With --no-check it is handed in as it comes."
            ) from error
        yield replace(reading, content=Path(file.name))
