"""The places that media may lie in, by the scheme of a reference.

Invariants: what is not below a root is refused without a request, and so is a place whose library is not
installed. A library is imported, and a client made, in the process that uses it and when it does: before a
fork neither is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

from pipeline.errors import MediaRefused
from pipeline.media.access import Access
from pipeline.media.source import Opened, Source, refuse_odd_text, shown
from pipeline.media.sources.az import open_az, sign_az
from pipeline.media.sources.gs import open_gs, sign_gs
from pipeline.media.sources.https import open_https
from pipeline.media.sources.local import open_local
from pipeline.media.sources.s3 import open_s3, sign_s3
from pipeline.media.sources.sftp import open_sftp
from pipeline.settings.address import scheme_of

SOURCES: Mapping[str, Source] = {
    "https": Source(open_https),
    "http": Source(open_https),
    "s3": Source(open_s3, sign_s3),
    "gs": Source(open_gs, sign_gs),
    "az": Source(open_az, sign_az),
    "sftp": Source(open_sftp),
}
"""By scheme; a path has none."""


def open_source(reference: str, access: Access) -> Opened:
    """Open media wherever it lies.

    Raises:
        MediaRefused: As `probe`.
        MediaUnavailable: Its place does not answer.
    """
    refuse_odd_text(reference)
    if scheme_of(reference) or Path(reference).is_absolute() or not access.addresses():
        return _open_at(reference, access)
    return _first_of(reference, access)


MayLink = Callable[[str], bool]
"""Tells of media by its reference whether the API can pull it through a link: `may_link` with an access."""


def may_link(reference: str, access: Access) -> bool:
    """Tell whether a link to media may be given out: its place can sign, wherever below the roots it is."""
    if scheme := scheme_of(reference):
        return scheme in SOURCES and SOURCES[scheme].sign is not None
    places = [scheme_of(root) for root in access.addresses()]
    is_at_one = not access.folders and len(places) == 1 and not Path(reference).is_absolute()
    return is_at_one and SOURCES[places[0]].sign is not None


def sign_link(reference: str, access: Access) -> str:
    """Return an address under which anybody may read the media until the link's lifetime is over.

    Raises:
        MediaRefused: As `probe`, or its place can give none.
        MediaUnavailable: The place where it lies does not answer.
    """
    if not may_link(reference, access):
        raise not_linked(reference)
    place = reference if scheme_of(reference) else _below(access.addresses()[0], reference)
    sign = _source_of(place).sign
    if sign is None:
        raise not_linked(reference)
    return sign(place, access)


def not_linked(reference: str) -> MediaRefused:
    """Return the refusal of media that Gong should pull through a link."""
    return MediaRefused(
        "media_not_linked",
        f"The media {shown(reference)} lies where no link to it can be given; hand it in as an upload.",
    )


def _first_of(reference: str, access: Access) -> Opened:
    """Open a relative path below the first root that has it: folders, then addresses."""
    *others, last = ([reference] if access.folders else []) + [
        _below(root, reference) for root in access.addresses()
    ]
    for place in others:
        try:
            return _open_at(place, access)
        except MediaRefused as refused:
            if refused.code != "media_missing":
                raise
    return _open_at(last, access)


def _below(root: str, reference: str) -> str:
    """Return the address of a path below a root; a path of a web address has its own way of writing."""
    path = quote(reference) if scheme_of(root) in {"https", "http"} else reference
    return f"{root.rstrip('/')}/{path}"


def _open_at(place: str, access: Access) -> Opened:
    return _source_of(place).open(place, access) if scheme_of(place) else open_local(place, access.folders)


def _source_of(reference: str) -> Source:
    scheme = scheme_of(reference)
    if scheme not in SOURCES:
        known = ", ".join(f"{known}://" for known in SOURCES)
        raise MediaRefused(
            "media_scheme_unknown",
            f"The media {shown(reference)} has the scheme {scheme}://, which is not supported; "
            f"use a path of a local file, or {known}.",
        )
    return SOURCES[scheme]
