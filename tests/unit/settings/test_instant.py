"""Dates and times of settings."""

from __future__ import annotations

from datetime import datetime

import pytest

from pipeline.settings.instant import instant_of


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        # a date is over at its end
        ("2027-01-31", "2027-02-01T00:00:00+00:00"),
        ("2027-01-31T18:00", "2027-01-31T18:00:00+00:00"),
        ("2027-01-31T18:00+01:00", "2027-01-31T17:00:00+00:00"),
    ],
)
def test_a_date_or_a_time_is_an_instant(text: str, instant: str) -> None:
    assert instant_of(text) == datetime.fromisoformat(instant).timestamp()
