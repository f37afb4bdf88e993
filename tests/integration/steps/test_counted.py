"""Every request of a step is counted once, by what was answered, and so are its waits and its bytes."""

from __future__ import annotations

import pytest

from pipeline.history import Answered, Endpoint, History, Minute
from pipeline.job import Lane, Step
from pipeline.steps import GoOn
from tests.integration.steps.bench import Bench
from tests.simulators import Simulator

CREATE = (Endpoint.CREATE_CALL, Lane.BACKFILL)
UPLOAD = (Endpoint.UPLOAD_MEDIA, Lane.BACKFILL)


def traffic(bench: Bench) -> Minute:
    """Give the last minutes as one."""
    together: dict[tuple[Endpoint, Lane, Answered], int] = {}
    for minute in History(bench.store).traffic(60):
        for sort, requests in minute.requests.items():
            together[sort] = together.get(sort, 0) + requests
    return Minute(0.0, together)


def totals(bench: Bench) -> dict[str, str]:
    found: dict[str, str] = bench.server.client.hgetall(f"{bench.name}:totals")
    return found


def in_buckets(counted: dict[str, str], name: str) -> int:
    return sum(int(number) for each, number in counted.items() if each.startswith(f"{name}:"))


def test_a_recording_that_is_brought_in_counts_its_two_requests(bench: Bench) -> None:
    bench.hand_in()
    assert [bench.run(step) for step in Step] == [GoOn()] * 3

    assert traffic(bench).requests == {(*CREATE, Answered.OK): 1, (*UPLOAD, Answered.OK): 1}
    counted = totals(bench)
    assert (counted["done:backfill"], counted["upload_bytes"]) == ("1", str(bench.media.stat().st_size))
    # In whatever bucket: a busy machine takes longer.
    assert in_buckets(counted, "wait:backfill") == 2
    assert [in_buckets(counted, f"step:{step}") for step in Step] == [1, 1, 1]
    assert int(counted["wait_us:backfill"]) < int(counted["step_us:create_call"]) + int(
        counted["step_us:upload_media"]
    )


@pytest.mark.parametrize(
    ("fault", "answered"),
    [
        ("create.500", Answered.FAILED),
        ("create.429", Answered.RATE_LIMITED),
        ("create.401", Answered.REFUSED),
        ("create.lost", Answered.NONE),
        ("create.reset", Answered.NONE),
        # arrived, but cut off: there was a status
        ("create.cut", Answered.OK),
    ],
)
def test_an_answer_is_counted_by_its_kind(
    bench: Bench, api: Simulator, fault: str, answered: Answered
) -> None:
    bench.hand_in()
    bench.run_before(Step.CREATE_CALL)
    api.set_faults({fault: 1})
    bench.run(Step.CREATE_CALL)

    assert traffic(bench).requests == {(*CREATE, answered): 1}


def test_a_step_that_finds_no_slot_made_no_request(bench: Bench) -> None:
    bench.hand_in()
    bench.run_before(Step.CREATE_CALL)
    bench.services.limiter.close_by_hand("for the test")
    bench.run(Step.CREATE_CALL)

    assert traffic(bench).requests == {}
    assert not any(name.startswith(("wait:", "step:create")) for name in totals(bench))
