"""The audit finds every kind of breach, and nothing in a run that went well."""

from __future__ import annotations

import base64
import re
from importlib import resources
from typing import Any

import pytest

from pipeline.job import Counts, job_id_of
from tests.chaos.audit import CATALOGUE, Evidence, audit

ONE, TWO = "one", "two"
HASHES = {ONE: "a" * 64, TWO: "b" * 64}

DONE_ONE, DONE_TWO = (("recording.done", job_id_of(name)) for name in (ONE, TWO))


def make_call(name: str = ONE, **overrides: Any) -> dict[str, Any]:
    media = {"sha256": HASHES[name], "bytes": 4}
    call = {"callId": f"{len(name)}7", "clientUniqueId": name, "media": media, "creates": 1, "uploads": 1}
    return call | overrides


def make_job(name: str = ONE, **overrides: str) -> dict[str, str]:
    kept = base64.b64encode(bytes.fromhex(HASHES[name])).decode().rstrip("=")
    return {"state": "done", "call_id": f"{len(name)}7", "z": "4", "h": kept} | overrides


def make_counts(**overrides: Any) -> Counts:
    return Counts("batch", **({"done": 2, "created": 2, "uploaded": 2, "requests": 4} | overrides))


def make_evidence(**overrides: Any) -> Evidence:
    """Make the evidence of two recordings brought in as they should be, at two requests a second."""
    evidence: dict[str, Any] = {
        "recordings": HASHES,
        "calls": [make_call(ONE), make_call(TWO)],
        "arrivals_s": [10.0, 10.6, 11.2, 11.8],
        "jobs": {job_id_of(ONE): make_job(ONE), job_id_of(TWO): make_job(TWO)},
        "counts": [make_counts()],
        "grants_s": [9.99, 10.59, 11.19, 11.79, 12.39],
        "requests_per_second": 2.0,
        "namespace": "chaos",
        "done_counted": {"totals": 2},
        "events": [DONE_ONE, DONE_TWO],
        "keys": {"chaos:job:abc": "hash", "chaos:due:backfill:b": "zset", "chaos:celery:calls": "list"},
    }
    return Evidence(**(evidence | overrides))


def jobs_with(**overrides: str) -> dict[str, dict[str, str]]:
    return {job_id_of(ONE): make_job(ONE, **overrides), job_id_of(TWO): make_job(TWO)}


def test_run_that_went_well_has_no_finding() -> None:
    assert audit(make_evidence()) == []


@pytest.mark.parametrize(
    ("breach", "finding"),
    [
        ({"calls": [make_call(ONE), make_call(ONE), make_call(TWO)]}, "one has 2 calls."),
        ({"calls": [make_call(TWO)]}, "one has no call."),
        ({"calls": [make_call(ONE, media=None), make_call(TWO)]}, "one has no media."),
        (
            {"calls": [make_call(ONE, media={"sha256": "c" * 64}), make_call(TWO)]},
            "one has other media than its file.",
        ),
        ({"calls": [make_call(ONE, creates=2), make_call(TWO)]}, "one was created 2 times."),
        ({"calls": [make_call(ONE, uploads=2), make_call(TWO)]}, "one was uploaded 2 times."),
        ({"recordings": {TWO: HASHES[TWO]}}, "The call 37 of one was never handed in."),
        (
            {"jobs": jobs_with(state="active", step="uploaded"), "counts": [make_counts(done=1, active=1)]},
            "The job of one is active, not done.",
        ),
        (
            {
                "jobs": jobs_with(state="dead", step="uploaded", code="c", message="m"),
                "counts": [make_counts(done=1, dead=1)],
            },
            "The job of one is dead (c: m), not done.",
        ),
        (
            {"jobs": {job_id_of(TWO): make_job(TWO)}, "counts": [make_counts(done=1, created=1, uploaded=1)]},
            "one has no job in the ledger.",
        ),
        ({"jobs": jobs_with(call_id="99")}, "The job of one names the call 99, the API 37."),
        ({"jobs": jobs_with(h="d" * 43)}, "The job of one tells of other media than its file."),
        ({"counts": [make_counts(done=3)]}, "The batches count 3 jobs as done, and there are 2."),
        (
            {"counts": [make_counts(uploaded=3)]},
            "The batches count 3 jobs as uploaded, and 2 reached that step.",
        ),
        ({"counts": [make_counts(adopted=1)]}, "The batches count 1 adopted calls, expected were 0."),
        (
            {"grants_s": [9.99, 10.59, 11.19], "counts": [make_counts()]},
            "4 requests arrived, and 3 slots were granted.",
        ),
        (
            {"counts": [make_counts(requests=3)]},
            "4 requests for recordings arrived, and 3 were noted before they left.",
        ),
        (
            {"arrivals_s": [10.0, 10.2, 11.2, 11.8]},
            "At 10.200 the request number 2 arrived, and 1 slots had come.",
        ),
        ({"grants_s": [9.2, 9.9, 10.1, 11.2]}, "In the second before 10.100 there were 3 slots."),
        ({"done_counted": {"totals": 3}}, "The totals count 3 jobs that came to be done, and there are 2."),
        ({"events": [DONE_ONE]}, f"The job {job_id_of(TWO)} is done, and that was told 0 times."),
        (
            {"events": [DONE_ONE, DONE_TWO, DONE_TWO]},
            f"The job {job_id_of(TWO)} is done, and that was told 2 times.",
        ),
        (
            {"events": [DONE_ONE, DONE_TWO], "jobs": jobs_with(state="active", step="created")},
            f"The job {job_id_of(ONE)} was told as done, and is active.",
        ),
        (
            {"events": [DONE_TWO], "jobs": jobs_with(state="dead", step="created", code="c", message="m")},
            f"The job {job_id_of(ONE)} is dead, and that was not told.",
        ),
        ({"keys": {"other": "string"}}, "The key other lies outside of the namespace."),
        ({"keys": {"chaos:jobs": "hash"}}, "The key chaos:jobs (hash) is not in the catalogue."),
        ({"keys": {"chaos:leases": "list"}}, "The key chaos:leases (list) is not in the catalogue."),
    ],
)
def test_breach_is_found(breach: dict[str, Any], finding: str) -> None:
    assert finding in audit(make_evidence(**breach))


def test_requests_that_arrive_faster_than_the_rate_are_found() -> None:
    slots = [8.0 + number * 0.5 for number in range(9)]
    late = make_evidence(
        arrivals_s=[12.0, 12.01, 12.02, 12.03, 12.04], grants_s=slots, counts=[make_counts(requests=5)]
    )
    assert audit(late) == ["In the second before 12.040 there arrived 5 requests."]


def test_recording_that_was_expected_to_be_dead_may_have_a_call_but_needs_no_media() -> None:
    dead = make_evidence(
        calls=[make_call(ONE, media=None), make_call(TWO)],
        jobs=jobs_with(state="dead", step="created"),
        counts=[make_counts(done=1, dead=1, uploaded=1)],
        done_counted={"totals": 1},
        dead_expected=frozenset({ONE}),
        events=[("recording.dead", job_id_of(ONE)), DONE_TWO],
    )
    assert audit(dead) == []


def test_catalogue_was_read() -> None:
    assert {kind for _, kind in CATALOGUE} == {"hash", "string", "zset", "list", "set", "stream"}
    prelude = (resources.files("pipeline") / "lua" / "prelude.lua").read_text("utf-8")
    assert len(CATALOGUE) == len(re.findall(r"^--   \S", prelude, re.MULTILINE)) >= 12
