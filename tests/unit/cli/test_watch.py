"""What is left to be sent, as the live view forecasts it."""

from __future__ import annotations

import pytest

from pipeline.cli.watch import requests_left
from pipeline.job import Counts
from tests.unit.cli.counted import make_counts


@pytest.mark.parametrize(
    ("counts", "left"),
    [
        (make_counts(), 0),
        (make_counts(pending=40), 80),
        (make_counts(pending=30, active=10), 80),
        # three of the ten that wait are created, five are done
        (make_counts(pending=7, active=3, done=5, created=8, uploaded=5), 17),
        # every one is created and waits for its upload
        (make_counts(active=4, created=4), 4),
        (make_counts(done=40, created=40, uploaded=40), 0),
        # the dead were created as well, and say nothing of those that wait
        (make_counts(pending=5, done=5, dead=5, created=10, uploaded=5), 10),
        # the dead were never created, so too much is told rather than too little
        (make_counts(pending=5, dead=5, created=3), 10),
        (make_counts(pending=5, cancelled=5, created=5), 10),
    ],
)
def test_two_requests_for_each_recording_that_waits_less_the_creates_made(counts: Counts, left: int) -> None:
    assert requests_left(counts) == left
