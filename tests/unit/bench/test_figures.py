from __future__ import annotations

import math
from random import Random

import pytest

from bench.figures import fairness, percentile, use


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1), (0.01, 1), (0.5, 50), (0.501, 51), (0.99, 99), (1.0, 100)]
)
def test_a_percentile_is_a_value_that_occurred(share: float, expected: float) -> None:
    values = list(range(1, 101))
    Random(1).shuffle(values)

    assert percentile(values, share) == expected


def test_nothing_has_no_percentile() -> None:
    assert math.isnan(percentile([], 0.5))


@pytest.mark.parametrize(
    ("counts", "expected"), [([7, 7, 7], 1.0), ([5, 10, 8], 0.5), ([0, 3], 0.0), ([0, 0], 0.0), ([], 0.0)]
)
def test_fairness_is_the_smallest_share_by_the_largest(counts: list[int], expected: float) -> None:
    assert fairness(counts) == expected


def test_an_even_pace_at_the_rate_uses_all_of_it() -> None:
    assert use([number / 3 for number in range(100)], 3, 2.0, 32.5) == 1.0


def test_bunches_at_the_start_of_each_second_use_no_more_than_all() -> None:
    bunches = [float(second) for second in range(20) for _ in range(50)]

    assert use(bunches, 50, 2.0, 19.4) == 1.0


def test_what_came_before_and_after_does_not_count() -> None:
    assert use([0.5, 1.0, 2.2, 3.9, 4.0], 1, 2.0, 4.3) == 1.0


def test_a_span_below_a_second_tells_nothing() -> None:
    assert use([2.1, 2.2], 3, 2.0, 2.9) == 0.0
