"""Objects of a store by their bucket and key, as far as the roots allow them."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.errors import MediaRefused
from pipeline.media.access import Access
from pipeline.media.source import refuse_dots, shown
from pipeline.settings.address import scheme_of


class Object(NamedTuple):
    """An object: its bucket or container, and its key, letter by letter as the reference has it."""

    bucket: str
    key: str

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition("/")[2]

    def lies_below(self, root: Object) -> bool:
        """Tell whether it is the root's, or one of those whose keys go on from it as folders do."""
        folder = root.key.rstrip("/")
        is_below = not folder or self.key == folder or self.key.startswith(f"{folder}/")
        return self.bucket == root.bucket and is_below


def object_of(reference: str, access: Access) -> Object:
    """Take a reference apart that a root allows.

    Raises:
        MediaRefused: No root does, or it names no object.
    """
    found = _split(reference)
    if not found.bucket or not found.name:
        raise MediaRefused("media_unreadable", f"The media {shown(reference)} names no object; name one.")
    refuse_dots(reference, found.key)
    scheme = scheme_of(reference)
    if not any(found.lies_below(_split(root)) for root in access.addresses(scheme)):
        raise MediaRefused(
            "media_outside_roots",
            f"The media {shown(reference)} does not lie below a media root; to allow its bucket or a prefix "
            f"of it, add {scheme}://{found.bucket} to GONG_INGEST_MEDIA_ROOTS.",
        )
    return found


def not_installed(reference: str, extra: str) -> MediaRefused:
    """Return the refusal of media whose place this installation cannot ask."""
    return MediaRefused(
        "media_source_missing",
        f"The media {shown(reference)} needs what is not installed here; "
        f"install it where the workers run: pip install 'gong-call-ingest[{extra}]'.",
    )


def _split(address: str) -> Object:
    bucket, _, key = address.partition("://")[2].partition("/")
    return Object(bucket, key)
