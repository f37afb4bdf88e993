"""A media root of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.media.sources import readers
from tests.waiting import await_true


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    (folder / "other.txt").write_text("so that the root is not empty")
    return folder


@pytest.fixture
def reads_to_an_end() -> Iterator[None]:
    """No thread that reads for a test is at work in the next one."""
    yield
    await_true(lambda: not readers(), "every thread that reads is through")
