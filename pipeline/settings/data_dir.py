"""Where a user's data lies unless a setting says so."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def default_data_dir() -> Path:
    """Give the platform's own place for a user's data; without a home one that cannot be."""
    try:
        return platformdirs.user_data_path("gong-ingest", appauthor=False)
    except RuntimeError:
        return Path(os.devnull) / "gong-ingest"
