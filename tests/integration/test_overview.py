"""What whoever watches is told, seen in a real ledger."""

from __future__ import annotations

import time
from typing import Any

import pytest

from pipeline.job import Held, Lane, Reason, Step, Wait
from pipeline.ledger import Control, Fleet, Ledger
from pipeline.limiter import Limiter
from pipeline.overview import Finish, Observer, Obstacle, Overview, Standing, standing
from pipeline.settings import Settings
from pipeline.store import Store
from tests.integration.ledger.bench import LEASE_TTL_S, REASON, make_submission

SETTINGS = Settings()
CLOSE_S = 20.0


@pytest.fixture
def observer(store: Store) -> Observer:
    ledger = Ledger(store, lease_ttl_s=LEASE_TTL_S, attempts_max=3)
    ledger.join_fleet("worker", calls=4, media=2, ttl_s=60)
    return Observer(store, ledger, Limiter.from_settings(SETTINGS, store))


def submit(observer: Observer, batch: str, count: int) -> None:
    submissions = [make_submission(f"{batch}-{number}") for number in range(count)]
    observer.ledger.submit(submissions, batch=batch, lane=Lane.BACKFILL)


def held_by(ledger: Ledger, batch: str = "calls") -> Held:
    ledger.submit([make_submission(f"{batch}-x")], batch=batch, lane=Lane.BACKFILL)
    (claim,) = ledger.claim([Lane.BACKFILL], window=99).jobs
    return ledger.begin_step(claim.job_id, claim.lease_token, claim.steps[0], run="run")


def ends_in_s(overview: Overview, batch: str = "calls") -> float:
    (counts,) = (each for each in overview.batches if each.batch == batch)
    finish = overview.finish(counts)
    assert finish.at is not None
    return finish.at - overview.day.now


def test_everything_is_seen_at_one_moment(observer: Observer) -> None:
    submit(observer, "older", 2)
    submit(observer, "calls", 3)
    observer.limiter.look(Lane.BACKFILL)

    overview = observer.look()

    # of two that were made in the same millisecond either may be the newest
    assert {each.batch: each.pending for each in overview.batches} == {"calls": 3, "older": 2}
    assert overview.fleet == Fleet(1, 4, 2)
    assert overview.gate is None
    assert (overview.limits.limits, overview.day.used) == (observer.limiter.limits, 0)
    assert abs(overview.day.now - time.time()) < CLOSE_S
    assert set(overview.waits) == {"calls", "older"}


def test_an_empty_ledger_is_no_mistake(observer: Observer) -> None:
    overview = observer.look(letters=5, reasons=True)

    assert (overview.batches, overview.letters, overview.rate) == ((), (), 0.0)


def test_a_server_that_forgot_its_scripts_is_given_them_again(observer: Observer, server: Any) -> None:
    observer.look()
    server.client.script_flush()

    assert observer.look().fleet.workers == 1


def test_batches_share_the_limits_and_the_smallest_is_done_first(observer: Observer) -> None:
    submit(observer, "large", 150)
    submit(observer, "small", 30)

    overview = observer.look()

    pace = overview.limits.pace
    assert ends_in_s(overview, "small") == pytest.approx(2 * 60 / pace, abs=2)
    assert ends_in_s(overview, "large") == pytest.approx(2 * 180 / pace, abs=2)


def test_a_paused_batch_has_no_end_and_takes_no_part(observer: Observer) -> None:
    submit(observer, "large", 150)
    submit(observer, "small", 30)
    Control(observer.store).pause("large")

    overview = observer.look()

    batches = {each.batch: each for each in overview.batches}
    assert ends_in_s(overview, "small") == pytest.approx(60 / overview.limits.pace, abs=2)
    assert overview.finish(batches["large"]) == Finish(None, Obstacle.PAUSED)
    standings = {name: standing(each) for name, each in batches.items()}
    assert standings == {"small": Standing.WAITING, "large": Standing.PAUSED}


def test_how_a_batch_stands(observer: Observer) -> None:
    held = held_by(observer.ledger)
    assert standing(observer.look().batches[0]) is Standing.RUNNING

    observer.ledger.bury(held, REASON)
    assert standing(observer.look().batches[0]) is Standing.FINISHED

    submit(observer, "calls", 1)
    Control(observer.store).cancel("calls")
    assert standing(observer.look().batches[0]) is Standing.CANCELLED


