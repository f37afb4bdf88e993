"""Working on a job: who may begin a step, keep the lease, and write down what was done."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.errors import LeaseLost, PayloadUnknown
from pipeline.job import Claim, Held, Lane, State, Step, StepMessage, job_id_of
from pipeline.ledger import Filled, Filling, Ledger, Link
from pipeline.limiter import Slot
from tests.integration.ledger.bench import BATCH, LEASE_TTL_S, REASON, Bench, make_submission, make_wait

WRITES: dict[str, Callable[[Bench, Held], object]] = {
    "renew": lambda bench, held: bench.ledger.renew(held),
    "request": lambda bench, held: bench.request(held),
    "record_step": lambda bench, held: bench.ledger.record_step(held, {"size_bytes": "1"}),
    "postpone": lambda bench, held: bench.ledger.postpone(held, make_wait(costs_attempt=True)),
    "keep": lambda bench, held: bench.ledger.postpone(held, make_wait(keep=True)),
    "bury": lambda bench, held: bench.ledger.bury(held, REASON),
}


def test_a_step_begins_with_the_job_as_it_was_handed_in(bench: Bench) -> None:
    claim = bench.claimed(lane=Lane.LIVE)

    held = bench.ledger.begin_step(claim.job_id, claim.lease_token, Step.VALIDATE, run="run")

    assert held == Held(
        job_id=job_id_of("a"),
        lease_token=claim.lease_token,
        run="run",
        step=Step.VALIDATE,
        batch=BATCH,
        lane=Lane.LIVE,
        payload=make_submission("a").payload,
        attempts=0,
        call_id=None,
        posted=False,
    )


def test_to_begin_a_step_renews_the_lease(bench: Bench) -> None:
    claim = bench.claimed()
    bench.clock.advance(20)

    bench.begin(claim)

    assert bench.lease_ends_in_s() == LEASE_TTL_S


def test_a_second_delivery_waits_for_nothing_and_does_nothing(bench: Bench) -> None:
    claim = bench.claimed()
    held = bench.begin(claim)

    with pytest.raises(LeaseLost, match="another one is at work"):
        bench.begin(claim)

    bench.ledger.renew(held)


def test_a_delivery_may_ask_twice(bench: Bench) -> None:
    claim = bench.claimed()
    ask = [bench.ledger.begin_step(claim.job_id, claim.lease_token, Step.VALIDATE, run="run") for _ in "12"]

    assert ask[0] == ask[1]


def test_the_message_of_the_next_step_is_published_with_what_is_recorded(bench: Bench) -> None:
    held, following = bench.held(), StepMessage("media", "the next one")

    for _ in "an answer that was lost, and again":
        bench.ledger.record_step(held, following=following)

    assert bench.published("media") == ["the next one"]
    assert bench.published("calls") == []


def test_who_asks_again_when_the_next_step_is_recorded_too_is_told_that_his_is(bench: Bench) -> None:
    """Its answer was lost, and whoever took the message that it published was quick."""
    first = bench.held()
    claim = Claim(first.job_id, first.lease_token, (Step.CREATE_CALL,), rescued=False)
    bench.ledger.record_step(first, following=StepMessage("calls", "the next one"))
    bench.ledger.record_step(bench.begin(claim), {"call_id": "77"})

    bench.ledger.record_step(first, following=StepMessage("calls", "the next one"))

    assert bench.published("calls") == ["the next one"]
    assert bench.job()["step"] == "created"


def test_who_lost_the_lease_publishes_nothing(bench: Bench) -> None:
    held = bench.held()
    bench.clock.advance(LEASE_TTL_S + 1)
    bench.claim()

    with pytest.raises(LeaseLost):
        bench.ledger.record_step(held, following=StepMessage("media", "the next one"))

    assert bench.published("media") == []


def test_nothing_follows_what_was_the_last_step(bench: Bench) -> None:
    held = bench.held(step=Step.CREATE_CALL, media=None)

    bench.ledger.record_step(held, following=StepMessage("media", "of no use"))

    assert bench.published("media") == []


def test_messages_are_taken_in_the_order_in_which_they_were_published(bench: Bench) -> None:
    messages = [StepMessage("calls", "1"), StepMessage("media", "2"), StepMessage("calls", "3")]

    bench.ledger.publish(messages)

    assert (bench.published("calls"), bench.published("media")) == (["1", "3"], ["2"])


@pytest.mark.parametrize("step", [Step.VALIDATE, Step.CREATE_CALL])
def test_a_step_that_is_recorded_is_not_begun_again(bench: Bench, step: Step) -> None:
    claim = bench.claimed()
    for earlier in (Step.VALIDATE, Step.CREATE_CALL):
        bench.ledger.record_step(bench.begin(claim, earlier))

    with pytest.raises(LeaseLost, match="past this step"):
        bench.begin(claim, step)

    assert bench.job()["step"] == "created"


def test_a_step_is_not_begun_before_its_turn(bench: Bench) -> None:
    with pytest.raises(LeaseLost):
        bench.begin(bench.claimed(), Step.CREATE_CALL)


def test_nothing_is_begun_with_an_old_token(bench: Bench) -> None:
    old = bench.claimed()
    bench.clock.advance(LEASE_TTL_S)
    (new,) = bench.claim()

    with pytest.raises(LeaseLost, match="another attempt holds it"):
        bench.begin(old)

    bench.begin(new)


@pytest.mark.parametrize("state", [State.PENDING, State.DONE, State.DEAD])
def test_nothing_is_begun_on_a_job_that_is_not_active(bench: Bench, state: State) -> None:
    held = bench.held("a", Step.UPLOAD_MEDIA)
    if state is State.PENDING:
        bench.ledger.postpone(held, make_wait(0))
    elif state is State.DONE:
        bench.ledger.record_step(held)
    else:
        bench.ledger.bury(held, REASON)

    with pytest.raises(LeaseLost):
        bench.ledger.begin_step(held.job_id, held.lease_token, Step.UPLOAD_MEDIA, run="again")


def test_nothing_is_begun_on_a_job_that_is_not_there(ledger: Ledger) -> None:
    with pytest.raises(LeaseLost):
        ledger.begin_step("none", 1, Step.VALIDATE, run="run")


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_an_attempt_that_lost_its_lease_writes_nothing(
    bench: Bench, write: Callable[[Bench, Held], object]
) -> None:
    old = bench.held()
    bench.clock.advance(LEASE_TTL_S)
    (claim,) = bench.claim()
    bench.begin(claim)
    before = bench.job(), bench.lease_ends_in_s(), bench.ledger.counts(BATCH)

    with pytest.raises(LeaseLost, match="was lost to another attempt"):
        write(bench, old)

    assert (bench.job(), bench.lease_ends_in_s(), bench.ledger.counts(BATCH)) == before


@pytest.mark.parametrize("write", [WRITES[name] for name in WRITES if name != "record_step"])
def test_a_delivery_whose_step_is_recorded_writes_nothing(
    bench: Bench, write: Callable[[Bench, Held], object]
) -> None:
    held = bench.held()
    bench.ledger.record_step(held)
    before = bench.job(), bench.lease_ends_in_s(), bench.ledger.counts(BATCH)

    with pytest.raises(LeaseLost):
        write(bench, held)

    assert (bench.job(), bench.lease_ends_in_s(), bench.ledger.counts(BATCH)) == before


def test_a_lease_that_ran_out_but_was_not_claimed_is_still_held(bench: Bench) -> None:
    held = bench.held()
    bench.clock.advance(LEASE_TTL_S + 1)

    bench.ledger.renew(held)

    assert bench.lease_ends_in_s() == LEASE_TTL_S


def test_a_renewed_lease_is_not_claimed(bench: Bench) -> None:
    held = bench.held()
    for _ in range(5):
        bench.clock.advance(LEASE_TTL_S - 1)
        bench.ledger.renew(held)

    assert bench.claim() == []


def test_a_create_that_may_have_left_is_remembered(bench: Bench) -> None:
    bench.request(bench.held("a", Step.CREATE_CALL))

    bench.clock.advance(LEASE_TTL_S)
    (claim,) = bench.claim()

    assert bench.begin(claim).posted


def test_an_upload_is_no_create(bench: Bench) -> None:
    bench.request(bench.held("a", Step.UPLOAD_MEDIA))

    assert "posted" not in bench.job()


def instant(slot: Slot) -> float:
    return slot.at_us // 1000 / 1000


def test_requests_are_counted_with_the_instants_of_the_first_and_the_last(bench: Bench) -> None:
    first, second = bench.held("a", Step.CREATE_CALL), bench.held("b", Step.CREATE_CALL)
    first_slot = bench.request(first)
    bench.clock.advance(10)
    second_slot = bench.request(second)

    counts = bench.ledger.counts(BATCH)

    assert counts.requests == 2
    assert (counts.first_request_at, counts.last_request_at) == (instant(first_slot), instant(second_slot))


def test_the_last_request_is_the_one_that_leaves_last(bench: Bench) -> None:
    late, early = bench.held("a", Step.CREATE_CALL), bench.held("b", Step.CREATE_CALL)
    late_slot = bench.request(late)
    early_slot = bench.request(early, lane=Lane.LIVE)

    # One of the live lane takes the first place, and the other one is told to leave after it.
    assert early_slot.at_us == late_slot.at_us
    assert bench.ledger.counts(BATCH).last_request_at == instant(late_slot)


def test_a_request_is_noted_once(bench: Bench) -> None:
    held = bench.held("a", Step.CREATE_CALL)
    bench.request(held)
    bench.request(held, is_noted=True)

    assert bench.ledger.counts(BATCH).requests == 1


def test_who_lost_its_lease_takes_no_slot(bench: Bench) -> None:
    held = bench.held("a", Step.CREATE_CALL)
    before = bench.request(bench.held("b", Step.CREATE_CALL))
    bench.clock.advance(LEASE_TTL_S + 1)
    bench.claim()

    for is_noted in (False, True):
        with pytest.raises(LeaseLost):
            bench.request(held, is_noted=is_noted)

    assert bench.server.client.lrange(bench.key("grants"), 0, -1) == [str(before.at_us)]
    assert "posted" not in bench.job("a")


def test_who_lost_its_lease_gives_back_the_slot_that_it_missed(bench: Bench) -> None:
    held = bench.held("a", Step.CREATE_CALL)
    missed = bench.request(held)
    bench.clock.advance(LEASE_TTL_S + 1)
    bench.claim()

    with pytest.raises(LeaseLost):
        bench.request(held, is_noted=True, missed=missed)

    assert bench.server.client.lrange(bench.key("grants"), 0, -1) == []


def test_a_recorded_step_leaves_the_job_active_and_renews_the_lease(bench: Bench) -> None:
    held = bench.held()
    bench.clock.advance(20)

    bench.ledger.record_step(held, {"size_bytes": "42"})

    job = bench.job()
    assert (job["state"], job["step"], job["size_bytes"]) == ("active", "validated", "42")
    assert bench.lease_ends_in_s() == LEASE_TTL_S


def test_the_last_step_ends_the_job(bench: Bench) -> None:
    bench.bring_in()

    counts = bench.ledger.counts(BATCH)
    assert (counts.done, counts.created, counts.uploaded) == (1, 1, 1)
    assert bench.job()["d"] == f"{bench.clock.now_s:.0f}"
    assert bench.lease_ends_in_s() is None
    assert bench.is_woken()


def test_a_job_whose_media_the_api_pulls_ends_with_the_create(bench: Bench) -> None:
    bench.ledger.record_step(bench.held("a", Step.CREATE_CALL, media=None), {"call_id": "5"})

    counts = bench.ledger.counts(BATCH)
    assert (counts.done, counts.created, counts.uploaded) == (1, 1, 0)


@pytest.mark.parametrize("step", Step)
def test_to_record_a_step_twice_changes_nothing(bench: Bench, step: Step) -> None:
    held = bench.held("a", step)
    details = {"call_id": "7", "adopted": "1"}
    bench.ledger.record_step(held, details)
    before = bench.job(), bench.ledger.counts(BATCH)

    bench.ledger.record_step(held, details)

    assert (bench.job(), bench.ledger.counts(BATCH)) == before
    assert bench.ledger.counts(BATCH).adopted == 1


def test_a_step_that_another_delivery_recorded_is_not_this_ones(bench: Bench) -> None:
    claim = bench.claimed()
    early = bench.begin(claim)
    bench.ledger.postpone(early, make_wait(0, keep=True))
    bench.ledger.record_step(bench.begin(claim))

    with pytest.raises(LeaseLost):
        bench.ledger.record_step(early)


def test_the_next_step_knows_the_call(bench: Bench) -> None:
    claim = bench.claimed()
    bench.ledger.record_step(bench.begin(claim, Step.VALIDATE))
    bench.ledger.record_step(bench.begin(claim, Step.CREATE_CALL), {"call_id": "12345678901234567890"})

    assert bench.begin(claim, Step.UPLOAD_MEDIA).call_id == "12345678901234567890"


def test_a_job_of_a_newer_version_is_left_to_newer_workers(bench: Bench) -> None:
    claim = bench.claimed()
    bench.server.client.set(bench.key(f"payload:{claim.job_id}"), '99\n{"new": "form"}')

    with pytest.raises(PayloadUnknown, match="upgrade the workers"):
        bench.begin(claim)

    job = bench.job()
    assert (job["state"], job["attempts"]) == ("pending", "0")
    assert bench.due_in_s() == 60


def test_what_is_filled_into_a_create_is_kept_until_it_is_forgotten(bench: Bench) -> None:
    held = bench.begin(bench.claimed())
    filling, link = (
        Filling(bench.store),
        Link("https://store.example.com/a.wav?signature=a b", 1_800_000_000.0),
    )

    assert filling.fill_in(held) == Filled()
    filling.fill_in(held, users="5000000000000000001 7")
    filled = filling.fill_in(held, link=link.encode())
    assert filled == filling.fill_in(held) == Filled(("5000000000000000001", "7"), link)
    assert filling.fill_in(held, users="") == Filled((), link)
    assert filling.fill_in(held, users="", link="") == Filled()

    bench.ledger.record_step(held)
    with pytest.raises(LeaseLost):
        filling.fill_in(held, users="7")
    assert "users" not in bench.job()
