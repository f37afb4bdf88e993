"""Ledgers as a person may find them."""

from __future__ import annotations

from pipeline.job import Step
from pipeline.ledger import Rejected
from tests.ledgers import Filled

CALLS = "calls-2026"
# A name that would be seen if it were taken for HTML, or for a path.
HOSTILE = '<img src=x onerror="document.title=1">/../"100%"'
REASONS = {
    "media_missing": (Step.VALIDATE, "2026/02/17/4711.wav is not there.", 180),
    "call_invalid": (Step.VALIDATE, "parties.1.mediaChannelId: must be 0 or 1", 120),
    "bad_request": (Step.CREATE_CALL, "The API answered 400: user 123 is not in this company.", 100),
    "duplicate_content": (Step.UPLOAD_MEDIA, "The call 7782342274025937895 has the same content.", 60),
    "attempts_spent": (Step.UPLOAD_MEDIA, "The API answered 503: upstream connect error", 40),
}


def five_hundred_dead_letters(filled: Filled) -> None:
    """Fill a ledger with a batch under way, 500 dead letters of five kinds, and batches in every state."""
    filled.submit("renewals-2025", [f"old-{number}" for number in range(400)])
    filled.bring_in(400)
    filled.submit(HOSTILE, [f"<b>{number}</b>" for number in range(800)])
    filled.bring_in(290)
    filled.control.pause(HOSTILE)
    filled.submit(CALLS, [f"pbx-{number:05}" for number in range(3_000)])
    filled.bury(REASONS)
    filled.bring_in(1_200)
    filled.upload(4)
    filled.reject(
        CALLS,
        [
            Rejected(line=line, client_unique_id=f"r-{line}", code="call_invalid", reason="No time.", row="…")
            for line in (7, 9)
        ],
    )
    filled.submit("mistaken", [f"gone-{number}" for number in range(100)])
    filled.control.cancel("mistaken")
    filled.ledger.join_fleet("here", calls=4, media=4, ttl_s=3_600)
