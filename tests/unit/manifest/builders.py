"""Builders of calls and of manifests that list them."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.manifest import Form, RejectedRow, Row, read_manifest

HEADER = ("clientUniqueId", "actualStart", "direction", "primaryUser", "parties.0.userId", "media")


def make_call(**overrides: Any) -> dict[str, Any]:
    call = {
        "clientUniqueId": "pbx-1",
        "actualStart": "2026-02-17T02:30:00-08:00",
        "direction": "Inbound",
        "primaryUser": "234599484848423",
        "parties": [{"userId": "234599484848423"}],
    }
    return call | overrides


def make_cells(**overrides: str) -> dict[str, str]:
    """The cells of `make_call()` with media, by column."""
    cells = {
        "clientUniqueId": "pbx-1",
        "actualStart": "2026-02-17T02:30:00-08:00",
        "direction": "Inbound",
        "primaryUser": "234599484848423",
        "parties.0.userId": "234599484848423",
        "media": "a.wav",
    }
    return cells | overrides


def jsonl(*rows: object) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def table(*rows: Mapping[str, str], line_end: str = "\r\n") -> bytes:
    """A CSV manifest with the columns of its first row."""
    return cells_table(tuple(rows[0]), *(tuple(row.values()) for row in rows), line_end=line_end)


def cells_table(*rows: Sequence[str], line_end: str = "\r\n") -> bytes:
    text = io.StringIO(newline="")
    # Python 3.11 puts a carriage return between quotation marks only where lines end with one;
    # the dialect of Unix puts every cell there.
    dialect = csv.excel if "\r" in line_end else csv.unix_dialect
    csv.writer(text, dialect, lineterminator=line_end).writerows(rows)
    return text.getvalue().encode("utf-8", "surrogatepass")


def read(
    content: bytes, *, form: Form | None = None, check_media: Callable[[str], None] | None = None
) -> list[Row | RejectedRow]:
    return list(read_manifest(io.BytesIO(content), form=form, check_media=check_media))


def only_row(content: bytes, *, form: Form | None = None) -> Row:
    (row,) = read(content, form=form)
    assert isinstance(row, Row), row
    return row


def only_rejected(
    content: bytes, *, form: Form | None = None, check_media: Callable[[str], None] | None = None
) -> RejectedRow:
    (row,) = read(content, form=form, check_media=check_media)
    assert isinstance(row, RejectedRow), row
    return row


def lines_of(rows: Sequence[Row | RejectedRow]) -> list[tuple[str, int]]:
    """What became of which line: `[("Row", 2), ("RejectedRow", 3)]`."""
    return [(type(row).__name__, row.line) for row in rows]
