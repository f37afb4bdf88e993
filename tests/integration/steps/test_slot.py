"""Waiting for a slot: at its instant or not at all."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest

from pipeline.forecast import ARRIVAL_S, DAY_S
from pipeline.job import Lane, State, Step
from pipeline.ledger import Ledger
from pipeline.limiter import HORIZON_S, Refusal, Slot
from pipeline.steps import Again, GoOn, Stop
from tests.integration.steps.bench import Bench, beside
from tests.integration.steps.slow import CutOff, LongInComing, SlowToConnect, SlowToLeave
from tests.simulators import Simulator
from tests.waiting import await_true

pytestmark = pytest.mark.quiet

# The server's clock is known to half the time that its answer took.
EARLY_S = 0.02


def ahead_of_us_s(api: Simulator) -> float:
    """Say how much the time of the API's record is ahead of `time.monotonic`.

    What is read late makes it look less.
    """
    return max(float(api.health()["elapsed_s"]) - time.monotonic() for _ in range(5))


def test_a_request_leaves_at_its_instant(bench: Bench, api: Simulator) -> None:
    bench.hand_in()
    bench.run_before(Step.CREATE_CALL)
    bench.pace(requests_per_second=2.0)
    slot = bench.services.limiter.acquire(Lane.BACKFILL)
    assert isinstance(slot, Slot)
    ahead_s = ahead_of_us_s(api)

    assert bench.run(Step.CREATE_CALL) == GoOn()

    arrived_at_s, *_ = api.record("calls=0")["requests"][-1]
    leaves_at = slot.leaves_at + 0.5 * (1 + bench.missed())
    assert -EARLY_S <= arrived_at_s - (leaves_at + ahead_s) < 0.1


def test_a_slot_that_was_missed_is_given_up_for_another(
    bench: Bench, api: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bench.hand_in()
    bench.run_before(Step.CREATE_CALL)
    before = api.health()["requests"]
    bench.have(client=SlowToConnect.of(bench.services.client))

    assert bench.run(Step.CREATE_CALL) == GoOn()

    assert "missed its slot and takes another" in caplog.text
    assert (bench.sent(), api.health()["requests"] - before) == (1, 1)
    assert bench.counts().requests == 1
    assert bench.missed() >= 1


def test_a_slot_that_is_known_too_badly_is_given_up_at_once(
    bench: Bench, api: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bench.hand_in()
    bench.run_before(Step.CREATE_CALL)
    before = api.health()["requests"]
    bench.have(limiter=LongInComing.of(bench.services.limiter))
    # The second slot is one for now, and must not be missed for a connection that is still to be opened.
    bench.services.client.connect()

    assert bench.run(Step.CREATE_CALL) == GoOn()

    assert "a slot is known too badly to be used" in caplog.text
    assert api.health()["requests"] - before == 1
    assert bench.counts().requests == 1
    assert bench.missed() >= 1


def test_a_probe_is_let_through_again_when_its_process_may_have_missed_what_became_of_it(
    bench: Bench,
) -> None:
    bench.hand_in()
    bench.run_before(Step.CREATE_CALL)
    bench.services.limiter.close_unauthorized("for the test")
    bench.services.limiter.probe_now()
    bench.have(notices=CutOff(bench.store))

    assert bench.run(Step.CREATE_CALL) == GoOn()

    assert bench.services.limiter.gate() is None
    assert bench.missed() >= 1


@pytest.mark.parametrize("is_vague", [True, False])
def test_the_last_slot_of_who_is_out_of_patience_is_given_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, is_vague: bool
) -> None:
    monkeypatch.setattr("pipeline.steps.slot.PATIENCE_S", -1.0)
    bench.hand_in()
    bench.run_before(Step.CREATE_CALL)
    bench.services.limiter.close_unauthorized("for the test")
    bench.services.limiter.probe_now()
    used = bench.services.limiter.use().today
    if is_vague:
        bench.have(limiter=LongInComing.of(bench.services.limiter))
    else:
        client = SlowToConnect.of(bench.services.client)
        # Longer than the silence after a closing.
        client.delays_s = [2.0]
        bench.have(client=client)

    after = bench.run(Step.CREATE_CALL)

    assert isinstance(after, Again)
    assert (after.code, bench.missed(), bench.services.limiter.use().today) == ("waits_second", 1, used)
    # The next one is the probe, at once.
    assert isinstance(bench.services.limiter.look(Lane.BACKFILL), Slot)


def test_who_needs_long_to_be_ready_is_given_the_time(bench: Bench, api: Simulator) -> None:
    bench.hand_in()
    bench.run_before(Step.CREATE_CALL)
    before = api.health()["requests"]
    client = SlowToConnect.of(bench.services.client)
    client.delays_s = [0.1] * 50
    bench.have(client=client)

    assert bench.run(Step.CREATE_CALL) == GoOn()

    assert api.health()["requests"] - before == 1
    # On a busy machine it may take more the second time.
    assert len(client.delays_s) >= 46


@pytest.mark.parametrize("step", [Step.CREATE_CALL, Step.UPLOAD_MEDIA])
def test_a_request_that_leaves_late_all_the_same_is_told_of(
    bench: Bench, caplog: pytest.LogCaptureFixture, step: Step
) -> None:
    caplog.set_level(logging.INFO)
    bench.hand_in()
    bench.run_before(step)
    before = bench.services.limiter.in_force().late
    bench.have(client=SlowToLeave.of(bench.services.client))

    assert bench.run(step) == GoOn()

    assert bench.services.limiter.in_force().late == before + 1
    assert "s after its slot" in caplog.text


def test_a_lease_that_was_lost_before_another_slot_sends_nothing(bench: Bench, api: Simulator) -> None:
    bench.hand_in()
    bench.run_before(Step.CREATE_CALL)
    arrived = api.health()["requests"]
    client = SlowToConnect.of(bench.services.client)
    bench.have(client=client)

    def take_away() -> None:
        await_true(lambda: not client.delays_s, "the first slot is being missed")
        bench.server.client.hset(f"{bench.name}:job:{bench.claims[-1].job_id}", "token", "1")

    with beside(take_away):
        after = bench.run(Step.CREATE_CALL)

    assert isinstance(after, Stop)
    assert (after.state, after.code) == (None, "lease_lost")
    assert api.health()["requests"] == arrived


def close_by_hand(bench: Bench) -> None:
    bench.services.limiter.close_by_hand("for the test")


def spend_the_day(bench: Bench) -> None:
    bench.services.limiter.acquire(Lane.BACKFILL)
    bench.pace(requests_per_day=1)


@pytest.mark.parametrize(
    ("prevent", "code"), [(close_by_hand, "waits_by_hand"), (spend_the_day, "waits_day")]
)
def test_behind_a_gate_or_without_budget_the_job_goes_back_and_costs_nothing(
    bench: Bench, api: Simulator, prevent: Any, code: str
) -> None:
    bench.hand_in()
    bench.run_before(Step.CREATE_CALL)
    prevent(bench)
    sent, arrived = bench.sent(), api.health()["requests"]

    after = bench.run(Step.CREATE_CALL)

    assert isinstance(after, Stop)
    assert (after.state, after.code) == (State.PENDING, code)
    assert (bench.job()["attempts"], bench.sent(), api.health()["requests"]) == ("0", sent, arrived)
    assert bench.counts().requests == 0


def test_a_request_that_comes_back_to_the_day_in_a_moment_is_waited_for(bench: Bench) -> None:
    bench.hand_in()
    bench.run_before(Step.CREATE_CALL)
    granted = time.time() - DAY_S - ARRIVAL_S + HORIZON_S + 0.5
    bench.server.client.rpush(f"{bench.name}:grants", round(granted * 1e6))
    bench.pace(requests_per_day=1)
    assert isinstance(refusal := bench.services.limiter.look(Lane.BACKFILL), Refusal)
    assert (refusal.reason, 0 < refusal.wait_s < 1) == ("day", True)

    assert bench.run(Step.CREATE_CALL) == GoOn()


def test_a_slot_that_is_taken_back_by_a_closing_gate_is_not_used(bench: Bench, api: Simulator) -> None:
    bench.hand_in()
    bench.run_before(Step.CREATE_CALL)
    arrived = api.health()["requests"]
    bench.pace(requests_per_second=0.4)
    assert isinstance(bench.services.limiter.acquire(Lane.BACKFILL), Slot)

    def close() -> None:
        await_true(lambda: bench.counts().requests == 1, "the create has its slot")
        close_by_hand(bench)

    began = time.monotonic()
    with beside(close):
        after = bench.run(Step.CREATE_CALL)

    assert isinstance(after, Stop)
    assert (after.state, after.code) == (State.PENDING, "waits_by_hand")
    assert (api.health()["requests"], bench.job()["attempts"]) == (arrived, "0")
    # It did not sleep on to its slot, 2.5 s away.
    assert time.monotonic() - began < 2


def test_a_slot_that_is_moved_for_live_is_used_where_it_is_then(bench: Bench, api: Simulator) -> None:
    bench.hand_in()
    bench.run_before(Step.CREATE_CALL)
    bench.pace(requests_per_second=1.0)
    first = bench.services.limiter.acquire(Lane.BACKFILL)
    assert isinstance(first, Slot)
    ahead_s = ahead_of_us_s(api)
    live: list[Slot] = []

    def go_first() -> None:
        await_true(lambda: bench.counts().requests == 1, "the create has its slot")
        slot = bench.services.limiter.acquire(Lane.LIVE)
        assert isinstance(slot, Slot)
        live.append(slot)

    with beside(go_first):
        assert bench.run(Step.CREATE_CALL) == GoOn()

    arrived_at_s, *_ = api.record("calls=0")["requests"][-1]
    assert live[0].at_us == first.at_us + 1_000_000
    leaves_at = live[0].leaves_at + 1.0 * (1 + bench.missed())
    assert -EARLY_S <= arrived_at_s - (leaves_at + ahead_s) < 0.1


def test_a_slot_far_away_is_waited_for_without_a_process(bench: Bench) -> None:
    bench.hand_in()
    bench.run_before(Step.CREATE_CALL)
    bench.pace(requests_per_second=0.1)
    began = time.monotonic()
    bench.services.limiter.acquire(Lane.BACKFILL)

    after = bench.run(Step.CREATE_CALL)

    assert isinstance(after, Again)
    assert after.code == "waits_second"
    assert 7 - (time.monotonic() - began) < after.wait_s < 7
    assert (bench.job()["state"], bench.job()["attempts"]) == (State.ACTIVE, "0")


def test_a_worker_that_stops_hands_its_job_back_before_the_request(bench: Bench, api: Simulator) -> None:
    bench.hand_in()
    bench.run_before(Step.CREATE_CALL)
    arrived = api.health()["requests"]
    ends = time.monotonic() + 60
    bench.have(stop_by=lambda: ends)

    after = bench.run(Step.CREATE_CALL)

    assert isinstance(after, Stop)
    assert (after.state, after.code) == (State.PENDING, "handed_back")
    assert (api.health()["requests"], bench.sent()) == (arrived, 0)
    assert bench.claim().steps == (Step.CREATE_CALL, Step.UPLOAD_MEDIA)


def test_a_lease_that_is_lost_while_waiting_sends_nothing(bench: Bench, api: Simulator) -> None:
    bench.hand_in()
    bench.run_before(Step.CREATE_CALL)
    arrived = api.health()["requests"]
    bench.pace(requests_per_second=0.4)
    bench.services.limiter.acquire(Lane.BACKFILL)
    bench.have(ledger=Ledger(bench.store, lease_ttl_s=1.5, attempts_max=9))

    def take_away() -> None:
        await_true(lambda: bench.counts().requests == 1, "the create has its slot")
        bench.server.client.hset(f"{bench.name}:job:{bench.claims[-1].job_id}", "token", "1")

    with beside(take_away):
        after = bench.run(Step.CREATE_CALL)

    assert isinstance(after, Stop)
    assert (after.state, after.code) == (None, "lease_lost")
    assert api.health()["requests"] == arrived
