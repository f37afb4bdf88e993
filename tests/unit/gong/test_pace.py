"""The pace of an upload, in a time of its own."""

from __future__ import annotations

import pytest

from pipeline.gong.pace import Pace, TooSlow
from tests.clocks import Clock

WINDOW_S = 60.0
LEAST = 1000.0


class Upload:
    """An upload that goes as it is told to, looked at every second."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.pace = Pace(bytes_per_s_min=LEAST, window_s=WINDOW_S, clock=self.clock)
        self.sent = 0.0

    def go(self, seconds: int, bytes_per_s: float, *, source_share: float = 0.0) -> None:
        for _ in range(seconds):
            self.clock.advance(1)
            self.sent += bytes_per_s
            self.pace.source_took(source_share)
            self.pace.check(int(self.sent))


@pytest.fixture
def upload() -> Upload:
    return Upload()


def test_what_is_fast_enough_may_take_for_ever(upload: Upload) -> None:
    upload.go(10_000, LEAST)


def test_nothing_is_said_before_a_window_is_over(upload: Upload) -> None:
    upload.go(59, 0)
    with pytest.raises(TooSlow):
        upload.go(1, 0)


def test_a_drip_is_too_slow_after_one_window(upload: Upload) -> None:
    with pytest.raises(TooSlow, match="999 bytes/s over 60 s, less than 1,000"):
        upload.go(60, LEAST - 1)


def test_what_went_fast_before_does_not_count_later(upload: Upload) -> None:
    upload.go(600, 1e6)
    with pytest.raises(TooSlow):
        # A window and the eighth of one by which the oldest sample may be older.
        upload.go(68, LEAST / 2)


def test_a_pause_shorter_than_the_window_is_made_good_by_what_went_around_it(upload: Upload) -> None:
    for _ in range(20):
        upload.go(25, 3 * LEAST)
        upload.go(25, 0)


@pytest.mark.parametrize(
    ("source_share", "by_source"), [(0.0, False), (0.4, False), (0.6, True), (1.0, True)]
)
def test_who_kept_the_other_waiting_is_to_blame(upload: Upload, source_share: float, by_source: bool) -> None:
    with pytest.raises(TooSlow) as slow:
        upload.go(61, 0, source_share=source_share)

    assert slow.value.by_source is by_source


def test_only_what_the_source_took_in_the_window_counts(upload: Upload) -> None:
    upload.go(600, 10 * LEAST, source_share=1.0)
    with pytest.raises(TooSlow) as slow:
        upload.go(68, 0)

    assert not slow.value.by_source


def test_memory_does_not_grow_with_the_time(upload: Upload) -> None:
    upload.go(10_000, LEAST)

    assert len(upload.pace._samples) <= 10
