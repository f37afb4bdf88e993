"""How many recordings of a batch came to an end, over minutes and over weeks."""

from __future__ import annotations

import pytest

from pipeline.history import History, Throughput
from pipeline.job import Step
from tests.integration.ledger.bench import BATCH, Bench
from tests.integration.ledger.conftest import bench

__all__ = ["bench"]

MINUTE_S, HOUR_S, DAY_S = 60.0, 3600.0, 86_400.0
PARTS_MAX = 240


@pytest.fixture
def history(bench: Bench) -> History:
    return History(bench.store, clock=bench.clock)


def counts(throughput: Throughput) -> list[tuple[int, int]]:
    return [(part.done, part.dead) for part in throughput.parts]


def test_a_batch_of_which_nothing_ended_has_no_parts(bench: Bench, history: History) -> None:
    bench.submit("a")

    assert history.batch_throughput(BATCH) == Throughput(MINUTE_S)


def test_what_ended_is_counted_in_its_minute(bench: Bench, history: History) -> None:
    bench.bring_in("a")
    bench.bring_in("b")
    bench.clock.advance(2 * MINUTE_S)
    bench.bring_in("c")
    bench.bury("d", "e", step=Step.CREATE_CALL)
    bench.clock.advance(MINUTE_S)

    found = history.batch_throughput(BATCH)

    assert (found.width_s, counts(found)) == (MINUTE_S, [(2, 0), (0, 0), (1, 2), (0, 0)])
    assert found.parts[-1].at == bench.clock.now_s // 60 * 60


def test_attempts_that_are_spent_and_workers_that_are_lost_are_ends_as_well(
    bench: Bench, history: History
) -> None:
    bench.attempts_max = 1
    bench.held("a")
    bench.clock.advance(HOUR_S)
    assert bench.claim() == []

    assert sum(part.dead for part in history.batch_throughput(BATCH).parts) == 1


def test_other_batches_are_not_counted(bench: Bench, history: History) -> None:
    bench.bring_in("a", batch="other")

    assert history.batch_throughput(BATCH).parts == ()


@pytest.mark.parametrize(("span_s", "width_s"), [(3.9 * HOUR_S, 60), (DAY_S, 480), (21 * DAY_S, 7680)])
def test_weeks_fit_and_nothing_is_lost(bench: Bench, history: History, span_s: float, width_s: float) -> None:
    began = bench.clock.now_s
    for number in range(60):
        bench.bring_in(str(number))
        bench.clock.advance(span_s / 60)

    found = history.batch_throughput(BATCH)

    assert found.width_s == width_s
    assert 1 < len(found.parts) <= PARTS_MAX
    assert found.parts[0].at <= began < found.parts[0].at + width_s
    assert sum(part.done for part in found.parts) == 60
    # As often in each quarter of the time.
    quarter = len(found.parts) // 4
    for start in range(0, 4 * quarter, quarter):
        assert sum(part.done for part in found.parts[start : start + quarter]) in range(11, 20)
    kept = bench.server.client.hgetall(bench.key(f"ended:{BATCH}"))
    assert len(kept) <= 2 * PARTS_MAX + 2
    assert int(kept["width_s"]) == width_s, "what is kept has the bound, not only what is read"


def test_a_pause_of_a_year_is_one_widening(bench: Bench, history: History) -> None:
    bench.bring_in("a")
    bench.clock.advance(365 * DAY_S)
    bench.bring_in("b")

    found = history.batch_throughput(BATCH)

    assert len(found.parts) <= PARTS_MAX
    assert [part.done for part in found.parts if part.done] == [1, 1]


def test_fewer_points_are_given_when_fewer_are_wanted(bench: Bench, history: History) -> None:
    for number in range(20):
        bench.bring_in(str(number))
        bench.clock.advance(5 * MINUTE_S)

    found = history.batch_throughput(BATCH, points=10)

    assert len(found.parts) <= 10
    assert sum(part.done for part in found.parts) == 20
    assert found.width_s in {640, 960, 1280}


def test_a_clock_that_is_set_back_counts_where_the_batch_began(bench: Bench, history: History) -> None:
    bench.bring_in("a")
    bench.clock.advance(-HOUR_S)
    bench.bring_in("b")

    assert counts(history.batch_throughput(BATCH)) == [(2, 0)]


def test_a_batch_that_is_forgotten_leaves_no_throughput(bench: Bench) -> None:
    bench.bring_in("a")
    assert bench.server.client.exists(bench.key(f"ended:{BATCH}"))
    bench.ledger.count({})

    bench.server.client.hset(bench.key(f"batch:{BATCH}"), "done", 0)
    bench.store.run("forget_batch", BATCH, "1")

    assert not bench.server.client.exists(bench.key(f"ended:{BATCH}"))
