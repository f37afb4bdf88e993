"""What the text of a source becomes, by the field that it is for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.call.texts import instant_of
from pipeline.manifest.columns import boolean_of, number_of
from pipeline.manifest.mapping.columns import ExportColumns
from pipeline.manifest.mapping.media import MediaPath
from pipeline.manifest.mapping.numbers import duration_of
from pipeline.manifest.mapping.source import Convert, Finish
from pipeline.manifest.mapping.source_field import SourceField
from pipeline.manifest.mapping.times import in_zone, parser_of, written, zone_of

DIRECTION_WORDS = {
    **dict.fromkeys(("inbound", "incoming", "in"), "Inbound"),
    **dict.fromkeys(("outbound", "outgoing", "out"), "Outbound"),
    "conference": "Conference",
    "unknown": "Unknown",
}
"""What exports call directions; a map adds its own words to them."""

# What a spreadsheet makes of a long number when it saves a table: the digits are gone.
_SHORTENED = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]{1,3}")


def finish_of(name: str, field: SourceField, raw: object, columns: ExportColumns) -> Finish:
    """Return what is done with the text of a source that has no problems.

    Args:
        name: The field's, the last part of its path.
        field: The map's field for it.
        raw: The source as the map has it.
        columns: Those of the export.
    """
    table: Mapping[str, Any] = raw if isinstance(raw, dict) else {}
    return Finish(
        convert=_convert(field, table, columns),
        values=_values(field, table),
        otherwise=table.get("otherwise"),
        default=table.get("default"),
        needs_all_columns=name == "clientUniqueId",
    )


def _values(field: SourceField, table: Mapping[str, Any]) -> Mapping[str, Any] | None:
    tables, own = field.around.tables, None
    if "values_file" in table:
        own = tables.of_file(table["values_file"])
    elif "values" in table:
        own = (
            tables.named(table["values"])
            if isinstance(table["values"], str)
            else tables.inline(table["values"])
        )
    return {**DIRECTION_WORDS, **(own or {})} if field.becomes == "direction" else own


def _convert(field: SourceField, table: Mapping[str, Any], columns: ExportColumns) -> Convert:
    if field.becomes == "time":
        return _time(table, field.around.export, columns)
    if field.becomes == "media":
        keys = ("folder", "extension", "remove_prefix", "windows_paths")
        return _of_text(MediaPath(**{key: table[key] for key in keys if key in table}).of)
    if field.becomes == "duration":
        return _of_text(duration_of(table.get("unit", "s")))
    by_kind: dict[str, Callable[[str], Any]] = {
        "number": number_of,
        "integer": number_of,
        "boolean": boolean_of,
    }
    return _of_text(by_kind.get(field.target.kind, _whole))


def _of_text(convert: Callable[[str], Any]) -> Convert:
    return lambda _record, text: convert(text)


def _whole(text: str) -> str:
    """Return a text as it is, unless a spreadsheet has taken its digits."""
    if "E+" in text and _SHORTENED.fullmatch(text):
        raise ValueError("is a long number that a spreadsheet has shortened; export it again, as text")
    return text


def _time(table: Mapping[str, Any], export: Mapping[str, Any], columns: ExportColumns) -> Convert:
    form = table.get("format", export.get("time_format", "iso"))
    parse = parser_of(form)
    ambiguous = table.get("ambiguous", export.get("ambiguous", "earlier"))
    fallback = table.get("zone", export.get("time_zone"))
    read_zone = columns.read(table["zone_column"]) if "zone_column" in table else None

    def convert(record: Any, text: str) -> str:
        if form == "iso" and instant_of(text):  # as the API takes it, so it stays as it is
            return text
        moment = parse(text)
        if moment.tzinfo is None:
            name = (read_zone(record) if read_zone else "") or fallback
            if not name:
                raise ValueError("says no offset from UTC; give the time zone of the export in the map")
            moment = in_zone(moment, zone_of(name), ambiguous)
        return written(moment)

    return convert
