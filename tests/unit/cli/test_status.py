"""What `status --json` prints: names and meaning are a contract that stands in docs/json.md."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pipeline.cli.sentences import webhook_sentence
from pipeline.cli.status.table import print_table
from pipeline.cli.watch.lines import plain_lines
from pipeline.cli.watch.scene import Scene
from pipeline.documents import document
from pipeline.events import Standing as WebhookStanding
from pipeline.history import Answered, Endpoint, Minute
from pipeline.job import Lane
from pipeline.ledger import Fleet
from pipeline.overview import Obstacle, Standing
from pipeline.waits import Waits
from tests.clocks import NOON_S
from tests.unit.overviews import (
    make_counts,
    make_gate,
    make_overview,
    make_standing,
    make_upload,
    make_waits,
)
from tests.zones import in_zone

FIELDS = (Path(__file__).parents[3] / "docs" / "json.md").read_text("utf-8")
NOON = "2023-11-14T22:13:20+00:00"


@pytest.fixture(autouse=True)
def zone() -> Iterator[None]:
    with in_zone("UTC"):
        yield


RUNNING = make_counts(
    pending=6, active=1, done=2, dead=3, created=8, uploaded=2, adopted=1, requests=11, created_at=NOON_S - 60
)

CREATE, UPLOAD = (Endpoint.CREATE_CALL, Lane.BACKFILL), (Endpoint.UPLOAD_MEDIA, Lane.LIVE)
LAST_HOUR = (
    Minute(NOON_S - 60, {(*CREATE, Answered.OK): 2, (*CREATE, Answered.RATE_LIMITED): 1}),
    Minute(NOON_S, {(*UPLOAD, Answered.OK): 3}),
)


def test_the_document_has_exactly_these_fields() -> None:
    overview = make_overview(
        RUNNING,
        gate=make_gate(),
        reasons={"calls": {"media_missing": 3}},
        uploads=(make_upload(),),
        last_hour=LAST_HOUR,
        webhook=make_standing(),
        waits={"calls": make_waits()},
    )

    found = document(overview, None)

    assert found == {
        "at": NOON,
        "batches": [
            {
                "batch": "calls",
                "state": "running",
                "total": 12,
                "waiting": 7,
                "pending": 6,
                "active": 1,
                "done": 2,
                "dead": 3,
                "cancelled": 0,
                "rejected": 0,
                "created": 8,
                "uploaded": 2,
                "adopted": 1,
                "requests": 11,
                "rate_limited": 0,
                "requests_left": 11,
                "created_at": "2023-11-14T22:12:20+00:00",
                "first_request_at": None,
                "last_request_at": None,
                "finish_at": "2023-11-14T22:23:23+00:00",
                "obstacle": None,
                "put_off": {
                    "count": 3,
                    "until": "2023-11-14T22:23:20+00:00",
                    "code": "media_unavailable",
                    "message": "The mount\nis gone.",
                },
                "dead_reasons": {"media_missing": 3},
            }
        ],
        "workers": {"count": 2, "processes": {"calls": 4, "media": 4}},
        "limits": {
            "requests_per_second": 3.0,
            "requests_per_day": 10_000,
            "day_window": "rolling",
            "margin": 0.01,
            "live_share": 0.0,
        },
        "requests_today": 5_000,
        "requests_per_day": 10_000,
        "rate": {"requests_per_second": 2.9, "allowed": 2.97},
        "last_hour": {"ok": 5, "429": 1, "4xx": 0, "5xx": 0, "none": 0, "other": 0},
        "gate": {
            "reason": "rate_limited",
            "detail": "The API's limit is reached",
            "mode": "timed",
            "since": "2023-11-14T22:12:20+00:00",
            "until": "2023-11-14T22:23:20+00:00",
            "confirmed": "2023-11-14T22:12:20+00:00",
        },
        "webhook": {
            "waiting": 1_204,
            "delivered": 30,
            "dropped": 2,
            "given_up": 1,
            "failing_since": "2023-11-14T22:12:20+00:00",
            "error": "the receiver answered 500",
            "next_at": "2023-11-14T22:14:20+00:00",
        },
        "uploads": [
            {
                "batch": "calls",
                "client_unique_id": "pbx-1",
                "job_id": "1",
                "sent_bytes": 219_999_999,
                "size_bytes": 512_000_000,
                "worker": "here:7",
                "since": "2023-11-14T22:12:50+00:00",
            }
        ],
    }
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(
    ("standing", "sentence"),
    [
        (None, ""),
        (make_standing(failing_since=None, error="", dropped=0, given_up=0), ""),
        (
            make_standing(dropped=0, given_up=0),
            "events for the webhook: 1,204 wait, it fails since 2023-11-14 22:12: the receiver answered 500",
        ),
        (
            make_standing(failing_since=None, error=""),
            "events for the webhook: 2 were dropped before it took them; 1 were given up: it refused them",
        ),
    ],
)
def test_a_person_is_told_what_the_webhook_does_not_get(
    standing: WebhookStanding | None, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    overview = make_overview(RUNNING, webhook=standing)
    assert webhook_sentence(overview) == sentence

    print_table(Console(width=60), overview, None)
    (line,) = plain_lines(Scene(overview, [RUNNING]))

    assert ("events for the webhook" in capsys.readouterr().out) is bool(sentence)
    assert line.endswith(sentence or "requests/s")


@pytest.mark.parametrize(
    ("waits", "told"),
    [
        (
            make_waits(),
            r", 3 put off, at most until 2023-11-14 22:23:20: media_unavailable: The mount\nis gone.",
        ),
        (make_waits(last_event=None), ""),
        (make_waits(silent=1, silent_s=5.0, last_event=None), ""),
    ],
)
def test_a_person_is_told_what_is_put_off_and_why(
    waits: Waits, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    overview = make_overview(RUNNING, waits={"calls": waits})

    print_table(Console(width=200), overview, None)
    (plain,) = plain_lines(Scene(overview, [RUNNING]))

    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("calls: ")]
    gone = "waiting for 1 lease of a worker that is gone, until 22:13:25, "
    assert line == f"calls: {gone if waits.silent else ''}ends today about 22:23{told}"
    assert line.removeprefix("calls: ") in plain


def test_who_waits_for_its_turn_has_no_code() -> None:
    overview = make_overview(RUNNING, waits={"calls": make_waits(last_event=None)})
    (batch,) = document(overview, None)["batches"]

    assert (batch["put_off"]["count"], batch["put_off"]["code"], batch["put_off"]["message"]) == (
        3,
        None,
        None,
    )


def names_in(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(names_in, value))
    if not isinstance(value, dict):
        return set()
    return set(value).union(*map(names_in, value.values()))


def test_every_field_and_word_is_explained() -> None:
    overview = make_overview(
        RUNNING,
        gate=make_gate(),
        uploads=(make_upload(),),
        webhook=make_standing(),
        waits={"calls": make_waits()},
    )
    found = document(overview, None)
    explained = set(re.findall(r"`(\w+)`", FIELDS))

    words = names_in(found) | {each.value for each in (*Standing, *Obstacle)}
    assert words - explained == set()


@pytest.mark.parametrize(
    ("overrides", "obstacle"),
    [
        ({"gate": make_gate(mode="hand", reason="by_hand")}, "gate"),
        ({"fleet": Fleet(0, 0, 0)}, "workers"),
    ],
)
def test_an_end_that_nobody_knows_is_null_with_the_reason(overrides: dict[str, Any], obstacle: str) -> None:
    (batch,) = document(make_overview(RUNNING, **overrides), None)["batches"]

    assert (batch["finish_at"], batch["obstacle"]) == (None, obstacle)


def test_nobody_knows_until_when_a_gate_is_closed_by_hand() -> None:
    gate = document(make_overview(gate=make_gate(mode="hand", until=0.0)), None)["gate"]

    assert (gate["mode"], gate["until"]) == ("hand", None)


def test_one_batch_may_be_asked_for() -> None:
    overview = make_overview(RUNNING, make_counts(batch="other", pending=1_000))

    (batch,) = document(overview, "other")["batches"]

    assert batch["batch"] == "other"
