"""The names that were probably meant."""

from __future__ import annotations

import pytest

from pipeline.call import nearest_field

KNOWN = (
    "clientUniqueId",
    "title",
    "scheduledStart",
    "actualStart",
    "downloadMediaUrl",
    "parties.0.emailAddress",
    "parties.0.name",
)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("client_unique_id", "clientUniqueId"),
        ("CLIENTUNIQUEID", "clientUniqueId"),
        ("Client Unique-ID", "clientUniqueId"),
        ("clientUniqeId", "clientUniqueId"),
        ("tilte", "title"),
        ("start", "actualStart"),
        ("downloadMedia", "downloadMediaUrl"),
        ("mediaUrl", "downloadMediaUrl"),
        ("parties.0.email", "parties.0.emailAddress"),
    ],
)
def test_the_nearest_name_is_found(name: str, meant: str) -> None:
    assert nearest_field(name, KNOWN) == meant


@pytest.mark.parametrize("name", ["", "zzz", "_", "id", "x" * 1_000_000])
def test_nothing_is_near_to_what_is_like_none(name: str) -> None:
    assert nearest_field(name, KNOWN) is None


def test_nothing_is_near_where_nothing_is_known() -> None:
    assert nearest_field("title", iter(())) is None
