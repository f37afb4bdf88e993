"""What the page of the budget says is kept for live is what the limiter keeps."""

from __future__ import annotations

import pytest

from pipeline.job import Lane
from pipeline.limiter import PARTS, ROLLING, Day, Limits, day_of
from pipeline.store import Store
from tests.integration.limiter.pace import SECOND_US, Asker
from tests.unit.overviews import make_overview
from workers.flower.budget import kept_for_live

NEW_YORK = "America/New_York"
PER_DAY = 100


@pytest.mark.parametrize("window", [ROLLING, NEW_YORK])
@pytest.mark.parametrize("idle_s", [0, 7_200, 43_000])
def test_backfill_stops_at_what_is_said_to_be_kept(store: Store, window: str, idle_s: int) -> None:
    asker = Asker(store, Limits(3.0, PER_DAY, 0.0, 1, 0.2, window))
    asker.warm_up()
    if window != ROLLING:
        starts, ends = day_of(asker.now_us / 1e6, window)
        asker.day_us = round(starts * 1e6), round(ends * 1e6)
    asker.slots(50, Lane.LIVE)
    asker.now_us += idle_s * SECOND_US
    while (answer := asker.ask()).reason != "day":
        asker.now_us += 0 if answer.kind == "granted" else answer.wait_us

    day = Day.from_answer(*store.run("day", asker.now_us, *asker.day_us, PARTS, 10 * SECOND_US))

    overview = make_overview(limits=asker.limits, day=day)
    assert kept_for_live(overview) == PER_DAY - day.used > 1
