"""The program in a newer version: a copy of this one that writes payloads of the next version.

It reads those of this version too, as every newer version must. One that changes the format of the ledger
itself reads no other.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.chaos.fleet import ROOT

PACKAGES = ("pipeline", "workers")
# By file, what stands there and what the newer version has instead.
CHANGES = {
    "pipeline/__init__.py": {'__version__ = "': '__version__ = "999.'},
    "pipeline/payload.py": {
        "PAYLOAD_VERSION = 4\n": "PAYLOAD_VERSION = 8\n",
        # known are both
        "_KNOWN = (*_BEFORE,": '_KNOWN = (*_BEFORE, "4",',
    },
}
# What a version with another format of the ledger has besides.
OTHER_FORMAT = {"pipeline/lua/prelude.lua": {"local FORMAT = '1'": "local FORMAT = '2'"}}


def write_newer_version(folder: Path, *, other_format: bool = False) -> Path:
    """Write the newer version into a folder, which becomes the root of its programs."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, changes in (CHANGES | (OTHER_FORMAT if other_format else {})).items():
        path = folder / name
        text = path.read_text("utf-8")
        for old, new in changes.items():
            assert text.count(old) == 1, f"{name} has {old!r} {text.count(old)} times, not once."
            text = text.replace(old, new)
        path.write_text(text, "utf-8")
    return folder
