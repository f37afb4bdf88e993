"""The program in a newer version: a copy of this one that writes payloads of the next version.

It reads those of this version too, as every newer version must.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.chaos.fleet import ROOT

PACKAGES = ("pipeline", "workers")
# By file, what stands there and what the newer version has instead.
CHANGES = {
    "pipeline/__init__.py": {'__version__ = "': '__version__ = "999.'},
    "pipeline/job.py": {
        "PAYLOAD_VERSION = 1\n": "PAYLOAD_VERSION = 2\n",
        # known are both
        "[0] == str(PAYLOAD_VERSION)": '[0] in ("1", "2")',
    },
}


def write_newer_version(folder: Path) -> Path:
    """Write the newer version into a folder, which becomes the root of its programs."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, changes in CHANGES.items():
        path = folder / name
        text = path.read_text("utf-8")
        for old, new in changes.items():
            assert text.count(old) == 1, f"{name} has {old!r} {text.count(old)} times, not once."
            text = text.replace(old, new)
        path.write_text(text, "utf-8")
    return folder
