"""Events: told by the scripts in which something came about, once, and of nothing that did not."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.events import Event, want_events
from pipeline.job import Lane, Reason, Step
from pipeline.job import job_id_of as id_of
from pipeline.ledger import Manifests, Rejected
from pipeline.ledger.manifests import KnownManifest
from tests.integration.ledger.bench import ATTEMPTS_MAX, BATCH, Bench, make_submission, make_wait

KEPT = 1000


@pytest.fixture
def told(bench: Bench) -> Told:
    want_events(bench.store, kept=KEPT, webhook=False)
    return Told(bench)


class Told:
    """What was told since the last time it was asked."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._last = "-"

    def __call__(self) -> list[dict[str, Any]]:
        events = self.events()
        return [event.document() for event in events]

    def events(self) -> list[Event]:
        after = self._last if self._last == "-" else f"({self._last}"
        found = self._bench.server.client.xrange(self._bench.key("events"), min=after)
        if found:
            self._last = found[-1][0]
        return [Event(event_id, fields) for event_id, fields in found]

    def types(self) -> list[str]:
        return [event.type for event in self.events()]


@pytest.fixture
def manifests(bench: Bench) -> Manifests:
    return Manifests(bench.store, clock=bench.clock)


def hand_in(bench: Bench, manifest: KnownManifest, *names: str, title: str = "Call") -> None:
    submissions = [make_submission(name, line=line, title=title) for line, name in enumerate(names, 1)]
    bench.ledger.submit(submissions, batch=BATCH, lane=Lane.BACKFILL, manifest=manifest)


def hand_all_in(bench: Bench, manifests: Manifests, *names: str, title: str = "Call") -> None:
    """Hand a manifest in to its end."""
    manifest = manifests.open(BATCH, "calls.csv")
    hand_in(bench, manifest, *names, title=title)
    manifests.close(BATCH, manifest, fingerprint="", last_line=len(names))


def end_all(bench: Bench, code: str = "") -> None:
    """Bring what waits to its end; with a code let it die of that."""
    for claim in bench.claim():
        for step in claim.steps:
            held = bench.begin(claim, step)
            if code:
                bench.ledger.bury(held, Reason(code))
                break
            bench.ledger.record_step(held, {"call_id": "77"} if step is Step.CREATE_CALL else {"bytes": "4"})


def test_a_done_recording_is_told_when_it_is_done_and_not_before(bench: Bench, told: Told) -> None:
    held = bench.held("a", Step.UPLOAD_MEDIA)
    assert told() == []
    bench.clock.advance(90)

    bench.ledger.record_step(held, {"bytes": "4"})
    bench.ledger.record_step(held, {"bytes": "4"})

    assert told() == [
        {
            "type": "recording.done",
            "timestamp": "2023-11-14T22:14:50.000+00:00",
            "data": {
                "batch": BATCH,
                "client_unique_id": "a",
                "job_id": id_of("a"),
                "call_id": "77",
                "reason": None,
                "step": None,
                "request_id": None,
                "accepted_at": "2023-11-14T22:13:20.000+00:00",
            },
        }
    ]


def test_a_call_whose_media_gong_pulls_is_told_with_the_id_of_its_last_step(bench: Bench, told: Told) -> None:
    held = bench.held("a", Step.CREATE_CALL, media=None)

    bench.ledger.record_step(held, {"call_id": "78"})

    assert [each["data"]["call_id"] for each in told()] == ["78"]


def test_a_dead_letter_is_told_with_its_code_and_nothing_of_its_text(bench: Bench, told: Told) -> None:
    bench.ledger.bury(
        bench.held("a", Step.UPLOAD_MEDIA), Reason("api_refused", "bob@acme.com is gone", "req-9")
    )

    (event,) = told()
    assert event["type"] == "recording.dead"
    assert event["data"] == {
        "batch": BATCH,
        "client_unique_id": "a",
        "job_id": id_of("a"),
        "call_id": "77",
        "reason": "api_refused",
        "step": "upload_media",
        "request_id": "req-9",
        "accepted_at": "2023-11-14T22:13:20.000+00:00",
    }
    assert "acme" not in str(bench.server.client.xrange(bench.key("events")))


def test_whoever_spends_the_last_attempt_is_told_as_dead(bench: Bench, told: Told) -> None:
    claim = bench.claimed()
    for _ in range(ATTEMPTS_MAX):
        assert told() == []
        bench.ledger.postpone(bench.begin(claim), make_wait(0, keep=True, costs_attempt=True))

    assert [(each["type"], each["data"]["reason"]) for each in told()] == [("recording.dead", "api_error")]


