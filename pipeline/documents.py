"""What a program is told of batches, limits and the gate, by commands (`--json`) and by the API alike.

The names are a contract (docs/json.md).
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

from pipeline.events import Standing
from pipeline.forecast import requests_left
from pipeline.history import Answered
from pipeline.job import Counts
from pipeline.ledger import UnderWay
from pipeline.limiter import Gate, InForce, Limits
from pipeline.overview import Overview, standing
from pipeline.waits import Waits

COUNTED = (
    *("total", "waiting", "pending", "active", "done", "dead", "cancelled", "rejected"),
    *("created", "uploaded", "adopted", "requests", "rate_limited"),
)
# The setting behind each field of the limits that may be changed while running.
LIMIT_FIELDS = {
    "requests_per_second": "requests_per_second",
    "requests_per_day": "requests_per_day",
    "rate_margin": "margin",
    "burst": "burst",
    "live_share": "live_share",
}
TIMES = ("created_at", "first_request_at", "last_request_at")


def iso(instant: float) -> str:
    """Write an instant for a program: ISO 8601, in the time zone here."""
    return datetime.fromtimestamp(instant).astimezone().isoformat(timespec="seconds")


def chosen(overview: Overview, batch: str | None) -> list[Counts]:
    """Give the batch of that name, or all of them, the newest first."""
    return [each for each in overview.batches if batch in {None, each.batch}]


def document(overview: Overview, batch: str | None) -> dict[str, Any]:
    """Give the whole, or what concerns one batch."""
    limits = overview.limits
    return {
        "at": iso(overview.day.now),
        "batches": [batch_document(each, overview) for each in chosen(overview, batch)],
        "workers": {
            "count": overview.fleet.workers,
            "processes": {"calls": overview.fleet.calls, "media": overview.fleet.media},
        },
        "limits": {
            "requests_per_second": limits.limits.requests_per_second,
            "requests_per_day": limits.limits.requests_per_day,
            "day_window": limits.limits.day_window,
            "margin": round(limits.margin, 5),
            "live_share": limits.limits.live_share,
        },
        "requests_today": overview.day.used,
        "requests_per_day": limits.requests_per_day,
        "rate": {"requests_per_second": round(overview.rate, 3), "allowed": round(limits.pace, 3)},
        "last_hour": {
            each.value: sum(minute.count(answered=each) for minute in overview.last_hour) for each in Answered
        },
        "gate": gate_document(overview.gate) if overview.gate else None,
        "webhook": _webhook(overview.webhook) if overview.webhook else None,
        "uploads": [_upload(each) for each in overview.uploads if batch in {None, each.batch}],
    }


def _webhook(standing: Standing) -> dict[str, Any]:
    times = {"failing_since": standing.failing_since, "next_at": standing.next_at}
    told = {name: iso(instant) if instant is not None else None for name, instant in times.items()}
    return dataclasses.asdict(standing) | told | {"error": standing.error or None}


def _upload(upload: UnderWay) -> dict[str, Any]:
    fields = ("batch", "client_unique_id", "job_id", "sent_bytes", "size_bytes", "worker")
    since = iso(upload.since) if upload.since else None
    return {name: getattr(upload, name) for name in fields} | {"since": since}


def batch_document(counts: Counts, overview: Overview) -> dict[str, Any]:
    """Give one batch in numbers, with its end as far as it is known."""
    finish = overview.finish(counts) if counts.waiting else None
    times = {name: getattr(counts, name) for name in TIMES}
    return {
        "batch": counts.batch,
        "state": standing(counts).value,
        **{name: getattr(counts, name) for name in COUNTED},
        "requests_left": requests_left(counts),
        **{name: iso(instant) if instant else None for name, instant in times.items()},
        "finish_at": iso(finish.at) if finish and finish.at is not None else None,
        "obstacle": finish.obstacle.value if finish and finish.obstacle else None,
        "put_off": _put_off(overview.waits.get(counts.batch, Waits()), overview.day.now),
        "dead_reasons": dict(overview.reasons.get(counts.batch, {})),
    }


def _put_off(waits: Waits, now: float) -> dict[str, Any] | None:
    """Give how many jobs are not due, and until when and for what the last of them is put off."""
    if not waits.put_off:
        return None
    event = waits.last_event
    return {
        "count": waits.put_off,
        "until": iso(now + waits.due_s),
        "code": event.code if event else None,
        "message": event.message if event else None,
    }


def gate_document(gate: Gate) -> dict[str, Any]:
    """Give the gate with its times as ISO 8601; nobody knows when one that is opened by hand opens."""
    return dataclasses.asdict(gate) | {
        "since": iso(gate.since),
        "until": None if gate.mode == "hand" else iso(gate.until),
        "confirmed": iso(gate.confirmed),
    }


def limit_values(limits: Limits) -> dict[str, float]:
    """Give the limits that may be changed while running, by the names of their settings."""
    return {name: getattr(limits, field) for name, field in LIMIT_FIELDS.items()}


def limits_document(now: InForce, today: int) -> dict[str, Any]:
    """Give the limits in force, what became of them, and the requests of the API's day."""
    return {
        "limits": limit_values(now.limits) | {"day_window": now.limits.day_window},
        "changed": sorted(now.changed),
        "margin_now": round(now.margin, 5),
        "requests_per_day_now": now.requests_per_day,
        "requests_today": today,
        "slots_missed": now.missed,
        "requests_late": now.late,
    }
