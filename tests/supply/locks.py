"""The lock files, as uv writes them: what is locked, by which hashes, and who wants it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

TREE = Path(__file__).parents[2]
PROJECT = "gong-call-ingest"
# What pip installs beside the wheel, and what the image holds: with every extra, without the embedded server.
RUNTIME = ("requirements.lock", "requirements-image.lock")

_ENTRY = re.compile(
    r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ ;\\\n]+)(?: ; (?P<marker>[^\\\n]+?))? \\$", re.MULTILINE
)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_WANTED_BY = re.compile(r"^    #(?: via|  ) ([a-z0-9-]+)(?: \(([^)]*)\))?$", re.MULTILINE)


class Locked(NamedTuple):
    """A package at its one version.

    Attributes:
        marker: Where it is installed; '' for everywhere.
        hashes: SHA-256 of each of its files.
        wanted_by: The packages that need it; the project itself where pyproject.toml names it.
    """

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    wanted_by: tuple[str, ...]


def read_lock(text: str) -> list[Locked]:
    """Read a lock file, in its order; what only builds is wanted by nobody."""
    entries = list(_ENTRY.finditer(text))
    ends = [entry.start() for entry in entries[1:]] + [len(text)]
    return [_locked(entry, text[entry.end() : end]) for entry, end in zip(entries, ends, strict=True)]


def runtime(packages: Iterable[Locked]) -> list[Locked]:
    """Leave out what is there to build the wheel only, and what only that needs."""
    left = list(packages)
    while gone := {package.name for package in left if not package.wanted_by}:
        left = [
            package._replace(wanted_by=tuple(name for name in package.wanted_by if name not in gone))
            for package in left
            if package.name not in gone
        ]
    return left


def runtime_of(names: Sequence[str] = RUNTIME) -> dict[str, Locked]:
    """Give what these lock files of the tree have to run, by name."""
    return {
        package.name: package
        for name in names
        for package in runtime(read_lock((TREE / name).read_text("utf-8")))
    }


def _locked(entry: re.Match[str], rest: str) -> Locked:
    found = _WANTED_BY.findall(rest)
    wanted = [name for name, place in found if not place.endswith(":build")]
    return Locked(
        entry["name"],
        entry["version"],
        entry["marker"] or "",
        tuple(sorted(_HASH.findall(rest))),
        tuple(sorted(set(wanted))),
    )
