"""The gate: what closes it, for how long, what opens it, and what may not."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from pipeline.job import Lane
from pipeline.limiter import Gate, Limiter, Refusal, Slot
from pipeline.store import Store
from tests.clocks import NOON_S, Clock
from tests.integration.limiter.pace import make_limits

CLOSE: dict[str, Callable[[Limiter], object]] = {
    "rate_limited": lambda limiter: limiter.close_for(30, "429"),
    "failing": lambda limiter: limiter.note_failure("500", failures_to_close=1),
    "unauthorized": lambda limiter: limiter.close_unauthorized("401"),
    "wrong_address": lambda limiter: limiter.close_wrong_address("404"),
    "by_hand": lambda limiter: limiter.close_by_hand("maintenance"),
}
# From the mildest to the gravest; two of one rank replace each other.
RANKS = {"rate_limited": 1, "failing": 2, "unauthorized": 3, "wrong_address": 3, "by_hand": 4}
PROBES = ("failing", "unauthorized", "wrong_address")


def granted(limiter: Limiter) -> Slot:
    answer = limiter.acquire(Lane.LIVE)
    assert isinstance(answer, Slot), answer
    return answer


def refused(limiter: Limiter) -> Refusal:
    answer = limiter.acquire(Lane.LIVE)
    assert isinstance(answer, Refusal), answer
    return answer


def reason_of(limiter: Limiter) -> str | None:
    gate = limiter.gate()
    return gate.reason if gate else None


def test_an_open_gate_lets_requests_leave(limiter: Limiter) -> None:
    assert limiter.gate() is None
    assert not granted(limiter).is_probe


def test_a_429_closes_the_gate_for_its_retry_after(limiter: Limiter, clock: Clock) -> None:
    limiter.close_for(30, "the API answered 429")

    assert refused(limiter) == Refusal(30, "rate_limited")
    assert limiter.gate() == Gate(
        "rate_limited",
        "the API answered 429",
        "timed",
        since=clock.now_s,
        until=clock.now_s + 30,
        confirmed=clock.now_s,
    )


def test_a_timed_gate_opens_by_itself(limiter: Limiter, clock: Clock) -> None:
    limiter.close_for(30, "429")

    clock.advance(29.999)
    assert refused(limiter).reason == "rate_limited"
    clock.advance(0.001)

    assert limiter.gate() is None
    assert not granted(limiter).is_probe


def test_a_gate_that_opened_by_itself_is_closed_anew(limiter: Limiter, clock: Clock) -> None:
    limiter.close_for(30, "first")
    clock.advance(60)

    limiter.close_for(5, "second")

    gate = limiter.gate()
    assert gate is not None
    assert (gate.detail, gate.since, gate.until) == ("second", clock.now_s, clock.now_s + 5)


@pytest.mark.parametrize("waits", [(30, 5), (5, 30)])
def test_the_longest_retry_after_wins(limiter: Limiter, waits: tuple[float, float]) -> None:
    for wait_s in waits:
        limiter.close_for(wait_s, "429")

    assert refused(limiter).wait_s == 30


@pytest.mark.parametrize("second", CLOSE)
@pytest.mark.parametrize("first", CLOSE)
def test_a_reason_is_replaced_by_one_as_grave_or_graver_only(
    limiter: Limiter, first: str, second: str
) -> None:
    CLOSE[first](limiter)
    CLOSE[second](limiter)

    assert reason_of(limiter) == (second if RANKS[second] >= RANKS[first] else first)


def test_a_retry_after_that_is_over_does_not_outrank_anything(limiter: Limiter, clock: Clock) -> None:
    limiter.close_for(1, "429")
    clock.advance(2)
    CLOSE["failing"](limiter)

    gate = limiter.gate()
    assert gate is not None
    assert (gate.reason, gate.since) == ("failing", clock.now_s)


@pytest.mark.parametrize("reason", PROBES)
def test_one_probe_after_another_is_let_through_at_growing_intervals(
    limiter: Limiter, clock: Clock, reason: str
) -> None:
    CLOSE[reason](limiter)

    waits = []
    for _ in range(9):
        refusal = refused(limiter)
        assert refusal.reason == reason
        waits.append(round(refusal.wait_s))
        clock.advance(refusal.wait_s)
        assert granted(limiter).is_probe

    assert waits == [5, 5, 10, 20, 40, 80, 160, 300, 300]


def test_only_one_request_is_the_probe(limiter: Limiter, clock: Clock) -> None:
    limiter.close_unauthorized("401")
    clock.advance(5)

    assert granted(limiter).is_probe
    assert refused(limiter).wait_s == 5


@pytest.mark.parametrize("reason", PROBES)
def test_a_probe_that_did_not_leave_is_let_through_again_and_costs_no_wait(
    limiter: Limiter, clock: Clock, reason: str
) -> None:
    CLOSE[reason](limiter)
    waits = []
    for _ in range(4):
        clock.advance(refused(limiter).wait_s)
        probe: Slot | None = None
        for _ in range(4):
            # It was bound, and its holder was late for it.
            answer = limiter.acquire(Lane.LIVE, missed=probe)
            assert isinstance(answer, Slot)
            assert answer.is_probe
            probe = answer
            clock.advance(1)
        waits.append(round(refused(limiter).wait_s))

    assert waits == [4, 9, 19, 39]
    assert limiter.in_force().missed == 12


@pytest.mark.parametrize(
    "moved",
    [
        lambda limiter: limiter.close_unauthorized("401", retry_after_s=60),
        lambda limiter: limiter.close_by_hand("maintenance"),
        lambda limiter: limiter.close_for(60, "429"),
    ],
)
def test_a_probe_that_did_not_leave_brings_no_other_wait_to_an_end(
    limiter: Limiter, clock: Clock, moved: Callable[[Limiter], object]
) -> None:
    limiter.close_unauthorized("401")
    clock.advance(5)
    probe = granted(limiter)
    moved(limiter)
    before = limiter.gate()

    assert isinstance(limiter.acquire(Lane.LIVE, missed=probe), Refusal)

    assert limiter.gate() == before


def test_a_look_is_no_probe(limiter: Limiter, clock: Clock) -> None:
    limiter.close_unauthorized("401")
    clock.advance(5)

    looks = [limiter.look(Lane.LIVE) for _ in range(3)]

    assert all(isinstance(look, Slot) for look in looks)
    assert granted(limiter).is_probe


def test_the_same_refusal_again_does_not_shorten_the_way_to_the_next_probe(
    limiter: Limiter, clock: Clock
) -> None:
    limiter.close_unauthorized("401")
    for _ in range(3):
        clock.advance(refused(limiter).wait_s)
        granted(limiter)
        limiter.close_unauthorized("401 again")

    assert refused(limiter).wait_s == 20
    gate = limiter.gate()
    assert gate is not None
    assert (gate.since, gate.confirmed) == (NOON_S + 60, clock.now_s)


@pytest.mark.parametrize("reason", PROBES)
def test_a_probe_that_succeeds_opens_the_gate(limiter: Limiter, clock: Clock, reason: str) -> None:
    CLOSE[reason](limiter)
    clock.advance(5)

    limiter.note_success(granted(limiter))

    assert limiter.gate() is None
    assert not granted(limiter).is_probe


@pytest.mark.parametrize("reason", ["rate_limited", "by_hand"])
def test_a_success_opens_no_gate_that_does_not_wait_for_one(limiter: Limiter, reason: str) -> None:
    limiter.note_failure("500", failures_to_close=9)
    slot = granted(limiter)
    CLOSE[reason](limiter)

    limiter.note_success(slot)

    assert reason_of(limiter) == reason


def test_a_run_of_failures_closes_the_gate(limiter: Limiter) -> None:
    counts = [limiter.note_failure(f"500 number {number}", failures_to_close=3) for number in (1, 2)]
    assert limiter.gate() is None

    counts.append(limiter.note_failure("500 number 3", failures_to_close=3))

    assert counts == [1, 2, 3]
    gate = limiter.gate()
    assert gate is not None
    assert (gate.reason, gate.detail, gate.mode) == ("failing", "500 number 3", "probe")


def test_a_success_ends_the_run_of_failures(limiter: Limiter, clock: Clock) -> None:
    for _ in range(2):
        limiter.note_failure("500", failures_to_close=3)
    limiter.note_success(granted(limiter))
    clock.advance(1)

    assert granted(limiter).failures == 0
    assert limiter.note_failure("500", failures_to_close=3) == 1
    assert limiter.gate() is None


def test_a_success_without_failures_before_it_asks_the_server_nothing(limiter: Limiter) -> None:
    slot = granted(limiter)
    out_of_reach = Limiter(Store("unix:///nowhere/valkey.sock", "test", retries=0), make_limits())

    out_of_reach.note_success(slot)


def test_a_gate_closed_by_hand_stays_closed_until_it_is_opened_by_hand(
    limiter: Limiter, clock: Clock
) -> None:
    limiter.close_by_hand("maintenance")
    clock.advance(7 * 86_400)

    assert refused(limiter) == Refusal(5, "by_hand")
    assert limiter.open_by_hand()
    assert not granted(limiter).is_probe
    assert not limiter.open_by_hand()


@pytest.mark.parametrize("reason", CLOSE)
def test_a_person_may_open_whatever_is_closed(limiter: Limiter, store: Store, reason: str) -> None:
    CLOSE[reason](limiter)

    assert limiter.open_by_hand()

    assert limiter.gate() is None
    granted(limiter)
    assert store.wait_for_wake(1)


def test_to_open_by_hand_forgets_the_failures(limiter: Limiter) -> None:
    CLOSE["failing"](limiter)
    limiter.open_by_hand()

    assert granted(limiter).failures == 0


def test_a_gate_that_opened_by_itself_was_open(limiter: Limiter, clock: Clock) -> None:
    limiter.close_for(1, "429")
    clock.advance(1)

    assert not limiter.open_by_hand()


@pytest.mark.parametrize("reason", PROBES)
def test_new_settings_are_probed_at_once(limiter: Limiter, clock: Clock, reason: str) -> None:
    CLOSE[reason](limiter)
    for _ in range(6):
        clock.advance(refused(limiter).wait_s)
        granted(limiter)
    clock.advance(1)

    limiter.probe_now()

    # Who watches can tell what was met with the old settings from what the new ones meet.
    gate = limiter.gate()
    assert gate is not None
    assert gate.reason == reason
    assert gate.confirmed < clock.now_s
    assert granted(limiter).is_probe
    assert refused(limiter).wait_s == 5


@pytest.mark.parametrize("reason", ["rate_limited", "by_hand"])
def test_to_probe_now_opens_no_gate_that_does_not_wait_for_a_probe(limiter: Limiter, reason: str) -> None:
    CLOSE[reason](limiter)

    limiter.probe_now()

    assert refused(limiter).reason == reason


def test_to_probe_an_open_gate_changes_nothing(limiter: Limiter) -> None:
    limiter.probe_now()

    assert limiter.gate() is None


def test_a_probe_takes_its_slot_like_any_request(limiter: Limiter, clock: Clock) -> None:
    limiter.close_unauthorized("401")
    clock.advance(5)
    probe = granted(limiter)
    limiter.open_by_hand()

    assert granted(limiter).at_us == probe.at_us + 336_701


def test_a_gate_that_waits_for_a_probe_heeds_a_longer_retry_after(limiter: Limiter) -> None:
    limiter.note_failure("503", failures_to_close=1, retry_after_s=120)
    assert refused(limiter).wait_s == pytest.approx(120)
    limiter.close_unauthorized("403", retry_after_s=60)
    assert refused(limiter).wait_s == pytest.approx(60)


def test_a_probe_that_is_told_to_wait_longer_is_heeded(limiter: Limiter, clock: Clock) -> None:
    limiter.close_unauthorized("401")
    clock.advance(5)
    granted(limiter)

    limiter.close_unauthorized("401", retry_after_s=300)

    assert refused(limiter).wait_s == pytest.approx(300)


def test_a_gate_that_waits_for_a_probe_does_not_heed_a_shorter_one(limiter: Limiter) -> None:
    limiter.note_failure("503", failures_to_close=1, retry_after_s=1)

    assert refused(limiter).wait_s == pytest.approx(5)


def test_a_probe_that_succeeds_wakes_the_dispatchers(limiter: Limiter, clock: Clock, store: Store) -> None:
    limiter.close_unauthorized("401")
    clock.advance(5)
    limiter.note_success(granted(limiter))

    assert store.wait_for_wake(5)


@pytest.mark.parametrize("reason", PROBES)
def test_a_graver_reason_does_not_shorten_a_retry_after(limiter: Limiter, reason: str) -> None:
    limiter.close_for(3600, "429")

    CLOSE[reason](limiter)

    assert refused(limiter) == Refusal(3600, reason)


@pytest.mark.parametrize("reason", PROBES)
def test_a_probe_that_meets_a_429_is_followed_by_no_other_before_its_retry_after(
    limiter: Limiter, clock: Clock, reason: str
) -> None:
    CLOSE[reason](limiter)
    clock.advance(5)
    assert granted(limiter).is_probe

    limiter.close_for(600, "429")
    limiter.close_for(20, "429")

    assert refused(limiter) == Refusal(600, reason)
    clock.advance(600)
    assert granted(limiter).is_probe


def test_a_retry_after_moves_no_gate_that_a_hand_closed(limiter: Limiter) -> None:
    limiter.close_by_hand("maintenance")

    limiter.close_for(3600, "429")

    assert refused(limiter) == Refusal(5, "by_hand")


def test_the_sentence_says_why_since_when_and_until_when() -> None:
    now = time.time()
    today = Gate("rate_limited", "429", "timed", now - 60, now, now)
    noon = datetime.fromtimestamp(NOON_S).astimezone()
    probed = Gate("failing", "500", "probe", NOON_S, NOON_S + 5, NOON_S)
    closed = Gate("by_hand", "maintenance", "hand", NOON_S, NOON_S, NOON_S)

    since, until = (f"{datetime.fromtimestamp(at).astimezone():%H:%M:%S}" for at in (now - 60, now))
    assert today.sentence.endswith(f"until {until}: rate_limited: 429")
    assert since in today.sentence
    # Of another day than today it says which.
    next_try = noon + timedelta(seconds=5)
    assert probed.sentence == (
        f"gate closed since {noon:%Y-%m-%d %H:%M:%S}, next try at {next_try:%Y-%m-%d %H:%M:%S}: failing: 500"
    )
    assert closed.sentence.endswith("until it is opened by hand: by_hand: maintenance")
