"""What is told of twins: rows that name what an earlier one names."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.media import shown
from pipeline.preflight.finding import Finding
from pipeline.preflight.twins import Sort, Twin


def finding_of(twin: Twin) -> Finding:
    """Say of a twin what it has in common with which row before it."""
    own_id = twin.client_unique_id if twin.client_unique_id.isprintable() else None
    code, field_name, message = _TOLD[twin.sort](twin)
    return Finding(twin.line, own_id or None, code, field_name, message, twin.first_line)


def _of_id(twin: Twin) -> tuple[str, str, str]:
    if twin.is_same:
        return "row_twice", "", f"The row is that of line {twin.first_line} again; it is brought in once."
    return (
        "id_twice",
        "clientUniqueId",
        f"{twin.client_unique_id!r} stands in line {twin.first_line} already; give this one an id of its own",
    )


def _of_media(twin: Twin) -> tuple[str, str, str]:
    other = "" if twin.place == twin.first_place else f", as {shown(twin.first_place)}"
    message = (
        f"The media {shown(twin.place)} is the file of line {twin.first_line}{other}; "
        "Gong refuses the same content under a second call."
    )
    return "media_twice", "media", message


def _of_url(twin: Twin) -> tuple[str, str, str]:
    return "url_twice", "downloadMediaUrl", f"is the address in line {twin.first_line}, of another call"


_TOLD: dict[Sort, Callable[[Twin], tuple[str, str, str]]] = {
    Sort.ID: _of_id,
    Sort.MEDIA: _of_media,
    Sort.URL: _of_url,
}
