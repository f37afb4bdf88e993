"""When a manifest would be done, in sentences."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipeline.cli.preflight.outlook import Outlook, Pace, outlook, when
from pipeline.preflight import Totals
from pipeline.settings import Settings

NEW_YORK = "America/New_York"


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A person in New York, whose clocks go back on 1 November 2026."""
    monkeypatch.setenv("TZ", NEW_YORK)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def instant(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(NEW_YORK)).timestamp()


def make_outlook(uploads: int = 0, links: int = 0, **pace: Any) -> Outlook:
    limits: dict[str, Any] = {"requests_per_second": 3.0, "requests_per_day": 10_000, "pace": 3.0}
    return Outlook(uploads, links, Pace(**(limits | pace)), instant("2026-12-01T13:00"))


def said(of: Outlook) -> str:
    return " ".join(of.sentences())


def test_an_upload_is_two_requests_and_a_link_is_one() -> None:
    assert make_outlook(uploads=10, links=5).requests == 25
    assert make_outlook(uploads=10, links=5).recordings == 15


def test_the_sentences_have_recordings_requests_limits_and_both_days() -> None:
    # Two whole days, and 4,960 requests at 3 a second; half of the requests with links.
    assert said(make_outlook(uploads=12_480)) == (
        "12,480 new recordings, 24,960 requests. "
        "At 10,000 requests a day and 3 a second they are done on Thursday 3 December about 13:27; "
        "with links instead of uploads on Wednesday 2 December about 13:13."
    )


def test_links_are_not_compared_with_links() -> None:
    assert "instead" not in said(make_outlook(links=12_480))


def test_what_is_queued_and_what_was_used_goes_first() -> None:
    text = said(make_outlook(links=300, queued=10_000, used_today=0))

    assert "10,000 requests of recordings handed in before go first." in text
    assert "on Wednesday 2 December about 13:01" in text
    assert "on Wednesday 2 December" in said(make_outlook(links=300, used_today=10_000))


def test_a_gate_that_nobody_knows_the_end_of_has_no_day() -> None:
    text = said(make_outlook(links=300, gate="gate closed by hand"))

    assert text.endswith("Nothing is sent at the moment: gate closed by hand")
    assert "done" not in text


def test_nothing_new_needs_nothing() -> None:
    assert said(make_outlook()) == "No recording is new, so no request is needed."


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        ("2026-10-31T12:00:30", "in less than a minute"),
        ("2026-10-31T14:20", "today about 14:20"),
        ("2026-11-01T00:30", "on Sunday 1 November about 00:30"),
        # The clocks were changed meanwhile.
        ("2026-12-03T14:20", "on Thursday 3 December about 14:20"),
        ("2027-03-04T14:20", "on Thursday 4 March 2027 about 14:20"),
    ],
)
def test_an_instant_is_told_as_a_person_here_would(then: str, expected: str) -> None:
    assert when(instant(then), instant("2026-10-31T12:00")) == expected


def test_without_a_ledger_the_settings_give_the_limits() -> None:
    settings = Settings(requests_per_second=5, requests_per_day=700, rate_margin=0.1)

    found = outlook(Totals(rows=9, uploads=2, links=3), settings, None)

    assert (found.uploads, found.links) == (2, 3)
    assert found.pace == Pace(5, 700, 4.5)
