"""Puts media where a test wants it, and asks for its refusal."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import MediaRefused
from pipeline.media import Access, probe
from tests.unit.media.samples import MP3_FRAME


def write(path: Path, content: bytes = MP3_FRAME * 5) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def refusal_of(reference: str, *roots: Path) -> MediaRefused:
    with pytest.raises(MediaRefused) as raised:
        probe(reference, Access(roots))
    return raised.value
