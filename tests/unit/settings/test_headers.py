"""Headers for web servers of media."""

from __future__ import annotations

import pytest

from pipeline.errors import SettingsInvalid
from pipeline.media import Access
from pipeline.settings import Settings


def test_headers_are_read_line_by_line() -> None:
    settings = Settings(media_headers="PBX.example.com Authorization: Bearer a:b\n\n[::1]:8443 X-Key:  c d ")

    assert Access.from_settings(settings).headers == (
        ("pbx.example.com", "Authorization", "Bearer a:b"),
        ("[::1]:8443", "X-Key", "c d"),
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("very-secret", "is not like that"),
        ("pbx.example.com very-secret", "is not like that"),
        ("pbx.example.com Authorization:", "is not like that"),
        ("https://pbx.example.com Authorization: very-secret", "is not like that"),
        ("pbx.example.com X Y: very-secret", "is not like that"),
        ("pbx.example.com Host: very-secret", "sets Host"),
        ("pbx.example.com Range: very-secret", "sets Range"),
        ("pbx.example.com If-Match: very-secret", "sets If-Match"),
        ("pbx.example.com X-Key: very-secret\x00", "has a value that no header can carry"),
        ("pbx.example.com X-Key: very-secret-ü", "has a value that no header can carry"),
    ],
)
def test_a_line_that_is_no_header_is_refused_without_its_value(line: str, reason: str) -> None:
    with pytest.raises(SettingsInvalid) as raised:
        Settings(media_headers=f"pbx.example.com X-Key: a\n{line}")

    assert f"line 2 {reason}" in str(raised.value)
    assert "very-secret" not in str(raised.value)


@pytest.mark.parametrize(
    "root",
    ["ftp://host/a", "s3://", "https://user@host/a", "sftp://me:word@host/a", "https://h/a?b", "s3://b/a#c"],
)
def test_a_root_that_is_no_address_of_media_is_refused(root: str) -> None:
    with pytest.raises(SettingsInvalid, match="An address in GONG_INGEST_MEDIA_ROOTS must be like"):
        Settings(media_roots=(root,))


@pytest.mark.parametrize("lifetime_s", [3599, 604_801])
def test_the_lifetime_of_a_link_is_bounded(lifetime_s: float) -> None:
    with pytest.raises(SettingsInvalid, match="LINK_LIFETIME_S"):
        Settings(link_lifetime_s=lifetime_s)
