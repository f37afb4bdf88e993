"""The report of a batch: a row for each row of its manifests, for a spreadsheet or for programs. Pure.

Invariants: names and order of the columns are a contract (docs/json.md). In the table no cell can become a
formula, and no number loses digits, whatever stands in the recording: a cell that a spreadsheet would take
for either begins with an apostrophe. Lines of JSON say everything as it is.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from pipeline.ledger import Record

COLUMNS = (
    "manifest",
    "line",
    "client_unique_id",
    "state",
    "call_id",
    "url",
    "adopted",
    "attempts",
    "bytes",
    "sha256",
    "accepted_at",
    "ended_at",
    "step",
    "code",
    "reason",
    "request_id",
    "batch",
)
# A spreadsheet keeps 15 digits of a number; a leading zero or plus it drops.
_ROUNDED = re.compile(r"0\d+|\d{16,}")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
# Spreadsheets take a table for UTF-8 by this mark only.
BYTE_ORDER_MARK = "\ufeff"


def fields_of(record: Record) -> dict[str, Any]:
    """Give a record by the names of the columns; times are ISO 8601 in UTC, what is not known is None."""
    fields = {name: getattr(record, name) for name in COLUMNS}
    for name in ("accepted_at", "ended_at"):
        fields[name] = _time(fields[name])
    return {name: None if value == "" else value for name, value in fields.items()}


def lines_of_json(records: Iterable[Record]) -> Iterator[str]:
    """Write a line of JSON for each record."""
    for record in records:
        yield json.dumps(fields_of(record), ensure_ascii=False) + "\n"


def lines_of_table(records: Iterable[Record]) -> Iterator[str]:
    """Write a table with a header, a line for each record; a text with line breaks takes several."""
    yield from table_of(COLUMNS, (fields_of(record).values() for record in records))


def table_of(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Write a table for spreadsheets with these columns."""
    yield BYTE_ORDER_MARK + _line(list(columns))
    for row in rows:
        yield _line([_cell(value) for value in row])


class _Line:
    """Gives back what a writer writes to it."""

    def write(self, text: str) -> str:
        return text


_WRITER = csv.writer(_Line())


def _line(cells: list[str]) -> str:
    return str(_WRITER.writerow(cells))


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value).replace("\0", "\ufffd")
    is_number = isinstance(value, int)
    if not is_number and (text.startswith(_FORMULA) or _ROUNDED.fullmatch(text)):
        return f"'{text}"
    return text


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
