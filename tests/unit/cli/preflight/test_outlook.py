"""When a manifest would be done, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.cli.preflight.outlook import Outlook, outlook
from pipeline.forecast import Allowance
from pipeline.preflight import Totals
from pipeline.settings import Settings
from tests.zones import NEW_YORK, in_zone, instant


@pytest.fixture(autouse=True)
def zone() -> Iterator[None]:
    with in_zone(NEW_YORK):
        yield


def make_outlook(uploads: int = 0, links: int = 0, *, used: int = 0, **overrides: Any) -> Outlook:
    now = instant("2026-12-01T13:00")
    allowance = Allowance(now, 3.0, 10_000, 10_000, used=used, granted=(now,))
    return Outlook(uploads, links, 3.0, allowance, **overrides)


def said(of: Outlook) -> str:
    return " ".join(of.sentences())


def test_an_upload_is_two_requests_and_a_link_is_one() -> None:
    assert make_outlook(uploads=10, links=5).requests == 25
    assert make_outlook(uploads=10, links=5).recordings == 15


def test_the_sentences_have_recordings_requests_limits_and_both_days() -> None:
    # Two whole days, and 4,960 requests at 3 a second; half of the requests with links.
    assert said(make_outlook(uploads=12_480, linkable=12_480)) == (
        "12,480 new recordings, 24,960 requests. "
        "At 10,000 requests a day and 3 a second they are done on Thursday 3 December about 13:27; "
        "with links instead of uploads on Wednesday 2 December about 13:13."
    )


def test_links_are_not_compared_with_links() -> None:
    assert "instead" not in said(make_outlook(links=12_480))


def test_where_no_link_can_be_given_none_is_promised() -> None:
    found = make_outlook(uploads=12_480)

    assert "link" not in said(found)
    assert found.done_at_with_links == found.done_at


def test_links_are_promised_for_as_many_as_can_have_one() -> None:
    found = make_outlook(uploads=12_480, linkable=10_000)

    assert "with links instead of uploads for 10,000 of them on Wednesday 2 December about" in said(found)
    assert make_outlook(uploads=12_480, linkable=12_480).done_at_with_links < found.done_at_with_links


def test_batches_that_were_handed_in_before_take_turns_with_it() -> None:
    text = said(make_outlook(links=3_600, queued=(9_000, 1_000)))

    assert "10,000 requests of recordings handed in before take turns with them." in text
    # When its 3,600 are sent the large batch has sent as many, and the small one all of its 1,000.
    assert "are done today about 13:45" in text


def test_nothing_new_is_told_when_all_else_is_done() -> None:
    text = said(make_outlook(queued=(3_000, 300)))

    assert text.startswith("No recording is new. 3,300 requests of recordings handed in before are still to")
    assert text.endswith("they are done today about 13:18.")


def test_what_was_used_of_the_day_comes_back_first() -> None:
    assert "on Wednesday 2 December about 13:01" in said(make_outlook(links=300, used=10_000))


def test_a_gate_that_nobody_knows_the_end_of_has_no_day() -> None:
    text = said(make_outlook(links=300, gate="gate closed by hand"))

    assert text.endswith("Nothing is sent at the moment: gate closed by hand")
    assert "done" not in text


def test_nothing_new_needs_nothing() -> None:
    assert said(make_outlook()) == "No recording is new, so no request is needed."


def test_without_a_ledger_the_settings_give_the_limits() -> None:
    settings = Settings(requests_per_second=5, requests_per_day=700, rate_margin=0.1)

    found = outlook(Totals(rows=9, uploads=2, linkable=1, links=3), settings, None)

    assert (found.uploads, found.linkable, found.links) == (2, 1, 3)
    assert (found.requests_per_second, found.queued) == (5, ())
    allowance = found.allowance
    assert (allowance.pace, allowance.requests_per_day, allowance.budget) == (4.5, 700, 700)
    assert (allowance.live_share, allowance.day_window) == (settings.live_share, "rolling")
