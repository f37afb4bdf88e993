"""What every place that media may lie in has to offer: to be opened, and to tell whether it stayed the same.

A source raises MediaRefused for what is wrong with the media, MediaUnavailable for its place, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol


class Opened(Protocol):
    """Media opened at its source. What is probed, hashed and sent comes from this one opening."""

    @property
    def name(self) -> str:
        """The last part of the path or address, as it is there."""

    @property
    def size_bytes(self) -> int:
        """The size when it was opened."""

    @property
    def fingerprint(self) -> str:
        """Text that differs as soon as the content does, as it was when it was opened."""

    def read(self, size: int) -> bytes:
        """Read on, at most `size` bytes; empty only at the end."""

    def read_at(self, offset: int, size: int) -> bytes:
        """Read from `offset`, `size` bytes or as many as there are; does not move where `read` reads on."""

    def fingerprint_now(self) -> str:
        """Look again, under the same reference: what `fingerprint` would be if it were opened now."""

    def close(self) -> None:
        """Let go of it; may be called twice."""


Source = Callable[[str, Sequence[Path]], Opened]
"""Opens a reference; the folders are those below which local media may lie."""