def test_the_end_is_not_told_before_the_last_job_may_go_on(observer: Observer) -> None:
    wait = Wait(300.0, keep=False, costs_attempt=True, reason=REASON)
    observer.ledger.postpone(held_by(observer.ledger), wait)

    assert ends_in_s(observer.look()) == pytest.approx(300, abs=CLOSE_S)


def test_the_end_is_told_from_the_moment_at_which_the_gate_opens(observer: Observer) -> None:
    submit(observer, "calls", 150)
    observer.limiter.close_for(200.0, "The API's limit is reached")

    overview = observer.look()

    assert overview.gate
    assert overview.gate.reason == "rate_limited"
    assert ends_in_s(overview) == pytest.approx(200 + 300 / overview.limits.pace, abs=CLOSE_S)


@pytest.mark.parametrize("close", [Limiter.close_unauthorized, Limiter.close_by_hand])
def test_no_end_is_told_where_nobody_knows_it(observer: Observer, close: object) -> None:
    assert callable(close)
    submit(observer, "calls", 1)
    close(observer.limiter, "for the test")

    overview = observer.look()

    assert overview.finish(overview.batches[0]) == Finish(None, Obstacle.GATE)


@pytest.mark.parametrize("calls", [0, 4])
def test_without_workers_for_both_queues_there_is_no_end(observer: Observer, calls: int) -> None:
    submit(observer, "calls", 1)
    observer.ledger.join_fleet("worker", calls=calls, media=0, ttl_s=60)

    overview = observer.look()

    assert overview.finish(overview.batches[0]) == Finish(None, Obstacle.WORKERS)


def test_the_limits_in_force_count_and_not_those_of_the_settings(observer: Observer) -> None:
    submit(observer, "calls", 50)
    observer.limiter.set_limits({"requests_per_second": 0.5})

    assert ends_in_s(observer.look()) == pytest.approx(100 / 0.495, abs=CLOSE_S)


def test_who_waits_for_a_worker_that_is_gone_is_told_until_when(observer: Observer) -> None:
    ago = Ledger(
        observer.store, lease_ttl_s=LEASE_TTL_S, attempts_max=3, clock=lambda: time.time() - LEASE_TTL_S / 2
    )
    held_by(ago)

    overview = observer.look()

    assert overview.waits["calls"].silent == 1
    assert ends_in_s(overview) == pytest.approx(LEASE_TTL_S / 2, abs=CLOSE_S)


def test_the_last_dead_letters_and_their_reasons_are_seen(observer: Observer) -> None:
    for number, code in enumerate(("media_empty", "media_missing")):
        batch = f"batch-{number}"
        observer.ledger.bury(held_by(observer.ledger, batch), Reason(code, str(number)))
        submit(observer, batch, 1)
        Control(observer.store).pause(batch)

    both = observer.look(letters=5, reasons=True)

    assert {letter.message for letter in both.letters} == {"0", "1"}
    assert [letter.message for letter in observer.look(batch="batch-0", letters=5).letters] == ["0"]
    assert len(observer.look(letters=1).letters) == 1
    assert both.reasons == {"batch-0": {"media_empty": 1}, "batch-1": {"media_missing": 1}}


def test_a_look_costs_the_same_for_many_jobs(observer: Observer, server: Any) -> None:
    def commands() -> int:
        return int(server.client.info("stats")["total_commands_processed"])

    def cost() -> int:
        observer.look(letters=5)
        before = commands()
        observer.look(letters=5)
        return commands() - before

    submit(observer, "calls", 1)
    few = min(cost() for _ in range(5))
    submit(observer, "calls", 2_000)

    # Others may use the server as well.
    assert min(cost() for _ in range(5)) == few


def test_an_upload_is_seen_when_it_told_how_far_it_is(observer: Observer) -> None:
    ledger = observer.ledger
    ledger.submit([make_submission("calls-x")], batch="calls", lane=Lane.BACKFILL)
    (claim,) = ledger.claim([Lane.BACKFILL], window=9).jobs
    for step, details in zip(claim.steps, ({"size_bytes": "512"}, {"call_id": "7"}), strict=False):
        held = ledger.begin_step(claim.job_id, claim.lease_token, step, run=step)
        ledger.record_step(held, details)
    held = ledger.begin_step(claim.job_id, claim.lease_token, Step.UPLOAD_MEDIA, run="upload")
    assert observer.look().uploads == ()

    ledger.renew(held, sent_bytes=200)

    (upload,) = observer.look().uploads
    assert (upload.client_unique_id, upload.sent_bytes, upload.size_bytes) == ("calls-x", 200, 512)