@pytest.mark.parametrize("was_wanted", [True, False])
def test_whoever_is_lost_with_its_worker_is_told_by_its_name_if_that_is_known(
    bench: Bench, was_wanted: bool
) -> None:
    if was_wanted:
        want_events(bench.store, kept=KEPT, webhook=False)
    bench.submit("a")
    want_events(bench.store, kept=KEPT, webhook=False)
    for _ in range(ATTEMPTS_MAX):
        (claim,) = bench.claim()
        bench.begin(claim)
        bench.clock.advance(31)
    assert bench.claim() == []

    (event,) = Told(bench)()
    assert (event["type"], event["data"]["reason"]) == ("recording.dead", "worker_lost")
    assert event["data"]["job_id"] == id_of("a")
    assert event["data"]["client_unique_id"] == ("a" if was_wanted else None)


def test_what_is_put_off_given_back_or_cancelled_is_no_event(bench: Bench, told: Told) -> None:
    bench.ledger.postpone(bench.held("a"), make_wait(60))
    bench.ledger.postpone(bench.held("b"), make_wait(5, keep=True))
    bench.submit("c")
    bench.control.cancel_job("c")
    bench.control.cancel(BATCH)

    assert told() == []


def test_nobody_is_told_what_nobody_wants(bench: Bench) -> None:
    bench.bring_in("a")
    bench.bury("b")

    assert not bench.server.client.exists(bench.key("events"))
    assert "n" not in bench.job("b")


def test_events_are_wanted_for_a_day(bench: Bench, told: Told) -> None:
    left_s = bench.server.client.ttl(bench.key("events:kept"))
    assert 86_000 < left_s <= 86_400

    bench.server.client.delete(bench.key("events:kept"))
    bench.bring_in("a")
    assert told() == []


def test_the_stream_keeps_about_as_many_as_are_wanted(bench: Bench) -> None:
    want_events(bench.store, kept=100, webhook=False)
    bench.submit(*(f"call-{number}" for number in range(210)))
    for claim in bench.claim(window=210):
        bench.ledger.bury(bench.begin(claim), Reason("x"))

    # a stream drops a hundred at once
    assert 100 <= bench.server.client.xlen(bench.key("events")) <= 200


def test_a_batch_is_finished_behind_its_last_recording(
    bench: Bench, manifests: Manifests, told: Told
) -> None:
    hand_all_in(bench, manifests, "a", "b")
    claims = bench.claim()
    assert told() == []

    for claim in claims:
        bench.ledger.bury(bench.begin(claim), Reason("x"))

    assert told()[1:] == [
        {
            "type": "recording.dead",
            "timestamp": "2023-11-14T22:13:20.000+00:00",
            "data": pytest.approx(
                {
                    "batch": BATCH,
                    "client_unique_id": "b",
                    "job_id": id_of("b"),
                    "call_id": None,
                    "reason": "x",
                    "step": "validate",
                    "request_id": None,
                    "accepted_at": "2023-11-14T22:13:20.000+00:00",
                }
            ),
        },
        {
            "type": "batch.finished",
            "timestamp": "2023-11-14T22:13:20.000+00:00",
            "data": {"batch": BATCH, "done": 0, "dead": 2, "cancelled": 0, "rejected": 0},
        },
    ]


def test_a_batch_is_not_finished_while_its_manifest_is_handed_in(
    bench: Bench, manifests: Manifests, told: Told
) -> None:
    manifest = manifests.open(BATCH, "calls.csv")
    hand_in(bench, manifest, "a")
    end_all(bench)
    assert told.types() == ["recording.done"]

    manifests.close(BATCH, manifest, fingerprint="", last_line=1)

    assert told.types() == ["batch.finished"]


def test_whoever_hands_in_was_killed_and_does_it_again_to_the_end(
    bench: Bench, manifests: Manifests, told: Told
) -> None:
    hand_in(bench, manifests.open(BATCH, "calls.csv"), "a")
    end_all(bench)
    assert told.types() == ["recording.done"]

    hand_all_in(bench, manifests, "a", "b")
    end_all(bench)

    assert told.types() == ["recording.done", "batch.finished"]


def test_a_batch_of_two_manifests_is_finished_behind_both(
    bench: Bench, manifests: Manifests, told: Told
) -> None:
    one, other = (manifests.open(BATCH, name) for name in ("one.csv", "other.csv"))
    hand_in(bench, one, "a")
    end_all(bench)
    manifests.close(BATCH, one, fingerprint="", last_line=1)
    assert told.types() == ["recording.done"]

    manifests.close(BATCH, other, fingerprint="", last_line=0)
    assert told.types() == ["batch.finished"]


