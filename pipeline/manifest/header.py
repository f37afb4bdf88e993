"""The header of a CSV manifest: whether its columns can be used at all.

Invariant: a header that passes has only columns that a call can have, each once, and those without which no
call can be made. Every problem is named at once, with the nearest known name where there is one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from pipeline.call import kind_of, nearest_field

MEDIA = "media"
"""The one column that is no field of the call."""
# From add-new-call.txt. The index of every list is written as 0.
_REQUIRED = ("clientUniqueId", "actualStart", "direction", "primaryUser")
_OPTIONAL = (
    "title",
    "purpose",
    "scheduledStart",
    "scheduledEnd",
    "duration",
    "disposition",
    "customData",
    "meetingUrl",
    "callProviderCode",
    "downloadMediaUrl",
    "workspaceId",
    "languageCode",
    "flowContext.taskId",
    "speakersTimeline.precise",
    "speakersTimeline.speechSegments.0.fromTime",
    "speakersTimeline.speechSegments.0.toTime",
    "speakersTimeline.speechSegments.0.partyIds.0",
)
_PARTY = ("phoneNumber", "emailAddress", "name", "partyId", "mediaChannelId", "userId")
_CONTEXT = (
    "context.0.system",
    "context.0.objects.0.objectType",
    "context.0.objects.0.objectId",
    "context.0.objects.0.fields.0.name",
    "context.0.objects.0.fields.0.value",
)
KNOWN_COLUMNS = (
    MEDIA,
    *_REQUIRED,
    *_OPTIONAL,
    *_CONTEXT,
    *(f"parties.0.{field}" for field in _PARTY + _CONTEXT),
)
"""Every column there is, for the nearest name to an unknown one; `kind_of` decides what is known."""

# So many of the required ones the export of another system may have as well (`direction`).
_BY_CHANCE = 1
_MAP = (
    "for the export of another system, `gong-ingest map --init EXPORT --output map.toml` writes a first map, "
    "and --map reads with it"
)
_MOST_SHOWN = 60  # characters of a name that may be anything
# Written as a spreadsheet writes it: no sign, no leading zero. More items than this no row of 1 MiB can hold.
_INDEX = re.compile(r"0|[1-9][0-9]{0,5}")


def path_of(column: str) -> tuple[str | int, ...]:
    """Return a column's path in the call, the indexes of lists as numbers."""
    return tuple(int(part) if _INDEX.fullmatch(part) else part for part in column.split("."))


def problems_of_header(columns: Sequence[str]) -> Iterator[str]:
    """Yield, as a sentence each, why no row below these columns could be used."""
    if len(columns) == 1 and (separator := re.search(r"[;\t|]", columns[0])):
        yield f"the columns are separated by {separator[0]!r}; name it with --delimiter, or use commas"
        return
    if not set(columns) & {*_REQUIRED, MEDIA}:
        yield f"it has none of the columns of a call; {_MAP}"
        return
    yield from _problems_of_names(columns)
    yield from _missing(columns)
    if len(set(columns) & set(_REQUIRED)) <= _BY_CHANCE and any(map(_is_foreign, columns)):
        yield _MAP


def _problems_of_names(columns: Sequence[str]) -> Iterator[str]:
    for position, column in enumerate(columns, 1):
        if not column:
            yield f"column {position} has no name"
        elif column != MEDIA and (problem := _problem_of_name(column)):
            yield problem
    for column, times in Counter(filter(None, columns)).items():
        if times > 1:
            yield f"column {_shown(column)} stands there {times} times"


def _problem_of_name(column: str) -> str | None:
    if any(part.isdigit() and not _INDEX.fullmatch(part) for part in column.split(".")):
        return f"column {_shown(column)} has an index that is not written 0, 1, 2 and so on"
    # What stands below a field of the kind "any" is no column: a cell is one text.
    kind = None if kind_of(column.rpartition(".")[0]) == "any" else kind_of(column)
    if kind == "object":
        return f"column {_shown(column)} is a group of fields; give each field a column of its own"
    if kind is None:
        nearest = _nearest_column(column)
        return f"column {_shown(column)} is not known" + (f"; is {nearest!r} meant?" if nearest else "")
    return None


def _is_foreign(column: str) -> bool:
    """Tell whether a column is none of a call's, and is like none either."""
    return bool(column) and column != MEDIA and kind_of(column) is None and _nearest_column(column) is None


def _shown(column: str) -> str:
    return repr(column if len(column) <= _MOST_SHOWN else column[:_MOST_SHOWN] + "…")


def _nearest_column(column: str) -> str | None:
    """Return the known column nearest to this one, with the indexes of this one."""
    parts = column.split(".")
    nearest = nearest_field(".".join("0" if part.isdigit() else part for part in parts), KNOWN_COLUMNS)
    if nearest is None:
        return None
    indexes = filter(str.isdigit, parts)
    return ".".join(next(indexes, part) if part == "0" else part for part in nearest.split("."))


def _missing(columns: Sequence[str]) -> Iterator[str]:
    for required in _REQUIRED:
        if required not in columns:
            yield f"column {required!r} is missing"
    if not any(column.startswith("parties.") for column in columns):
        yield "columns for the parties are missing, such as 'parties.0.userId'"
    if MEDIA not in columns and "downloadMediaUrl" not in columns:
        yield f"column {MEDIA!r} is missing (or 'downloadMediaUrl')"
