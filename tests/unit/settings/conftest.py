"""Settings are read in an environment in which nothing is set, and from no file of the person who tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

WriteConfig = Callable[[str], Path]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("GONG_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GONG_INGEST_CONFIG", os.devnull)


@pytest.fixture
def write_config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> WriteConfig:
    """Give a function that writes the file of profiles and gives its path."""

    def write(text: str) -> Path:
        path = tmp_path / "config" / "config.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
        path.chmod(0o600)
        monkeypatch.setenv("GONG_INGEST_CONFIG", str(path))
        return path

    return write
