"""What each outcome does to the job and to the fleet, carried out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from pipeline.job import State, Step
from pipeline.steps import Again, GoOn, Next, Stop
from tests.integration.gong.servers import Handler, always, http_answer, serving
from tests.integration.steps.bench import Bench, make_client
from tests.simulators import Simulator

BACKOFF_S = 2.0  # half of the base, which `random` gives


@contextmanager
def answering(bench: Bench, handler: Handler) -> Iterator[None]:
    """Let another server than the simulator be the API for a while."""
    before = bench.services.client
    with serving(handler) as server, make_client(server.url) as client:
        bench.have(client=client)
        yield
    bench.have(client=before)


def create(bench: Bench, status: int, body: Any = None, **headers: str) -> Next:
    """Run a create that is answered so."""
    bench.hand_in()
    bench.run_before(Step.CREATE_CALL)
    with answering(bench, always(status, body, **headers)):
        return bench.run(Step.CREATE_CALL)


def errors(*texts: str) -> dict[str, Any]:
    return {"requestId": "4al018gzaztcr8nbukw", "errors": list(texts)}


def assert_no_attempt_spent(bench: Bench) -> None:
    assert bench.job()["attempts"] == "0"


def test_refused_is_dead_with_what_the_api_said(bench: Bench) -> None:
    after = create(bench, 400, errors("primaryUser is unknown", "title is too long"))

    assert isinstance(after, Stop)
    assert (after.state, after.code) == (State.DEAD, "rejected_400")
    letter = bench.dead_letter()
    assert "primaryUser is unknown; title is too long" in letter.message
    assert (letter.request_id, letter.step) == ("4al018gzaztcr8nbukw", Step.CREATE_CALL)
    assert bench.gate() is None


def test_a_short_429_keeps_the_job_and_closes_the_gate_for_all(bench: Bench) -> None:
    began = bench.services.limiter.clock()
    after = create(bench, 429, errors("limit"), Retry_After="7")

    assert after == Again(7.0, "rate_limited")
    assert_no_attempt_spent(bench)
    gate = bench.gate()
    assert gate is not None
    assert (gate.reason, gate.mode) == ("rate_limited", "timed")
    assert began + 7 < gate.until <= bench.services.limiter.clock() + 7
    assert bench.counts().rate_limited == 1


def test_a_long_429_gives_the_job_back(bench: Bench) -> None:
    after = create(bench, 429, errors("limit"), Retry_After="3600")

    assert isinstance(after, Stop)
    assert (after.state, after.code) == (State.PENDING, "rate_limited")
    assert_no_attempt_spent(bench)
    assert bench.counts().rate_limited == 1


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [(401, errors("Access denied"), "unauthorized"), (404, b"<html>no such page</html>", "wrong_address")],
)
def test_wrong_settings_close_the_gate_and_give_the_job_back(
    bench: Bench, status: int, body: Any, reason: str
) -> None:
    after = create(bench, status, body)

    assert isinstance(after, Stop)
    assert (after.state, after.code) == (State.PENDING, reason)
    assert_no_attempt_spent(bench)
    gate = bench.gate()
    assert gate is not None
    assert (gate.reason, gate.mode) == (reason, "probe")


def test_a_probe_that_is_answered_opens_the_gate(bench: Bench) -> None:
    create(bench, 401, errors("Access denied"))

    assert bench.probe(Step.CREATE_CALL) == GoOn()

    assert bench.gate() is None


def test_failures_in_a_row_close_the_gate(bench: Bench) -> None:
    assert create(bench, 500, errors("oops")) == Again(BACKOFF_S, "server_error")
    assert bench.gate() is None
    assert bench.job()["attempts"] == "1"

    with answering(bench, always(503, errors("oops"))):
        assert bench.run(Step.CREATE_CALL) == Again(2 * BACKOFF_S, "server_error")

    gate = bench.gate()
    assert gate is not None
    assert (gate.reason, gate.mode) == ("failing", "probe")


def test_a_success_between_failures_ends_the_run_of_them(bench: Bench, api: Simulator) -> None:
    create(bench, 500, errors("oops"))
    assert bench.run(Step.CREATE_CALL) == GoOn()

    api.set_faults({"media.500": 1})
    assert isinstance(bench.run(Step.UPLOAD_MEDIA), Again)

    assert bench.gate() is None


def test_attempts_that_are_spent_are_dead_with_the_last_reason(bench: Bench) -> None:
    bench.have(settings=replace(bench.services.settings, failures_to_close=99))
    create(bench, 500, errors("one"))
    with answering(bench, always(502, b"<html>Bad Gateway</html>")):
        assert isinstance(bench.run(Step.CREATE_CALL), Again)
        after = bench.run(Step.CREATE_CALL)

    assert isinstance(after, Stop)
    assert (after.state, after.code) == (State.DEAD, "server_error")
    assert (bench.dead_letter().attempts, bench.job()["step"]) == (3, "validated")
    assert "502" in bench.dead_letter().message


CUT = http_answer(200, {"requestId": "1", "callId": "7782342274025937895"})[:-9]


@pytest.mark.parametrize(
    "handler",
    [
        always(200, {"requestId": "1"}),
        always(200, b"<html>fine</html>"),
        lambda connection: (connection.read_request(), connection.sock.sendall(CUT)),
        lambda connection: (connection.read_request(), connection.reset()),
    ],
    ids=["no callId", "no JSON", "cut off", "reset"],
)
def test_what_is_not_known_is_asked_again(bench: Bench, handler: Callable[..., Any]) -> None:
    bench.hand_in()
    bench.run_before(Step.CREATE_CALL)
    with answering(bench, handler):
        after = bench.run(Step.CREATE_CALL)

    assert isinstance(after, Again)
    assert bench.job()["attempts"] == "1"
    assert bench.job()["posted"] == "1"
    assert bench.run(Step.CREATE_CALL) == GoOn()


def test_nobody_there_costs_an_attempt_and_says_where(bench: Bench) -> None:
    bench.hand_in()
    bench.run_before(Step.CREATE_CALL)
    with serving(always()) as server:
        url = server.url
    with make_client(url) as client:
        bench.have(client=client)

        assert bench.run(Step.CREATE_CALL) == Again(BACKOFF_S, "connect_failed")
        bench.run(Step.CREATE_CALL)

    gate = bench.gate()
    assert gate is not None
    assert url.removeprefix("http://") in gate.detail


def test_a_long_backoff_lives_in_the_ledger(bench: Bench) -> None:
    bench.have(settings=replace(bench.services.settings, backoff_base_s=200.0))

    after = create(bench, 500, errors("oops"))

    assert isinstance(after, Stop)
    assert (after.state, after.code) == (State.PENDING, "server_error")
    assert bench.job()["attempts"] == "1"
