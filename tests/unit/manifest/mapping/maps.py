"""Builders of maps and of exports that they are for."""

import io
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import ManifestUnreadable
from pipeline.manifest import ColumnMap, Reading, RejectedRow, Row, read_manifest, read_map
from pipeline.manifest.mapping.guess import first_map
from tests.unit.manifest.builders import cells_table

EXAMPLES = Path(__file__).parents[4] / "examples" / "mappings"

CELLS = {
    "Call ID": "7",
    "Date": "2026-02-17T10:30:00+01:00",
    "Type": "Incoming",
    "Agent": "Jane Doe",
    "Number": "0044 20 7946 0100",
    "File": "7.wav",
}
CALL = """\
[call]
clientUniqueId = "Call ID"
actualStart = "Date"
direction = "Type"
primaryUser = { column = "Agent", values = "users" }
"""
PARTIES = """\
[[call.parties]]
rep = true
[[call.parties]]
phoneNumber = "Number"
"""
MEDIA = """\
[media]
column = "File"
"""
USERS = """\
[values.users]
"Jane Doe" = "234599484848423"
"""
MAP = CALL + PARTIES + MEDIA + USERS
"""A map that fits CELLS."""


def column_map(text: str, folder: Path) -> ColumnMap:
    path = folder / "map.toml"
    path.write_text(text, "utf-8")
    return read_map(path)


def export_of(*rows: Mapping[str, str]) -> bytes:
    """A table with the columns of its first row."""
    return cells_table(tuple(rows[0]), *(tuple(row.values()) for row in rows))


def objects_of(*rows: Mapping[str, Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def mapped(text: str, folder: Path, *rows: Mapping[str, str]) -> list[Row | RejectedRow]:
    """What a map makes of a table."""
    reading = Reading(column_map=column_map(text, folder))
    return list(read_manifest(io.BytesIO(export_of(*rows)), reading=reading))


def mapped_row(text: str, folder: Path, **cells: str) -> Row:
    """What a map makes of CELLS with these changed."""
    (row,) = mapped(text, folder, CELLS | cells)
    assert isinstance(row, Row), row
    return row


def rejected_row(text: str, folder: Path, **cells: str) -> RejectedRow:
    (row,) = mapped(text, folder, CELLS | cells)
    assert isinstance(row, RejectedRow), row
    return row


def problems_of_map(text: str, folder: Path, cells: Mapping[str, str] = CELLS) -> Sequence[str]:
    """The lines by which a map is refused, its name and the list of columns left out."""
    with pytest.raises(ManifestUnreadable) as raised:
        mapped(text, folder, cells)
    first, *lines = str(raised.value).splitlines()
    assert first == f"{folder / 'map.toml'} cannot be used as a map:"
    return [line.strip() for line in lines if line.startswith("  ")]


COLUMNS = {
    "Call ID": ["1", "2"],
    "Start Time": ["2026-02-17T10:30:00Z", "2026-02-18T10:30:00Z"],
    "Direction": ["inbound", "outbound"],
    "Agent": ["Jane", "Joe"],
    "Phone Number": ["+4989555010", "+4989555011"],
    "File": ["1.wav", "2.wav"],
}
"""An export of which everything is plain."""


def first(content: bytes, **options: Any) -> dict[str, Any]:
    return tomllib.loads(first_map(io.BytesIO(content), **options))


def of_columns(columns: Mapping[str, Sequence[str]]) -> bytes:
    return cells_table(tuple(columns), *zip(*columns.values(), strict=True))
