"""A record as one line: in text or in JSON.

Invariants: control characters of foreign text are written as text, so nobody forges a line or colours a
terminal; a trace is written line by line behind its record, indented. What is secret is hidden last, in
whatever was to be written.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime

from pipeline.logs.about import FIELDS, fields_now
from pipeline.logs.secrets import Hiding
from pipeline.printable import printable


class _Lines(logging.Formatter):
    def __init__(self, hiding: Hiding) -> None:
        super().__init__()
        self._hiding = hiding

    def _message_of(self, record: logging.LogRecord) -> str:
        return self._hiding.hide(record.getMessage())

    def _trace_of(self, record: logging.LogRecord) -> str:
        parts = [self.formatException(record.exc_info)] if record.exc_info else []
        if record.stack_info:
            parts.append(record.stack_info)
        return self._hiding.hide("\n".join(parts))


class TextLines(_Lines):
    """For people: time, level, process, where it was logged, what is said, and what it is about."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        time = f"{datetime.fromtimestamp(record.created).astimezone():%Y-%m-%d %H:%M:%S},{record.msecs:03.0f}"
        head = f"{time} {record.levelname} {record.processName} {record.name}"
        fields = ", ".join(f"{name} {printable(str(value))}" for name, value in _fields_of(record).items())
        behind = f" [{self._hiding.hide(fields)}]" if fields else ""
        trace = "".join(f"\n  {printable(line)}" for line in self._trace_of(record).splitlines())
        return f"{head}: {printable(self._message_of(record))}{behind}{trace}"


class BareLines(_Lines):
    """For people who run a command: what is said, and nothing else."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        trace = "".join(f"\n  {printable(line)}" for line in self._trace_of(record).splitlines())
        return f"{printable(self._message_of(record))}{trace}"


class JsonLines(_Lines):
    """For programs: one JSON object a line, in ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        time = datetime.fromtimestamp(record.created, UTC)
        document: dict[str, object] = {
            "at": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "process": record.processName,
            "pid": record.process,
            "message": self._message_of(record),
            **{name: self._shown(value) for name, value in _fields_of(record).items()},
        }
        if trace := self._trace_of(record):
            document["trace"] = trace
        return json.dumps(document)

    def _shown(self, value: object) -> object:
        return value if isinstance(value, int) else self._hiding.hide(str(value))


def _fields_of(record: logging.LogRecord) -> Mapping[str, object]:
    """Give what a record is about: its own fields before those of its thread; what is empty is left out."""
    now = fields_now()
    found = {name: getattr(record, name, None) or now.get(name) for name in FIELDS}
    return {name: value for name, value in found.items() if value not in (None, "")}
