"""Every metric: its name with the unit, its labels, its meaning. The names are a contract (docs)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a metric is read."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: As it is written in an expression; of a histogram without `_bucket`, `_sum` and `_count`.
    """

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()


def _gauge(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(f"gong_ingest_{name}", Kind.GAUGE, meaning, labels)


def _counter(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(f"gong_ingest_{name}", Kind.COUNTER, meaning, labels)


def _histogram(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(f"gong_ingest_{name}", Kind.HISTOGRAM, meaning, labels)


UP = _gauge("up", "1 if the ledger's server answered this scrape; 0 if not, and then nothing else is told")
BUILD = _gauge("build_info", "Always 1; the version that answers stands in the label", "version")
SCRAPE = _gauge("scrape_duration_seconds", "How long it took to look at the ledger for this scrape")

JOBS = _gauge("jobs", "Jobs by state: pending, active, done, dead or cancelled", "state")
OPEN_JOBS = _gauge(
    "open_jobs", "Jobs that are pending or active, by lane (of active ones the first 1,000)", "state", "lane"
)
OLDEST_DUE = _gauge(
    "oldest_due_age_seconds",
    "How long ago the pending job due first could have begun, 0 if none is due; without paused batches",
    "lane",
)
BATCHES = _gauge("batches", "Batches by how they stand, as in `status`", "state")
REJECTED = _gauge("rejected_rows", "Rows of manifests that could not become jobs")
DEAD_LETTERS = _gauge(
    "dead_letters", "Jobs that are dead now, by the step at which they died and why", "step", "code"
)
ENDED = _counter(
    "jobs_ended_total", "Jobs that came to be done or dead, again after a retry", "state", "lane"
)
DIED = _counter("jobs_died_total", "Jobs that came to be dead, by step and reason", "step", "code")

BACKLOG = _gauge(
    "backlog_requests", "Requests that the jobs of batches that are not paused still need, at most"
)
FINISH = _gauge(
    "backlog_finish_timestamp_seconds",
    "When the last of these batches will be done, by the forecast of `status`; left out where nobody knows",
)
DEADLINE = _gauge("backlog_deadline_timestamp_seconds", "GONG_INGEST_DONE_BY; left out where that is not set")

REQUESTS = _counter(
    "requests_total",
    "Requests that were made, by HTTP status (`none` if no answer came, `other` if it is none of HTTP's)",
    "endpoint",
    "lane",
    "status",
)
PACE = _gauge("pace_requests_per_second", "Requests a second that are granted now: the limit less the margin")
BUDGET = _gauge("budget_requests", "Requests that this pipeline may use of the API's day now")
BUDGET_LIMIT = _gauge("budget_limit_requests", "The limit of the API's day that is set")
BUDGET_USED = _gauge("budget_used_requests", "Requests used of the API's day")
BUDGET_LEFT = _gauge("budget_left_requests", "Requests left of the API's day")
DAY_PASSED = _gauge(
    "day_passed_ratio",
    "Share of the API's day that has passed, 0 to 1; of a day that rolls: of the day in UTC",
)
WAIT = _histogram("limiter_wait_seconds", "From asking for a slot until it came", "lane")
MISSED = _counter("slots_missed_total", "Slots that were given up because their holder came too late")
LATE = _counter("requests_late_total", "Requests that left after their slots all the same")
GATE = _gauge("gate_closed", "1 while the gate is closed for this reason, else 0", "reason")
CLOSINGS = _counter("gate_closings_total", "How often the gate was closed", "reason")

STEP = _histogram(
    "step_duration_seconds", "From beginning a step to its result, with the waits in it", "step"
)
UPLOADED = _counter("upload_bytes_total", "Bytes of media that were sent")
UPLOADING = _counter("upload_seconds_total", "Time that uploads took, one beside the other added up")
UNDER_WAY = _gauge("uploads_under_way", "Uploads that take longer than 2 s and have told how far they are")

WORKERS = _gauge("workers", "Workers that are alive")
PROCESSES = _gauge("worker_processes", "Their processes, by queue", "queue")
WINDOW = _gauge("dispatcher_window_jobs", "Jobs that may be out of the ledger at once")
RESCUED = _counter("leases_rescued_total", "Leases that ran out because a worker was killed or got stuck")

WEBHOOK_WAITING = _gauge(
    "webhook_waiting_events", "Events that the webhook has not got yet; left out without one"
)
WEBHOOK_FAILING = _gauge(
    "webhook_failing", "1 while deliveries to the webhook fail, else 0; left out without one"
)
WEBHOOK_ENDED = _counter(
    "webhook_events_total",
    "Events that were delivered, dropped (the stream had no room) or given_up (refused)",
    "result",
)

METRICS: tuple[Metric, ...] = tuple(each for each in globals().values() if isinstance(each, Metric))