@pytest.mark.parametrize(
    "again", ["the same", "retried", "cancelled and retried", "changed", "longer", "replayed"]
)
def test_a_batch_is_finished_again_only_if_something_of_it_waited_again(
    bench: Bench, manifests: Manifests, told: Told, again: str
) -> None:
    hand_all_in(bench, manifests, "a", "b")
    end_all(bench, "x")
    assert told.types() == ["recording.dead", "recording.dead", "batch.finished"]

    match again:
        case "the same":
            hand_all_in(bench, manifests, "a", "b")
            expected = []
        case "retried":
            assert bench.control.retry(BATCH) == 2
            expected = ["recording.done", "recording.done", "batch.finished"]
        case "cancelled and retried":
            bench.control.cancel(BATCH)
            assert told.types() == []
            assert bench.control.retry(BATCH, code="cancelled") == 2
            expected = ["recording.done", "recording.done", "batch.finished"]
        case "changed":
            hand_all_in(bench, manifests, "a", "b", title="Another")
            expected = ["recording.done", "recording.done", "batch.finished"]
        case "longer":
            hand_all_in(bench, manifests, "a", "b", "c")
            expected = ["recording.done", "batch.finished"]
        case "replayed":
            manifest = manifests.open(BATCH, "calls.csv")
            hand_in(bench, manifest, "c")
            end_all(bench)
            assert told.types() == ["recording.done"]
            manifests.close(BATCH, manifest)
            expected = ["batch.finished"]
    end_all(bench)

    assert told.types() == expected


def test_a_cancel_finishes_a_batch_when_what_is_active_comes_back(
    bench: Bench, manifests: Manifests, told: Told
) -> None:
    hand_all_in(bench, manifests, "a", "b")
    (claim, *_) = bench.claim(window=1)
    held = bench.begin(claim)
    bench.control.cancel(BATCH)
    assert told() == []

    bench.ledger.postpone(held, make_wait(60))

    (finished,) = told()
    assert finished["data"] == {"batch": BATCH, "done": 0, "dead": 0, "cancelled": 2, "rejected": 0}


def test_a_cancel_finishes_a_batch_of_which_nothing_is_active(
    bench: Bench, manifests: Manifests, told: Told
) -> None:
    hand_all_in(bench, manifests, "a", "b")
    bench.control.cancel_job("a")
    assert told() == []

    bench.control.cancel(BATCH)
    bench.control.cancel(BATCH)

    assert told.types() == ["batch.finished"]


def test_the_last_recording_of_a_batch_that_is_cancelled_alone_finishes_it(
    bench: Bench, manifests: Manifests, told: Told
) -> None:
    hand_all_in(bench, manifests, "a")

    bench.control.cancel_job("a")

    assert told.types() == ["batch.finished"]


def test_a_batch_without_a_manifest_has_no_end(bench: Bench, told: Told) -> None:
    bench.bring_in("a")
    bench.bury("b")
    bench.control.retry(BATCH)
    end_all(bench)
    bench.control.cancel(BATCH)

    assert told.types() == ["recording.done", "recording.dead", "recording.done"]


def test_the_end_of_a_batch_is_known_although_nobody_wanted_to_be_told(
    bench: Bench, manifests: Manifests
) -> None:
    hand_all_in(bench, manifests, "a")
    end_all(bench)
    want_events(bench.store, kept=KEPT, webhook=False)

    hand_all_in(bench, manifests, "a")

    assert Told(bench)() == []


def test_rejected_rows_are_counted_in_the_end_of_their_batch(
    bench: Bench, manifests: Manifests, told: Told
) -> None:
    manifest = manifests.open(BATCH, "calls.csv")
    rows = [Rejected(line=line, client_unique_id="a", code="x", reason="x", row="a") for line in (1, 2)]
    manifests.reject(BATCH, manifest, rows)
    manifests.close(BATCH, manifest, fingerprint="", last_line=1)

    (finished,) = told()
    assert finished["data"]["rejected"] == 1


def test_an_event_is_told_in_the_form_of_a_newer_version_as_far_as_it_is_known() -> None:
    event = Event("1-0", {"type": "recording.moved", "at": "1700000000000", "batch": "b", "to": "x"})

    assert event.document()["data"] == {"batch": "b", "to": "x"}
