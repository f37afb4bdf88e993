"""The audit: what the simulator saw, what the files are and what the ledger says must be one story.

Pure: evidence in, findings out, each a sentence. It shares nothing with the code that it judges but the
catalogue of keys in `pipeline/lua/prelude.lua`. What it holds a run to:

- each recording has exactly one call, and that call exactly one media: the bytes of its file;
- each job is done, or dead where that was expected, and names the call that the simulator has;
- the counts of the batches are those of the jobs, and nobody was adopted unexpectedly;
- no request without a slot: at no instant had more requests arrived than slots had come, no second holds
  more slots than the rate, and every request for a recording was noted in the ledger before it left;
- the totals and the throughput of the batches have counted each job that is done exactly once;
- nothing lies in the server but what the catalogue names.
"""

from __future__ import annotations

import base64
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from pipeline.job import Counts, State, job_id_of

# A worker takes the server to have read its clock halfway between question and answer; on a busy machine
# it errs by as much as half of the way there and back.
CLOCKS_APART_S = 0.25
# A long name stands on a line of its own.
_CATALOGUE_LINE = re.compile(r"^--   (\S+)(?:  +|\n--  +)(hash|string|zset|list|set|stream)  +", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that an audit looks at.

    Attributes:
        recordings: By clientUniqueId, the SHA-256 of the file.
        dead_expected: The clientUniqueIds of those that cannot be brought in.
        adopted_expected: How many calls existed before this ledger knew them.
        calls: As `/_record` of the simulator lists them.
        arrivals_s: When each request reached the simulator, in seconds since the epoch, ascending.
        users_asked: How many of them read the list of users, for no recording.
        jobs: By job id, the fields of its record in the ledger.
        counts: Of every batch.
        grants_s: When each slot that the limiter granted came, in seconds since the epoch.
        requests_per_second: What the limiter may grant.
        done_counted: By where they are counted, how many jobs came to be done.
        keys: Every key of the server, with its type.
        events: Type and job of each that was told; None if nobody wanted any from the beginning.
    """

    recordings: Mapping[str, str]
    dead_expected: frozenset[str] = frozenset()
    adopted_expected: int = 0
    calls: Sequence[Mapping[str, Any]]
    arrivals_s: Sequence[float]
    users_asked: int = 0
    jobs: Mapping[str, Mapping[str, str]]
    counts: Sequence[Counts]
    grants_s: Sequence[float]
    requests_per_second: float
    namespace: str
    done_counted: Mapping[str, int] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    events: Sequence[tuple[str, str]] | None = None


def audit(evidence: Evidence) -> list[str]:
    """Give what is wrong, a sentence each; nothing when all is well."""
    checks = (_calls, _strangers, _jobs, _counts, _requests, _rate, _ends, _events, _keys)
    return [finding for check in checks for finding in check(evidence)]


def _calls(evidence: Evidence) -> Iterator[str]:
    calls: dict[str, list[Mapping[str, Any]]] = {}
    for call in evidence.calls:
        calls.setdefault(call["clientUniqueId"], []).append(call)
    for recording, sha256 in evidence.recordings.items():
        found = calls.get(recording, [])
        if len(found) > 1:
            yield f"{recording} has {len(found)} calls."
        if recording in evidence.dead_expected:
            continue
        if not found:
            yield f"{recording} has no call."
        for call in found:
            yield from _media(recording, sha256, call)


def _media(recording: str, sha256: str, call: Mapping[str, Any]) -> Iterator[str]:
    if call["media"] is None:
        yield f"{recording} has no media."
    elif call["media"]["sha256"] != sha256:
        yield f"{recording} has other media than its file."
    if call["creates"] != 1:
        yield f"{recording} was created {call['creates']} times."
    if call["uploads"] > 1:
        yield f"{recording} was uploaded {call['uploads']} times."


def _strangers(evidence: Evidence) -> Iterator[str]:
    for call in evidence.calls:
        if call["clientUniqueId"] not in evidence.recordings:
            yield f"The call {call['callId']} of {call['clientUniqueId']} was never handed in."
    known = {job_id_of(recording) for recording in evidence.recordings}
    for job_id in evidence.jobs.keys() - known:
        yield f"The job {job_id} was never handed in."


def _jobs(evidence: Evidence) -> Iterator[str]:
    calls = {call["clientUniqueId"]: call for call in evidence.calls}
    for recording, sha256 in evidence.recordings.items():
        job = evidence.jobs.get(job_id_of(recording))
        expected = State.DEAD if recording in evidence.dead_expected else State.DONE
        if job is None:
            yield f"{recording} has no job in the ledger."
        elif job["state"] != expected:
            reason = f" ({job['code']}: {job['message']})" if "code" in job else ""
            yield f"The job of {recording} is {job['state']}{reason}, not {expected}."
        elif expected is State.DONE:
            yield from _record(recording, job, calls.get(recording), sha256)


def _record(
    recording: str, job: Mapping[str, str], call: Mapping[str, Any] | None, sha256: str
) -> Iterator[str]:
    if call is not None and job.get("call_id") != call["callId"]:
        yield f"The job of {recording} names the call {job.get('call_id')}, the API {call['callId']}."
    if job.get("h", _kept_hash(sha256)) != _kept_hash(sha256):
        yield f"The job of {recording} tells of other media than its file."


def _kept_hash(sha256: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256)).decode().rstrip("=")


def _counts(evidence: Evidence) -> Iterator[str]:
    states = Counter(job["state"] for job in evidence.jobs.values())
    for state in State:
        counted = sum(getattr(counts, state) for counts in evidence.counts)
        if counted != states[state]:
            yield f"The batches count {counted} jobs as {state}, and there are {states[state]}."
    for step in ("created", "uploaded"):
        counted = sum(getattr(counts, step) for counts in evidence.counts)
        reached = sum(_reached(_step_of(job), step) for job in evidence.jobs.values())
        if counted != reached:
            yield f"The batches count {counted} jobs as {step}, and {reached} reached that step."
    adopted = sum(counts.adopted for counts in evidence.counts)
    if adopted != evidence.adopted_expected:
        yield f"The batches count {adopted} adopted calls, expected were {evidence.adopted_expected}."


def _step_of(job: Mapping[str, str]) -> str:
    """Give the last step recorded; a done job has only what it left behind (record_step.lua)."""
    if job["state"] == State.DONE:
        return "uploaded" if "z" in job else "created"
    return job["step"]


def _reached(recorded: str, step: str) -> bool:
    return recorded in {step, "uploaded"}


def _requests(evidence: Evidence) -> Iterator[str]:
    arrived, granted = len(evidence.arrivals_s), len(evidence.grants_s)
    if arrived > granted:
        yield f"{arrived} requests arrived, and {granted} slots were granted."
    noted = sum(counts.requests for counts in evidence.counts)
    if (for_recordings := arrived - evidence.users_asked) > noted:
        yield f"{for_recordings} requests for recordings arrived, and {noted} were noted before they left."
    grants = sorted(evidence.grants_s)
    for number, at_s in enumerate(sorted(evidence.arrivals_s), start=1):
        come = bisect_right(grants, at_s + CLOCKS_APART_S)
        if number > come:
            yield f"At {at_s:.3f} the request number {number} arrived, and {come} slots had come."
            return


def _rate(evidence: Evidence) -> Iterator[str]:
    """Look at every second that ends with a slot; slots are paced evenly, so the rate is exact."""
    grants = sorted(evidence.grants_s)
    for number, at_s in enumerate(grants, start=1):
        within = number - bisect_right(grants, at_s - 1.0)
        if within > max(1.0, evidence.requests_per_second):
            yield f"In the second before {at_s:.3f} there were {within} slots."
            return
    arrivals = sorted(evidence.arrivals_s)
    for number, at_s in enumerate(arrivals, start=1):
        within = number - bisect_right(arrivals, at_s - 1.0)
        allowed = evidence.requests_per_second * (1 + 2 * CLOCKS_APART_S) + 1
        if within > allowed:
            yield f"In the second before {at_s:.3f} there arrived {within} requests."
            return


def _ends(evidence: Evidence) -> Iterator[str]:
    done = sum(job["state"] == State.DONE for job in evidence.jobs.values())
    for where, counted in evidence.done_counted.items():
        if counted != done:
            yield f"The {where} count {counted} jobs that came to be done, and there are {done}."


def _events(evidence: Evidence) -> Iterator[str]:
    """Hold what was told to what is: who is done was told so once, nobody else was; who is dead was told."""
    if evidence.events is None:
        return
    told, states = Counter(evidence.events), {job_id: job["state"] for job_id, job in evidence.jobs.items()}
    for job_id, state in states.items():
        if state == State.DONE and told["recording.done", job_id] != 1:
            yield f"The job {job_id} is done, and that was told {told['recording.done', job_id]} times."
        if state == State.DEAD and not told["recording.dead", job_id]:
            yield f"The job {job_id} is dead, and that was not told."
    for kind, job_id in told:
        if kind == "recording.done" and states.get(job_id) != State.DONE:
            yield f"The job {job_id} was told as done, and is {states.get(job_id)}."


def _keys(evidence: Evidence) -> Iterator[str]:
    prefix = f"{evidence.namespace}:"
    for key, kind in sorted(evidence.keys.items()):
        if not key.startswith(prefix):
            yield f"The key {key} lies outside of the namespace."
        elif not key.startswith(f"{prefix}celery:") and kind not in _kinds(key.removeprefix(prefix)):
            yield f"The key {key} ({kind}) is not in the catalogue."


def _kinds(name: str) -> Iterable[str]:
    return [kind for pattern, kind in CATALOGUE if pattern.fullmatch(name)]


def _read_catalogue() -> list[tuple[re.Pattern[str], str]]:
    text = (resources.files("pipeline") / "lua" / "prelude.lua").read_text("utf-8")
    found = _CATALOGUE_LINE.findall(text)
    return [(re.compile(re.sub(r"<\w+>", ".+", re.escape(name))), kind) for name, kind in found]


CATALOGUE = _read_catalogue()
