"""Media to send: WAV files, each time with other content, for the API takes none twice."""

from __future__ import annotations

import secrets
from pathlib import Path

from tests.recordings import wav

HEAD_BYTES = 1 << 20
# Behind the header of the file.
MARK_AT = 1000


def make(path: Path, size_bytes: int) -> Path:
    """Write a file of exactly so many bytes, in the cache of the system afterwards."""
    whole = wav(b"")[:40] + (size_bytes - 44).to_bytes(4, "little")
    block = secrets.token_bytes(min(HEAD_BYTES, size_bytes))
    with path.open("wb") as file:
        file.write(whole)
        while (rest := size_bytes - file.tell()) > 0:
            file.write(block[:rest])
    return path


def mark(path: Path) -> None:
    """Make the content of a file one that was never there."""
    with path.open("r+b") as file:
        file.seek(MARK_AT)
        file.write(secrets.token_bytes(16))
