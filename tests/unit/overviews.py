"""Overviews to test with: what whoever watches is told at one moment."""

from __future__ import annotations

from typing import Any

from pipeline.events import Standing
from pipeline.job import Counts, DeadLetter, Step
from pipeline.ledger import Event, Fleet, UnderWay
from pipeline.limiter import Day, Gate, InForce, Limits
from pipeline.overview import Overview
from pipeline.waits import Waits
from tests.clocks import NOON_S

LIMITS = Limits(3.0, 10_000, 0.01, 1, 0.0)


def make_counts(**overrides: Any) -> Counts:
    return Counts(**({"batch": "calls"} | overrides))


def make_gate(**overrides: Any) -> Gate:
    values: dict[str, Any] = {
        "reason": "rate_limited",
        "detail": "The API's limit is reached",
        "mode": "timed",
        "since": NOON_S - 60,
        "until": NOON_S + 600,
        "confirmed": NOON_S - 60,
    }
    return Gate(**(values | overrides))


def make_letter(**overrides: Any) -> DeadLetter:
    values: dict[str, Any] = {
        "job_id": "1",
        "client_unique_id": "pbx-1",
        "code": "media_missing",
        "message": "The media is not there.",
        "request_id": None,
        "step": "validate",
        "attempts": 1,
        "died_at": NOON_S,
    }
    return DeadLetter(**(values | overrides))


def make_waits(**overrides: Any) -> Waits:
    """Three are put off, the last one for ten minutes because its media could not be reached."""
    event = Event(NOON_S - 60, Step.VALIDATE, "media_unavailable", "The mount\nis gone.", "", NOON_S + 600)
    values: dict[str, Any] = {"due_s": 600.0, "put_off": 3, "last_event": event}
    return Waits(**(values | overrides))


def make_upload(**overrides: Any) -> UnderWay:
    values: dict[str, Any] = {
        "job_id": "1",
        "client_unique_id": "pbx-1",
        "batch": "calls",
        "step": Step.UPLOAD_MEDIA,
        "sent_bytes": 219_999_999,
        "size_bytes": 512_000_000,
        "since": NOON_S - 30,
        "worker": "here:7",
    }
    return UnderWay(**(values | overrides))


def make_standing(**overrides: Any) -> Standing:
    """Make the standing of a webhook whose receiver is away."""
    values: dict[str, Any] = {
        "waiting": 1_204,
        "delivered": 30,
        "dropped": 2,
        "given_up": 1,
        "failing_since": NOON_S - 60,
        "error": "the receiver answered 500",
        "next_at": NOON_S + 60,
    }
    return Standing(**(values | overrides))


def make_overview(*batches: Counts, limits: Limits = LIMITS, **overrides: Any) -> Overview:
    """See these batches at noon, with workers alive, half a day's budget used, and the gate open."""
    values: dict[str, Any] = {
        "batches": batches,
        "limits": InForce(limits, (), limits.margin, limits.requests_per_day, 0, 0),
        "day": Day(NOON_S, 5_000, recent=30, first=NOON_S - 10, last=NOON_S, granted=(NOON_S,)),
        "gate": None,
        "fleet": Fleet(2, 4, 4),
    }
    return Overview(**(values | overrides))
