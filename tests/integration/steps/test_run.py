"""One delivery of one step: who may work on the job, and who may not."""

from __future__ import annotations

import logging
import threading

import pytest

from pipeline.errors import LedgerRefused
from pipeline.job import State, Step
from pipeline.steps import GoOn, Next, Stop, run_step
from tests.integration.steps.bench import Bench, beside
from tests.recordings import wav
from tests.simulators import Simulator
from tests.waiting import await_true


def assert_stopped_without_a_trace(after: Next) -> None:
    assert isinstance(after, Stop)
    assert (after.state, after.code) == (None, "lease_lost")


def test_an_old_token_stops_without_a_trace(bench: Bench) -> None:
    bench.hand_in()
    claim = bench.claim()
    before = bench.job()

    assert_stopped_without_a_trace(
        run_step(Step.VALIDATE, claim.job_id, claim.lease_token - 1, bench.services)
    )

    assert bench.job() == before


def test_a_message_that_comes_twice_is_worked_on_once(bench: Bench, api: Simulator) -> None:
    bench.hand_in()
    bench.run_before(Step.CREATE_CALL)
    api.set_faults({"create.slow": ":0.5-0.5"})
    twins: list[Next] = []

    with beside(lambda: twins.append(bench.run(Step.CREATE_CALL))):
        await_true(lambda: bench.counts().requests == 1, "the first one is at it")
        assert_stopped_without_a_trace(bench.run(Step.CREATE_CALL))

    assert twins == [GoOn()]
    assert bench.sent() == 1


def test_a_step_that_is_recorded_is_not_done_again(bench: Bench) -> None:
    bench.hand_in()
    bench.run_before(Step.UPLOAD_MEDIA)

    assert_stopped_without_a_trace(bench.run(Step.CREATE_CALL))

    assert bench.sent() == 1


def test_a_job_of_a_newer_version_is_left_to_newer_workers(bench: Bench) -> None:
    bench.hand_in()
    claim = bench.claim()
    bench.server.client.set(f"{bench.name}:payload:{claim.job_id}", "8\n{}")

    after = bench.run(Step.VALIDATE)

    assert isinstance(after, Stop)
    assert (after.state, after.code) == (State.PENDING, "payload_unknown")
    assert bench.job()["attempts"] == "0"


def test_a_step_leaves_no_thread_behind(bench: Bench) -> None:
    # The first one in a process begins the thread that looks after every lease.
    bench.hand_in(name=f"{bench.name}-first")
    assert [bench.run(step) for step in Step] == [GoOn()] * 3
    before = set(threading.enumerate())
    bench.claims.clear()
    bench.media.write_bytes(wav(f"{bench.name} again".encode() * 100))
    bench.hand_in()

    assert [bench.run(step) for step in Step] == [GoOn()] * 3

    await_true(lambda: set(threading.enumerate()) <= before, "no thread of it is left")


def test_what_the_server_refuses_for_good_ends_the_step_at_once(
    bench: Bench, api: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    bench.hand_in()
    bench.run_before(Step.CREATE_CALL)
    arrived = api.health()["requests"]
    bench.server.client.delete(f"{bench.name}:batch:calls")
    bench.server.client.set(f"{bench.name}:batch:calls", "somebody else's")

    with pytest.raises(LedgerRefused, match="refuses the script acquire: WRONGTYPE"):
        bench.run(Step.CREATE_CALL)

    assert api.health()["requests"] == arrived
    assert f"Job {bench.claims[-1].job_id} cannot go on at create_call: The ledger's server" in caplog.text
