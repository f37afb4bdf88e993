"""How long to wait: Retry-After in every form, and the backoff."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.outcome import RETRY_AFTER_CAP_S, backoff_s, retry_after_s

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [
        ("1", 1),
        ("12", 12),
        (" 12 ", 12),
        ("007", 7),
        ("0.2", 1),
        ("1.5", 2),
        ("32400", 32_400),
        ("86400", 86_400),
        ("315360000", 86_400),
        ("9" * 400, 86_400),
        (None, 1),
        ("", 1),
        ("0", 1),
        ("0.0", 1),
        ("-5", 1),
        ("soon", 1),
        ("1e9", 1),
        ("inf", 1),
        ("nan", 1),
        ("\u0661\u0662", 1),
        ("12, 13", 1),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30),
        ("Sunday, 01-Mar-26 12:00:30 GMT", 30),
        ("Sun, 01 Mar 2026 13:00:30 +0100", 30),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 1),
        ("Sun, 01 Mar 2036 12:00:00 GMT", 86_400),
        ("Sun, 01 Mar 2026 12:00:30 -0000", 1),
        ("Sun, 01 Mar 2026", 1),
        ("Sun, 99 Mar 2026 12:00:30 GMT", 1),
        ("Sun, 01 Mar 2026 12:00:30 +99999999999999999999", 1),
    ],
)
def test_retry_after(raw: str | None, seconds: float) -> None:
    assert retry_after_s(raw, now=NOW) == seconds


def test_a_date_without_a_now_is_the_default() -> None:
    assert retry_after_s("Sun, 01 Mar 2026 12:00:30 GMT", default_s=4) == 4


def test_default_and_cap_can_be_chosen() -> None:
    assert retry_after_s("100", cap_s=60) == 60
    assert retry_after_s(None, default_s=3) == 3


@given(st.none() | st.text(max_size=40) | st.integers().map(str) | st.floats().map(str))
def test_retry_after_is_always_a_wait_within_its_bounds(raw: str | None) -> None:
    assert 1 <= retry_after_s(raw, now=NOW) <= RETRY_AFTER_CAP_S


@pytest.mark.parametrize(
    ("attempt", "longest_s"), [(-1, 2), (0, 2), (1, 2), (2, 4), (3, 8), (6, 60), (10_000, 60)]
)
def test_backoff_doubles_up_to_its_cap(attempt: int, longest_s: float) -> None:
    assert backoff_s(attempt, base_s=2, cap_s=60, random=lambda: 1.0) == longest_s
    assert backoff_s(attempt, base_s=2, cap_s=60, random=lambda: 0.25) == longest_s / 4
    assert backoff_s(attempt, base_s=2, cap_s=60, random=lambda: 0.0) == 0


@given(
    attempt=st.integers(-10, 10**9),
    base_s=st.floats(0.001, 1e6),
    cap_s=st.floats(0.001, 1e6),
    share=st.floats(0, 1, exclude_max=True),
)
def test_backoff_is_never_longer_than_its_cap_and_never_shrinks(
    attempt: int, base_s: float, cap_s: float, share: float
) -> None:
    now_s, next_s = (
        backoff_s(each, base_s=base_s, cap_s=cap_s, random=lambda: share) for each in (attempt, attempt + 1)
    )

    assert 0 <= now_s <= next_s <= cap_s
