"""How many jobs the fleet may hold at once."""

from __future__ import annotations

import pytest

from pipeline.ledger import Fleet


@pytest.mark.parametrize(
    ("fleet", "window"),
    [
        (Fleet(workers=0, calls=0, media=0), 0),
        (Fleet(workers=2, calls=4, media=4), 4),
        # uploads take longest, so their processes count
        (Fleet(workers=3, calls=2, media=48), 48),
        # a chain that nobody could finish is not begun
        (Fleet(workers=1, calls=4, media=0), 0),
        (Fleet(workers=1, calls=0, media=16), 0),
    ],
)
def test_the_fleet_holds_a_job_for_each_process_that_uploads(fleet: Fleet, window: int) -> None:
    assert fleet.window == window
