"""The trace of a recording in the ledger: there while it has work to do, if it came with one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from pipeline import tracing
from pipeline.job import Lane, Step
from pipeline.ledger import Manifests
from tests.integration.ledger.bench import BATCH, LEASE_TTL_S, Bench, make_submission, make_wait

TRACES = [f"00-{number:032x}-{number:016x}-01" for number in range(1, 10)]


class Begun:
    """Stands for a span that is sent nowhere; it says to a list what it is told at its end."""

    def __init__(self, traceparent: str, told: list[Mapping[str, object]]) -> None:
        self.traceparent = traceparent
        self.end = told.append


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, object]]:
    """Give every recording a trace, in their order; gives what was told of them at the end."""
    traces, told = iter(TRACES), list[Mapping[str, object]]()
    monkeypatch.setattr(
        tracing, "begin_each", lambda _name, abouts: [Begun(next(traces), told) for _ in abouts]
    )
    return told


@pytest.mark.usefixtures("traced")
def test_whoever_claims_a_recording_goes_on_in_its_trace(bench: Bench) -> None:
    bench.submit("a", "b")

    assert [claim.traceparent for claim in bench.claim()] == TRACES[:2]


@pytest.mark.usefixtures("traced")
def test_a_trace_goes_on_over_attempts_and_rescues(bench: Bench) -> None:
    bench.ledger.postpone(bench.held("a"), make_wait(1.0, costs_attempt=True))
    bench.clock.advance(1.1)
    (again,) = bench.claim()
    bench.clock.advance(LEASE_TTL_S + 1)
    (rescued,) = bench.claim()

    assert rescued.rescued
    assert (again.traceparent, rescued.traceparent) == (TRACES[0], TRACES[0])


@pytest.mark.usefixtures("traced")
def test_what_is_done_keeps_nothing_of_it(bench: Bench) -> None:
    bench.bring_in("a")

    assert "traceparent" not in bench.job("a")


def test_a_row_that_was_edited_belongs_to_the_trace_of_its_edition(
    bench: Bench, traced: list[Mapping[str, object]]
) -> None:
    manifests = Manifests(bench.store, clock=bench.clock)
    manifest = manifests.open(BATCH, "calls.csv")
    results = []
    for number, title in enumerate(["One", "One", "Other"]):
        edition = replace(manifest, handing_in=manifest.handing_in + number)
        (receipt,) = bench.ledger.submit(
            [make_submission("a", title=title, line=1)], batch=BATCH, lane=Lane.BACKFILL, manifest=edition
        )
        results.append((receipt.result, bench.job("a")["traceparent"]))

    assert results == [("new", TRACES[0]), ("known", TRACES[0]), ("updated", TRACES[2])]
    assert [told["result"] for told in traced] == ["new", "known", "updated"]


def test_without_traces_nothing_more_is_kept(bench: Bench) -> None:
    held = bench.held("a", Step.CREATE_CALL)

    assert not [name for name in bench.job("a") if "trace" in name]
    bench.ledger.postpone(held, make_wait(0.0))
    (claim,) = bench.claim()
    assert claim.traceparent == ""


def test_content_is_told_from_a_trace(bench: Bench, traced: list[Mapping[str, object]]) -> None:
    """The same recording, once with a trace and once without, is the same recording."""
    bench.submit("a")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracing, "begin_each", lambda *_: None)
        (receipt,) = bench.submit("a")

    assert receipt.result == "known"
    assert len(traced) == 1
