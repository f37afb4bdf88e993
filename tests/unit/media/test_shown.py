"""How a reference stands in a sentence."""

from __future__ import annotations

import pytest

from pipeline.media import shown


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("a?b#c.wav", "a?b#c.wav"),
        ("https://host/a.wav", "https://host/a.wav"),
        ("https://host/a.wav?token=secret", "https://host/a.wav?…"),
        ("https://host?token=secret/a", "https://host?…"),
        ("HTTPS://host?token=secret", "https://host?…"),
        ("http://host/a.wav#secret", "http://host/a.wav#…"),
        ("http://host#secret?a", "http://host#…"),
        ("https://user:word@host/a.wav", "https://host/a.wav"),
        ("https://host?to=secret@other/a", "https://host?…"),
        ("s3://calls/a?b#c.wav", "s3://calls/a?b#c.wav"),
        ("sftp://user:word@host/a#b.wav", "sftp://host/a#b.wav"),
    ],
)
def test_it_is_quoted_without_a_user_and_without_what_is_behind_the_path(reference: str, text: str) -> None:
    assert shown(reference) == repr(text)
